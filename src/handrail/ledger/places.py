"""The item that holds the places under a cap, as values, and every change of it as a pure function: no clock, no I/O.

Docstrings cite the rules of the lease protocol by their numbers (docs/lease.md). All times are whole seconds.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from hashlib import sha256
from math import ceil
from typing import Any

from handrail.core.errors import Conflict
from handrail.core.ownership import token_of
from handrail.core.plan import Cap
from handrail.core.resources import COUNTED, ENDED

_TYPED = re.compile(r"[A-Za-z0-9][!-~]{0,99}")


class State(StrEnum):
    """What a place is: reserved for a call, held by an instance, or condemned (only towards its removal).

    Unreadable: written by a newer Handrail, or damaged; it counts under every cap, and nobody frees it by itself.
    """

    RESERVED = "reserved"
    HELD = "held"
    ENDING = "ending"
    UNREADABLE = "unreadable"


class Call(StrEnum):
    """The call that a place was last taken for."""

    CREATE = "create"
    START = "start"


class Fate(StrEnum):
    """What became of a request, as the record keeps it."""

    MADE = "made"  # it did what it should, whatever happened since
    ADOPTED = "adopted"  # the same, found by somebody else's look
    GONE = "gone"  # its instance was terminated before anybody confirmed it
    CANCELLED = "cancelled"  # undone by `lease release --now`
    NOTHING = "nothing"  # a create of which no instance exists, and none can appear any more
    NOT_RUNNING = "not running"  # a start that nobody confirmed: its instance was found stopped, or not at all
    REFUSED = "refused"  # AWS refused it, or it was never sent
    LET_GO = "let go"  # its region can't be looked at, and somebody has answered for it: what became of it is not known


class Verdict(Enum):
    """What settling does with one place."""

    KEEP = "keep"
    ADOPT = "adopt"
    TERMINATE = "terminate"
    CLOSE = "close"
    FREE = "free"


@dataclass(frozen=True)
class Times:
    """The four times that the lease rests on (docs/lease.md, assumptions A2 to A4), in whole seconds.

    Whole, because the Date header is: a look is trusted from the next second on.
    """

    life: int = 900
    work: int = 120
    visibility: int = 180
    skew: int = 10

    @property
    def term(self) -> int:
        """Return for how long a place is reserved."""
        return self.life + self.work + self.skew

    def end_of(self, signed: float) -> int:
        """Return the moment after which a request signed then (its X-Amz-Date) can have no effect any more."""
        return ceil(signed) + self.life + self.skew

    def trusted(self, until: int, date: int) -> bool:
        """Return whether a look sent after a reply of this date counts for a place with this `until` (LOOK RULE)."""
        return date > until + self.visibility

    def free_at(self, until: int) -> int:
        """Return the first date after which a look counts."""
        return until + self.visibility + 1


@dataclass(frozen=True)
class Place:
    """A place under the caps.

    key: what it was taken for, by its call: `create:REQUEST` or `start:INSTANCE`. until: the moment after which no call
    of Handrail can make its instance run or appear. mark: who has the say over it. owner: whose instance it is (for the
    caps); by: who took it. requests: those whose outcome is told when it is settled, the newest last. fate: of an
    ENDING place that waits for nothing but its outcome being told. rest: members that this version does not know, kept
    as they are; of an unreadable place all that is stored.
    """

    key: str
    state: State
    call: Call
    mark: str
    region: str
    owner: str
    by: str
    name: str
    since: int
    until: int
    requests: tuple[str, ...]
    instance: str = ""
    fate: str = ""
    rest: Any = field(default_factory=dict, hash=False)

    @property
    def launching(self) -> bool:
        """Return whether it is reserved for a create that nobody has confirmed."""
        return self.state is State.RESERVED and self.call is Call.CREATE

    @property
    def known_as(self) -> str:
        """Return what people know it by: the request of a create, the instance of a start."""
        return self.key.removeprefix(f"{Call.CREATE}:").removeprefix(f"{Call.START}:")

    @property
    def handle(self) -> str:
        """Return a word that names it and that a person can give: its key, or a hash of one that can't be typed."""
        if _TYPED.fullmatch(self.key):
            return self.key
        return f"unreadable-{sha256(self.key.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"

    @property
    def token(self) -> str:
        """Return the ClientToken of the create that it was taken for; empty for a start's."""
        made = self.key.startswith(f"{Call.CREATE}:")
        return token_of(self.known_as) if made else ""

    @property
    def is_readable(self) -> bool:
        """Return whether this version understands it."""
        return self.state is not State.UNREADABLE


