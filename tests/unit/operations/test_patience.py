"""Waiting until AWS has caught up: what is tried again, for how long, and what is said meanwhile."""

from collections.abc import Callable

import pytest

from handrail.core.errors import Acted, AwsFailure, HandrailError, WrongState
from handrail.operations.patience import VISIBLE, again_while, once_shown
from stage import Stage

BUSY = WrongState("S3 is busy.", code="busy")


class Call:
    """A call that fails so many times. made: how often it was made."""

    def __init__(self, times: int, error: HandrailError = BUSY) -> None:
        self._left, self._error, self.made = times, error, 0

    def __call__(self) -> str:
        """Make it."""
        self.made += 1
        if self.made <= self._left:
            raise self._error
        return "done"


def again(stage: Stage, call: Callable[[], str], limit: float = 60.0) -> str:
    """Make a call for as long as S3 is busy."""
    return again_while(stage, "busy", call, limit, lambda spent: f"busy {spent:.0f} s")


def test_what_goes_well_is_made_once() -> None:
    stage, call = Stage(), Call(0)
    assert (again(stage, call), call.made, stage.said, stage.clock.slept) == ("done", 1, [], 0.0)


def test_what_is_too_early_is_made_again_and_that_is_said() -> None:
    stage, call = Stage(), Call(3)
    assert (again(stage, call), call.made) == ("done", 4)
    assert stage.said == ["busy 0 s", "busy 1 s", "busy 2 s"]


@pytest.mark.parametrize(("limit", "made"), [(0.0, 1), (3.0, 4)])
def test_the_time_runs_out(limit: float, made: int) -> None:
    stage, call = Stage(), Call(99)
    with pytest.raises(WrongState) as caught:
        again(stage, call, limit)
    assert (caught.value, call.made) == (BUSY, made)
    assert stage.clock.slept == pytest.approx(limit)


def test_what_does_not_pass_is_raised_at_once() -> None:
    stage, call = Stage(), Call(99, WrongState("no.", code="locked"))
    with pytest.raises(WrongState, match="no"):
        again(stage, call)
    assert (call.made, stage.said) == (1, [])


class Look:
    """A look that shows these, the last one for ever. looks: how many there were."""

    def __init__(self, *shown: str) -> None:
        self._shown, self.looks = list(shown), 0

    def __call__(self) -> str:
        """Look."""
        self.looks += 1
        return self._shown.pop(0) if len(self._shown) > 1 else self._shown[0]


def test_what_a_look_shows_too_late_is_waited_for() -> None:
    stage, look = Stage(), Look("off", "off", "on")
    assert once_shown(stage, look, lambda seen: seen == "on", "it is off") == "on"
    assert look.looks == 3
    assert stage.clock.slept == pytest.approx(0.6)


@pytest.mark.parametrize("limit", [VISIBLE, 3.0])
def test_what_a_look_never_shows_was_not_done(limit: float) -> None:
    stage = Stage()
    with pytest.raises(AwsFailure) as caught:
        once_shown(stage, Look("off"), lambda seen: seen == "on", "press shows no encryption", limit)
    error = caught.value
    assert error.message == "press shows no encryption, though AWS took the change."
    assert (error.slug, error.hint, error.acted) == ("not_shown", "repeat the command", Acted.NO)
    assert stage.clock.slept == pytest.approx(limit)
