"""What a request that is made again meets: its record and what it made, in every state they can be in (promise 4)."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from boats import Boat, Boats

from handrail.core.errors import Conflict
from handrail.core.fields import Parameters, text, texts, validate
from handrail.core.operation import Effect, Operation
from handrail.core.ownership import GIVEN_TAG
from handrail.core.plan import Outcome, Status
from handrail.ledger.plan_places import NO_HOLD
from handrail.ledger.record import Intent, Known, Record, Verdict, digest_of
from handrail.operations.kinds import Kind
from handrail.operations.repeating import (
    Making,
    _newest_try,
    _next_try,
    first_tries,
    gone,
    nothing_to_do,
    repeat,
    was_in_vain,
)
from memory_table import caller
from stage import Stage


class BuildBoat(Parameters):
    """What a boat is made of."""

    name = text("its name")
    tag = texts("tags")
    request_id = text("its request", part_of_identity=False)


BUILD = Operation(
    "boat", "build", "", "", Effect.CHANGE, lambda _session, _asked, _before: Outcome(), parameters=BuildBoat
)
GIVEN = {"name": "ark", "tag": ["a=1"], "request_id": "r1"}
DIGEST = digest_of(BuildBoat, GIVEN, "us-east-1")
INTENT = Intent("r1", "boat build", "ark", "us-east-1", "sandbox", given=GIVEN, digest=DIGEST)
MADE = Boat(tags={GIVEN_TAG: DIGEST})
SUNK = replace(MADE, is_gone=True)


@dataclass(frozen=True)
class Wanted:
    """What is asked for. count: as it was given."""

    request_id: str | None = "r1"
    count: int = 0
    digest: str = DIGEST

    @property
    def counted(self) -> bool:
        """Return whether a number of them is."""
        return self.count > 0

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names."""
        return tuple(f"ark-{number}" for number in range(1, self.count + 1)) or ("ark",)


def meets(result: str = "", intent: Intent | None = INTENT, by: str = "dev-1", **verdict: Any) -> Stage:
    """Return a stage with this on record; without a result it is open."""
    stage = Stage()
    if intent is not None:
        Record(stage.table, caller(by), stage.clock.sleep).intend([intent])  # type: ignore[arg-type]
        if result:
            stage.record.settle(Verdict(intent.request, result, **verdict))
    return stage


def repeated(stage: Stage, made: Boat | None = None, wanted: Wanted | None = None) -> Making[Boat]:
    """Return the one that a wish makes."""
    (one,) = repeat(Boats(made=made), stage, BUILD, wanted or Wanted())
    return one


def refused(stage: Stage, made: Boat | None = None, wanted: Wanted | None = None) -> Conflict:
    """Return why a request can't be made again."""
    with pytest.raises(Conflict) as caught:
        repeat(Boats(made=made), stage, BUILD, wanted or Wanted())
    return caught.value


# ---- what is made


def test_one_and_several_have_requests_of_their_own() -> None:
    kind = Boats()
    assert first_tries(kind, Wanted(), "r1") == [Making(kind, "ark", "r1")]
    assert first_tries(kind, Wanted(count=1), "r1") == [Making(kind, "ark-1", "r1-1")]
    assert [one.request for one in first_tries(kind, Wanted(count=3), "r1")] == ["r1-1", "r1-2", "r1-3"]


def test_without_an_id_nothing_was_made_before_and_nothing_is_read() -> None:
    stage = Stage()
    one, two = repeat(Boats(made=MADE), stage, BUILD, Wanted(request_id=None, count=2))
    assert one.request.removesuffix("-1") == two.request.removesuffix("-2")
    assert (one.known, one.found, stage.table.calls) == (None, None, [])


def test_a_new_request() -> None:
    one = repeated(meets(intent=None))
    assert (one.name, one.request, one.known, one.found, one.begun) == ("ark", "r1", None, None, None)


def test_one_that_was_made() -> None:
    one = repeated(meets("succeeded"), MADE)
    assert (one.name, one.request, one.found) == ("ark", "r1", MADE)


