"""Taking places: for a create, its repeat or its undoing, and for a start. The only code that refuses for a cap."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from handrail.core.errors import Conflict, NotFound, WrongState
from handrail.core.plan import Cap, NameWish
from handrail.core.shell import command
from handrail.ledger import places as rules
from handrail.ledger.fence import Fence
from handrail.ledger.item import Next
from handrail.ledger.naming import Namings
from handrail.ledger.places import Fate, Place, Places, Seen, Shortage, State, Versioned, Wanted
from handrail.ledger.ports import Told
from handrail.ledger.refusal import cap_reached, unreadable_place
from handrail.ledger.settling import Round

PATIENCE = 30  # seconds that a create or start waits for a place that is about to come free
REPEATABLE = 3600  # seconds after its intent for which a token may be sent again (rule 13)
REPEAT = "repeat the command with its request id to see what became of it"


@dataclass(frozen=True)
class Taken:
    """A place that this process has taken for one call, and the fence of that call. undo: a create to be undone."""

    key: str
    request: str
    region: str
    instance: str
    mark: str
    fence: Fence = field(repr=False)
    undo: bool = False


@dataclass
class Ask:
    """One command's wish for places while it is being granted."""

    wanted: tuple[Wanted, ...]
    caps: tuple[Cap, ...]
    mark: str
    wait: bool = False
    tidy: bool = True
    inherited: int | None = None
    told: Told | None = None
    here: Sequence[Seen] = ()

    def holds(self, place: Place | None) -> bool:
        """Return whether the place was taken by this wish: "my mark is there" means that the write succeeded."""
        return place is not None and place.mark == self.mark


