"""Operations as data: what a door may ask of one before it is run."""

from typing import Any

from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome


def operation(**more: Any) -> Operation:
    """Return an operation on instances."""
    return Operation("ec2", "start", "start it", "handrail ec2 start web", Effect.CHANGE, lambda *_: Outcome(), **more)


def test_an_operation_says_what_it_makes_sense_for() -> None:
    start = operation(fits=lambda state: state == "stopped")
    assert [state for state in ("running", "stopped") if start.fits(state)] == ["stopped"]
    assert operation().fits("running")
