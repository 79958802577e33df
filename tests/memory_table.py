"""A table in memory, with what a test wants to go wrong: the ledger's modules on it need no sandbox."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from handrail.aws.dynamodb import Delete, Item, Key, Put, Reply
from handrail.core.caller import Caller, caller_of

DATE = 1_800_000_000


def caller(name: str = "dev-1") -> Caller:
    """Return a caller of that name."""
    return caller_of("123456789012", f"arn:aws:iam::123456789012:user/{name}", f"AID{name}")


class MemoryTable:
    """What `handrail.aws.dynamodb.Table` does, on a dict. trouble: called before each call with its name."""

    def __init__(self, trouble: Callable[[str], None] = lambda _call: None) -> None:
        self.items: dict[Key, Item] = {}
        self.trouble, self.time = trouble, float(DATE)
        self.calls: list[str] = []

    def now(self) -> float:
        """Return the time of this table."""
        return self.time

    def get(self, key: Key) -> Reply:
        """Return an item."""
        self._enter("get")
        return Reply(dict(self.items[key]) if key in self.items else None, int(self.time))

    def put(
        self,
        item: Mapping[str, Any],
        *,
        version: tuple[str, int] | None = None,
        unless_exists: bool = False,
        if_exists: bool = False,
    ) -> Reply:
        """Write an item, under a condition."""
        self._enter("put")
        key = (item["pk"], item["sk"])
        there = self.items.get(key)
        new = unless_exists or (version is not None and version[1] == 0)
        failed = (if_exists and there is None) or (
            there is not None if new else version is not None and (there or {}).get(version[0]) != version[1]
        )
        if failed:
            return Reply(dict(there or {}), int(self.time))
        self.items[key] = {name: value for name, value in item.items() if value is not None}
        return Reply(None, int(self.time))

    def transact(self, writes: Sequence[Put | Delete]) -> list[Item | None]:
        """Make all writes or none."""
        self._enter("transact")
        obstacles = [self._obstacle(write) if isinstance(write, Put) else None for write in writes]
        if all(one is None for one in obstacles):
            for write in writes:
                if isinstance(write, Put):
                    self.items[write.item["pk"], write.item["sk"]] = dict(write.item)
                else:
                    self.items.pop(write.key, None)
        return obstacles

    def _obstacle(self, write: Put) -> Item | None:
        there = self.items.get((write.item["pk"], write.item["sk"]))
        if write.version is None or write.version[1] == 0:
            return there if write.unless_exists else None
        return None if (there or {}).get(write.version[0]) == write.version[1] else there or {}

    def delete(self, key: Key, having: tuple[str, str] | None = None) -> None:
        """Delete an item, under a condition."""
        self._enter("delete")
        if having is None or self.items.get(key, {}).get(having[0]) == having[1]:
            self.items.pop(key, None)

    def query(self, pk: str, *, backwards: bool = False, limit: int | None = None, after: str = "") -> Iterator[Item]:
        """Yield the items of a partition."""
        self._enter("query")
        keys = sorted((key for key in self.items if key[0] == pk and key[1] > after), reverse=backwards)
        yield from [dict(self.items[key]) for key in keys[:limit]]

    def scan(self) -> Iterator[Item]:
        """Yield everything."""
        self._enter("scan")
        yield from [dict(item) for item in self.items.values()]

    def _enter(self, call: str) -> None:
        self.calls.append(call)
        self.trouble(call)
