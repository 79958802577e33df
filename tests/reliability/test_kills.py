"""kill -9 and SIGSTOP at every call of the real program, before it is sent and before its reply is read."""

import os
import signal
import time
from typing import Any

import pytest

from ledger.crowd import Crowd
from ledger.proxies import Assassin, Call, Watched

from .conftest import Ground, cells_of
from .page import FULL, check_table

WHEN = {"sent": "before it is sent", "answered": "before its reply is read"}
GOALS = {"create": "running", "start": "running", "stop": "stopped", "delete": "terminated"}


def _argv(verb: str, thing: str) -> list[str]:
    if verb == "create":
        return ["ec2", "create", "--name", f"killed-{thing}", "--request-id", thing]
    return ["ec2", verb, thing, *(["--yes"] if verb == "delete" else [])]


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


def _found(ground: Ground, verb: str, thing: str) -> str:
    """Return what a stranger sees of a thing: the state of its instance, or `nothing`. Never two."""
    if verb != "create":
        return ground.state_of(thing)
    made = ground.instances(client_token=[f"hr-{thing}", f"hr-{thing}.2"])
    assert len(made) <= 1, f"{thing} was made twice"
    return str(made[0]["State"]["Name"]) if made else "nothing"


def _ready(ground: Ground, verb: str, count: int) -> list[str]:
    if verb == "create":
        return [f"{verb}-{number}" for number in range(count)]
    return ground.make(count, "stopped" if verb == "start" else "running")


def _recording(ground: Ground, verb: str) -> list[Call]:
    thing = _ready(ground, verb, 1)[0] if verb != "create" else "recorded"
    return cells_of(ground.record_calls(*_argv(verb, thing)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("verb", GOALS)
def test_kill_at_each_boundary(verb: str, ground: Ground, crowd: Crowd) -> None:
    """Nothing is lost, doubled or left over, and all of it is on record in the end."""
    cells = [(call, when) for call in _recording(ground, verb) for when in WHEN]
    repeats = set(cells[::3])
    cells = cells if FULL else cells[:: len(GOALS)]
    things = _ready(ground, verb, len(cells))
    for thing, (call, when) in zip(things, cells, strict=True):
        pid, _, proxy = _strike(ground, crowd, _argv(verb, thing), call, when, signal.SIGKILL)
        assert crowd.collect(pid) is None
        proxy.close()
    last = time.monotonic()
    repeated = {thing for thing, cell in zip(things, cells, strict=True) if cell in repeats}
    for thing in sorted(repeated):
        _repeat(ground, verb, thing)
    ground.let_run_out(last)
    outcome = _judge_all(ground, verb, things, repeated)
    told = {(str(call), WHEN[when]): outcome[thing] for thing, (call, when) in zip(things, cells, strict=True)}
    check_table(f"kills of {verb}", ["killed at", *WHEN.values()], told)
    ground.clear()


def _repeat(ground: Ground, verb: str, thing: str) -> None:
    """Let the owner repeat a killed command: it is finished at once, and once only."""
    ground.handrail.ok(*_argv(verb, thing))
    assert _found(ground, verb, thing) == GOALS[verb]


def _judge_all(ground: Ground, verb: str, things: list[str], repeated: set[str]) -> dict[str, str]:
    for number in range(10):
        if not ground.story(result="open"):
            break
        ground.handrail.ok("ec2", "create", "--name", f"after-{verb}-{number}-{time.monotonic_ns()}", "--no-wait")
    assert not ground.story(result="open")
    rows = ground.handrail.json("audit", "list")
    if GOALS[verb] == "running":
        running = {one["InstanceId"] for one in ground.instances(instance_state_name=["pending", "running"])}
        places = ground.places()
        assert running <= {row["instance"] for row in places if row["key"] is not None}, "running without a place"
        assert all(row["state"] == "held" for row in places)
    return {thing: _told(ground, verb, thing, rows, thing in repeated) for thing in things}


def _told(ground: Ground, verb: str, thing: str, rows: list[dict[str, Any]], repeated: bool) -> str:
    """Return what a cell came to, in the words of the page; the record must say the same as a stranger sees."""
    found = _found(ground, verb, thing)
    mine = [row for row in rows if row["operation"] == f"ec2 {verb}" and thing in (row["request"], row["resource"])]
    results = {row["result"] for row in mine} - {"refused"}
    if repeated:
        assert "succeeded" in results, (thing, mine)
        return "finished by the repeat"
    done = found == GOALS[verb]
    assert results in ({"succeeded"} if done else {"failed"}, set()), (thing, found, mine)
    if not results:
        assert not done
        return "nothing done, nothing on record"
    return "done, found by a later command" if done else "nothing done, found by a later command"


FREEZES = ("dynamodb:TransactWriteItems", "dynamodb:GetItem", "dynamodb:PutItem", "ec2:RunInstances")


@pytest.mark.timeout(900)
def test_frozen_past_the_places_time(ground: Ground, crowd: Crowd) -> None:
    """Processes frozen until their places have run out and others have taken them: awake again, they make nothing."""
    calls = [call for call in _recording(ground, "create") if call.name in FREEZES]
    cells = [(call, when) for call in calls for when in WHEN]
    ground.clear()
    ground.places()
    taken = len(ground.places())
    limit = taken + len(cells)
    ground.limit(limit)
    frozen = []
    for number, (call, when) in enumerate(cells):
        frozen.append(_strike(ground, crowd, _argv("create", f"frozen-{number}"), call, when, signal.SIGSTOP))
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
