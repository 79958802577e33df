"""What this command was told, and where: flag > environment > .env > user file > default. Chooses; calls nothing."""

import configparser
import ipaddress
import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from handrail import files
from handrail.core.errors import BadCredentials, HandrailError, NotSetUp, Usage
from handrail.core.fields import Field, Type, flag, refuse_empty, show, text
from handrail.core.nearest import nearest
from handrail.core.regions import DEFAULT_REGION, check_region
from handrail.core.shell import line, word
from handrail.files import Folders

OUTPUTS = ("table", "json", "csv", "yaml")
TARGETS = ("sandbox", "aws")

DOTENV = ".env"
KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")  # in botocore's order
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"  # and AWS_ENDPOINT_URL_EC2 and so on, for one service
DOTENV_VARIABLES = (*KEY_VARIABLES, "AWS_PROFILE", *REGION_VARIABLES)
# What `.env.example` holds where a secret belongs; tests/meta/test_env_example.py compares them.
PLACEHOLDERS = {"AWS_ACCESS_KEY_ID": "your-access-key-id", "AWS_SECRET_ACCESS_KEY": "your-secret-access-key"}

# Credentials that the environment hands over without a key in it (containers, Kubernetes, CI).
AMBIENT_VARIABLES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)

OWN_PREFIX = "HANDRAIL_"
LEASE_PREFIX = "HANDRAIL_LEASE_"
LEASE_TIMES = ("L", "W", "V", "E")

POLICY_FILE = "handrail.toml"
AWS_FILE_LIMIT = 16 * 1024 * 1024  # bytes; some have thousands of generated profiles

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True)
class Settings:
    """What was said for this command; None: nobody said. `sources` has who said it, see `source`.

    verbose: 0 to 2. policy, log_file: absolute paths. color: whether colour may be used where a terminal is.
    """

    output: str | None = None
    query: str | None = None
    target: str | None = None
    profile: str | None = None
    region: str | None = None
    policy: Path | None = None
    yes: bool = False
    no_input: bool = False
    quiet: bool = False
    verbose: int = 0
    log_file: Path | None = None
    color: bool = True
    home_region: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def source(self, name: str) -> str:
        """Return who said it: `--region`, `AWS_REGION (environment)`, `.env`, `profile team`, `policy`, `default`."""
        return self.sources.get(name, "default")


@dataclass(frozen=True)
class Dotenv:
    """What `.env` of the working folder says, as far as it is read at all.

    values: of DOTENV_VARIABLES, those with a value. ignored: names of others that would matter. warnings: sentences.
    """

    path: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


NO_DOTENV = Dotenv()


@dataclass(frozen=True)
class TargetChoice:
    """Where the command goes (`sandbox` or `aws`), and why."""

    target: str
    reason: str


class TargetNotChosen(Usage):
    """AWS credentials are visible and nobody said which target; `seen` names what is visible."""

    code = "target_not_chosen"

    def __init__(self, seen: tuple[str, ...]) -> None:
        super().__init__(
            "AWS credentials are visible here, and no target was chosen.",
            facts=(("seen", "\n".join(seen)),),
            hint="say --target sandbox or --target aws; `handrail use sandbox` remembers it",
            details={"seen": list(seen)},
        )
        self.seen = seen


@dataclass(frozen=True)
class PolicyFile:
    """One policy that holds. data: TOML. label: its name in messages. narrows: it can only take away."""

    data: bytes
    label: str
    path: Path | None
    narrows: bool = False


BUILT_IN = PolicyFile(data=b"", label="built-in strict", path=None)


# ---- what was said


@dataclass(frozen=True)
class Setting:
    """How one setting is said. field: its option; variables: in their order; in_file: the user file may say it."""

    name: str
    read: Callable[[object, str], Any]
    field: Field[Any]
    variables: tuple[str, ...]
    in_file: bool = False


