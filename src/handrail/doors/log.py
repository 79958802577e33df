"""The log of one command (`-vv`, `--log-file`): secrets masked, control characters written out, never in the way."""

import logging
import os
import select
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from handrail.core.errors import Usage
from handrail.core.fields import show
from handrail.output.lines import escape
from handrail.settings import Settings

Text = Callable[[str], str]

# Loud at DEBUG, and about botocore itself rather than about what was asked of AWS.
_CHATTY = ("botocore.parsers", "botocore.hooks", "botocore.loaders", "botocore.regions", "botocore.auth")
_HINT = "--log-file PATH, in a folder that is there"
_PATIENCE_MS = 5000  # for the reader of a pipe that takes nothing


@contextmanager
def logging_to(said: Settings, stderr: TextIO, redact: Text, warn: Callable[[str], None]) -> Iterator[None]:
    """Log everything while a command runs: to the log file, else with -vv to stderr. Raises Usage where it can't begin.

    warn: is told once where it can't go on; the command does.
    """
    if said.log_file is None and said.verbose < 2:
        yield
        return
    with _writer(said.log_file, stderr) as write:
        handler = _Log(write, redact, lambda why: warn(f"the log ends here: {why}."))
        root = logging.getLogger()
        level, raises = root.level, logging.raiseExceptions
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        logging.raiseExceptions = False  # the streams of this command are not for tracebacks of its own log
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.INFO)
        try:
            yield
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
            logging.raiseExceptions = raises


class _Log(logging.Handler):
    """Writes each record as safe lines, those after the first one indented: no text can pass itself off as a record.

    Nothing that goes wrong with it reaches the command: what can't be written is told once, what can't be formatted
    stands there as such.
    """

    def __init__(self, write: Callable[[str], None], redact: Text, end: Callable[[str], None]) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        self._write, self._redact, self._end = write, redact, end
        self._ended = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        if self._ended:
            return
        try:
            text = self.format(record)
        except Exception as error:  # of a library's own record: a wrong number of arguments, a repr that raises
            text = f"{record.levelname} {record.name} a record that can't be written: {type(error).__name__}"
        try:
            self._write("\n    ".join(escape(line) for line in self._redact(text).split("\n")) + "\n")
        except OSError as error:
            self._ended = True
            self._end(error.strerror or str(error))


@contextmanager
def _writer(path: Path | None, stderr: TextIO) -> Iterator[Callable[[str], None]]:
    """Yield what writes a text: at the end of a file that only its owner can read, or to stderr."""
    if path is None:
        yield lambda text: (stderr.write(text), stderr.flush())[1]
        return
    try:
        # Not blocking: a pipe that nobody reads refuses, where a plain open would wait for ever.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        why = "nobody reads that pipe" if _is_pipe(path) else error.strerror
        raise Usage(f"the log file {show(path, 300)[1:-1]} can't be written: {why}.", hint=_HINT) from None
    try:
        yield lambda text: _write_all(descriptor, text.encode("utf-8", "backslashreplace"))
    finally:
        os.close(descriptor)


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except OSError:
        return False


def _write_all(descriptor: int, data: bytes) -> None:
    """Write it all. Raises OSError; TimeoutError where the reader of a pipe takes nothing for seconds."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            waiting = select.poll()
            waiting.register(descriptor, select.POLLOUT)
            if not waiting.poll(_PATIENCE_MS):
                raise TimeoutError(f"its reader took nothing for {_PATIENCE_MS // 1000} s") from None
