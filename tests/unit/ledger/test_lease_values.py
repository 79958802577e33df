"""The pure parts: the item, the changes of a place, the counting, the fence, the refusal."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lease_bench import NOON, TIMES, wanted

from handrail.core.plan import Cap
from handrail.ledger import places as rules
from handrail.ledger import stored
from handrail.ledger.fence import Fence, FenceClosed
from handrail.ledger.places import Call, Fate, Place, Seen, Shortage, State, Verdict, Versioned
from handrail.ledger.refusal import cap_reached
from handrail.ledger.shapes import DAY, LATEST

A = Place("create:a", State.HELD, Call.CREATE, "m", "eu", "ann", "ann", "web", NOON, NOON, ("a",), "i-a")
NEW = rules.reserved(wanted("n"), "m", NOON, TIMES)
START = rules.reserved(wanted("s", instance="i-5"), "m", NOON, TIMES)
ENDING = rules.condemned(NEW, "i-n", NOON)

text = st.text(max_size=8)
number = st.integers(min_value=0, max_value=LATEST)
known = st.text("abc-.1", min_size=1, max_size=8)
region = st.sampled_from(["eu", "us-east-1"])
instance = st.text("09af", min_size=1, max_size=3).map(lambda digits: f"i-{digits}")
extra = st.dictionaries(known.map(lambda name: f"x{name}"), st.recursive(st.none() | text, st.lists), max_size=2)


@st.composite
def places(draw: st.DrawFn) -> Place:
    """Return a place as some version may have stored it."""
    call = draw(st.sampled_from(Call))
    id = draw(instance if call is Call.START else known)
    state = draw(st.sampled_from([State.RESERVED, State.HELD, State.ENDING]))
    return Place(
        key=f"{call}:{id}",
        state=state,
        call=draw(st.sampled_from(Call)),
        mark=draw(text),
        region=draw(region),
        owner=draw(text),
        by=draw(text),
        name=draw(text),
        since=draw(number),
        until=draw(number),
        requests=draw(st.lists(known, min_size=int(state is not State.HELD), max_size=3).map(tuple)),
        instance=id if call is Call.START else draw(st.just("") | instance),
        fate=draw(st.sampled_from(["", *(fate.value for fate in Fate)])),
        rest=draw(extra),
    )


def seen(state: str, instance: str = "i", token: str = "", region: str = "eu", owner: str = "ann") -> Seen:
    return Seen(instance, state, token, region, owner)


@given(st.lists(places(), max_size=4))
def test_the_item_survives_being_stored(drawn: list[Place]) -> None:
    given_places = {place.key: place for place in drawn}
    kept = json.loads(json.dumps(stored.to_item(given_places)))
    assert stored.from_item(kept) == given_places


def test_a_key_that_two_would_have_and_a_name_under_another_key_are_taken_and_kept() -> None:
    kept = stored.to_item({A.key: A})[A.key]
    read = stored.from_item({A.key: kept, A.key.partition(":")[2]: kept})
    assert [place.is_readable for place in read.values()].count(False) == 1
    name = {"region": "eu", "name": "web", "instance": "i-1", "mark": "m", "by": "ann", "until": 5}
    assert stored.from_names({"eu/web": name})["eu/web"].is_readable
    odd = stored.from_names({"eu/api": name})["eu/api"]
    assert (odd.is_readable, odd.name, stored.to_names({"eu/api": odd})) == (False, "api", {"eu/api": name})


@pytest.mark.parametrize("key", ["", "create:", "create:\0", "create:\ud800", "create:" + "k" * 200, "=a b"])
def test_a_key_that_nobody_can_type_has_a_word_of_its_own(key: str) -> None:
    (place,) = stored.from_item({key: stored.to_item({"a": A})["a"]}).values()
    assert (place.key, place.is_readable) == (key, False)
    assert place.handle == key == "create:" or re.fullmatch(r"unreadable-[0-9a-f]{12}", place.handle)


@pytest.mark.parametrize("until", [NOON + DAY, NOON + DAY + 1])
def test_nothing_is_taken_for_longer_than_a_day(until: int) -> None:
    far = {**stored.to_item({"a": A})["a"], "until": until}
    assert stored.from_item({A.key: far}, NOON + DAY)[A.key].is_readable is (until == NOON + DAY)
    name = {"region": "eu", "name": "web", "instance": "i-1", "mark": "m", "by": "ann", "until": until}
    assert stored.from_names({"eu/web": name}, NOON + DAY)["eu/web"].until == NOON + DAY


def test_keys_of_0_1_are_read_with_their_kind() -> None:
    old = {
        "web": {**stored.to_item({"a": A})["a"], "key": "web", "instance": ""},
        "i-5": {**stored.to_item({"s": START})["s"], "key": "i-5"},
        "i-c": {**stored.to_item({"a": A})["a"], "key": "i-c", "instance": "i-d"},  # an id chosen badly
    }
    read = stored.from_item(old)
    assert sorted(read) == ["create:i-c", "create:web", "start:i-5"]
    assert read["create:web"].token == "hr-web"
    assert read["start:i-5"].token == ""
    assert all(place.rest == {} for place in read.values())


def test_the_real_times_are_those_of_the_protocol() -> None:
    assert rules.Times().term == 17 * 60 + 10
    assert not rules.Times().trusted(NOON, NOON + 180)
    assert rules.Times().trusted(NOON, rules.Times().free_at(NOON))


@pytest.mark.parametrize(
    ("place", "state", "trusted", "verdict"),
    [
        (A, "terminated", False, Verdict.FREE),
        (NEW, "shutting-down", False, Verdict.FREE),
        (START, "terminated", False, Verdict.FREE),
        (ENDING, "terminated", False, Verdict.FREE),
        (rules.closed(NEW, Fate.NOTHING), None, False, Verdict.FREE),
        (A, None, False, Verdict.KEEP),
        (A, "stopped", False, Verdict.KEEP),
        (NEW, "running", False, Verdict.KEEP),
        (START, "running", False, Verdict.KEEP),
        (A, None, True, Verdict.FREE),
        (A, "stopped", True, Verdict.FREE),
        (A, "running", True, Verdict.KEEP),
        (A, "stopping", True, Verdict.KEEP),
        (NEW, None, True, Verdict.CLOSE),
        (NEW, "stopped", True, Verdict.FREE),
        (NEW, "stopping", True, Verdict.KEEP),
        (NEW, "pending", True, Verdict.ADOPT),
        (START, None, True, Verdict.FREE),
        (START, "stopped", True, Verdict.FREE),
        (START, "running", True, Verdict.ADOPT),
        (ENDING, None, False, Verdict.TERMINATE),
        (ENDING, None, True, Verdict.FREE),
        (ENDING, "stopped", True, Verdict.TERMINATE),
        (ENDING, "running", True, Verdict.TERMINATE),
    ],
)
def test_a_look_leads_to(place: Place, state: str | None, trusted: bool, verdict: Verdict) -> None:
    assert rules.judge(place, seen(state) if state else None, trusted) is verdict


@pytest.mark.parametrize(
    ("place", "state", "fate"),
    [
        (rules.closed(NEW, Fate.NOTHING), None, Fate.NOTHING),
        (A, None, Fate.MADE),
        (ENDING, "terminated", Fate.CANCELLED),
        (NEW, "running", Fate.ADOPTED),
        (NEW, "terminated", Fate.GONE),
        (NEW, "stopped", Fate.MADE),
        (START, "running", Fate.ADOPTED),
        (START, "stopped", Fate.NOT_RUNNING),
        (START, None, Fate.NOT_RUNNING),
    ],
)
def test_the_outcome_of_a_settled_place(place: Place, state: str | None, fate: Fate) -> None:
    assert rules.fate_of(place, seen(state) if state else None) is fate


def test_a_place_is_found_by_id_and_before_that_by_token() -> None:
    known = {"a": A, "n": NEW}
    assert rules.place_of(known, "i-a", "") is A
    assert rules.place_of(known, "i-c", "hr-n") is NEW
    assert rules.place_of(known, "i-c", "hr-a") is None


def test_what_runs_without_a_place_is_counted_if_managed() -> None:
    runs = [seen("running", "i-a"), seen("pending", "i-c"), seen("stopped", "i-d"), seen("running", "i-n", "hr-n")]
    foreign = replace(seen("running", "i-z"), managed=False)
    assert rules.outside({"a": A, "n": NEW}, [*runs, foreign]) == (runs[1],)


@pytest.mark.parametrize(
    ("cap", "count"),
    [
        (Cap("account", 3), None),
        (Cap("account", 2), 2),
        (Cap("region", 2), None),
        (Cap("region", 1), 1),
        (Cap("owner", 2), None),
        (Cap("owner", 1), 1),
    ],
)
def test_each_cap_counts_what_is_under_it(cap: Cap, count: int | None) -> None:
    other = seen("running", "i-c", region="us", owner="ben")
    short = rules.shortage([A], [other], [cap], [wanted("b")])
    assert (short.count if short else None) == count


def test_room_comes_with_places_whose_instance_rests_and_no_others() -> None:
    later = replace(A, key="b", until=NOON + 5, instance="i-b")
    state = Versioned({A.key: A, "b": later, "n": NEW}, 1, NOON)
    looks = {A.key: seen("stopped"), "b": seen("stopped")}

    def seconds(limit: int) -> int | None:
        return rules.seconds_to_room(state, looks, (), [Cap("account", limit)], [wanted("x")], TIMES)

    assert seconds(3) == 3  # the first is free at noon + V + 1
    assert seconds(2) == 8
    assert seconds(1) is None  # a reserved place is never waited for
    looks[A.key] = seen("running")
    assert seconds(3) == 8
    late = replace(state, date=NOON + 100)
    assert rules.seconds_to_room(late, {}, (), [Cap("account", 3)], [wanted("x")], TIMES) == 1


# ---- the fence -------------------------------------------------------------------------------------------------------


def test_the_fence_lets_through_what_ends_in_time_and_nothing_later() -> None:
    fence = Fence(NOON + TIMES.term, TIMES)
    fence.before_send(NOON + TIMES.work)
    with pytest.raises(FenceClosed) as closed:
        fence.before_send(NOON + TIMES.work + 0.2)
    assert closed.value.details == {"seconds_late": 1}
    assert fence.attempts == 1


def test_the_fence_remembers_every_attempt_without_an_answer() -> None:
    fence = Fence(NOON + TIMES.term, TIMES)
    ends = [fence.open_until]
    fence.before_send(NOON)
    ends.append(fence.open_until)
    fence.answered()
    ends.append(fence.open_until)
    fence.before_send(NOON + 1)
    fence.before_send(NOON + 2)
    fence.answered()
    ends.append(fence.open_until)
    assert ends == [None, NOON + 61, None, NOON + 62]
    assert fence.attempts == 3


def test_the_fence_counts_what_an_earlier_holder_left_open() -> None:
    fence = Fence(NOON + TIMES.term, TIMES, inherited=NOON + 70)
    fence.before_send(NOON)
    fence.answered()
    assert fence.open_until == NOON + 70


# ---- the refusal -----------------------------------------------------------------------------------------------------


def test_the_refusal_names_every_holder_and_when_its_place_is_free() -> None:
    held = replace(A, since=NOON - 60, until=NOON - 60)
    ending = replace(ENDING, key="create:e")
    state = Versioned({one.key: one for one in (held, NEW, ending)}, 1, NOON)
    looks = {A.key: seen("running", "i-a"), NEW.key: seen("pending", "i-n"), "create:e": seen("shutting-down", "i-e")}
    cap = Cap("owner", 2, "key", "strict")
    others = [seen("running", "i-c"), replace(seen("running", "i-d"), owner="ben")]
    error = cap_reached(Shortage(cap, 4, 2, "ann"), state, looks, others, TIMES, wanted("r9"))
    assert error.message == "4 places are taken, and the policy allows 2 for ann; 2 more do not fit."
    assert error.exit_code == 3
    assert (error.limit, error.count) == (2, 4)
    rows = error.details["holders"]
    assert [(row["key"], row["instance"], row["state"], row["until"]) for row in rows] == [
        ("a", "i-a", "held", None),
        ("e", "i-n", "ending", None),
        ("n", "i-n", "reserved", "2027-01-15T08:01:34Z"),
        (None, "i-c", "outside", None),
    ]
    facts = dict(error.facts)
    assert facts["rule"] == "key = 2 for this owner (strict)"
    assert len(facts["held by"].splitlines()) == 4
    json.dumps(error.as_json())


def test_a_place_that_nobody_has_confirmed_says_when_it_is_free() -> None:
    error = cap_reached(Shortage(Cap("account", 1), 1, 1), Versioned({"n": NEW}, 0, NOON), {}, (), TIMES, wanted("r9"))
    assert error.message == "1 place is taken, and the policy allows 1."
    assert "reserved, free by 08:01:34 UTC at the latest" in dict(error.facts)["held by"]
    assert error.hint == "handrail lease list"


def test_the_refusal_of_running_instances_says_which_of_yours_to_stop() -> None:
    others = replace(A, key="b", owner="ben", name="other")
    state = Versioned({"b": others, "a": A}, 0, NOON)
    error = cap_reached(Shortage(Cap("account", 2), 2, 1), state, {}, (), TIMES, wanted("r9"))
    assert error.message == "2 instances are running, and the policy allows 2."
    assert error.hint == "handrail ec2 stop web"
    assert error.details["holders"][0]["until"] == "2027-01-15T08:00:03Z"


@pytest.mark.parametrize(
    ("places", "hint"),
    [
        ([replace(A, region="r2")], "handrail ec2 stop web --region r2"),
        ([replace(A, owner="ben", name="api")], "handrail ec2 stop api --owner ben"),
        ([A, replace(A, key="create:b", instance="i-b")], "handrail ec2 stop i-a"),
    ],
)
def test_the_line_that_frees_a_place_works_as_it_stands(places: list[Place], hint: str) -> None:
    state = Versioned({place.key: place for place in places}, 0, NOON)
    assert cap_reached(Shortage(Cap("account", 1), 1, 1), state, {}, (), TIMES, wanted("r9")).hint == hint


def test_the_refusal_of_a_regions_cap_shows_what_is_there() -> None:
    state = Versioned({"a": A, "b": replace(A, key="b", region="r2", name="far")}, 0, NOON)
    error = cap_reached(Shortage(Cap("region", 1), 1, 1), state, {}, (), TIMES, wanted("r9"))
    assert [row["name"] for row in error.details["holders"]] == ["web"]
    assert error.hint == "handrail ec2 stop web"


def test_the_refusal_of_a_cap_of_nothing() -> None:
    error = cap_reached(Shortage(Cap("account", 0), 0, 1), Versioned({}, 0, NOON), {}, (), TIMES, wanted("r9"))
    assert error.message == "the policy allows no running instance here."
    assert error.hint == "ask whoever keeps the policy"
    assert dict(error.facts) == {"rule": "cap = 0 for this account"}
