"""The far ends of the lease on AWS: its item and outcomes in the ledger's table, its looks at EC2."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from handrail.aws.dynamodb import Item, Table
from handrail.core.errors import AwsFailure, Throttled, Unreachable
from handrail.core.resources import TAKES_A_PLACE, Instance
from handrail.ledger.holders import Fate, Places, Seen, Versioned, from_item, to_item
from handrail.ledger.ports import Told
from handrail.ledger.record import Record, Verdict

_KEY = ("lease", "holders")
_FATES = {"succeeded": Fate.MADE, "unchanged": Fate.MADE, "refused": Fate.REFUSED, "failed": Fate.REFUSED}
_RESULTS = {
    Fate.MADE: "succeeded",
    Fate.ADOPTED: "succeeded",
    Fate.GONE: "succeeded",
    Fate.CANCELLED: "failed",
    Fate.NOTHING: "failed",
    Fate.NOT_RUNNING: "failed",
    Fate.REFUSED: "failed",
}
_WORDS = {
    Fate.MADE: "it was done",
    Fate.ADOPTED: "a look found its instance running",
    Fate.GONE: "its instance was found terminated",
    Fate.CANCELLED: "it was undone",
    Fate.NOTHING: "nothing was made, and nothing can be any more",
    Fate.NOT_RUNNING: "a look found its instance not running",
    Fate.REFUSED: "AWS refused it, or it was never sent",
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
        """Return the item, strongly consistent."""
        reply = self._table.get(_KEY)
        return _versioned(reply.item, reply.date)

    def write(self, places: Places, if_version: int) -> Versioned:
        """Write the places over a version. Raises Unreachable wherever it may or may not have been written."""
        version = if_version + 1
        text = json.dumps(to_item(places), sort_keys=True, separators=(",", ":"))
        item = {"pk": _KEY[0], "sk": _KEY[1], "version": version, "places": text}
        try:
            reply = self._table.put(item, version=("version", if_version))
        except (AwsFailure, Throttled) as error:
            # Also after a throttled or failed attempt an earlier one may have been carried out unheard.
            raise Unreachable(error.message, hint=error.hint, details=error.details) from error
        return Versioned(places, version, reply.date) if reply.item is None else _versioned(reply.item, reply.date)


def _versioned(item: Item | None, date: int) -> Versioned:
    if not item:
        return Versioned({}, 0, date)
    return Versioned(from_item(json.loads(item["places"])), item["version"], date)


class RecordedOutcomes:
    """Outcomes as the record keeps them."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def put_if_absent(self, request: str, told: Told) -> None:
        """Put an outcome on record unless there is one."""
        self._record.settle(
            Verdict(
                request=request,
                result=_RESULTS[told.fate],
                code=0 if _RESULTS[told.fate] == "succeeded" else 1,
                fate=told.fate.value,
                instance=told.instance,
                message=_WORDS[told.fate],
                by=told.by,
            )
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
        return [_seen(one) for one in found.values()]

    def look_all(self, region: str) -> list[Seen]:
        """Return what Handrail made that takes a place."""
        return [_seen(one) for one in self._ec2_of(region).managed(TAKES_A_PLACE)]

    def terminate(self, region: str, instances: Sequence[str]) -> list[Seen]:
        """Terminate, and return the states that the reply shows."""
        states = self._ec2_of(region).terminate(list(instances))
        return [Seen(id, state, "", region) for id, state in states.items()]


def _seen(one: Instance) -> Seen:
    return Seen(one.id, one.state, one.client_token, one.region, one.owner, one.name, one.managed)
