"""`audit list`: who changed what, when, with what result."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from handrail.core.amounts import count
from handrail.core.errors import NotSetUp, Usage
from handrail.core.fields import Field, Kind, Values, show
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome
from handrail.core.shell import line
from handrail.ledger.ledger import Ledger
from handrail.ledger.record import joined
from handrail.operations.audit_rows import Entry, Row, asked_for, entry_of, fits, row_of
from handrail.session import Session

RESULTS = ("succeeded", "unchanged", "refused", "failed", "open")
_SPAN = re.compile(r"(\d{1,9})([smhd])\Z")
_SINCE = "handrail audit list --since 2d, or 90s, 1h, 2026-11-22T10:00:00Z"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def ledger_of(session: Session) -> Ledger:
    """Return the account's ledger. Raises NotSetUp where it has none."""
    ledger = session.stores.found or session.stores.ledger  # what is only read needs no warning of where changes go
    if not isinstance(ledger, Ledger):
        raise NotSetUp(
            "this account has no ledger, so its record is a file on each machine.",
            hint=f"handrail init, or: {line('cat', session.folders.state / 'audit.jsonl')}",
        )
    return ledger


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


def list_entries(session: Session, values: Values) -> Outcome:
    """Return the record, one row per request; with `entries` every entry as it stands."""
    record = ledger_of(session).record
    since = since_of(values["since"], session.clock.now()) if values["since"] else 0.0
    entries = record.entries_since(since)
    rows: Sequence[Row | Entry]
    if values["entries"]:
        rows = [entry_of(item) for item in asked_for(entries, values, record)]
        summary = _entries(len(rows))
    else:
        rows = [row_of(known) for known in joined(entries) if fits(known, values)]
        summary = count(len(rows), "request")
    return Outcome(rows=rows, summary=summary, empty="Nothing is on record.")


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number:,} entries"


LIST = Operation(
    "audit",
    "list",
    "show who changed what, when, with what result",
    "handrail audit list --since 2d --result refused",
    Effect.READ,
    list_entries,
    fields=(
        Field("since", "not older than 90s, 30m, 1h, 2d, or an ISO time", check=_check_since, metavar="TIME"),
        Field("actor", "only what this principal did (part of the ARN)", metavar="ARN"),
        Field("owner", "only what this owner did", metavar="NAME"),
        Field("resource", "only what was done to this id or name, or in it: BUCKET finds BUCKET/KEY too", metavar="ID"),
        Field("operation", 'only this operation: "ec2 create"', metavar="OPERATION"),
        Field("result", f"only {', '.join(RESULTS)}", Kind.CHOICE, choices=RESULTS),
        Field("entries", "show the intent and outcome of each request as they stand, instead of a row", Kind.FLAG),
    ),
    permissions=("dynamodb:GetItem", "dynamodb:Query"),
    kind=Row.KIND,
    many=True,
)
