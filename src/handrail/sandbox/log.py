"""The write-ahead log: every write in order, on disk before it happens. Standard library only.

One JSON object per line: a header naming moto's version, then `{n, at, owner, region, service, action, ...}`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail.sandbox import files
from handrail.sandbox.errors import SandboxError

FORMAT = 1
LARGE = 16 * 1024  # bodies above this go to files of their own


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


def read_log(state_dir: Path) -> list[LogEntry]:
    """Return the writes so far, in order."""
    return [
        LogEntry(**{name: entry[name] for name in LogEntry.__dataclass_fields__})
        for entry in complete_lines(state_dir / files.LOG)
        if "n" in entry
    ]


def complete_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a log; a last line that was torn by a crash ends it."""
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return
    with stream:
        for line in stream:
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except ValueError as error:
                raise SandboxError(
                    f"The sandbox's log {path} is damaged: {error}.", "handrail sandbox reset"
                ) from error


class Log:
    """The log of a running server: appends durably, or not at all."""

    def __init__(self, state_dir: Path, moto_version: str) -> None:
        self._path = state_dir / files.LOG
        self._blobs = state_dir / files.BLOBS
        self.entries = list(complete_lines(self._path))
        is_new = not self.entries
        self._check_header(moto_version)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._cut_torn_line()
        if is_new:
            self._start(moto_version)
        self._last = max((entry.get("n", 0) for entry in self.entries), default=0)

    def _start(self, moto_version: str) -> None:
        try:
            self._append({"format": FORMAT, "moto": moto_version})
        except LogFullError as error:
            raise SandboxError(
                f"The sandbox cannot write to {self._path}: {error}.", "Free space, or give it another folder."
            ) from error

    def _check_header(self, moto_version: str) -> None:
        if not self.entries:
            return
        header = self.entries.pop(0)
        if header.get("format") != FORMAT or header.get("moto") != moto_version:
            raise SandboxError(
                f"The sandbox's state was made by moto {header.get('moto')} (format {header.get('format')}), "
                f"this is moto {moto_version} (format {FORMAT}): it cannot be read.",
                "handrail sandbox reset",
            )

    def _cut_torn_line(self) -> None:
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            os.ftruncate(self._descriptor, whole)

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
        """Return the body that an entry refers to."""
        if "blob" in entry:
            return (self._blobs / str(entry["blob"])).read_bytes()
        if "base64" in entry:
            import base64

            return base64.b64decode(entry["base64"])
        return str(entry["text"]).encode()

    def append(self, entry: dict[str, Any]) -> int:
        """Number an entry and put it on disk; returns its number, raises LogFullError with nothing left behind."""
        number = self._last + 1
        self._append({"n": number, **entry})
        self._last = number
        return number

    @property
    def next_number(self) -> int:
        """The number that the next write gets."""
        return self._last + 1

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        size = os.fstat(self._descriptor).st_size
        try:
            files.write_all(self._descriptor, line)
            os.fsync(self._descriptor)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise LogFullError(str(error)) from error

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)
