"""Requests of buckets that are open on record: whose they are, and what follows where the bucket can't be looked at."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from handrail.aws.s3 import Standing
from handrail.aws.s3_objects import Unfinished
from handrail.core.errors import Conflict, NotSetUp, WrongState
from handrail.journal import settle_unfinished
from handrail.ledger.record import Intent, Verdict
from handrail.ledger.rows import Row
from handrail.operations.s3.buckets import with_open_create
from handrail.operations.s3.delete import DELETE
from handrail.operations.s3.leftovers import find_leftovers
from handrail.operations.s3.meeting import check_no_upload, is_being_opened
from memory_table import DATE
from stage import Stage

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
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
    objects: Any = SimpleNamespace(
        bucket="press",
        unfinished=lambda: [Unfinished("a", "u1", LONG_AGO)],
        now=lambda: LONG_AGO + timedelta(days=1),
        touched_at=lambda _one: LONG_AGO,
    )
    left = find_leftovers(stage, objects, ["a"])
    assert bool(left.doubtful) is (resource != "x/a"), "what may be alive is left alone"


def deleted(standing: Standing, row: Row | None = None, **resolved: Any) -> Stage:
    """Return a stage where somebody has looked what became of a deletion that was cut off, of which this is seen."""
    stage = Stage(s3=SimpleNamespace(standing=lambda _name, _region: standing))
    stage.operations["s3 delete"] = DELETE
    stage.record.intend([replace(intent("r0", "s3 delete", **resolved), resource="press")])
    if row is not None:
        stage.stores.rows.put(row)
    stage.table.time += stage.stores.recovery_age + 1
    settle_unfinished(stage)
    return stage


def test_of_a_bucket_that_cannot_be_looked_at_nothing_is_said() -> None:
    (said,) = deleted(Standing(is_free=False)).said
    assert "can't be settled now: bucket press is on record and can't be reached" in said


@pytest.mark.parametrize(
    ("made_by", "row", "is_another"),
    [
        ("r1", ("r1", -100), False),
        ("r1", ("r2", +100), True),
        ("", ("r1", -100), False),
        ("", ("r2", +100), True),
        (None, ("r1", -100), False),
        (None, ("r2", +100), True),
        (None, None, False),
    ],
)
def test_a_bucket_made_since_is_told_from_the_one_that_a_request_was_about(
    made_by: str | None, row: tuple[str, int] | None, is_another: bool
) -> None:
    there = Row("bucket", "press", "dev-1", row[0], "us-east-1", DATE + row[1]) if row else None
    stage = deleted(
        Standing(is_free=False, is_reachable=True), there, **({} if made_by is None else {"made_by": made_by})
    )
    known = stage.record.find("r0")
    assert known is not None
    assert known.verdict is not None
    assert known.verdict.result == ("succeeded" if is_another else "failed")


def test_only_an_open_create_of_this_bucket_is_one() -> None:
    press = [replace(intent(f"r{number}", "s3 create"), resource="press") for number in range(4)]
    other = replace(press[2], resource="other")
    stage = stage_of((press[0], ""), (press[1], "succeeded"), (other, ""), (press[3], ""))
    del stage.table.items["request#r0", "intent"]
    assert with_open_create(stage, "press", Conflict("taken")).details["open_request"] == "r3"
    assert "open_request" not in with_open_create(stage, "press", Conflict("taken"), but="r3").details