Places = Mapping[str, Place]


@dataclass(frozen=True)
class Naming:
    """A name that an instance is being given, or was given a moment ago (rule 19).

    until: the moment after which no call can give it any more. rest: as of a place; until is out of reach where it
    can't be read.
    """

    region: str
    name: str
    instance: str
    mark: str
    by: str
    until: int
    rest: Any = field(default_factory=dict, hash=False)
    is_readable: bool = True

    @property
    def key(self) -> str:
        """Return its key: no two instances of a region are given one name."""
        return naming_key(self.region, self.name)


Names = Mapping[str, Naming]


@dataclass(frozen=True)
class Versioned:
    """The item as one reply showed it, or as it is to be written over that version.

    date: the Date header of that reply. regions: all in which there ever was a place. names: those on their way to an
    instance. rest: what this version does not know of the item, kept as it is.
    """

    places: Places
    version: int
    date: int
    regions: tuple[str, ...] = ()
    names: Names = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """An instance as one look showed it."""

    instance: str
    state: str
    token: str
    region: str
    owner: str = ""
    name: str = ""
    managed: bool = True


@dataclass(frozen=True)
class Wanted:
    """A place that a call needs. request: the id of the command. instance and token: of the instance to start."""

    request: str
    region: str
    owner: str
    by: str
    name: str = ""
    instance: str = ""
    token: str = ""

    @property
    def key(self) -> str:
        """Return the key that a new place gets: by its kind, so that no create can have that of a start."""
        return start_key(self.instance) if self.instance else create_key(self.request)


@dataclass(frozen=True)
class Shortage:
    """The first cap that has no room: how many places under it are taken, how many are wanted, and for whom."""

    cap: Cap
    count: int
    wanted: int
    owner: str = ""


# ---- the keys of the item --------------------------------------------------------------------------------------------


def create_key(request: str) -> str:
    """Return the key of the place of a create."""
    return f"{Call.CREATE}:{request}"


def start_key(instance: str) -> str:
    """Return the key of a place that was taken for a start."""
    return f"{Call.START}:{instance}"


def naming_key(region: str, name: str) -> str:
    """Return the key of a name in flight."""
    return f"{region}/{name}"


# ---- changes of one place -------------------------------------------------------------------------------------------


def reserved(wanted: Wanted, mark: str, now: int, times: Times) -> Place:
    """Return a new place for a create (rule 2) or a start (rule 8)."""
    return Place(
        key=wanted.key,
        state=State.RESERVED,
        call=Call.START if wanted.instance else Call.CREATE,
        mark=mark,
        region=wanted.region,
        owner=wanted.owner,
        by=wanted.by,
        name=wanted.name,
        since=now,
        until=now + times.term,
        requests=(wanted.request,),
        instance=wanted.instance,
    )


def taken_over(place: Place, wanted: Wanted, mark: str, now: int, times: Times) -> Place:
    """Return a reserved place under a new mark (rule 12). Its old `until` is still an end that must pass."""
    requests = (*(request for request in place.requests if request != wanted.request), wanted.request)
    return replace(place, mark=mark, by=wanted.by, until=max(place.until, now + times.term), requests=requests)


