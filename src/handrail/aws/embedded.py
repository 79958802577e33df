"""The sandbox as a person handles it: start, stop, status, reset, keys. Its failures become ours."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from handrail.aws.launching import sandbox_failures_explained, sandbox_owner
from handrail.sandbox import launcher

T = TypeVar("T")


class Embedded:
    """The embedded AWS of one state folder."""

    def __init__(self, state_dir: Path, environ: Mapping[str, str]) -> None:
        self._state_dir, self._environ = state_dir, environ

    def _ask(self, launch: Callable[..., T], *more: Any) -> T:
        with sandbox_failures_explained():
            return launch(self._state_dir, *more)

    def find(self) -> launcher.Running | None:
        """Return the running sandbox, or None."""
        return self._ask(launcher.find)

    def process(self) -> int | None:
        """Return the process that serves the folder, whether it answers or not; None where none does."""
        return self._ask(launcher.serving_process)

    def ensure(self) -> launcher.Running:
        """Return the running sandbox, started where none runs."""
        return self._ask(launcher.ensure, self._environ)

    def stop(self) -> bool:
        """Stop it; return whether it ran."""
        return self._ask(launcher.stop)

    def reset(self) -> Path | None:
        """Throw its state away; return where it kept what was damaged, None where nothing was."""
        return self._ask(launcher.reset)

    def regions_written(self, service: str, action: str) -> tuple[str, ...]:
        """Return the regions in which somebody has made a call that writes."""
        log = self._ask(launcher.read_log)
        return tuple(dict.fromkeys(one.region for one in log if (one.service, one.action) == (service, action)))

    def keys(self, owner: str | None) -> Any:
        """Return the keys of an owner, this person's own where none is named: access_key_id, secret_access_key."""
        return self._ask(launcher.keys_for, owner or sandbox_owner(self._environ))
