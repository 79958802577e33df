"""The write-ahead log: every write in order, on disk before it happens. Standard library only.

One JSON object per line: a header naming moto's version, then `{n, at, owner, region, service, action, ..., check}`.
The check covers its line and the one before; a file beside the log tells which line was the last, so that a lost end
shows too. It finds damage, not intent: who may write the folder can write a log that fits.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handrail.sandbox import files
from handrail.sandbox.errors import DamageError, SandboxError

FORMAT = 2
UNCHECKED = 1  # the format of 0.1, whose lines had no check
LARGE = 16 * 1024  # bodies above this go to files of their own
_CHECKED = re.compile(rb',"check":"([0-9a-f]{32})"\}\n\Z')


@dataclass(frozen=True)
class LogEntry:
    """One write: its number, when (seconds since 1970), what, where and by whom."""

    n: int
    at: float
    service: str
    action: str
    region: str
    owner: str


class LogFullError(Exception):
    """The disk took no more: nothing was logged, so nothing may be done."""


@dataclass
class Content:
    """What a log holds. header: None where it is empty. size: bytes of its whole lines. check: that of the last one."""

    header: dict[str, Any] | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    size: int = 0
    check: str = ""

    @property
    def is_checked(self) -> bool:
        """Tell whether its lines have checks; those of 0.1 had none."""
        return self.header is None or self.header.get("format") != UNCHECKED


def read_log(state_dir: Path) -> list[LogEntry]:
    """Return the writes so far, in order. Raises DamageError."""
    return [
        LogEntry(**{name: entry[name] for name in LogEntry.__dataclass_fields__})
        for entry in read_content(state_dir).entries
    ]


def read_content(state_dir: Path) -> Content:
    """Return what is in the log of a folder, compared with its checks; a last line torn by a crash is left out.

    Raises DamageError, naming the line, unless it is what was written, all of it.
    """
    path = state_dir / files.LOG
    last = read_head(state_dir / files.HEAD)
    found, known = Content(), ""
    for number, line in enumerate(whole_lines(path)):
        if number == 0:
            found.header = read_line(path, 0, line, found)
        else:
            entry = read_line(path, number, line, found)
            if entry.get("n") != number:
                raise DamageError(path, f"line {number + 1} holds entry {entry.get('n')}, where {number} is due")
            found.entries.append(entry)
        found.size += len(line)
        if last is not None and number == last[0]:
            known = found.check
    if found.is_checked:
        check_end(path, found, last, known)
    return found


def whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a log that have an end."""
    try:
        with files.open_file(path) as stream:
            for line in stream:
                if line.endswith(b"\n"):
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise DamageError(path, f"it cannot be read ({error.strerror})") from error


def read_line(path: Path, number: int, line: bytes, found: Content) -> dict[str, Any]:
    """Return the object of a line, and remember its check as the last one."""
    if found.is_checked and (match := _CHECKED.search(line)) is not None:
        line = line[: match.start()] + b"}\n"
        found.check = check_of(found.check, line)
        if found.check.encode() != match[1]:
            raise DamageError(path, f"line {number + 1} is not what was written, or not what was written there")
    elif number > 0 and found.is_checked:
        raise DamageError(path, f"line {number + 1} is not what was written")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DamageError(path, f"line {number + 1} is not what was written ({error})") from error
    is_odd = not isinstance(value, dict) or (number == 0 and value.get("format") == FORMAT and not found.check)
    if is_odd or (not found.is_checked and not LogEntry.__dataclass_fields__.keys() <= value.keys()):
        raise DamageError(path, f"line {number + 1} is not what was written")
    entry: dict[str, Any] = value
    return entry


def check_of(before: str, line: bytes) -> str:
    """Return the check of a line, written without it, that follows a line with the check `before`."""
    import hashlib

    return hashlib.sha256(before.encode() + line).hexdigest()[:32]


def check_end(path: Path, found: Content, last: tuple[int, str] | None, known: str) -> None:
    """Raise DamageError where the end of a log is missing, as far as what is noted beside it tells."""
    if last is None:
        if found.header is not None:
            raise DamageError(
                path.with_name(files.HEAD), "it is missing or not what was written; it names the last line"
            )
        if any((path.parent / name).exists() for name in (files.OWNERS, files.BLOBS)):
            raise DamageError(path, "it is missing, and with it what was noted of its end")
        return
    number, check = last
    if found.header is None and number == 0:
        return  # it was about to be started
    if found.header is None or number > len(found.entries):
        there = "it is missing or empty" if found.header is None else f"it ends after entry {len(found.entries)}"
        raise DamageError(path, f"{there}, and {number} were written")
    if check != known:
        raise DamageError(path, f"entry {number} is not the one that was written")


