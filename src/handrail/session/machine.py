"""The machine that one request runs on: the files that a person named, standard input, chance."""

import os
import secrets
from pathlib import Path
from typing import BinaryIO, TextIO

from handrail import files
from handrail.core.errors import Usage
from handrail.core.fields import show

FILE_LIMIT = 16 * 1024 * 1024  # bytes of a file that a person names; /dev/zero has no end


class Machine:
    """cwd: what relative paths start from. stdin: as the door has it; None where the process has none."""

    def __init__(self, cwd: Path, stdin: TextIO | None) -> None:
        self.cwd, self._stdin = cwd, stdin

    def open_stdin(self) -> BinaryIO:
        """Return standard input as bytes. Raises Usage where it is closed."""
        # Python has no stream then; a door may have put the null device in its place, which `</dev/null` does not.
        if self._stdin is None or getattr(self._stdin, "name", "") == os.devnull:
            raise Usage("standard input is closed.", hint="pipe something into the command, or name a file")
        return self._stdin.buffer

    def read_file(self, path: str, limit: int = FILE_LIMIT) -> bytes:
        """Return the bytes of a file that the person named, at most one more than `limit` of them. Raises Usage.

        A pipe will do (`<(…)`), as long as something writes to it.
        """
        data = files.read_up_to(self.cwd / path, limit + 1, stream=True)
        if data is None:
            raise Usage(f"the file {show(path)} can't be read: No such file or directory.", hint="check the path")
        return data

    def write_file(self, path: Path, text: str) -> None:
        """Write a file that the person asked for. Raises Usage, also for a pipe that nobody reads."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_NOCTTY, 0o666)
            os.set_blocking(descriptor, True)  # only to open it could hang for ever
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise Usage(
                f"the file {show(path)} can't be written: {error.strerror}.", hint="name another path"
            ) from None

    def letters(self, alphabet: str, count: int) -> str:
        """Return that many letters by chance, for a name or id that is made up."""
        return "".join(secrets.choice(alphabet) for _ in range(count))
