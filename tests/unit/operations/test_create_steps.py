"""The steps of `ec2 create` that take a repeat, a refusal or a loss: each on a hold and an EC2 that play their part."""

from dataclasses import replace
from typing import Any

import pytest

from handrail.core.errors import AwsFailure, CapReached, Conflict, HandrailError
from handrail.core.plan import Status
from handrail.operations.ec2.create import _finished, _make, _planned, _result, _settled
from handrail.operations.ec2.requested import One
from stage import WEB, PlayedEc2, Stage

ONE = One("web", "r1")


class Hold:
    """A hold that answers as it was told."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.given_back: list[HandrailError] = []

    def refusal(self, _request: str) -> HandrailError | None:
        """Return the refusal."""
        return self._answers.get("refusal")

    def standing(self, _request: str) -> str | None:
        """Return the instance that a repeat has."""
        return self._answers.get("standing")

    def fence(self, _requests: list[str]) -> None:
        """Return no fence."""

    def give_back(self, _request: str, error: HandrailError) -> HandrailError:
        """Keep the error and return it."""
        self.given_back.append(error)
        return error

    def confirm(self, _request: str, _instance: str) -> HandrailError | None:
        """Return what stands against it."""
        return self._answers.get("against")


class Launching(PlayedEc2):
    """An EC2 that shows one instance, and whose RunInstances gives or raises this."""

    def __init__(self, found: Any = None, *, run: Any = None) -> None:
        super().__init__([found] if found else [])
        self._run = run

    def run(self, _launch: Any, _fence: Any) -> Any:
        """Answer."""
        if isinstance(self._run, HandrailError):
            raise self._run
        return self._run


def session(found: Any = None, *, run: Any = None) -> Stage:
    """Return a session with such an EC2."""
    return Stage(Launching(found, run=run))


def make(hold: Hold, stage: Any) -> Any:
    """Make one."""
    return _make(stage, None, hold, ONE)  # type: ignore[arg-type]


def test_without_a_place_nothing_is_sent() -> None:
    full = CapReached("full", limit=2, count=2)
    assert make(Hold(refusal=full), session()) is full


def test_what_a_repeat_has_already_is_shown() -> None:
    assert make(Hold(standing="i-1"), session(WEB)) is WEB


@pytest.mark.parametrize("found", [None, replace(WEB, state="terminated")])
def test_what_a_repeat_had_and_is_gone(found: Any) -> None:
    hold = Hold(standing="i-1")
    assert isinstance(make(hold, session(found)), Conflict)
    assert len(hold.given_back) == 1


def test_what_was_made_is_confirmed_unless_somebody_stands_against_it() -> None:
    assert make(Hold(), session(run=WEB)) is WEB
    against = Conflict("it is being settled by ben.")
    assert make(Hold(against=against), session(run=WEB)) is against


def test_what_aws_refuses_gives_its_place_back() -> None:
    refused, hold = AwsFailure("no"), Hold()
    assert make(hold, session(run=refused)) is refused
    assert hold.given_back == [refused]


def test_each_comes_to_its_own_end() -> None:
    gone = Conflict("gone")
    ones = [_settled(One("a", "r1"), WEB), _settled(One("b", "r2"), gone), One("c", "r3")]
    made: dict[str, Any] = {"r1": WEB, "r2": gone, "r3": replace(WEB, id="i-3", state="pending")}
    results = _finished(session(), ones, made, {"wait": False})
    assert [one.status for one in results] == [Status.UNCHANGED, Status.FAILED, Status.SUCCEEDED]


def test_one_that_does_not_get_there_says_why() -> None:
    late = AwsFailure("web is pending and not yet running after 1 s.", code="timeout")
    result = _result(session(), ONE, WEB, {"i-1": late})
    assert (result.status, result.error, result.id) == (Status.FAILED, late, "i-1")


def test_what_is_there_is_planned_as_it_is() -> None:
    there = replace(ONE, found=WEB)
    assert _planned(session(), there, None, None).status is Status.UNCHANGED  # type: ignore[arg-type]
