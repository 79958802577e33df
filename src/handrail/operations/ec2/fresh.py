"""What was just made and AWS may not show yet: the places of the account know of it before every look does."""

from collections.abc import Mapping, Sequence

from handrail.ledger.places import Kind, Place, State
from handrail.session import Session

_FIRST, _LONGEST, _GROWTH = 1.0, 5.0, 1.3


def fresh_places(session: Session, words: Sequence[str]) -> dict[str, Place]:
    """Return, per id or name of an instance that was just made in this region, its place.

    Costs one read of the ledger, and never fails: where there is none, or it may not be read, nothing is known. An
    instance is fresh for as long as a look may not show it (docs/lease.md, A4).
    """
    there = session.stores.places()
    if there is None:
        return {}
    made = [
        place
        for place in there.places.values()
        if place.state is State.HELD
        and place.kind is Kind.CREATE
        and place.region == session.region
        and there.date <= place.until + session.aws.visibility
    ]
    return {word: place for word in words for place in made if word in (place.name, place.instance)}


def still_unseen(session: Session, fresh: Mapping[str, Place]) -> set[str]:
    """Look until AWS shows these instances, in whatever state; return the words of those that it never did.

    Gives up after the time in which every look shows what was made.
    """
    started, pause, waiting = session.clock.monotonic(), _FIRST, dict(fresh)
    while True:
        shown = session.aws.ec2.by_ids(place.instance for place in waiting.values())
        waiting = {word: place for word, place in waiting.items() if place.instance not in shown}
        spent = session.clock.monotonic() - started
        if not waiting or spent >= session.aws.visibility:
            return set(waiting)
        session.listener.progress(f"{', '.join(waiting)}: just made, not visible yet {spent:.0f} s")
        session.clock.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST)
