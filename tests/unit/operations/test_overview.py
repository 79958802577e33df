"""`handrail` alone where there is much, nothing readable, or no room."""

from types import SimpleNamespace
from typing import Any

import pytest

from handrail.core.errors import NOT_AWS, AwsFailure, PermissionDenied
from handrail.operations.overview import LOOKED_AT, _bucket_words, _buckets, _instances, _make
from stage import WEB, Stage


def rows(number: int | None) -> Any:
    """Return a ledger with so many rows of buckets; None: they may not be read."""

    def listed(_kind: str) -> tuple[list[str], list[str]]:
        if number is None:
            raise PermissionDenied("no.")
        return ["row"] * number, []

    return SimpleNamespace(rows=SimpleNamespace(list=listed))


@pytest.mark.parametrize(
    ("ledger", "found"),
    [
        (None, {"count": 0, "public": 0}),
        (SimpleNamespace(rows=None), None),
        (rows(0), {"count": 0, "public": 0}),
        (rows(None), None),
        (rows(LOOKED_AT + 1), {"count": LOOKED_AT + 1, "public": None}),
    ],
)
def test_buckets_are_told_as_far_as_they_can_be(ledger: Any, found: Any) -> None:
    stage = Stage()
    stage.stores.found = ledger
    assert _buckets(stage) == found


def test_without_room_it_says_how_to_make_some() -> None:
    assert "handrail ec2 create" in _make([WEB], full=False)
    assert _make([WEB], full=True).endswith("for an instance, free a place: handrail ec2 stop web")
    assert _make([], full=True).endswith("handrail lease list")


def test_places_are_told_as_far_as_they_can_be() -> None:
    assert _instances({"running": 1}, 1, 2) == "1 running · 1 of 2 places used"
    assert _instances({"running": 1}, None, 2) == "1 running · places used: can't be seen now"
    assert _instances({}, None, None) == "none"
    assert _bucket_words(None) == "can't be seen now"


def test_what_is_no_answer_of_aws_is_not_told_as_unseen() -> None:
    def trouble(_call: str) -> None:
        raise AwsFailure("something between you and AWS answered.", code=NOT_AWS)

    stage = Stage()
    stage.table.trouble = trouble
    with pytest.raises(AwsFailure, match="between you and AWS"):
        _buckets(stage)
