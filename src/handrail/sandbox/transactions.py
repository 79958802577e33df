"""Transactions of moto's DynamoDB at a price that does not grow with the table; one that fails is undone all the same.

moto copies the whole table, every item, once for each write of a transaction. A ledger of some thousand entries then
takes seconds and gigabytes for each command.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any


class Copies:
    """The `copy` module as moto sees it: while a transaction runs, a table is copied once, and its items are shared.

    A put or a delete changes which items a table has, never an item; an update changes the item itself, so a table
    that has one of those in a transaction is copied whole.
    """

    def __init__(self, copy: Any, table_type: type) -> None:
        self._copy, self._table_type = copy, table_type
        self._updated: set[str] | None = None
        self._copied: dict[int, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._copy, name)

    def begin(self, writes: Sequence[dict[str, Any]]) -> None:
        """Note that a transaction begins, and which tables it updates items of."""
        self._updated = {str(write["Update"].get("TableName")) for write in writes if "Update" in write}

    def end(self) -> None:
        """Note that it has ended."""
        self._updated = None
        self._copied.clear()

    def deepcopy(self, value: Any, memo: Any = None) -> Any:
        """Return a copy that a transaction can be undone from."""
        if self._updated is None or not isinstance(value, self._table_type):
            return self._copy.deepcopy(value, memo)
        key = id(value)
        if key not in self._copied:
            self._copied[key] = self._table(value)
        return self._copied[key]

    def _table(self, table: Any) -> Any:
        if table.name in (self._updated or ()):
            return self._copy.deepcopy(table)
        copied = self._copy.copy(table)
        rows = {key: dict(row) if isinstance(row, dict) else row for key, row in table.items.items()}
        copied.items = defaultdict(dict, rows)
        return copied


def install() -> None:
    """Put it into moto."""
    from moto.dynamodb import models
    from moto.dynamodb.models.table import Table

    module: Any = models
    backend = module.DynamoDBBackend
    original = backend.transact_write_items
    copies = module.copy = Copies(module.copy, Table)

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        copies.begin(transact_items)
        try:
            original(self, transact_items)
        finally:
            copies.end()

    backend.transact_write_items = transact_write_items
