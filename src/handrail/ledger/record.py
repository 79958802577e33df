"""The record: an intent before the first call of a change, an outcome after. Journal and audit are views of it.

Entries stand in a chain per principal (chain.py). A request's intent and outcome stand a second time under the
request's own key, each put only if absent: one name space of requests per account, one outcome per request, whoever
writes it.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handrail.aws.dynamodb import CONTENDED, TRANSACTION_LIMIT, Delete, Item, Put, Table
from handrail.core.caller import Caller
from handrail.core.errors import Conflict, Throttled
from handrail.core.fields import Kind
from handrail.core.operation import Operation
from handrail.ledger.chain import EMPTY, Head, link

CHAINS = "chains"
OPEN = "open"
_TURNS = 60
_BATCH = TRANSACTION_LIMIT // 3
_SEQ = "{:012d}"


@dataclass(frozen=True)
class Intent:
    """What a request is about to do. given: as the person said it; resolved: what that became. No secrets."""

    request: str
    operation: str
    resource: str
    region: str
    target: str
    given: Mapping[str, Any] = field(default_factory=dict)
    resolved: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    actor: str = ""
    owner: str = ""
    requester: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What became of a request. result: succeeded, unchanged, refused, failed. code: exit code. by: who settled it."""

    request: str
    result: str
    code: int = 0
    resource: str = ""
    message: str = ""
    fate: str = ""
    instance: str = ""
    duration_ms: int = 0
    by: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class Unfinished:
    """A request that has no outcome yet. at: when its command last said that it lives, epoch seconds."""

    request: str
    operation: str
    at: float


@dataclass(frozen=True)
class Known:
    """A request as the record has it."""

    intent: Intent
    verdict: Verdict | None