def _text(value: object, source: str) -> str:
    if not isinstance(value, str):
        raise Usage(f"{source} takes text, not {show(value)}.", hint=f"{source}: put the value in quotes")
    return value


def _one_of(words: tuple[str, ...]) -> Callable[[object, str], str]:
    def read(value: object, source: str) -> str:
        if value in words:
            return str(value)
        raise _none_of(words, str(value), source, f"{source} can't be {show(value)}.")

    return read


def _none_of(words: tuple[str, ...], word: str, taker: str, message: str, **details: object) -> Usage:
    near = nearest(word, words)
    hint = f"did you mean {near}? " if near else ""
    return Usage(message, hint=f"{hint}{taker} takes {', '.join(words)}", details={**details, "nearest": near or None})


def _switch(value: object, source: str) -> bool:
    if isinstance(value, bool):
        return value
    return _one_of((*_TRUE, *_FALSE))(str(value).strip().lower(), source) in _TRUE


def _unset_switch(value: object, source: str) -> bool:
    return not _switch(value, source)


def _level(value: object, source: str) -> int:
    if isinstance(value, int):
        return min(value, 2)
    return int(_one_of(("0", "1", "2"))(value, source))


def _path(value: object, source: str) -> Path:
    return Path(_text(value, source)) if not isinstance(value, Path) else value


def _region(value: object, source: str) -> str:
    return check_region(_text(value, source), source)


def _home_region(value: object, source: str) -> str:
    try:
        return _region(value, source)
    except Usage as error:  # which advises --region: that would not help here
        variable = source.partition(" ")[0]
        error.hint = f"export {variable}={error.details.get('nearest') or DEFAULT_REGION}"
        raise


def _setting(
    name: str, read: Callable[[object, str], Any], field: Field[Any], *further: str, in_file: bool = False
) -> Setting:
    field.name = field.name or name
    return Setting(name, read, field, (f"HANDRAIL_{field.name.upper()}", *further), in_file)


_SHOWN, _MORE = "table, json, csv or yaml", "say more: -v calls and retries, -vv everything"
SETTINGS = (
    _setting("output", _one_of(OUTPUTS), text(_SHOWN, metavar="FORMAT", choices=OUTPUTS, aliases=("o",)), in_file=True),
    _setting("query", _text, text("print only what this expression finds", metavar="JMESPATH")),
    _setting("target", _one_of(TARGETS), text("sandbox or aws", metavar="TARGET", choices=TARGETS), in_file=True),
    _setting("profile", _text, text("AWS profile", metavar="NAME"), *PROFILE_VARIABLES, in_file=True),
    _setting("region", _region, text("AWS region", metavar="REGION"), *REGION_VARIABLES),
    _setting("policy", _path, text("policy file", type=Type.FILE, metavar="FILE")),
    _setting("yes", _switch, flag("answer every question with yes", aliases=("y",))),
    _setting("no_input", _switch, flag("never ask: fail instead")),
    _setting("quiet", _switch, flag("say only results, warnings and errors", aliases=("q",))),
    _setting("verbose", _level, Field(help=_MORE, type=Type.LEVEL, aliases=("v",))),
    _setting("log_file", _path, text("write the log there", type=Type.FILE, metavar="FILE")),
    _setting("color", _unset_switch, flag("no colour", name="no_color")),
    _setting("home_region", _home_region, text("the region of the ledger; the policy may say it too (home_region)")),
)
OPTIONS = tuple(setting.field for setting in SETTINGS[:-1])
"""What every command takes; the home region is an account's, and no option says it."""

_FILE_KEYS = tuple(setting.name for setting in SETTINGS if setting.in_file)


