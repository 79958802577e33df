"""What became of each of several: the place that was lost, the look that failed, and whose error it is. No AWS."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from handrail.core.ec2_rules import MOVES
from handrail.core.errors import (
    AwsFailure,
    CapReached,
    Conflict,
    HandrailError,
    Throttled,
    Unreachable,
    WrongState,
)
from handrail.core.fields import validate
from handrail.core.plan import Plan, Result, Status
from handrail.core.resources import Instance
from handrail.operations.ec2.state_change import StateChange, Step
from handrail.operations.ec2.states import STOP
from handrail.operations.kinds import Target
from stage import WEB, Look, PlayedEc2, Stage

API = replace(WEB, id="i-2", name="api")
BOTH = [WEB, API]
SLOW = Throttled("AWS asks to slow down.", hint="wait")


class Moving(PlayedEc2):
    """An EC2 that moves at once what it is told to, or fails so for one of these. calls: what was called for."""

    def __init__(self, *looks: Look, error: HandrailError | None = None, of: Sequence[str] = ()) -> None:
        super().__init__(*looks)
        self._error, self._of = error, of
        self.calls: list[tuple[str, ...]] = []

    def _move(self, ids: Sequence[str], state: str) -> dict[str, str]:
        self.calls.append(tuple(ids))
        if self._error is not None and set(self._of) & set(ids):
            raise self._error
        return dict.fromkeys(ids, state)

    def start(self, ids: list[str], _fence: Any, *, called: str = "") -> dict[str, str]:
        """Start."""
        return self._move(ids, "pending")

    def stop(self, ids: list[str], *, called: str = "") -> dict[str, str]:
        """Stop."""
        return self._move(ids, "stopped")

    def reboot(self, ids: list[str], *, called: str = "") -> dict[str, str]:
        """Reboot: the reply tells no state."""
        return self._move(ids, "") and {}

    def terminate(self, ids: list[str], *, called: str = "") -> dict[str, str]:
        """Terminate."""
        return self._move(ids, "terminated")


@dataclass
class Held:
    """A hold whose places these were refused, meet something, or can't be freed. heard: what it was told."""

    refused: dict[str, HandrailError] = field(default_factory=dict)
    against: HandrailError | None = None
    lost: HandrailError | None = None
    free: str = ""
    heard: list[str] = field(default_factory=list)

    def refusal(self, request: str) -> HandrailError | None:
        """Return the refusal of a place."""
        return self.refused.get(request)

    def fence(self, requests: Sequence[str]) -> None:
        """Ask nothing."""

    def confirm(self, request: str, instance: str) -> HandrailError | None:
        """Return what stands against it."""
        return self.against

    def give_back(self, request: str, error: HandrailError) -> HandrailError:
        """Hear of it."""
        self.heard.append(f"back {request}")
        return error

    def stopped(self, instance: str, token: str) -> str:
        """Say when the place is free, or fail."""
        if self.lost is not None:
            raise self.lost
        return self.free

    def gone(self, instance: str, token: str) -> None:
        """Hear of it."""
        self.heard.append(f"gone {instance}")


def steps(*ones: Instance) -> list[Step]:
    """Return a step for each, which acts."""
    return [Step(Target(one.id, one), acts=True, request=f"r-{one.name}") for one in ones]


def move(
    ec2: Moving, taken: Sequence[Step], verb: str = "stop", hold: Held | None = None, *, wait: bool = False
) -> list[Result]:
    """Move these."""
    change = StateChange(Stage(ec2), MOVES[verb], taken, wait=wait, timeout=9)
    change.settle()
    return change.apply(cast(Any, hold or Held()))


def stop(*ones: Instance, after: Look | None = None, **hold: Any) -> list[Any]:
    """Stop these, without waiting. after: what the look after the call shows."""
    stopped = [replace(one, state="stopped") for one in BOTH]
    return move(Moving(BOTH, after if after is not None else stopped), steps(*ones), hold=Held(**hold))


def test_a_look_that_fails_leaves_what_the_reply_said() -> None:
    row = stop(WEB, after=SLOW)[0]
    assert (row.status, row.said, row.current.state) == (Status.SUCCEEDED, "web is stopped · i-1", "stopped")


def test_a_place_that_can_not_be_freed_now_costs_nobody_anything() -> None:
    row = stop(WEB, lost=SLOW)[0]
    assert row.status is Status.SUCCEEDED
    assert ("place", "it is freed by the next command that needs it") in row.notes


@pytest.mark.parametrize(("free", "notes"), [("", ()), ("in 60 s", (("place", "in 60 s"),))])
def test_when_its_place_is_free_is_said(free: str, notes: tuple[tuple[str, str], ...]) -> None:
    assert stop(WEB, free=free)[0].notes == (*notes, ("next", "handrail ec2 start web"))


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


# ---- whose each is, looked at once more


@pytest.mark.parametrize(
    ("now", "kind", "said"),
    [
        ([replace(WEB, owner="dev-2")], WrongState, "changed hands since the plan was made"),
        ([replace(WEB, request="r2")], WrongState, "was deleted and made anew since the plan was made"),
        ([replace(WEB, state="terminated")], WrongState, "web is terminated for good."),
        (SLOW, Throttled, "AWS asks to slow down."),
    ],
    ids=["another owner", "made anew", "gone", "no look"],
)
@pytest.mark.parametrize("verb", ["start", "stop", "reboot"])
def test_what_is_not_as_it_was_is_not_called_for(now: Look, kind: type[HandrailError], said: str, verb: str) -> None:
    ec2, hold = Moving(now), Held()
    (row,) = move(ec2, steps(WEB), verb, hold)
    assert (type(row.error), said in row.said, row.id) == (kind, True, "i-1")
    assert (ec2.calls, hold.heard) == ([], ["back r-web"])


