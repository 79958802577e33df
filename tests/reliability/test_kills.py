"""kill -9 and SIGSTOP at every call of the real program, before it is sent and before its reply is read."""

import signal
import time
import zlib
from typing import Any

import pytest

from ledger.proxies import Call

from .conftest import Ground, ended
from .page import FULL, check_rows, check_table, is_written, part_of
from .strikes import Striker
from .verbs import VERBS, Verb, bucket_state, never_public, rehearse, unfinished

WHEN = {"sent": "before it is sent", "answered": "before its reply is read"}


@pytest.mark.parametrize("name", VERBS)
def test_kill_at_each_boundary(name: str, ground: Ground, strike: Striker) -> None:
    """Nothing is lost, doubled or left over, and all of it is on record in the end.

    Some are repeated by their owner, and then finished by that; the table says what becomes of the others.
    """
    verb, prefix = VERBS[name], f"kill-{list(VERBS).index(name)}"
    calls = rehearse(ground, verb, f"{prefix}-rehearsal")
    table = f"kills of {name}"
    check_rows(table, map(str, calls))
    cells = [(call, when) for call in calls for when in WHEN]
    cells = part_of(cells, list(VERBS).index(name), lambda cell: _is_known(table, cell))
    repeats = {cell for cell in cells if zlib.crc32(f"{cell}".encode()) % 3 == 0 and _is_known(table, cell)}
    things = verb.prepare(ground, prefix, len(cells))
    opened: list[float] = []
    for thing, (call, when) in zip(things, cells, strict=True):
        ground.settle_due(opened)
        strike(verb.argv(thing), thing, call, when, signal.SIGKILL).buried()
        if not verb.approved and verb.operation.startswith("s3"):
            assert bucket_state(ground, thing) != "public", f"{call} {when}"
        if (call, when) in repeats:
            _repeat(ground, verb, thing)
        else:
            opened.append(time.monotonic())
    repeated = {thing for thing, cell in zip(things, cells, strict=True) if cell in repeats}
    if opened:
        ground.let_run_out(opened[-1])
    outcome = _judge_all(ground, verb, things, repeated)
    told = [
        (str(call), WHEN[when], outcome[thing])
        for thing, (call, when) in zip(things, cells, strict=True)
        if thing not in repeated
    ]
    check_table(table, ["killed at", *WHEN.values()], told, map(str, calls))
    ground.clear()


def _is_known(table: str, cell: tuple[Call, str]) -> bool:
    return is_written(table, str(cell[0]), WHEN[cell[1]])


def _repeat(ground: Ground, verb: Verb, thing: str) -> None:
    """Let the owner repeat a killed command: it is finished at once, and once only."""
    done = ground.handrail(*verb.argv(thing))
    assert done.code in ((0, 4) if verb.gone else (0,)), ended(done)
    assert verb.found(ground, thing) == verb.goal
    if verb.operation == "s3 upload":
        assert unfinished(ground, thing) == 0 or "handrail s3 show" in done.err, "left, and not said"


def _judge_all(ground: Ground, verb: Verb, things: list[str], repeated: set[str]) -> dict[str, str]:
    ground.sweep()
    rows = ground.handrail.json("audit", "list")
    if verb.takes_places:
        ground.check_places()
    if not verb.approved and verb.operation.startswith("s3"):
        never_public(ground, things)
    return {thing: _told(ground, verb, thing, rows, thing in repeated) for thing in things}


def _told(ground: Ground, verb: Verb, thing: str, rows: list[dict[str, Any]], repeated: bool) -> str:
    """Return what a cell came to, in the words of the page; the record must say the same as a stranger sees."""
    found = verb.found(ground, thing)
    mine = verb.rows(rows, thing)
    results = {row["result"] for row in mine} - {"refused"}
    if repeated:
        assert verb.gone or verb.says_what_is_left or results & {"succeeded", "unchanged"}, (thing, mine)
        return "finished by the repeat"
    done = found == verb.goal
    if verb.approved and found == "private":
        return "made private by a later command" if mine else "nothing done, nothing on record"
    assert found in (verb.before, verb.goal), f"half-made: {thing}: {found}"
    told = ({"succeeded"} if done else {"failed"}, set(), *([{"failed"}] if verb.says_what_is_left else []))
    assert results in told, (thing, found, mine)
    if not results:
        assert not done
        return "nothing done, nothing on record"
    return "done, found by a later command" if done else "nothing done, found by a later command"


FREEZES = ("dynamodb:TransactWriteItems", "dynamodb:GetItem", "dynamodb:PutItem", "ec2:RunInstances")


CLEANERS = {"settle": ("lease", "release"), "undo": ("lease", "release", "--now", "--yes")}