def test_one_without_an_outcome_is_carried_on() -> None:
    stage = meets(intent=replace(INTENT, resource="dove"))
    one = repeated(stage)
    assert (one.name, one.request, one.found) == ("dove", "r1", None), "under the name that it has on record"
    assert (one.known, one.begun) == (stage.record.find("r1"), stage.table.time)


@pytest.mark.parametrize(("made", "what"), [(None, "b-9"), (SUNK, "b-1")])
def test_one_that_is_gone(made: Boat | None, what: str) -> None:
    error = refused(meets("succeeded", resource="b-9"), made)
    assert error.message == f"the request id r1 made {what}, which is gone."
    assert (error.hint, error.details) == ("choose another --request-id", {"id": what, "request": "r1"})
    assert gone("r1", "").message == "the request id r1 made something, which is gone."


def test_one_that_was_in_vain_is_tried_anew() -> None:
    assert repeated(meets("failed")).request == "r1.2"
    stage = meets("refused")
    stage.record.intend([replace(INTENT, request="r1.2")])
    stage.record.settle(Verdict("r1.2", "failed"))
    assert repeated(stage).request == "r1.3"


def test_one_that_is_there_though_it_is_on_record_as_failed() -> None:
    assert repeated(meets("failed"), MADE).found is MADE


def test_of_several_each_meets_its_own() -> None:
    stage = meets(intent=None)
    given = {**GIVEN, "count": 3}
    intents = [replace(INTENT, request=f"r1-{number}", resource=f"ark-{number}", given=given) for number in (1, 2, 3)]
    stage.record.intend(intents)
    stage.record.settle(Verdict("r1-1", "failed"))
    stage.record.settle(Verdict("r1-3", "unchanged"))

    class Some(Boats):
        def made_by(self, session: Any, request: str, known: Any, name: str) -> Boat | None:
            return replace(MADE, name=name) if request == "r1-3" else None

    ones = repeat(Some(), stage, BUILD, Wanted(count=3))
    assert [(one.name, one.request, bool(one.known), bool(one.found)) for one in ones] == [
        ("ark-1", "r1-1.2", False, False),
        ("ark-2", "r1-2", True, False),
        ("ark-3", "r1-3", False, True),
    ]


# ---- what is another's


def test_one_that_is_another_owners() -> None:
    error = refused(meets(by="ben"))
    assert (error.message, error.hint) == ("the request id r1 is ben's.", "choose another --request-id")
    assert error.details == {"request": "r1", "owner": "ben"}


@pytest.mark.parametrize(
    ("intent", "made"),
    [
        (replace(INTENT, digest="other", given={**GIVEN, "tag": ["a=2"]}), "boat build ark"),
        (replace(INTENT, digest="other", region="eu-west-1"), "boat build ark"),
        (replace(INTENT, digest="", given={}), "boat build ark"),
        (replace(INTENT, operation="s3 create"), "s3 create ark"),
    ],
)
def test_one_with_other_parameters(intent: Intent, made: str) -> None:
    error = refused(meets(intent=intent))
    assert error.message == f"the request id r1 was used with other parameters, for {made}."
    assert error.hint == "repeat it with the same parameters, or choose another --request-id"
    assert error.details == {"request": "r1"}


@pytest.mark.parametrize("digest", ["of-0.1", ""])
@pytest.mark.parametrize("result", ["", "succeeded", "failed"])
def test_a_digest_that_an_earlier_version_made_otherwise_is_no_other_parameter(digest: str, result: str) -> None:
    stage = meets(result, replace(INTENT, digest=digest))
    one = repeated(stage, MADE if result == "succeeded" else None)
    assert one.request == ("r1.2" if result == "failed" else "r1")
    assert (one.found is MADE, one.known is not None) == (result == "succeeded", result == "")


def test_what_the_record_does_not_know_is_told_by_the_tag_of_what_was_made() -> None:
    assert repeated(meets(intent=None), MADE).found is MADE
    error = refused(meets(intent=None), replace(MADE, tags={GIVEN_TAG: "of-0.1"}))
    assert error.message == "the request id r1 was used with other parameters, for ark (b-1)."
    assert repeated(meets("succeeded"), replace(MADE, tags={})).found, "what is on record is compared there"


