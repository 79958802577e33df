"""What of `lease`, `init` and recovery no command line brings about by itself."""

import pytest

from handrail.core.errors import AwsFailure, HandrailError, Unreachable
from handrail.ledger.lease import End, Ended
from handrail.operations.lease import _undone
from handrail.operations.setup import _record
from stage import Stage


@pytest.mark.parametrize("end", [End.CANCELLED, End.GONE, End.GIVEN_BACK])
def test_an_undone_create(end: End) -> None:
    _undone(Ended(end))


def test_a_create_that_could_not_be_undone() -> None:
    with pytest.raises(HandrailError, match="could not be undone: taken over"):
        _undone(Ended(End.TAKEN_OVER))
    with pytest.raises(AwsFailure, match="no"):
        _undone(Ended(End.OPEN, error=AwsFailure("no")))


def test_a_ledger_is_made_even_if_its_first_entry_cannot_be_written() -> None:
    def trouble(_call: str) -> None:
        raise Unreachable("no answer.")

    stage = Stage(target="aws")
    stage.table.trouble = trouble
    _record(stage, "us-east-1")
    assert stage.said == ["warning: this could not be put on record: no answer."]
