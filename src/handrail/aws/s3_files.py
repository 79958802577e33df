"""Files as an upload reads them: checksums, parts as request bodies, and whether a file stayed as it was. No calls."""

import os
import stat
import threading
import time
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO

from handrail.core.errors import Interrupted, WrongState
from handrail.core.fields import show
from handrail.core.secret_files import HEAD
from handrail.core.shell import command, target
from handrail.core.uploads import LocalFile, Progress, part_size

BLOCK = 1 << 20  # bytes read at a time
TICK = 0.02  # seconds in which a file system may give two changes one time


@dataclass
class Meter:
    """Counts bytes and files over all threads, and says when to stop. total: bytes, None where nobody knows."""

    total_files: int = 1
    total: int | None = None
    files: int = 0
    sent: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    started: float = field(default_factory=time.monotonic)

    def add(self, count: int = 0, files: int = 0) -> None:
        """Count."""
        with self.lock:
            self.sent += count
            self.files += files

    def progress(self) -> Progress:
        """Return how far it is."""
        with self.lock:
            return Progress(self.files, self.total_files, self.sent, self.total, time.monotonic() - self.started)

    def pause(self, seconds: float) -> None:
        """Wait. Raises Interrupted where somebody says stop meanwhile."""
        self.stopping.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise Interrupted where somebody said stop."""
        if self.stopping.is_set():
            raise Interrupted("interrupted.")


class Slice:
    """A part of an open file as the body of a request: read by position, so that threads share the file."""

    def __init__(self, descriptor: int, start: int, length: int, file: LocalFile, meter: Meter) -> None:
        self._descriptor, self._start, self._length = descriptor, start, length
        self._file, self._meter = file, meter
        self._at = 0

    def __len__(self) -> int:
        """Return its bytes."""
        return self._length

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes. Raises Interrupted; WrongState where it got shorter or can't be read."""
        self._meter.check()
        left = self._length - self._at
        wanted = left if size is None or size < 0 else min(size, left)
        try:
            data = os.pread(self._descriptor, wanted, self._start + self._at)
        except OSError as error:
            raise unreadable(self._file, error) from error
        if wanted and not data:
            raise changed(self._file)
        self._at += len(data)
        return data


@dataclass(frozen=True)
class Digest:
    """A file as it was read: size, CRC32 of the whole and of each part, and what the file system said of it."""

    size: int
    crc: int
    parts: tuple[int, ...]
    stamp: tuple[int, ...]


def open_file(file: LocalFile) -> int:
    """Return a descriptor; the caller closes it. A pipe or device does not hold it up. Raises WrongState."""
    try:
        return os.open(file.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(file, error) from error


def read_head(file: LocalFile) -> bytes:
    """Return the first bytes of a file, by which private keys are known; none of one that can't be read.

    A pipe or device does not hold it up.
    """
    try:
        descriptor = open_file(file)
    except WrongState:
        return b""
    try:
        return os.read(descriptor, HEAD)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def read_digest(descriptor: int, file: LocalFile, meter: Meter, bucket: str) -> Digest:
    """Read an open file once, in blocks, and return its checksums. bucket: where it goes, for a hint.

    The times of a file have the grain of the system's clock tick: one changed just now is left to settle first.
    Raises WrongState where it is no file, changes, or is not what it was when it was found.
    """
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise WrongState(f"{show(file.shown)} is not a file.", hint="leave it out: --exclude")
    if found.st_size != file.size:
        raise changed(file)
    if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) < TICK * 1e9:
        time.sleep(TICK)
    length = part_size(found.st_size)
    parts: list[int] = []
    whole = 0
    for start in range(0, found.st_size, length):
        part, whole = _read_part(Slice(descriptor, start, min(length, found.st_size - start), file, meter), whole)
        parts.append(part)
    digest = Digest(found.st_size, whole, tuple(parts), _stamp(found))
    if _goes_on(descriptor, file):
        raise changed(file) if file.size else _sizeless(file, bucket)
    check_same(descriptor, digest, file)
    return digest


def _goes_on(descriptor: int, file: LocalFile) -> bool:
    """Return whether a file gives more bytes than its size says: it grows, or (in /proc) has no size at all."""
    try:
        return bool(os.pread(descriptor, 1, file.size))
    except OSError as error:
        raise unreadable(file, error) from error


def _read_part(body: Slice, whole: int) -> tuple[int, int]:
    """Return the CRC32 of a part, and that of everything up to its end."""
    part = 0
    while block := body.read(BLOCK):
        part, whole = zlib.crc32(block, part), zlib.crc32(block, whole)
    return part, whole


def digest_of(file: LocalFile, meter: Meter, bucket: str) -> Digest:
    """Return the checksums of a file that is not open. Raises WrongState."""
    descriptor = open_file(file)
    try:
        return read_digest(descriptor, file, meter, bucket)
    finally:
        os.close(descriptor)


def check_same(descriptor: int, digest: Digest, file: LocalFile) -> None:
    """Raise WrongState where an open file is not as it was: its times, size, or which file it is."""
    if _stamp(os.fstat(descriptor)) != digest.stamp:
        raise changed(file)


def changed(file: LocalFile) -> WrongState:
    """Return the error of a file that changed while it was read."""
    return WrongState(
        f"{show(file.shown)} changed while it was read; it was not uploaded.",
        hint="upload it again once nothing writes to it",
        details={"path": file.shown},
        code="file_changed",
    )


def _sizeless(file: LocalFile, bucket: str) -> WrongState:
    return WrongState(
        f"{show(file.shown)} is not a plain file: it has content, and says it has 0 bytes.",
        hint=f"cat {target(file.path)} | {command('s3 upload', bucket, '-', key=file.key)}",
        details={"path": file.shown},
        code="size_unknown",
    )


def unreadable(file: LocalFile, error: OSError) -> WrongState:
    """Return the error of a file that can't be read."""
    return WrongState(
        f"{show(file.shown)} can't be read: {error.strerror or error}.",
        hint="see who may read it, or leave it out: --exclude",
        details={"path": file.shown},
        code="unreadable",
    )


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Return that many bytes of a stream, fewer only at its end."""
    blocks = []
    while size > 0 and (block := stream.read(size)):
        blocks.append(block)
        size -= len(block)
    return b"".join(blocks)