@pytest.mark.parametrize("name", CLEANERS)
def test_kill_whoever_cleans_up(name: str, ground: Ground, strike: Striker) -> None:
    """A create was killed, and so is the command that settles or undoes it, at each of its calls: it can be repeated.

    Whatever the cell, no instance runs without a place, none is there twice, and the record tells an end.
    """
    create = VERBS["ec2 create"]
    launch = Call("ec2:RunInstances", 1)

    def argv(request: str) -> list[str]:
        lease, release, *rest = CLEANERS[name]
        return [lease, release, request, *rest]

    def killed(requests: list[str]) -> None:
        for request in requests:
            strike(create.argv(request), request, launch, "answered", signal.SIGKILL).buried()
        if name == "settle":
            ground.let_run_out(time.monotonic())

    killed([f"clean-{name}-rehearsal"])
    calls = ground.record_calls(argv(f"clean-{name}-rehearsal"), "", code=None)
    # How often a call is made depends on what else is open just then: the first of each name always is, in the first
    # cells; later on the repeat of one cell has settled the others too.
    cells = [(Call(call.name, 1), when) for call in calls if call.nth == 1 for when in WHEN]
    cells = cells[:: max(1, len(cells) // 3)]
    requests = [f"clean-{name}-{number}" for number in range(len(cells))]
    killed(requests)
    for request, (call, when) in zip(requests, cells, strict=True):
        strike(argv(request), "", call, when, signal.SIGKILL).buried()
        done = ground.handrail(*argv(request))
        state = create.found(ground, request)
        if name == "undo":
            assert done.code in (0, 4), f"{call} {when}: {ended(done)}"
            assert state == "terminated", f"{call} {when}: {state}"
        else:
            assert done.code == 5, f"{call} {when}: {ended(done)}"  # it was adopted, and runs in its place
            assert state == "running", f"{call} {when}: {state}"
    ground.let_run_out(time.monotonic())
    ground.sweep()
    rows = ground.handrail.json("audit", "list")
    for request in requests:
        results = {row["result"] for row in create.rows(rows, request)}
        assert results == {"failed" if name == "undo" else "succeeded"}, (request, results)
    ground.check_places()
    ground.clear()


SLEEPERS = ("ec2 start", "ec2 stop", "ec2 delete", "s3 update --private", "s3 upload", "s3 delete --empty")


@pytest.mark.parametrize("name", SLEEPERS)
def test_frozen_until_somebody_has_settled_it(name: str, ground: Ground, strike: Striker) -> None:
    """Processes frozen at each of their writes until another command has settled them: the record stays true.

    Awake again, a command either was done before it froze, or changes nothing; and what it says is what is on record.
    """
    verb, prefix = VERBS[name], f"sleep-{list(VERBS).index(name)}"
    calls = rehearse(ground, verb, f"{prefix}-rehearsal")
    calls = [call for call in calls if call.is_change]
    cells = [(call, when) for call in calls for when in WHEN][1:]  # before its intent is on record nobody settles it
    cells = cells if FULL else cells[:: max(1, len(cells) // 2)]
    things = verb.prepare(ground, prefix, len(cells))
    frozen = [
        strike(verb.argv(thing), thing, call, when, signal.SIGSTOP)
        for thing, (call, when) in zip(things, cells, strict=True)
    ]
    ground.let_run_out(time.monotonic())
    ground.sweep()
    before = {thing: verb.found(ground, thing) for thing in things}
    for thing, (call, when), struck in zip(things, cells, frozen, strict=True):
        done = struck.wake()
        after = verb.found(ground, thing)
        assert after == before[thing], f"{call} {when}: changed after it was settled: {ended(done)}"
        results = {row["result"] for row in verb.rows(ground.handrail.json("audit", "list"), thing)}
        assert results <= ({"succeeded", "unchanged"} if after == verb.goal else {"failed"}), (call, when, results)
    ground.clear()


def test_frozen_past_the_places_time(ground: Ground, strike: Striker) -> None:
    """Processes frozen until their places have run out and others have taken them: awake again, they make nothing."""
    create = VERBS["ec2 create"]
    calls = rehearse(ground, create, "frozen-rehearsal")
    calls = [call for call in calls if call.name in FREEZES]
    cells = [(call, when) for call in calls for when in WHEN]
    ground.clear()
    ground.places()
    taken = len(ground.places())
    limit = taken + len(cells)
    ground.limit(limit)
    frozen = []
    for number, (call, when) in enumerate(cells):
        frozen.append(strike(create.argv(f"frozen-{number}"), f"frozen-{number}", call, when, signal.SIGSTOP))
    ground.let_run_out(time.monotonic())
    free = limit - len(ground.places())
    ground.handrail.ok("ec2", "create", "--name", "thawed", "--count", str(free))
    told = []
    for number, ((call, when), struck) in enumerate(zip(cells, frozen, strict=True)):
        done = struck.wake()
        made = ground.instances(client_token=[f"hr-frozen-{number}"])
        assert len(made) <= 1
        told.append((str(call), WHEN[when], f"exit {done.code}, {'made before it froze' if made else 'nothing made'}"))
    live = ground.instances(instance_state_name=["pending", "running"])
    assert len(live) == limit, f"{len(live)} run, and the cap is {limit}"
    ground.limit(1000)
    ground.clear()
    check_table("frozen", ["frozen at", *WHEN.values()], told, map(str, calls))
