"""What killed uploads left: aborted once it is proved that nobody works on it, and never before."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conftest import Done, Handrail, Sandbox
from handrail.core.ownership import LEDGER_TABLE
from handrail.files import find_folders
from handrail.ledger.record import Intent, Verdict
from handrail.operations.s3.leftovers import keeping
from handrail.session import Session
from wire import Forward, Reply, Request, Wire

Unique = Callable[[str], str]
LONG_AGO, LATER = "2010-11-10T20:48:33.000Z", "2099-01-01T00:00:00.000Z"


class Begun(Wire):
    """A wire on which S3 says of every unfinished upload that it was begun at one time."""

    at = LONG_AGO

    def pass_dated(self, request: Request, forward: Forward) -> Reply | None:
        """Pass on, the time exchanged."""
        reply = forward(request)
        dated = re.sub(rb"<Initiated>[^<]*", f"<Initiated>{self.at}".encode(), reply.body)
        return Reply(reply.status, reply.headers, dated)


@pytest.fixture
def s3(sandbox: Sandbox) -> Any:
    """Return a stranger's client."""
    return sandbox.client("s3")


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[Begun]:
    """Return a proxy in front of the sandbox."""
    made = Begun(sandbox.running.endpoint)
    made.hook = made.pass_dated
    yield made
    made.close()


@pytest.fixture
def bucket(handrail: Handrail, unique: Unique) -> str:
    """Return a bucket of dev-1, and a file to upload."""
    name = unique("left")
    handrail.ok("s3", "create", name)
    (handrail.cwd / "a.txt").write_text("one")
    return name


@pytest.fixture
def upload(handrail: Handrail, wire: Begun, bucket: str) -> Callable[..., Done]:
    """Return the program, uploading the file over the wire."""

    def run(*words: str, **rest: Any) -> Done:
        around = {"AWS_ENDPOINT_URL": wire.endpoint}
        return handrail("--target", "sandbox", "s3", "upload", bucket, "a.txt", *words, **around, **rest)

    return run


def begin(s3: Any, bucket: str, *, parts: int = 0) -> str:
    """Begin an upload of the file as any tool could, and return its id."""
    id: str = s3.create_multipart_upload(Bucket=bucket, Key="a.txt")["UploadId"]
    for number in range(1, parts + 1):
        s3.upload_part(Bucket=bucket, Key="a.txt", UploadId=id, PartNumber=number, Body=b"x")
    return id


def left_of(s3: Any, bucket: str) -> list[str]:
    """Return the ids of what is unfinished."""
    return [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]


def put_on_record(session: Session, bucket: str, request: str) -> None:
    """Put an upload on record that has no outcome."""
    resolved = {"bucket": bucket, "files": 1, "command": request}
    intent = Intent(request, "s3 upload", f"{bucket}/a.txt", "us-east-1", "sandbox", resolved=resolved)
    session.stores.record.intend([intent])


def test_what_somebody_works_on_is_left_and_said(upload: Callable[..., Done], s3: Any, bucket: str) -> None:
    alive = begin(s3, bucket, parts=1)
    done = upload()
    assert done.code == 0
    assert "an unfinished upload of a.txt was left" in done.err
    assert f"handrail s3 show {bucket}" in done.err
    assert left_of(s3, bucket) == [alive]
    again = upload("-o", "json")
    assert (again.json[0]["status"], len(again.json[0]["warnings"])) == ("unchanged", 1)
    s3.upload_part(Bucket=bucket, Key="a.txt", UploadId=alive, PartNumber=2, Body=b"x")


def test_what_nothing_came_for_is_removed_also_beside_a_file_that_is_there(
    upload: Callable[..., Done], s3: Any, bucket: str
) -> None:
    assert upload().code == 0
    begin(s3, bucket)
    planned = upload("--dry-run")
    assert "1 unfinished upload of a.txt would be removed" in planned.out
    assert len(left_of(s3, bucket)) == 1
    done = upload("-o", "json")
    assert (done.json[0]["status"], done.json[0]["current"]["unchanged"]) == ("succeeded", 1)
    assert done.json[0]["warnings"] == ["1 unfinished upload of before removed"]
    assert left_of(s3, bucket) == []
    assert upload("-o", "json").json[0]["status"] == "unchanged"


def test_other_keys_are_nobodys_business(upload: Callable[..., Done], s3: Any, bucket: str) -> None:
    s3.create_multipart_upload(Bucket=bucket, Key="a.txt.more")
    done = upload()
    assert (done.code, "unfinished" in done.err) == (0, False)
    assert len(left_of(s3, bucket)) == 1


