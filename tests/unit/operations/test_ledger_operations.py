"""What of `lease`, `init` and recovery no command line brings about by itself."""

from types import SimpleNamespace
from typing import Any

import pytest

from handrail.core.errors import AwsFailure, HandrailError, Unreachable
from handrail.ledger.lease import End, Ended
from handrail.ledger.record import Intent
from handrail.operations.ec2.recovering import recover
from handrail.operations.lease import _undone
from handrail.operations.setup import _record
from memory_table import caller

INTENT = Intent("r1", "ec2 create", "web", "us-east-1", "sandbox")


class Rows:
    """A lease with one place, settled to a state."""

    def __init__(self, before: str, after: str) -> None:
        self._states = [before, after]
        self.settled: list[Any] = []

    def overview(self) -> list[dict[str, str]]:
        """Return the place."""
        return [{"key": "r1", "instance": "", "state": self._states[0]}]

    def settle(self, keys: Any) -> None:
        """Settle it."""
        self.settled.append(keys)
        self._states.pop(0)


@pytest.mark.parametrize("state", ["reserved", "ending"])
def test_a_place_that_is_not_settled_yet_tells_its_request_itself(state: str) -> None:
    lease = Rows(state, state)
    session: Any = SimpleNamespace(ledger=SimpleNamespace(lease=lease))
    assert recover(session, INTENT) is None
    assert lease.settled == [{"r1"}]


@pytest.mark.parametrize("end", [End.CANCELLED, End.GONE, End.GIVEN_BACK])
def test_an_undone_create(end: End) -> None:
    _undone(Ended(end))


def test_a_create_that_could_not_be_undone() -> None:
    with pytest.raises(HandrailError, match="could not be undone: taken over"):
        _undone(Ended(End.TAKEN_OVER))
    with pytest.raises(AwsFailure, match="no"):
        _undone(Ended(End.OPEN, error=AwsFailure("no")))


def test_a_ledger_is_made_even_if_its_first_entry_cannot_be_written() -> None:
    said: list[str] = []

    def fail(*_: Any) -> None:
        raise Unreachable("no answer.")

    session: Any = SimpleNamespace(
        new_request=lambda: "r1",
        choice=SimpleNamespace(target="aws"),
        caller=caller(),
        ledger=SimpleNamespace(record=SimpleNamespace(intend_and_settle=fail)),
        listener=SimpleNamespace(note=said.append),
    )
    _record(session, "us-east-1")
    assert said == ["warning: this could not be put on record: no answer."]
