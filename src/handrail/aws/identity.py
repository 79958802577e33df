"""Which credentials the target aws takes, where they were looked for, and what to type where they are off.

Reads variables and `.env` as they were handed in, and the SSO cache; bounds how long their sources are waited for.
Makes no call and never logs a secret.
"""

import hashlib
import json
import re
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handrail import files
from handrail.aws.unanswered import Side
from handrail.core.amounts import age
from handrail.core.errors import BadCredentials, HandrailError
from handrail.core.nearest import nearest
from handrail.core.redaction import secrets_in_text
from handrail.core.shell import option
from handrail.settings import (
    AMBIENT_VARIABLES,
    DOTENV,
    KEY_VARIABLES,
    PLACEHOLDERS,
    PROFILE_VARIABLES,
    Dotenv,
    Settings,
    has_keys,
    profile_of,
)

Config = Mapping[str, Mapping[str, Any]]

# Credentials that can't be had must say so within 3 s.
METADATA_SECONDS, METADATA_ATTEMPTS = 1, 1
CONTAINER_SECONDS, CONTAINER_ATTEMPTS, CONTAINER_PAUSE = 0.8, 2, 0.1

_KEY, _SECRET, _TOKEN = KEY_VARIABLES
_FRESH_KEYS = f"export {_KEY}=… {_SECRET}=… {_TOKEN}=…"
_LAST_RESORT = " → instance metadata"
_SSO = "sso"
# Keys of a profile that name something else which has the credentials, and what each takes.
_HELPERS = {"web_identity_token_file": "FILE", "credential_process": "PROGRAM"}


@dataclass(frozen=True)
class Identity(Side):
    """Where credentials come from.

    named: the profile must be handed to botocore, which else would not take it. keys: the triple that must be handed
    over. whole_chain: nothing was named, and botocore goes through every place it knows.
    """

    named: bool = False
    keys: tuple[str | None, ...] = field(default=(), repr=False)
    whole_chain: bool = False


def choose_identity(settings: Settings, environ: Mapping[str, str], dotenv: Dotenv) -> Identity:
    """Return the credentials that the target aws takes (PRODUCT.md section 2; the order is that of `profile_of`).

    Raises BadCredentials where a triple is half set or still holds what `.env.example` does.
    """
    profile, source = profile_of(settings, environ, dotenv)
    if profile is not None:
        return Identity(
            looked=f"{source} → profile {profile}",
            mend=f"aws configure {option('--profile', profile)}",
            profile=profile,
            named=not source.startswith(PROFILE_VARIABLES) or DOTENV in source,
        )
    if has_keys(environ):
        _checked_keys(environ, "the environment", "environment")
        return Identity(looked=f"{_KEY} (environment)", mend=_FRESH_KEYS)
    ambient = next((name for name in AMBIENT_VARIABLES if environ.get(name)), None)
    if ambient:
        return Identity(looked=f"{ambient} (environment)", mend=f"export {ambient}=…, or unset {ambient}")
    if has_keys(dotenv.values):
        keys = _checked_keys(dotenv.values, DOTENV, DOTENV)
        return Identity(looked=f"{_KEY} ({DOTENV})", mend=f"put fresh keys into {DOTENV}", keys=keys)
    return Identity(
        looked=f"environment → {DOTENV} → profile default{_LAST_RESORT}",
        mend="aws configure, or `handrail use sandbox` for the sandbox, which needs no account",
        whole_chain=True,
    )


def _checked_keys(values: Mapping[str, str], place: str, looked: str) -> tuple[str, str, str | None]:
    key, secret, token = (values.get(name, "") for name in KEY_VARIABLES)
    token = token or values.get("AWS_SECURITY_TOKEN", "")
    for name, placeholder in PLACEHOLDERS.items():
        if values.get(name) == placeholder:
            raise _incomplete(f"{name} in {place} still holds the placeholder of .env.example.", name, looked)
    for name, value in ((_KEY, key), (_SECRET, secret)):
        if not value:
            there = " and ".join(other for other in KEY_VARIABLES if values.get(other))
            raise _incomplete(f"{name} is missing: {place} has {there} only.", name, looked)
    if key.startswith("ASIA") and not token:
        raise _incomplete(f"{_TOKEN} is missing: {_KEY} in {place} is a temporary key (ASIA…).", _TOKEN, looked)
    for name in (*KEY_VARIABLES, "AWS_SECURITY_TOKEN"):
        if fault := _stray(values.get(name, "")):
            raise _incomplete(f"{name} in {place} has {fault} in it, which no key has.", name, looked)
    return key, secret, token or None


def _incomplete(message: str, name: str, looked: str) -> BadCredentials:
    fix = f"write {name}=… into {DOTENV}" if looked == DOTENV else f"export {name}=…"
    return Identity(f"{name} ({looked})", fix).bad(message, missing=name)


