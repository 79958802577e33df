"""What became of each of several: the place that was lost, the look that failed, and whose error it is. No AWS."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from handrail.core.ec2_rules import MOVES
from handrail.core.errors import CapReached, Conflict, HandrailError, Internal, Throttled
from handrail.core.plan import Status
from handrail.core.resources import Instance
from handrail.operations.ec2.state_change import Course, Moving
from handrail.operations.ec2.targets import Target
from stage import WEB, PlayedEc2, Stage

API = replace(WEB, id="i-2", name="api")
SLOW = Throttled("AWS asks to slow down.", hint="wait")


class Stopping(PlayedEc2):
    """An EC2 that stops at once."""

    def stop(self, ids: list[str], *, called: str = "") -> dict[str, str]:
        """Stop."""
        return dict.fromkeys(ids, "stopped")


@dataclass
class Held:
    """A hold whose places these were refused, meet something, or can't be freed."""

    refused: dict[str, HandrailError] = field(default_factory=dict)
    against: HandrailError | None = None
    lost: HandrailError | None = None

    def refusal(self, request: str) -> HandrailError | None:
        """Return the refusal of a place."""
        return self.refused.get(request)

    def confirm(self, request: str, instance: str) -> HandrailError | None:
        """Return what stands against it."""
        return self.against

    def stopped(self, instance: str, token: str) -> str:
        """Say when the place is free, or fail."""
        if self.lost is not None:
            raise self.lost
        return ""


def stop(*instances: Instance, look: HandrailError | None = None, **hold: Any) -> list[Any]:
    """Stop these, without waiting. look: what every look fails with."""
    stage = Stage(Stopping(look or [replace(one, state="stopped") for one in (WEB, API)]))
    courses = [Course(Target(one.id, one), acts=True, request=f"r-{one.name}") for one in instances]
    return Moving(stage, MOVES["stop"], courses, wait=False, timeout=9).apply(cast(Any, Held(**hold)))


def test_a_look_that_fails_leaves_what_the_reply_said() -> None:
    row = stop(WEB, look=SLOW)[0]
    assert (row.status, row.said, row.current.state) == (Status.SUCCEEDED, "web is stopped · i-1", "stopped")


def test_a_place_that_can_not_be_freed_now_costs_nobody_anything() -> None:
    row = stop(WEB, lost=SLOW)[0]
    assert row.status is Status.SUCCEEDED
    assert ("place", "it is freed by the next command that needs it") in row.notes


def test_what_stands_against_a_place_is_the_result() -> None:
    rows = stop(WEB, API, against=Conflict("it was cancelled by dev-2.", hint="handrail ec2 list"))
    assert [row.error.message for row in rows] == [
        "web: it was cancelled by dev-2.",
        "api: it was cancelled by dev-2.",
    ]


def test_of_several_each_error_says_whose_it_is_and_stays_what_it_is() -> None:
    full = CapReached("2 places are taken.", limit=2, count=2, hint="handrail ec2 stop x", facts=[("rule", "x")])
    named = Conflict("api is being started by dev-2.")
    rows = stop(WEB, API, refused={"r-web": full, "r-api": named})
    first = rows[0].error
    assert (type(first), first.message, str(first)) == (CapReached, "web: 2 places are taken.", first.message)
    assert (first.limit, first.hint, first.facts, first.details) == (2, full.hint, full.facts, full.details)
    assert full.message == "2 places are taken."
    assert rows[1].error is named
    assert [row.name for row in rows] == ["web", "api"]
    assert stop(WEB, refused={"r-web": full})[0].error is full


def test_a_target_that_is_none_is_called_as_it_was_said() -> None:
    nothing = Target("nope")
    assert (nothing.name, Target("i-1", replace(WEB, name="")).name, Target("i-1", WEB).name) == ("nope", "i-1", "web")
    with pytest.raises(Internal):
        assert nothing.one
