"""What of `lease release` and `init` no command line brings about by itself."""

from types import SimpleNamespace
from typing import Any

import pytest

from handrail import runner
from handrail.core.errors import AwsFailure, HandrailError, Unreachable
from handrail.core.ownership import token_of
from handrail.ledger.lease import End, Ended
from handrail.ledger.record import Intent
from handrail.operations.lease import RELEASE
from handrail.operations.setup import INIT
from stage import Stage

CALL = {"token": token_of("r1"), "image_id": "ami-1", "type": "t3.nano", "root_device": "/dev/xvda", "tags": {}}
ROW = dict.fromkeys(("instance", "note", "until"), "") | {
    "place": "create:r1",
    "key": "r1",
    "name": "web",
    "state": "reserved",
    "owner": "dev-1",
    "region": "us-east-1",
}


def undone(ended: Ended) -> list[Any]:
    """Release the place of a create at once, where undoing it comes to this end."""
    stage, rows = Stage(), [ROW]

    def carry_out(_taken: Any, _send: Any) -> Ended:
        rows.clear()
        return ended

    stage.stores.found.lease = SimpleNamespace(
        overview=lambda: list(rows), take_for_undo=lambda _wanted, _at: None, carry_out=carry_out
    )
    stage.record.intend([Intent("r1", "ec2 create", "web", "us-east-1", "sandbox", resolved=CALL)])
    stage.listener.agrees = True
    return list(runner.run(RELEASE, {"place": "r1", "now": True}, stage).rows)


@pytest.mark.parametrize("end", [End.CANCELLED, End.GONE, End.GIVEN_BACK])
def test_an_undone_create(end: End) -> None:
    assert [row.said for row in undone(Ended(end))] == ["the place of web is free"]


def test_a_create_that_could_not_be_undone() -> None:
    with pytest.raises(HandrailError, match="could not be undone: taken over"):
        undone(Ended(End.TAKEN_OVER))
    with pytest.raises(AwsFailure, match="no"):
        undone(Ended(End.OPEN, error=AwsFailure("no")))


def test_a_ledger_is_made_even_if_its_first_entry_cannot_be_written() -> None:
    def trouble(_call: str) -> None:
        raise Unreachable("no answer.")

    stage = Stage(SimpleNamespace(regions=lambda: ["us-east-1"]), target="aws")
    stage.stores.table = SimpleNamespace(find=lambda: None, make=lambda: None)  # type: ignore[assignment]
    stage.table.trouble = trouble
    (row,) = runner.run(INIT, {}, stage).rows
    assert row.said == "the ledger is ready in us-east-1 · table handrail-ledger"
    assert stage.said == ["warning: this could not be put on record: no answer."]
