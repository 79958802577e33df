"""The upload engine, behind one seam: `Uploader.send` and `send_stream`. Threads, multipart, checksums end to end.

A file is read twice: once for its checksum, once to be sent, and S3 refuses whatever differs from the checksum. So what
arrives is the file as it stood at one moment between the two, or an error. Nothing holds more than a few blocks of it.
"""

import os
import random
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from handrail.aws.s3_files import Digest, Meter, Slice, changed, check_same, open_file, read_digest, read_exactly
from handrail.aws.s3_objects import Objects, Unfinished
from handrail.core.errors import (
    Acted,
    AwsFailure,
    Conflict,
    HandrailError,
    Interrupted,
    NotFound,
    Unreachable,
    WrongState,
)
from handrail.core.fields import show
from handrail.core.shell import command
from handrail.core.uploads import PART, LocalFile, Progress, Shipment, checksum_text, part_size, stream_part_size

WORKERS = 8  # calls at once; botocore keeps ten connections to a host
WINDOW = 4 * WORKERS  # files that are begun before the first of them has ended
LOOK = 0.1  # seconds between two words about progress
PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6)  # seconds before each repeat of a call that S3 asks to be repeated
Tell = Callable[[Progress], None]
Part = dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """How things are uploaded. bucket must belong to account on every call; type_of gives the media type of a file.

    begun: hears the id of each multipart upload that was begun.
    """

    bucket: str
    account: str
    type_of: Callable[[LocalFile], str]
    overwrite: bool = False
    begun: Callable[[str], object] = lambda id: None

    @property
    def condition(self) -> dict[str, str]:
        """Return what keeps a call from replacing an object."""
        return {} if self.overwrite else {"IfNoneMatch": "*"}


class SkippedError(Exception):
    """A part was not sent because another one had failed."""


