"""Every kind of fault at every call of create, start, stop and delete, by microburst, and what is left after each."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from conftest import Done
from ledger.proxies import Call, Microburst, nth_rule

from .conftest import Ground, cells_of, ended
from .page import FULL, check_table

READ_TIMEOUT = 1.0  # of the late cells only: elsewhere a busy machine must not add faults of its own
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "throttled": {"error": {"code": "ThrottlingException", "status": 400}},
    "500": {"error": {"code": "InternalError", "status": 500}},
    "503": {"error": {"code": "ServiceUnavailable", "status": 503}},
    "reset": {"reset": True},
    "reply lost": {"response": {"abort_bytes": 1}},
    "reply cut short": {"response": {"truncate_frac": 0.5}},
    "late": {"latency": 2 * 1000 * READ_TIMEOUT},
}
LASTING = ("throttled", "500", "reply lost", "reply cut short")
CHANGES = ("RunInstances", "StartInstances", "StopInstances", "TerminateInstances", "PutItem", "TransactWriteItems")


@dataclass
class Cell:
    """One fault at one call of one command line. thing: the instance, or the request id of a create."""

    call: Call
    fault: str
    thing: str
    name: str
    every: bool
    done: Done | None = None
    outcome: str = ""


@dataclass(frozen=True)
class Verb:
    """How a verb is called for a cell, and what must hold in the end."""

    name: str
    argv: Callable[[Cell], list[str]]
    goal: str
    start_from: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)


VERBS = {
    "create": Verb(
        "create", lambda cell: ["ec2", "create", "--name", cell.name, "--request-id", cell.thing], "running"
    ),
    "start": Verb("start", lambda cell: ["ec2", "start", cell.thing], "running", "stopped"),
    "stop": Verb("stop", lambda cell: ["ec2", "stop", cell.thing], "stopped", "running"),
    "delete": Verb("delete", lambda cell: ["ec2", "delete", cell.thing, "--yes"], "terminated", "running"),
}


def _things(ground: Ground, verb: Verb, count: int) -> list[str]:
    """Return the instances for so many cells; for creates their request ids."""
    if verb.name == "create":
        return [f"cell-{number}" for number in range(count)]
    return ground.make(count, verb.start_from)


def _disturb(ground: Ground, microburst: Microburst, verb: Verb, cell: Cell) -> None:
    """Run the command line of a cell with its fault, which must have struck."""
    rules = microburst.rule(*nth_rule(cell.call, FAULTS[cell.fault], every=cell.every))
    patience = {"HANDRAIL_SANDBOX_READ_TIMEOUT": str(READ_TIMEOUT)} if cell.fault == "late" else {}
    cell.done = ground.handrail(*verb.argv(cell), AWS_ENDPOINT_URL=microburst.endpoint, **patience)
    assert microburst.fired(rules[-1]), f"{verb.name}: {cell.fault} was never reached at {cell.call}"
    assert cell.done.code in (0, 1), f"{cell}: {ended(cell.done)}"


def _is_open(done: Done) -> bool:
    return "whether it took effect is not known" in done.err


def _found(ground: Ground, verb: Verb, cell: Cell) -> list[str]:
    """Return the states of what a cell is about, as a stranger sees them; of a create all that its request made."""
    if verb.name != "create":
        return [ground.state_of(cell.thing)]
    tokens = [f"hr-{cell.thing}", *(f"hr-{cell.thing}.{number}" for number in range(2, 6))]
    return [one["State"]["Name"] for one in ground.instances(client_token=tokens)]


def _judge(ground: Ground, verb: Verb, cell: Cell) -> None:
    """Say what a cell came to, before anybody repairs anything."""
    assert cell.done is not None
    states = _found(ground, verb, cell)
    if cell.done.code == 0:
        assert states == [verb.goal], f"{cell}: {states}"
        warned = "warning:" in cell.done.err
        cell.outcome = "done, with a warning" if warned else "done"
    elif _is_open(cell.done):
        cell.outcome = "open"
    else:
        before = [verb.start_from] if verb.start_from else []
        assert states in (before, [verb.goal]), f"{cell}: {states}"
        cell.outcome = "failed, nothing done" if states == before else "done, can't be watched"


def _finish(ground: Ground, verb: Verb, cells: list[Cell]) -> None:
    """Repeat the commands of these cells, as far as they are open or failed."""
    for cell in [cell for cell in cells if cell.outcome in ("open", "failed, nothing done")]:
        done = ground.handrail(*verb.argv(cell))
        assert done.code == 0, f"repeat of {cell}: {ended(done)}"
        assert _found(ground, verb, cell) == [verb.goal], f"{cell}"
        if verb.name == "create":
            again = ground.handrail.json(*verb.argv(cell))
            assert again["status"] == "unchanged"


def _settled(ground: Ground, verb: Verb, cells: list[Cell]) -> None:
    """Judge all cells when nothing of them can act any more: nothing lost, nothing doubled, all of it on record."""
    ground.handrail.ok("ec2", "create", "--name", f"sweeper-{verb.name}-{time.monotonic_ns()}")
    rows = ground.handrail.json("audit", "list")
    for cell in cells:
        assert len(_found(ground, verb, cell)) <= 1, f"doubled: {cell}"
        mine = [row for row in rows if cell.thing in (row["request"], row["resource"])]
        assert all(row["result"] != "open" for row in mine if row["operation"] == f"ec2 {verb.name}"), (cell, mine)
    if verb.goal == "running":
        _all_have_places(ground)


def _all_have_places(ground: Ground) -> None:
    places = ground.places()
    running = {one["InstanceId"] for one in ground.instances(instance_state_name=["pending", "running"])}
    orphans = running - {row["instance"] for row in places if row["key"] is not None}
    assert not orphans, f"running without a place: {orphans}"
    assert {row["state"] for row in places} <= {"held"}, places


def _sweep(ground: Ground) -> None:
    """Let later commands settle whatever is open still: each takes some of it."""
    for number in range(12):
        if not ground.story(result="open"):
            return
        ground.handrail.ok("ec2", "create", "--name", f"sweep-{number}-{time.monotonic_ns()}", "--no-wait")


def _matrix(cells: list[Cell], *, every: bool) -> dict[tuple[str, str], str]:
    return {(str(cell.call), cell.fault): cell.outcome for cell in cells if cell.every == every}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", VERBS)
def test_faults_at_each_call(name: str, ground: Ground, microburst: Microburst) -> None:
    verb = VERBS[name]
    rehearsal = Cell(
        Call("", 1), "", _things(ground, verb, 1)[0] if name != "create" else "rehearsal", "rehearsal", False
    )
    calls = cells_of(ground.record_calls(*verb.argv(rehearsal)))
    wanted = [(call, fault, False) for call in calls for fault in FAULTS]
    wanted += [(call, fault, True) for call in calls if call.name.endswith(CHANGES) for fault in LASTING]
    wanted = wanted if FULL else wanted[:: len(VERBS)]
    things = _things(ground, verb, len(wanted))
    cells = [
        Cell(call, fault, thing, f"{name}-{number}", every)
        for number, ((call, fault, every), thing) in enumerate(zip(wanted, things, strict=True))
    ]
    for cell in cells:
        _t = time.monotonic()
        _disturb(ground, microburst, verb, cell)
        _judge(ground, verb, cell)
        print(f"{cell.call} {cell.fault} {cell.every} {time.monotonic() - _t:.1f} {cell.outcome}", flush=True)
        if not cell.every:
            _finish(ground, verb, [cell])
    last = time.monotonic()
    _finish(ground, verb, [cell for cell in cells if cell.every][::2])
    ground.let_run_out(last)
    _sweep(ground)
    _settled(ground, verb, cells)
    check_table(f"faults of {name}", ["call", *FAULTS], _matrix(cells, every=False))
    check_table(f"lasting faults of {name}", ["call", *LASTING], _matrix(cells, every=True))
    ground.clear()
