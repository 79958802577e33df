"""What becomes of a create or start that was cut off: the real lease on a bench, and a look at EC2."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from lease_bench import NOON, ONE, Bench, wanted

from handrail.core.errors import Conflict
from handrail.ledger.places import Fate
from handrail.ledger.record import Intent
from handrail.operations.ec2.recovering import recover


def session(bench: Bench, state: str = "", *, lease: bool = True) -> Any:
    """Return a session whose EC2 shows one instance in a state, or none."""
    one = SimpleNamespace(id="i-1", state=state)
    ec2 = SimpleNamespace(
        by_tokens=lambda _tokens: [one] if state else [], by_ids=lambda ids: {"i-1": one} if state else {}
    )
    return SimpleNamespace(
        ledger=SimpleNamespace(lease=bench.lease("ben") if lease else None),
        ec2_to_look_at=lambda _region: ec2,
        aws=SimpleNamespace(briefly=nullcontext),
        silent={"ec2": {}},
        region="us-east-1",
        caller=SimpleNamespace(owner="ben"),
        now=lambda: float(NOON),
    )


def intent(verb: str) -> Intent:
    """Return the intent of a create or start."""
    return Intent("r1", f"ec2 {verb}", "web" if verb == "create" else "i-1", "eu", "sandbox")


@pytest.mark.parametrize(
    ("verb", "state", "fate", "instance"),
    [
        ("create", "", Fate.NOTHING, ""),
        ("create", "running", Fate.ADOPTED, "i-1"),
        ("start", "running", Fate.MADE, "i-1"),
        ("start", "stopped", Fate.NOT_RUNNING, "i-1"),
        ("start", "", Fate.NOT_RUNNING, "i-1"),
    ],
)
def test_what_has_no_place_is_told_as_a_look_shows(verb: str, state: str, fate: Fate, instance: str) -> None:
    bench = Bench()
    assert recover(session(bench, state), intent(verb)) is None
    assert (bench.told["r1"].fate, bench.told["r1"].instance) == (fate, instance)
    assert len(bench.said) == 1
    assert "settled what was cut off" in bench.said[0]


def _settle(bench: Bench) -> None:
    recover(session(bench), intent("create"))


def test_a_command_that_wakes_up_finds_that_it_was_settled() -> None:
    bench = Bench()
    bench.before_write.append(lambda: _settle(bench))  # between its read and its write
    with pytest.raises(Conflict, match="held up, and settled meanwhile"):
        bench.lease("ann").take_for_create([wanted("r1")], ONE)
    assert bench.places == {}
    with pytest.raises(Conflict, match="held up, and settled meanwhile"):
        bench.lease("ann").take_for_start(wanted("r1", instance="i-1"), ONE)


def test_a_command_that_has_taken_its_place_meanwhile_is_left_alone() -> None:
    bench = Bench()
    ec2 = session(bench)
    ec2.ec2_to_look_at = lambda _region: SimpleNamespace(by_tokens=lambda _: bench.reserved("r1") and [])
    recover(ec2, intent("create"))
    assert (bench.told, bench.said) == ({}, [])
    assert "create:r1" in bench.places


def test_a_place_that_has_not_run_out_tells_its_request_itself() -> None:
    bench = Bench()
    bench.reserved("r1")
    recover(session(bench), intent("create"))
    assert bench.told == {}


def test_a_command_that_was_cut_off_after_it_had_its_instance_was_done() -> None:
    bench = Bench()
    bench.lease("ann").confirm(bench.reserved("r1"), "i-1")
    recover(session(bench, "stopped"), intent("create"))
    assert bench.told["r1"].fate is Fate.MADE


@pytest.mark.parametrize(("state", "result"), [("", "failed"), ("running", "succeeded")])
def test_without_a_ledger_a_look_is_all_there_is(state: str, result: str) -> None:
    verdict = recover(session(Bench(), state, lease=False), intent("create"))
    assert verdict is not None
    assert verdict.result == result
