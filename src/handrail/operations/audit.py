"""`audit list`: who changed what, when, with what result; a row per request, or every entry as it stands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from handrail.aws.dynamodb import Item
from handrail.core.amounts import count
from handrail.core.errors import Usage
from handrail.core.fields import Parameters, Type, flag, show, text
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome
from handrail.core.resources import Resource
from handrail.ledger.record import Known, Record, joined, unpacked
from handrail.session import Session

RESULTS = ("succeeded", "unchanged", "refused", "failed", "open")
FILTERS = ("actor", "owner", "resource", "operation", "result")
_SPAN = re.compile(r"(\d{1,9})([smhd])\Z")
_SINCE = "handrail audit list --since 2d, or 90s, 1h, 2026-11-22T10:00:00Z"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _check_since(value: str) -> str:
    since_of(value, datetime.now(UTC))
    return value


def since_of(value: str, now: datetime) -> float:
    """Return the moment (epoch seconds) that `90s`, `30m`, `1h`, `2d` or an ISO time means. Raises Usage."""
    span = _SPAN.match(value)
    try:
        if span:
            return (now - timedelta(**{_UNITS[span[2]]: int(span[1])})).timestamp()
        moment = datetime.fromisoformat(value)
    except OverflowError:
        raise Usage(f"{show(value)} goes back to before the year 1.", hint=_SINCE) from None
    except ValueError:
        raise Usage(f"{show(value)} is not a time.", hint=_SINCE) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class ListEntries(Parameters):
    """What `audit list` asks for."""

    since = text("not older than 90s, 30m, 1h, 2d, or an ISO time", check=_check_since, metavar="TIME")
    actor = text("only what this principal did (part of the ARN)", metavar="ARN")
    owner = text("only what this owner did", metavar="NAME")
    resource = text("only what was done to this id or name, or in it: BUCKET finds BUCKET/KEY too", metavar="ID")
    operation = text('only this operation: "ec2 create"', metavar="OPERATION")
    result = text(f"only {', '.join(RESULTS)}", type=Type.CHOICE, choices=RESULTS)
    entries = flag("show the intent and outcome of each request as they stand, instead of a row")


@dataclass(frozen=True)
class Row(Resource):
    """A request on record, its intent and outcome joined. `result` is open while there is no outcome."""

    KIND: ClassVar[str] = "audit row"
    COLUMNS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("AGE", "at"),
        ("OWNER", "owner"),
        ("OPERATION", "operation"),
        ("RESOURCE", "resource"),
        ("RESULT", "result"),
        ("REQUEST", "request"),
    )

    at: datetime | None
    actor: str
    requester: str | None
    operation: str
    target: str
    region: str
    resource: str
    result: str
    code: int | None
    duration_ms: int | None
    request: str
    owner: str
    message: str
    given: dict[str, Any]


@dataclass(frozen=True)
class Entry(Resource):
    """An entry of the record as it stands, an intent or an outcome; what its kind does not have is null."""

    KIND: ClassVar[str] = "audit entry"
    COLUMNS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("AGE", "at"),
        ("CHAIN", "chain"),
        ("ENTRY", "seq"),
        ("KIND", "kind"),
        ("OPERATION", "operation"),
        ("RESOURCE", "resource"),
        ("RESULT", "result"),
        ("REQUEST", "request"),
    )

    at: datetime | None
    chain: str
    seq: int | None
    kind: str | None
    request: str | None
    actor: str | None
    owner: str | None
    requester: str | None
    operation: str | None
    target: str | None
    region: str | None
    resource: str | None
    given: dict[str, Any] | None
    resolved: dict[str, Any] | None
    digest: str | None
    result: str | None
    code: int | None
    message: str | None
    fate: str | None
    instance: str | None
    duration_ms: int | None
    by: str | None
    prev: str | None
    hash: str | None


def list_entries(session: Session, values: ListEntries) -> Outcome:
    """Return the record, one row per request; with `entries` every entry as it stands."""
    record = session.stores.shared.record
    since = since_of(values.since, session.clock.now()) if values.since else 0.0
    entries = record.entries_since(since)
    rows: Sequence[Row | Entry]
    if values.entries:
        rows = [entry_of(item) for item in asked_for(entries, values, record)]
        summary = count(len(rows), "entry", "entries")
    else:
        rows = [row_of(known) for known in joined(entries) if fits(known, values)]
        summary = count(len(rows), "request")
    return Outcome(rows=rows, summary=summary, empty="Nothing is on record.")


def row_of(known: Known) -> Row:
    """Return the row of a request."""
    intent, verdict = known.intent, known.verdict
    return Row(
        at=_time(intent.at),
        actor=intent.actor,
        requester=intent.requester or None,
        operation=intent.operation,
        target=intent.target,
        region=intent.region,
        resource=(verdict.resource if verdict else "") or intent.resource,
        result=verdict.result if verdict else "open",
        code=verdict.code if verdict else None,
        duration_ms=verdict.duration_ms if verdict else None,
        request=intent.request,
        owner=intent.owner,
        message=verdict.message if verdict else "",
        given=dict(intent.given),
    )


def entry_of(item: Item) -> Entry:
    """Return an entry; parameters that were edited so that they can't be read stay the text that they are."""
    at = item.get("at")
    values: dict[str, Any] = {one.name: item.get(one.name) for one in fields(Entry)}
    for name in ("given", "resolved"):
        found = unpacked(item.get(name))
        values[name] = item.get(name) if found is None else found
    values |= {"at": _time(at / 1000) if isinstance(at, int) else None, "chain": item["pk"].removeprefix("chain#")}
    return Entry(**values)


