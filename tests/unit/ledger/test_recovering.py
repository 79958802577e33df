"""What becomes of a create or start that was cut off: the real lease on a bench, and a look at EC2."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from lease_bench import ONE, Bench, wanted

from handrail.core.errors import Conflict
from handrail.core.resources import Instance
from handrail.ledger.places import Fate
from handrail.ledger.record import Intent
from handrail.operations.ec2.recovery import recover
from stage import WEB, PlayedEc2, Stage


class Looks(PlayedEc2):
    """An EC2 that shows one instance in a state, or none. before: what happens just before a look."""

    def __init__(self, state: str = "", before: Callable[[], object] = lambda: None) -> None:
        super().__init__([replace(WEB, state=state)] if state else [])
        self._before = before

    def by_tokens(self, tokens: Sequence[str]) -> list[Instance]:
        """Play the look."""
        self._before()
        return super().by_tokens(tokens)


def session(bench: Bench, ec2: PlayedEc2, *, lease: bool = True) -> Stage:
    """Return a session with the lease of the bench."""
    stage = Stage(ec2)
    stage.stores.found.lease = bench.lease("ben") if lease else None
    return stage


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
    assert recover(session(bench, Looks(state)), intent(verb)) is None
    assert (bench.told["r1"].fate, bench.told["r1"].instance) == (fate, instance)
    assert len(bench.said) == 1
    assert "settled what was cut off" in bench.said[0]


def _settle(bench: Bench) -> None:
    recover(session(bench, Looks()), intent("create"))


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
    recover(session(bench, Looks(before=lambda: bench.reserved("r1"))), intent("create"))
    assert (bench.told, bench.said) == ({}, [])
    assert "create:r1" in bench.places


def test_a_place_that_has_not_run_out_tells_its_request_itself() -> None:
    bench = Bench()
    bench.reserved("r1")
    recover(session(bench, Looks()), intent("create"))
    assert bench.told == {}


def test_a_command_that_was_cut_off_after_it_had_its_instance_was_done() -> None:
    bench = Bench()
    bench.lease("ann").confirm(bench.reserved("r1"), "i-1")
    recover(session(bench, Looks("stopped")), intent("create"))
    assert bench.told["r1"].fate is Fate.MADE


@pytest.mark.parametrize(("state", "result"), [("", "failed"), ("running", "succeeded")])
def test_without_a_ledger_a_look_is_all_there_is(state: str, result: str) -> None:
    settled = recover(session(Bench(), Looks(state), lease=False), intent("create"))
    assert settled is not None
    assert (settled.verdict.result, settled.verdict.resource) == (result, "i-1" if state else "web")


@pytest.mark.parametrize(
    ("verb", "state", "result", "said"),
    [
        ("stop", "stopping", "succeeded", "it was cut off; found stopping"),
        ("stop", "running", "failed", "it was cut off; found running"),
        ("delete", "", "succeeded", "it was cut off; found gone"),
        ("delete", "stopped", "failed", "it was cut off; found stopped"),
        ("reboot", "running", "failed", "it was cut off; found running, and whether it was carried out can't be seen"),
        ("update", "", "failed", "it was cut off; found gone, and whether it was carried out can't be seen"),
    ],
)
def test_another_change_is_told_by_the_state(verb: str, state: str, result: str, said: str) -> None:
    bench = Bench()
    settled = recover(session(bench, Looks(state)), intent(verb))
    assert settled is not None
    assert (settled.verdict.result, settled.verdict.message, settled.verdict.resource) == (result, said, "i-1")
    assert (settled.warnings, bench.told) == ((), {})