class Record:
    """The record of one account, written by one principal."""

    def __init__(
        self,
        table: Table,
        caller: Caller,
        sleep: Callable[[float], None],
        requester: str = "",
    ) -> None:
        self._table, self._caller, self._sleep, self._requester = table, caller, sleep, requester
        self._head: Head | None = None
        self._latest = 0  # when the newest entry of this principal's chain was written, epoch milliseconds

    # ---- writing

    def intend(self, intents: Sequence[Intent]) -> None:
        """Put intents on record, all or none per batch of 33. Raises Conflict where a request id is taken."""
        for start in range(0, len(intents), _BATCH):
            signed = [self._signed(intent) for intent in intents[start : start + _BATCH]]
            bodies = [("intent", intent.request, _intent_body(intent)) for intent in signed]
            taken = self._append(bodies)
            if taken is not None:
                raise Conflict(
                    f"the request id {taken} was taken at this moment by another command.",
                    hint="repeat the command to see what became of it, or choose another --request-id",
                    details={"request": taken},
                )

    def settle(self, verdict: Verdict) -> bool:
        """Put an outcome on record unless the request has one. Returns whether it was this one that stayed."""
        return self._append([("outcome", verdict.request, self._stamped(verdict))]) is None

    def renew(self, request: str, operation: str) -> bool:
        """Say that the command of an open request lives. Returns whether the request is still open."""
        body = {"operation": operation, "at": round(self._table.now() * 1000)}
        return self._table.put(_marker(request, body).item, if_exists=True).item is None

    def intend_and_settle(self, intent: Intent, verdict: Verdict) -> None:
        """Put a request on record that ended before it began: both entries in one transaction."""
        body = _intent_body(self._signed(intent))
        self._append([("intent", intent.request, body), ("outcome", verdict.request, self._stamped(verdict))])

    def _stamped(self, verdict: Verdict) -> Item:
        return _verdict_body({**vars(verdict), "at": self._table.now(), "by": verdict.by or self._caller.arn})

    def _signed(self, intent: Intent) -> Intent:
        who = {"actor": self._caller.arn, "owner": self._caller.owner, "requester": self._requester}
        return Intent(**{**vars(intent), **who, "at": self._table.now()})

    def _append(self, bodies: Sequence[tuple[str, str, Item]]) -> str | None:
        """Append entries to this principal's chain, each with its copy under the request, in one transaction.

        Returns None, or the request that has one of that kind already. A chain that grew meanwhile is read again.
        """
        for turn in range(_TURNS):
            head = self._head or self._read_head()
            puts, head = self._puts(head, bodies)
            try:
                obstacles = self._table.transact(puts)
            except Throttled as error:
                if error.slug != CONTENDED:
                    raise
                self._pause(turn)
                self._head = None
                continue
            if all(obstacle is None for obstacle in obstacles):
                self._head = head
                return None
            self._head = None
            taken = _taken(puts, obstacles)
            if taken is not None:
                return taken or None
            self._pause(turn)
        raise Throttled("too many commands of yours write to the record at once.", hint="repeat the command")

    def _puts(self, head: Head, bodies: Sequence[tuple[str, str, Item]]) -> tuple[list[Put | Delete], Head]:
        puts: list[Put | Delete] = []
        for kind, request, body in bodies:
            self._latest = max(self._latest, body["at"])  # no entry of a chain is older than the one before it
            entry = link(head, {"kind": kind, "request": request, **body, "at": self._latest})
            head = Head(entry["seq"], entry["hash"])
            puts.append(Put({"pk": self._chain, "sk": _SEQ.format(entry["seq"]), **entry}))
            puts.append(Put({"pk": f"request#{request}", "sk": kind, **entry}))
        intents = {request: body for kind, request, body in bodies if kind == "intent"}
        ended = {request for kind, request, _ in bodies if kind == "outcome"}
        puts += [_marker(request, body) for request, body in intents.items() if request not in ended]
        puts += [Delete((OPEN, request)) for request in sorted(ended - set(intents))]
        return puts, head

    @property
    def _chain(self) -> str:
        return f"chain#{self._caller.id}"

    def _read_head(self) -> Head:
        for last in self._table.query(self._chain, backwards=True, limit=1):
            self._latest = max(self._latest, last["at"])
            return Head(last["seq"], last["hash"])
        self._table.put({"pk": CHAINS, "sk": self._caller.id, "actor": self._caller.arn})
        return EMPTY

    def _pause(self, turn: int) -> None:
        self._sleep(random.uniform(0.01, 0.05) * min(turn + 1, 10))  # noqa: S311  spreads writers, keeps no secret

    # ---- reading

    def find(self, request: str) -> Known | None:
        """Return a request, strongly consistent, or None if the record has none of that id."""
        items = {item["sk"]: item for item in self._table.query(f"request#{request}")}
        if "intent" not in items:
            return None
        return Known(_intent(items["intent"]), _verdict(items.get("outcome")))

    def now(self) -> float:
        """Return the time of day that entries are stamped with, epoch seconds."""
        return self._table.now()

    def unfinished(self) -> list[Unfinished]:
        """Return the requests of everybody that have no outcome, the oldest first: the journal, in one read."""
        found = [Unfinished(item["sk"], item["operation"], item["at"] / 1000) for item in self._table.query(OPEN)]
        return sorted(found, key=lambda one: (one.at, one.request))

    def heads(self) -> dict[str, Head]:
        """Return the head of every chain."""
        found = {}
        for chain in self.chains():
            for last in self._table.query(f"chain#{chain}", backwards=True, limit=1):
                found[chain] = Head(last["seq"], last["hash"])
        return found

    def chains(self) -> list[str]:
        """Return the ids of the principals who have a chain."""
        return [item["sk"] for item in self._table.query(CHAINS)]

    def survey(self) -> tuple[set[str], dict[tuple[str, str], Item]]:
        """Return the chains that have an entry, and the copies of entries by request and kind: one pass over all."""
        chains, copies = set(self.chains()), {}
        for item in self._table.scan():
            if item["pk"].startswith("chain#"):
                chains.add(item["pk"].removeprefix("chain#"))
            elif item["pk"].startswith("request#"):
                copies[item["pk"].removeprefix("request#"), item["sk"]] = item
        return chains, copies

    def copy_of(self, request: str, kind: str) -> Item | None:
        """Return the copy of an entry that stands under its request, or None."""
        return self._table.get((f"request#{request}", kind)).item

    def entries(self, chain: str) -> Iterator[Item]:
        """Yield the entries of a chain in their order."""
        return self._table.query(f"chain#{chain}")

    def entries_since(self, since: float) -> list[Item]:
        """Return the entries of all chains that are not older, in the order of time."""
        found: list[Item] = []
        for chain in self.chains():
            for item in self._table.query(f"chain#{chain}", backwards=True):
                if item["at"] / 1000 < since:
                    break
                found.append(item)
        return sorted(found, key=lambda item: (item["at"], item["pk"], item["seq"]))

    def requests_since(self, since: float) -> list[Known]:
        """Return the requests whose intent is not older, in the order of time, each with its outcome if it has one."""
        entries = self.entries_since(since)
        verdicts = {item["request"]: item for item in entries if item["kind"] == "outcome"}
        return [
            Known(_intent(item), _verdict(verdicts.get(item["request"])))
            for item in entries
            if item["kind"] == "intent"
        ]