def _time(at: float) -> datetime | None:
    """Return a moment of the record in whole seconds; None for one that was edited so that it is none."""
    try:
        return datetime.fromtimestamp(int(at), UTC) if at else None
    except (OverflowError, ValueError, OSError):
        return None


def asked_for(entries: Sequence[Item], values: ListEntries, record: Record) -> list[Item]:
    """Return the entries of the requests that the filters let pass: the outcome of an owner's intent is the owner's.

    An intent that is older than the entries is looked up, one call each.
    """
    if all(values[name] is None for name in FILTERS):
        return list(entries)
    begun = {item.get("request") for item in entries if item.get("kind") == "intent"}
    ended = {str(item.get("request")) for item in entries if item.get("request") not in begun}
    older = [intent for request in sorted(ended) if (intent := record.copy_of(request, "intent")) is not None]
    wanted = {known.intent.request for known in joined([*older, *entries]) if fits(known, values)}
    return [item for item in entries if item.get("request") in wanted]


def fits(known: Known, values: ListEntries) -> bool:
    """Return whether the filters let a request pass."""
    row = row_of(known)
    exact = all(values[name] in (None, getattr(row, name)) for name in ("owner", "operation", "result"))
    actor, resource = values.actor, values.resource
    about = resource is None or any(_is_in(str(one), resource) for one in (row.resource, known.intent.resource))
    return exact and (actor is None or actor in str(row.actor)) and about


def _is_in(resource: str, named: str) -> bool:
    """Return whether a resource is the named one or in it: BUCKET/KEY is in BUCKET.

    A refusal of several targets names them all, between commas; those are ids and names, and have no slash.
    """
    base = named.rstrip("/")
    among = resource.split(",") if "/" not in resource else ()
    return resource.rstrip("/") == base or resource.startswith(f"{base}/") or base in among


LIST = Operation(
    "audit",
    "list",
    "show who changed what, when, with what result",
    "handrail audit list --since 2d --result refused",
    Effect.READ,
    list_entries,
    parameters=ListEntries,
    permissions=("dynamodb:Query",),
    noun=Row.KIND,
    many=True,
)