class Taking(Namings):
    """The places of one account, as commands take them. One command waits no longer than its patience, for them all."""

    _patience = PATIENCE

    def take_for_create(self, wanted: Sequence[Wanted], caps: Iterable[Cap], *, wait: bool = True) -> tuple[Taken, ...]:
        """Take a place for each new request, all or none (rule 2).

        Raises CapReached, and Conflict if one of the requests has a place.
        """
        ask = self._ask(wanted, caps, wait)

        def decide(state: Versioned) -> Places | Next:
            _check_readable(state, wanted)
            standing = [state.places[one.key] for one in wanted if one.key in state.places]
            if len(standing) == len(wanted) and all(map(ask.holds, standing)):
                return Next.DONE
            if standing:
                raise _taken_already(standing[0])
            return self._with_new_places(state, ask)

        state = self._change(decide)
        return tuple(self._taken(state.places[one.key], ask, one) for one in wanted)

    def repeat_create(
        self, wanted: Wanted, begun: int, caps: Iterable[Cap], *, wait: bool = True
    ) -> Taken | Place | Told:
        """Go on with a create whose intent is on record since `begun`, epoch seconds (rules 12 and 13).

        Whoever asks has compared its inputs with those of the intent, which nobody can change. Returns the place to
        carry it out under, the place as it stands if the instance has it, or what became of the request. Raises
        Conflict: another owner, being cancelled, or too old to be repeated.
        """
        ask = self._ask([wanted], caps, wait)
        state = self._change(lambda state: self._repeat(state, ask, begun))
        if ask.told is not None:
            return ask.told
        place = state.places[wanted.key]
        return self._taken(place, ask, wanted) if ask.holds(place) else place

    def _repeat(self, state: Versioned, ask: Ask, begun: int) -> Places | Next:
        wanted = ask.wanted[0]
        _check_readable(state, ask.wanted)
        place = state.places.get(wanted.key)
        if place is None:
            ask.told = self._outcomes.find(wanted.request)
            if ask.told is not None:
                return Next.DONE
            if state.date - begun > REPEATABLE:
                raise _too_old(wanted.request)
            return self._with_new_places(state, ask)
        if place.owner != wanted.owner:
            raise Conflict(f"The request {wanted.request} belongs to {place.owner}.", hint="use another request id")
        if ask.holds(place) or not (place.launching or place.state is State.ENDING):
            return Next.DONE
        return self._take_over(state, place, ask, begun)

    def take_for_undo(self, wanted: Wanted, begun: int) -> Taken:
        """Take over a create in order to undo it (rule 14); carrying it out needs its original inputs.

        begun: when its intent was put on record, epoch seconds. Raises NotFound if it has no place, Conflict where it
        is being removed or too old, WrongState if it need not be undone.
        """
        ask = self._ask([wanted], (), wait=False)

        def decide(state: Versioned) -> Places | Next:
            _check_readable(state, ask.wanted)
            place = state.places.get(wanted.key)
            if place is None:
                raise NotFound(f"No place is taken for the request {wanted.request}.", hint="handrail lease list")
            if ask.holds(place):
                return Next.DONE
            if place.launching or place.state is State.ENDING:
                return self._take_over(state, place, ask, begun)
            raise WrongState(
                f"The request {wanted.request} has made {place.instance} already.",
                hint=command("ec2 delete", place.instance),
            )

        place = self._change(decide).places[wanted.key]
        return self._taken(place, ask, wanted, undo=True)

    def _take_over(self, state: Versioned, place: Place, ask: Ask, begun: int) -> Places | Next:
        """Return the places with a create under this process's mark, or settle one that can't be repeated (rule 12)."""
        too_old = state.date - begun > REPEATABLE
        if too_old or place.state is State.ENDING:
            if self._round(state, {place.key}).changed:
                return Next.AGAIN
            raise _too_old(ask.wanted[0].request) if too_old else _being_cancelled(place)
        ask.inherited = place.until
        mine = rules.taken_over(place, ask.wanted[0], ask.mark, state.date, self._times)
        return {**state.places, place.key: mine}

    def take_for_start(self, wanted: Wanted, caps: Iterable[Cap], *, wait: bool = True) -> Taken:
        """Take the place for starting an instance, reusing the one that it has (rule 8).

        Raises CapReached, and Conflict if somebody else starts or removes the instance.
        """
        ask = self._ask([wanted], caps, wait)
        state = self._change(lambda state: self._start(state, ask))
        place = rules.place_of(state.places, wanted.instance, wanted.token)
        assert place is not None  # noqa: S101  _start says DONE only where it has seen it
        return self._taken(place, ask, wanted)

    def _start(self, state: Versioned, ask: Ask) -> Places | Next:
        wanted = ask.wanted[0]
        _check_readable(state, ask.wanted)
        place = rules.place_of(state.places, wanted.instance, wanted.token)
        if place is None:
            return self._with_new_places(state, ask)
        if ask.holds(place):
            return Next.DONE
        if place.state is State.ENDING:
            raise _being_cancelled(place)
        if place.state is State.HELD:
            self._check_untold(ask)
            self._tell(place, self._told(Fate.MADE, state.date))
            ask.inherited = place.until if place.until > state.date else None
            change = rules.reused
        elif place.launching or place.by != wanted.by:
            raise _taken_already(place)
        else:
            ask.inherited = place.until
            change = rules.taken_over
        return {**state.places, place.key: change(place, wanted, ask.mark, state.date, self._times)}

    def _ask(self, wanted: Sequence[Wanted], caps: Iterable[Cap], wait: bool) -> Ask:
        return Ask(tuple(wanted), tuple(caps), self._here.new_mark(), wait)

    def _taken(self, place: Place, ask: Ask, wanted: Wanted, *, undo: bool = False) -> Taken:
        fence = Fence(place.until, self._times, ask.inherited)
        return Taken(place.key, wanted.request, place.region, place.instance, ask.mark, fence, undo)

    def _with_new_places(self, state: Versioned, ask: Ask) -> Places | Next:
        """Return the places with new ones, if this very state has room for them."""
        if not self._has_room(state, ask):
            return Next.AGAIN
        names = [NameWish(one.region, one.name, "") for one in ask.wanted if not one.instance]
        self._check_names(state, names, ask.here)
        self._check_untold(ask)
        ask.inherited = None
        return rules.with_new(
            state.places, (rules.reserved(one, ask.mark, state.date, self._times) for one in ask.wanted)
        )

    def _check_untold(self, ask: Ask) -> None:
        """Raise Conflict if one of the requests has an outcome: it was repeated and finished, or taken for dead.

        Asked after the item was read and before it is written over: whoever settles a request that has no place makes a
        new version of the item with the outcome, so that what was decided before it can't be written any more.
        """
        for one in ask.wanted:
            if self._outcomes.find(one.request) is not None:
                raise Conflict(
                    f"The request {one.request} was held up, and settled meanwhile.",
                    hint=REPEAT,
                    details={"request": one.request},
                )

    def _has_room(self, state: Versioned, ask: Ask) -> bool:
        """Return whether there is room in this very state; False: the item may have changed, read it again.

        Settles first what has run out, and everything where there is no room (rule 2). Raises CapReached.
        """
        round_ = None
        if ask.tidy and any(rules.is_due(place, state.date, self._times) for place in state.places.values()):
            round_ = self._round(state)
            if round_.changed:
                return False
        ask.tidy = False
        others, short = self._shortage(state, ask)
        if short is None:
            self._say_unseen(state)
            return True
        round_ = round_ or self._round(state)
        if not round_.changed:
            self._wait_or_refuse(short, others, round_, ask)
        return False

    def _shortage(self, state: Versioned, ask: Ask) -> tuple[tuple[Seen, ...], Shortage | None]:
        """Return the instances without a place and the cap that is full; looks only where the places leave room.

        Keeps what is alive in the command's own region, where names are judged. Raises what the look met there.
        """
        short = rules.shortage(state.places.values(), (), ask.caps, ask.wanted)
        if short is not None:
            return (), short
        here = ask.wanted[0].region
        if not ask.caps:
            ask.here = () if ask.wanted[0].instance else self._look_here(here)
            return (), None
        alive = self.alive(state)
        if here in self.unseen:
            raise self.unseen[here]
        ask.here = alive.get(here, ())
        starting = {one.instance for one in ask.wanted}
        every = rules.outside(state.places, [one for seen in alive.values() for one in seen])
        others = tuple(one for one in every if one.instance not in starting)
        return others, rules.shortage(state.places.values(), others, ask.caps, ask.wanted)

    def _wait_or_refuse(self, short: Shortage, others: Collection[Seen], round_: Round, ask: Ask) -> None:
        state, looks = round_.state, round_.looks
        pause = rules.seconds_to_room(state, looks, others, ask.caps, ask.wanted, self._times, self.unseen)
        if pause is None or not ask.wait or pause > self._patience:
            raise cap_reached(short, state, looks, others, self._times, ask.wanted[0], self.unseen)
        self._patience -= pause
        self._here.say(f"waiting {pause} s for the place of an instance that has stopped")
        self._here.sleep(pause)


def _check_readable(state: Versioned, wanted: Iterable[Wanted]) -> None:
    """Raise NotSetUp if the place of one of these is there and can't be read: nobody may take it, or another."""
    for one in wanted:
        hidden = rules.unreadable_of(state.places, one)
        if hidden is not None:
            raise unreadable_place(hidden)


def _taken_already(place: Place) -> Conflict:
    verb = "created" if place.launching else "started"
    return Conflict(
        f"{place.instance or place.known_as} is being {verb} by {place.by}.",
        hint="handrail lease list",
        details={"key": place.known_as, "by": place.by},
    )


def _being_cancelled(place: Place) -> Conflict:
    return Conflict(
        f"{place.instance or place.known_as} is being removed by {place.by}.",
        hint="handrail lease list",
        details={"key": place.known_as, "by": place.by},
    )


def _too_old(request: str) -> Conflict:
    return Conflict(
        f"The request {request} is too old to be repeated.",
        hint="use another request id",
        details={"request": request},
    )
