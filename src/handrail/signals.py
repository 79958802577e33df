"""Ctrl-C, and being told to end (SIGTERM, SIGHUP): one road for all three, from the first import to the last byte.

It is there before anything else is loaded, and takes nothing from a file: a signal can't come too early for it, nor
can a module of the working folder be taken for one that it needs.
"""

import _signal as signal  # type: ignore[import-not-found]  # built in, where `signal` is a file
import os

_MINDED = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows knows no SIGHUP
_PATIENCE = 2  # signals that a command may take its time over: the first ends its work, the second is told to wait
_WAIT = b"\nstill putting on record what was done; once more ends at once\n"


class Watch:
    """What becomes of a signal, by how far the process is.

    While the program is imported it is only noted, for half an import is a traceback; from `ready` on the first one
    ends the work (core.errors.Stopped), the second changes nothing, so that the record of what was done is not torn,
    and the third ends the process as `kill -9` would. Once the result is out (`done`) each ends the process.
    """

    def __init__(self) -> None:
        self._first, self._count = 0, 0
        self._ready = False
        self._code: int | None = None

    def begin(self) -> None:
        """Mind the signals from now on, but those that whoever started us wants ignored (nohup, `&` in a script)."""
        for name in _MINDED:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.take)

    def ready(self) -> None:
        """Say that whatever is raised is caught from now on. Raises Stopped where a signal came before."""
        self._ready = True
        if self._first:
            raise _stopped(self._first)

    def done(self, code: int) -> None:
        """Say that the result is out, and what it came to: a signal ends the process with that code."""
        self._code = code

    def take(self, number: int, frame: object) -> None:
        """Take a signal, as its handler. Raises Stopped."""
        if self._code is not None:
            os._exit(self._code)
        self._count += 1
        self._first = self._first or number
        if self._count > _PATIENCE:
            os._exit(128 + self._first)
        if not self._ready:
            return
        if self._count == 1:
            raise _stopped(number)
        os.write(2, _WAIT)


WATCH = Watch()
"""That of this process."""


def _stopped(number: int) -> BaseException:
    from handrail.core.errors import Stopped

    return Stopped(number)