class Uploader:
    """Uploads to one bucket. Ctrl-C ends it, after what is unfinished was aborted."""

    def __init__(self, client: Any, terms: Terms) -> None:
        self._terms, self._objects = terms, Objects(client, terms.bucket, terms.account)
        self._slots = threading.BoundedSemaphore(WORKERS)

    def send(self, files: Sequence[LocalFile], tell: Tell) -> list[Shipment]:
        """Upload files, several at once, and return what became of each, in order.

        A file that fails is a Shipment with its error, and the others go on. Raises Interrupted on Ctrl-C.
        """
        meter = Meter(total_files=len(files), total=sum(file.size for file in files))
        window: list[Future[Shipment]] = []
        shipments: list[Shipment] = []
        with _pool("part") as parts, _pool("file") as pool:
            try:
                for file in files:
                    window.append(pool.submit(self._ship, file, meter, parts))
                    if len(window) >= WINDOW:
                        shipments.append(_first(window, meter, tell))
                while window:
                    shipments.append(_first(window, meter, tell))
            except KeyboardInterrupt as stop:
                meter.stopping.set()
                wait(window)
                raise Interrupted(
                    f"interrupted: {meter.files:,} of {meter.total_files:,} files were uploaded.",
                    hint="repeat the command: what is there already is not sent again",
                    by=stop,
                ) from None
        return shipments

    def send_stream(self, stream: BinaryIO, file: LocalFile, tell: Tell) -> Shipment:
        """Upload what a stream gives until its end: in one call if it is small, else in parts as they are read.

        Raises HandrailError; what was unfinished is aborted.
        """
        meter = Meter()
        try:
            first = read_exactly(stream, PART + 1)
            if len(first) <= PART:
                return self._put(replace(file, size=len(first)), first, meter)
            with _pool("part") as pool, self._upload(file, meter) as upload:
                return self._send_parts(stream, first, upload, _Stream(pool, tell))
        except KeyboardInterrupt as stop:
            raise Interrupted("interrupted; nothing was uploaded.", hint="repeat the command", by=stop) from None

    # ---- one file, in a thread

    def _ship(self, file: LocalFile, meter: Meter, pool: ThreadPoolExecutor) -> Shipment:
        try:
            meter.check()
            descriptor = open_file(file)
            try:
                shipment = self._ship_open(descriptor, file, meter, pool)
            finally:
                os.close(descriptor)
        except HandrailError as error:
            return Shipment(file, "failed", error=error)
        meter.add(files=1)
        return shipment

    def _ship_open(self, descriptor: int, file: LocalFile, meter: Meter, pool: ThreadPoolExecutor) -> Shipment:
        digest = read_digest(descriptor, file, meter, self._terms.bucket)
        if digest.size > PART:
            with self._upload(file, meter) as upload:
                return self._ship_parts(descriptor, digest, upload, pool)
        body = Slice(descriptor, 0, digest.size, file, meter).read()
        if zlib.crc32(body) != digest.crc:
            raise changed(file)
        return self._put(file, body, meter)

    def _put(self, file: LocalFile, body: bytes, meter: Meter) -> Shipment:
        ours = checksum_text(zlib.crc32(body))
        pauses = iter(PAUSES)
        while True:
            try:
                reply = self._put_once(file, body, ours, meter)
            except (Conflict, Unreachable) as error:
                pause = next(pauses, None) if _is_to_be_repeated(error) else None
                if pause is None:
                    return self._settle(file, ours, len(body), error)
                meter.pause(pause * random.uniform(0.5, 1))  # noqa: S311  parts two that met, keeps no secret
                continue
            meter.add(len(body))
            return self._proved(file, ours, reply)

    def _put_once(self, file: LocalFile, body: bytes, ours: str, meter: Meter) -> Mapping[str, Any]:
        said = {"Key": file.key, "ContentType": self._terms.type_of(file), "ChecksumCRC32": ours}
        with self._slots:
            meter.check()
            reply: Mapping[str, Any] = self._objects.ask(
                "s3:PutObject", file.key, Body=body, **said, **self._terms.condition
            )
        return reply

    def _ship_parts(self, descriptor: int, digest: Digest, upload: "_Upload", pool: ThreadPoolExecutor) -> Shipment:
        size = part_size(digest.size)
        futures = []
        for number, crc in enumerate(digest.parts, start=1):
            start = (number - 1) * size
            body = Slice(descriptor, start, min(size, digest.size - start), upload.file, upload.meter)
            futures.append(pool.submit(upload.part, number, body, crc))
        wait(futures)
        check_same(descriptor, digest, upload.file)
        return self._complete(upload, _parts(futures), digest.crc, digest.size)

    def _send_parts(self, stream: BinaryIO, first: bytes, upload: "_Upload", flow: "_Stream") -> Shipment:
        crc = total = number = 0
        rest = first
        try:
            while rest:
                number += 1
                size = _stream_part_size(number, upload.file)
                data = rest[:size] + read_exactly(stream, size - len(rest))
                rest = rest[size:] or read_exactly(stream, 1)
                crc, total = zlib.crc32(data, crc), total + len(data)
                flow.add(upload, number, data)
            shipment = self._complete(upload, flow.finish(), crc, total)
            return replace(shipment, file=replace(shipment.file, size=total))
        except BaseException:
            upload.failed.set()
            wait(flow.futures)
            raise

    # ---- multipart

    @contextmanager
    def _upload(self, file: LocalFile, meter: Meter) -> Iterator["_Upload"]:
        """Begin a multipart upload; whatever ends the block early aborts it."""
        said = {"Key": file.key, "ContentType": self._terms.type_of(file)}
        checked = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
        with self._slots:
            reply = self._objects.ask("s3:CreateMultipartUpload", file.key, **said, **checked)
        upload = _Upload(self._objects, file, reply["UploadId"], self._slots, meter)
        try:
            self._terms.begun(upload.id)
            yield upload
        except BaseException as error:
            self._abort(upload, error)
            raise

    def _abort(self, upload: "_Upload", error: BaseException) -> None:
        try:
            self._objects.abort(Unfinished(upload.file.key, upload.id, None))
        except HandrailError:
            if isinstance(error, HandrailError):
                error.facts = (*error.facts, ("left", f"an unfinished upload of {upload.file.key}"))

    def _complete(self, upload: "_Upload", parts: Sequence[Part], crc: int, size: int) -> Shipment:
        ours, file = checksum_text(crc), upload.file
        whole = {"ChecksumCRC32": ours, "ChecksumType": "FULL_OBJECT", "MpuObjectSize": size, **self._terms.condition}
        try:
            with self._slots:
                reply = self._objects.ask(
                    "s3:CompleteMultipartUpload", file.key, **upload.named, MultipartUpload={"Parts": parts}, **whole
                )
        except (Conflict, Unreachable, NotFound) as error:
            shipment = self._settle(file, ours, size, error)
            self._abort(upload, error)
            return shipment
        return self._proved(file, ours, reply)

    # ---- what S3 has

    def _settle(self, file: LocalFile, ours: str, size: int, error: HandrailError) -> Shipment:
        """Return what became of a file whose call ended in doubt: the object itself says. Raises `error` if not.

        A lost answer makes botocore repeat the call, and the repeat meets the object that the first one made.
        """
        there = self._objects.head(file.key)
        if there is not None and (there.crc32, there.size) == (ours, size):
            return Shipment(file, "unchanged" if isinstance(error, Conflict) else "uploaded", ours)
        if there is not None and isinstance(error, Conflict):
            raise in_the_way(file) from error
        raise _met_another(file, error) if _is_to_be_repeated(error) else error

    def _proved(self, file: LocalFile, ours: str, reply: Mapping[str, Any]) -> Shipment:
        """Return the file as uploaded if the checksum of what S3 stored is ours. Raises AwsFailure."""
        theirs = reply.get("ChecksumCRC32")
        if theirs is None:
            there = self._objects.head(file.key)
            theirs = there.crc32 if there is not None else None
        if theirs != ours:
            raise AwsFailure(
                f"what S3 stored as {show(file.key)} is not what was sent: its checksum is {theirs or 'unknown'}.",
                hint=f"{command('s3 remove', self._terms.bucket, file.key)}, and upload it again",
                details={"key": file.key, "crc32": ours, "stored": theirs},
                acted=Acted.NO,
                code="checksum_mismatch",
            )
        version = reply.get("VersionId")
        return Shipment(file, "uploaded", ours, None if version == "null" else version)