def test_a_file_that_fails_takes_nothing_with_it(upload: Callable[..., Done], s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a.txt", Body=b"theirs")
    begin(s3, bucket)
    assert upload().code == 5
    assert len(left_of(s3, bucket)) == 1


def test_a_command_of_this_machine_is_known_to_live_and_to_have_ended(
    upload: Callable[..., Done], session: Session, s3: Any, bucket: str
) -> None:
    id = begin(s3, bucket, parts=1)
    with pytest.raises(KeyboardInterrupt), keeping(session, "killed") as begun:  # noqa: PT012  it is what is tested
        begun(id)
        assert "was left" in upload().err
        assert left_of(s3, bucket) == [id]
        raise KeyboardInterrupt
    assert "1 unfinished upload of before removed" in upload().err
    assert left_of(s3, bucket) == []


def test_a_command_that_ends_well_leaves_no_file(session: Session) -> None:
    folder = session.folders.state / "uploads"
    with keeping(session, "well") as begun:
        begun("id")
        assert len(list(folder.rglob("well"))) == 1
    assert list(folder.rglob("well")) == []


def test_files_that_prove_nothing_more_are_dropped(handrail: Handrail, session: Session) -> None:
    with pytest.raises(KeyboardInterrupt), keeping(session, "old"):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), keeping(session, "young"):
        raise KeyboardInterrupt
    old = next(session.folders.state.rglob("old"))
    os.utime(old, (0, 0))
    with keeping(session, "living"):
        living = next(session.folders.state.rglob("living"))
        os.utime(living, (0, 0))
        with keeping(session, "next"):
            assert {path.name for path in living.parent.iterdir()} == {"young", "living", "next"}


def test_where_no_file_can_be_kept_the_upload_goes_on(
    handrail: Handrail, upload: Callable[..., Done], session: Session, s3: Any, bucket: str
) -> None:
    session.folders.state.mkdir(parents=True, exist_ok=True)
    (session.folders.state / "uploads").write_text("in the way")
    begin(s3, bucket)
    (handrail.cwd / "a.txt").write_bytes(bytes(9 << 20))
    assert "1 unfinished upload of before removed" in upload().err


def fall_silent(sandbox: Sandbox, request: str) -> None:
    """Let the command of a request on record have last said long ago that it lives."""
    sandbox.client("dynamodb").update_item(
        TableName=LEDGER_TABLE,
        Key={"pk": {"S": "open"}, "sk": {"S": request}},
        UpdateExpression="SET #at = :at",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":at": {"N": "1"}},
    )


def test_while_an_upload_may_live_elsewhere_nothing_unknown_is_removed(
    sandbox: Sandbox, upload: Callable[..., Done], session: Session, s3: Any, bucket: str, unique: Unique
) -> None:
    begin(s3, bucket)
    put_on_record(session, unique("other"), unique("r"))
    old = unique("old")
    put_on_record(session, bucket, old)
    fall_silent(sandbox, old)
    living = unique("r")
    put_on_record(session, bucket, living)
    assert "was left" in upload().err
    with pytest.raises(KeyboardInterrupt), keeping(session, living):
        raise KeyboardInterrupt
    assert "of before removed" in upload().err, "its command ran on this machine and has ended"
    begin(s3, bucket)
    second = unique("r")
    put_on_record(session, bucket, second)
    assert "was left" in upload().err
    session.stores.record.settle(Verdict(second, "succeeded"))
    assert "of before removed" in upload().err


def test_what_may_not_be_looked_into_is_left_and_what_is_gone_is_no_error(
    upload: Callable[..., Done], wire: Begun, s3: Any, bucket: str
) -> None:
    id = begin(s3, bucket)

    def saying(status: int, code: str) -> Callable[[Request, Forward], Reply | None]:
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()

        def hook(request: Request, forward: Forward) -> Reply | None:
            if request.method == "GET" and "uploadId" in request.query:
                return Reply(status, {"Content-Type": "application/xml"}, body)
            return wire.pass_dated(request, forward)

        return hook

    wire.hook = saying(403, "AccessDenied")
    assert "was left" in upload().err
    wire.hook = saying(404, "NoSuchUpload")
    s3.abort_multipart_upload(Bucket=bucket, Key="a.txt", UploadId=id)
    begin(s3, bucket)
    assert "of before removed" in upload().err
    begin(s3, bucket)
    wire.at, wire.hook = LATER, wire.pass_dated
    assert "was left" in upload().err


def test_odd_files_among_those_of_this_machine_stop_nobody(
    upload: Callable[..., Done], s3: Any, bucket: str, handrail: Handrail
) -> None:
    folder = find_folders(handrail.environ).state / "uploads" / os.uname().nodename
    folder.mkdir(parents=True)
    ended = begin(s3, bucket)
    (folder / "a-folder").mkdir()
    (folder / "bytes").write_bytes(b"\xff\x00\n")
    (folder / "ended").write_text(f"{ended}\n")
    (folder / "nowhere").symlink_to(folder / "gone")
    os.mkfifo(folder / "pipe")
    assert upload().code == 0
    assert left_of(s3, bucket) == []
