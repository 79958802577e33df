"""A secret never gets into a public bucket by a race: an upload and an opening of one bucket, in every order."""

from collections.abc import Callable
from typing import Any

import pytest

from conftest import Done, Handrail, Sandbox
from handrail.core.ownership import LEDGER_TABLE
from ledger.proxies import Call, Watched
from wire import Reply

OPEN = ("s3", "update", "{}", "--public", "--yes")


class Meeting:
    """A bucket, and commands of which one runs while another is held at one of its calls."""

    def __init__(self, handrail: Handrail, sandbox: Sandbox, name: str) -> None:
        self.handrail = Handrail({**handrail.environ, "HANDRAIL_TARGET": "sandbox"}, handrail.cwd, handrail.clock)
        self.sandbox, self.name = sandbox, name
        handrail.ok("s3", "create", name)
        (handrail.cwd / "site").mkdir()
        (handrail.cwd / "site" / ".env").write_text("TOKEN=abc\n")
        (handrail.cwd / "page.html").write_text("hello\n")

    def argv(self, *words: str) -> list[str]:
        """Return a command line about the bucket."""
        return [word.format(self.name) for word in words]

    def run(self, *words: str) -> Done:
        """Run a command line about the bucket."""
        return self.handrail(*self.argv(*words))

    def held(self, call: Call, meanwhile: Callable[[], Done], *words: str) -> tuple[Done, Done]:
        """Run a command line that is held at a call while another one runs; return what both came to."""
        other: list[Done] = []

        def hold(at: Call, forward: Callable[[], Reply]) -> Reply:
            if (at.name, at.nth) == (call.name, call.nth) and not other:
                other.append(meanwhile())
            return forward()

        with Watched(self.sandbox.running.endpoint, hold) as proxy:
            done = self.handrail(*self.argv(*words), AWS_ENDPOINT_URL=proxy.endpoint)
        assert other, f"{call} is never reached: {proxy.calls}"
        return done, other[0]

    def content(self) -> set[str]:
        """Return the keys of the bucket."""
        found = self.sandbox.client("s3").list_objects_v2(Bucket=self.name)
        return {one["Key"] for one in found.get("Contents", [])}


@pytest.fixture
def meeting(handrail: Handrail, sandbox: Sandbox, unique: Callable[[str], str]) -> Meeting:
    return Meeting(handrail, sandbox, unique("meeting"))


def test_a_bucket_is_not_opened_while_an_upload_is_under_way(meeting: Meeting) -> None:
    uploaded, opened = meeting.held(
        Call("s3:PutObject", 1), lambda: meeting.run(*OPEN), "s3", "upload", "{}", "site/.env"
    )
    assert (uploaded.code, opened.code) == (0, 5), opened.err
    assert f"an upload to bucket {meeting.name} is under way; nothing was opened." in opened.err
    assert "dev-1 · since" in opened.err
    after = meeting.run(*OPEN)
    assert after.code == 3, "what arrived is looked at: the refusal is about the secret now"
    assert meeting.handrail.json("s3", "show", meeting.name)["access"] == "private"


def test_a_secret_is_not_uploaded_while_a_bucket_is_being_opened(meeting: Meeting) -> None:
    def upload() -> Done:
        assert meeting.run("s3", "upload", "{}", "page.html").code == 0, "what is no secret may go"
        return meeting.run("s3", "upload", "{}", "site/.env")

    opened, uploaded = meeting.held(Call("s3:PutBucketPolicy", 1), upload, *OPEN)
    assert (opened.code, uploaded.code) == (0, 3), uploaded.err
    assert meeting.content() == {"page.html"}


@pytest.mark.parametrize("first", ["upload", "opening"])
def test_both_on_record_and_neither_has_looked_yet(meeting: Meeting, first: str) -> None:
    """The second HeadBucket stands behind the intent, and before the look for the other's."""
    upload = ("s3", "upload", "{}", "site/.env")
    words, others = (upload, OPEN) if first == "upload" else (OPEN, upload)
    meeting.held(Call("s3:HeadBucket", 2), lambda: meeting.run(*others), *words)
    is_public = meeting.handrail.json("s3", "show", meeting.name)["access"] == "public"
    assert not (is_public and ".env" in meeting.content())


def test_an_upload_that_was_cut_off_long_ago_is_in_nobodys_way(meeting: Meeting) -> None:
    def cut(call: Call, forward: Callable[[], Reply]) -> Reply | None:
        return None if call.name == "s3:PutObject" else forward()

    words = meeting.argv("s3", "upload", "{}", "page.html")
    with Watched(meeting.sandbox.running.endpoint, cut) as proxy:
        assert meeting.handrail(*words, AWS_ENDPOINT_URL=proxy.endpoint).code == 1
    assert meeting.run(*OPEN).code == 5, "it may still arrive"
    table: Any = meeting.sandbox.client("dynamodb", owner="dev-1")
    for row in table.scan(TableName=LEDGER_TABLE)["Items"]:
        if row["pk"]["S"] == "open":
            table.put_item(TableName=LEDGER_TABLE, Item={**row, "at": {"N": "1000"}})
    assert meeting.run(*OPEN).code == 0