def load(
    flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path, folders: Folders | None = None
) -> Settings:
    """Return what flags, environment and user file say; `.env` and profiles come later, when the target is known.

    flags: by the names of the options (OPTIONS); None, False and 0 mean not given. Relative paths count from `cwd`.
    Raises Usage on a bad value (naming who said it, and the nearest good one) or a bad user file.
    """
    for name in sorted(name for name in environ if name.startswith(OWN_PREFIX)):
        if not environ[name]:  # a policy that it should have named must not be missed in silence
            raise Usage(f"{name} is empty.", hint=f"unset {name}, or give it a value", details={"variable": name})
    user = read_user_file((folders or files.find_folders(environ)).settings)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        said = _said(setting, flags, environ, user)
        if said is not None:
            value, source = said
            refuse_empty(source, value)
            values[setting.name], sources[setting.name] = setting.read(value, source), source
    if "color" not in values and environ.get("NO_COLOR"):
        values["color"], sources["color"] = False, "NO_COLOR (environment)"
    for name in ("policy", "log_file"):
        if name in values:
            values[name] = cwd / values[name]
    return Settings(**values, sources=sources)


def _said(
    setting: Setting, flags: Mapping[str, object], environ: Mapping[str, str], user: "UserFile"
) -> tuple[object, str] | None:
    given = flags.get(setting.field.name)
    if given is not None and given is not False and given != 0:
        return given, setting.field.option
    for variable in setting.variables:
        if environ.get(variable):
            return environ[variable], f"{variable} (environment)"
    if setting.in_file and setting.name in user.values:
        return user.values[setting.name], f"{setting.name} in {user.path}"
    return None


# ---- the user file


@dataclass(frozen=True)
class UserFile:
    """The user file's values, by key."""

    path: Path
    values: Mapping[str, object]


def read_user_file(path: Path) -> UserFile:
    """Return what the user file says, nothing where there is none.

    Raises Usage where it is not TOML or has a key that is none, naming the line and the nearest key.
    """
    text = _decoded(files.read(path) or b"", path)
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Usage(f"{path} is not valid TOML: {error}.", hint=f"mend that line, or: {line('rm', path)}") from error
    for key in values:
        if key not in _FILE_KEYS:
            raise _unknown_key(path, text, key)
    return UserFile(path, values)


def remember(folders: Folders, target: str, profile: str | None = None) -> Path:
    """Write the target, and the profile or that there is none, into the user file; return its path.

    Other lines stay as they are. Raises Usage where the file is broken, NotSetUp where it can't be written.
    """
    path = folders.settings
    read_user_file(path)
    lines = _decoded(files.read(path) or b"", path).splitlines()
    kept = [line for line in lines if not re.match(r"\s*['\"]?(target|profile)['\"]?\s*=", line)]
    said = {"target": target, "profile": profile}
    new = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in said.items() if value]
    files.write(path, ("\n".join([*new, *kept]) + "\n").encode())
    return path


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Usage(
            f"{path} is not a text file.", hint=f"{line('rm', path)}, or write it anew with `handrail use`"
        ) from None


def _unknown_key(path: Path, text: str, key: str) -> HandrailError:
    lines = text.splitlines()
    pattern = re.compile(rf"\s*\[*\s*['\"]?{re.escape(key)}\b")
    line = next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 0)
    message = f"{path}, line {line}: {show(key)} is not a setting."
    return _none_of(_FILE_KEYS, key, path.name, message, line=line)


# ---- .env


def read_dotenv(cwd: Path) -> Dotenv:
    """Return what `.env` in the working folder says. Needed for the target aws, and to choose a target; never for the
    sandbox.

    Only DOTENV_VARIABLES are read: a cloned repository must not redirect anybody's credentials. Raises NotSetUp where
    it is not text, Usage where it can't be read or is no file of a bearable length. A virtual environment of that name
    counts as none.
    """
    path = cwd / DOTENV
    if os.path.isfile(path / "pyvenv.cfg"):  # noqa: PTH113  Path.is_file() raises where the folder may not be entered
        return NO_DOTENV
    data = files.read(path)
    if data is None:
        return NO_DOTENV
    bindings, broken = _parsed_dotenv(data, path)
    ignored = tuple(name for name in bindings if _matters(name))
    return Dotenv(
        path=path,
        values={name: value for name in DOTENV_VARIABLES if (value := bindings.get(name))},
        ignored=ignored,
        warnings=(*_exposed(path), *_ignored(ignored), *broken),
    )


