"""What was just made: told by the places of the account, and by nothing where they can't be read."""

from dataclasses import replace
from typing import Any

import pytest

from handrail.core.errors import HandrailError, NotSetUp, PermissionDenied, Unreachable
from handrail.ledger.places import Kind, Place, State
from handrail.operations.ec2.fresh import fresh_places, still_unseen
from stage import WEB, PlayedEc2, Stage

PLACE = Place("r-1", State.HELD, Kind.CREATE, "m", "us-east-1", "dev-1", "dev-1", "web", 1, 1, ("r-1",), "i-1")


@pytest.mark.parametrize("error", [NotSetUp("no ledger"), PermissionDenied("no"), Unreachable("no answer")])
def test_where_the_ledger_can_not_be_read_nothing_is_known_and_nothing_fails(error: HandrailError) -> None:
    def client(_service: str, _region: str) -> Any:
        raise error

    assert fresh_places(Stage(client=client), ["web"]) == {}


def test_each_is_looked_for_until_it_is_shown_and_not_for_ever() -> None:
    stage = Stage(PlayedEc2([], [WEB]), visibility=30.0)
    assert still_unseen(stage, {"web": PLACE, "i-2": replace(PLACE, instance="i-2")}) == {"i-2"}
    assert stage.said[0] == "web, i-2: just made, not visible yet 0 s"
    assert stage.said[-1].startswith("i-2: just made")
    assert 30 <= stage.clock.slept < 36


def test_what_is_shown_at_once_is_not_waited_for() -> None:
    stage = Stage(PlayedEc2([WEB]))
    assert still_unseen(stage, {"web": PLACE}) == set()
    assert (stage.clock.slept, stage.said) == (0.0, [])
