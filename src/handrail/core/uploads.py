"""Files on their way to become objects: keys, filters, part sizes, checksums, what an upload came to. Pure."""

import base64
import mimetypes
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from handrail.core.amounts import count, readable, span
from handrail.core.errors import HandrailError, Usage

MIB = 1 << 20
PART = 8 * MIB  # the smallest part, and the largest file that goes in one call
PART_LIMIT = 10_000
OBJECT_LIMIT = 50 * 10**12  # bytes. Source: Amazon S3 user guide, "Amazon S3 multipart upload limits"
# A stream's length is not known: its parts grow, so that they suffice for 445 GiB and few are in memory at once.
STREAM_PARTS = ((1_000, PART), (5_000, 4 * PART), (PART_LIMIT, 8 * PART))


def part_size(size: int) -> int:
    """Return the bytes of each part of a file of `size` bytes: 8 MiB, or as many MiB as keep the parts to 10,000."""
    least = -(-size // PART_LIMIT)
    return max(PART, -(-least // MIB) * MIB)


def stream_part_size(number: int) -> int | None:
    """Return the bytes of part `number` (from 1) of a stream, or None where no further part is possible."""
    return next((size for last, size in STREAM_PARTS if number <= last), None)


def checksum_text(crc: int) -> str:
    """Return a CRC32 as S3 writes it: base64 of its four bytes, the highest first."""
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


# ---- keys


def file_key(path: str, prefix: str) -> str:
    """Return the key of a file: the prefix, literally, and the file's base name, as `aws s3 cp` makes it."""
    return prefix + posixpath.basename(path)


def folder_key(relative: str, prefix: str) -> str:
    """Return the key of a file in a folder: the prefix, literally, and its path within the folder."""
    return prefix + relative


# What XML 1.0 has no way to write. Source: W3C, "Extensible Markup Language (XML) 1.0", section 2.2, Char.
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def fits_xml(key: str) -> bool:
    """Return whether XML 1.0 can write a key, and so whether S3's requests and replies that hold keys can name it."""
    return xml_start(key) == key


def xml_start(key: str) -> str:
    """Return a key as far as XML 1.0 can write it."""
    return _NO_XML.split(key, maxsplit=1)[0]


_TYPES = mimetypes.MimeTypes(filenames=())
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def content_type(name: str) -> str:
    """Return the media type that a file name says, from Python's own table, the same on every machine."""
    kind, packing = _TYPES.guess_type(name)
    if packing:
        return _PACKED.get(packing, "application/octet-stream")
    return kind or "application/octet-stream"


@dataclass(frozen=True)
class Filter:
    """Which files of a folder go: those that fit an include (all, where there is none) and fit no exclude."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def takes(self, relative: str) -> bool:
        """Return whether a path, relative to what was named, goes. `*` also stands for slashes."""
        wanted = not self.include or any(fnmatchcase(relative, pattern) for pattern in self.include)
        return wanted and not self.leaves_out(relative)

    def leaves_out(self, relative: str) -> bool:
        """Return whether an exclude fits; a folder that it fits stays whole."""
        return any(fnmatchcase(relative, pattern) for pattern in self.exclude)


def check_filter(include: Sequence[str], exclude: Sequence[str]) -> Filter:
    """Return the filter. Raises Usage where it can let nothing through."""
    if "*" in exclude:
        raise Usage(
            "--exclude '*' leaves nothing to upload.",
            hint="--include alone takes only what fits it: leave --exclude '*' out",
        )
    return Filter(tuple(include), tuple(exclude))


# ---- what is to be sent, and what came of it


@dataclass(frozen=True, slots=True)  # there is one per file, and there may be millions
class LocalFile:
    """A file as it was found. path: to open it; shown: as the person named it."""

    path: str
    shown: str
    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Shipment:
    """One file and what became of it: `uploaded`, `unchanged`, `planned` or `failed`. crc32 as S3 writes it."""

    file: LocalFile
    status: str
    crc32: str = ""
    version: str | None = None
    error: HandrailError | None = None

    def as_json(self) -> dict[str, object]:
        """Return it as a row of an upload's `objects`."""
        row: dict[str, object] = {
            "path": self.file.shown,
            "key": self.file.key,
            "size": self.file.size,
            "status": self.status,
            "crc32": self.crc32 or None,
        }
        if self.version:
            row["version"] = self.version
        if self.error is not None:
            row["error"] = self.error.as_json()
        return row


@dataclass(frozen=True)
class Progress:
    """How far an upload is. Sizes in bytes, total None for a stream."""

    files: int
    total_files: int
    sent: int
    total: int | None
    seconds: float

    @property
    def rate(self) -> float:
        """Return bytes per second so far."""
        return self.sent / self.seconds if self.seconds > 0 else 0.0

    @property
    def left(self) -> float | None:
        """Return the seconds that the rest would take at this rate, or None where it can't be told."""
        if self.total is None or self.rate <= 0:
            return None
        return max(0.0, (self.total - self.sent) / self.rate)


_ROOM = 79  # columns: a terminal of 80 without its last, which a line that is rewritten leaves free
_GAP = "  "
_BAR_LONGEST, _BAR_SHORTEST = 24, 5


def progress_text(progress: Progress) -> str:
    """Return the line of an upload that runs: files, bytes, a bar, percent, rate, time left; at most 79 columns.

    Where these are too many, the bar is shorter or left out, then the percent: they only repeat what the bytes say.
    """
    head = f"{progress.files:,} of {count(progress.total_files, 'file')} · {readable(progress.sent)}"
    rate = f"{readable(int(progress.rate))}/s"
    if progress.total is None:
        return f"{head} · {rate}"
    head += f" of {readable(progress.total)}"
    share = min(1.0, progress.sent / progress.total) if progress.total else 1.0
    tail = [rate] if progress.left is None else [rate, f"{span(progress.left)} left"]
    room = _ROOM - len(_GAP.join([head, *tail]))
    percent = _fitting(f"{share:.0%}".replace("%", " %"), room)
    bar = _bar(share, room - sum(len(_GAP + text) for text in percent) - len(_GAP)) if percent else []
    return _GAP.join([head, *bar, *percent, *tail])


def _fitting(text: str, room: int) -> list[str]:
    return [text] if len(_GAP + text) <= room else []


def _bar(share: float, room: int) -> list[str]:
    size = min(_BAR_LONGEST, room)
    if size < _BAR_SHORTEST:
        return []
    done = round(share * size)
    return ["━" * done + "─" * (size - done)]


def sum_sizes(files: Iterable[LocalFile]) -> int:
    """Return the bytes of all files."""
    return sum(file.size for file in files)