def read_head(path: Path) -> tuple[int, str] | None:
    """Return number and check of the last line as they were noted; None where nothing legible is there."""
    try:
        noted = json.loads(files.read_bytes(path))
        return int(noted["n"]), str(noted["check"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


class Log:
    """The log of a running server: appends durably, or not at all."""

    def __init__(self, state_dir: Path, moto_version: str) -> None:
        self._path = state_dir / files.LOG
        self._blobs = state_dir / files.BLOBS
        found = read_content(state_dir)
        self._check_header(found.header, moto_version)
        if not found.is_checked:
            found = self._add_checks(found, state_dir)
        self.entries, self._last, self._check = found.entries, len(found.entries), found.check
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            os.ftruncate(self._descriptor, found.size)  # a line that a crash has torn goes
            if found.header is None:
                self._start(state_dir, moto_version)
            self._head = os.open(state_dir / files.HEAD, os.O_WRONLY)
        except OSError as error:
            raise SandboxError(
                f"The sandbox cannot write to {self._path}: {error}.", "Free space, or give it another folder."
            ) from error
        self._note_head()

    def _start(self, state_dir: Path, moto_version: str) -> None:
        line, check = self._line({"format": FORMAT, "moto": moto_version}, "")
        files.write_atomically(state_dir / files.HEAD, head_text(0, check))
        self._write(line)
        self._check = check

    def _check_header(self, header: dict[str, Any] | None, moto_version: str) -> None:
        if header is None:
            return
        if header.get("format") not in (FORMAT, UNCHECKED) or header.get("moto") != moto_version:
            raise SandboxError(
                f"The sandbox's state was made by moto {header.get('moto')} (format {header.get('format')}), "
                f"this is moto {moto_version} (format {FORMAT}): it cannot be read.",
                "handrail sandbox reset",
            )

    def _add_checks(self, found: Content, state_dir: Path) -> Content:
        """Write a log of 0.1 anew with checks. What is noted as its end comes first, and means nothing without them."""
        made, lines = Content({**(found.header or {}), "format": FORMAT}, found.entries), []
        for value in (made.header or {}, *found.entries):
            line, made.check = self._line(value, made.check)
            lines.append(line)
        made.size = sum(map(len, lines))
        files.write_atomically(state_dir / files.HEAD, head_text(len(found.entries), made.check))
        files.write_atomically(self._path, b"".join(lines))
        return made

    def keep_body(self, body: bytes) -> dict[str, str]:
        """Return how an entry refers to a body; a large one is put on disk first."""
        if len(body) > LARGE:
            return {"blob": self._keep_blob(body)}
        try:
            return {"text": body.decode("utf-8")}
        except UnicodeDecodeError:
            import base64

            return {"base64": base64.b64encode(body).decode()}

    def _keep_blob(self, body: bytes) -> str:
        import hashlib

        digest = hashlib.sha256(body).hexdigest()
        path = self._blobs / digest
        try:
            if not path.exists():
                files.make_folder(self._blobs)
                files.write_atomically(path, body)
        except OSError as error:
            raise LogFullError(str(error)) from error
        return digest

    def read_body(self, entry: dict[str, Any]) -> bytes:
        """Return the body that an entry refers to. Raises DamageError where its file is not what its name says."""
        if "blob" in entry:
            return self._read_blob(str(entry["blob"]), entry)
        if "base64" in entry:
            import base64

            return base64.b64decode(entry["base64"])
        return str(entry["text"]).encode()

    def _read_blob(self, name: str, entry: dict[str, Any]) -> bytes:
        import hashlib

        path = self._blobs / name
        what = f"the body of entry {entry['n']} ({entry['action']})"
        try:
            body = files.read_bytes(path)
        except FileNotFoundError as error:
            raise DamageError(path, f"{what} is missing") from error
        except OSError as error:
            raise DamageError(path, f"{what} cannot be read ({error.strerror})") from error
        if hashlib.sha256(body).hexdigest() != name:
            raise DamageError(path, f"{what} is not what was written")
        return body

    def append(self, entry: dict[str, Any]) -> int:
        """Number an entry and put it on disk; returns its number, raises LogFullError with nothing left behind."""
        number = self._last + 1
        line, check = self._line({"n": number, **entry}, self._check)
        try:
            self._write(line)
        except OSError as error:
            raise LogFullError(str(error)) from error
        self._last, self._check = number, check
        self._note_head()
        return number

    @staticmethod
    def _line(entry: dict[str, Any], before: str) -> tuple[bytes, str]:
        """Return an entry as it is written behind a line with the check `before`, and its own check."""
        bare = json.dumps(entry, separators=(",", ":")).encode()
        check = check_of(before, bare + b"\n")
        return bare[:-1] + f',"check":"{check}"}}\n'.encode(), check

    def _write(self, line: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        try:
            files.write_all(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise

    def _note_head(self) -> None:
        """Note which line is the last, in place and behind it: what is noted is never ahead of what is on disk."""
        with contextlib.suppress(OSError):
            os.pwrite(self._head, head_text(self._last, self._check), 0)

    def close(self) -> None:
        """Give the files back."""
        os.close(self._descriptor)
        os.close(self._head)


def head_text(number: int, check: str) -> bytes:
    """Return what is noted of the last line; always of one length, so that it can be written in place."""
    return f'{{"n":{number:>15},"check":"{check}"}}\n'.encode()