# What gets into a key when it is copied, and what no header of a request could say.
_STRAY = (
    (re.compile(r"[\r\n]"), "a line end"),
    (re.compile(r"\t"), "a tab"),
    (re.compile(r"\s"), "a space"),
    (re.compile(r"[^!-~]"), "a character that is not printable ASCII"),
)


def _stray(value: str) -> str:
    return next((what for pattern, what in _STRAY if pattern.search(value)), "")


def check_sendable(identity: Identity, credentials: Any, source: str) -> None:
    """Raise BadCredentials where a key, as its source gave it, is no text, or holds what no request can say.

    credentials: frozen ones of botocore. source: where they came from, in words. Names the place, and never the value.
    """
    parts = {"access key id": credentials.access_key, "secret key": credentials.secret_key, "token": credentials.token}
    for name, value in parts.items():
        if name == "token" and value in (None, ""):  # what does not pass needs none
            continue
        if not isinstance(value, str) or not value:
            raise identity.bad(f"{source} gave no credentials: its {name} is {_not_text(value)}.")
        if fault := _stray(value):
            raise identity.bad(f"the {name} that {source} gives has {fault} in it, which no key has.")


def _not_text(value: object) -> str:
    return "empty" if value in (None, "") else "no text"


def check_profile(identity: Identity, config: Config, home: Path, now: datetime | None = None) -> Identity:
    """Return the identity with its profile looked up in the parsed files of `~/.aws`; what it takes its credentials
    from (SSO, a program, a token file) adds its place and its command.

    config: botocore's `full_config`. Raises BadCredentials on an unknown profile, or a sign-in that is missing or over
    and that nothing can renew. Source: the SSO token cache, botocore.utils.SSOTokenLoader.
    """
    profiles = config.get("profiles", {})
    if identity.profile is not None and identity.profile not in profiles:
        raise _unknown_profile(identity, identity.profile, tuple(profiles))
    start = "default" if identity.whole_chain else identity.profile
    name, key = _source_of(start, profiles) if start else ("", "")
    looked = identity.looked.removesuffix(_LAST_RESORT)  # which is not asked where a profile says something
    if key == _SSO:
        signed = replace(identity, looked=f"{looked} → SSO cache", mend=f"aws sso login {option('--profile', name)}")
        _check_sign_in(signed, name, profiles[name], home, now or datetime.now(UTC))
        return signed
    if key:
        mend = f"aws configure set {key} {_HELPERS[key]} {option('--profile', name)}"
        return replace(identity, looked=f"{looked} → {key}", mend=mend)
    return identity


def _unknown_profile(identity: Identity, name: str, known: tuple[str, ...]) -> BadCredentials:
    near = nearest(name, known)
    hint = f"{option('--profile', near)}, or {identity.mend}" if near else ""
    return identity.bad(f"there is no profile {name} in ~/.aws.", hint, nearest=near or None)


def _source_of(name: str, profiles: Mapping[str, Any]) -> tuple[str, str]:
    """Return where a profile's credentials come from if not from itself: the profile that says so, and by which key.

    That is the profile itself, or the one whose role it takes by `source_profile`; empty where there is none. The order
    of the keys is that in which botocore asks them.
    """
    for _ in range(5):
        profile = profiles.get(name, {})
        if "web_identity_token_file" in profile:
            return name, "web_identity_token_file"
        if "sso_account_id" in profile or "sso_role_name" in profile:
            return name, _SSO
        if "credential_process" in profile and "aws_access_key_id" not in profile:
            return name, "credential_process"
        name = profile.get("source_profile", "")
    return "", ""


def _check_sign_in(identity: Identity, name: str, profile: Mapping[str, Any], home: Path, now: datetime) -> None:
    session = profile.get("sso_session")
    cache_key = hashlib.sha1(str(session or profile.get("sso_start_url", "")).encode(), usedforsecurity=False)
    token = _token(home / ".aws" / "sso" / "cache" / f"{cache_key.hexdigest()}.json")
    expires = _moment(token.get("expiresAt"))
    if expires is None or "accessToken" not in token:
        raise identity.bad(f"profile {name} is not signed in.")
    for key in ("accessToken", *_RENEWING):
        value = token.get(key, "none")
        if not isinstance(value, str) or not value or _stray(value):
            raise identity.bad(f"the sign-in of profile {name} can't be used: its {key} is no token.")
    if expires <= now and not (session and _renewable(token, now)):
        ago = age(expires, now)
        raise identity.bad(f"the sign-in of profile {name} expired {ago} ago.", expired_at=expires.isoformat())


