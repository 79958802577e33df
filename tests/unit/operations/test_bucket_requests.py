"""Requests of buckets that are open on record: whose they are, and what follows where the bucket can't be looked at."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from handrail.aws.s3 import Standing
from handrail.core.errors import NotSetUp, PermissionDenied, WrongState
from handrail.ledger.record import Intent, Verdict
from handrail.ledger.rows import Row
from handrail.operations.s3.leftovers import _is_busy
from handrail.operations.s3.meeting import check_no_upload, is_being_opened
from handrail.operations.s3.recovery import _is_another, recover_delete
from handrail.operations.s3.targets import open_create
from stage import Stage

SPOILT: dict[str, dict[str, Any]] = {"": {}, "unreadable_row": {"at": "yesterday"}, "newer_row": {"needs": 99}}


def intent(request: str, operation: str, **resolved: Any) -> Intent:
    return Intent(request, operation, "", "us-east-1", "sandbox", resolved=resolved, owner="ann")


def stage_of(*known: tuple[Intent, str]) -> Stage:
    """Return a stage on whose record these requests count as open, some of them although they have a result."""
    stage = Stage()
    for one, result in known:
        stage.record.intend([one])
        mark = stage.table.items["open", one.request]
        if result:
            stage.record.settle(Verdict(one.request, result))
            stage.table.items["open", one.request] = mark
    return stage


def test_only_an_upload_to_this_bucket_that_has_not_ended_keeps_it_shut() -> None:
    ended = (intent("r1", "s3 upload", bucket="press"), "succeeded")
    check_no_upload(stage_of(ended, (intent("r2", "s3 upload", bucket="other"), "")), "press")
    with pytest.raises(WrongState, match="an upload to bucket press is under way"):
        check_no_upload(stage_of(ended, (intent("r3", "s3 upload", bucket="press"), "")), "press")


def test_only_an_opening_of_this_bucket_counts() -> None:
    assert not is_being_opened(stage_of((intent("r1", "s3 update", name="press", public=False), "")), "press")
    assert not is_being_opened(stage_of((intent("r1", "s3 update", name="other", public=True), "")), "press")
    assert is_being_opened(stage_of((intent("r1", "s3 update", name="press", public=True), "")), "press")


@pytest.mark.parametrize(
    ("resource", "code", "counts"),
    [("", "unreadable_row", False), ("", "newer_row", True), ("press/a", "unreadable_row", True), ("x/a", "", False)],
)
def test_an_upload_on_record_that_cannot_be_read_counts_for_the_bucket_that_its_row_names(
    resource: str, code: str, counts: bool
) -> None:
    stage = stage_of((replace(intent("r1", "s3 upload"), resource=resource), ""))
    stage.table.items["request#r1", "intent"] |= SPOILT[code]
    with pytest.raises(NotSetUp) if counts else nullcontext():
        check_no_upload(stage, "press")
    assert _is_busy(stage, "press", set()) is (resource != "x/a"), "what may be alive is left alone"


def test_of_a_bucket_that_cannot_be_looked_at_nothing_is_said() -> None:
    s3 = SimpleNamespace(standing=lambda _name, _region: Standing(is_free=False))
    cut_off = Intent("r1", "s3 delete", "press", "us-east-1", "sandbox")
    with pytest.raises(PermissionDenied, match="bucket press is on record and can't be reached"):
        recover_delete(Stage(s3=s3), cut_off)


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
    about = replace(intent("r0", "s3 delete", **({} if made_by is None else {"made_by": made_by})), at=1_000.0)
    assert _is_another(Row("bucket", "press", "ann", row[0], "us-east-1", row[1]), about) is is_another
    assert not _is_another(None, about)


def test_only_an_open_create_of_this_bucket_is_one() -> None:
    press = [replace(intent(f"r{number}", "s3 create"), resource="press") for number in range(4)]
    other = replace(press[2], resource="other")
    stage = stage_of((press[0], ""), (press[1], "succeeded"), (other, ""), (press[3], ""))
    del stage.table.items["request#r0", "intent"]
    found = open_create(stage, "press")
    assert found is not None
    assert found.request == "r3"
    assert open_create(stage, "press", but="r3") is None