def reused(place: Place, wanted: Wanted, mark: str, now: int, times: Times) -> Place:
    """Return the place that an instance holds, reserved for starting it again (rule 8)."""
    until = max(place.until, now + times.term)
    state, call, requests = State.RESERVED, Call.START, (wanted.request,)
    return replace(place, state=state, call=call, mark=mark, by=wanted.by, since=now, until=until, requests=requests)


def held(place: Place, instance: str, until: int) -> Place:
    """Return the place as held by an instance (rules 5 and 8)."""
    return replace(place, state=State.HELD, instance=instance, until=until)


def unclaimed(place: Place, request: str, now: int) -> Place:
    """Return the place of a start that AWS refused: the next look tells whether the instance runs (rule 8)."""
    return replace(place, state=State.HELD, until=now, requests=tuple(one for one in place.requests if one != request))


def adopted(place: Place, instance: str, mark: str, now: int) -> Place:
    """Return a place that ran out as held by the instance that a look found (rule 10)."""
    return replace(place, state=State.HELD, instance=instance, until=now, mark=mark)


def condemned(place: Place, instance: str, now: int) -> Place:
    """Return the place of an instance that must be terminated (rule 14)."""
    return replace(place, state=State.ENDING, instance=instance, until=now)


def closed(place: Place, fate: Fate) -> Place:
    """Return a place that nobody may take over any more, since its outcome is about to be told (rule 7).

    Told first and removed afterwards, without this step, a repeat of the request could take the place over in
    between and launch what the record already says was never made.
    """
    return replace(place, state=State.ENDING, fate=fate.value)


# ---- reading the item -----------------------------------------------------------------------------------------------


def without(places: Places, key: str) -> Places:
    """Return the places without one."""
    return {other: place for other, place in places.items() if other != key}


def with_new(places: Places, new: Iterable[Place]) -> Places:
    """Return the places with new ones: the only way that one comes in. Raises Conflict: a key is never overwritten."""
    grown = dict(places)
    for place in new:
        if place.key in grown:
            raise Conflict(
                f"there is a place for {place.known_as} already.",
                hint="handrail lease list",
                details={"key": place.known_as},
            )
        grown[place.key] = place
    return grown


def place_of(places: Places, instance: str, token: str) -> Place | None:
    """Return the place of an instance: by its id, or by its ClientToken while its create is not confirmed (rule 8)."""
    seen = Seen(instance, "", token, "")
    return next((place for place in places.values() if is_place_of(place, seen)), None)


def is_place_of(place: Place, seen: Seen) -> bool:
    """Return whether a place is of an instance: by its id, or by its ClientToken while its create is not confirmed."""
    by_token = not place.instance and place.token != "" and place.token == seen.token
    return place.is_readable and (place.instance == seen.instance or by_token)


def may_end(place: Place, seen: Seen | None, places: Places) -> bool:
    """Return whether clean-up may end the instance of a condemned place (rule 10).

    Only what a look shows, and shows as made by the place's own request, and what no other place is of: what stands in
    the item may be edited, the ClientToken of an instance can't be.
    """
    if seen is None or not seen.managed or not seen.token or seen.token != place.token:
        return False
    others = without(places, place.key)
    wanted = Wanted("", seen.region, seen.owner, "", instance=seen.instance, token=seen.token)
    return place_of(others, seen.instance, seen.token) is None and unreadable_of(others, wanted) is None


def is_anothers(place: Place, seen: Seen | None, places: Places) -> bool:
    """Return whether a place is condemned with an instance that lives and is not its own: nobody frees it by itself."""
    condemned_ = place.state is State.ENDING and not place.fate
    return condemned_ and seen is not None and seen.state not in ENDED and not may_end(place, seen, places)


def unreadable_of(places: Places, wanted: Wanted) -> Place | None:
    """Return a place that can't be read and may be the one that is wanted."""
    names = (wanted.instance, wanted.token) if wanted.instance else ("", token_of(wanted.request))
    for place in places.values():
        said = place.rest.get("instance") if isinstance(place.rest, Mapping) else ""
        mine = (place.known_as, said, token_of(place.known_as))
        if not place.is_readable and any(name and name in mine for name in names):
            return place
    return None


