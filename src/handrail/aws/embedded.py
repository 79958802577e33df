"""The sandbox as a person handles it: start, stop, status, reset, keys. Its failures become ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handrail.aws.launching import Running, sandbox_failures_explained, sandbox_owner


class Embedded:
    """The embedded AWS of one state folder."""

    def __init__(self, state_dir: Path, environ: Mapping[str, str]) -> None:
        self._state_dir, self._environ = state_dir, environ

    def find(self) -> Running | None:
        """Return the running sandbox, or None."""
        from handrail.sandbox import launcher

        with sandbox_failures_explained():
            return launcher.find(self._state_dir)

    def process(self) -> int | None:
        """Return the process that serves the folder, whether it answers or not; None where none does."""
        from handrail.sandbox import launcher

        with sandbox_failures_explained():
            return launcher.serving_process(self._state_dir)

    def ensure(self) -> Running:
        """Return the running sandbox, started where none runs."""
        from handrail.sandbox import launcher

        with sandbox_failures_explained():
            return launcher.ensure(self._state_dir, self._environ)

    def stop(self) -> bool:
        """Stop it; return whether it ran."""
        from handrail.sandbox import launcher

        with sandbox_failures_explained():
            return launcher.stop(self._state_dir)

    def reset(self) -> Path | None:
        """Throw its state away; return where it kept what was damaged, None where nothing was."""
        from handrail.sandbox import launcher

        with sandbox_failures_explained():
            return launcher.reset(self._state_dir)

    def regions_written(self, service: str, action: str) -> tuple[str, ...]:
        """Return the regions in which somebody has made a call that writes."""
        from handrail.sandbox import launcher

        with sandbox_failures_explained():
            log = launcher.read_log(self._state_dir)
        return tuple(dict.fromkeys(one.region for one in log if (one.service, one.action) == (service, action)))

    def keys(self, owner: str | None) -> Any:
        """Return the keys of an owner, this person's own where none is named: access_key_id, secret_access_key."""
        from handrail.sandbox import launcher

        with sandbox_failures_explained():
            return launcher.keys_for(self._state_dir, owner or sandbox_owner(self._environ))
