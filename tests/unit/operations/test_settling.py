"""What became of a change that was cut off: read from its intent, asked for once, put into words."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from handrail.core.errors import AwsFailure, HandrailError, NotFound, NotSetUp, Unreachable
from handrail.ledger.record import Intent, Verdict
from handrail.ledger.shapes import Odd
from handrail.operations.settling import (
    Settled,
    asking_once,
    finished,
    flag,
    labels,
    reading,
    undone,
    whose_request,
)
from stage import Stage

CUT = Intent("r1", "s3 update", "press", "eu-west-1", "sandbox", owner="dev-2")


def test_what_is_done() -> None:
    said = "s3 update press was interrupted and is finished"
    assert finished(CUT) == Settled(Verdict("r1", "succeeded", 0, "press", said))
    made = finished(CUT, "it leaks", said="found i-1", resource="i-1")
    assert made == Settled(Verdict("r1", "succeeded", 0, "i-1", "found i-1"), ("it leaks",))


def test_what_is_not_done() -> None:
    assert undone(CUT, "nothing was made", "it leaks", "a lot") == Settled(
        Verdict("r1", "failed", AwsFailure.exit_code, "press", "nothing was made"), ("it leaks", "a lot")
    )


@pytest.mark.parametrize(("owner", "whose"), [("dev-1", "you"), ("dev-2", "dev-2")])
def test_a_request_as_it_is_told_of(owner: str, whose: str) -> None:
    assert whose_request(Stage(), replace(CUT, owner=owner)) == f"s3 update press (request r1) of {whose}"


# ---- a look on the side


class Watched(Stage):
    """A stage on which is kept how often somebody asked briefly."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.aws.briefly = self._briefly  # type: ignore[method-assign]

    def _briefly(self) -> AbstractContextManager[None]:
        self.asked += 1
        return nullcontext()


def ask(stage: Stage, unseen: dict[str, HandrailError], error: HandrailError | None = None, **rest: str) -> str:
    """Ask about what was cut off, and get an answer or an error."""
    changed: dict[str, Any] = dict(rest)
    with asking_once(stage, unseen, replace(CUT, **changed)):
        if error is not None:
            raise error
        return "seen"
    raise AssertionError("it swallowed an error")


def test_a_region_that_answers_is_asked_as_often_as_one_likes() -> None:
    stage = Watched()
    unseen: dict[str, HandrailError] = {}
    assert [ask(stage, unseen), ask(stage, unseen)] == ["seen", "seen"]
    assert (stage.asked, unseen) == (2, {})


def test_a_region_that_does_not_answer_is_asked_once() -> None:
    stage, lost = Watched(), Unreachable("no answer.")
    unseen: dict[str, HandrailError] = {}
    for _ in range(2):
        with pytest.raises(Unreachable) as caught:
            ask(stage, unseen, lost)
        assert caught.value is lost
    assert (stage.asked, unseen) == (1, {"eu-west-1": lost})
    assert ask(stage, unseen, region="us-east-1") == "seen", "another one is"


def test_an_answer_that_nothing_is_there_is_one() -> None:
    stage = Watched()
    unseen: dict[str, HandrailError] = {}
    with pytest.raises(NotFound):
        ask(stage, unseen, NotFound("no bucket."))
    assert unseen == {}


def test_nothing_is_asked_in_a_region_that_can_be_none() -> None:
    stage = Watched()
    with pytest.raises(NotSetUp, match="the row request#r1/intent of the ledger can't be read"):
        ask(stage, {}, region="a b@c/")
    assert stage.asked == 0


# ---- what an intent says


def test_what_cannot_be_read_names_its_row() -> None:
    with reading(CUT):
        pass
    with pytest.raises(NotSetUp, match="the row request#r1/intent of the ledger can't be read") as caught, reading(CUT):
        raise Odd("its token is another request's")
    assert "handrail audit verify" in caught.value.hint


def test_a_switch() -> None:
    values = {"on": True, "off": False, "left": None, "odd": "yes", "number": 1}
    assert [flag(values, name) for name in ("on", "off", "left")] == [True, False, None]
    for name in ("odd", "number", "missing"):
        with pytest.raises(Odd, match=f"{name} is neither true nor false"):
            flag(values, name)


def test_a_map_of_texts() -> None:
    assert labels({"tags": {"a": "1"}}, "tags") == {"a": "1"}
    for odd in ({}, {"tags": None}, {"tags": ["a"]}):
        with pytest.raises(Odd, match="tags is no map"):
            labels(odd, "tags")
    with pytest.raises(Odd):
        labels({"tags": {"a": 1}}, "tags")
