"""The lease's far ends: its item, its outcomes, its looks."""

from dataclasses import replace
from typing import Any

import pytest

from handrail.core.errors import AwsFailure, Throttled, Unreachable
from handrail.core.resources import Instance
from handrail.ledger.holders import Fate, Kind, Place, State
from handrail.ledger.ports import Told
from handrail.ledger.record import Intent, Record, Verdict
from handrail.ledger.sides import Ec2Looks, HoldersItem, RecordedOutcomes
from memory_table import DATE, MemoryTable, caller

PLACE = Place("r1", State.HELD, Kind.CREATE, "m", "us-east-1", "dev-1", "dev-1", "web", DATE, DATE, ("r1",), "i-1")


def test_the_item_is_changed_on_its_version_only() -> None:
    item = HoldersItem(MemoryTable())  # type: ignore[arg-type]
    assert item.read().version == 0
    written = item.write({"r1": PLACE}, 0)
    assert (written.places, written.version, written.date) == ({"r1": PLACE}, 1, DATE)
    assert item.read().places == {"r1": PLACE}
    late = item.write({}, 0)
    assert (late.places, late.version) == ({"r1": PLACE}, 1)
    assert item.write({}, 1).version == 2


def test_a_write_on_a_version_of_an_item_that_is_not_there() -> None:
    assert HoldersItem(MemoryTable()).write({}, 3).version == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [Throttled("slow"), AwsFailure("broken"), Unreachable("cut")])
def test_a_write_that_fails_may_have_been_made(error: AwsFailure) -> None:
    def trouble(call: str) -> None:
        if call == "put":
            raise error

    with pytest.raises(Unreachable):
        HoldersItem(MemoryTable(trouble)).write({}, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("fate", Fate)
def test_a_fate_is_told_and_found_again(fate: Fate) -> None:
    table = MemoryTable()
    record = Record(table, caller(), lambda _: None)  # type: ignore[arg-type]
    outcomes = RecordedOutcomes(record)
    record.intend([Intent("r1", "ec2 create", "web", "us-east-1", "sandbox")])
    assert outcomes.find("r1") is None
    outcomes.put_if_absent("r1", Told(fate, "i-1", "dev-2", DATE))
    outcomes.put_if_absent("r1", Told(Fate.MADE, "i-9", "dev-3", DATE))
    assert outcomes.find("r1") == Told(fate, "i-1", "dev-2", DATE)
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
