"""The record: an intent before the first call of a change, an outcome after. Journal and audit are views of it.

Entries stand in a chain per principal (chain.py). A request's intent and outcome stand a second time under the
request's own key, each put only if absent: one name space of requests per account, one outcome per request, whoever
writes it.
"""

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handrail.aws.dynamodb import CONTENDED, TRANSACTION_LIMIT, Delete, Item, Put, Table
from handrail.core.caller import Caller
from handrail.core.errors import Conflict, Throttled
from handrail.core.fields import Parameters, Type
from handrail.ledger.chain import EMPTY, Head, link
from handrail.ledger.places import Fate
from handrail.ledger.shapes import LATEST, SCHEMA, Odd, check_schema, is_newer, is_whole, text, unreadable

RESULTS = ("succeeded", "unchanged", "refused", "failed")
CHAINS = "chains"
OPEN = "open"
_TURNS = 60
_BATCH = (TRANSACTION_LIMIT - 1) // 3  # an intent is three writes; one more is the chain's row on the list
_SEQ = "{:012d}"
_PLACE, _LAST = re.compile("[0-9]{12}"), 10**12 - 1
_AHEAD = 1800  # seconds: AWS takes nothing whose clock is off by 15 minutes, so no entry is further ahead of another's


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
    """A request that has no outcome yet. at: when its command last said that it lives, epoch seconds.

    resource: what it is about, where the row says. tried: when somebody last could not settle it. dated: the row says
    when; one that does not counts as alive now.
    """

    request: str
    operation: str
    at: float
    resource: str = ""
    tried: float = 0.0
    dated: bool = True


@dataclass(frozen=True)
class Known:
    """A request as the record has it."""

    intent: Intent
    verdict: Verdict | None


