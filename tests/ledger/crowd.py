"""Many processes of the program at once, let go together: see forks.py for who runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conftest import Done


class Crowd:
    """The processes of one test: members wait at a gate until `go`."""

    def __init__(self, cwd: Path) -> None:
        program = Path(__file__).with_name("forks.py")
        environ = {**os.environ, "PYTHONPATH": str(program.parents[1])}
        self._cwd = cwd
        self._server = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        )

    def fork(self, argv: Sequence[str], environ: Mapping[str, str], mutant: str | None = None) -> int:
        """Make a process that waits to run a command line, and return its pid."""
        order = {"do": "fork", "argv": list(argv), "environ": dict(environ), "cwd": str(self._cwd), "mutant": mutant}
        return int(self._ask(order)["pid"])

    def go(self) -> None:
        """Let all that wait run."""
        self._ask({"do": "go"})

    def collect(self, pid: int) -> Done | None:
        """Wait for the end of a process; None if it was killed."""
        said = self._ask({"do": "collect", "pid": pid})
        return None if said["code"] is None else Done(said["code"], said["out"], said["err"])

    def run(self, members: Sequence[tuple[Sequence[str], Mapping[str, str]]], mutant: str | None = None) -> list[Done]:
        """Run all command lines at once and return what they came to, in their order."""
        pids = [self.fork(argv, environ, mutant) for argv, environ in members]
        self.go()
        ended = [self.collect(pid) for pid in pids]
        return [done for done in ended if done is not None]

    def close(self) -> None:
        """End it."""
        self._server.communicate()

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer
