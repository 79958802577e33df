"""kill -9 and SIGSTOP at every call of the real program, before it is sent and before its reply is read."""

import os
import signal
import time
from typing import Any

import pytest

from ledger.crowd import Crowd
from ledger.proxies import Assassin, Call, Watched

from .conftest import Ground, ended
from .page import FULL, check_table
from .verbs import VERBS, Verb, bucket_state, is_change, never_public, unfinished

WHEN = {"sent": "before it is sent", "answered": "before its reply is read"}
PART_OF = 8  # an ordinary run tries one cell in so many


def _strike(
    ground: Ground, crowd: Crowd, argv: list[str], call: Call, when: str, sign: int
) -> tuple[int, Assassin, Watched]:
    """Run a command line in a process of its own, and send it a signal at a call; it must be reached."""
    assassin = Assassin(call, when, sign)
    proxy = Watched(ground.sandbox.running.endpoint, assassin)
    assassin.pid = crowd.fork(argv, ground.environ(AWS_ENDPOINT_URL=proxy.endpoint))
    crowd.go()
    assert assassin.fired.wait(60), f"{argv}: {call} was never reached"
    return assassin.pid, assassin, proxy


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", VERBS)
def test_kill_at_each_boundary(name: str, ground: Ground, crowd: Crowd) -> None:
    """Nothing is lost, doubled or left over, and all of it is on record in the end."""
    verb, prefix = VERBS[name], f"kill-{list(VERBS).index(name)}"
    calls = verb.cells_of(ground.record_calls(*verb.argv(*verb.prepare(ground, f"{prefix}-rehearsal", 1))))
    cells = [(call, when) for call in calls for when in WHEN]
    repeats = set(cells[::3])
    cells = cells if FULL else cells[list(VERBS).index(name) % PART_OF :: PART_OF]
    things = verb.prepare(ground, prefix, len(cells))
    opened: list[float] = []
    for thing, (call, when) in zip(things, cells, strict=True):
        ground.settle_due(opened)
        pid, _, proxy = _strike(ground, crowd, verb.argv(thing), call, when, signal.SIGKILL)
        assert crowd.collect(pid) is None
        proxy.close()
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
    told = {(str(call), WHEN[when]): outcome[thing] for thing, (call, when) in zip(things, cells, strict=True)}
    check_table(f"kills of {name}", ["killed at", *WHEN.values()], told)
    ground.clear()


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


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", CLEANERS)
def test_kill_whoever_cleans_up(name: str, ground: Ground, crowd: Crowd) -> None:
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
            pid, _, proxy = _strike(ground, crowd, create.argv(request), launch, "answered", signal.SIGKILL)
            assert crowd.collect(pid) is None
            proxy.close()
        if name == "settle":
            ground.let_run_out(time.monotonic())

    killed([f"clean-{name}-rehearsal"])
    proxy = Watched(ground.sandbox.running.endpoint)
    ground.handrail(*argv(f"clean-{name}-rehearsal"), AWS_ENDPOINT_URL=proxy.endpoint)
    proxy.close()
    # How often a call is made depends on what else is open just then: the first of each name always is, in the first
    # cells; later on the repeat of one cell has settled the others too.
    cells = [(call, when) for call in proxy.calls if call.nth == 1 for when in WHEN]
    cells = cells[:: max(1, len(cells) // 3)]
    requests = [f"clean-{name}-{number}" for number in range(len(cells))]
    killed(requests)
    for request, (call, when) in zip(requests, cells, strict=True):
        pid, _, proxy = _strike(ground, crowd, argv(request), call, when, signal.SIGKILL)
        crowd.collect(pid)
        proxy.close()
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


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SLEEPERS)
def test_frozen_until_somebody_has_settled_it(name: str, ground: Ground, crowd: Crowd) -> None:
    """Processes frozen at each of their writes until another command has settled them: the record stays true.

    Awake again, a command either was done before it froze, or changes nothing; and what it says is what is on record.
    """
    verb, prefix = VERBS[name], f"sleep-{list(VERBS).index(name)}"
    calls = verb.cells_of(ground.record_calls(*verb.argv(*verb.prepare(ground, f"{prefix}-rehearsal", 1))))
    calls = [call for call in calls if is_change(call)]
    cells = [(call, when) for call in calls for when in WHEN][1:]  # before its intent is on record nobody settles it
    cells = cells if FULL else cells[:: max(1, len(cells) // 2)]
    things = verb.prepare(ground, prefix, len(cells))
    frozen = [
        _strike(ground, crowd, verb.argv(thing), call, when, signal.SIGSTOP)
        for thing, (call, when) in zip(things, cells, strict=True)
    ]
    ground.let_run_out(time.monotonic())
    ground.sweep()
    before = {thing: verb.found(ground, thing) for thing in things}
    for thing, (call, when), (pid, assassin, proxy) in zip(things, cells, frozen, strict=True):
        os.kill(pid, signal.SIGCONT)
        assassin.go_on.set()
        done = crowd.collect(pid)
        proxy.close()
        assert done is not None
        after = verb.found(ground, thing)
        assert after == before[thing], f"{call} {when}: changed after it was settled: {ended(done)}"
        results = {row["result"] for row in verb.rows(ground.handrail.json("audit", "list"), thing)}
        assert results <= ({"succeeded", "unchanged"} if after == verb.goal else {"failed"}), (call, when, results)
    ground.clear()


@pytest.mark.timeout(3600)
def test_frozen_past_the_places_time(ground: Ground, crowd: Crowd) -> None:
    """Processes frozen until their places have run out and others have taken them: awake again, they make nothing."""
    create = VERBS["ec2 create"]
    calls = create.cells_of(ground.record_calls(*create.argv("frozen-rehearsal")))
    calls = [call for call in calls if call.name in FREEZES]
    cells = [(call, when) for call in calls for when in WHEN]
    ground.clear()
    ground.places()
    taken = len(ground.places())
    limit = taken + len(cells)
    ground.limit(limit)
    frozen = []
    for number, (call, when) in enumerate(cells):
        frozen.append(_strike(ground, crowd, create.argv(f"frozen-{number}"), call, when, signal.SIGSTOP))
    ground.let_run_out(time.monotonic())
    free = limit - len(ground.places())
    ground.handrail.ok("ec2", "create", "--name", "thawed", "--count", str(free))
    rows = []
    for number, ((call, when), (pid, assassin, proxy)) in enumerate(zip(cells, frozen, strict=True)):
        os.kill(pid, signal.SIGCONT)
        assassin.go_on.set()
        done = crowd.collect(pid)
        proxy.close()
        assert done is not None
        made = ground.instances(client_token=[f"hr-frozen-{number}"])
        assert len(made) <= 1
        rows.append((call, when, f"exit {done.code}, {'made before it froze' if made else 'nothing made'}"))
    live = ground.instances(instance_state_name=["pending", "running"])
    assert len(live) == limit, f"{len(live)} run, and the cap is {limit}"
    ground.limit(1000)
    ground.clear()
    told = {(str(call), WHEN[when]): text for call, when, text in rows}
    check_table("frozen", ["frozen at", *WHEN.values()], told)
