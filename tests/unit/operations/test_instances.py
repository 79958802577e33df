"""Instances as a kind: what a word means, what was just made and is not shown yet, whose it is at the last moment."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from handrail.core.errors import AwsFailure, HandrailError, NotFound, NotSetUp, PermissionDenied, Unreachable
from handrail.core.resources import Instance
from handrail.ledger.places import Call, Place, State
from handrail.ledger.record import Intent, Known, Verdict
from handrail.operations.ec2.instances import INSTANCES
from handrail.operations.kinds import Target, find, find_one, look_again
from memory_table import DATE
from stage import WEB, PlayedEc2, Stage

API = replace(WEB, id="i-2", name="api")
PLACE = Place("r-1", State.HELD, Call.CREATE, "m", "us-east-1", "dev-1", "dev-1", "web", 1, 1, ("r-1",), "i-1")
INTENT = Intent("r1", "ec2 create", "web", "us-east-1", "sandbox", resolved={"tags": {"Name": "web"}})


class NamedEc2(PlayedEc2):
    """An EC2 that finds by name too."""

    def by_names(self, names: list[str], states: Any) -> list[Instance]:
        """Play the next look, of these names."""
        return [one for one in self._look() if one.name in names and one.state in states]


class Fresh(Stage):
    """A stage on which these places are those of what was just made, by id or name."""

    def __init__(self, *looks: Any, places: Mapping[str, Place] = MappingProxyType({})) -> None:
        super().__init__(NamedEc2(*looks), visibility=30.0)
        self.stores.just_made = lambda words: {  # type: ignore[method-assign]
            word: place for word, place in places.items() if word in words
        }


# ---- what a word means


def test_ids_and_names_are_looked_up_in_one_call_each() -> None:
    other = replace(WEB, id="i-9", managed=False)
    ended = replace(API, id="i-3", state="terminated")
    stage = Fresh([WEB, API, other, ended])
    assert INSTANCES.look(stage, ["i-2", "web", "i-3", "nope"]) == {
        "i-2": [API],
        "web": [WEB, other],
        "i-3": [ended],
        "nope": [],
    }


def test_a_look_at_nothing_asks_nothing() -> None:
    assert INSTANCES.look(Fresh(AssertionError("asked")), []) == {}


@pytest.mark.parametrize(
    ("word", "said"),
    [("nope", "us-east-1 has no live instance named nope."), ("i-7", "us-east-1 has no instance i-7.")],
)
def test_a_word_that_means_nothing_here(word: str, said: str) -> None:
    with pytest.raises(NotFound) as caught:
        find_one(Fresh(), INSTANCES, word)
    assert (caught.value.message, caught.value.hint) == (said, "handrail ec2 list, or name another --region")
    assert caught.value.details == {"target": word, "region": "us-east-1"}


def test_what_tells_one_candidate_from_another() -> None:
    type_, state, made, owner = INSTANCES.facts(WEB)
    assert (type_, state, owner) == ("t3.nano", INSTANCES.state_of(WEB), "dev-1")
    assert made.endswith((" s", " min", " h", " d"))
    assert INSTANCES.facts(replace(WEB, owner=""))[3] == "-"


@pytest.mark.parametrize(("name", "word"), [("web", "web"), ("", "i-1"), ("a,b", "i-1"), ("i-0123456789", "i-1")])
def test_a_line_finds_it_by_its_name_where_that_means_nothing_else(name: str, word: str) -> None:
    assert INSTANCES.addressed(replace(WEB, name=name)) == word


# ---- what was just made


def test_what_was_just_made_is_waited_for_by_id_and_by_name() -> None:
    stage = Fresh([], [], [], [WEB], places={"web": PLACE})
    assert find_one(stage, INSTANCES, "web").one == WEB
    assert stage.said == ["web: just made, not visible yet 0 s", "web: just made, not visible yet 1 s"]
    assert find_one(Fresh([], [WEB], places={"i-1": PLACE}), INSTANCES, "i-1").one == WEB


def test_it_is_looked_for_until_every_look_shows_it_and_not_for_ever() -> None:
    stage = Fresh([], [], [], [WEB], places={"web": PLACE, "i-2": replace(PLACE, instance="i-2")})
    web, never = find(stage, INSTANCES, ["web", "i-2"])
    assert web.one == WEB
    assert isinstance(never.error, AwsFailure)
    assert (never.error.slug, never.error.message) == (
        *("not_visible_yet", "i-2 was just made, and AWS does not show it yet."),
    )
    assert (never.error.hint, never.error.details) == (
        "repeat the command in a moment",
        {"target": "i-2", "region": "us-east-1", "id": "i-2"},
    )
    assert stage.said[0] == "web, i-2: just made, not visible yet 0 s"
    assert stage.said[-1].startswith("i-2: just made")
    assert stage.clock.slept == pytest.approx(30)


def test_what_is_shown_at_once_is_not_waited_for() -> None:
    stage = Fresh([WEB], places={"web": PLACE})
    assert find_one(stage, INSTANCES, "web").one == WEB
    assert (stage.clock.slept, stage.said) == (0.0, [])


@pytest.mark.parametrize("error", [NotSetUp("no ledger"), PermissionDenied("no"), Unreachable("no answer")])
def test_where_the_ledger_can_not_be_read_nothing_is_known_and_nothing_fails(error: HandrailError) -> None:
    def client(_service: str, _region: str) -> Any:
        raise error

    assert Stage(client=client).stores.just_made(["web"]) == {}


# ---- right before it is changed


@pytest.mark.parametrize(
    ("now", "kind", "said"),
    [
        ([replace(WEB, owner="dev-2")], "made_anew", "instance web changed hands since the plan was made"),
        ([replace(WEB, request="r2")], "made_anew", "instance web was deleted and made anew since the plan was made"),
        ([replace(WEB, managed=False, owner="")], "not_managed", "web is not managed by Handrail"),
        ([replace(WEB, state="terminated")], "wrong_state", "web is terminated for good."),
    ],
    ids=["another owner", "made anew", "nobody's", "gone"],
)
def test_one_that_is_not_as_it_was_is_not_touched(now: list[Instance], kind: str, said: str) -> None:
    error = look_again(Stage(PlayedEc2(now)), INSTANCES, [Target("web", WEB)])["i-1"]
    assert isinstance(error, HandrailError)
    assert (error.slug, said in error.message) == (kind, True)


def test_one_that_the_look_does_not_show_goes_on_as_it_was() -> None:
    now = replace(API, state="stopped")
    targets = [Target("web", WEB), Target("api", API)]
    assert look_again(Stage(PlayedEc2([now])), INSTANCES, targets) == {"i-1": WEB, "i-2": now}


def test_a_look_that_fails_lets_nothing_go_on() -> None:
    with pytest.raises(Unreachable):
        look_again(Stage(PlayedEc2(Unreachable("no answer."))), INSTANCES, [Target("web", WEB)])


# ---- what a request made


def made_by(stage: Stage, result: str = "") -> Instance | None:
    """Return what r1 made. result: of what is on record of it, if anything."""
    verdict = Verdict("r1", result, instance="i-1", at=DATE) if result else None
    return INSTANCES.made_by(stage, "r1", Known(INTENT, verdict) if verdict else None, "web")


def played(*looks: Instance | None, visibility: float = 5.0) -> Stage:
    """Return a stage that shows these, the last one for ever."""
    return Stage(PlayedEc2(*([one] if one else [] for one in looks)), visibility=visibility)


@pytest.mark.parametrize("result", ["", "succeeded", "unchanged", "failed"])
def test_what_is_there_is_found(result: str) -> None:
    assert made_by(played(WEB), result) is WEB


@pytest.mark.parametrize("result", ["", "failed", "refused"])
def test_what_was_never_made_is_not_waited_for(result: str) -> None:
    stage = played(None)
    assert made_by(stage, result) is None
    assert (stage.said, stage.clock.slept) == ([], 0.0)


def test_what_was_made_a_moment_ago_is_waited_for() -> None:
    stage = played(None, None, WEB)
    assert made_by(stage, "succeeded") is WEB
    assert stage.said == ["i-1: waiting until AWS shows it"] * 2
    assert stage.clock.slept == 2.0


def test_but_no_longer_than_every_look_takes_to_show_it() -> None:
    stage = played(None)
    assert made_by(stage, "succeeded") is None
    assert stage.clock.slept == pytest.approx(5.0)
    late = played(None)
    late.table.time += 60
    assert made_by(late, "succeeded") is None
    assert late.clock.slept == 0.0


def test_what_ended_counts_only_where_it_is_on_record_as_made() -> None:
    ended = replace(WEB, state="terminated")
    assert made_by(played(ended), "succeeded") is ended
    assert made_by(played(ended), "failed") is None


def test_its_name_is_among_the_tags_of_its_intent() -> None:
    assert INSTANCES.name_in(INTENT) == "web"
    odd: list[dict[str, Any]] = [{}, {"tags": {}}, {"tags": {"Name": 5}}]
    for resolved in odd:
        with pytest.raises(NotSetUp, match="the row request#r1/intent"):
            INSTANCES.name_in(replace(INTENT, resolved=resolved))
