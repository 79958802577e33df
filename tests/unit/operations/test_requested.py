"""What a repeated `ec2 create` meets: its record and its instance, in every state they can be in."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from handrail.core.errors import Conflict
from handrail.core.ownership import GIVEN_TAG
from handrail.core.resources import Instance
from handrail.ledger.record import Intent, Known, Verdict
from handrail.operations.ec2.requested import One, known_request

NOW = 1000.0
MADE = Instance(
    "i-1", "web", "t3.nano", "running", "Ubuntu", "ami-1", "x86_64", "ann", None, None, None, "a", "us-east-1",
    managed=True, tags={GIVEN_TAG: "digest"},
)  # fmt: skip
INTENT = Intent(
    "r1", "ec2 create", "web", "us-east-1", "sandbox", resolved={"tags": {"Name": "web"}}, digest="digest", owner="ann"
)


class Stage:
    """A session: what is on record under r1, and what each look by token shows, the last one for ever."""

    def __init__(self, known: Known | None, *looks: Instance | None) -> None:
        self.known, self.looks = known, list(looks)
        self.caller = SimpleNamespace(owner="ann")
        self.visibility, self.time = 5.0, NOW
        self.said: list[str] = []
        self.listener = SimpleNamespace(progress=self.said.append)
        self.clock = SimpleNamespace(sleep=self._sleep)
        self.ledger = SimpleNamespace(record=SimpleNamespace(now=lambda: self.time))
        self.ec2 = SimpleNamespace(by_tokens=self._look)

    def request_on_record(self, request: str) -> Known | None:
        """Return what is on record."""
        return self.known if request == "r1" else None

    def _look(self, _tokens: list[str]) -> list[Instance]:
        seen = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return [seen] if seen is not None else []

    def _sleep(self, seconds: float) -> None:
        self.time += seconds


def told(result: str, at: float = NOW - 1) -> Known:
    """Return a request with an outcome."""
    return Known(INTENT, Verdict("r1", result, instance="i-1", at=at))


def known(stage: Any) -> One:
    """Return what is known of r1."""
    return known_request(stage, One("web", "r1"), "digest", "r1")


def test_a_new_request() -> None:
    assert known(Stage(None, None)) == One("web", "r1")


def test_one_that_was_made() -> None:
    assert known(Stage(told("succeeded"), MADE)).found == MADE


def test_one_that_is_not_shown_yet_is_waited_for() -> None:
    stage = Stage(told("succeeded"), None, None, MADE)
    assert known(stage).found == MADE
    assert stage.said == ["i-1: waiting until AWS shows it"] * 2


@pytest.mark.parametrize("looks", [[None], [replace(MADE, state="terminated")]])
def test_one_that_is_gone(looks: list[Instance | None]) -> None:
    with pytest.raises(Conflict, match="made i-1, which is gone"):
        known(Stage(told("succeeded", at=NOW - 60), *looks))


@pytest.mark.parametrize("looks", [[None], [replace(MADE, state="terminated")]])
def test_one_that_was_in_vain_is_tried_anew(looks: list[Instance | None]) -> None:
    assert known(Stage(told("failed"), *looks)) == One("web", "r1.2")


def test_one_that_lives_though_it_is_on_record_as_failed() -> None:
    assert known(Stage(told("failed"), MADE)).found == MADE


def test_one_without_an_outcome_is_carried_on() -> None:
    open_one = Known(INTENT, None)
    assert known(Stage(open_one, None)) == One("web", "r1", known=open_one)


@pytest.mark.parametrize(
    ("intent", "message"),
    [
        (replace(INTENT, owner="ben"), "is ben's"),
        (replace(INTENT, digest="other"), "was used with other parameters, for ec2 create web"),
        (replace(INTENT, operation="s3 create"), "was used with other parameters, for s3 create web"),
    ],
)
def test_one_that_is_another(intent: Intent, message: str) -> None:
    with pytest.raises(Conflict, match=message):
        known(Stage(Known(intent, None), None))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (replace(MADE, owner="ben"), "was used by somebody else"),
        (replace(MADE, managed=False), "was used by somebody else"),
        (replace(MADE, tags={}), r"was used with other parameters, for web \(i-1\)"),
    ],
)
def test_an_instance_of_the_token_that_the_record_does_not_know(made: Instance, message: str) -> None:
    with pytest.raises(Conflict, match=message):
        known(Stage(None, made))
