"""The ledger of one account as a command uses it: recorded changes, held places, and what is done without a ledger."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import ceil
from typing import Any, Protocol

from handrail.aws.dynamodb import Table
from handrail.core.plan import Places, Plan
from handrail.core.resources import TAKES_A_PLACE
from handrail.ledger import holders
from handrail.ledger.hold import NO_HOLD, LeaseHold, NoHold, held
from handrail.ledger.holders import Cap, Place, Seen, State, Times, Wanted
from handrail.ledger.lease import Lease
from handrail.ledger.ports import Here, Sides
from handrail.ledger.record import Intent, Known, Record, Unfinished, Verdict
from handrail.ledger.refusal import cap_reached
from handrail.ledger.rows import Rows
from handrail.ledger.sides import Ec2Looks, HoldersItem, RecordedOutcomes


class Recorder(Protocol):
    """What keeps a record: ledger.record.Record, or a file where the account has no ledger."""

    def intend(self, intents: Sequence[Intent]) -> None:
        """Put intents on record."""

    def settle(self, verdict: Verdict) -> bool:
        """Put an outcome on record unless there is one."""

    def renew(self, request: str, operation: str) -> bool:
        """Say that the command of an open request lives."""

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
        self._item, self._looks, self._regions = HoldersItem(table), Ec2Looks(ec2_of), tuple(regions)
        sides = Sides(self._item, self._looks, RecordedOutcomes(record))
        self.lease = Lease(sides, here, times, regions)

    @contextmanager
    def take(self, plan: Plan) -> Iterator[LeaseHold]:
        """Take the places of a plan for as long as it works."""
        with held(self.lease, plan, self.caps, self._here.by, self._here.say) as hold:
            yield hold

    def preview(self, plan: Plan) -> None:
        """Raise CapReached where there is no room; reads only (a dry run), and settles nothing.

        A place whose instance has stopped or is gone is no obstacle: the change itself would settle it first.
        """
        places = plan.places
        if places is None or not self.caps:
            return
        state = self._item.read()
        taken = [one for one in places.wishes if holders.place_of(state.places, one.instance, one.token)]
        wanted = [_wanted(places, index, self._here.by) for index, one in enumerate(places.wishes) if one not in taken]
        starting = {one.instance for one in places.wishes}
        seen = [one for region in self._regions for one in self._looks.look_all(region)]
        others = [one for one in holders.outside(state.places, seen) if one.instance not in starting]
        looks = self.lease.look_at(state.places.values())
        left = [place for key, place in state.places.items() if not self._is_over(place, looks.get(key), state.date)]
        short = holders.shortage(left, others, self.caps, wanted) if wanted else None
        if short is not None:
            state = replace(state, places={place.key: place for place in left})
            raise cap_reached(short, state, looks, others, self.times, places.owner)

    def _is_over(self, place: Place, seen: Seen | None, date: int) -> bool:
        """Return whether nothing runs in a held place any more; an instance that no look shows may be a new one."""
        ended = self.times.trusted(place.until, date) if seen is None else seen.state not in TAKES_A_PLACE
        return place.state is State.HELD and ended


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

    def preview(self, plan: Plan) -> None:
        """Refuse nothing."""


def _wanted(places: Places, index: int, by: str) -> Wanted:
    wish = places.wishes[index]
    return Wanted(wish.request, places.region, places.owner, by, wish.name, wish.instance, wish.token)


def lease_times(life: float, work: float, visibility: float, skew: float) -> Times:
    """Return the times of the lease in whole seconds, rounded to the safe side."""
    return Times(life=ceil(life), work=max(1, int(work)), visibility=ceil(visibility), skew=max(1, ceil(skew)))
