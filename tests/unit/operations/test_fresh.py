"""What was just made: told by the places of the account, and by nothing where they can't be read."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from handrail.core.errors import HandrailError, NotSetUp, PermissionDenied, Unreachable
from handrail.ledger.places import Kind, Place, State
from handrail.operations.ec2.fresh import fresh_places, still_unseen
from handrail.session import Session

PLACE = Place("r-1", State.HELD, Kind.CREATE, "m", "us-east-1", "dev-1", "dev-1", "web", 1, 1, ("r-1",), "i-1")


@dataclass
class Stage:
    """A session as far as it is needed: its ledger can't be read, and each look is played, the last one for ever."""

    error: HandrailError | None = None
    looks: list[set[str]] = field(default_factory=lambda: [set()])
    visibility: float = 30.0
    region: str = "us-east-1"
    home_region: str = "us-east-1"
    spent: float = 0.0
    said: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> "Stage":
        """Return itself: AWS, EC2, the clock and who is told."""
        if name not in ("aws", "ec2", "clock", "listener"):
            raise AttributeError(name)
        return self

    def client(self, service: str, region: str) -> Any:
        """Fail as the ledger does."""
        assert self.error is not None
        raise self.error

    def now(self) -> float:
        """Return the time of day."""
        return 0.0

    def monotonic(self) -> float:
        """Return what was slept."""
        return self.spent

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.spent += seconds

    def progress(self, text: str) -> None:
        """Keep what is said."""
        self.said.append(text)

    def by_ids(self, ids: Any) -> dict[str, Any]:
        """Play the next look."""
        look, self.looks = self.looks[0], self.looks[1:] or self.looks
        return dict.fromkeys(look & set(ids))


@pytest.mark.parametrize("error", [NotSetUp("no ledger"), PermissionDenied("no"), Unreachable("no answer")])
def test_where_the_ledger_can_not_be_read_nothing_is_known_and_nothing_fails(error: HandrailError) -> None:
    assert fresh_places(cast(Session, Stage(error)), ["web"]) == {}


def test_each_is_looked_for_until_it_is_shown_and_not_for_ever() -> None:
    stage = Stage(looks=[set(), {"i-1"}])
    other = {"web": PLACE, "i-2": PLACE.__class__(**{**vars(PLACE), "instance": "i-2"})}
    assert still_unseen(cast(Session, stage), other) == {"i-2"}
    assert stage.said[0] == "web, i-2: just made, not visible yet 0 s"
    assert stage.said[-1].startswith("i-2: just made")
    assert 30 <= stage.spent < 36


def test_what_is_shown_at_once_is_not_waited_for() -> None:
    stage = Stage(looks=[{"i-1"}])
    assert still_unseen(cast(Session, stage), {"web": PLACE}) == set()
    assert (stage.spent, stage.said) == (0.0, [])
