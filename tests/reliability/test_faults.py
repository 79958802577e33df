"""Every kind of fault at every call of what changes instances and buckets, by microburst, and what is left after."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from answers.spoiling import kinds_of
from conftest import Done
from ledger.proxies import Call, Fault, Microburst, Spoil

from .conftest import Ground, ended
from .page import NONE, Found, check_rows, check_table, is_written, part_of
from .verbs import VERBS, Verb, never_public, rehearse, unfinished

TURNS = 5
READ_TIMEOUT = 2.0  # of the late cells only: elsewhere a busy machine must not add faults of its own


def _arriving(kind: str) -> Spoil:
    """Return what makes of a reply a kind of what is no answer of AWS, by the beginning of its name: the last such."""

    return lambda exchange: [one for one in kinds_of(exchange) if one.name.startswith(kind)][-1].how(exchange)


# What microburst does; or, for what it does not know, a function that makes a spoilt reply of the real one.
FAULTS: Mapping[str, Fault] = {
    "throttled": {"error": {"code": "ThrottlingException", "status": 400}},
    "500": {"error": {"code": "InternalError", "status": 500}},
    "503": {"error": {"code": "ServiceUnavailable", "status": 503}},
    "reset": {"reset": True},
    "reply lost": {"response": {"abort_bytes": 1}},
    "reply cut short": {"response": {"truncate_frac": 0.5}},
    "late": {"latency": 2 * 1000 * READ_TIMEOUT},
    "foreign page": _arriving("foreign page"),
    "empty 200": _arriving("empty 200"),
    "member missing": _arriving("without "),
}
NO_ANSWER = ("foreign page", "empty 200", "member missing")
BRIEF = ("503", "reply lost", "reply cut short", "late", *NO_ANSWER)
NEEDS_NOTHING = ("s3:GetBucketVersioning", "s3:DeleteObjects")  # whose reply may be an empty element
LASTING = ("throttled", "500", "reply lost", "reply cut short")


@dataclass
class Cell:
    """One fault at one call of one command line, and what it came to."""

    call: Call
    fault: str
    thing: str
    every: bool
    done: Done | None = None
    outcome: str = ""


def _fault(cell: Cell) -> Fault:
    """Return what is done in a cell; S3 throttles in its own way (SlowDown, 503)."""
    if cell.fault == "throttled" and cell.call.name.startswith("s3"):
        return {"error": {"code": "SlowDown", "status": 503}}
    return FAULTS[cell.fault]


def _disturb(ground: Ground, microburst: Microburst, verb: Verb, cell: Cell) -> None:
    """Run the command line of a cell with its fault, which must have struck."""
    patience = {"HANDRAIL_SANDBOX_READ_TIMEOUT": str(READ_TIMEOUT)} if cell.fault == "late" else {}
    for _ in range(TURNS):
        struck = microburst.arm(cell.call, _fault(cell), every=cell.every)
        cell.done = ground.handrail(*verb.argv(cell.thing), AWS_ENDPOINT_URL=microburst.endpoint, **patience)
        if "settled what was cut off" not in cell.done.err and "can't be settled now" not in cell.done.err:
            break
        # Another cell's request fell due in this very command, which made more calls than its own.
        cell.thing = verb.prepare(ground, f"{cell.thing}-again", 1)[0]
    assert cell.done is not None
    assert struck(), f"{verb.name}: {cell.fault} was never reached at {cell.call}: {ended(cell.done)}"
    assert cell.done.code in (0, 1), f"{cell}: {ended(cell.done)}"


def _judge(ground: Ground, verb: Verb, cell: Cell) -> None:
    """Say what a cell came to, before anybody repairs anything."""
    assert cell.done is not None
    state = verb.found(ground, cell.thing)
    if cell.done.code == 0:
        assert state == verb.goal, f"{cell}: {state}"
        cell.outcome = "done, with a warning" if "warning:" in cell.done.err else "done"
    elif "whether it took effect is not known" in cell.done.err:
        cell.outcome = "open"
    else:
        assert state in (verb.before, verb.goal), f"{cell}: {state}"
        cell.outcome = "failed, nothing done" if state == verb.before else "done, can't be watched"


def _finish(ground: Ground, verb: Verb, cell: Cell) -> None:
    """Repeat the command of a cell, if it is open or failed."""
    if cell.outcome not in ("open", "failed, nothing done"):
        return
    done = ground.handrail(*verb.argv(cell.thing))
    assert done.code in ((0, 4) if verb.gone else (0,)), f"repeat of {cell}: {ended(done)}"
    assert verb.found(ground, cell.thing) == verb.goal, f"{cell}"
    if verb.operation.endswith("create"):
        again = ground.handrail.json(*verb.argv(cell.thing))
        assert again["status"] == "unchanged"
    if verb.operation == "s3 upload":
        assert unfinished(ground, cell.thing) == 0 or "handrail s3 show" in done.err, f"left, and not said: {cell}"


def _settled(ground: Ground, verb: Verb, cells: list[Cell]) -> None:
    """Judge all cells when nothing of them can act any more: nothing lost, nothing doubled, all of it on record."""
    rows = ground.handrail.json("audit", "list")
    for cell in cells:
        state = verb.found(ground, cell.thing)  # never two
        mine = verb.rows(rows, cell.thing)
        assert all(row["result"] != "open" for row in mine), (cell, mine)
        if verb.goal in ("private", "public"):
            # A Block Public Access that arrives late can shut a bucket again that was opened: never open it.
            late = ("between",) if verb.approved and cell.fault == "late" else ()
            assert state in (verb.before, "private", "public", *late), f"half-made: {cell}: {state}"
    if not verb.approved and verb.operation.startswith("s3"):
        never_public(ground, [cell.thing for cell in cells])
    if verb.operation == "s3 upload":
        for cell in cells:
            ground.handrail.ok(*verb.argv(cell.thing))  # what was in doubt is old by now
            assert unfinished(ground, cell.thing) == 0, f"{cell}"
    if verb.takes_places:
        ground.check_places()


def _table(name: str, *, every: bool) -> str:
    return f"lasting faults of {name}" if every else f"faults of {name}"


def _has_none(call: Call, fault: str) -> bool:
    """Return whether a reply has no member that could be missed."""
    return fault == "member missing" and call.name in NEEDS_NOTHING


def _found(cells: list[Cell], *, every: bool) -> list[Found]:
    return [(str(cell.call), cell.fault, cell.outcome) for cell in cells if cell.every == every]


@pytest.mark.parametrize("name", VERBS)
def test_faults_at_each_call(name: str, ground: Ground, microburst: Microburst) -> None:
    verb, prefix = VERBS[name], f"fault-{list(VERBS).index(name)}"
    calls = rehearse(ground, verb, f"{prefix}-rehearsal")
    # Bucket verbs share the ledger's calls with the instances': only those of S3 are disturbed, in fewer ways.
    briefly = verb.operation.startswith("s3") and verb.operation != "s3 create"
    calls = [call for call in calls if call.name.startswith("s3")] if briefly else calls
    faults, lasting = (BRIEF, BRIEF[:2]) if briefly else (tuple(FAULTS), LASTING)
    wanted = [(call, fault, False) for call in calls for fault in faults if not _has_none(call, fault)]
    wanted += [(call, fault, True) for call in calls if call.is_change for fault in lasting]
    changes = [str(call) for call in calls if call.is_change]
    check_rows(_table(name, every=False), map(str, calls))
    check_rows(_table(name, every=True), changes)
    wanted = part_of(
        wanted, list(VERBS).index(name), lambda one: is_written(_table(name, every=one[2]), str(one[0]), one[1])
    )
    things = verb.prepare(ground, prefix, len(wanted))
    cells = [Cell(call, fault, thing, every) for (call, fault, every), thing in zip(wanted, things, strict=True)]
    opened: list[float] = []
    wrong: list[str] = []
    for number, cell in enumerate(cells):
        ground.settle_due(opened)
        try:
            _disturb(ground, microburst, verb, cell)
            _judge(ground, verb, cell)
            if not cell.every or number % 2:
                _finish(ground, verb, cell)
            else:
                opened.append(time.monotonic())
        except AssertionError as error:  # the other cells have their say too
            wrong.append(str(error))
    assert not wrong, "\n\n".join(wrong)
    if opened:
        ground.let_run_out(opened[-1])
    ground.sweep()
    _settled(ground, verb, cells)
    found = _found(cells, every=False) + [
        (str(call), fault, NONE) for call in calls for fault in faults if _has_none(call, fault)
    ]
    check_table(_table(name, every=False), ["call", *faults], found, map(str, calls))
    check_table(_table(name, every=True), ["call", *lasting], _found(cells, every=True), changes)
    ground.clear()
