"""The road: its steps in their order, and where it turns."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from handrail import runner
from handrail.core.errors import CapReached, Conflict, Internal, NotConfirmed, Refused
from handrail.core.fields import Parameters, text
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Claim, Outcome, Places, PlaceWish, Plan, Question, Result, Status
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


def test_of_one_the_refusal_is_the_error_of_the_command() -> None:
    full = CapReached("2 places are taken.", limit=2, count=2)
    stage = Stage()
    stage.stores.found = SimpleNamespace(preview=lambda _places: {"a": full})
    planned = [Result("a", "a", Status.PLANNED, request="a")]
    plan = Plan("x", lambda _hold: [], planned, many=False, places=object())  # type: ignore[arg-type]
    with pytest.raises(CapReached) as caught:
        runner.run(operation(lambda _session, _values: plan), {}, stage, dry_run=True)
    assert caught.value is full


# ---- what is asked before


class Asked(Stage):
    """A stage on which a person answers so, or where nobody can be asked: None. heard: the questions and the plans."""

    def __init__(self, answer: bool | None, *, yes: bool = False) -> None:
        super().__init__()
        self.heard: list[Any] = []
        self.answer, self.settings = answer, replace(self.settings, yes=yes)
        self.listener.confirm = self._confirm  # type: ignore[method-assign]
        self.listener.show_plan = self._show  # type: ignore[method-assign]

    def _show(self, plan: Plan) -> None:
        self.heard.append(plan)

    def _confirm(self, question: Question) -> bool:
        self.heard.append(question)
        if self.answer is None:
            raise NotConfirmed("nobody can be asked.", hint="add --yes")
        return self.answer

    def walk(self, *, dry_run: bool = False, **rest: Any) -> list[Status]:
        """Walk a change of something down the road, and return what became of it."""
        named = {"owner": rest.pop("owner")} if "owner" in rest else {}
        how = {name: rest.pop(name) for name in ("effect", "on_record", "plans", "stays_here") if name in rest}
        current = SimpleNamespace(owner=next(iter(rest.get("owners", ())), ""))
        planned = [Result("web", "i-1", rest.pop("status", Status.PLANNED), request="r1", current=current)]  # type: ignore[arg-type]
        done = [Result("web", "i-1", Status.SUCCEEDED, request="r1")]
        plan = Plan("x", lambda _hold: done, planned, many=True, **rest)
        paint = replace(operation(lambda _session, _values: plan), parameters=OfOwner, **how)
        return [row.status for row in runner.run(paint, named, self, dry_run=dry_run).rows]

    def refused(self, **rest: Any) -> tuple[str, str]:
        """Return why it was not confirmed, and what to do."""
        with pytest.raises(NotConfirmed) as caught:
            self.walk(**rest)
        assert self.record.unfinished() == []
        return caught.value.message, caught.value.hint or ""


class OfOwner(Parameters):
    """Whose it is."""

    owner = text("whose")


SURE = Question(Ask.YES, "Sure?")
TYPED = Question(Ask.WORD, "This ends web:", word="web")


def test_what_needs_no_question_is_shown_when_its_places_are_taken() -> None:
    stage = Asked(answer=False)
    assert stage.walk() == [Status.SUCCEEDED]
    assert [type(one) for one in stage.heard] == [Plan]


def test_the_plan_is_shown_before_what_is_asked() -> None:
    stage = Asked(answer=True)
    assert stage.walk(question=SURE) == [Status.SUCCEEDED]
    assert [type(one) for one in stage.heard] == [Plan, Question]


@pytest.mark.parametrize(
    ("question", "owners", "hint"),
    [
        (SURE, (), "repeat the command and answer y, or add --yes"),
        (TYPED, (), "repeat the command and type web, or add --yes"),
        (SURE, ("dev-2",), "repeat the command and answer y, or add --yes --owner dev-2"),
        (SURE, ("dev-2", "dev-3"), "repeat the command and answer y, or add --yes"),
    ],
)
def test_a_no_changes_nothing(question: Question, owners: tuple[str, ...], hint: str) -> None:
    refused = Asked(answer=False).refused(question=question, owners=frozenset(owners))
    assert refused == ("not confirmed; nothing was changed.", hint)


@pytest.mark.parametrize(
    ("owners", "hint"), [((), "add --yes"), (("dev-2",), "add --yes --owner dev-2"), (("dev-2", "dev-3"), "add --yes")]
)
def test_where_nobody_can_be_asked_the_hint_names_the_owner(owners: tuple[str, ...], hint: str) -> None:
    assert Asked(answer=None).refused(question=SURE, owners=frozenset(owners)) == ("nobody can be asked.", hint)


def test_yes_alone_does_not_answer_for_another_owner() -> None:
    stage = Asked(answer=True, yes=True)
    assert stage.refused(owners=frozenset({"dev-2", "dev-1"})) == (
        "this belongs to dev-2, and --yes alone does not answer for another owner.",
        "add --owner dev-2",
    )
    assert stage.heard == []
    assert Asked(answer=True, yes=True).walk(owners=frozenset({"dev-1"})) == [Status.SUCCEEDED]
    assert Asked(answer=True, yes=True).walk(owners=frozenset({"dev-2"}), owner="dev-2") == [Status.SUCCEEDED]


@pytest.mark.parametrize(
    ("owners", "whose", "hint"),
    [
        (("dev-2",), "dev-2", "--owner dev-2"),
        (("dev-2", "dev-4"), "dev-2, dev-4", "name the targets of one owner at a time"),
    ],
)
def test_who_names_another_owner_than_whose_it_is(owners: tuple[str, ...], whose: str, hint: str) -> None:
    refused = Asked(answer=True).refused(owners=frozenset(owners), owner="dev-3")
    assert refused == (f"--owner says dev-3, and this belongs to {whose}; nothing was changed.", hint)


def test_what_is_another_owners_is_asked_about_where_a_plan_asks_nothing() -> None:
    stage = Asked(answer=True)
    assert stage.walk(owners=frozenset({"dev-2"})) == [Status.SUCCEEDED]
    assert stage.heard[-1] == Question(Ask.YES, "web belongs to dev-2, not to you.")


# ---- what is not on record


@pytest.mark.parametrize("how", [{"effect": Effect.LOCAL, "plans": True}, {"stays_here": lambda _values: True}])
def test_what_changes_this_machine_is_asked_about_and_not_on_record(how: dict[str, Any]) -> None:
    stage = Asked(answer=True)
    assert stage.walk(question=SURE, **how) == [Status.SUCCEEDED]
    assert stage.heard == [SURE]
    assert Asked(answer=False).refused(question=SURE, **how)[0] == "not confirmed; nothing was changed."
    assert Asked(answer=False).walk(status=Status.UNCHANGED, **how) == [Status.UNCHANGED]
    shown = Asked(answer=False)
    assert shown.walk(dry_run=True, question=SURE, **how) == [Status.PLANNED]
    assert [type(one) for one in shown.heard] == [Plan]
    assert stage.record.entries_since(0) == []


@pytest.mark.parametrize(
    ("status", "shown"), [(Status.PLANNED, [Plan]), (Status.UNCHANGED, [])], ids=["something", "nothing"]
)
def test_what_makes_the_record_is_shown_and_not_on_it(status: Status, shown: list[type]) -> None:
    stage = Asked(answer=True)
    assert stage.walk(on_record=False, status=status, dry_run=True) == [status]
    assert stage.walk(on_record=False, status=status)[0] is not Status.PLANNED
    assert [type(one) for one in stage.heard] == shown * 2
    assert stage.record.entries_since(0) == []


def test_what_changes_nothing_ends_where_it_is_planned() -> None:
    stage = Asked(answer=False)
    assert stage.walk(status=Status.UNCHANGED) == [Status.UNCHANGED]
    assert stage.walk(status=Status.UNCHANGED, dry_run=True) == [Status.UNCHANGED]
    assert (stage.heard, stage.record.entries_since(0)) == ([], [])


def test_what_is_stopped_before_it_began_is_on_record_unless_nothing_was_to_be_done() -> None:
    def refuse(_session: Any, _values: Any) -> Plan:
        raise Conflict("no.")

    stage = Stage()
    for dry_run in (True, False):
        with pytest.raises(Conflict):
            runner.run(operation(refuse), {}, stage, dry_run=dry_run)
    assert [one["kind"] for one in stage.record.entries_since(0)] == ["intent", "outcome"]
    read = replace(operation(lambda _session, _values: Outcome(rows=("x",))), effect=Effect.READ)
    assert runner.run(read, {}, stage).rows == ("x",)


def test_what_must_be_waited_for_is_before_anything_is_on_record() -> None:
    stage = Asked(answer=True)
    seen: list[int] = []
    stage.walk(prepare=lambda: seen.append(len(stage.record.unfinished())))
    assert seen == [0]
