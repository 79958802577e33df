"""`audit list`: who changed what, when, with what result."""

from collections.abc import Sequence

from handrail.core.amounts import count
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome
from handrail.ledger.record import joined
from handrail.operations.audit_rows import (
    Entry,
    ListEntries,
    Row,
    asked_for,
    entry_of,
    fits,
    ledger_of,
    row_of,
    since_of,
)
from handrail.session import Session


def list_entries(session: Session, values: ListEntries) -> Outcome:
    """Return the record, one row per request; with `entries` every entry as it stands."""
    record = ledger_of(session).record
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


LIST = Operation(
    "audit",
    "list",
    "show who changed what, when, with what result",
    "handrail audit list --since 2d --result refused",
    Effect.READ,
    list_entries,
    parameters=ListEntries,
    permissions=("dynamodb:GetItem", "dynamodb:Query"),
    kind=Row.KIND,
    many=True,
)
