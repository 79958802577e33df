"""`audit list|verify|anchor`: who changed what, and proof that nobody has changed the record since."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from handrail.core.errors import HandrailError, NotSetUp, Usage
from handrail.core.fields import Field, Kind, Values, show
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Hold, Outcome, Plan, Question, Result, Status
from handrail.core.words import count
from handrail.ledger.account import Ledger
from handrail.ledger.chain import Fault, Head, alone, unlike, unlisted, verify
from handrail.ledger.record import Record, joined
from handrail.operations.audit_rows import Entry, Row, asked_for, entry_of, fits, row_of
from handrail.session import Session

RESULTS = ("succeeded", "unchanged", "refused", "failed", "open")
_SPAN = re.compile(r"(\d{1,9})([smhd])\Z")
_SINCE = "handrail audit list --since 2d, or 90s, 1h, 2026-11-22T10:00:00Z"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _ledger(session: Session) -> Ledger:
    ledger = session.found_ledger or session.ledger  # what is only read needs no warning of where changes go
    if not isinstance(ledger, Ledger):
        raise NotSetUp(
            "this account has no ledger, so its record is a file on each machine.",
            hint=f"handrail init, or read {session.folders.state / 'audit.jsonl'}",
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
    record = _ledger(session).record
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


def verify_record(session: Session, values: Values) -> Outcome:
    """Check every chain of the record against itself, its copies, and an anchor where one is given."""
    record = _ledger(session).record
    anchors = _anchors(session, values["since_anchor"]) if values["since_anchor"] else None
    faults, entries = _faults(record, anchors or {})
    rows = [fault.as_json() for fault in faults]
    seen, blind = f"{_entries(entries)} checked", _blind(anchors)
    if not faults:
        return Outcome(rows=rows, columns=_FAULTS, summary=f"{seen}, nothing wrong{blind}")
    error = HandrailError(
        f"the record does not hold: {count(len(faults), 'fault')}.",
        hint="compare with a backup of the table (point-in-time recovery), and look who may write to it",
        details={"faults": rows},
        code="record_broken",
    )
    return Outcome(rows=rows, columns=_FAULTS, summary=seen + blind, failures=(error,))


def _blind(anchors: Mapping[str, Head] | None) -> str:
    """Return what the check can't see, as the end of a line."""
    if anchors is None:
        return "; a tail that was cut can't be seen without --since-anchor FILE"
    return "" if anchors else "; the anchor knows no chain, so a tail that was cut can't be seen"


def _faults(record: Record, anchors: Mapping[str, Head]) -> tuple[list[Fault], int]:
    """Return what is wrong with the record, and how many entries were checked.

    The copies are read first: an entry and its copy are written together, so each copy must have its entry by then.
    """
    survey = record.survey()
    copies = dict(survey.copies)
    faults = [unlisted(chain) for chain in sorted(survey.unlisted)]
    entries = 0
    for chain in sorted({*survey.chains, *anchors}):
        items = list(record.entries(chain))
        entries += len(items)
        faults += verify(chain, items, anchors.get(chain))
        for item in items:
            key = (str(item.get("request")), str(item.get("kind")))
            copy = copies.pop(key, None) or record.copy_of(*key)
            faults += unlike(chain, item, copy)
    return [*faults, *(alone(request, kind, copy) for (request, kind), copy in sorted(copies.items()))], entries


_FAULTS = (("CHAIN", "chain"), ("ENTRY", "seq"), ("FAULT", "kind"), ("WHAT", "text"))


def _anchors(session: Session, path: str) -> dict[str, Head]:
    """Return the heads in an anchor of this ledger. Raises Usage on a file that is none, or another ledger's."""
    try:
        document = json.loads(session.read_file(path))
        heads = {chain: Head(int(head["seq"]), str(head["hash"])) for chain, head in document["heads"].items()}
        theirs = (str(document["account"]), str(document["region"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Usage(f"{show(path)} is not an anchor.", hint="handrail audit anchor anchor.json") from None
    ours = (session.caller.account, session.home_region)
    if theirs != ours:
        raise Usage(
            f"{show(path)} is an anchor of account {theirs[0]} in {theirs[1]}, "
            f"and this record is of account {ours[0]} in {ours[1]}.",
            hint="handrail audit anchor anchor.json",
            details={"anchor": dict(zip(_PLACE, theirs, strict=True)), "record": dict(zip(_PLACE, ours, strict=True))},
        )
    return heads


_PLACE = ("account", "region")


def anchor(session: Session, values: Values) -> Plan:
    """Write the heads of all chains to a file, to be kept where the ledger's writers can't reach it."""
    heads = _ledger(session).record.heads()
    path = session.cwd / values["file"]
    document = {
        "handrail_anchor": 1,
        "account": session.caller.account,
        "region": session.home_region,
        "at": f"{session.clock.now():%Y-%m-%dT%H:%M:%SZ}",
        "heads": {chain: {"seq": head.seq, "hash": head.hash} for chain, head in sorted(heads.items())},
    }

    def apply(hold: Hold) -> list[Result]:
        session.write_file(path, json.dumps(document, indent=2) + "\n")
        said = f"{path} has the heads of {count(len(heads), 'chain')}"
        next_line = (("next", f"handrail audit verify --since-anchor {values['file']}"),)
        return [Result(path.name, None, Status.SUCCEEDED, said=said, current=document, notes=next_line)]

    planned = Result(path.name, None, Status.PLANNED, said=f"{path} would be written")
    question = Question(Ask.YES, f"{path} exists and would be overwritten.") if path.exists() else None
    return Plan(title=f"write {path.name}", apply=apply, planned=[planned], many=False, question=question)


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
VERIFY = Operation(
    "audit",
    "verify",
    "prove that no entry of the record was edited, removed or reordered",
    "handrail audit verify --since-anchor anchor.json",
    Effect.READ,
    verify_record,
    fields=(Field("since_anchor", "an anchor that was exported before: it shows a cut tail too", metavar="FILE"),),
    permissions=("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"),
    many=True,
)
ANCHOR = Operation(
    "audit",
    "anchor",
    "export the heads of the record, to keep elsewhere",
    "handrail audit anchor anchor.json",
    Effect.READ,
    anchor,
    fields=(Field("file", "where to write it", positional=True, required=True, metavar="FILE"),),
    permissions=("dynamodb:Query", "dynamodb:Scan"),
    kind="anchor",
    plans=True,
)