class _Upload:
    """A multipart upload on its way."""

    def __init__(
        self, objects: Objects, file: LocalFile, id: str, slots: threading.BoundedSemaphore, meter: Meter
    ) -> None:
        self._objects, self._slots = objects, slots
        self.file, self.id, self.meter = file, id, meter
        self.named = {"Key": file.key, "UploadId": id}
        self.failed = threading.Event()

    def part(self, number: int, body: Slice | bytes, crc: int) -> Part:
        """Send one part and return how CompleteMultipartUpload names it. Raises SkippedError after another failed."""
        theirs = checksum_text(crc)
        with self._slots:
            if self.failed.is_set():
                raise SkippedError
            try:
                said = {"PartNumber": number, "ContentLength": len(body), "ChecksumCRC32": theirs}
                reply = self._objects.ask("s3:UploadPart", self.file.key, **self.named, Body=body, **said)
            except HandrailError:
                self.failed.set()
                raise
        self.meter.add(len(body))
        return {"PartNumber": number, "ETag": reply["ETag"], "ChecksumCRC32": theirs}


class _Stream:
    """The parts of a stream that are in flight, and those that arrived; few enough that they fit in memory."""

    def __init__(self, pool: ThreadPoolExecutor, tell: Tell) -> None:
        self._pool, self._tell = pool, tell
        self.futures: list[Future[Part]] = []
        self._done: list[Part] = []

    def add(self, upload: _Upload, number: int, data: bytes) -> None:
        """Send a part once there is room for it. Raises what an earlier one failed with."""
        self.futures.append(self._pool.submit(upload.part, number, data, zlib.crc32(data)))
        if len(self.futures) >= (WORKERS if len(data) <= PART else 2):
            self._done += _parts([self.futures.pop(0)])
        self._tell(upload.meter.progress())

    def finish(self) -> list[Part]:
        """Return all parts, in order, once they are there."""
        wait(self.futures)
        return [*self._done, *_parts(self.futures)]


def _parts(futures: Sequence[Future[Part]]) -> list[Part]:
    """Return the parts in order. Raises what the first of them failed with, skipped ones aside."""
    faults = [fault for future in futures if (fault := future.exception()) is not None]
    if faults:
        raise next((fault for fault in faults if not isinstance(fault, SkippedError)), faults[0])
    return [future.result() for future in futures]


def in_the_way(file: LocalFile) -> Conflict:
    """Return the error of an object that stands where a file was to go."""
    return Conflict(
        f"{show(file.key)} is there already with other content.",
        hint="--overwrite replaces it",
        details={"key": file.key},
    )


def _is_to_be_repeated(error: HandrailError) -> bool:
    """Return whether S3 took nothing because another call of the same key was under way.

    Source: Amazon S3 API reference, PutObject and CompleteMultipartUpload, If-None-Match ("On a 409 failure you should
    retry the upload"); a multipart upload must be begun anew.
    """
    return error.details.get("aws_code") == "ConditionalRequestConflict"


def _met_another(file: LocalFile, error: HandrailError) -> Conflict:
    return Conflict(
        f"{show(file.key)} was being written or deleted by somebody else at the same time; it was not uploaded.",
        hint="repeat the command: what is there already is not sent again",
        details={**error.details, "key": file.key},
    )


def _stream_part_size(number: int, file: LocalFile) -> int:
    size = stream_part_size(number)
    if size is None:
        raise WrongState(
            f"{show(file.shown)} is too long for a stream of unknown length.", hint="write it to a file, upload that"
        )
    return size


def _pool(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix=name)


def _first(window: list[Future[Shipment]], meter: Meter, tell: Tell) -> Shipment:
    """Return the first of the window once it has ended, saying how far it is meanwhile."""
    while not wait(window[:1], timeout=LOOK).done:
        tell(meter.progress())
    tell(meter.progress())
    return window.pop(0).result()
