"""The lease's far ends: its item, its outcomes, its looks."""

from dataclasses import replace
from typing import Any

import pytest

from handrail.core.errors import AwsFailure, PermissionDenied, Throttled, Unreachable, WrongState
from handrail.core.resources import Instance
from handrail.ledger.on_aws import Ec2Looks, HoldersItem, RecordedOutcomes
from handrail.ledger.places import Call, Fate, Place, State, Versioned
from handrail.ledger.ports import Told
from handrail.ledger.record import Intent, Record, Verdict
from memory_table import DATE, MemoryTable, caller

PLACE = Place(
    "create:r1", State.HELD, Call.CREATE, "m", "us-east-1", "dev-1", "dev-1", "web", DATE, DATE, ("r1",), "i-1"
)
PLACES = {PLACE.key: PLACE}


def test_the_item_is_changed_on_its_version_only() -> None:
    item = HoldersItem(MemoryTable())  # type: ignore[arg-type]
    assert item.read().version == 0
    written = item.write(Versioned(PLACES, 0, 0))
    assert (written.places, written.version, written.date) == (PLACES, 1, DATE)
    assert item.read().places == PLACES
    late = item.write(Versioned({}, 0, 0))
    assert (late.places, late.version) == (PLACES, 1)
    assert item.write(Versioned({}, 1, 0)).version == 2


def test_a_write_on_a_version_of_an_item_that_is_not_there() -> None:
    assert HoldersItem(MemoryTable()).write(Versioned({}, 3, 0)).version == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [Throttled("slow"), AwsFailure("broken"), Unreachable("cut")])
def test_a_write_that_fails_may_have_been_made(error: AwsFailure) -> None:
    def trouble(call: str) -> None:
        if call == "put":
            raise error

    with pytest.raises(Unreachable):
        HoldersItem(MemoryTable(trouble)).write(Versioned({}, 0, 0))  # type: ignore[arg-type]


@pytest.mark.parametrize("fate", Fate)
def test_a_fate_is_told_and_found_again(fate: Fate) -> None:
    table = MemoryTable()
    record = Record(table, caller(), lambda _: None)  # type: ignore[arg-type]
    outcomes = RecordedOutcomes(record)
    record.intend([Intent("r1", "ec2 create", "web", "us-east-1", "sandbox")])
    assert outcomes.find("r1") is None
    outcomes.put_if_absent("r1", Told(fate, "i-1", "dev-2", DATE))
    outcomes.put_if_absent("r1", Told(Fate.MADE, "i-9", "dev-3", DATE))
    assert outcomes.find("r1") == Told(fate, "i-1", caller().arn, DATE), "told by whoever writes it"
    known = record.find("r1")
    assert known is not None
    assert known.verdict is not None
    assert known.verdict.code == (0 if known.verdict.result == "succeeded" else 1)


@pytest.mark.parametrize(
    ("result", "fate"),
    [("succeeded", Fate.MADE), ("unchanged", Fate.MADE), ("refused", Fate.REFUSED), ("failed", Fate.REFUSED)],
)
def test_an_outcome_of_a_command_says_a_fate_too(result: str, fate: Fate) -> None:
    table = MemoryTable()
    record = Record(table, caller(), lambda _: None)  # type: ignore[arg-type]
    record.intend_and_settle(Intent("r1", "ec2 create", "web", "us-east-1", "sandbox"), Verdict("r1", result))
    told = RecordedOutcomes(record).find("r1")
    assert told is not None
    assert told.fate is fate


def test_a_request_that_nobody_knows_has_no_outcome() -> None:
    record = Record(MemoryTable(), caller(), lambda _: None)  # type: ignore[arg-type]
    assert RecordedOutcomes(record).find("r1") is None


