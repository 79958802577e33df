"""Holds: what a change does with its places, and what a person reads of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from lease_bench import NOON, ONE, TIMES, Bench, states

from handrail.core.errors import AwsFailure, CapReached, Conflict, HandrailError, Unreachable
from handrail.core.ownership import token_of
from handrail.core.plan import Cap, Hold, NameWish, Places, PlaceWish, Plan
from handrail.ledger.fence import FenceClosed
from handrail.ledger.lease import INSTANCE_GONE
from handrail.ledger.places import Fate, State
from handrail.ledger.plan_places import NO_HOLD, LeaseHold, held
from handrail.ledger.ports import Told

TEN = (Cap("account", 10),)
LOST = Unreachable("no answer", hint="handrail sandbox status")


def plan_of(*wishes: PlaceWish) -> Plan:
    """Return a plan that takes these places."""
    places = Places("eu", "ann", wishes) if wishes else None
    return Plan("x", lambda _hold: [], [], many=True, places=places)


def create(request: str = "r1", begun: float | None = None) -> PlaceWish:
    """Return the wish of a create."""
    return PlaceWish(request, request, begun=begun)


def start(instance: str = "i-1", request: str = "s1") -> PlaceWish:
    """Return the wish of a start."""
    return PlaceWish(request, "web", instance, token_of("r1"))


@contextmanager
def holding(bench: Bench, *wishes: PlaceWish, caps: tuple[Cap, ...] = TEN, by: str = "ann") -> Iterator[LeaseHold]:
    """Hold places on a bench."""
    with held(bench.lease(by), plan_of(*wishes), caps, by, bench.said.append) as hold:
        yield hold


def send(hold: LeaseHold, request: str, *, answered: bool = True, signed: float = NOON) -> None:
    """Let an attempt pass the fence of a request."""
    fence = hold.fence([request])
    assert fence is not None
    fence.before_send(signed)
    if answered:
        fence.answered()


def test_a_change_without_places_holds_none() -> None:
    bench = Bench()
    with holding(bench) as hold:
        assert hold.fence(["r1"]) is None
        assert hold.confirm("r1", "i-1") is None
        assert hold.done("r1") is None
        assert hold.give_back("r1", LOST) is LOST
        assert (hold.refusal("r1"), hold.standing("r1")) == (None, None)
    assert bench.places == {}


def test_a_confirmed_place_stays() -> None:
    bench = Bench()
    with holding(bench, create()) as hold:
        send(hold, "r1")
        assert hold.confirm("r1", "i-1") is None
        assert hold.done("r1") == "i-1"
    assert bench.place("r1").instance == "i-1"


def test_what_was_never_sent_is_given_back() -> None:
    bench = Bench()
    with holding(bench, create()):
        pass
    assert bench.places == {}
    assert bench.told["r1"].fate is Fate.REFUSED


@pytest.mark.parametrize("error", [KeyboardInterrupt(), HandrailError("x"), ValueError("a defect")])
def test_whatever_happens_what_was_never_sent_is_given_back(error: BaseException) -> None:
    bench = Bench()
    with pytest.raises(type(error)), holding(bench, create()):
        raise error
    assert bench.places == {}


def test_an_interrupted_attempt_keeps_its_place() -> None:
    bench = Bench()

    def interrupted() -> None:
        with holding(bench, create()) as hold:
            send(hold, "r1", answered=False)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "r1" in states(bench.places)
    assert "r1" not in bench.told


def test_a_refused_call_gives_back() -> None:
    bench = Bench()
    refusal = AwsFailure("no room", code="no_capacity")
    with holding(bench, create()) as hold:
        send(hold, "r1")
        assert hold.give_back("r1", refusal) is refusal
    assert bench.places == {}


def test_an_unanswered_call_stays_open_and_says_until_when() -> None:
    bench = Bench()
    with holding(bench, create()) as hold:
        send(hold, "r1", answered=False)
        error = hold.give_back("r1", LOST)
    assert error.details == {"request": "r1", "open": True}
    assert isinstance(error, Unreachable)
    (label, text) = error.facts[-1]
    assert label == "open"
    assert "it settles itself by " in text
    assert "r1" in states(bench.places)


def test_an_error_that_cannot_be_made_anew_stays_open_as_unreachable() -> None:
    bench = Bench()
    with holding(bench, create()) as hold:
        send(hold, "r1", answered=False)
        error = hold.give_back("r1", FenceClosed(5))
    assert isinstance(error, Unreachable)
    assert error.slug == "too_late"


class Broken(Bench):
    """A bench whose item can't be read any more once `broken` is set."""

    broken = False

    def read(self) -> Any:
        """Fail when broken."""
        if self.broken:
            raise Unreachable("the ledger does not answer")
        return super().read()


def test_a_place_that_cannot_be_given_back_settles_itself() -> None:
    bench = Broken()
    with holding(bench, create()) as hold:
        bench.broken = True
        error = hold.give_back("r1", LOST)
    assert error.facts == (("open", "whether it took effect is not known; it settles itself"),)


def test_a_place_that_cannot_be_confirmed_fails_no_change() -> None:
    bench = Broken()
    with holding(bench, create()) as hold:
        send(hold, "r1")
        bench.broken = True
        assert hold.confirm("r1", "i-1") is None
        assert hold.done("r1") == "i-1"
    assert bench.said == [
        "warning: i-1 goes on; its place could not be confirmed (the ledger does not answer), "
        "and the next command that needs it settles it"
    ]


def test_a_full_cap_refuses_all_of_a_create() -> None:
    bench = Bench()
    bench.running()
    with pytest.raises(CapReached), holding(bench, create("r2"), create("r3"), caps=ONE):
        pass
    assert set(states(bench.places)) == {"r1"}


