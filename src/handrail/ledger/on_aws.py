"""The far ends of the lease on AWS: its item and outcomes in the ledger's table, its looks at EC2."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from handrail.aws.dynamodb import Item, Put, Table
from handrail.core.errors import AwsFailure, Refused, Throttled, Unreachable, WrongState
from handrail.core.resources import LIVE_STATES, Instance
from handrail.ledger.places import Fate, Seen, Versioned
from handrail.ledger.ports import Told
from handrail.ledger.record import Record, Verdict
from handrail.ledger.refusal import FATES
from handrail.ledger.shapes import DAY, SCHEMA, Odd, check_schema, is_whole, mapping, text, unreadable
from handrail.ledger.stored import from_item, from_names, to_item, to_names

_KEY = ("lease", "holders")
ITEM_LIMIT = 390_000  # characters of places: an item of DynamoDB takes 400 KB, which is some 1,200 places
MOST_VERSIONS = 2**62  # far more than there will ever be, and far from what no whole number of a row can be
_FATES = {"succeeded": Fate.MADE, "unchanged": Fate.MADE, "refused": Fate.REFUSED, "failed": Fate.REFUSED}
_RESULTS = {
    Fate.MADE: "succeeded",
    Fate.ADOPTED: "succeeded",
    Fate.GONE: "succeeded",
    Fate.CANCELLED: "failed",
    Fate.NOTHING: "failed",
    Fate.NOT_RUNNING: "failed",
    Fate.REFUSED: "failed",
    Fate.LET_GO: "failed",
}


class Looks(Protocol):
    """EC2 of a region, as far as the lease looks at it."""

    def by_ids(self, ids: Sequence[str]) -> dict[str, Instance]:
        """Return the instances of these ids."""

    def by_tokens(self, tokens: Sequence[str]) -> list[Instance]:
        """Return the instances of these ClientTokens."""

    def managed(self, states: Sequence[str]) -> list[Instance]:
        """Return what Handrail made, in these states."""

    def terminate(self, ids: Sequence[str]) -> dict[str, str]:
        """Terminate; return id -> state."""


class HoldersItem:
    """The one item of places, changed on its version only (docs/lease.md, A1)."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self) -> Versioned:
        """Return the item, strongly consistent. Raises NotSetUp where it can't be read."""
        reply = self._table.get(_KEY)
        return _versioned(reply.item, reply.date)

    def write(self, item: Versioned) -> Versioned:
        """Write the item over its version. Raises Unreachable wherever it may or may not have been written."""
        put = as_put(item)
        if len(put.item["places"]) + len(put.item["names"]) > ITEM_LIMIT:
            raise WrongState(
                f"{len(item.places):,} instances hold places, and the item that keeps them takes no more.",
                hint="delete or stop some: handrail lease list",
                code="places_full",
            )
        try:
            reply = self._table.put(put.item, version=put.version)
        except (AwsFailure, Throttled) as error:
            # Also after a throttled or failed attempt an earlier one may have been carried out unheard.
            raise Unreachable(error.message, hint=error.hint, details=error.details) from error
        if reply.item is not None:
            return _versioned(reply.item, reply.date)
        return replace(item, version=item.version + 1, date=reply.date, regions=_regions(item))


def _versioned(item: Item | None, date: int) -> Versioned:
    """Return the item as values. Raises NotSetUp where it can't be read: nobody can tell then what is taken."""
    if not item:
        return Versioned({}, 0, date)
    try:
        check_schema(item)
        if not is_whole(item.get("version")) or not 0 < item["version"] < MOST_VERSIONS:
            raise Odd("version is no number from 1")
        places, names = _unpacked(item, "places"), _unpacked(item, "names", "{}")
        regions = tuple(sorted(set(text(item, "regions", "").split())))
    except Odd as odd:
        raise unreadable("/".join(_KEY), odd) from None
    rest = {name: value for name, value in item.items() if name not in _KNOWN}
    latest = date + DAY
    return Versioned(from_item(places, latest), item["version"], date, regions, from_names(names, latest), rest)


