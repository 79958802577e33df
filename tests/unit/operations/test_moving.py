"""What became of each of several: the place that was lost, the look that failed, and whose error it is. No AWS."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from handrail.clock import SystemClock
from handrail.core.ec2_rules import MOVES
from handrail.core.errors import CapReached, Conflict, HandrailError, Internal, Throttled
from handrail.core.plan import Status
from handrail.core.resources import Instance
from handrail.operations.ec2.state_change import Course, Moving
from handrail.operations.ec2.targets import Target
from handrail.session import Session

WEB = Instance(
    "i-1", "web", "t3.nano", "running", "ubuntu", "ami-1", "x86_64", "dev-1", datetime(2026, 11, 3, tzinfo=UTC), None,
    None, "us-east-1a", "us-east-1", True, {},
)  # fmt: skip
API = replace(WEB, id="i-2", name="api")
SLOW = Throttled("AWS asks to slow down.", hint="wait")


@dataclass
class Stage:
    """A session and a hold, as far as a move needs them. look: what every look fails with."""

    look: HandrailError | None = None
    refused: dict[str, HandrailError] = field(default_factory=dict)
    against: HandrailError | None = None
    lost: HandrailError | None = None
    region_to_name: str | None = None

    @property
    def ec2(self) -> "Stage":
        """Return itself: EC2."""
        return self

    @property
    def clock(self) -> SystemClock:
        """Return a clock, which nothing here waits by."""
        return SystemClock()

    def stop(self, ids: list[str], *, called: str = "") -> dict[str, str]:
        """Stop at once."""
        return dict.fromkeys(ids, "stopped")

    def by_ids(self, ids: Any) -> dict[str, Instance]:
        """Show them stopped, or fail."""
        if self.look is not None:
            raise self.look
        return {one.id: replace(one, state="stopped") for one in (WEB, API) if one.id in ids}

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

    def move(self, *instances: Instance) -> list[Any]:
        """Stop these, without waiting."""
        courses = [Course(Target(one.id, one), acts=True, request=f"r-{one.name}") for one in instances]
        return Moving(cast(Session, self), MOVES["stop"], courses, wait=False, timeout=9).apply(cast(Any, self))


def test_a_look_that_fails_leaves_what_the_reply_said() -> None:
    row = Stage(look=SLOW).move(WEB)[0]
    assert (row.status, row.said, row.current.state) == (Status.SUCCEEDED, "web is stopped · i-1", "stopped")


def test_a_place_that_can_not_be_freed_now_costs_nobody_anything() -> None:
    row = Stage(lost=SLOW).move(WEB)[0]
    assert row.status is Status.SUCCEEDED
    assert ("place", "it is freed by the next command that needs it") in row.notes


def test_what_stands_against_a_place_is_the_result() -> None:
    rows = Stage(against=Conflict("it was cancelled by dev-2.", hint="handrail ec2 list")).move(WEB, API)
    assert [row.error.message for row in rows] == [
        "web: it was cancelled by dev-2.",
        "api: it was cancelled by dev-2.",
    ]


def test_of_several_each_error_says_whose_it_is_and_stays_what_it_is() -> None:
    full = CapReached("2 places are taken.", limit=2, count=2, hint="handrail ec2 stop x", facts=[("rule", "x")])
    named = Conflict("api is being started by dev-2.")
    rows = Stage(refused={"r-web": full, "r-api": named}).move(WEB, API)
    first = rows[0].error
    assert (type(first), first.message, str(first)) == (CapReached, "web: 2 places are taken.", first.message)
    assert (first.limit, first.hint, first.facts, first.details) == (2, full.hint, full.facts, full.details)
    assert full.message == "2 places are taken."
    assert rows[1].error is named
    assert [row.name for row in rows] == ["web", "api"]
    assert Stage(refused={"r-web": full}).move(WEB)[0].error is full


def test_a_target_that_is_none_is_called_as_it_was_said() -> None:
    nothing = Target("nope")
    assert (nothing.name, Target("i-1", replace(WEB, name="")).name, Target("i-1", WEB).name) == ("nope", "i-1", "web")
    with pytest.raises(Internal):
        assert nothing.one