def test_starts_are_refused_one_by_one() -> None:
    bench = Bench()
    with holding(bench, start("i-1", "s1"), start("i-2", "s2"), caps=ONE) as hold:
        assert hold.refusal("s1") is None
        assert isinstance(hold.refusal("s2"), CapReached)
        fence = hold.fence(["s1", "s2"])
        assert fence is not None
        fence.before_send(NOON)
        fence.answered()
        assert hold.confirm("s1", "i-1") is None
    assert set(states(bench.places)) == {"i-1"}


def test_a_start_that_somebody_else_makes_is_refused() -> None:
    bench = Bench()
    bench.starting(by="bob")
    with holding(bench, start()) as hold:
        assert isinstance(hold.refusal("s1"), Conflict)


def test_a_repeat_takes_its_place_over() -> None:
    bench = Bench()
    bench.reserved()
    with holding(bench, create(begun=NOON)) as hold:
        send(hold, "r1")
        assert hold.confirm("r1", "i-1") is None
    assert bench.place("r1").instance == "i-1"


def test_a_repeat_of_what_stands_makes_nothing() -> None:
    bench = Bench()
    bench.running()
    with holding(bench, create(begun=NOON)) as hold:
        assert hold.standing("r1") == "i-1"
        assert hold.fence(["r1"]) is None


@pytest.mark.parametrize(
    ("told", "standing"),
    [
        (Told(Fate.MADE, "i-1", "bob", NOON), "i-1"),
        (Told(Fate.ADOPTED, "i-1", "bob", NOON), "i-1"),
        (Told(Fate.ADOPTED, "", "bob", NOON), None),
        (Told(Fate.NOTHING, "", "bob", NOON), None),
    ],
)
def test_a_repeat_of_what_was_settled_meanwhile(told: Told, standing: str | None) -> None:
    bench = Bench()
    bench.told["r1"] = told
    with holding(bench, create(begun=NOON)) as hold:
        assert hold.standing("r1") == standing
        assert (hold.refusal("r1") is None) == (standing is not None)


def confirm_after(bench: Bench, meanwhile: Any) -> HandrailError | None:
    """Confirm a create after what somebody else did meanwhile."""
    with holding(bench, create()) as hold:
        send(hold, "r1")
        meanwhile()
        return hold.confirm("r1", "i-1")


def test_a_place_that_was_adopted_and_freed_meanwhile_is_a_success() -> None:
    bench = Bench()

    def meanwhile() -> None:
        bench.told["r1"] = Told(Fate.ADOPTED, "i-1", "bob", NOON)
        bench.remove("r1")

    assert confirm_after(bench, meanwhile) is None


@pytest.mark.parametrize("told", [None, Told(Fate.NOTHING, "", "bob", NOON)])
def test_a_place_that_is_gone_without_an_instance_is_told(told: Told | None) -> None:
    bench = Bench()

    def meanwhile() -> None:
        if told:
            bench.told["r1"] = told
        bench.remove("r1")

    error = confirm_after(bench, meanwhile)
    assert isinstance(error, Conflict)
    assert "settled meanwhile" in error.message


def test_a_place_that_was_taken_over_stays_open() -> None:
    bench = Bench()
    error = confirm_after(bench, lambda: bench.alter("r1", mark="bob-1", by="bob"))
    assert isinstance(error, Conflict)
    assert error.message == "it is being settled by bob."
    assert error.details["open"]


@pytest.mark.parametrize(("by", "who"), [("bob", "bob"), ("", "somebody")])
def test_a_place_that_is_being_undone_stays_open(by: str, who: str) -> None:
    bench = Bench()
    error = confirm_after(bench, lambda: bench.alter("r1", mark="bob-1", by=by, state=State.ENDING))
    assert isinstance(error, Conflict)
    assert error.message == f"it was cancelled by {who}."
    assert error.details["open"]


def test_an_instance_that_is_gone_says_so() -> None:
    bench = Bench()
    with holding(bench, create()) as hold:
        send(hold, "r1")
        error = hold.give_back("r1", Conflict("gone", code=INSTANCE_GONE))
    assert error.message == "the instance of request r1 was terminated."


def test_a_refusal_after_somebody_settled_it_tells_that() -> None:
    bench = Bench()
    with holding(bench, create()) as hold:
        send(hold, "r1")
        bench.told["r1"] = Told(Fate.ADOPTED, "i-1", "bob", NOON)
        bench.remove("r1")
        error = hold.give_back("r1", AwsFailure("no"))
    assert error.message == "it was settled meanwhile: adopted."


def test_the_place_of_a_stopped_instance_is_free_when_a_look_counts() -> None:
    bench = Bench()
    bench.running()
    with holding(bench) as hold:
        bench.add("i-1", "stopped", "r1")
        assert hold.stopped("i-1", token_of("r1")).startswith("its place is free at ")
        bench.now += TIMES.visibility + 1
        assert hold.stopped("i-1", token_of("r1")) == ""
        assert hold.stopped("i-9", "") == ""
    assert bench.places == {}


def test_the_place_of_an_instance_that_is_gone_is_free() -> None:
    bench = Bench()
    bench.running()
    with holding(bench) as hold:
        hold.gone("i-1", token_of("r1"))
    assert bench.places == {}


def test_a_hold_of_nothing() -> None:
    hold: Hold = NO_HOLD
    assert hold.refusal("r") is None
    assert hold.standing("r") is None
    assert hold.fence(["r"]) is None
    assert hold.confirm("r", "i") is None
    assert hold.done("r") is None
    assert NO_HOLD.give_back("r", LOST) is LOST
    assert NO_HOLD.stopped("i", "t") == ""
    NO_HOLD.gone("i", "t")
    with NO_HOLD.naming(NameWish("eu", "web", "i")) as fence:
        assert fence is None
