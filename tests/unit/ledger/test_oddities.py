"""Every kind of oddity in every member of the ledger's rows: each is exit 7 and names its row, or is read."""

from collections.abc import Mapping
from typing import Any

import pytest

from handrail.core.errors import NotSetUp
from handrail.ledger.on_aws import HoldersItem
from handrail.ledger.record import Intent, Known, Record, Verdict
from handrail.ledger.rows import Row, Rows
from memory_table import DATE, MemoryTable, caller

NEWER = 99
MISSING = "missing"
ITEM: Mapping[str, tuple[Any, ...]] = {
    "version": (None, "x", "5", -1, 0, 2**62, 2**63 - 1, 10**30, True, [], {}, MISSING),
    "places": (None, "", "x", "[]", "5", "null", "[" * 5000, 5, True, [], {}, MISSING),
    "names": (None, "", "x", "[]", 5, True, [], {}),
    "regions": (None, 5, True, [], {}),
    "schema": ("x", -1, True, []),
    "needs": ("x", -1, True, NEWER),
}
OWN: Mapping[str, tuple[Any, ...]] = {
    "owner": (None, "", 5, True, [], {}, MISSING),
    "request": (None, "", 5, [], MISSING),
    "region": (None, "", 5, [], "a b@c/", MISSING),
    "created_at": (None, "5", -1, 10**30, 1.5, True, [], MISSING),
    "kind": (None, "zone", 5, MISSING),
    "name": (None, "other", 5, MISSING),
    "schema": ("x", -1, []),
    "needs": ("x", NEWER),
}
RECORD: tuple[Any, ...] = (None, "", "x", "5", -5, 10**30, 1.5, True, [], {"a": [None]}, MISSING, NEWER)
MEMBERS = ["at", "operation", "owner", "actor", "given", "resolved"]
MEMBERS += ["digest", "result", "fate", "code", "schema", "needs"]


def cases(of: Mapping[str, tuple[Any, ...]]) -> list[tuple[str, Any]]:
    """Return each member with each of its oddities."""
    return [(member, value) for member, values in of.items() for value in values]


def spoil(table: MemoryTable, key: tuple[str, str], member: str, value: Any) -> None:
    """Put an oddity into a row."""
    row = dict(table.items[key])
    row[member] = value
    if value == MISSING:
        del row[member]
    table.items[key] = row


@pytest.mark.parametrize(("member", "value"), cases(ITEM))
def test_an_item_that_cant_be_read_names_itself(member: str, value: Any) -> None:
    table = MemoryTable()
    item = HoldersItem(table)  # type: ignore[arg-type]
    item.write(item.read())
    spoil(table, ("lease", "holders"), member, value)
    with pytest.raises(NotSetUp, match="the row lease/holders of the ledger") as odd:
        item.read()
    assert odd.value.slug == ("newer_row" if value == NEWER else "unreadable_row")


@pytest.mark.parametrize(("member", "value"), cases(OWN))
def test_an_ownership_row_that_cant_be_read_names_itself(member: str, value: Any) -> None:
    table = MemoryTable()
    rows = Rows(table)  # type: ignore[arg-type]
    row = Row("bucket", "press", "dev-1", "r1", "us-east-1", DATE)
    rows.put(row)
    rows.put(Row("bucket", "other", "dev-1", "r2", "us-east-1", DATE))
    spoil(table, ("own#bucket", "press"), member, value)
    with pytest.raises(NotSetUp, match="own#bucket/press"):
        rows.get("bucket", "press")
    with pytest.raises(NotSetUp, match="own#bucket/press"):
        rows.put(row)
    found, odd = rows.list("bucket")
    assert ([one.name for one in found], len(odd)) == (["other"], 1)


def _find(record: Record) -> Known | NotSetUp | None:
    """Return what is on record of r1, or that its row can't be read."""
    try:
        return record.find("r1")
    except NotSetUp as odd:
        return odd


@pytest.mark.parametrize("kind", ["intent", "outcome"])
@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("value", RECORD)
def test_a_request_is_read_or_names_its_row(kind: str, member: str, value: Any) -> None:
    table = MemoryTable()
    record = Record(table, caller(), lambda _: None)  # type: ignore[arg-type]
    record.intend_and_settle(Intent("r1", "ec2 create", "web", "eu", "sandbox"), Verdict("r1", "failed"))
    key = ("request#r1", kind)
    table.items[key] = {**table.items[key], member: table.items[key].get(member, "x")}
    spoil(table, key, member, value)
    found = _find(record)
    if isinstance(found, NotSetUp):
        assert f"request#r1/{kind}" in found.message
    else:
        assert found is not None
        assert isinstance(found.intent.owner, str)


@pytest.mark.parametrize("value", RECORD)
@pytest.mark.parametrize("member", ["at", "operation", "schema", "needs"])
def test_an_open_request_that_is_odd_is_in_nobodys_way(member: str, value: Any) -> None:
    table = MemoryTable()
    record = Record(table, caller(), lambda _: None)  # type: ignore[arg-type]
    record.intend([Intent("r1", "ec2 create", "web", "eu", "sandbox")])
    table.items["open", "r1"] = {member: "x", **table.items["open", "r1"]}
    spoil(table, ("open", "r1"), member, value)
    newer = member == "needs" and value not in (True, None) and isinstance(value, int) and value >= NEWER
    assert [one.request for one in record.unfinished()] in ([[], ["r1"]] if newer else [["r1"]])
