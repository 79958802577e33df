"""What a look at the ledger says of the caps before anything is taken."""

from typing import Any

import pytest

from handrail.core.errors import AwsFailure, CapReached
from handrail.core.plan import Cap, Places, PlaceWish
from handrail.ledger.ledger import Ledger, preview_of_none
from handrail.ledger.places import Call, Place, State, Times
from handrail.ledger.ports import Here
from handrail.ledger.record import Record
from memory_table import MemoryTable, caller

ONE = (Cap("account", 1, "ec2.max_running", "strict"),)


def wishes(*names: str) -> Places:
    """Return wishes for new instances."""
    return Places("us-east-1", "ann", tuple(PlaceWish(name, name) for name in names))


def test_where_nothing_was_ever_taken_the_caps_hold_too() -> None:
    assert preview_of_none(wishes("a"), ONE, "ann") == {}
    with pytest.raises(CapReached, match="the policy allows 1; 2 more do not fit"):
        preview_of_none(wishes("a", "b"), ONE, "ann")


def test_without_caps_nothing_is_looked_at() -> None:
    table: Any = MemoryTable()
    here = Here("ann", lambda: "m", lambda _: None, lambda _: None)
    ledger = Ledger(table, Record(table, caller(), lambda _: None), lambda _: None, Times(), here, (), ())
    assert ledger.preview(wishes("a", "b", "c")) == {}
    assert table.calls == []


def test_a_place_of_a_region_that_cannot_be_looked_at_is_not_over() -> None:
    table: Any = MemoryTable()
    here = Here("ann", lambda: "m", lambda _: None, lambda _: None)
    ledger = Ledger(table, Record(table, caller(), lambda _: None), lambda _: None, Times(), here, (), ())
    place = Place(
        "start:i-1",
        State.HELD,
        Call.START,
        "m",
        "eu",
        "ann",
        "ann",
        "web",
        since=0,
        until=100,
        requests=(),
        instance="i-1",
    )
    late = 100 + 10 * Times().visibility
    assert ledger._is_over(place, None, late)
    ledger.lease.unseen["eu"] = AwsFailure("no.")
    assert not ledger._is_over(place, None, late)