def _token(path: Path) -> dict[str, Any]:
    try:
        token = json.loads(files.read(path) or b"{}")
    except (ValueError, RecursionError, HandrailError):
        return {}
    return token if isinstance(token, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text).replace("UTC", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_RENEWING = ("refreshToken", "clientId", "clientSecret")


def _renewable(token: Mapping[str, Any], now: datetime) -> bool:
    registered_until = _moment(token.get("registrationExpiresAt"))
    return all(key in token for key in _RENEWING) and registered_until is not None and registered_until > now


# ---- how the sources are asked


@dataclass(frozen=True)
class Patience:
    """Seconds after which a person is told what is waited for: a call, a program that has the credentials (source).

    limit: seconds until such a program is given up.
    """

    call: float = 5
    source: float = 3
    # A credential_process may ask for a code by a window of its own: a minute is enough to find the phone, and a script
    # does not hang for ever.
    limit: float = 60


@dataclass(frozen=True)
class Person:
    """Whom a connection may speak to. ask: reads an MFA code; None: nobody can be asked. say: takes a note.

    hide: takes the secrets that come to hand, which are never to be said.
    """

    ask: Callable[[str], str] | None = None
    say: Callable[[str], None] = lambda text: None
    hide: Callable[..., None] = lambda *values: None
    patience: Patience = Patience()
    _told: set[str] = field(default_factory=set)

    def wait(self, what: str, note: float, limit: float) -> threading.Timer:
        """Return the timer that says once what is waited for, in `note` seconds, unless it is cancelled.

        limit: the seconds after which it is given up.
        """
        timer = threading.Timer(note, self._tell, (what, limit))
        timer.daemon = True
        timer.start()
        return timer

    def _tell(self, what: str, limit: float) -> None:
        if what not in self._told:
            self._told.add(what)
            self.say(f"waiting for {what}; given up after {limit:g} s")


NOBODY = Person()


def govern_sources(session: Any, identity: Identity, person: Person) -> None:
    """Let a botocore session ask its sources of credentials by our rules; before it has asked the first.

    An MFA code is asked of the person, and not by getpass, which would hang a script. No source is waited for without
    end: botocore gives a container's 9 s and a program for ever. Raises nothing now; the sources raise BadCredentials.
    """
    from botocore.credentials import ProcessProvider
    from botocore.httpsession import URLLib3Session

    def refuse(prompt: str) -> str:
        profile = identity.profile or "default"
        raise identity.bad(
            f"profile {profile} needs an MFA code, and nobody can be asked.",
            hint=f'eval "$(aws configure export-credentials {option("--profile", profile)} --format env)"',
        )

    def start(words: list[str], **streams: Any) -> _Program:
        return _Program(subprocess.Popen(words, **streams), identity, person)

    session.set_config_variable("metadata_service_timeout", METADATA_SECONDS)
    session.set_config_variable("metadata_service_num_attempts", METADATA_ATTEMPTS)
    chain = session.get_component("credential_provider")
    roles = chain.get_provider("assume-role")
    roles._prompter = person.ask or refuse
    chain.get_provider("custom-process")._popen = start
    # A profile whose role is taken with another's credentials gets a provider of its own for those.
    roles._profile_provider_builder._create_process_provider = lambda profile: ProcessProvider(
        profile, lambda: session.full_config, popen=start
    )
    fetcher = chain.get_provider("container-role")._fetcher
    fetcher._session = URLLib3Session(timeout=CONTAINER_SECONDS)
    fetcher.RETRY_ATTEMPTS, fetcher.SLEEP_TIME = CONTAINER_ATTEMPTS, CONTAINER_PAUSE


# No pattern knows the passwords and tokens of foreign programs, which say them when they fail.
_NOT_SHOWN = b"it failed, and what it says is not shown, as keys may stand in it; run it yourself to see"


class _Program:
    """A program that has the credentials (credential_process), as botocore runs it, but not for ever."""

    def __init__(self, process: "subprocess.Popen[bytes]", identity: Identity, person: Person) -> None:
        self._process, self._identity, self._person = process, identity, person

    @property
    def returncode(self) -> int | None:
        """Return its exit code."""
        return self._process.returncode

    def communicate(self) -> tuple[bytes, bytes]:
        """Return what it printed, the keys in it hidden, and whether it said anything on stderr.

        Raises BadCredentials where it takes too long; it is ended then.
        """
        patience = self._person.patience
        waiting = self._person.wait(f"credentials ({self._identity.looked})", patience.source, patience.limit)
        try:
            with self._process:  # which closes the pipes: what the program itself started may hold them open for ever
                try:
                    out, err = self._process.communicate(timeout=patience.limit)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    raise
            self._person.hide(*secrets_in_text(out.decode(errors="replace")))
            return out, _NOT_SHOWN if err.strip() else err
        except subprocess.TimeoutExpired:
            failure = f"credential_process gave nothing within {patience.limit:g} s, and was ended."
            raise self._identity.bad(failure) from None
        finally:
            waiting.cancel()
