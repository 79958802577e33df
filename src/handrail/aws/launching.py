"""The sandbox as a connection needs it: running, whose keys sign, where it answers; its failures as our own."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from handrail.aws.identity import Identity
from handrail.core.errors import AwsFailure, NotSetUp, Usage
from handrail.settings import ENDPOINT_VARIABLE, is_url

if TYPE_CHECKING:
    from handrail.sandbox.launcher import Running as Running

Launcher = Any  # `handrail.sandbox.launcher`, or what stands in for it
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MEND = 'eval "$(handrail sandbox env)"'


def sandbox_launcher() -> Launcher:
    """Return the module that starts and finds the sandbox, the one that imports it."""
    from handrail.sandbox import launcher

    return launcher


def open_sandbox(launcher: Launcher, state_dir: Path, environ: Mapping[str, str]) -> "tuple[Running, Identity, str]":
    """Return the running sandbox, started where none runs, whose keys sign, and its URL.

    The URL may be that of a proxy on this machine behind which this same sandbox answers.
    """
    with sandbox_failures_explained():
        running = launcher.ensure(state_dir, environ)
        identity = _sandbox_identity(launcher, running, environ)
    named = environ.get(ENDPOINT_VARIABLE, "")
    is_proxy = named != running.endpoint and _is_loopback(named) and launcher.probe(running, named)
    return running, identity, named if is_proxy else running.endpoint


def _sandbox_identity(launcher: Launcher, running: "Running", environ: Mapping[str, str]) -> Identity:
    """Return who signs: the keys of `sandbox env` if this sandbox made them, else the user's own.

    A key that the sandbox did not make is never sent to it. Raises BadCredentials on one of an earlier sandbox.
    """
    key, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
    if environ.get("HANDRAIL_TARGET") == "sandbox" and key and secret:
        named = Identity("AWS_ACCESS_KEY_ID (environment)", _MEND, keys=(key, secret, None))
        if launcher.owner_of(running.state_dir, key) is not None:
            return named
        if _is_loopback(environ.get(ENDPOINT_VARIABLE, "")):
            raise named.bad("AWS_ACCESS_KEY_ID is a key of another sandbox, or of one from before a reset.")
    own = launcher.keys_for(running.state_dir, sandbox_owner(environ))
    return Identity("sandbox", _MEND, keys=(own.access_key_id, own.secret_access_key, None))


def _is_loopback(url: str) -> bool:
    return url.startswith("http://") and is_url(url) and urlsplit(url).hostname in LOOPBACK


def isolated_session(identity: Identity) -> Any:
    """Make a session that reads no variable and no file: nothing of anybody's AWS set-up can reach the sandbox."""
    import botocore.session

    variables = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in botocore.session.Session.SESSION_VARIABLES.items()
    }
    nothing = (None, None, os.devnull, None)
    session = botocore.session.Session({**variables, "config_file": nothing, "credentials_file": nothing})
    session.set_credentials(*identity.keys)
    return session


def keep_to(running: "Running", launcher: Launcher, session: Any) -> None:
    """Let nothing leave a botocore session once the sandbox has ended: another process may have taken its port."""

    def check(**_: Any) -> None:
        with sandbox_failures_explained():
            launcher.check_serving(running)

    session.register("before-send", check)


def sandbox_owner(environ: Mapping[str, str]) -> str:
    """Return the name under which this person owns things in the sandbox: the user name, as IAM would take it.

    Source: IAM user guide, "IAM and AWS STS quotas": letters, digits and `+=,.@_-`, at most 64.
    """
    name = environ.get("LOGNAME") or environ.get("USER") or ""
    return re.sub(r"[^A-Za-z0-9+=,.@_-]+", "-", name).strip("-")[:64] or "you"


@contextmanager
def sandbox_failures_explained() -> Iterator[None]:
    """Raise what the sandbox raises inside, and what its folder refuses, as Handrail's own error."""
    from handrail.sandbox.launcher import FolderError, MissingExtra, SandboxError, SettingError

    try:
        yield
    except SettingError as error:
        raise Usage(error.message, hint=error.hint) from error
    except (MissingExtra, FolderError) as error:
        code = "missing_extra" if isinstance(error, MissingExtra) else "sandbox_folder"
        raise NotSetUp(error.message, hint=error.hint, code=code) from error
    except SandboxError as error:
        raise AwsFailure(error.message, hint=error.hint, code="sandbox") from error
    except OSError as error:
        raise AwsFailure(
            f"the sandbox can't use its folder: {error}.",
            hint="make room on that disk, and the folder writable, or name another with HANDRAIL_STATE_DIR",
            code="sandbox",
        ) from error
