"""Many processes of the program at once, let go together: see forks.py for who runs them."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from conftest import Done
from patience import HANGS


class Crowd:
    """The processes of one test: members wait at a gate until `go`. They are a process group, which `close` kills."""

    def __init__(self, cwd: Path) -> None:
        program = Path(__file__).with_name("forks.py")
        environ = {**os.environ, "PYTHONPATH": str(program.parents[1])}
        self._cwd = cwd
        self._server = subprocess.Popen(
            [sys.executable, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environ,
            process_group=0,
        )

    def fork(self, argv: Sequence[str], environ: Mapping[str, str], mutant: str | None = None) -> int:
        """Make a process that waits to run a command line, and return its pid."""
        order = {"do": "fork", "argv": list(argv), "environ": dict(environ), "cwd": str(self._cwd), "mutant": mutant}
        return int(self._ask(order)["pid"])

    def go(self) -> None:
        """Let all that wait run."""
        self._ask({"do": "go"})

    def lives(self, pid: int) -> bool:
        """Return whether a process has not ended yet; one that is stopped lives."""
        return bool(self._ask({"do": "lives", "pid": pid})["lives"])

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
        """Kill whoever is left, stopped or running. Waits for no pipe: a process that is stopped keeps its end open."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()
        with suppress(OSError):
            self._server.stdin.close()
        self._server.stdout.close()

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        if not select.select([self._server.stdout], [], [], HANGS)[0]:
            self.close()
            raise AssertionError(f"nothing in {HANGS} s: {order['do']} {order.get('argv', order.get('pid', ''))}")
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer
