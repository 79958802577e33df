"""Which credentials the target aws takes, where they were looked for, and what to type where they are off.

Reads variables and `.env` as they were handed in, and the SSO cache; makes no call and never logs a secret.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handrail import files
from handrail.core.errors import BadCredentials, NotSetUp
from handrail.core.regions import nearest
from handrail.core.words import age
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

_KEY, _SECRET, _TOKEN = KEY_VARIABLES
_FRESH_KEYS = f"export {_KEY}=… {_SECRET}=… {_TOKEN}=…"


@dataclass(frozen=True)
class Identity:
    """Where credentials come from. looked: the way there, in words. mend: the command that renews them.

    profile: the profile in force. named: it must be handed to botocore, which else would not take it. keys: the triple
    that must be handed over. whole_chain: nothing was named, and botocore goes through every place it knows.
    """

    looked: str
    mend: str
    profile: str | None = None
    named: bool = False
    keys: tuple[str, str, str | None] | None = field(default=None, repr=False)
    whole_chain: bool = False

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return the line of an error that says where was looked."""
        return (("looked", self.looked),)


def choose_identity(settings: Settings, environ: Mapping[str, str], dotenv: Dotenv) -> Identity:
    """Return the credentials that the target aws takes (PRODUCT.md section 2; the order is that of `profile_of`).

    Raises BadCredentials where a triple is half set or still holds what `.env.example` does.
    """
    profile, source = profile_of(settings, environ, dotenv)
    if profile is not None:
        return Identity(
            looked=f"{source} → profile {profile}",
            mend=f"aws configure --profile {profile}",
            profile=profile,
            named=not source.startswith(PROFILE_VARIABLES) or DOTENV in source,
        )
    if has_keys(environ):
        _checked_keys(environ, "the environment", "environment")
        return Identity(looked=f"{_KEY} (environment)", mend=_FRESH_KEYS)
    ambient = next((name for name in AMBIENT_VARIABLES if environ.get(name)), None)
    if ambient:
        return Identity(looked=f"{ambient} (environment)", mend=_FRESH_KEYS)
    if has_keys(dotenv.values):
        keys = _checked_keys(dotenv.values, DOTENV, DOTENV)
        return Identity(looked=f"{_KEY} ({DOTENV})", mend=f"put fresh keys into {DOTENV}", keys=keys)
    return Identity(
        looked=f"environment → {DOTENV} → profile default → instance metadata",
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
    return key, secret, token or None


def _incomplete(message: str, name: str, looked: str) -> BadCredentials:
    fix = f"write {name}=… into {DOTENV}" if looked == DOTENV else f"export {name}=…"
    return BadCredentials(message, facts=(("looked", f"{name} ({looked})"),), hint=fix, details={"missing": name})


def check_profile(identity: Identity, config: Config, home: Path, now: datetime | None = None) -> Identity:
    """Return the identity with its profile looked up in the parsed files of `~/.aws`; SSO adds its cache and command.

    config: botocore's `full_config`. Raises BadCredentials on an unknown profile, or a sign-in that is missing or over
    and that nothing can renew. Source: the SSO token cache, botocore.utils.SSOTokenLoader.
    """
    profiles = config.get("profiles", {})
    if identity.profile is not None and identity.profile not in profiles:
        raise _unknown_profile(identity, identity.profile, tuple(profiles))
    start = "default" if identity.whole_chain else identity.profile
    name = start and _sign_in_profile(start, profiles)
    if not name:
        return identity
    signed = replace(identity, looked=f"{identity.looked} → SSO cache", mend=f"aws sso login --profile {name}")
    _check_sign_in(signed, name, profiles[name], home, now or datetime.now(UTC))
    return signed


def _unknown_profile(identity: Identity, name: str, known: tuple[str, ...]) -> BadCredentials:
    near = nearest(name, known)
    return BadCredentials(
        f"there is no profile {name} in ~/.aws.",
        facts=identity.facts,
        hint=f"--profile {near}, or {identity.mend}" if near else identity.mend,
        details={"nearest": near or None},
    )


def _sign_in_profile(name: str, profiles: Mapping[str, Any]) -> str | None:
    """Return the SSO profile that this one is, or whose role it takes by `source_profile`; None where there is none."""
    for _ in range(5):
        profile = profiles.get(name, {})
        if "sso_account_id" in profile or "sso_role_name" in profile:
            return name
        name = profile.get("source_profile", "")
    return None


def _check_sign_in(identity: Identity, name: str, profile: Mapping[str, Any], home: Path, now: datetime) -> None:
    session = profile.get("sso_session")
    cache_key = hashlib.sha1(str(session or profile.get("sso_start_url", "")).encode(), usedforsecurity=False)
    token = _token(home / ".aws" / "sso" / "cache" / f"{cache_key.hexdigest()}.json")
    expires = _moment(token.get("expiresAt"))
    if expires is None:
        raise BadCredentials(f"profile {name} is not signed in.", facts=identity.facts, hint=identity.mend)
    if expires <= now and not (session and _renewable(token, now)):
        raise BadCredentials(
            f"the sign-in of profile {name} expired {age(expires, now)} ago.",
            facts=identity.facts,
            hint=identity.mend,
            details={"expired_at": expires.isoformat()},
        )


def _token(path: Path) -> dict[str, Any]:
    try:
        token = json.loads(files.read(path) or b"{}")
    except (ValueError, NotSetUp):
        return {}
    return token if isinstance(token, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text).replace("UTC", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _renewable(token: Mapping[str, Any], now: datetime) -> bool:
    registered_until = _moment(token.get("registrationExpiresAt"))
    keys = ("refreshToken", "clientId", "clientSecret")
    return all(key in token for key in keys) and registered_until is not None and registered_until > now
