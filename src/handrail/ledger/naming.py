"""Names: one live instance of a region has each, whoever creates or renames at the same moment (rule 19).

A name on its way to an instance stands in the same item as the places, and is judged in the same compare-and-set.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from handrail.core.errors import Conflict, HandrailError
from handrail.core.plan import NameWish
from handrail.core.resources import ENDED
from handrail.ledger import places as rules
from handrail.ledger.fence import Fence
from handrail.ledger.item import Next
from handrail.ledger.places import Call, Naming, Place, Seen, Versioned
from handrail.ledger.settling import Settling


class Namings(Settling):
    """The names of one account, as commands take them."""

    @contextmanager
    def naming(self, wish: NameWish) -> Iterator[Fence]:
        """Take a name for an instance, let the call that gives it be made under its fence, and see to what is left.

        Raises Conflict where the name is taken. Whatever else is raised goes on: the name stays taken for as long as
        the call may still act.
        """
        mark = self._here.new_mark()
        fence = self._take_name(wish, mark)
        try:
            yield fence
        except HandrailError:
            if fence.open_until is None and not fence.took_effect:
                self._end_naming(wish, mark, _given_back)
            raise
        self._end_naming(wish, mark, lambda state, mine: self._named(state, mine, fence))

    def _take_name(self, wish: NameWish, mark: str) -> Fence:
        key = rules.naming_key(wish.region, wish.name)
        before: list[int] = []

        def decide(state: Versioned) -> Versioned | Next:
            there = state.names.get(key)
            if there is not None and there.mark == mark:
                return Next.DONE
            self._check_names(state, [wish], self._look_here(wish.region))
            names = rules.names_left(state, self._times)
            before[:] = [there.until] if key in names and there is not None else []
            until = max([state.date + self._times.term, *before])
            mine = Naming(wish.region, wish.name, wish.instance, mark, self._here.by, until)
            return replace(state, names={**names, key: mine})

        state = self._change(decide)
        return Fence(state.names[key].until, self._times, *before)

    def _end_naming(self, wish: NameWish, mark: str, end: Callable[[Versioned, Naming], Versioned]) -> None:
        """Write how a rename ended, while the name is under its mark; it runs out by itself where nobody answers."""

        def decide(state: Versioned) -> Versioned | Next:
            mine = state.names.get(rules.naming_key(wish.region, wish.name))
            return Next.DONE if mine is None or mine.mark != mark else end(state, mine)

        with suppress(HandrailError):
            self._change(decide)

    def _named(self, state: Versioned, mine: Naming, fence: Fence) -> Versioned:
        """Return the item once the instance has the name: taken until every look shows it, and no open call can act."""
        until = min(mine.until, max(state.date, fence.open_until or 0))
        names = {**state.names, mine.key: replace(mine, until=until, mark="")}
        places = {
            key: replace(place, name=mine.name) if place.is_readable and place.instance == mine.instance else place
            for key, place in state.places.items()
        }
        return replace(state, names=names, places=places)

    def _look_here(self, region: str) -> Sequence[Seen]:
        """Return what is alive in the region of a command. Raises what the look met: here it can't be done without."""
        return self._compute.look_all(region)

    def _check_names(self, state: Versioned, wishes: Collection[NameWish], live: Sequence[Seen]) -> None:
        """Raise Conflict if a live instance has one of the names, or one that no look need show yet is about to.

        live: what a look at the region showed that was sent after the item was read.
        """
        coming = [place for place in state.places.values() if not self._times.trusted(place.until, state.date)]
        names = rules.names_left(state, self._times)
        for wish in wishes:
            for seen in live:
                other = seen.managed and seen.state not in ENDED and seen.instance != wish.instance
                if other and seen.name == wish.name:
                    raise _taken(wish, f"{seen.instance} is {seen.state}", seen.instance)
            for place in coming:
                if (place.region, place.name) == (wish.region, wish.name):
                    self._check_not_coming(place, wish)
            given = names.get(rules.naming_key(wish.region, wish.name))
            if given is not None and (not wish.instance or given.instance != wish.instance):
                self._check_not_given(given, wish)

    def _check_not_coming(self, place: Place, wish: NameWish) -> None:
        if wish.instance and place.instance == wish.instance:
            return
        seen = self.look_at([place]).get(place.key)
        if seen is None or (seen.state not in ENDED and seen.name == wish.name):
            doing = "started" if place.call is Call.START else "created"
            raise _taken(wish, f"{place.instance or place.known_as} is being {doing} by {place.by}", place.known_as)

    def _check_not_given(self, given: Naming, wish: NameWish) -> None:
        if not given.is_readable:
            raise _taken(wish, "what the row lease/holders says of it can't be read", "")
        seen = self._seen_in(given.region, lambda: self._compute.look(given.region, [given.instance], []))
        if not any(one.state in ENDED for one in seen):
            raise _taken(wish, f"{given.instance} was given it by {given.by} a moment ago", given.instance)


def _given_back(state: Versioned, mine: Naming) -> Versioned:
    return replace(state, names={key: one for key, one in state.names.items() if key != mine.key})


def _taken(wish: NameWish, why: str, key: str) -> Conflict:
    return Conflict(
        f"the name {wish.name} is taken: {why}.",
        hint="choose another name" if wish.instance else "choose another --name",
        details={"name": wish.name, "key": key},
    )
