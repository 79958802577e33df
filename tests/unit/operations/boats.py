"""A made-up kind of resource: things of no service, for what every kind shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handrail.core.errors import HandrailError
from handrail.core.resources import Owned
from handrail.ledger.record import Known
from handrail.operations.kinds import Kind
from handrail.session import Session


@dataclass(frozen=True)
class Boat(Owned):
    """A thing of no service."""

    id: str = "b-1"
    name: str = "ark"
    region: str = "us-east-1"
    owner: str = "dev-1"
    request: str = "r1"
    managed: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    is_gone: bool = False


Found = Sequence[Boat] | HandrailError


class Boats(Kind[Boat]):
    """A kind whose looks show these, by word. again: by id, how each is at the second look. made: by any request."""

    noun, resource, service, regional = "boat", "ec2", "ec2", True

    def __init__(
        self, again: Mapping[str, Boat | HandrailError] | None = None, made: Boat | None = None, **found: Found
    ) -> None:
        self._again, self._made, self._found = again, made, found

    def look(self, session: Session, words: Sequence[str]) -> Mapping[str, Found]:
        """Show what there is of these words."""
        return {word: self._found.get(word, ()) for word in words}

    def look_again(self, session: Session, things: Sequence[Boat]) -> Mapping[str, Boat | HandrailError]:
        """Show how they are now, or look as every kind does."""
        return super().look_again(session, things) if self._again is None else self._again

    def state_of(self, one: Boat) -> str:
        """Return where it is."""
        return "afloat"

    def made_by(self, session: Session, request: str, known: Known | None, name: str) -> Boat | None:
        """Return what a request made."""
        return self._made
