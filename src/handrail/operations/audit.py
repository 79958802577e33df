"""`audit list|verify|anchor`: who changed what, and proof that nobody has changed the record since."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from handrail.core.errors import HandrailError, NotSetUp, Usage
from handrail.core.fields import Field, Kind, Values, show
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Hold, Outcome, Plan, Question, Result, Status
from handrail.core.words import count
from handrail.ledger.account import Ledger
from handrail.ledger.chain import Fault, Head, alone, unlike, verify
from handrail.ledger.record import Known, Record
from handrail.session import Session

RESULTS = ("succeeded", "unchanged", "refused", "failed", "open")
_SPAN = re.compile(r"(\d{1,9})([smhd])\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_ROW = (
    "at",
    "actor",
    "requester",
    "operation",
    "target",
    "region",
    "resource",
    "result",
    "code",
    "duration_ms",
    "request",
)
_COLUMNS = (
    ("AGE", "at"),
    ("OWNER", "owner"),
    ("OPERATION", "operation"),
    ("RESOURCE", "resource"),
    ("RESULT", "result"),
    ("REQUEST", "request"),
)


def _ledger(session: Session) -> Ledger:
    ledger = session.ledger
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
    if span:
        return (now - timedelta(**{_UNITS[span[2]]: int(span[1])})).timestamp()
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Usage(f"{show(value)} is not a time.", hint="--since 90s, 1h, 2d, or 2026-11-22T10:00:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def list_entries(session: Session, values: Values) -> Outcome:
    """Return the record, one row per request; with `entries` every entry as it stands."""
    record = _ledger(session).record
    since = since_of(values["since"], session.clock.now()) if values["since"] else 0.0
    if values["entries"]:
        rows = [_entry(item) for item in record.entries_since(since)]
        return Outcome(rows=[row for row in rows if _fits(row, values)], empty="Nothing is on record.")
    rows = [row for known in record.requests_since(since) if _fits(row := _row(known), values)]
    return Outcome(rows=rows, columns=_COLUMNS, summary=count(len(rows), "request"), empty="Nothing is on record.")


def _row(known: Known) -> dict[str, Any]:
    intent, verdict = known.intent, known.verdict
    return {
        "at": datetime.fromtimestamp(int(intent.at), UTC),
        "actor": intent.actor,
        "requester": intent.requester or None,
        "operation": intent.operation,
        "target": intent.target,
        "region": intent.region,
        "resource": (verdict.resource if verdict else "") or intent.resource,
        "result": verdict.result if verdict else "open",
        "code": verdict.code if verdict else None,
        "duration_ms": verdict.duration_ms if verdict else None,
        "request": intent.request,
        "owner": intent.owner,
        "message": verdict.message if verdict else "",
        "given": dict(intent.given),
    }


def _entry(item: dict[str, Any]) -> dict[str, Any]:
    parsed = {name: json.loads(item[name]) for name in ("given", "resolved") if name in item}
    rest = {name: value for name, value in item.items() if name not in ("pk", "sk", "at", *parsed)}
    return {
        "at": datetime.fromtimestamp(item["at"] // 1000, UTC),
        "chain": item["pk"].removeprefix("chain#"),
        **rest,
        **parsed,
    }


def _fits(row: dict[str, Any], values: Values) -> bool:
    checks = ("owner", "operation", "result")
    exact = all(values[name] is None or row.get(name) == values[name] for name in checks)
    parts = ("actor", "resource")
    return exact and all(values[name] is None or values[name] in str(row.get(name, "")) for name in parts)


def verify_record(session: Session, values: Values) -> Outcome:
    """Check every chain of the record against itself, its copies, and an anchor where one is given."""
    record = _ledger(session).record
    anchors = _anchors(session, values["since_anchor"]) if values["since_anchor"] else {}
    faults, entries = _faults(record, anchors)
    rows = [fault.as_json() for fault in faults]
    seen = f"{count(entries, 'entry').replace('entrys', 'entries')} checked"
    blind = "" if anchors else "; a tail that was cut can't be seen without --since-anchor FILE"
    if not faults:
        return Outcome(rows=rows, columns=_FAULTS, summary=f"{seen}, nothing wrong{blind}")
    error = HandrailError(
        f"the record does not hold: {count(len(faults), 'fault')}.",
        hint="compare with a backup of the table (point-in-time recovery), and look who may write to it",
        details={"faults": rows},
        code="record_broken",
    )
    return Outcome(rows=rows, columns=_FAULTS, summary=seen + blind, failures=(error,))


def _faults(record: Record, anchors: Mapping[str, Head]) -> tuple[list[Fault], int]:
    """Return what is wrong with the record, and how many entries were checked.

    The copies are read first: an entry and its copy are written together, so each copy must have its entry by then.
    """
    chains, copies = record.survey()
    faults: list[Fault] = []
    entries = 0
    for chain in sorted({*chains, *anchors}):
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
    try:
        document = json.loads(session.read_file(path))
        return {chain: Head(int(head["seq"]), str(head["hash"])) for chain, head in document["heads"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Usage(f"{show(path)} is not an anchor.", hint="handrail audit anchor FILE makes one") from None


def anchor(session: Session, values: Values) -> Plan:
    """Write the heads of all chains to a file, to be kept where the ledger's writers can't reach it."""
    heads = _ledger(session).record.heads()
    path = session.cwd / values["file"]
    document = {
        "handrail_anchor": 1,
        "account": session.caller.account,
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
        Field("resource", "only what was done to this (part of the id or name)", metavar="ID"),
        Field("operation", 'only this operation: "ec2 create"', metavar="OPERATION"),
        Field("result", f"only {', '.join(RESULTS)}", Kind.CHOICE, choices=RESULTS),
        Field("entries", "show intents and outcomes as they stand, instead of a row per request", Kind.FLAG),
    ),
    permissions=("dynamodb:Query",),
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
    permissions=("dynamodb:Query",),
)
