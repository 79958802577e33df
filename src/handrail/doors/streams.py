"""The streams of a process, made safe: one that is shut leads nowhere, one that fails does so once. Says nothing."""

import io
import os
import sys
from pathlib import Path
from typing import TextIO

from handrail.core.errors import HandrailError


class OutputLost(HandrailError):
    """A result could not be written to standard output: a full disk, a terminal that is gone."""

    code = "output_lost"


class _Wrapped(io.TextIOBase):
    """A stream that asks another what it is."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute
        """Return the encoding of the stream within."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """Return whether the stream within is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream within."""
        return self._stream.fileno()


class Results(_Wrapped):
    """Standard output: the first write that fails is told, all that follows goes nowhere.

    So what is said about the failure, and about what was done before it, finds its way to standard error.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lost = False

    def write(self, text: str) -> int:
        """Write. Raises OutputLost; BrokenPipeError where the reader went away."""
        if text != "" and not self._lost:  # Click tries a stream with nothing, and would swallow the failure
            try:
                self._stream.write(text)
            except OSError as error:
                raise self._failure(error) from None
        return len(text)

    def flush(self) -> None:
        """Send what is buffered. Raises as `write` does."""
        if not self._lost:
            try:
                self._stream.flush()
            except OSError as error:
                raise self._failure(error) from None

    def settle(self) -> None:
        """Send what is buffered, if it can be: there is something else to tell by now."""
        try:
            self.flush()
        except (OSError, OutputLost):
            return

    def _failure(self, error: OSError) -> OSError | OutputLost:
        self._lost = True
        if isinstance(error, BrokenPipeError):
            return error
        return OutputLost(
            f"the result could not be written: {error.strerror or error}.",
            hint="send it where there is room: > FILE",
        )


class Remarks(_Wrapped):
    """Standard error. What can't be said there can't be said at all, and a change goes on without."""

    def write(self, text: str) -> int:
        """Write, if that is possible."""
        try:
            return self._stream.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Send what is buffered, if that is possible."""
        try:
            self._stream.flush()
        except OSError:
            return


def open_shut_ones() -> None:
    """Give the process the streams that it was started without (`<&-`, `>&-`): they lead nowhere.

    In the order of their numbers, for a file gets the lowest that is free: otherwise the next one that is opened
    would become standard output.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  it outlives this


def drop_unsent() -> None:
    """Send nowhere what a stream still holds and can't get rid of: Python would complain of it at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
