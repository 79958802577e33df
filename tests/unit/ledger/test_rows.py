"""Ownership rows: one per thing, the first request's."""

from dataclasses import replace
from typing import Any

import pytest

from handrail.core.errors import Conflict, NotSetUp
from handrail.ledger.rows import Row, Rows
from memory_table import MemoryTable

ROW = Row("bucket", "press", "dev-1", "r1", "us-east-1", 5)


def test_a_row_is_put_once_found_listed_and_dropped() -> None:
    rows = Rows(MemoryTable())  # type: ignore[arg-type]
    assert rows.get("bucket", "press") is None
    rows.put(ROW)
    rows.put(ROW)
    rows.put(Row("bucket", "press", "dev-1", "r1", "us-east-1", 9))
    assert rows.get("bucket", "press") == ROW
    assert rows.list("bucket") == ([ROW], [])
    assert rows.list("zone") == ([], [])
    with pytest.raises(Conflict, match="made by dev-1"):
        rows.put(Row("bucket", "press", "dev-2", "r2", "us-east-1", 5))
    rows.drop("bucket", "press", "r2")
    assert rows.list("bucket") == ([ROW], [])
    rows.drop("bucket", "press", "r1")
    assert rows.list("bucket") == ([], [])


@pytest.mark.parametrize(
    ("member", "value"),
    [("name", "a b"), ("name", "press--x-s3"), ("name", "../etc"), ("region", "a b@c/"), ("region", "5")],
)
def test_a_row_of_what_nobody_can_have_made_cannot_be_read(member: str, value: str) -> None:
    table = MemoryTable()
    rows = Rows(table)  # type: ignore[arg-type]
    change: dict[str, Any] = {member: value}
    odd = replace(ROW, **change)
    table.put({"pk": "own#bucket", "sk": odd.name, "schema": 2, **vars(odd)})
    with pytest.raises(NotSetUp, match=f"the row own#bucket/{odd.name} of the ledger can't be read"):
        rows.get("bucket", odd.name)
    assert [len(part) for part in rows.list("bucket")] == [0, 1]


def test_a_thing_of_another_kind_has_names_of_its_own() -> None:
    rows = Rows(MemoryTable())  # type: ignore[arg-type]
    zone = Row("zone", "Z 1", "dev-1", "r1", "us-east-1", 5)
    rows.put(zone)
    assert rows.get("zone", "Z 1") == zone
