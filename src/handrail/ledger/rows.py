"""Ownership rows: what Handrail made that can't carry its mark alone (buckets, zones). One row per thing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handrail.aws.dynamodb import Table
from handrail.core.errors import Conflict, NotSetUp
from handrail.core.s3_rules import name_fault
from handrail.ledger.shapes import SCHEMA, Odd, check_schema, moment, region, text, unreadable


@dataclass(frozen=True)
class Row:
    """A thing that Handrail made. created_at: epoch seconds."""

    kind: str
    name: str
    owner: str
    request: str
    region: str
    created_at: int


class Rows:
    """The rows of one account."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, kind: str, name: str) -> Row | None:
        """Return the row of a thing, strongly consistent, or None. Raises NotSetUp where it can't be read."""
        item = self._table.get((_pk(kind), name)).item
        return _row(item) if item else None

    def put(self, row: Row) -> None:
        """Write a row; the same one again is no change. Raises Conflict where the thing is another request's."""
        new = {"pk": _pk(row.kind), "sk": row.name, "schema": SCHEMA, **vars(row)}
        item = self._table.put(new, unless_exists=True).item
        there = _row(item) if item is not None else row
        if there.request != row.request:
            raise Conflict(
                f"the {row.kind} {row.name} is on record as made by {there.owner}.",
                hint="choose another name",
                details={"name": row.name, "owner": there.owner},
            )

    def own(self, row: Row) -> None:
        """Write the row of a thing that was just made: a row that stands there is of one that is gone."""
        there = self.get(row.kind, row.name)
        if there is not None and there.request != row.request:
            self.drop(there.kind, there.name, there.request)
        self.put(row)

    def drop(self, kind: str, name: str, request: str) -> None:
        """Remove the row of a thing that is gone; one that is another request's by now stays."""
        self._table.delete((_pk(kind), name), having=("request", request))

    def list(self, kind: str) -> "tuple[list[Row], list[NotSetUp]]":
        """Return every row of a kind, by name, and what is wrong with those that can't be read."""
        found, odd = [], []
        for item in self._table.query(_pk(kind)):
            try:
                found.append(_row(item))
            except NotSetUp as error:
                odd.append(error)
        return found, odd


def _pk(kind: str) -> str:
    return f"own#{kind}"


def _row(item: Mapping[str, Any]) -> Row:
    """Return the row of an item. Raises NotSetUp where it can't be read. Members that are not known are left alone."""
    try:
        check_schema(item)
        texts = {name: text(item, name) for name in ("kind", "name", "owner", "request")}
        row = Row(**texts, region=region(item), created_at=moment(item, "created_at"))
        if (_pk(row.kind), row.name) != (item["pk"], item["sk"]) or not (row.owner and row.request):
            raise Odd("it says something of another thing, or of nobody")
        if row.kind == "bucket" and (fault := name_fault(row.name)):
            raise Odd(f"nothing of its name can be made: {fault}")
    except Odd as odd:
        raise unreadable(f"{item['pk']}/{item['sk']}", odd) from None
    return row
