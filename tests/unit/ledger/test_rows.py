"""Ownership rows: one per thing, the first request's."""

import pytest

from handrail.core.errors import Conflict
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
    rows.drop(Row("bucket", "press", "dev-2", "r2", "us-east-1", 5))
    assert rows.list("bucket") == ([ROW], [])
    rows.drop(ROW)
    assert rows.list("bucket") == ([], [])