_KNOWN = ("pk", "sk", "version", "places", "names", "regions")


def _unpacked(item: Item, name: str, default: str | None = None) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(text(item, name, default)))
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, Odd) else Odd(f"{name} is no JSON") from None


def as_put(item: Versioned) -> Put:
    """Return the write of the item over its version. Regions only grow; what this version does not know is kept."""
    known = {
        "pk": _KEY[0],
        "sk": _KEY[1],
        "schema": max(SCHEMA, item.rest.get("schema", 0)),
        "version": item.version + 1,
        "places": _packed(to_item(item.places)),
        "names": _packed(to_names(item.names)),
        "regions": " ".join(_regions(item)),
    }
    return Put({**item.rest, **known}, version=("version", item.version))


def _packed(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _regions(item: Versioned) -> tuple[str, ...]:
    """Return all regions in which there ever was a place."""
    return tuple(sorted({*item.regions, *(place.region for place in item.places.values() if place.is_readable)}))


class RecordedOutcomes:
    """Outcomes as the record keeps them."""

    def __init__(self, record: Record, spent: Callable[[], int] = lambda: 0) -> None:
        self._record, self._spent = record, spent

    def put_if_absent(self, request: str, told: Told) -> None:
        """Put an outcome on record unless there is one."""
        self._record.settle(self._verdict(request, told))

    def put_over(self, request: str, told: Told, over: Versioned) -> bool:
        """Put an outcome on record over a version of the item, which is written anew as it is."""
        return self._record.settle(self._verdict(request, told), as_put(over))

    def _verdict(self, request: str, told: Told) -> Verdict:
        """Return the outcome as the record keeps it: as the error says, where there is one."""
        result = _RESULTS[told.fate]
        return Verdict(
            request=request,
            result="refused" if isinstance(told.error, Refused) else result,
            code=told.error.exit_code if told.error else int(result != "succeeded"),
            resource=told.instance,
            fate=told.fate.value,
            instance=told.instance,
            message=told.error.message if told.error else FATES[told.fate],
            duration_ms=self._spent(),
        )

    def find(self, request: str) -> Told | None:
        """Return the outcome of a request, or None."""
        known = self._record.find(request)
        if known is None or known.verdict is None:
            return None
        verdict = known.verdict
        fate = Fate(verdict.fate) if verdict.fate else _FATES[verdict.result]
        return Told(fate, verdict.instance, verdict.by, int(verdict.at))


class Ec2Looks:
    """Looks at EC2, each sent when it is asked for."""

    def __init__(self, ec2_of: Callable[[str], Any]) -> None:
        self._ec2_of: Callable[[str], Looks] = ec2_of

    def look(self, region: str, instances: Sequence[str], tokens: Sequence[str]) -> list[Seen]:
        """Return the instances with these ids or ClientTokens, in every state."""
        ec2 = self._ec2_of(region)
        found = dict(ec2.by_ids(list(instances))) if instances else {}
        if tokens:
            found.update({one.id: one for one in ec2.by_tokens(list(tokens))})
        return [seen_of(one) for one in found.values()]

    def look_all(self, region: str) -> list[Seen]:
        """Return what Handrail made that has not ended."""
        return [seen_of(one) for one in self._ec2_of(region).managed(LIVE_STATES)]

    def terminate(self, region: str, instances: Sequence[str]) -> list[Seen]:
        """Terminate, and return the states that the reply shows."""
        states = self._ec2_of(region).terminate(list(instances))
        return [Seen(id, state, "", region) for id, state in states.items()]


def seen_of(one: Instance) -> Seen:
    """Return an instance as the lease sees it."""
    return Seen(one.id, one.state, one.client_token, one.region, one.owner, one.name, one.managed)
