"""Ownership rows: what Handrail made that can't carry its mark alone (buckets, zones). One row per thing."""

from dataclasses import dataclass

from handrail.aws.dynamodb import Table
from handrail.core.errors import Conflict


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
        """Return the row of a thing, strongly consistent, or None."""
        item = self._table.get((_pk(kind), name)).item
        return _row(item) if item else None

    def put(self, row: Row) -> None:
        """Write a row; the same one again is no change. Raises Conflict where the thing is another request's."""
        there = self._table.put({"pk": _pk(row.kind), "sk": row.name, **vars(row)}, unless_exists=True).item
        if there is not None and _row(there) != row and there.get("request") != row.request:
            raise Conflict(
                f"the {row.kind} {row.name} is on record as made by {there.get('owner')}.",
                hint="choose another name",
                details={"name": row.name, "owner": there.get("owner")},
            )

    def drop(self, kind: str, name: str) -> None:
        """Remove the row of a thing that is gone."""
        self._table.delete((_pk(kind), name))

    def list(self, kind: str) -> list[Row]:
        """Return every row of a kind, by name."""
        return [_row(item) for item in self._table.query(_pk(kind))]


def _pk(kind: str) -> str:
    return f"own#{kind}"


def _row(item: dict[str, object]) -> Row:
    return Row(**{name: item[name] for name in Row.__dataclass_fields__})  # type: ignore[arg-type]  # as written by put
