"""What is asked of the sandbox's launcher, whose things the caller's are there, and its failures as our own."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from handrail.core.errors import AwsFailure, NotSetUp, Usage


class Running(Protocol):
    """A sandbox that answers, as `handrail.sandbox.launcher` tells it."""

    @property
    def endpoint(self) -> str:
        """Return its URL."""

    @property
    def pid(self) -> int:
        """Return its process."""

    @property
    def id(self) -> str:
        """Return the name by which it answers."""

    @property
    def state_dir(self) -> Path:
        """Return the folder of its state."""

    @property
    def limits(self) -> Any:
        """Return the time limits of leases: life, work, visibility, skew, in seconds."""


class Launcher(Protocol):
    """What is asked of `handrail.sandbox.launcher`, a module."""

    def ensure(self, state_dir: Path, environ: Mapping[str, str]) -> Running:
        """Return the running sandbox, started where none runs."""

    def probe(self, running: Any, endpoint: str) -> bool:
        """Return whether that sandbox, and no other, answers there."""

    def check_serving(self, running: Any) -> None:
        """Raise SandboxError unless that sandbox still has its port."""

    def keys_for(self, state_dir: Path, owner: str) -> Any:
        """Return the keys of an owner."""

    def owner_of(self, state_dir: Path, access_key_id: str) -> str | None:
        """Return whose key that is."""


def keep_to(running: Running, launcher: Launcher, session: Any) -> None:
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
    except MissingExtra as error:
        raise NotSetUp(error.message, hint=error.hint, code="missing_extra") from error
    except FolderError as error:
        raise NotSetUp(error.message, hint=error.hint, code="sandbox_folder") from error
    except SettingError as error:
        raise Usage(error.message, hint=error.hint) from error
    except SandboxError as error:
        raise AwsFailure(error.message, hint=error.hint, code="sandbox") from error
    except OSError as error:
        raise AwsFailure(
            f"the sandbox can't use its folder: {error}.",
            hint="make room on that disk, and the folder writable, or name another with HANDRAIL_STATE_DIR",
            code="sandbox",
        ) from error
