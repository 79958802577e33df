"""The one item of the account and the outcomes on record: compare and set, and tell. Knows no EC2."""

from collections.abc import Callable
from dataclasses import replace
from enum import Enum

from handrail.core.errors import Acted, HandrailError, Throttled, Unreachable
from handrail.ledger.places import Fate, Place, Places, Versioned
from handrail.ledger.ports import Here, Sides, Told

TURNS = 200  # lost races before giving up; each one means that somebody else went ahead
UNHEARD = 3  # writes of one change that may go unanswered: botocore has repeated each, within the command's budget


class Next(Enum):
    """What a decision over the item says instead of places to write."""

    DONE = "done"
    AGAIN = "again"


class Item:
    """The item as this process changes it."""

    def __init__(self, sides: Sides, here: Here) -> None:
        self._holders, self._outcomes, self._here = sides.holders, sides.outcomes, here
        self._unheard = 0

    def _change(self, decide: Callable[[Versioned], Versioned | Places | Next]) -> Versioned:
        """Compare and set until the decision over what is there is DONE; return the item as it was decided over.

        A decision gives the item as it is to be, or only its places. It says DONE as soon as its own effect is in the
        item, so a write whose reply was lost, or that lost the race, needs no case of its own. `state.date` is the Date
        that came with the version written over.
        """
        state = self._holders.read()
        self._unheard = 0
        for turn in range(TURNS):
            decided = decide(state)
            if decided is Next.DONE:
                return state
            if decided is Next.AGAIN:
                state = self._holders.read()
                continue
            new = decided if isinstance(decided, Versioned) else replace(state, places=decided)
            state = self._write(new)
            if (state.places, state.names) != (new.places, new.names):
                self._here.sleep(min(turn, 10) * 0.05)
        raise too_busy()

    def _write(self, new: Versioned) -> Versioned:
        """Write the item over the version that it was read with, and return what is there then.

        Raises Unreachable (`open`) after too many writes without an answer.
        """
        try:
            return self._holders.write(new)
        except Unreachable as error:
            self._unheard += 1
            if self._unheard >= UNHEARD:
                error.acted = Acted.UNKNOWN  # the write may still arrive
                raise
            return self._holders.read()

    def _tell(self, place: Place, told: Told, *, but: str = "") -> None:
        """Put the outcome of a place's requests on record, unless there is one (rule 7). but: one that tells itself."""
        for request in place.requests:
            if request != but:
                self._outcomes.put_if_absent(request, replace(told, instance=place.instance or told.instance))

    def _told(self, fate: Fate, date: int, instance: str = "", error: HandrailError | None = None) -> Told:
        return Told(fate, instance, self._here.by, date, error)


def too_busy() -> Throttled:
    """Return the error of a change that lost every race."""
    return Throttled("too many commands change the places under the cap at once.", hint="repeat the command")
