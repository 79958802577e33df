"""`handrail` alone where there is much, nothing readable, or no room."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from handrail import runner
from handrail.core.errors import NOT_AWS, AwsFailure, PermissionDenied
from handrail.core.resources import Instance
from handrail.ledger.places import Wanted
from handrail.ledger.rows import Row
from handrail.operations.overview import LOOKED_AT, OVERVIEW
from stage import WEB, PlayedEc2, Stage


class Mine(PlayedEc2):
    """An EC2 with these instances of Handrail."""

    def managed(self, _states: Sequence[str]) -> list[Instance]:
        """Show them."""
        return list(self._look())


def stage_of(*live: Instance, has_ledger: bool = True) -> Stage:
    """Return a stage on which these live."""
    return Stage(Mine(live), has_ledger=has_ledger)


def seen(stage: Stage) -> dict[str, Any]:
    """Return what `handrail` alone shows: its row, and its notes."""
    outcome = runner.run(OVERVIEW, {}, stage)
    (row,) = outcome.rows
    return {**row, "said": dict(outcome.notes)}


def shut(stage: Stage, *calls: str) -> None:
    """Let nothing of the ledger be read by these calls."""

    def trouble(call: str) -> None:
        if call in calls:
            raise PermissionDenied("no.")

    stage.table.trouble = trouble


def test_buckets_are_told_as_far_as_they_can_be() -> None:
    stage = stage_of()
    stage.stores.found = None
    assert seen(stage)["buckets"] == {"count": 0, "public": 0}, "no ledger yet"
    assert seen(stage_of(has_ledger=False))["buckets"] is None
    stage = stage_of()
    assert seen(stage)["buckets"] == {"count": 0, "public": 0}
    for number in range(LOOKED_AT + 1):
        stage.stores.rows.put(Row("bucket", f"press-{number}", "dev-1", "r", "us-east-1", 1))
    assert seen(stage)["buckets"] == {"count": LOOKED_AT + 1, "public": None}
    shut(stage, "query")
    assert (seen(stage)["buckets"], seen(stage)["said"]["buckets"]) == (None, "can't be seen now")


def test_without_room_it_says_how_to_make_some() -> None:
    api = replace(WEB, id="i-2", name="api")
    assert "handrail ec2 create" in seen(stage_of(WEB))["said"]["make"]
    assert seen(stage_of(WEB, api))["said"]["make"].endswith("for an instance, free a place: handrail ec2 stop web")
    full = stage_of()
    for name in ("one", "two"):
        full.stores.ledger.lease.take_for_create([Wanted(name, "us-east-1", "dev-2", "dev-2", name)], ())  # type: ignore[union-attr]
    assert seen(full)["said"]["make"].endswith("handrail lease list")


def test_places_are_told_as_far_as_they_can_be() -> None:
    stage = stage_of(WEB)
    assert seen(stage)["said"]["instances"] == "1 running · 1 of 2 places used"
    shut(stage, "get")
    assert seen(stage)["said"]["instances"] == "1 running · places used: can't be seen now"
    assert seen(Stage(Mine(), policy='preset = "open"'))["said"]["instances"] == "none"


def test_what_is_no_answer_of_aws_is_not_told_as_unseen() -> None:
    def trouble(call: str) -> None:
        if call == "query":
            raise AwsFailure("something between you and AWS answered.", code=NOT_AWS)

    stage = stage_of()
    stage.table.trouble = trouble
    with pytest.raises(AwsFailure, match="between you and AWS"):
        seen(stage)
