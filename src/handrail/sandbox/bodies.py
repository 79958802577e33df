"""Keeps large S3 bodies out of memory: moto joins parts, and answers ranges, on copies of whole objects."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from base64 import b64encode
from collections.abc import Iterator
from typing import IO, Any

from handrail.sandbox.fidelity.registry import require_name, wrap

LARGE = 5 * 1024 * 1024  # moto keeps what is larger in a file
CHUNK = 1024 * 1024

reading_lazily = False


class StoredBody:
    """The content of a file, read where it is asked for; goes on to be readable when the object is gone."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._descriptor = os.dup(file.fileno())
        self._size = size

    def __del__(self) -> None:
        os.close(self._descriptor)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        return os.pread(self._descriptor, stop - start, start)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, self._size, CHUNK):
            yield self[start : start + CHUNK]


class Joined:
    """The parts of an upload, joined in a file that becomes the object's."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the object
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def append(self, content: bytes) -> None:
        """Add a part."""
        self.file.write(content)
        self.size += len(content)


class Checksum:
    """The checksum of an upload in parts: of the whole, or of the parts' checksums."""

    def __init__(self, algorithm: str, kind: str) -> None:
        self._algorithm = algorithm
        self._kind = kind
        self._parts = 0
        self._crc = 0
        self._hash = hashlib.new("sha256" if algorithm == "CRC32" else algorithm.lower(), usedforsecurity=False)

    def update(self, content: bytes) -> None:
        """Take a part into account."""
        self._parts += 1
        if self._kind == "COMPOSITE":
            part = Checksum(self._algorithm, "FULL_OBJECT")
            part.update(content)
            content = part.digest()
        self._crc = zlib.crc32(content, self._crc)
        if self._algorithm != "CRC32":
            self._hash.update(content)

    def digest(self) -> bytes:
        """Return the checksum so far."""
        return self._crc.to_bytes(4, "big") if self._algorithm == "CRC32" else self._hash.digest()

    def result(self) -> tuple[str, str, int]:
        """Return the checksum as moto keeps it: its type, its value, and of how many parts it is made."""
        return self._kind, b64encode(self.digest()).decode(), self._parts if self._kind == "COMPOSITE" else 1


def start_checksum(metadata: Any) -> Checksum | None:
    """Return the checksum that an upload was started with, None where there is none that can be computed."""
    algorithm = metadata.get("x-amz-checksum-algorithm")
    if algorithm not in ("CRC32", "SHA1", "SHA256"):
        return None
    return Checksum(algorithm, metadata.get("x-amz-checksum-type") or "COMPOSITE")


def complete(upload: Any, body: Iterator[tuple[int, str]]) -> tuple[Joined, str, tuple[str, str, int] | None]:
    """Join the parts named; as moto's own, but a part at a time."""
    from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
    from moto.settings import S3_UPLOAD_PART_MIN_SIZE

    checksum = start_checksum(upload.metadata)
    joined, digests, last = Joined(), b"", None
    for number, etag in body:
        part = upload.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
        if last is not None and last.contentsize < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall
        content = part.value
        joined.append(content)
        digests += bytes.fromhex(part.etag.strip('"'))
        if checksum is not None:
            checksum.update(content)
        last = part
    if last is None:
        raise MalformedXML
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(digests) // 16}"
    return joined, etag, checksum.result() if checksum else None


def keep_out_of_memory() -> None:
    """Let objects that are files be read and made as files."""
    from moto.s3.models import FakeKey, FakeMultipart
    from moto.s3.responses import S3Response

    stock = FakeKey.__dict__["value"]
    require_name(stock.fget, "_value_buffer")

    def get_value(self: Any) -> Any:
        if reading_lazily and self.contentsize > LARGE:
            self._value_buffer.flush()
            return StoredBody(self._value_buffer, self.contentsize)
        return stock.fget(self)

    def set_value(self: Any, value: Any) -> None:
        if isinstance(value, Joined):
            self._value_buffer, self.contentsize = value.file, value.size
        else:
            stock.fset(self, value)

    def make_get(original: Any) -> Any:
        def get_object(self: Any) -> Any:
            global reading_lazily
            reading_lazily = True
            try:
                return original(self)
            finally:
                reading_lazily = False

        return get_object

    wrap(FakeKey, "value", lambda _: property(get_value, set_value))
    wrap(FakeMultipart, "complete", lambda _: complete)
    wrap(S3Response, "get_object", make_get)
