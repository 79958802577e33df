"""Uploads over a wire that flips bytes, loses answers and lies: nothing is called done that is not."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from conftest import Handrail, Sandbox
from handrail.aws.s3_compare import compare
from handrail.aws.s3_files import Meter, Slice, digest_of, open_file, read_digest
from handrail.aws.s3_objects import Deleted, Objects, Unfinished
from handrail.aws.s3_upload import Terms, Uploader, _stream_part_size
from handrail.core.errors import AwsFailure, HandrailError, Interrupted, WrongState
from handrail.core.resources import StoredObject
from handrail.core.uploads import PART, LocalFile, Progress, Shipment
from handrail.sandbox import launcher
from wire import Forward, Hook, Reply, Request, Wire, listing, pass_on, s3_page

ACCOUNT = "123456789012"
Unique = Callable[[str], str]


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[Wire]:
    """Return a proxy in front of the sandbox; a test sets its hook."""
    with Wire(sandbox.running.endpoint) as made:
        yield made


@pytest.fixture
def bucket(sandbox: Sandbox, unique: Unique) -> str:
    """Return a bucket for the engine alone."""
    name = unique("wire")
    sandbox.client("s3").create_bucket(Bucket=name)
    return name


def client_of(sandbox: Sandbox, endpoint: str, attempts: int = 2) -> Any:
    """Return an S3 client over a wire."""
    keys = launcher.keys_for(sandbox.state_dir, "dev-1")
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        config=Config(retries={"mode": "standard", "total_max_attempts": attempts}, read_timeout=20),
    )


def engine(sandbox: Sandbox, endpoint: str, bucket: str, *, overwrite: bool = False) -> Uploader:
    """Return the upload engine over a wire."""
    return Uploader(client_of(sandbox, endpoint), Terms(bucket, ACCOUNT, lambda file: "text/plain", overwrite))


def local(path: Path, data: bytes) -> LocalFile:
    """Return a file to upload."""
    path.write_bytes(data)
    return LocalFile(str(path), path.name, path.name, len(data))


def quiet(progress: Progress) -> None:
    """Say nothing."""


def first_of(uploader: Uploader, file: LocalFile) -> Shipment:
    """Upload one file."""
    return uploader.send([file], quiet)[0]


def failure(shipment: Shipment) -> HandrailError:
    """Return what a file failed with."""
    assert shipment.status == "failed"
    assert shipment.error is not None
    return shipment.error


def is_put(request: Request) -> bool:
    """Return whether a request sends bytes of an object."""
    return request.method == "PUT" and bool(request.body) and "/wire-" in request.path


def is_complete(request: Request) -> bool:
    """Return whether a request completes a multipart upload."""
    return request.method == "POST" and "uploadId" in request.query


def flip(request: Request, forward: Forward) -> Reply | None:
    """Flip one bit in the middle of every object or part on its way."""
    if not is_put(request):
        return forward(request)
    spoilt = bytearray(request.body)
    spoilt[len(spoilt) // 2] ^= 1
    return forward(replace(request, body=bytes(spoilt)))


def left_of(sandbox: Sandbox, bucket: str) -> tuple[list[str], list[str]]:
    """Return the keys and the unfinished uploads in a bucket."""
    s3 = sandbox.client("s3")
    objects = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return objects, [one["Key"] for one in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


@pytest.mark.parametrize("size", [1, PART, PART + 1])
def test_a_byte_flipped_on_the_wire_is_caught(
    sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path, size: int
) -> None:
    wire.hook = flip
    failure(first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "a", os.urandom(size))))
    assert left_of(sandbox, bucket) == ([], [])


def test_the_program_says_so_and_exits_1(handrail: Handrail, wire: Wire, unique: Unique) -> None:
    name = unique("wire")
    handrail.ok("s3", "create", name)
    (handrail.cwd / "a.txt").write_bytes(b"hello")
    wire.hook = flip
    done = handrail("--target", "sandbox", "s3", "upload", name, "a.txt", AWS_ENDPOINT_URL=wire.endpoint)
    assert done.code == 1, done.err
    assert "is in" not in done.out
    assert any(is_put(request) for request in wire.requests)


@pytest.mark.parametrize("size", [5, PART + 1])
def test_what_s3_says_it_stored_is_compared(
    sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path, size: int
) -> None:
    def lie(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        if is_complete(request):
            return reply.saying(body=reply.body.replace(b"<ChecksumCRC32>", b"<ChecksumCRC32>AAAA"))
        lies = {**reply.headers, "x-amz-checksum-crc32": "AAAAAA=="}
        return reply.saying(headers=lies) if is_put(request) and size < PART else reply

    wire.hook = lie
    error = failure(first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "a", os.urandom(size))))
    assert error.slug == "checksum_mismatch"


def test_a_reply_without_a_checksum_is_looked_up(sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path) -> None:
    def silent(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        kept = {name: value for name, value in reply.headers.items() if "checksum" not in name.lower()}
        return replace(reply, headers=kept) if is_put(request) else reply

    wire.hook = silent
    assert first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "a", b"abc")).status == "uploaded"

    def deaf(request: Request, forward: Forward) -> Reply | None:
        return Reply(404) if request.method == "HEAD" else silent(request, forward)

    wire.hook = deaf
    error = failure(first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "b", b"abc")))
    assert "unknown" in error.message


@pytest.mark.parametrize("size", [5, PART + 1])
def test_a_lost_answer_is_settled_by_a_look(
    sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path, size: int
) -> None:
    def lose(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        lost = is_complete(request) if size > PART else is_put(request)
        return None if lost else reply

    wire.hook = lose
    file = local(tmp_path / "a", os.urandom(size))
    assert first_of(engine(sandbox, wire.endpoint, bucket), file).status in ("uploaded", "unchanged")
    assert left_of(sandbox, bucket) == (["a"], [])
    wire.hook = lambda request, forward: None if request.method in ("PUT", "POST") else forward(request)
    lost = replace(file, key="never")
    assert failure(first_of(engine(sandbox, wire.endpoint, bucket), lost)).slug == "unreachable"
    assert left_of(sandbox, bucket) == (["a"], [])


def test_an_error_inside_a_200_is_read(sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path) -> None:
    def fail(request: Request, forward: Forward) -> Reply | None:
        if not is_complete(request):
            return forward(request)
        body = b'<?xml version="1.0"?>\n\n<Error><Code>InternalError</Code><Message>We failed.</Message></Error>'
        return Reply(200, {"Content-Type": "application/xml"}, body)

    wire.hook = fail
    failure(first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "a", os.urandom(PART + 1))))
    assert left_of(sandbox, bucket) == ([], [])
    assert sum(is_complete(request) for request in wire.requests) == 2


def test_an_upload_that_can_not_be_aborted_says_what_it_left(
    sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path
) -> None:
    def refuse(request: Request, forward: Forward) -> Reply | None:
        if request.method == "DELETE" or "partNumber=2" in request.query:
            body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
            return Reply(403, {"Content-Type": "application/xml"}, body)
        return forward(request)

    wire.hook = refuse
    error = failure(first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "a", os.urandom(3 * PART))))
    assert ("left", "an unfinished upload of a") in error.facts
    assert left_of(sandbox, bucket) == ([], ["a"])


def test_an_object_that_came_in_between_is_not_replaced(
    sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path
) -> None:
    s3 = sandbox.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"theirs")
    for size in (6, PART + 1):
        error = failure(first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "a", os.urandom(size))))
        assert "other content" in error.message
    assert left_of(sandbox, bucket) == (["a"], [])
    file = local(tmp_path / "a", b"mine now")
    assert first_of(engine(sandbox, wire.endpoint, bucket, overwrite=True), file).status == "uploaded"
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"mine now"


def conflict(*wants: str, times: int) -> Hook:
    """Return a hook that says of a call, so many times, that another one of the same key is under way."""
    left = [times]
    body = b"<Error><Code>ConditionalRequestConflict</Code><Message>no</Message></Error>"

    def hook(request: Request, forward: Forward) -> Reply | None:
        if left[0] and all(want in f"{request.method} {request.target}" for want in wants):
            left[0] -= 1
            return Reply(409, {"Content-Type": "application/xml"}, body)
        return forward(request)

    return hook


def test_a_call_that_met_another_is_repeated(sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path) -> None:
    wire.hook = conflict("PUT", times=2)
    assert first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "a", b"mine")).status == "uploaded"
    assert sum(is_put(request) for request in wire.requests) == 3
    wire.hook = conflict("PUT", times=9)
    error = failure(first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "b", b"mine")))
    assert (error.slug, error.exit_code) == ("conflict", 5)
    assert "at the same time; it was not uploaded" in error.message
    assert error.hint.startswith("repeat the command")
    assert left_of(sandbox, bucket) == (["a"], [])


def test_parts_that_met_another_are_not_put_together(sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path) -> None:
    wire.hook = conflict("POST", "uploadId", times=1)
    error = failure(first_of(engine(sandbox, wire.endpoint, bucket), local(tmp_path / "a", os.urandom(PART + 1))))
    assert "at the same time; it was not uploaded" in error.message
    assert sum(is_complete(request) for request in wire.requests) == 1, "S3 wants it begun anew"
    assert left_of(sandbox, bucket) == ([], [])


def test_a_wait_for_another_call_can_be_interrupted() -> None:
    meter = Meter()
    meter.pause(0.01)
    meter.stopping.set()
    with pytest.raises(Interrupted):
        meter.pause(60)


# ---- files that change, Ctrl-C


def on_part(number: int, act: Callable[[], object]) -> Hook:
    """Return a hook that does something when a part arrives, once."""
    done = threading.Event()

    def hook(request: Request, forward: Forward) -> Reply | None:
        if f"partNumber={number}" in request.query and not done.is_set():
            done.set()
            act()
        return forward(request)

    return hook


@pytest.mark.parametrize("how", ["write", "hidden", "truncate", "append", "replace"])
def test_a_file_that_changes_while_it_is_sent_is_caught(
    sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "a"
    file = local(path, os.urandom(3 * PART))
    before = path.stat()

    def change() -> None:
        if how == "truncate":
            os.truncate(path, 10)
        elif how == "append":
            with path.open("ab") as stream:
                stream.write(b"more")
        else:
            with path.open("r+b") as stream:
                stream.seek(0 if how == "write" else 2 * PART)
                stream.write(b"changed!")
            if how == "hidden":
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    wire.hook = on_part(1, change)
    error = failure(first_of(engine(sandbox, wire.endpoint, bucket), file))
    assert error.slug == "file_changed"
    assert left_of(sandbox, bucket) == ([], [])


def test_a_file_that_changes_under_its_first_reading_is_caught(tmp_path: Path) -> None:
    file = local(tmp_path / "a", b"x" * 100)
    meter = Meter()
    descriptor = open_file(file)
    try:
        digest = read_digest(descriptor, file, meter, "b")
        os.truncate(file.path, 50)
        body = Slice(descriptor, 0, digest.size, file, meter)
        assert len(body.read()) == 50
        with pytest.raises(WrongState, match="changed while"):
            body.read()
        assert body.seek(-10, os.SEEK_END) == 90
        assert body.seek(-10, os.SEEK_CUR) == body.tell() == 80
        assert body.seek(100) == 100
        assert body.read(5) == b""
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("size", [50, 150, PART + 1])
def test_a_file_of_another_size_than_it_was_found_with_is_not_sent(
    sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path, size: int
) -> None:
    file = local(tmp_path / "a", b"x" * 100)
    Path(file.path).write_bytes(b"y" * size)
    assert failure(first_of(engine(sandbox, wire.endpoint, bucket), file)).slug == "file_changed"
    assert wire.requests == []
    objects = Objects(client_of(sandbox, sandbox.running.endpoint), bucket, ACCOUNT)
    sandbox.client("s3").put_object(Bucket=bucket, Key="a", Body=b"z" * 100, ChecksumAlgorithm="CRC32")
    found = objects.present(["a"])
    assert failure(compare(objects, [file], found, lambda number: None, overwrite=True)[0]).slug == "file_changed"


def test_what_gives_more_than_its_size_is_refused(tmp_path: Path) -> None:
    info = LocalFile("/proc/self/status", "/proc/self/status", "a b", 0)
    if Path(info.path).exists():
        with pytest.raises(WrongState, match="says it has 0 bytes") as refused:
            digest_of(info, Meter(), "team")
        assert refused.value.hint == "cat /proc/self/status | handrail s3 upload team - --key 'a b'"
    grown = local(tmp_path / "grown", b"x" * 10)
    descriptor = open_file(grown)
    meter = Growing()
    meter.path = tmp_path / "grown"
    try:
        with pytest.raises(WrongState, match="changed while"):
            read_digest(descriptor, grown, meter, "team")
    finally:
        os.close(descriptor)
    mute = os.open(local(tmp_path / "mute", b"").path, os.O_WRONLY)
    try:
        with pytest.raises(WrongState, match="can't be read"):
            read_digest(mute, LocalFile("mute", "mute", "mute", 0), Meter(), "team")
    finally:
        os.close(mute)


class Growing(Meter):
    """A meter behind whose back a file grows, its times as before."""

    path: Path

    def check(self) -> None:
        """Let it grow."""
        before = self.path.stat()
        with self.path.open("ab") as stream:
            stream.write(b"more")
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))


class Meddling(Meter):
    """A meter that changes a file after so many blocks were read."""

    path: Path
    blocks = 0

    def check(self) -> None:
        """Change the file at the third look."""
        self.blocks += 1
        if self.blocks == 3:
            self.path.write_bytes(b"y" * 100)


def test_a_small_file_that_changes_between_its_two_readings_is_caught(
    sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path
) -> None:
    file = local(tmp_path / "a", b"x" * 100)
    meter = Meddling()
    meter.path = tmp_path / "a"
    descriptor = open_file(file)
    try:
        with ThreadPoolExecutor(1) as pool, pytest.raises(WrongState, match="changed while"):
            engine(sandbox, wire.endpoint, bucket)._ship_open(descriptor, file, meter, pool)
    finally:
        os.close(descriptor)
    assert wire.requests == []


def test_a_comparison_can_be_interrupted(sandbox: Sandbox, bucket: str, tmp_path: Path) -> None:
    def press(number: int) -> None:
        raise KeyboardInterrupt

    files = [local(tmp_path / "a", b"x"), local(tmp_path / "b", b"x")]
    objects = Objects(client_of(sandbox, sandbox.running.endpoint), bucket, ACCOUNT)
    with pytest.raises(Interrupted):
        compare(objects, files, {}, press, overwrite=False)
    ghost = StoredObject("a", 1, None)
    assert compare(objects, files[:1], {"a": ghost}, lambda number: None, overwrite=True)[0].status == "planned"


def test_a_stream_may_be_too_long() -> None:
    with pytest.raises(WrongState, match="too long"):
        _stream_part_size(10_001, LocalFile("", "-", "k", 0))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WrongState, match="is not a file"):
        digest_of(LocalFile(str(tmp_path / "pipe"), "pipe", "k", 0), Meter(), "b")
    with pytest.raises(WrongState, match="can't be read"):
        digest_of(LocalFile(str(tmp_path / "none"), "none", "k", 0), Meter(), "b")
    shut = Slice(open_file(LocalFile(str(tmp_path), ".", "k", 0)), 0, 5, LocalFile(".", ".", "k", 5), Meter())
    with pytest.raises(WrongState, match="can't be read"):
        shut.read()


def test_ctrl_c_aborts_what_is_unfinished(sandbox: Sandbox, wire: Wire, bucket: str, tmp_path: Path) -> None:
    started = threading.Event()
    wire.hook = on_part(1, started.set)

    def press(progress: Progress) -> None:
        if started.is_set():
            raise KeyboardInterrupt

    files = [local(tmp_path / f"f{number}", os.urandom(12 * PART if number == 0 else 9)) for number in range(40)]
    with pytest.raises(Interrupted, match="of 40 files were uploaded"):
        engine(sandbox, wire.endpoint, bucket).send(files, press)
    objects, unfinished = left_of(sandbox, bucket)
    assert unfinished == []
    assert "f0" not in objects


class Endless:
    """A stream that goes on until somebody presses Ctrl-C, or breaks."""

    def __init__(self, error: BaseException, after: int) -> None:
        self.error, self.left = error, after

    def read(self, size: int) -> bytes:
        """Return bytes, at last an error."""
        self.left -= 1
        if self.left < 0:
            raise self.error
        return b"x" * size


@pytest.mark.parametrize(("error", "expected"), [(KeyboardInterrupt(), Interrupted), (OSError("gone"), OSError)])
def test_a_stream_that_breaks_leaves_nothing(
    sandbox: Sandbox, wire: Wire, bucket: str, error: BaseException, expected: type[BaseException]
) -> None:
    stream: Any = Endless(error, 12)
    with pytest.raises(expected):
        engine(sandbox, wire.endpoint, bucket).send_stream(stream, LocalFile("", "-", "k", 0), quiet)
    assert left_of(sandbox, bucket) == ([], [])


def test_a_stream_that_breaks_and_can_not_be_aborted_still_says_why(sandbox: Sandbox, wire: Wire, bucket: str) -> None:
    wire.hook = lambda request, forward: Reply(403) if request.method == "DELETE" else forward(request)
    stream: Any = Endless(OSError("gone"), 3)
    with pytest.raises(OSError, match="gone"):
        engine(sandbox, wire.endpoint, bucket).send_stream(stream, LocalFile("", "-", "k", 0), quiet)


def test_a_part_of_a_stream_that_fails_ends_it(sandbox: Sandbox, wire: Wire, bucket: str) -> None:
    wire.hook = flip
    stream: Any = Endless(OSError("must not get here"), 40)
    with pytest.raises(AwsFailure):
        engine(sandbox, wire.endpoint, bucket).send_stream(stream, LocalFile("", "-", "wire-k", 0), quiet)
    assert left_of(sandbox, bucket) == ([], [])


# ---- listing


def test_what_is_there_is_found_with_few_calls(sandbox: Sandbox, wire: Wire, bucket: str) -> None:
    wire.hook = listing(50_000)
    objects = Objects(client_of(sandbox, wire.endpoint), bucket, ACCOUNT)
    assert objects.present([]) == {}
    assert wire.requests == []
    wire.hook = pass_on
    s3 = sandbox.client("s3")
    for key in ("a", "b/1", "b/2", "z\x01", "ü"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    wanted = ["a", "b/1", "nowhere", "ü", "\x00", "z\x01", "\ue000"]
    assert sorted(objects.present(wanted)) == ["a", "b/1", "z\x01", "ü"]
    assert len(wire.requests) == 1
    assert list(objects.present(["z\x01"])) == ["z\x01"]
    assert objects.present(["\ue000"]) == {}


def test_it_leaps_over_what_nobody_asked_for(sandbox: Sandbox, wire: Wire, bucket: str) -> None:
    s3 = sandbox.client("s3")
    for key in [f"m{number:03d}" for number in range(20)] + ["a", "z"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")

    client = client_of(sandbox, wire.endpoint)
    client.meta.events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: {**params, "MaxKeys": 3})
    objects = Objects(client, bucket, ACCOUNT)
    assert sorted(objects.present(["a", "m007", "m008", "z", "q"])) == ["a", "m007", "m008", "z"]
    assert len(wire.requests) == 3
    assert len(list(objects.walk("m"))) == 20
    assert [one.key for one in objects.walk("m", after="m017")] == ["m018", "m019"]


def test_pages_of_versions_uploads_and_buckets(sandbox: Sandbox, wire: Wire, bucket: str) -> None:
    s3 = sandbox.client("s3")
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    pages = {
        "versions": b"<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>%s"
        b"<Version><Key>a</Key><VersionId>NUMBER</VersionId><IsLatest>true</IsLatest><Size>1</Size></Version>"
        b"</ListVersionsResult>",
        "uploads": b"<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"
        b"<NextUploadIdMarker>NUMBER</NextUploadIdMarker><Upload><Key>a</Key><UploadId>NUMBER</UploadId></Upload>%s"
        b"</ListMultipartUploadsResult>",
    }
    seen: list[str] = []

    def paged(request: Request, forward: Forward) -> Reply | None:
        kind = next((name for name in pages if name in request.query), "")
        if not kind:
            return forward(request)
        seen.append(request.query)
        marker = b"<NextVersionIdMarker>1</NextVersionIdMarker>" if len(seen) == 1 else b""
        body = (pages[kind] % marker).replace(b"NUMBER", b"%d" % len(seen))
        if len(seen) == 3:
            body, seen[:] = body.replace(b"true</IsTruncated>", b"false</IsTruncated>"), []
        return Reply(200, {"Content-Type": "application/xml"}, body)

    wire.hook = paged
    objects = Objects(client_of(sandbox, wire.endpoint), bucket, ACCOUNT)
    assert sum(len(page) for page in objects.versions()) == 3
    assert [one.key for one in objects.unfinished()] == ["a", "a", "a"]


def test_unfinished_uploads_are_listed_as_urls_write_keys(sandbox: Sandbox, wire: Wire, bucket: str) -> None:
    page = (
        "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>{more}</IsTruncated>"
        "<NextKeyMarker>ctl%01+x</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>"
        "<Upload><Key>ctl%01+x</Key><UploadId>1</UploadId></Upload></ListMultipartUploadsResult>"
    )

    def answer(request: Request, forward: Forward) -> Reply | None:
        more = "false" if "key-marker=ctl%01%20x" in request.query else "true"
        return Reply(200, {"Content-Type": "application/xml"}, page.format(more=more).encode())

    wire.hook = answer
    objects = Objects(client_of(sandbox, wire.endpoint), bucket, ACCOUNT)
    assert [one.key for one in objects.unfinished()] == ["ctl\x01 x"] * 2
    assert all("encoding-type=url" in request.query for request in wire.requests)


def test_an_unfinished_upload_was_touched_when_its_newest_part_came(sandbox: Sandbox, wire: Wire, bucket: str) -> None:
    page = (
        "<ListPartsResult><IsTruncated>{more}</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>{part}"
        "</ListPartsResult>"
    )
    part = (
        "<Part><PartNumber>1</PartNumber><LastModified>2026-01-0{day}T00:00:00Z</LastModified><ETag>e</ETag>"
        "<Size>1</Size></Part>"
    )
    days = iter("32")

    def answer(request: Request, forward: Forward) -> Reply | None:
        more = "false" if "part-number-marker=1" in request.query else "true"
        body = page.format(more=more, part=part.format(day=next(days)))
        return Reply(200, {"Content-Type": "application/xml"}, body.encode())

    wire.hook = answer
    objects = Objects(client_of(sandbox, wire.endpoint), bucket, ACCOUNT)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    assert objects.touched_at(Unfinished("a", "1", begun)) == datetime(2026, 1, 3, tzinfo=UTC)
    wire.hook = lambda request, forward: Reply(200, {}, page.format(more="false", part="").encode())
    assert objects.touched_at(Unfinished("a", "1", begun)) == begun
    assert objects.touched_at(Unfinished("a", "1", None)) is None


def test_keys_that_xml_can_not_write_are_deleted_one_by_one(sandbox: Sandbox, wire: Wire, bucket: str) -> None:
    s3 = sandbox.client("s3")
    keys = ["a", "ctl\x01x", "z\x0b"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    objects = Objects(client_of(sandbox, wire.endpoint), bucket, ACCOUNT)
    wire.hook = lambda request, forward: Reply(403) if "z%0B" in request.target else forward(request)
    tally = Deleted()
    refused = objects.delete([{"Key": key} for key in keys], tally)
    assert [one["Key"] for one in refused] == ["z\x0b"]
    assert (tally.count, tally.refused) == (2, 1)
    assert left_of(sandbox, bucket) == (["z\x0b"], [])
    wire.hook = pass_on
    assert objects.delete([{"Key": "z\x0b", "VersionId": "null"}], tally) == []
    assert [request.query for request in wire.requests if request.method == "DELETE"][-1] == "versionId=null"
    assert left_of(sandbox, bucket) == ([], [])


def test_every_key_that_s3_keeps_is_reported_as_kept(handrail: Handrail, wire: Wire, unique: Unique) -> None:
    name = unique("wire")
    handrail.ok("s3", "create", name)
    keys = [f"k{number:03d}" for number in range(150)]
    there = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    kept = "".join(f"<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>no</Message></Error>" for key in keys[1:])

    def locked(request: Request, forward: Forward) -> Reply | None:
        if request.method == "GET" and "list-type=2" in request.query:
            return s3_page(f"<ListBucketResult><IsTruncated>false</IsTruncated>{there}</ListBucketResult>")
        if request.method == "POST" and "delete" in request.query:
            return Reply(200, {}, f"<DeleteResult>{kept}</DeleteResult>".encode())
        return forward(request)

    wire.hook = locked
    words = ("--target", "sandbox", "s3", "remove", name, *keys, "--yes", "-o", "json")
    done = handrail(*words, AWS_ENDPOINT_URL=wire.endpoint)
    assert done.code == 8
    assert [row["status"] for row in done.json] == ["succeeded", *["failed"] * 149]
    assert {row["error"]["code"] for row in done.json[1:]} == {"not_deleted"}
    recorded = [one for one in handrail.json("audit", "list") if one["resource"].startswith(f"{name}/")]
    assert sorted(one["result"] for one in recorded) == [*["failed"] * 149, "succeeded"], "nothing stays open"


def test_the_time_is_taken_from_s3(sandbox: Sandbox, wire: Wire, bucket: str) -> None:
    objects = Objects(client_of(sandbox, wire.endpoint), bucket, ACCOUNT)
    assert objects.now().tzinfo is not None
    assert objects.head("nowhere") is None
