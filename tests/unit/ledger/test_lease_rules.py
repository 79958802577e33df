"""The rules of the lease, one by one, where nothing happens at the same time; tests/simulation has the rest."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from lease_bench import NOON, ONE, TIMES, Bench, answers, fails, states, wanted

from handrail.core.errors import (
    Acted,
    AwsFailure,
    CapReached,
    Conflict,
    HandrailError,
    NotFound,
    PermissionDenied,
    Throttled,
    Unreachable,
    WrongState,
)
from handrail.core.plan import Cap, NameWish
from handrail.ledger.fence import Fence, FenceClosed
from handrail.ledger.item import UNHEARD
from handrail.ledger.lease import INSTANCE_GONE, TOKEN_MISMATCH, End
from handrail.ledger.places import Fate, Place, Seen, Verdict, with_new
from handrail.ledger.ports import Told
from handrail.ledger.stored import from_item, from_names
from handrail.ledger.taking import REPEATABLE, Taken


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_name_that_nothing_shows_yet_is_taken(bench: Bench) -> None:
    bench.reserved("a")
    with pytest.raises(Conflict, match="the name a is taken: a is being created by ann"):
        bench.lease().take_for_create([replace(wanted("b"), name="a")], ())
    elsewhere = replace(wanted("b"), name="a", region="us")
    assert bench.lease().take_for_create([elsewhere], ())
    bench.add("i-a", "running", "a")
    with pytest.raises(Conflict, match="the name a is taken"):
        bench.lease().take_for_create([replace(wanted("b2"), name="a")], ())
    bench.instances["i-a"] = replace(bench.instances["i-a"], name="renamed")
    assert bench.lease().take_for_create([replace(wanted("b4"), name="a")], ()), "it has another name now"
    bench.remove("b4")
    bench.add("i-a", "shutting-down", "a")
    assert bench.lease().take_for_create([replace(wanted("b3"), name="a")], ()), "somebody else has ended it"
    bench.remove("b3")
    del bench.instances["i-a"]
    bench.alter("a", until=NOON - TIMES.visibility - 1)
    assert bench.lease().take_for_create([replace(wanted("c"), name="a")], ()), "every look shows it, or it is gone"


def test_writes_without_an_answer_are_not_repeated_for_ever(bench: Bench) -> None:
    bench.lost_writes = 100
    bench.before_write += [lambda: bench.put(dict(bench.places))] * 100
    with pytest.raises(Unreachable) as failed:
        bench.reserved()
    assert failed.value.acted is Acted.UNKNOWN
    assert bench.calls.count("write") == UNHEARD


def test_one_command_waits_half_a_minute_for_all_its_starts(bench: Bench) -> None:
    for name in ("a", "b"):
        bench.running(f"i-{name}", name)
        bench.instances[f"i-{name}"] = replace(bench.instances[f"i-{name}"], state="stopped")
    bench.alter("a", until=bench.now + 17)
    bench.alter("b", until=bench.now + 34)
    lease, two = bench.lease(), (Cap("account", 2),)
    assert lease.take_for_start(wanted("x", instance="i-x"), two)
    with pytest.raises(CapReached):
        lease.take_for_start(wanted("y", instance="i-y"), two)


def test_what_was_cut_off_is_said_when_it_is_settled(bench: Bench) -> None:
    bench.reserved("a")
    bench.reserved("b", by="ben")
    bench.add("i-b", "running", "b", owner="ben")
    bench.now += TIMES.term + TIMES.visibility + 1
    bench.lease("ann").settle()
    assert sorted(bench.said) == [
        "settled what was cut off: ec2 create of a (request a) of you: nothing was made, and nothing can be any more",
        "settled what was cut off: ec2 create of b (request b) of ben: its instance runs",
    ]
    bench.add("i-b", "stopped", "b", owner="ben")
    bench.now += TIMES.visibility + 1
    bench.said.clear()
    bench.lease("ann").settle()
    assert (bench.places, bench.said) == ({}, []), "that a place is free again needs no words"


# ---- rule 2: take, refuse, wait --------------------------------------------------------------------------------------


def test_a_create_takes_a_place_sends_and_confirms(bench: Bench) -> None:
    taken = bench.reserved()
    assert states(bench.places) == {"r1": "reserved"}
    assert taken.fence.until == NOON + TIMES.term
    ended = bench.lease().carry_out(taken, answers("i-1"))
    assert (ended.end, ended.instance) == (End.DONE, "i-1")
    assert states(bench.places) == {"r1": "held"}
    assert bench.place("r1").until == NOON


def test_several_places_are_taken_all_or_none(bench: Bench) -> None:
    caps = [Cap("account", 2)]
    with pytest.raises(CapReached) as refused:
        bench.lease().take_for_create([wanted("a"), wanted("b"), wanted("c")], caps)
    assert refused.value.count == 0
    assert bench.places == {}
    taken = bench.lease().take_for_create([wanted("a"), wanted("b")], caps)
    assert [one.key for one in taken] == ["create:a", "create:b"]
    assert bench.version == 1


def test_a_full_cap_is_refused_with_one_read_and_one_look_and_no_write(bench: Bench) -> None:
    bench.running()
    bench.calls.clear()
    with pytest.raises(CapReached):
        bench.lease().take_for_create([wanted("r2")], ONE)
    assert bench.calls == ["read", "look"]


def test_what_runs_without_a_place_counts_except_what_is_about_to_be_started(bench: Bench) -> None:
    bench.add("i-9", "running", "r9")
    with pytest.raises(CapReached) as refused:
        bench.lease().take_for_create([wanted("r1")], ONE)
    assert refused.value.details["holders"][0]["state"] == "outside"
    assert bench.starting("i-9", caps=ONE).instance == "i-9"


def test_what_runs_out_is_settled_before_a_create_even_where_there_is_room(bench: Bench) -> None:
    bench.reserved("dead", by="ben")
    bench.pass_term()
    bench.lease().take_for_create([wanted("r1")], [Cap("account", 5)])
    assert states(bench.places) == {"r1": "reserved"}
    assert bench.told["dead"].fate is Fate.NOTHING


def test_what_can_not_be_settled_yet_is_no_reason_to_look_again(bench: Bench) -> None:
    bench.reserved("dead", by="ben")
    bench.add("i-1", "stopping", "dead", owner="ben")
    bench.pass_term()
    bench.calls.clear()
    with pytest.raises(CapReached):
        bench.lease().take_for_create([wanted("r1")], ONE)
    assert bench.calls == ["read", "look"]


def test_a_create_waits_for_a_held_place_whose_instance_has_stopped(bench: Bench) -> None:
    bench.running()
    bench.add("i-1", "stopped", "r1")
    bench.lease().take_for_create([wanted("r2")], ONE)
    assert bench.said == ["waiting 3 s for the place of an instance that has stopped"]
    assert bench.now == NOON + 3
    assert states(bench.places) == {"r2": "reserved"}


def test_nobody_waits_without_being_asked_to_nor_longer_than_half_a_minute(bench: Bench) -> None:
    bench.running()
    bench.add("i-1", "stopped", "r1")
    with pytest.raises(CapReached):
        bench.lease().take_for_create([wanted("r2")], ONE, wait=False)
    bench.alter("r1", until=NOON + 29)
    with pytest.raises(CapReached):
        bench.lease().take_for_create([wanted("r2")], ONE)
    assert bench.said == []


def test_a_lost_reply_to_the_reservation_is_found_by_the_mark(bench: Bench) -> None:
    bench.lost_writes = 1
    assert bench.reserved().key == "create:r1"
    assert bench.version == 1


def test_a_lost_race_is_run_again(bench: Bench) -> None:
    bench.before_write = [lambda: bench.put({})] * 3
    assert bench.reserved().key == "create:r1"
    assert bench.calls.count("write") == 4


def test_an_item_that_never_stands_still_is_given_up(bench: Bench) -> None:
    bench.before_write = [lambda: bench.put({})] * 500
    with pytest.raises(Throttled):
        bench.reserved()


def test_a_request_with_a_place_or_an_outcome_is_not_new(bench: Bench) -> None:
    bench.reserved()
    with pytest.raises(Conflict, match="r1 is being created by ann"):
        bench.lease("ben").take_for_create([wanted("r1")], ())
    bench.put({})
    bench.told["r1"] = Told(Fate.NOTHING, "", "ben", NOON)
    with pytest.raises(Conflict, match="settled meanwhile"):
        bench.reserved()


# ---- rules 3 to 6: the end of a call ---------------------------------------------------------------------------------


def test_a_call_that_comes_too_late_is_not_sent_and_its_place_is_given_back(bench: Bench) -> None:
    ended = bench.lease().carry_out(bench.reserved(), answers("i-1", signed=NOON + TIMES.work + 1))
    assert ended.end is End.GIVEN_BACK
    assert isinstance(ended.error, FenceClosed)
    assert bench.places == {}
    assert bench.told["r1"].fate is Fate.REFUSED


def test_a_call_without_an_answer_leaves_its_place(bench: Bench) -> None:
    ended = bench.lease().carry_out(bench.reserved(), fails(answered=False))
    assert (ended.end, ended.until) == (End.OPEN, NOON + TIMES.term + 3)
    assert states(bench.places) == {"r1": "reserved"}
    assert bench.told == {}


def test_a_refused_call_gives_its_place_back_its_outcome_first(bench: Bench) -> None:
    taken = bench.reserved()
    bench.calls.clear()
    assert bench.lease().carry_out(taken, fails()).end is End.GIVEN_BACK
    assert bench.places == {}
    assert bench.told["r1"].fate is Fate.REFUSED


def test_the_token_used_otherwise_keeps_the_place(bench: Bench) -> None:
    assert bench.lease().carry_out(bench.reserved(), fails(TOKEN_MISMATCH)).end is End.OPEN
    assert states(bench.places) == {"r1": "reserved"}


def test_the_instance_gone_for_good_frees_the_place_under_any_mark(bench: Bench) -> None:
    taken = bench.reserved()
    bench.alter("r1", mark="other")
    assert bench.lease().carry_out(taken, fails(INSTANCE_GONE)).end is End.GONE
    assert bench.places == {}
    assert bench.told["r1"].fate is Fate.GONE


def test_nothing_is_given_back_after_an_answer_has_named_the_instance(bench: Bench) -> None:
    taken = bench.reserved()
    lease = bench.lease()
    instance = answers("i-1")(taken.fence)
    bench.alter("r1", mark="other")
    lease.confirm(taken, instance)
    bench.alter("r1", mark=taken.mark)
    assert lease.give_back(taken, Unreachable("the confirming failed")).end is End.OPEN
    assert states(bench.places) == {"r1": "reserved"}


def test_a_creator_that_lost_its_mark_touches_nothing(bench: Bench) -> None:
    taken = bench.reserved()
    lease = bench.lease()
    bench.alter("r1", mark="other", by="ben")
    assert (lease.confirm(taken, "i-1").end, lease.confirm(taken, "i-1").by) == (End.TAKEN_OVER, "ben")
    bench.alter("r1", state=bench.running("i-2", "r2").state, instance="i-1")
    assert lease.confirm(taken, "i-1").end is End.DONE
    bench.alter("r1", state="ending")
    bench.alter("r1", state=type(bench.place("r2").state).ENDING)
    assert lease.confirm(taken, "i-1").end is End.CANCELLED
    bench.remove("r1")
    bench.told["r1"] = Told(Fate.ADOPTED, "i-1", "ben", NOON)
    ended = lease.confirm(taken, "i-1")
    assert (ended.end, ended.told) == (End.SETTLED, bench.told["r1"])
    assert "terminate" not in bench.calls


def test_a_refused_creator_whose_place_is_anothers_says_so(bench: Bench) -> None:
    taken = bench.reserved()
    bench.alter("r1", mark="other", by="ben")
    ended = bench.lease().give_back(taken, AwsFailure("no"))
    assert (ended.end, ended.by) == (End.TAKEN_OVER, "ben")
    bench.remove("r1")
    bench.told["r1"] = Told(Fate.ADOPTED, "i-1", "ben", NOON)
    assert bench.lease().give_back(taken, AwsFailure("no")).end is End.SETTLED
    bench.told.clear()
    assert bench.lease().give_back(taken, AwsFailure("no")).end is End.SETTLED


# ---- rule 8: start ---------------------------------------------------------------------------------------------------


def test_a_start_takes_a_place_and_holds_it(bench: Bench) -> None:
    taken = bench.starting()
    assert bench.lease().carry_out(taken, answers("i-1")).end is End.DONE
    assert states(bench.places) == {"i-1": "held"}
    assert bench.place("i-1").until == NOON


def test_a_start_with_an_attempt_left_open_is_not_trusted_until_that_is_over(bench: Bench) -> None:
    bench.lease().carry_out(bench.starting(), answers("i-1", signed=NOON + 5, unanswered=1))
    assert bench.place("i-1").until == NOON + 66


def test_a_start_reuses_the_place_that_its_instance_has_without_counting(bench: Bench) -> None:
    bench.running()
    bench.now += 10
    taken = bench.starting(caps=ONE)
    place = bench.place("r1")
    assert (taken.key, place.state.value, place.requests) == ("create:r1", "reserved", ("start-i-1-1",))
    assert taken.fence.open_until is None
    assert bench.told["r1"].fate is Fate.MADE


def test_a_start_counts_the_open_attempt_of_the_one_before(bench: Bench) -> None:
    bench.lease().carry_out(bench.starting(), answers("i-1", unanswered=1))
    assert bench.starting().fence.open_until == NOON + 61


def test_a_refused_start_leaves_its_place_to_the_next_look(bench: Bench) -> None:
    ended = bench.lease().carry_out(bench.starting(), fails("incorrect_state"))
    place = bench.place("i-1")
    assert (ended.end, place.state.value, place.until, place.requests) == (End.GIVEN_BACK, "held", NOON, ())
    assert bench.told["start-i-1-1"].fate is Fate.REFUSED


def test_a_refused_start_whose_place_is_anothers_changes_nothing(bench: Bench) -> None:
    taken = bench.starting()
    bench.alter("i-1", mark="other")
    before = bench.version
    bench.lease().give_back(taken, AwsFailure("no"))
    assert bench.version == before


def test_the_same_owner_takes_a_start_over_and_another_is_refused(bench: Bench) -> None:
    first = bench.starting()
    with pytest.raises(Conflict, match="i-1 is being started by ann"):
        bench.starting(by="ben")
    bench.now += 5
    again = bench.lease().take_for_start(wanted("again", instance="i-1"), ())
    assert again.fence.open_until == first.fence.until
    assert bench.place("i-1").requests == ("start-i-1-1", "again")
    bench.lease().carry_out(again, answers("i-1", signed=NOON + 5))
    assert bench.place("i-1").until == first.fence.until
    assert {request: told.fate for request, told in bench.told.items()} == {"start-i-1-1": Fate.MADE}


def test_an_instance_that_is_being_created_or_removed_is_not_started(bench: Bench) -> None:
    bench.reserved()
    with pytest.raises(Conflict, match="r1 is being created"):
        bench.lease().take_for_start(wanted("s", instance="i-1", token="hr-r1"), ())
    bench.alter("r1", state=_ending(bench), instance="i-1")
    with pytest.raises(Conflict, match="i-1 is being removed"):
        bench.starting()


def _ending(bench: Bench) -> object:
    return type(bench.place("r1").state).ENDING


# ---- rule 9: stopped and terminated ----------------------------------------------------------------------------------


def test_a_stopped_instance_frees_its_place_once_a_look_counts(bench: Bench) -> None:
    bench.running()
    stopped = bench.add("i-1", "stopped", "r1")
    assert bench.lease().note_stopped("i-1", stopped.token) == NOON + 3
    bench.now += 3
    assert bench.lease().note_stopped("i-1", stopped.token) is None
    assert bench.places == {}
    assert bench.lease().note_stopped("i-1", stopped.token) is None


def test_a_terminated_instance_frees_its_place_at_once(bench: Bench) -> None:
    bench.running()
    bench.lease().note_gone("i-1", "hr-r1")
    assert bench.places == {}
    assert bench.told["r1"].fate is Fate.MADE


# ---- rules 10, 11, 15: settle ----------------------------------------------------------------------------------------


def test_settling_adopts_what_runs_after_its_time(bench: Bench) -> None:
    bench.reserved(by="ben")
    bench.add("i-1", "running", "r1", owner="ben")
    assert bench.lease().settle() == ()
    bench.pass_term()
    (done,) = bench.lease().settle()
    assert done.verdict is Verdict.ADOPT
    place = bench.place("r1")
    assert (place.state.value, place.instance, place.until) == ("held", "i-1", bench.now)
    assert (bench.told["r1"].fate, bench.told["r1"].instance) == (Fate.ADOPTED, "i-1")


def test_settling_one_place_leaves_the_others(bench: Bench) -> None:
    bench.reserved("a")
    bench.reserved("b")
    bench.pass_term()
    assert [one.place.key for one in bench.lease().settle({"create:a"})] == ["create:a"] * 2
    assert states(bench.places) == {"b": "reserved"}


def test_settling_looks_again_when_the_item_has_moved(bench: Bench) -> None:
    bench.running()
    bench.add("i-1", "stopped", "r1")
    bench.now += 10
    bench.before_write = [lambda: bench.alter("r1", mark="other")]
    bench.calls.clear()
    bench.lease().settle()
    assert bench.calls == ["read", "look", "write", "look", "write"]
    assert bench.places == {}


def test_settling_an_item_that_never_stands_still_is_given_up(bench: Bench) -> None:
    bench.running()
    bench.add("i-1", "stopped", "r1")
    bench.now += 10
    bench.before_write = [lambda: bench.alter("r1", mark="other")] * 500
    with pytest.raises(Throttled):
        bench.lease().settle()


def test_settling_looks_in_each_region_for_its_own(bench: Bench) -> None:
    for request, region in (("a", "eu"), ("b", "us")):
        bench.lease().take_for_create([wanted(request, region=region)], ())
        bench.add(f"i-{request}", "running", request, region=region)
    bench.pass_term()
    bench.calls.clear()
    bench.lease().settle()
    assert bench.calls.count("look") == 2
    assert states(bench.places) == {"a": "held", "b": "held"}


def test_a_look_at_something_else_is_no_look(bench: Bench) -> None:
    class Odd(Bench):
        def look(self, region: str, instances: object, tokens: object) -> list[object]:  # type: ignore[override]
            return list(self.instances.values())

    odd = Odd()
    odd.reserved()
    odd.add("i-9", "running", "r9")
    odd.pass_term()
    odd.lease().settle()
    assert odd.places == {}


def test_a_condemned_instance_is_terminated_again(bench: Bench) -> None:
    bench.running()
    bench.alter("r1", state=_ending(bench))
    bench.terminate_fails = HandrailError("not allowed")
    assert bench.lease("ben").settle() == ()
    bench.terminate_fails, bench.terminate_shows = None, "running"
    assert bench.lease("ben").settle() == ()
    bench.terminate_shows = "shutting-down"
    bench.lease("ben").settle()
    assert bench.places == {}


def test_an_outcome_that_aws_does_not_take_keeps_its_own_place_only(bench: Bench) -> None:
    bench.reserved("bad")
    bench.reserved("good")
    bench.pass_term()
    put, errors = bench.put_if_absent, {"bad": AwsFailure("AWS says no.")}

    def told(request: str, told: Told) -> None:
        if request in errors:
            raise errors[request]
        put(request, told)

    bench.put_if_absent = told  # type: ignore[method-assign]
    lease = bench.lease()
    for _ in range(2):
        lease.settle()
        assert states(bench.places) == {"bad": "ending"}
    assert bench.said.count("warning: the place create:bad can't be settled now: AWS says no.") == 1
    assert lease.take_for_create([wanted("next")], [Cap("account", 2)])
    errors["bad"] = Unreachable("no answer")
    with pytest.raises(Unreachable):
        lease.settle()


@pytest.mark.parametrize("why", ["not shown", "foreign", "other request", "other place", "place that can't be read"])
def test_a_condemned_place_ends_only_what_its_own_request_made(bench: Bench, why: str) -> None:
    bench.running("i-2", "r2")
    bench.running()
    bench.alter("r1", state=_ending(bench))
    mine = bench.instances["i-1"]
    if why == "not shown":
        del bench.instances["i-1"]
    elif why == "foreign":
        bench.instances["i-1"] = replace(mine, managed=False)
    elif why == "other request":
        bench.instances["i-1"] = replace(mine, token="hr-r2")
    elif why == "other place":
        bench.alter("r2", instance="i-1")
    else:
        bench.put({**bench.places, **from_item({"start:i-1": 5})})
    lease = bench.lease("ben")
    assert lease.settle() == ()
    assert "terminate" not in bench.calls
    assert "r1" in states(bench.places)
    if why == "not shown":
        with pytest.raises(WrongState):
            lease.let_go("create:r1")
        bench.pass_term()
        lease.settle()
    else:
        notes = [row["note"] for row in lease.overview() if row["key"] == "r1"]
        assert notes == ["the place create:r1 would end i-1, which is not its own"]
        lease.let_go("create:r1")
    assert "r1" not in states(bench.places)


def test_the_overview_shows_places_and_what_runs_outside(bench: Bench) -> None:
    bench.running()
    bench.add("i-9", "running", "r9")
    assert [(row["key"], row["state"]) for row in bench.lease().overview()] == [("r1", "held"), (None, "outside")]


# ---- rules 12, 13: repeat --------------------------------------------------------------------------------------------


def repeat(bench: Bench, **values: str) -> Taken | Place | Told:
    return bench.lease(values.get("by", "ann")).repeat_create(wanted("r1", **values), NOON, ())


def test_a_repeat_takes_over_what_is_not_finished(bench: Bench) -> None:
    first = bench.reserved()
    bench.now += 5
    again = repeat(bench)
    assert isinstance(again, Taken)
    assert again.fence.until == NOON + 5 + TIMES.term
    assert again.fence.open_until == first.fence.until
    ended = bench.lease().carry_out(again, fails(signed=NOON + 5))
    assert ended.end is End.OPEN  # what the first one sent may still act


def test_a_repeat_finds_what_is_done(bench: Bench) -> None:
    place = bench.running()
    assert repeat(bench) == place


def test_a_repeat_without_a_place_begins_or_says_what_became_of_it(bench: Bench) -> None:
    again = repeat(bench)
    assert isinstance(again, Taken)
    assert again.fence.open_until is None
    bench.put({})
    bench.told["r1"] = Told(Fate.CANCELLED, "", "ben", NOON)
    assert repeat(bench) == bench.told["r1"]


def test_a_repeat_waits_for_room_like_anybody(bench: Bench) -> None:
    bench.running("i-2", "r2")
    bench.add("i-2", "stopped", "r2")
    again = bench.lease().repeat_create(wanted("r1"), NOON, ONE)
    assert isinstance(again, Taken)
    assert bench.said


def test_a_repeat_of_another_owner_is_refused(bench: Bench) -> None:
    bench.reserved()
    with pytest.raises(Conflict, match="belongs to ann"):
        repeat(bench, by="ben")


def test_a_token_is_not_sent_again_after_an_hour(bench: Bench) -> None:
    bench.now += REPEATABLE + 1
    with pytest.raises(Conflict, match="too old"):
        repeat(bench)
    bench.reserved()
    with pytest.raises(Conflict, match="too old"):
        repeat(bench)
    bench.add("i-1", "running", "r1")
    bench.pass_term()
    place = repeat(bench)
    assert isinstance(place, Place)
    assert place.instance == "i-1"


def test_a_repeat_of_what_is_being_removed_helps_or_says_so(bench: Bench) -> None:
    bench.running()
    bench.alter("r1", state=_ending(bench))
    bench.terminate_shows = "running"
    with pytest.raises(Conflict, match="being removed"):
        repeat(bench)
    bench.terminate_shows = "shutting-down"
    told = repeat(bench)
    assert isinstance(told, Told)
    assert told.fate is Fate.CANCELLED


# ---- rule 14: undo ---------------------------------------------------------------------------------------------------


def undo(bench: Bench) -> Taken:
    return bench.lease().take_for_undo(wanted("r1"), NOON)


def test_an_undo_repeats_the_call_condemns_terminates_and_frees(bench: Bench) -> None:
    bench.reserved(by="ben")
    taken = undo(bench)
    bench.add("i-1", "running", "r1")
    bench.calls.clear()
    assert bench.lease().carry_out(taken, answers("i-1")).end is End.CANCELLED
    assert bench.calls == ["read", "write", "terminate", "read", "write"]
    assert bench.places == {}
    assert bench.told["r1"].fate is Fate.CANCELLED


def test_an_undo_that_can_not_terminate_leaves_a_condemned_place(bench: Bench) -> None:
    bench.reserved()
    taken = undo(bench)
    bench.add("i-1", "running", "r1")
    bench.terminate_fails = Unreachable("no answer")
    ended = bench.lease().carry_out(taken, answers("i-1"))
    assert (ended.end, ended.error) == (End.OPEN, bench.terminate_fails)
    assert states(bench.places) == {"r1": "ending"}
    bench.terminate_fails, bench.terminate_shows = None, "running"
    assert bench.lease().condemn(taken, "i-1").end is End.OPEN


def test_an_undo_that_lost_its_mark_touches_nothing(bench: Bench) -> None:
    bench.reserved()
    taken = undo(bench)
    bench.alter("r1", mark="other", by="ben")
    assert bench.lease().carry_out(taken, answers("i-1")).end is End.TAKEN_OVER
    bench.put({})
    assert bench.lease().condemn(taken, "i-1").end is End.SETTLED
    assert "terminate" not in bench.calls


def test_an_undo_that_is_refused_leaves_the_place(bench: Bench) -> None:
    bench.reserved()
    assert bench.lease().carry_out(undo(bench), fails()).end is End.OPEN
    assert states(bench.places) == {"r1": "reserved"}


def test_only_a_create_that_is_under_way_is_undone(bench: Bench) -> None:
    with pytest.raises(NotFound):
        undo(bench)
    bench.running()
    with pytest.raises(WrongState, match="made i-1 already"):
        undo(bench)
    bench.alter("r1", state=_ending(bench))
    bench.terminate_shows = "running"
    with pytest.raises(Conflict, match="being removed"):
        undo(bench)


def test_where_nobody_may_look_any_more_is_passed_over(bench: Bench) -> None:
    bench.put({})
    look_all = bench.look_all

    def shut(region: str) -> list[Seen]:
        if region == "far":
            raise PermissionDenied("no.")
        return look_all(region)

    bench.look_all = shut  # type: ignore[method-assign]
    state = replace(bench.read(), regions=("eu", "far"))
    assert bench.lease().outside(state) == ()


# ---- rules 19 and 20: names, and regions that can't be looked at -----------------------------------------------------


def _rename(bench: Bench, instance: str, name: str, send: Callable[[Fence], str]) -> None:
    with bench.lease().naming(NameWish("eu", name, instance)) as fence:
        send(fence)


def test_a_name_is_taken_while_it_is_given_and_until_every_look_shows_it(bench: Bench) -> None:
    bench.running()
    bench.add("i-2", "running", "r2")
    _rename(bench, "i-1", "web", answers("i-1"))
    (named,) = bench.names.values()
    assert (named.name, named.instance, named.until) == ("web", "i-1", NOON)
    with pytest.raises(Conflict, match="the name web is taken: i-1 was given it by ann a moment ago"):
        _rename(bench, "i-2", "web", answers("i-2"))
    with pytest.raises(Conflict, match="the name web is taken"):
        bench.lease().take_for_create([replace(wanted("r3"), name="web")], ())
    _rename(bench, "i-1", "web", answers("i-1"))  # again, after it was cut off


def test_a_rename_that_was_refused_gives_the_name_back_and_an_open_one_does_not(bench: Bench) -> None:
    bench.add("i-1", "running", "r1")
    with pytest.raises(AwsFailure):
        _rename(bench, "i-1", "web", fails())
    assert bench.names == {}
    with pytest.raises(Unreachable):
        _rename(bench, "i-1", "web", fails(answered=False))
    assert [one.until for one in bench.names.values()] == [NOON + TIMES.term]


def test_a_name_that_cant_be_read_is_taken(bench: Bench) -> None:
    bench.names = from_names({"eu/web": 5})
    with pytest.raises(Conflict, match="can't be read"):
        _rename(bench, "i-1", "web", answers("i-1"))


@pytest.mark.parametrize("scope", ["account", "region", "owner"])
def test_what_a_dark_region_holds_counts_and_nothing_else(bench: Bench, scope: str) -> None:
    bench.lease().confirm(bench.lease().take_for_create([wanted("far", region="us")], ())[0], "i-f")
    bench.pass_term()
    bench.dark = {"us"}
    mine = wanted("near", region="us" if scope == "region" else "eu")
    with pytest.raises((CapReached, Unreachable)):
        bench.lease().take_for_create([mine], [Cap(scope, 1)])
    lease = bench.lease()
    assert lease.take_for_create([wanted("near")], [Cap("account", 2)])
    rows = {row["key"]: row for row in lease.overview()}
    assert (rows["far"]["instance_state"], rows["far"]["note"]) == ("unknown", "us can't be looked at: us is dark")
    with pytest.raises(Unreachable):
        lease.take_for_create([wanted("there", region="us")], [Cap("account", 9)])
    with pytest.raises(Unreachable):
        lease.note_stopped("i-f", "hr-far")
    lease.let_go("create:far")
    lease.let_go("create:far")
    assert states(bench.places) == {"near": "reserved"}
    with pytest.raises(WrongState, match="can't be let go now"):
        lease.let_go("create:near")


def test_a_key_that_is_there_is_never_overwritten(bench: Bench) -> None:
    bench.reserved()
    with pytest.raises(Conflict, match="there is a place for r1 already"):
        with_new(bench.places, [bench.place("r1")])