@dataclass(frozen=True)
class Survey:
    """All that a pass over the table finds.

    principals: whose each chain on the list is, as the list says. copies: by request and kind. beside: the items that
    are no entries.
    """

    chains: frozenset[str]
    principals: Mapping[str, object]
    copies: Mapping[tuple[str, str], Item]
    beside: Sequence[Item] = ()

    @property
    def unlisted(self) -> frozenset[str]:
        """Return the chains that are not on the list."""
        return self.chains - self.principals.keys()


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

    def settle(self, verdict: Verdict, beside: Put | None = None) -> bool:
        """Put an outcome on record unless the request has one. Returns whether it was this one that stayed.

        beside: a write that must be made in the same transaction; where its condition fails nothing is put on record.
        """
        return self._append([("outcome", verdict.request, self._stamped(verdict))], beside) is None

    def renew(self, request: str) -> bool:
        """Say that the command of an open request lives. Returns whether the request is still open."""
        there = self._table.get((OPEN, request)).item
        if there is None:
            return False
        return self._table.put({**there, "at": round(self._table.now() * 1000)}, if_exists=True).item is None

    def put_off(self, one: Unfinished) -> None:
        """Note that an open request could not be settled now, unless its command has said meanwhile that it lives."""
        at, there = round(one.at * 1000), self._table.get((OPEN, one.request)).item
        if there is not None:
            self._table.put({**there, "tried": round(self._table.now() * 1000)}, version=("at", at))

    def forget(self, request: str) -> None:
        """Take the mark of an open request away that has an outcome, or no intent: nothing is left to settle."""
        self._table.delete((OPEN, request))

    def intend_and_settle(self, intent: Intent, verdict: Verdict) -> None:
        """Put a request on record that ended before it began: both entries in one transaction."""
        body = _intent_body(self._signed(intent))
        self._append([("intent", intent.request, body), ("outcome", verdict.request, self._stamped(verdict))])

    def _stamped(self, verdict: Verdict) -> Item:
        return _verdict_body({**vars(verdict), "at": self._table.now(), "by": verdict.by or self._caller.arn})

    def _signed(self, intent: Intent) -> Intent:
        who = {"actor": self._caller.arn, "owner": self._caller.owner, "requester": self._requester}
        return Intent(**{**vars(intent), **who, "at": self._table.now()})

    def _append(self, bodies: Sequence[tuple[str, str, Item]], beside: Put | None = None) -> str | None:
        """Append entries to this principal's chain, each with its copy under the request, in one transaction.

        Returns None, or the request that has one of that kind already, or whose entry what is `beside` has kept out. A
        chain that grew meanwhile is read again.
        """
        for turn in range(_TURNS):
            head = self._head or self._read_head()
            puts, head = self._puts(head, bodies)
            try:
                obstacles = self._table.transact([*puts, *([beside] if beside else [])])
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
            taken = bodies[0][1] if beside and obstacles.pop() is not None else _taken(puts, obstacles)
            if taken is not None:
                return taken or None
            self._pause(turn)
        raise Throttled("too many commands of yours write to the record at once.", hint="repeat the command")

    def _puts(self, head: Head, bodies: Sequence[tuple[str, str, Item]]) -> tuple[list[Put | Delete], Head]:
        puts: list[Put | Delete] = []
        for kind, request, body in bodies:
            self._latest = max(self._latest, body["at"])  # no entry of a chain is older than the one before it
            entry = link(head, {"schema": SCHEMA, "kind": kind, "request": request, **body, "at": self._latest})
            head = Head(entry["seq"], entry["hash"])
            puts.append(Put({"pk": self._chain, "sk": _SEQ.format(entry["seq"]), **entry}))
            puts.append(Put({"pk": f"request#{request}", "sk": kind, **entry}))
        intents = {request: body for kind, request, body in bodies if kind == "intent"}
        ended = {request for kind, request, _ in bodies if kind == "outcome"}
        puts += [_marker(request, body) for request, body in intents.items() if request not in ended]
        puts += [Delete((OPEN, request)) for request in sorted(ended - set(intents))]
        if self._head is None:  # once per command, in the same call: a row that was taken off the list is put again
            row = {"pk": CHAINS, "sk": self._caller.id, "schema": SCHEMA, "actor": self._caller.arn}
            puts.append(Put(row, unless_exists=False))
        return puts, head

    @property
    def _chain(self) -> str:
        return f"chain#{self._caller.id}"

    def _read_head(self) -> Head:
        for last in self._table.query(self._chain, backwards=True, limit=1):
            self._latest = max(self._latest, self._past(last))
            return _head(last)
        return EMPTY

    def _past(self, item: Item) -> int:
        """Return when an entry was written, epoch milliseconds; 0 where that can't be read, or is still to come."""
        at = _moment(item)
        return at if at <= (self._table.now() + _AHEAD) * 1000 else 0

    def _pause(self, turn: int) -> None:
        self._sleep(random.uniform(0.01, 0.05) * min(turn + 1, 10))  # noqa: S311  spreads writers, keeps no secret

    # ---- reading

    def find(self, request: str) -> Known | None:
        """Return a request, strongly consistent, or None if the record has none of that id.

        Raises NotSetUp where what it says can't be read any more: nothing may be decided by it.
        """
        items = {item["sk"]: item for item in self._table.query(f"request#{request}")}
        if "intent" not in items:
            return None
        for sk in items.keys() & {"intent", "outcome"}:
            _check_readable(items[sk])
        return Known(_intent(items["intent"]), _verdict(items.get("outcome")))

    def now(self) -> float:
        """Return the time of day that entries are stamped with, epoch seconds."""
        return self._table.now()

    def unfinished(self) -> list[Unfinished]:
        """Return the requests of everybody that have no outcome, the oldest first: the journal, in one read."""
        found = [
            # One whose time was edited counts as alive: who takes the living for dead undoes what they do.
            Unfinished(
                item["sk"],
                str(item.get("operation")),
                self._past(item) / 1000 or self._table.now(),
                str(item.get("resource", "")),
                _moment(item, "tried") / 1000,
                dated=self._past(item) > 0,
            )
            for item in self._table.query(OPEN)
            if not is_newer(item)
        ]
        return sorted(found, key=lambda one: (one.at, one.request))

    def heads(self) -> dict[str, Head]:
        """Return the head of every chain, listed or not. Raises HandrailError where one can't be read any more."""
        found = {}
        for chain in sorted(self.survey().chains):
            for last in self._table.query(f"chain#{chain}", backwards=True, limit=1):
                found[chain] = _head(last)
        return found

    def listed(self) -> list[str]:
        """Return the ids of the principals who are on the list of chains: one read, and not the last word."""
        return [item["sk"] for item in self._table.query(CHAINS)]

    def survey(self) -> Survey:
        """Return the chains and the copies of entries that stand in the table, whatever its list of chains says.

        The list is read last: a chain's first entry and its row are written together, so each must have its row then.
        """
        found: set[str] = set()
        copies = {}
        beside = []
        for item in self._table.scan():
            if item["pk"].startswith("chain#"):
                found.add(item["pk"].removeprefix("chain#"))
            elif item["pk"].startswith("request#"):
                copies[item["pk"].removeprefix("request#"), item["sk"]] = item
            elif item["pk"] != CHAINS:
                beside.append(item)
        principals = {item["sk"]: item.get("actor") for item in self._table.query(CHAINS)}
        return Survey(frozenset(found | principals.keys()), principals, copies, beside)

    def copy_of(self, request: str, kind: str) -> Item | None:
        """Return the copy of an entry that stands under its request, or None."""
        return self._table.get((f"request#{request}", kind)).item

    def entries(self, chain: str) -> Iterator[Item]:
        """Yield the entries of a chain in their order."""
        return self._table.query(f"chain#{chain}")

    def entries_since(self, since: float) -> list[Item]:
        """Return the entries of all listed chains that are not older, in the order of time.

        One whose time was edited is among them: it tells nothing of those before it.
        """
        found: list[Item] = []
        for chain in self.listed():
            for item in self._table.query(f"chain#{chain}", backwards=True):
                if 0 < _moment(item) / 1000 < since:
                    break
                found.append(item)
        return sorted(found, key=lambda item: (_moment(item), item["pk"], item["sk"]))