@pytest.mark.parametrize("made", [replace(MADE, owner="ben"), replace(MADE, managed=False)])
@pytest.mark.parametrize("intent", [None, INTENT])
def test_what_somebody_else_made_under_the_id(made: Boat, intent: Intent | None) -> None:
    error = refused(meets("succeeded", intent), made)
    assert (error.message, error.hint) == (
        *("the request id r1 was used by somebody else.", "choose another --request-id"),
    )


def test_a_request_that_comes_from_another_id_is_another_commands() -> None:
    stage = meets(intent=replace(INTENT, given={**GIVEN, "request_id": "r"}))
    error = refused(stage)
    assert error.message == "the request id r1 was made of r, by another command."
    assert error.hint == "repeat that one with --request-id r, or choose another --request-id"
    assert error.details == {"request": "r1", "chosen": "r"}
    nameless = {name: value for name, value in GIVEN.items() if name != "request_id"}
    assert repeated(meets(intent=replace(INTENT, given=nameless))).known, "whoever repeats it has copied the id"


@pytest.mark.parametrize(
    ("there", "count", "how"), [("r1", 2, "without"), ("r1-1", 0, "with")], ids=["was one", "was many"]
)
def test_an_id_that_was_used_the_other_way(there: str, count: int, how: str) -> None:
    error = refused(meets(intent=replace(INTENT, request=there)), wanted=Wanted(count=count))
    assert error.message == f"the request id r1 was used {how} --count."
    assert error.hint == "repeat that command as it was, or choose another --request-id"


@pytest.mark.parametrize(("there", "count"), [("r1", 2), ("r1-1", 0)])
def test_an_id_that_is_another_commands_is_not_this_one_used_the_other_way(there: str, count: int) -> None:
    stage = meets(intent=replace(INTENT, request=there, given={**GIVEN, "request_id": "else"}))
    ones = repeat(Boats(), stage, BUILD, Wanted(count=count))
    assert len(ones) == max(count, 1)


# ---- which try is the newest


def known(request: str, result: str = "refused") -> Known:
    """Return a request with an outcome, or none."""
    return Known(replace(INTENT, request=request), Verdict(request, result) if result else None)


@pytest.mark.parametrize("tries", [1, 2, 3, 7, 8, 9, 100, 1000])
def test_the_newest_of_many_is_found_in_few_reads(tries: int) -> None:
    reads = []
    there = {f"a.{number}" if number > 1 else "a": number for number in range(1, tries + 1)}

    def find(request: str) -> Known | None:
        reads.append(request)
        return known(request) if request in there else None

    request, found = _newest_try(find, "a")
    assert there[request] == tries
    assert found is not None
    assert found.intent.request == request
    assert _next_try("a", request) == f"a.{tries + 1}"
    assert len(reads) <= 3 + 2 * tries.bit_length()


@pytest.mark.parametrize("result", ["", "succeeded", "unchanged"])
def test_what_was_not_in_vain_is_the_newest(result: str) -> None:
    there = {"a": known("a", result)}
    assert _newest_try(there.get, "a") == ("a", there["a"])
    assert not was_in_vain(there["a"])


# ---- what is said


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (MADE, "ark was made by this request before and is afloat · b-1"),
        (replace(MADE, name=""), "b-1 was made by this request before and is afloat · b-1"),
        (replace(MADE, id="ark"), "ark was made by this request before and is afloat"),
    ],
)
def test_a_repeat_of_which_all_is_made_does_nothing(made: Boat, said: str) -> None:
    kind: Kind[Boat] = Boats()
    plan = nothing_to_do([Making(kind, "ark", "r1", found=made)], many=False)
    (row,) = plan.planned
    assert (row.status, row.said, row.request, row.current) == (Status.UNCHANGED, said, "r1", made)
    assert (plan.changes_something, plan.many, plan.apply(NO_HOLD)) == (False, False, [row])


def test_a_request_is_told_by_what_is_given() -> None:
    values = validate(BuildBoat, {"name": "ark", "tag": ("a=1",), "request_id": "r7"})
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    assert digest_of(BuildBoat, given, "us-east-1") == DIGEST
