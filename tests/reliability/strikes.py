"""A command line that is killed or frozen at one call: how it is struck, woken, and never left behind."""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

from conftest import Done
from ledger.crowd import Crowd
from ledger.proxies import Assassin, Call, Watched
from patience import wait_until

GRACE = 10.0  # seconds


class Struck:
    """A process that was sent a signal at a call, with the proxy that it speaks through."""

    def __init__(self, crowd: Crowd, pid: int, assassin: Assassin, proxy: Watched) -> None:
        self._crowd, self._pid, self._assassin, self._proxy = crowd, pid, assassin, proxy
        self._is_over = False

    def buried(self) -> None:
        """See that a killed process has come to nothing."""
        assert self._collect() is None

    def wake(self) -> Done:
        """Let a frozen process go on, and return what it came to.

        What it was waiting for is there by then: else it might find that it has waited too long, or might not.
        """
        self._assassin.go_on.set()
        wait_until(lambda: not self._proxy.in_flight, "the reply is given back")
        os.kill(self._pid, signal.SIGCONT)
        done = self._collect()
        assert done is not None
        return done

    def close(self) -> None:
        """Kill it if it is there still, stopped or running."""
        if self._is_over:
            return
        self._assassin.go_on.set()
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._collect()

    def _collect(self) -> Done | None:
        done = self._crowd.collect(self._pid)
        self._is_over = True
        self._proxy.close()
        return done


class Striker:
    """Strikes; whatever is left when it closes is killed."""

    def __init__(self, crowd: Crowd, endpoint: str, environ: Mapping[str, str]) -> None:
        self._crowd, self._endpoint, self._environ = crowd, endpoint, dict(environ)
        self._struck: list[Struck] = []

    def __call__(self, argv: Sequence[str], about: str, call: Call, when: str, sign: int) -> Struck:
        """Run a command line in a process of its own, and send it a signal at a call, which must be reached."""
        assassin = Assassin(call, when, sign)
        proxy = Watched(self._endpoint, assassin, about=about)
        assassin.pid = self._crowd.fork(argv, {**self._environ, "AWS_ENDPOINT_URL": proxy.endpoint})
        struck = Struck(self._crowd, assassin.pid, assassin, proxy)
        self._struck.append(struck)
        self._crowd.go()
        wait_until(lambda: assassin.fired.is_set() or not self._crowd.lives(assassin.pid), f"{argv} reaches {call}")
        # It may be seen dead in the moment before its assassin says so.
        assert assassin.fired.wait(GRACE), f"{' '.join(argv)}: {call} was never reached: {struck._collect()}"
        return struck

    def close(self) -> None:
        """Leave nobody behind."""
        for struck in self._struck:
            struck.close()
