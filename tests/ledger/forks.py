"""A program that runs the product's command lines in processes of their own, without starting Python for each.

It imports everything once and has one thread, so that it may fork. One JSON object per line on stdin, one on stdout:
`fork` (argv, environ, cwd, mutant) gives the pid of a process that waits at the gate; `go` opens the gate for all that
wait; `lives` (pid) tells whether one has not ended; `collect` (pid) waits for the end of one and gives its code, out
and err (code null: it was killed). When stdin ends, whoever gave the orders is gone: then every process that is left
is killed, a stopped one too.
"""

import contextlib
import io
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from fast_models import load_models
from handrail.core.plan import Plan
from handrail.doors.cli import run_program
from handrail.doors.request import Surroundings
from handrail.ledger.ledger import Ledger
from handrail.ledger.plan_places import NO_HOLD, NoHold


class Forks:
    """The processes that were made, and the gate that the newest ones wait at."""

    def __init__(self) -> None:
        self._replies: dict[int, int] = {}
        self._gate = os.pipe()

    def fork(self, order: dict[str, Any]) -> dict[str, Any]:
        """Make a process that waits at the gate."""
        reply_read, reply_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            for descriptor in (self._gate[1], reply_read, *self._replies.values()):
                os.close(descriptor)
            _be(order, self._gate[0], reply_write)
        os.close(reply_write)
        self._replies[pid] = reply_read
        return {"pid": pid}

    def go(self, _order: dict[str, Any]) -> dict[str, Any]:
        """Open the gate: everybody who waits reads its end now."""
        os.close(self._gate[0])
        os.close(self._gate[1])
        self._gate = os.pipe()
        return {}

    def lives(self, order: dict[str, Any]) -> dict[str, Any]:
        """Tell whether a process has not ended yet."""
        ended = os.waitid(os.P_PID, order["pid"], os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return {"lives": ended is None}

    def collect(self, order: dict[str, Any]) -> dict[str, Any]:
        """Wait for the end of a process and return what it came to."""
        pid = order["pid"]
        said = self._read(self._replies[pid])
        os.close(self._replies.pop(pid))
        os.waitpid(pid, 0)
        result: dict[str, Any] = json.loads(said) if said else {"code": None, "out": "", "err": ""}
        return result

    def _read(self, reply: int) -> bytes:
        """Return all that a process tells. Nobody gives an order meanwhile: what comes on stdin is its end."""
        said = b""
        while True:
            ready, _, _ = select.select([reply, sys.stdin], [], [])
            if reply not in ready:
                self.end()
            part = os.read(reply, 1 << 20)
            if not part:
                return said
            said += part

    def end(self) -> NoReturn:
        """Kill all that are left, and end."""
        for pid in self._replies:
            os.kill(pid, signal.SIGKILL)
        for pid in self._replies:
            os.waitpid(pid, 0)
        os._exit(0)


def _be(order: dict[str, Any], gate: int, reply: int) -> NoReturn:
    """Wait at the gate, run the command line, tell what it came to, and end."""
    try:
        os.read(gate, 1)
        if order.get("mutant") == "no-lease":
            Ledger.take = _take_nothing  # type: ignore[method-assign,assignment]
        out, err = io.StringIO(), io.StringIO()
        around = Surroundings(io.StringIO(), out, err, order["environ"], Path(order["cwd"]))
        code = run_program(order["argv"], around)
        with os.fdopen(reply, "wb") as stream:
            stream.write(json.dumps({"code": code, "out": out.getvalue(), "err": err.getvalue()}).encode())
    finally:
        os._exit(0)


@contextlib.contextmanager
def _take_nothing(_ledger: Ledger, _plan: Plan) -> Iterator[NoHold]:
    """Be a lease that is switched off."""
    yield NO_HOLD


def main() -> None:
    """Answer orders until stdin ends."""
    load_models()
    forks = Forks()
    while line := sys.stdin.readline():
        order = json.loads(line)
        print(json.dumps(getattr(forks, order["do"])(order)), flush=True)
    forks.end()


if __name__ == "__main__":
    main()