class FakeEc2:
    """EC2 of a region with two instances."""

    def __init__(self) -> None:
        self.one = Instance(
            id="i-1",
            name="web",
            state="running",
            owner="dev-1",
            created_at=None,
            public_ip=None,
            private_ip=None,
            region="us-east-1",
            managed=True,
            tags={},
            client_token="hr-r1",
            type="",
            image="",
            image_id="",
            architecture="",
            availability_zone="",
        )
        self.two = replace(self.one, id="i-2", client_token="hr-r2")

    def by_ids(self, ids: list[str]) -> dict[str, Instance]:
        return {one.id: one for one in (self.one, self.two) if one.id in ids}

    def by_tokens(self, tokens: list[str]) -> list[Instance]:
        return [one for one in (self.one, self.two) if one.client_token in tokens]

    def managed(self, states: Any) -> list[Instance]:
        return [self.one, self.two]

    def terminate(self, ids: list[str]) -> dict[str, str]:
        return dict.fromkeys(ids, "shutting-down")


def test_looks() -> None:
    ec2 = FakeEc2()
    looks = Ec2Looks(lambda region: ec2)
    assert [one.instance for one in looks.look("us-east-1", ["i-1"], ["hr-r2"])] == ["i-1", "i-2"]
    assert looks.look("us-east-1", [], []) == []
    seen = looks.look("us-east-1", [], ["hr-r1"])[0]
    assert (seen.state, seen.token, seen.owner, seen.name, seen.managed) == ("running", "hr-r1", "dev-1", "web", True)
    assert [one.instance for one in looks.look_all("us-east-1")] == ["i-1", "i-2"]
    assert [(one.instance, one.state) for one in looks.terminate("us-east-1", ["i-1"])] == [("i-1", "shutting-down")]


def test_the_outcome_is_what_aws_said() -> None:
    record = Record(MemoryTable(), caller(), lambda _: None)  # type: ignore[arg-type]
    record.intend([Intent("r1", "ec2 create", "web", "us-east-1", "sandbox")])
    error = PermissionDenied("these credentials may not do ec2:RunInstances.")
    RecordedOutcomes(record, lambda: 250).put_if_absent("r1", Told(Fate.REFUSED, "", "dev-1", DATE, error))
    known = record.find("r1")
    assert known is not None
    assert known.verdict is not None
    assert (known.verdict.result, known.verdict.code, known.verdict.duration_ms) == ("failed", 7, 250)
    assert known.verdict.message == error.message


def test_an_outcome_over_a_version_of_the_item_makes_a_new_one() -> None:
    table = MemoryTable()
    record = Record(table, caller(), lambda _: None)  # type: ignore[arg-type]
    record.intend([Intent(one, "ec2 create", "web", "us-east-1", "sandbox") for one in ("r1", "r2")])
    item, outcomes = HoldersItem(table), RecordedOutcomes(record)  # type: ignore[arg-type]
    nothing = Told(Fate.NOTHING, "", "dev-1", DATE)
    before = item.read()
    assert outcomes.put_over("r1", nothing, before)
    assert item.read().version == before.version + 1
    assert not outcomes.put_over("r2", nothing, before), "somebody has written meanwhile"
    assert outcomes.find("r2") is None
    assert outcomes.put_over("r2", nothing, item.read())
    assert not outcomes.put_over("r2", replace(nothing, fate=Fate.ADOPTED), item.read()), "the first one stays"


def test_the_regions_in_which_there_ever_was_a_place_are_kept() -> None:
    table = MemoryTable()
    item = HoldersItem(table)  # type: ignore[arg-type]
    far = replace(PLACE, region="eu-west-1")
    assert item.write(Versioned({far.key: far}, 0, 0)).regions == ("eu-west-1",)
    assert item.write(replace(item.read(), places=PLACES)).regions == ("eu-west-1", "us-east-1")
    assert item.read().regions == ("eu-west-1", "us-east-1")


def test_an_item_that_takes_no_more_says_so() -> None:
    item = HoldersItem(MemoryTable())  # type: ignore[arg-type]
    place = Place("k" * 100, State.HELD, Call.CREATE, "m", "r", "ann", "ann", "n" * 200, 0, 0, ())
    with pytest.raises(WrongState, match="1,100 instances hold places"):
        item.write(Versioned({str(number): place for number in range(1_100)}, 0, 0))
