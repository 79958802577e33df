"""The ledger of one account as a command uses it: recorded changes, held places, and what is done without a ledger."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import ceil
from typing import Any, Protocol

from handrail.aws.dynamodb import Table
from handrail.core.errors import CapReached
from handrail.core.plan import Cap, Plan
from handrail.core.plan import Places as Wishes
from handrail.core.resources import TAKES_A_PLACE, Instance
from handrail.ledger import places as rules
from handrail.ledger.lease import Lease
from handrail.ledger.on_aws import Ec2Looks, HoldersItem, RecordedOutcomes, seen_of
from handrail.ledger.places import Place, Places, Seen, State, Times, Versioned, Wanted
from handrail.ledger.plan_places import NO_HOLD, LeaseHold, NoHold, held, wanted_of
from handrail.ledger.ports import Here, Sides
from handrail.ledger.record import Intent, Known, Record, Unfinished, Verdict
from handrail.ledger.refusal import cap_reached
from handrail.ledger.rows import Rows


class Recorder(Protocol):
    """What keeps a record: ledger.record.Record, or a file where the account has no ledger."""

    def intend(self, intents: Sequence[Intent]) -> None:
        """Put intents on record."""

    def settle(self, verdict: Verdict) -> bool:
        """Put an outcome on record unless there is one."""

    def renew(self, request: str) -> bool:
        """Say that the command of an open request lives."""

    def put_off(self, one: Unfinished) -> None:
        """Note that an open request could not be settled now."""

    def forget(self, request: str) -> None:
        """Take the mark of an open request away of which nothing is left to settle."""

    def intend_and_settle(self, intent: Intent, verdict: Verdict) -> None:
        """Put a request on record that ended before it began."""

    def find(self, request: str) -> Known | None:
        """Return a request."""

    def unfinished(self) -> list[Unfinished]:
        """Return the requests of everybody that have no outcome."""

    def now(self) -> float:
        """Return the time of day that entries are stamped with."""


class Ledger:
    """The ledger on its table. regions: where managed instances may run without a place (docs/lease.md, rule 11)."""

    def __init__(
        self,
        table: Table,
        record: Record,
        ec2_of: Callable[[str], Any],
        times: Times,
        here: Here,
        regions: Sequence[str],
        caps: Sequence[Cap],
    ) -> None:
        self.record, self.rows = record, Rows(table)
        self.times, self.caps, self._here = times, tuple(caps), here
        self._item = HoldersItem(table)
        sides = Sides(self._item, Ec2Looks(ec2_of), RecordedOutcomes(record, here.spent))
        self.lease = Lease(sides, here, times, regions)

    @contextmanager
    def take(self, plan: Plan) -> Iterator[LeaseHold]:
        """Take the places of a plan for as long as it works."""
        with held(self.lease, plan, self.caps, self._here.by, self._here.say) as hold:
            yield hold

    def preview(self, places: Wishes) -> dict[str, CapReached]:
        """Return the refusals of single starts by their requests; reads only (a dry run), and settles nothing.

        Raises CapReached where there is no room for the new requests. A place whose instance has stopped or is gone is
        no obstacle: the change itself would settle it first.
        """
        if not self.caps:
            return {}
        state = self._item.read()
        looks = self.lease.look_at(state.places.values())
        left = [place for key, place in state.places.items() if not self._is_over(place, looks.get(key), state.date)]
        starting = {one.instance for one in places.wishes}
        others = [one for one in self.lease.outside(state) if one.instance not in starting]
        shown = replace(state, places={place.key: place for place in left})
        refused: dict[str, CapReached] = {}
        for group in _groups(places, state.places, self._here.by):
            short = rules.shortage(left, others, self.caps, group)
            if short is None:
                left += [rules.reserved(one, "", state.date, self.times) for one in group]
                continue
            refusal = cap_reached(short, shown, looks, others, self.times, group[0], self.lease.unseen)
            if not group[0].instance:
                raise refusal
            refused[group[0].request] = refusal
        return refused

    def taken(self, region: str, live: Sequence[Instance]) -> int:
        """Return how many places of the account are taken, with what runs without one in a region.

        live: what was just seen alive there. A place of the region whose instance is not among it gets a look.
        """
        state = self._item.read()
        running = {one.id for one in live if one.takes_a_place}
        doubtful = {
            key: place
            for key, place in state.places.items()
            if place.region == region and place.state is State.HELD and place.instance not in running
        }
        looks = self.lease.look_at(doubtful.values()) if doubtful else {}
        over = [key for key, place in doubtful.items() if self._is_over(place, looks.get(key), state.date)]
        return len(state.places) - len(over) + len(rules.outside(state.places, map(seen_of, live)))

    def _is_over(self, place: Place, seen: Seen | None, date: int) -> bool:
        """Return whether nothing runs in a held place any more; an instance that no look shows may be a new one."""
        if place.state is not State.HELD or place.region in self.lease.unseen:
            return False
        return self.times.trusted(place.until, date) if seen is None else seen.state not in TAKES_A_PLACE


class NoLedger:
    """Where the account has none and the policy needs none: nothing is capped, the record is a file."""

    lease = None
    rows = None
    times = None

    def __init__(self, record: Recorder) -> None:
        self.record = record

    @contextmanager
    def take(self, plan: Plan) -> Iterator[NoHold]:
        """Take nothing."""
        yield NO_HOLD

    def preview(self, places: Wishes) -> dict[str, CapReached]:
        """Refuse nothing."""
        return {}

    def taken(self, region: str, live: Sequence[Instance]) -> int:
        """Return how many of these instances would take a place: nothing keeps any here."""
        return sum(one.takes_a_place for one in live)


def preview_of_none(places: Wishes, caps: Sequence[Cap], by: str) -> dict[str, CapReached]:
    """Return what `Ledger.preview` would where nobody has taken a place yet."""
    for group in _groups(places, {}, by):
        short = rules.shortage((), (), caps, group)
        if short is not None:
            raise cap_reached(short, Versioned({}, 0, 0), {}, (), Times(), group[0])
    return {}


def _groups(places: Wishes, there: Places, by: str) -> list[list[Wanted]]:
    """Return the wishes that need a new place: those of new requests together, each start by itself."""
    new = [wish for wish in places.wishes if rules.place_of(there, wish.instance, wish.token) is None]
    new = [wish for wish in new if wish.instance or rules.create_key(wish.request) not in there]
    wanted = [wanted_of(wish, places, by) for wish in new]
    creates = [one for one in wanted if not one.instance]
    return [*([creates] if creates else []), *([one] for one in wanted if one.instance)]


def lease_times(life: float, work: float, visibility: float, skew: float) -> Times:
    """Return the times of the lease in whole seconds, rounded to the safe side."""
    return Times(life=ceil(life), work=max(1, int(work)), visibility=ceil(visibility), skew=max(1, ceil(skew)))