def test_the_others_go_on() -> None:
    ec2 = Moving([replace(WEB, owner="dev-2"), API], [replace(API, state="stopped")])
    web, api = move(ec2, steps(WEB, API))
    assert (web.status, api.status, ec2.calls) == (Status.FAILED, Status.SUCCEEDED, [("i-2",)])


def test_what_the_look_does_not_show_yet_goes_on_as_before() -> None:
    ec2 = Moving([])
    (row,) = move(ec2, steps(WEB))
    assert (row.status, row.said, ec2.calls) == (Status.SUCCEEDED, "web is stopped · i-1", [("i-1",)])


def test_what_has_gone_by_now_is_as_good_as_deleted() -> None:
    ec2, hold = Moving([replace(WEB, state="terminated")]), Held()
    (row,) = move(ec2, steps(WEB), "delete", hold)
    assert (row.status, row.said, ec2.calls) == (Status.SUCCEEDED, "web is terminated · i-1", [("i-1",)])
    assert hold.heard == ["gone i-1"]


# ---- one call for all


def test_a_batch_that_is_refused_for_one_of_it_is_split() -> None:
    bad, last = Conflict("it is locked."), replace(WEB, id="i-3", name="db")
    ec2, hold = Moving([*BOTH, last], error=bad, of=["i-2"]), Held()
    rows = move(ec2, steps(WEB, API, last), hold=hold)
    assert [row.status for row in rows] == [Status.SUCCEEDED, Status.FAILED, Status.SUCCEEDED]
    assert ec2.calls == [("i-1", "i-2", "i-3"), ("i-1",), ("i-2", "i-3"), ("i-2",), ("i-3",)]
    assert (rows[1].said, hold.heard) == ("api: it is locked.", ["back r-api"])


@pytest.mark.parametrize("error", [SLOW, Unreachable("no answer."), AwsFailure("too late.", code="too_late")])
def test_what_is_about_all_of_them_splits_nothing(error: HandrailError) -> None:
    ec2 = Moving(BOTH, error=error, of=["i-1"])
    assert [row.status for row in move(ec2, steps(WEB, API))] == [Status.FAILED] * 2
    assert ec2.calls == [("i-1", "i-2")]


def test_a_reboot_is_told_by_its_call() -> None:
    assert [row.said for row in move(Moving(BOTH), steps(WEB, API), "reboot", wait=True)] == [
        *("web is rebooting · i-1", "api is rebooting · i-2"),
    ]


def test_a_start_is_waited_for() -> None:
    down = replace(WEB, state="stopped", public_ip=None)
    (row,) = move(Moving([down], [WEB]), steps(down), "start", wait=True)
    assert row.said == "web is running · i-1"
    assert dict(row.notes)["next"] == "handrail ec2 stop web"


# ---- what is on its way


def test_what_must_settle_first_is_waited_for_and_one_that_does_not_is_left_out() -> None:
    web, api = (replace(one, state="pending") for one in BOTH)
    dead = replace(API, state="terminated")
    ec2 = Moving([WEB, dead], [WEB], [replace(WEB, state="stopped")])
    first = [replace(step, settles_first=True) for step in steps(web, api)]
    rows = move(ec2, first)
    assert (rows[0].said, ec2.calls) == ("web is stopped · i-1", [("i-1",)])
    assert isinstance(rows[1].error, WrongState)
    assert rows[1].said == "api is terminated and will not be running."


@pytest.mark.parametrize("wait", [True, False])
def test_what_is_on_its_way_is_waited_for_and_not_called_for(wait: bool) -> None:
    ec2 = Moving([replace(WEB, state="stopped")])
    step = Step(Target("web", replace(WEB, state="stopping")), arrives=True)
    (row,) = move(ec2, [step], wait=wait)
    assert (row.status, row.said, ec2.calls) == (Status.UNCHANGED, "web is stopped already · i-1", [])


def test_what_could_not_be_judged_keeps_its_error() -> None:
    error = WrongState("web is terminated for good.")
    idle = Step(Target("api", replace(API, state="stopped")))
    rows = move(Moving([]), [Step(Target("web", WEB), error=error), idle])
    assert [(row.error, row.said) for row in rows] == [
        (error, "web is terminated for good."),
        (None, "api is stopped already · i-2"),
    ]


# ---- the plan


def test_what_is_on_its_way_is_told_and_has_no_row_of_its_own() -> None:
    names = {"web": "stopping", "api": "stopped", "db": "running"}
    ones = [replace(WEB, id=f"i-0000000{at}", name=name, state=names[name]) for at, name in enumerate(names)]
    plan = STOP.handler(Stage(Moving(ones)), validate(STOP.parameters, {"targets": [one.id for one in ones]}))
    assert isinstance(plan, Plan)
    assert [(row.status, row.said, bool(row.request)) for row in plan.planned] == [
        (Status.PLANNED, "web is stopping already; nothing was changed", False),
        (Status.UNCHANGED, "api is stopped already · i-00000001", False),
        (Status.PLANNED, "db would be stopped; nothing was changed", True),
    ]
