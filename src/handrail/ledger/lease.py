"""The lease: the cap on running instances that holds under concurrency, however slow, frozen or killed its clients are.

One item of places, changed by compare-and-set only; a place is taken before the call that makes an instance run, its
fence stops a call that comes too late, and it is freed only by a look that no such call can contradict. docs/lease.md
has the rules, which the docstrings cite by number, and their assumptions (A1 to A7). Never decides by the local clock.

A create:   places = lease.take_for_create(...)          rule 2
            ended = lease.carry_out(place, send)         send(place.fence) makes the call: rules 3 to 6
A start:    place = lease.take_for_start(...)            rule 8
            ended = lease.carry_out(place, send)
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from handrail.core.errors import HandrailError
from handrail.core.resources import ENDED
from handrail.ledger import places as rules
from handrail.ledger.fence import Fence
from handrail.ledger.item import Next
from handrail.ledger.places import Fate, Place, Places, State, Versioned
from handrail.ledger.ports import Told
from handrail.ledger.taking import Taken, Taking

# The slugs that aws/failures.py gives to IdempotentInstanceTerminated and IdempotentParameterMismatch (rule 16).
INSTANCE_GONE = "request_gone"
TOKEN_MISMATCH = "request_mismatch"  # noqa: S105  the slug of an error, not a secret


class End(Enum):
    """How a call under a place ended."""

    DONE = "done"  # the instance runs, and the place is its
    GIVEN_BACK = "given back"  # nothing was done, and nothing can happen any more
    OPEN = "open"  # an attempt without an answer: the place settles itself after `until`
    GONE = "gone"  # the instance was terminated
    CANCELLED = "cancelled"  # undone
    TAKEN_OVER = "taken over"  # somebody else has the say over the place now
    SETTLED = "settled"  # the place was settled meanwhile; `told` is its outcome


@dataclass(frozen=True)
class Ended:
    """How a call under a place ended. until: when an open one is settled at the latest; by: who has the place now."""

    end: End
    instance: str = ""
    until: int | None = None
    by: str = ""
    told: Told | None = None
    error: HandrailError | None = None


class Lease(Taking):
    """The places of one account: taking them, settling them, and here how a call under a place ends."""

    def carry_out(self, taken: Taken, send: Callable[[Fence], str]) -> Ended:
        """Make the call of a place and end it as its rule says.

        send: asks the fence at every attempt and returns the instance id. Its errors come back in the result.
        """
        try:
            instance = send(taken.fence)
        except HandrailError as error:
            return self.give_back(taken, error)
        return self.condemn(taken, instance) if taken.undo else self.confirm(taken, instance)

    def confirm(self, taken: Taken, instance: str) -> Ended:
        """Give the place to the instance that the reply names (rules 5 and 8).

        Touches nothing where the place is under another mark: whoever has it relies on the instance.
        """
        taken.fence.took_effect = True

        def held(place: Place, now: int) -> Place:
            return rules.held(place, instance, self._held_until(place, now, taken.fence))

        state = self._change_mine(taken, held)
        place = state.places.get(taken.key)
        if place is None:
            return Ended(End.SETTLED, instance, told=self._outcomes.find(taken.request))
        if place.state is State.ENDING:
            return Ended(End.CANCELLED, instance, by=place.by)
        if place.instance != instance:
            return Ended(End.TAKEN_OVER, instance, by=place.by)
        if place.mark == taken.mark:
            self._tell(place, self._told(Fate.MADE, state.date), but=taken.request)
        return Ended(End.DONE, instance)

    def _held_until(self, place: Place, now: int, fence: Fence) -> int:
        """Return the `until` of a confirmed place: an open start may run its instance again (rule 8)."""
        return now if place.launching else max(now, fence.open_until or 0)

    def condemn(self, taken: Taken, instance: str) -> Ended:
        """Undo a create: condemn its place, then terminate, then free it (rule 14)."""
        taken.fence.took_effect = True
        state = self._change_mine(taken, lambda place, now: rules.condemned(place, instance, now))
        place = state.places.get(taken.key)
        if place is None:
            return Ended(End.SETTLED, instance, told=self._outcomes.find(taken.request))
        if place.state is not State.ENDING:
            return Ended(End.TAKEN_OVER, instance, by=place.by)
        try:
            seen = self._compute.terminate(place.region, [instance])
        except HandrailError as error:
            return Ended(End.OPEN, instance, until=self._times.free_at(place.until), error=error)
        if not any(one.state in ENDED for one in seen):
            return Ended(End.OPEN, instance, until=self._times.free_at(place.until))
        self.note_gone(instance, place.token)
        return Ended(End.CANCELLED, instance, by=self._here.by)

    def give_back(self, taken: Taken, error: HandrailError) -> Ended:
        """End a call that brought no instance: free its place only if nothing of it can act (rules 4, 6, 16).

        error.slug tells the two answers that mean more than "no" (rule 16).
        """
        if error.slug == INSTANCE_GONE:
            self._remove(lambda places: places.get(taken.key))
            return Ended(End.GONE, error=error)
        if not _surely_over(taken, error):
            return Ended(End.OPEN, taken.instance, until=self._times.free_at(taken.fence.until), error=error)
        if taken.instance:
            self._stop_claiming(taken, error)
            return Ended(End.GIVEN_BACK, error=error)
        place = self._close(taken, error).places.get(taken.key)
        if place is not None:
            return Ended(End.TAKEN_OVER, place.instance, by=place.by, error=error)
        told = self._outcomes.find(taken.request)
        nothing = told is not None and told.fate in (Fate.REFUSED, Fate.NOTHING)
        return Ended(End.GIVEN_BACK if nothing else End.SETTLED, told=told, error=error)

    def _stop_claiming(self, taken: Taken, error: HandrailError) -> None:
        """Leave the place of a start to the next look, which tells whether its instance runs (rule 8)."""

        def unclaimed(place: Place, now: int) -> Place:
            self._outcomes.put_if_absent(taken.request, self._told(Fate.REFUSED, now, place.instance, error))
            return rules.unclaimed(place, taken.request, now)

        self._change_mine(taken, unclaimed)

    def _close(self, taken: Taken, error: HandrailError) -> Versioned:
        """Remove the place of a create that surely made nothing, its outcome first (rules 6 and 7)."""
        self._change_mine(taken, lambda place, _now: rules.closed(place, Fate.REFUSED))

        def decide(state: Versioned) -> Places | Next:
            place = state.places.get(taken.key)
            if place is None or place.mark != taken.mark or not place.fate:
                return Next.DONE
            self._tell(place, self._told(Fate(place.fate), state.date, error=error))
            return rules.without(state.places, place.key)

        return self._change(decide)

    def _change_mine(self, taken: Taken, change: Callable[[Place, int], Place]) -> Versioned:
        """Change a place while this process has the say over it: while its mark is there, and it is reserved."""

        def decide(state: Versioned) -> Places | Next:
            place = state.places.get(taken.key)
            if place is None or place.mark != taken.mark or place.state is not State.RESERVED:
                return Next.DONE
            return {**state.places, place.key: change(place, state.date)}

        return self._change(decide)


def _surely_over(taken: Taken, error: HandrailError) -> bool:
    """Return whether nothing of a failed call has acted or can act (rules 4 and 6)."""
    fence = taken.fence
    return fence.open_until is None and not fence.took_effect and error.slug != TOKEN_MISMATCH
