"""Requests of buckets that are open on record: whose they are, and what follows where the bucket can't be looked at."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from handrail.aws.s3 import Standing
from handrail.core.errors import NotSetUp, PermissionDenied, WrongState
from handrail.ledger.record import Intent, Unfinished, Verdict
from handrail.ledger.rows import Row
from handrail.operations.s3.leftovers import _is_busy
from handrail.operations.s3.meeting import check_no_upload, is_being_opened
from handrail.operations.s3.recovery import _is_another, recover_delete
from handrail.operations.s3.targets import open_create

NOW = 1_000.0


def intent(request: str, operation: str, **resolved: Any) -> Intent:
    return Intent(request, operation, "", "us-east-1", "sandbox", resolved=resolved, owner="ann", at=NOW)


def session(*known: tuple[Intent, Verdict | None]) -> Any:
    """Return a session whose record has these requests, by a version whose rows did not say what they are about."""
    by_request = {one.request: SimpleNamespace(intent=one, verdict=verdict) for one, verdict in known}
    record = SimpleNamespace(now=lambda: NOW, unfinished=lambda: [one for one, _ in known], find=by_request.get)
    return SimpleNamespace(ledger=SimpleNamespace(record=record), recovery_age=60.0)


def test_only_an_upload_to_this_bucket_that_has_not_ended_keeps_it_shut() -> None:
    ended = (intent("r1", "s3 upload", bucket="press"), Verdict("r1", "succeeded"))
    check_no_upload(session(ended, (intent("r2", "s3 upload", bucket="other"), None)), "press")
    with pytest.raises(WrongState, match="an upload to bucket press is under way"):
        check_no_upload(session(ended, (intent("r3", "s3 upload", bucket="press"), None)), "press")


def test_only_an_opening_of_this_bucket_counts() -> None:
    assert not is_being_opened(session((intent("r1", "s3 update", name="press", public=False), None)), "press")
    assert not is_being_opened(session((intent("r1", "s3 update", name="other", public=True), None)), "press")
    assert is_being_opened(session((intent("r1", "s3 update", name="press", public=True), None)), "press")


@pytest.mark.parametrize(
    ("resource", "code", "counts"),
    [("", "unreadable_row", False), ("", "newer_row", True), ("press/a", "unreadable_row", True), ("x/a", "", False)],
)
def test_an_upload_on_record_that_cannot_be_read_counts_for_the_bucket_that_its_row_names(
    resource: str, code: str, counts: bool
) -> None:
    def find(_request: str) -> None:
        raise NotSetUp("the row can't be read.", hint="mend it", code=code)

    row = Unfinished("r1", "s3 upload", NOW, resource)
    record = SimpleNamespace(now=lambda: NOW, unfinished=lambda: [row], find=find)
    here: Any = SimpleNamespace(ledger=SimpleNamespace(record=record), recovery_age=60.0)
    with pytest.raises(NotSetUp) if counts else nullcontext():
        check_no_upload(here, "press")
    assert _is_busy(here, "press", set()) is (resource != "x/a"), "what may be alive is left alone"


def test_of_a_bucket_that_cannot_be_looked_at_nothing_is_said() -> None:
    s3 = SimpleNamespace(standing=lambda _name, _region: Standing(is_free=False))
    cut_off = Intent("r1", "s3 delete", "press", "us-east-1", "sandbox")
    with pytest.raises(PermissionDenied, match="bucket press is on record and can't be reached"):
        recover_delete(SimpleNamespace(s3=s3), cut_off)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made_by", "row", "is_another"),
    [
        ("r1", ("r1", 900), False),
        ("r1", ("r2", 1_100), True),
        ("", ("r1", 900), False),
        ("", ("r2", 1_100), True),
        (None, ("r1", 900), False),
        (None, ("r2", 1_100), True),
    ],
)
def test_a_bucket_made_since_is_told_from_the_one_that_a_request_was_about(
    made_by: str | None, row: tuple[str, int], is_another: bool
) -> None:
    about = intent("r0", "s3 delete", **({} if made_by is None else {"made_by": made_by}))
    assert _is_another(Row("bucket", "press", "ann", row[0], "us-east-1", row[1]), about) is is_another
    assert not _is_another(None, about)


def test_only_an_open_create_of_this_bucket_is_one() -> None:
    rows = [Unfinished(f"r{number}", "s3 create", NOW, "") for number in range(4)]
    creates = [Intent(row.request, "s3 create", "press", "us-east-1", "sandbox") for row in rows]
    known: dict[str, Any] = {
        "r1": SimpleNamespace(intent=creates[1], verdict=Verdict("r1", "succeeded")),
        "r2": SimpleNamespace(intent=replace(creates[2], resource="other"), verdict=None),
        "r3": SimpleNamespace(intent=creates[3], verdict=None),
    }
    here: Any = SimpleNamespace(unfinished=rows, ledger=SimpleNamespace(record=SimpleNamespace(find=known.get)))
    assert open_create(here, "press") is creates[3]
    assert open_create(here, "press", but="r3") is None
