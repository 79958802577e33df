"""Settling: what anybody may do with places that have run out, or whose instance a look shows as stopped or gone."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from handrail.core.amounts import count
from handrail.core.errors import AwsFailure, HandrailError, Throttled, Unreachable, WrongState
from handrail.core.resources import ENDED
from handrail.ledger import places as rules
from handrail.ledger.item import TURNS, Item, Next, too_busy
from handrail.ledger.places import Fate, Place, Places, Seen, State, Times, Verdict, Versioned
from handrail.ledger.ports import Here, Sides, Told
from handrail.ledger.refusal import FATES, holder_rows, unseen_note

_GONE = Seen("", "terminated", "", "")


@dataclass(frozen=True)
class Settled:
    """What settling did with one place."""

    place: Place
    verdict: Verdict
    seen: Seen | None

    @property
    def instance(self) -> str:
        """Return the instance of the place, as far as it is known."""
        return self.place.instance or (self.seen.instance if self.seen else "")


@dataclass
class Round:
    """One pass of settling: what it saw and did, and whether the item has changed since it was read."""

    changed: bool
    state: Versioned
    looks: dict[str, Seen] = field(default_factory=dict)
    done: list[Settled] = field(default_factory=list)
    unfinished: bool = False


class Settling(Item):
    """The places of one account, looked at. regions: where managed instances may run without a place (rule 11).

    unseen: the regions that this command could not look at, and why: it asks each once (rule 20).
    """

    def __init__(self, sides: Sides, here: Here, times: Times, regions: Iterable[str]) -> None:
        super().__init__(sides, here)
        self._compute, self._times, self._regions = sides.compute, times, tuple(regions)
        self.unseen: dict[str, HandrailError] = {}
        self._said: set[str] = set()

    def note_gone(self, instance: str, token: str) -> None:
        """Free the place of an instance that a reply or look has shown to be shutting down or terminated (rule 9)."""
        self._remove(lambda places: rules.place_of(places, instance, token))

    def note_stopped(self, instance: str, token: str) -> int | None:
        """Free the place of an instance that was stopped, if a look counts already (rule 9).

        Returns None if it has no place now, else when it is free at the latest. Raises what the look met.
        """
        state = self._holders.read()
        place = rules.place_of(state.places, instance, token)
        if place is None:
            return None
        state = self._settle(state, {place.key})[0]
        if place.region in self.unseen:
            raise self.unseen[place.region]
        place = rules.place_of(state.places, instance, token)
        return None if place is None else self._times.free_at(place.until)

    def _remove(self, find: Callable[[Places], Place | None]) -> None:
        """Remove a place whose instance is gone for good, its outcome first: in any state, under any mark."""

        def decide(state: Versioned) -> Places | Next:
            place = find(state.places)
            if place is None:
                return Next.DONE
            self._tell(place, self._told(rules.fate_of(place, _GONE), state.date))
            return rules.without(state.places, place.key)

        self._change(decide)

    def tell_absent(self, request: str, what: str, look: Callable[[], Told]) -> None:
        """Tell the outcome of a request that was cut off and holds no place: as a look shows, or as its place says.

        what: the request in words, for who sees it settled. look: sent after the item was read. What it shows is told
        only over the version in which the request has no place, and makes a new one: a command that wakes up finds the
        outcome before it takes a place, or has taken it before, and then nothing is told.
        """
        state = self._holders.read()
        place = next((one for one in state.places.values() if request in one.requests), None)
        if place is None:
            told = look()
            if self._outcomes.put_over(request, told, state):
                self._here.say(f"settled what was cut off: {what}: {FATES[told.fate]}")
        elif place.state is State.HELD:  # its command was cut off after it had confirmed the place
            self._outcomes.put_if_absent(request, self._told(Fate.MADE, state.date, place.instance))

    def settle(self, keys: Collection[str] | None = None) -> tuple[Settled, ...]:
        """Look at what the places are for, and free, adopt or finish what has run out (rules 10 and 15).

        keys: only these places. Returns what was done.
        """
        return self._settle(self._holders.read(), keys)[1]

    def _settle(self, state: Versioned, keys: Collection[str] | None) -> tuple[Versioned, tuple[Settled, ...]]:
        done: list[Settled] = []
        for _ in range(TURNS):
            round_ = self._round(state, keys)
            done += round_.done
            state = round_.state
            if not round_.unfinished:
                return state, tuple(done)
        raise too_busy()

    def _round(self, state: Versioned, keys: Collection[str] | None = None) -> Round:
        """Look once at the places of this state, and write what follows only over this very state (LOOK RULE)."""
        chosen = [one for key, one in state.places.items() if one.is_readable and (keys is None or key in keys)]
        looks = self.look_at(chosen)
        seen = [place for place in chosen if place.fate or place.region not in self.unseen]
        steps = [self._judge(place, looks.get(place.key), state) for place in seen]
        steps = [step for step in steps if step.verdict not in (Verdict.KEEP, Verdict.TERMINATE)]
        places, steps = self._settled_places(state, steps)
        if not steps:
            return Round(False, state, looks)
        after = self._write(replace(state, places=places))
        won = after.places == places
        closing = any(step.verdict is Verdict.CLOSE for step in steps)
        if won:
            self._say(steps)
        return Round(True, after, looks, steps if won else [], unfinished=closing or not won)

    def _say(self, steps: Iterable[Settled]) -> None:
        """Say what became of the calls that were cut off; that a place is free again needs no words."""
        for step in steps:
            place = step.place
            if place.state is not State.HELD and step.verdict in (Verdict.FREE, Verdict.ADOPT):
                what = f"ec2 {place.call} of {place.name or step.instance} (request {place.requests[-1]})"
                whose = "you" if place.by == self._here.by else place.by
                fate = FATES[rules.fate_of(place, step.seen)]
                self._here.say(f"settled what was cut off: {what} of {whose}: {fate}")

    def look_at(self, places: Iterable[Place]) -> dict[str, Seen]:
        """Return the instance of each place by the place's key: by ClientToken until its id is known (rule 10).

        Of a region that can't be looked at nothing is returned; it is among the `unseen` then.
        """
        regions: dict[str, list[Place]] = {}
        for place in places:
            if place.is_readable and not place.fate:
                regions.setdefault(place.region, []).append(place)
        looks: dict[str, Seen] = {}
        for region, there in regions.items():
            ids = [place.instance for place in there if place.instance]
            tokens = [place.token for place in there if not place.instance]
            for seen in self._seen_in(region, partial(self._compute.look, region, ids, tokens)):
                looks.update((place.key, seen) for place in there if rules.is_place_of(place, seen))
        return looks

    def _judge(self, place: Place, seen: Seen | None, state: Versioned) -> Settled:
        trusted = self._times.trusted(place.until, state.date)
        verdict = rules.judge(place, seen, trusted)
        if verdict is Verdict.TERMINATE and rules.may_end(place, seen, state.places):
            seen = self._terminate_again(place) or seen
            if seen is not None and seen.state in ENDED:
                verdict = Verdict.FREE
        return Settled(place, verdict, seen)

    def _terminate_again(self, place: Place) -> Seen | None:
        """Repeat the terminate of a condemned instance (rule 10). Whoever may not leaves it to the next one."""
        try:
            return next(iter(self._compute.terminate(place.region, [place.instance])), None)
        except HandrailError:
            return None

    def _settled_places(self, state: Versioned, steps: Iterable[Settled]) -> tuple[Places, list[Settled]]:
        """Tell what became of each place; return the places after it, and the steps that were made.

        One whose outcome AWS does not take stays as it is, and is in no other's way.
        """
        places, made = dict(state.places), []
        for step in steps:
            place = step.place
            if step.verdict is Verdict.CLOSE:
                places[place.key] = rules.closed(place, Fate.NOTHING)
            elif not self._is_told(step, state.date):
                continue
            elif step.verdict is Verdict.FREE:
                del places[place.key]
            else:
                places[place.key] = rules.adopted(place, step.instance, self._here.new_mark(), state.date)
            made.append(step)
        return places, made

    def _is_told(self, step: Settled, date: int) -> bool:
        """Tell the outcome of a place; return whether AWS took it, and say where it did not."""
        place = step.place
        try:
            self._tell(place, self._told(rules.fate_of(place, step.seen), date, step.instance))
        except (Throttled, Unreachable):
            raise
        except AwsFailure as error:
            if place.key not in self._said:
                self._said.add(place.key)
                self._here.say(f"warning: the place {place.key} can't be settled now: {error.message}")
            return False
        return True

    def _seen_in(self, region: str, look: Callable[[], Sequence[Seen]]) -> Sequence[Seen]:
        """Return what a look at a region shows: nothing where it fails, and then it is not asked again (rule 20)."""
        if region not in self.unseen:
            try:
                return look()
            except HandrailError as error:
                self.unseen[region] = error
        return ()

    def _say_unseen(self, state: Versioned) -> None:
        """Say, once, which regions can't be looked at, and how many places count there all the same."""
        for region in sorted(self.unseen.keys() - self._said):
            held = sum(place.is_readable and place.region == region for place in state.places.values())
            if held:
                self._said.add(region)
                what = f"{unseen_note(region, self.unseen[region])}; its {count(held, 'place')}"
                self._here.say(f"warning: {what} count{'s' if held == 1 else ''} as taken: handrail lease list")

    def alive(self, state: Versioned) -> dict[str, Sequence[Seen]]:
        """Return what is alive and Handrail's, in the regions of this command and wherever there ever was a place."""
        regions = {*self._regions, *state.regions, *(one.region for one in state.places.values() if one.is_readable)}
        return {region: self._seen_in(region, partial(self._compute.look_all, region)) for region in sorted(regions)}

    def outside(self, state: Versioned) -> tuple[Seen, ...]:
        """Return what runs without a place."""
        return rules.outside(state.places, [one for seen in self.alive(state).values() for one in seen])

    def overview(self) -> list[dict[str, object]]:
        """Return who holds the places, and what runs without one, as JSON-ready rows; changes nothing."""
        state = self._holders.read()
        looks = self.look_at(state.places.values())
        return holder_rows(state, looks, self.outside(state), self._times, self.unseen)

    def let_go(self, handle: str) -> None:
        """Free a place without a look, because somebody answers for it: that nothing of it runs, or that it may.

        One whose region can't be looked at, once nothing of its call can act any more, one that can't be read (rule
        20), or one that is condemned with an instance that is not its own (rule 10). What runs in it all the same is
        counted again as soon as a look shows it. Raises WrongState, NotFound.
        """

        def decide(state: Versioned) -> Places | Next:
            place = next((one for one in state.places.values() if one.handle == handle), None)
            if place is None:
                return Next.DONE
            over = self._times.trusted(place.until, state.date)
            dark = place.region in self.unseen and over
            if place.is_readable and not dark and not self._is_anothers(place, state):
                raise WrongState(
                    f"the place of {place.name or place.known_as} can't be let go now.", hint="handrail lease list"
                )
            self._tell(place, self._told(Fate.LET_GO, state.date))
            return rules.without(state.places, place.key)

        self._change(decide)

    def _is_anothers(self, place: Place, state: Versioned) -> bool:
        """Return whether a look shows a condemned place with an instance that is not its own."""
        return rules.is_anothers(place, self.look_at([place]).get(place.key), state.places)