def joined(entries: Sequence[Item]) -> list[Known]:
    """Return the requests whose intents are among these entries, in their order, each with its outcome if it has one.

    What was edited stands as far as it can be read: a time that can't is 0, parameters that can't are none.
    """
    verdicts = {item.get("request"): item for item in entries if item.get("kind") == "outcome"}
    intents = [item for item in entries if item.get("kind") == "intent"]
    return [Known(_intent(item), _verdict(verdicts.get(item.get("request")))) for item in intents]


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
    marker = {"pk": OPEN, "sk": request, "schema": SCHEMA, "operation": body["operation"], "at": body["at"]}
    return Put({**marker, **({"resource": body["resource"]} if body.get("resource") else {})}, unless_exists=False)


def given_of(values: Parameters) -> dict[str, Any]:
    """Return what a person gave, as the record keeps it: no secrets, nothing that was left out."""
    return {
        field.name: list(values[field.name]) if field.many else values[field.name]
        for field in values.fields()
        if field.type is not Type.SECRET and values[field.name] not in (None, (), field.default)
    }


def digest_of(parameters: type[Parameters], given: Mapping[str, Any], region: str) -> str:
    """Return a short hash of what a repeat of a request must share: what was given, and the region, not what it became.

    given: as `given_of` has it, with `NAME_sha256` of each file's content. It comes from the fields themselves, and
    what was not given is no part of it: no new option can be forgotten, and none changes the digest of those before it.
    """
    names = {
        f"{field.name}_sha256" if field.type is Type.FILE else field.name
        for field in parameters.fields()
        if field.part_of_identity
    }
    said = {name: sorted(value) if isinstance(value, list) else value for name, value in given.items() if name in names}
    return hashlib.sha256(json.dumps({**said, "region": region}, sort_keys=True).encode()).hexdigest()[:16]


def _intent_body(intent: Intent) -> Item:
    body = {name: value for name, value in vars(intent).items() if name != "request"}
    body |= {"given": _json(intent.given), "resolved": _json(intent.resolved), "at": round(intent.at * 1000)}
    return {name: value for name, value in body.items() if value != ""}


def _verdict_body(values: Mapping[str, Any]) -> Item:
    body = {name: value for name, value in values.items() if name != "request"}
    return {name: value for name, value in {**body, "at": round(body["at"] * 1000)}.items() if value != ""}


def _intent(item: Item) -> Intent:
    values = {name: item.get(name, "") for name in Intent.__dataclass_fields__}  # an empty text is not stored
    values |= {name: unpacked(item.get(name)) or {} for name in ("given", "resolved")}
    return Intent(**{**values, "at": _moment(item) / 1000})


def _verdict(item: Item | None) -> Verdict | None:
    if item is None:
        return None
    values = {name: item.get(name, "") for name in ("request", "result")}
    values |= {name: item[name] for name in Verdict.__dataclass_fields__ if name in item}
    return Verdict(**{**values, "at": _moment(item) / 1000})


def _head(last: Item) -> Head:
    """Return the head that the last entry of a chain is. Raises NotSetUp where nothing can follow it.

    That is one at a place that no entry has, or another's: what followed it could not be told from what was moved.
    """
    place = last["sk"]
    try:
        if not _PLACE.fullmatch(place) or last.get("seq") != int(place) or int(place) == _LAST:
            raise Odd("it is the end of its chain, and stands at a place that is not its own")
        return Head(int(place), text(last, "hash"))
    except Odd as odd:
        raise unreadable(f"{last['pk']}/{place}", odd, "handrail audit verify") from None


def _check_readable(item: Item) -> None:
    """Raise NotSetUp unless an entry of a request says what every program can decide by."""
    try:
        check_schema(item)
        if not _moment(item):
            raise Odd("at is no time")
        if item["pk"] != f"request#{item.get('request')}":
            raise Odd("it is of another request")
        if item["sk"] == "intent":
            _check_intent(item)
        else:
            _check_outcome(item)
    except Odd as odd:
        raise unreadable(f"{item['pk']}/{item['sk']}", odd, "handrail audit verify") from None


def _check_intent(item: Item) -> None:
    packed = ("given", "resolved")
    for name in Intent.__dataclass_fields__.keys() - {*packed, "at"}:
        text(item, name, "")
    for name in packed:
        if unpacked(item.get(name)) is None:
            raise Odd(f"{name} is no JSON")


def _check_outcome(item: Item) -> None:
    for name in ("request", "resource", "message", "instance", "by"):
        text(item, name, "")
    if text(item, "result") not in RESULTS or text(item, "fate", "") not in {"", *Fate}:
        raise Odd("its result is none that is known")
    if not all(is_whole(item.get(name, 0)) for name in ("code", "duration_ms")):
        raise Odd("its code is no number")


def _moment(item: Item, name: str = "at") -> int:
    """Return when an entry was written, epoch milliseconds; 0 where that was edited so that it can't be read."""
    at = item.get(name)
    return at if at is not None and is_whole(at) and at < LATEST * 1000 else 0


def unpacked(text: Any) -> dict[str, Any] | None:
    """Return the parameters of an entry, or None where they were edited so that they can't be read."""
    try:
        found = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))