def _taken(writes: Sequence[Put | Delete], obstacles: Sequence[Item | None]) -> str | None:
    """Return the request whose entry somebody else has written, or None: only the chain has grown, so try again.

    An empty text: the entries are there, written by an earlier attempt of this process whose reply was lost.
    """
    copies = [
        (write.item, obstacle)
        for write, obstacle in zip(writes, obstacles, strict=True)
        if isinstance(write, Put) and write.item["pk"].startswith("request#")
    ]
    theirs = [item for item, obstacle in copies if obstacle is not None and _said(obstacle) != _said(item)]
    if theirs:
        return str(theirs[0]["request"])
    return "" if all(obstacle is not None for _, obstacle in copies) else None


def _said(entry: Mapping[str, Any]) -> Item:
    """Return what an entry says, wherever in the chain it stands."""
    return {key: value for key, value in entry.items() if key not in ("pk", "sk", "seq", "prev", "hash")}


def _marker(request: str, body: Item) -> Put:
    """Return the mark of an open request: enough to tell whether it is due, without reading the intent."""
    marker = {"pk": OPEN, "sk": request, "operation": body["operation"], "at": body["at"]}
    return Put(marker, unless_exists=False)


def given_of(operation: Operation, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person gave, as the record keeps it: no secrets, nothing that was left out."""
    return {
        field.name: list(values[field.name]) if isinstance(values[field.name], tuple) else values[field.name]
        for field in operation.fields
        if field.kind is not Kind.SECRET and values.get(field.name) not in (None, (), field.default)
    }


def _intent_body(intent: Intent) -> Item:
    body = {name: value for name, value in vars(intent).items() if name != "request"}
    body |= {"given": _json(intent.given), "resolved": _json(intent.resolved), "at": round(intent.at * 1000)}
    return {name: value for name, value in body.items() if value != ""}


def _verdict_body(values: Mapping[str, Any]) -> Item:
    body = {name: value for name, value in values.items() if name != "request"}
    return {name: value for name, value in {**body, "at": round(body["at"] * 1000)}.items() if value != ""}


def _intent(item: Item) -> Intent:
    values = {name: item.get(name, "") for name in Intent.__dataclass_fields__}  # an empty text is not stored
    values |= {"given": json.loads(item["given"]), "resolved": json.loads(item["resolved"]), "at": item["at"] / 1000}
    return Intent(**values)


def _verdict(item: Item | None) -> Verdict | None:
    if item is None:
        return None
    values = {name: item[name] for name in Verdict.__dataclass_fields__ if name in item}
    return Verdict(**{**values, "at": item["at"] / 1000})


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))