def names_left(state: Versioned, times: Times) -> Names:
    """Return the names in flight that a look can't be trusted to show yet."""
    return {key: one for key, one in state.names.items() if not times.trusted(one.until, state.date)}


def outside(places: Places, seen: Iterable[Seen]) -> tuple[Seen, ...]:
    """Return the managed instances that run without a place (rule 11)."""
    return tuple(
        one
        for one in seen
        if one.managed and one.state in COUNTED and place_of(places, one.instance, one.token) is None
    )


def shortage(
    places: Collection[Place], others: Collection[Seen], caps: Iterable[Cap], wanted: Sequence[Wanted]
) -> Shortage | None:
    """Return the first cap under which the wanted places do not fit beside these places and other instances."""
    for cap in caps:
        count = sum(_counts(cap, place, wanted[0]) for place in places)
        count += sum(_counts(cap, one, wanted[0]) for one in others)
        if count + len(wanted) > cap.limit:
            return Shortage(cap, count, len(wanted), wanted[0].owner)
    return None


def _counts(cap: Cap, one: Place | Seen, wanted: Wanted) -> bool:
    if isinstance(one, Place) and not one.is_readable:
        return True  # it may be of any region and anybody's
    if cap.scope == "region":
        return one.region == wanted.region
    return cap.scope != "owner" or one.owner == wanted.owner


def is_due(place: Place, date: int, times: Times) -> bool:
    """Return whether settling may find something to do with a place, whatever its instance does."""
    return place.state is State.ENDING or (place.state is State.RESERVED and times.trusted(place.until, date))


def judge(place: Place, seen: Seen | None, trusted: bool) -> Verdict:
    """Return what to do with a place after a look at its instance (rule 10). trusted: whether the look counts."""
    if place.fate or (seen is not None and seen.state in ENDED):
        return Verdict.FREE
    absent = seen is None
    if place.state is State.ENDING:
        return Verdict.FREE if absent and trusted else Verdict.TERMINATE
    if not trusted:
        return Verdict.KEEP
    if absent and place.launching:
        return Verdict.CLOSE
    if seen is None or seen.state == "stopped":
        return Verdict.FREE
    return Verdict.ADOPT if place.state is State.RESERVED and seen.state in COUNTED else Verdict.KEEP


def fate_of(place: Place, seen: Seen | None) -> Fate:
    """Return the outcome of the requests of a place that is settled after this look (rule 7).

    Each stays true whatever happens next; that a create made nothing only does once its place is closed.
    """
    if place.fate:
        return Fate(place.fate)
    if place.state is State.HELD:
        return Fate.MADE
    if place.state is State.ENDING:
        return Fate.CANCELLED
    if seen is not None and seen.state in COUNTED:
        return Fate.ADOPTED
    if seen is not None and seen.state in ENDED:
        return Fate.GONE
    return Fate.MADE if place.call is Call.CREATE else Fate.NOT_RUNNING


def seconds_to_room(
    state: Versioned,
    looks: Mapping[str, Seen],
    others: Collection[Seen],
    caps: Sequence[Cap],
    wanted: Sequence[Wanted],
    times: Times,
    unseen: Collection[str] = (),
) -> int | None:
    """Return in how many seconds there is room if what a look shows as stopped stays so; None: never by that alone.

    Only held places count: a reserved one may be about to be used. unseen: regions that can't be looked at.
    """
    left = dict(state.places)
    held = [place for place in left.values() if place.state is State.HELD and place.region not in unseen]
    stopped = [place for place in held if _rests(looks.get(place.key))]
    for place in sorted(stopped, key=lambda one: (one.until, one.key)):
        del left[place.key]
        if shortage(left.values(), others, caps, wanted) is None:
            return max(1, times.free_at(place.until) - state.date)
    return None


def _rests(seen: Seen | None) -> bool:
    return seen is None or seen.state == "stopped"
