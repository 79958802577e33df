"""Anchors over a wire that loses and spoils answers: what stays open ends by a look, and no lock is believed unseen."""

from collections.abc import Callable, Iterator

import pytest

from conftest import Done, Handrail, Sandbox
from handrail.ledger.record import Intent
from handrail.operations.audit_anchor import recover
from handrail.session import Session
from wire import Forward, Reply, Request, Wire

Anchor = Callable[[], Done]


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[Wire]:
    """Return a wire to the sandbox that spoils nothing yet."""
    with Wire(sandbox.running.endpoint) as wire:
        yield wire


@pytest.fixture
def bucket(handrail: Handrail, unique: Callable[[str], str]) -> str:
    """Return a bucket of dev-1 with Object Lock."""
    name = unique("anchors")
    handrail.ok("s3", "create", name, "--object-lock")
    return name


@pytest.fixture
def anchor(handrail: Handrail, wire: Wire, bucket: str) -> Anchor:
    """Return what puts an anchor into the bucket over the wire."""
    words = ("--target", "sandbox", "audit", "anchor", "--bucket", bucket)
    return lambda: handrail(*words, AWS_ENDPOINT_URL=wire.endpoint)


def is_put(request: Request) -> bool:
    """Return whether a request puts an anchor."""
    return request.method == "PUT" and "handrail-anchors" in request.path


def newest(session: Session, handrail: Handrail) -> Intent:
    """Return the intent of the last anchor on record."""
    row = handrail.json("audit", "list", "--operation", "audit anchor")[-1]
    assert row["result"] == "open"
    known = session.stores.record.find(row["request"])
    assert known is not None
    return known.intent


@pytest.mark.parametrize(("arrives", "result"), [(True, "succeeded"), (False, "failed")])
def test_an_answer_that_was_lost_leaves_it_open_and_a_look_ends_it(
    handrail: Handrail, session: Session, wire: Wire, anchor: Anchor, arrives: bool, result: str
) -> None:
    def lose(request: Request, forward: Forward) -> Reply | None:
        if not is_put(request):
            return forward(request)
        if arrives:
            forward(request)
        return None

    wire.hook = lose
    done = anchor()
    assert done.code == 1
    assert "a later command finds out by a look" in done.err
    intent = newest(session, handrail)
    verdict = recover(session, intent).verdict
    assert verdict.result == result
    assert session.stores.record.settle(verdict)


def test_one_whose_bucket_is_gone_ends_too(
    handrail: Handrail, session: Session, wire: Wire, anchor: Anchor, bucket: str
) -> None:
    wire.hook = lambda request, forward: None if is_put(request) else forward(request)
    anchor()
    handrail.ok("s3", "delete", bucket, "--yes")
    verdict = recover(session, newest(session, handrail)).verdict
    assert (verdict.result, "can't be seen: there is no bucket" in verdict.message) == ("failed", True)
    session.stores.record.settle(verdict)


def test_a_lock_that_does_not_show_is_not_believed(wire: Wire, anchor: Anchor) -> None:
    def unlocked(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        assert reply is not None
        kept = {name: value for name, value in reply.headers.items() if "object-lock" not in name.lower()}
        return Reply(reply.status, kept, reply.body)

    wire.hook = unlocked
    done = anchor()
    assert done.code == 1
    assert "does not show that it is locked" in done.err


def test_an_anchor_that_does_not_show_is_not_believed(wire: Wire, anchor: Anchor) -> None:
    none = Reply(200, {}, b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>")
    wire.hook = lambda request, forward: none if "versions" in request.query else forward(request)
    done = anchor()
    assert done.code == 1
    assert "does not show it" in done.err


def test_an_anchor_deleted_while_it_is_read_is_none(
    handrail: Handrail, wire: Wire, anchor: Anchor, bucket: str
) -> None:
    assert anchor().code == 0
    gone = Reply(404, {}, b"<Error><Code>NoSuchVersion</Code><Message>no</Message></Error>")
    wire.hook = lambda request, forward: gone if "versionId" in request.query else forward(request)
    words = ("--target", "sandbox", "audit", "verify", "--bucket", bucket)
    done = handrail(*words, AWS_ENDPOINT_URL=wire.endpoint)
    assert done.code == 4
    assert "has no anchor of this ledger" in done.err
