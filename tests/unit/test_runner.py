"""The road: its steps in their order, and where it turns."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from handrail import runner
from handrail.core.errors import CapReached, Internal, Refused
from handrail.core.fields import Parameters, text
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Claim, Outcome, Places, PlaceWish, Plan, Result, Status
from handrail.ledger.record import Intent
from stage import Stage


class Named(Parameters):
    """What has a name."""

    name = text("its name")


def operation(handler: Any) -> Operation:
    """Return a change with this handler."""
    return Operation("ec2", "paint", "", "", Effect.CHANGE, handler)


def test_a_change_without_a_plan_is_a_defect() -> None:
    with pytest.raises(Internal, match="ec2 paint changes something, and gave no plan"):
        runner.run(operation(lambda _session, _values: Outcome()), {}, Stage(), dry_run=True)


# ---- what is asked for, made before, judged, looked up: in this order


@dataclass(frozen=True)
class Road:
    """An operation whose steps say that they are walked. found: whether all was made before; claim: what is judged."""

    found: bool = False
    claim: Claim | None = None
    walked: list[str] = field(default_factory=list)

    def wish(self, _session: Any, values: Any) -> Any:
        """Wish."""
        self.walked.append("wish")
        return SimpleNamespace(given=values, counted=False)

    def repeat(self, _session: Any, operation: Operation, wish: Any) -> list[Any]:
        """Look what was made before."""
        self.walked.append(f"repeat {operation.name} {wish.given['name']}")
        made = Result("web", "i-1", Status.UNCHANGED)
        return [SimpleNamespace(found=made if self.found else None, made_before=lambda: made)]

    def claims(self, _session: Any, wish: Any) -> tuple[Claim, ...]:
        """Claim."""
        self.walked.append(f"claims {wish.given['name']}")
        return (self.claim,) if self.claim else ()

    def places(self, _session: Any, _wish: Any, ones: Any) -> Places:
        """Take a place for each."""
        self.walked.append(f"places {len(ones)}")
        return Places("us-east-1", "dev-1", (PlaceWish("r1", "web"),))

    def plan(self, _session: Any, wish: Any, ones: Any) -> Plan:
        """Look up the rest."""
        self.walked.append(f"plan {wish.given['name']} {len(ones)}")
        planned = [Result("web", None, Status.PLANNED, request="r1")]
        return Plan("x", lambda _hold: [], planned, many=False, given={"hash": "feed"})

    def run(self, stage: Stage) -> Outcome:
        """Walk it in a dry run."""
        steps: dict[str, Any] = {name: getattr(self, name) for name in ("wish", "repeat", "claims", "places")}
        create = Operation("ec2", "x", "", "", Effect.CHANGE, self.plan, parameters=Named, **steps)
        return runner.run(create, {"name": "web"}, stage, dry_run=True)


REFUSED = Claim("ec2.types", "m7i.metal-48xl", "--type")


def test_the_policy_judges_a_wish_before_anything_is_looked_up() -> None:
    road = Road()
    assert [row.status for row in road.run(Stage()).rows] == [Status.PLANNED]
    assert road.walked == ["wish", "repeat ec2 x web", "claims web", "plan web 1"]


def test_of_a_repeat_of_which_all_is_made_nothing_is_judged() -> None:
    road = Road(found=True, claim=REFUSED)
    assert [row.status for row in road.run(Stage()).rows] == [Status.UNCHANGED]
    assert road.walked == ["wish", "repeat ec2 x web"]


def test_a_refusal_looks_nothing_up_but_whether_a_cap_is_full_too() -> None:
    road, roomy = Road(claim=REFUSED), Stage()
    roomy.stores.found = SimpleNamespace(preview=lambda _places: {})
    with pytest.raises(Refused, match=r"m7i\.metal-48xl"):
        road.run(roomy)
    assert road.walked == ["wish", "repeat ec2 x web", "claims web", "places 1"]

    def full(_places: Any) -> None:
        raise CapReached("2 places are taken.", limit=2, count=2, hint="handrail ec2 stop x")

    crowded = Stage()
    crowded.stores.found = SimpleNamespace(preview=full)
    with pytest.raises(Refused, match="the policy refuses 2 things here") as caught:
        Road(claim=REFUSED).run(crowded)
    assert ("refused", "2 places are taken.") in caught.value.facts


def test_a_refusal_of_what_takes_no_place_stands_alone() -> None:
    paint = replace(operation(lambda _session, _values: Outcome()), claims=lambda _session, _values: (REFUSED,))
    with pytest.raises(Refused, match=r"m7i\.metal-48xl"):
        runner.run(paint, {}, Stage(), dry_run=True)


def test_what_a_look_found_is_judged_too() -> None:
    plan = Plan("x", lambda _hold: [], [], many=False, claims=(REFUSED,))
    with pytest.raises(Refused, match=r"m7i\.metal-48xl"):
        runner.run(operation(lambda _session, _values: plan), {}, Stage(), dry_run=True)


def test_what_was_given_is_on_record_with_what_the_plan_adds() -> None:
    planned = [Result("web", "i-1", Status.PLANNED, request="r1")]
    plan = Plan("x", lambda _hold: [Result("web", "i-1", Status.SUCCEEDED, request="r1")], planned, many=False,
                given={"hash": "feed"})  # fmt: skip
    stage = Stage()
    runner.run(replace(operation(lambda _session, _values: plan), parameters=Named), {"name": "web"}, stage)
    known = stage.record.find("r1")
    assert known is not None
    assert known.intent.given == {"name": "web", "hash": "feed"}


def test_a_repeat_that_was_settled_meanwhile_is_planned_anew() -> None:
    plans: list[Plan] = []

    def handler(_session: Any, _values: Any) -> Plan:
        plans.append(Plan("x", lambda _hold: [], [], many=False, known=frozenset() if plans else frozenset({"r1"})))
        return plans[-1]

    stage, paint = Stage(), operation(handler)
    stage.operations["ec2 paint"] = replace(paint, recover=lambda *_: None)
    stage.record.intend([Intent("r1", "ec2 paint", "", "us-east-1", "sandbox")])
    stage.table.time += stage.stores.recovery_age + 1
    runner.run(paint, {}, stage)
    assert len(plans) == 2


def test_of_several_the_refused_one_is_named() -> None:
    full = CapReached("2 places are taken.", limit=2, count=2)
    planned = [Result(name, name, Status.PLANNED, request=name) for name in ("a", "b")]
    stage = Stage()
    stage.stores.found = SimpleNamespace(preview=lambda _places: {"b": full})
    plan = Plan("x", lambda _hold: [], planned, many=True, places=object())  # type: ignore[arg-type]
    outcome = runner.run(operation(lambda _session, _values: plan), {}, stage, dry_run=True)
    first, second = outcome.rows
    assert (first.status, second.status) == (Status.PLANNED, Status.FAILED)
    assert outcome.failures[0].message == "b: 2 places are taken."