def _parsed_dotenv(data: bytes, path: Path) -> tuple[dict[str, str | None], tuple[str, ...]]:
    import io

    # The parser behind dotenv_values(interpolate=False), which would print its own warnings to the log.
    from dotenv.parser import parse_stream

    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise NotSetUp(
            f"{path} is not a text file.", hint="write it anew: cp .env.example .env", code="file_unreadable"
        )
    bindings = list(parse_stream(io.StringIO(text)))
    broken = tuple(f"{DOTENV}, line {item.original.line}: not NAME=value, ignored" for item in bindings if item.error)
    return {item.key: item.value for item in bindings if item.key is not None}, broken


def _matters(name: str) -> bool:
    return name not in DOTENV_VARIABLES and name.startswith(("AWS_", "HANDRAIL_", "BOTO_"))


def _exposed(path: Path) -> tuple[str, ...]:
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        return (f"others can read {DOTENV}: chmod 600 {DOTENV}",)
    return ()


def _ignored(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return ()
    verb = "is" if len(names) == 1 else "are"
    return (f"{', '.join(names)} in {DOTENV} {verb} ignored: only the environment and options can say that",)


# ---- the target


def choose_target(settings: Settings, environ: Mapping[str, str], dotenv: Dotenv, home: Path) -> TargetChoice:
    """Return the target that was chosen; else the sandbox, but only where nothing of AWS is visible.

    dotenv: NO_DOTENV does where `settings.target` is set. Raises TargetNotChosen otherwise (PRODUCT.md section 2).
    """
    if settings.target is not None:
        return TargetChoice(settings.target, settings.source("target"))
    seen = visible_aws(settings, environ, dotenv, home)
    if seen:
        raise TargetNotChosen(seen)
    return TargetChoice("sandbox", "no AWS credentials are visible")


def visible_aws(settings: Settings, environ: Mapping[str, str], dotenv: Dotenv, home: Path) -> tuple[str, ...]:
    """Return the names of what speaks of AWS here: options, variables, `.env` and files of `~/.aws`."""
    return (
        *((settings.source("profile"),) if settings.profile else ()),
        *(f"{name} (environment)" for name in environ if environ[name] and _speaks_of_aws(name)),
        *(f"{name} ({DOTENV})" for name in (*dotenv.values, *dotenv.ignored) if _speaks_of_aws(name, profile=True)),
        *(str(path) for path in aws_files(environ, home) if _has_sections(path)),
    )


def aws_files(environ: Mapping[str, str], home: Path) -> tuple[Path, Path]:
    """Return the shared credentials file and the config file that the AWS tools read."""
    credentials = environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    config = environ.get("AWS_CONFIG_FILE") or "~/.aws/config"
    return _from_home(credentials, home), _from_home(config, home)


def _from_home(path: str, home: Path) -> Path:
    return home / path.removeprefix("~/") if path.startswith("~/") else Path(path)


def _speaks_of_aws(name: str, profile: bool = False) -> bool:
    # A profile of the environment is in Settings, and named from there.
    keys = (*KEY_VARIABLES, "AWS_SECURITY_TOKEN", *AMBIENT_VARIABLES, *(PROFILE_VARIABLES if profile else ()))
    return name in keys or name.startswith(ENDPOINT_VARIABLE)


def _has_sections(path: Path) -> bool:
    try:
        data = files.read(path, stream=True, limit=AWS_FILE_LIMIT)
    except HandrailError:
        return True
    return data is not None and re.search(rb"^\s*\[", data, re.MULTILINE) is not None


# ---- the endpoints

_ENDPOINTS = (ENDPOINT_VARIABLE, "AWS_EC2_METADATA_SERVICE_ENDPOINT")
_NO_URL = "no URL to which one can connect, such as https://host:port"
# As botocore takes one: botocore.utils.is_valid_endpoint_url; compared by a test.
_HOST = re.compile(r"((?!-)[A-Za-z\d-]{1,63}(?<!-)\.)*(?!-)[A-Za-z\d-]{1,63}(?<!-)\.?")


def check_endpoints(environ: Mapping[str, str]) -> None:
    """Raise Usage where one of the variables that move AWS's endpoints, for all services or for one, is no URL.

    The value is not shown: what is no URL has no place of which one could say that a password ends there.
    """
    for name in sorted(name for name in environ if name.startswith(_ENDPOINTS) and environ[name]):
        if not is_url(environ[name]):
            raise Usage(f"{name} is {_NO_URL}.", hint=f"unset {name}", details={"variable": name})


def check_configured_endpoints(profile: str, urls: Mapping[str, Any]) -> None:
    """Raise Usage where one of the endpoints that a profile takes is no URL.

    urls: as botocore parses them, by the words that name them. The value is not shown, nor what botocore says of it.
    """
    for what, url in urls.items():
        if url and not (isinstance(url, str) and is_url(url)):
            raise Usage(
                f"the {what} that profile {profile} takes is {_NO_URL}.",
                hint=f"mend it in the section of {profile} in ~/.aws/config, or in the one of services that it names",
                details={"profile": profile},
            )


def is_url(text: str) -> bool:
    """Return whether text is a URL to which one can connect."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or parts.port == 0 or re.search(r"\s", text):
            return False
        if ":" in host:
            ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return ":" in host or (len(host) <= 255 and _HOST.fullmatch(host) is not None)


# ---- the region


def choose_region(
    settings: Settings,
    target: str,
    environ: Mapping[str, str],
    dotenv: Dotenv,
    home: Path,
    fallback: str | None = None,
) -> Settings:
    """Return the settings with a region and its source: what was said, `.env`, the profile, the policy, the default.

    The sandbox looks at neither `.env` nor profiles. fallback: the policy's `home_region`. Raises Usage on a region
    that is none.
    """
    if settings.region is not None:
        return settings
    found = (_region_beside(settings, environ, dotenv, home) if target == "aws" else None) or (
        (fallback, "policy") if fallback else (DEFAULT_REGION, "default")
    )
    region, source = found
    return replace(settings, region=check_region(region, source), sources={**settings.sources, "region": source})


def _region_beside(
    settings: Settings, environ: Mapping[str, str], dotenv: Dotenv, home: Path
) -> tuple[str, str] | None:
    for name in REGION_VARIABLES:
        if name in dotenv.values:
            return dotenv.values[name], DOTENV
    profile = profile_of(settings, environ, dotenv)[0] or "default"
    region = _profile_region(profile, environ, home)
    return (region, f"profile {profile}") if region else None


def has_keys(environ: Mapping[str, str]) -> bool:
    """Return whether any of the credential triple has a value there."""
    return any(environ.get(name) for name in KEY_VARIABLES)


def profile_of(settings: Settings, environ: Mapping[str, str], dotenv: Dotenv) -> tuple[str | None, str]:
    """Return the profile in force on the target aws and who named it; None where keys come before any profile.

    Order: --profile or HANDRAIL_PROFILE; keys of the environment; AWS_PROFILE; other credentials of the environment;
    keys of `.env`; AWS_PROFILE of `.env`; the user file. Source: PRODUCT.md section 2; botocore's own chain.
    """
    source = settings.source("profile")
    if source.startswith(("--profile", "HANDRAIL_PROFILE")):
        return settings.profile, source
    if has_keys(environ):
        return None, ""
    if source.startswith(PROFILE_VARIABLES):
        return settings.profile, source
    if any(environ.get(name) for name in AMBIENT_VARIABLES) or has_keys(dotenv.values):
        return None, ""
    if "AWS_PROFILE" in dotenv.values:
        return dotenv.values["AWS_PROFILE"], f"AWS_PROFILE ({DOTENV})"
    return settings.profile, source


def _profile_region(profile: str, environ: Mapping[str, str], home: Path) -> str | None:
    credentials, config = aws_files(environ, home)
    for path, section in ((config, profile if profile == "default" else f"profile {profile}"), (credentials, profile)):
        region = _ini(path).get(section, "region", fallback=None)
        if region:
            return region
    return None


def _ini(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    try:
        data = files.read(path, stream=True, limit=AWS_FILE_LIMIT) or b""
    except Usage as error:  # it is AWS's file and not ours: the sign-in is not set up
        raise NotSetUp(error.message, hint=error.hint, code=error.slug) from error
    try:
        parser.read_string(data.decode())
    except (configparser.Error, UnicodeDecodeError) as error:
        raise BadCredentials(
            f"{path} can't be understood: it is not the INI format of the AWS tools.",
            hint=f"mend {word(path)}, or write it anew with `aws configure`",
            details={"looked": str(path)},
        ) from error
    return parser


# ---- the policy's files


def find_policies(settings: Settings, cwd: Path, folders: Folders) -> tuple[PolicyFile, ...]:
    """Return the policies that hold: one, or a narrowing `handrail.toml` and then the one that holds without it.

    Order: --policy and HANDRAIL_POLICY; `handrail.toml` in `cwd` or above it; policy.toml or handrail.toml in the
    user's config folder; the built-in strict. Raises Usage where a file that was named or found can't be read.
    """
    if settings.policy is not None:
        named, source = settings.policy, settings.source("policy")
        found = _policy_file(named, source, stream=True)
        if found is None:
            raise Usage(f"the policy {named} does not exist.", hint=_other_policy(source))
        return (found,)
    own = _first_policy([folders.config / name for name in ("policy.toml", POLICY_FILE)], "the user's config folder")
    near = _first_policy([folder / POLICY_FILE for folder in (cwd, *cwd.parents)], "the working folder or one above it")
    holding = own or BUILT_IN
    if near is None or near.path == holding.path:
        return (holding,)
    return replace(near, narrows=True), holding


def _first_policy(paths: Sequence[Path], source: str) -> PolicyFile | None:
    return next((found for path in paths if (found := _policy_file(path, source)) is not None), None)


def _policy_file(path: Path, source: str, *, stream: bool = False) -> PolicyFile | None:
    """Return the policy of a path; None only where nothing has that name. Raises Usage."""
    try:
        data = files.read(path, stream=stream)
    except HandrailError as error:
        raise Usage(
            f"the policy {error.message}", hint=f"{error.hint} · or {_other_policy(source)}", code=error.slug
        ) from error
    return None if data is None else PolicyFile(data=data, label=str(path), path=path)


def _other_policy(source: str) -> str:
    return f"name another file with --policy, or mend that one (it comes from {source})"


# ---- the ledger's clocks


def check_lease_times(environ: Mapping[str, str], target_is_sandbox: bool) -> None:
    """Raise Usage where a HANDRAIL_LEASE_* time is set on another target, has an unknown name, or is no number.

    They are for tests on the sandbox, which reads them: on AWS one client with other clocks would break every cap.
    """
    for variable in sorted(name for name in environ if name.startswith(LEASE_PREFIX) and environ[name]):
        if not target_is_sandbox:
            raise Usage(f"{variable} works on the sandbox only.", hint=f"unset {variable}, or say --target sandbox")
        _one_of(LEASE_TIMES)(variable.removeprefix(LEASE_PREFIX), LEASE_PREFIX)
        if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", environ[variable]):
            raise Usage(f"{variable} takes seconds, not {show(environ[variable])}.", hint=f"export {variable}=2.5")
