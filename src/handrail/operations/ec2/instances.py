"""Instances as a kind of resource: by id or name, owned by tags and ClientToken; what is new is waited for."""

from collections.abc import Mapping, Sequence

from handrail.clock import ticks
from handrail.core.amounts import age
from handrail.core.ec2_rules import addressed_by, check_target
from handrail.core.errors import AwsFailure, Conflict, HandrailError, NotFound, WrongState
from handrail.core.fields import Details, Parameters, flag, number, text, texts
from handrail.core.ownership import token_of
from handrail.core.resources import LIVE_STATES, Instance
from handrail.ledger.places import Place
from handrail.ledger.record import Intent, Known
from handrail.ledger.shapes import text as text_in
from handrail.operations.kinds import Kind, called, other_owner
from handrail.operations.repeating import was_in_vain
from handrail.operations.settling import asking_once, labels, reading
from handrail.session import Session

_TARGET: Details = {"positional": True, "metavar": "TARGET", "pick_from": "ec2 list", "check": check_target}


class Timeout(Parameters):
    """How long is waited."""

    timeout = number(
        "seconds to wait at most", default=300, minimum=1, maximum=86400, metavar="SECONDS", part_of_identity=False
    )


class Waiting(Timeout):
    """Whether is waited, and how long."""

    wait = flag("wait for the final state", default=True, negative="no-wait", part_of_identity=False)


class OneInstance(Parameters):
    """Which instance is meant."""

    instance = text("an instance id or name", required=True, **_TARGET)


class ManyInstances(Parameters):
    """Which instances are meant."""

    targets = texts("instance ids or names, separated by spaces or commas", commas=True, required=True, **_TARGET)


class OtherOwner(Parameters):
    """Who else's instance may be touched."""

    owner = other_owner("instance")


class Instances(Kind[Instance]):
    """The instances of the region of a command."""

    noun, resource, service, regional = "instance", "ec2", "ec2", True
    goals = {
        "start": ("running", "pending"),
        "stop": ("stopped", "stopping"),
        "delete": ("shutting-down", "terminated", "gone"),
    }

    def look(self, session: Session, words: Sequence[str]) -> Mapping[str, Sequence[Instance] | HandrailError]:
        """Return, per word, the instance of that id, or the live ones of that name: at most one call for each.

        What was just made is looked for until AWS must show it.
        """
        found: dict[str, Sequence[Instance] | HandrailError] = {**_shown(session, words)}
        missing = [word for word in words if not found[word]]
        fresh = session.stores.just_made(missing) if missing else {}
        unseen = _still_unseen(session, fresh) if fresh else {}
        shown = [word for word in fresh if word not in unseen]
        return found | (_shown(session, shown) if shown else {}) | unseen

    def look_again(self, session: Session, things: Sequence[Instance]) -> Mapping[str, Instance | HandrailError]:
        """Return the instances as one look shows them."""
        return session.aws.ec2.by_ids(one.id for one in things)

    def state_of(self, one: Instance) -> str:
        """Return its state."""
        return one.state

    def made_by(self, session: Session, request: str, known: Known | None, name: str) -> Instance | None:
        """Return the instance of a request; one that was made a moment ago is waited for until every look shows it."""
        in_vain = known is not None and was_in_vain(known)
        verdict = known.verdict if known is not None and not in_vain else None
        shown_at = verdict.at + session.aws.visibility if verdict is not None else 0.0
        found = None
        for _ in ticks(session.clock, shown_at - session.stores.record.now() if verdict else 0.0, growth=1.0):
            found = next(iter(session.aws.ec2.by_tokens([token_of(request)])), None)
            if found is not None:
                break
            if verdict is not None:
                session.listener.progress(f"{verdict.instance}: waiting until AWS shows it")
        return None if found is not None and in_vain and found.is_gone else found

    def seen(self, session: Session, intent: Intent) -> Instance | None:
        """Return the instance of a request as EC2 shows it. A region is asked once, for the lease too (rule 20).

        Without a look at its own region the lease takes no place: that one it asks itself, and with more patience.
        """
        lease, unseen = session.stores.ledger.lease, session.aws.silent["ec2"]
        if lease is not None and intent.region != session.region:
            unseen = lease.unseen
        with asking_once(session, unseen, intent):
            ec2 = session.aws.ec2_to_look_at(intent.region)
            if intent.operation == "ec2 create":
                return next(iter(ec2.by_tokens([token_of(intent.request)])), None)
            return ec2.by_ids([intent.resource]).get(intent.resource)

    def name_in(self, intent: Intent) -> str:
        """Return the name of the instance that an intent is to make. Raises NotSetUp where that can't be read."""
        with reading(intent):
            return text_in(labels(intent.resolved, "tags"), "Name")

    def not_found(self, session: Session, word: str) -> NotFound:
        """Return the error of a word that means nothing in this region."""
        what = f"no instance {word}" if word.startswith("i-") else f"no live instance named {word}"
        return NotFound(
            f"{session.region} has {what}.",
            hint=f"{self.line(session, 'list')}, or name another --region",
            details={"target": word, "region": session.region},
        )

    def gone(self, session: Session, one: Instance) -> WrongState:
        """Return the error of one that has ended, or is ending."""
        return WrongState(f"{called(one)} is {one.state} for good.", hint=self.line(session, "list"))

    def facts(self, one: Instance) -> Sequence[str]:
        """Return its type, state, age and owner."""
        return (one.type, one.state, age(one.created_at), one.owner or "-")

    def addressed(self, one: Instance) -> str:
        """Return its name where that means nothing else, otherwise its id."""
        return addressed_by(one.name, one.id)


INSTANCES = Instances()


def name_taken(by: Instance, hint: str) -> Conflict:
    """Return the error of a name that a live instance has."""
    said = f"the name {by.name} is taken: {by.id} is {by.state}."
    return Conflict(said, hint=hint, details={"name": by.name, "id": by.id})


def _shown(session: Session, words: Sequence[str]) -> dict[str, list[Instance]]:
    ids = [word for word in words if word.startswith("i-")]
    names = [word for word in words if not word.startswith("i-")]
    by_id = session.aws.ec2.by_ids(ids) if ids else {}
    by_name = session.aws.ec2.by_names(names, LIVE_STATES) if names else []
    return {word: [by_id[word]] if word in by_id else [one for one in by_name if one.name == word] for word in words}


def _still_unseen(session: Session, fresh: Mapping[str, Place]) -> dict[str, HandrailError]:
    """Look until AWS shows these instances, in whatever state; return by word the error of those that it never did.

    Gives up after the time in which every look shows what was made.
    """
    waiting = dict(fresh)
    for spent in ticks(session.clock, session.aws.visibility):
        shown = session.aws.ec2.by_ids(place.instance for place in waiting.values())
        waiting = {word: place for word, place in waiting.items() if place.instance not in shown}
        if not waiting:
            break
        session.listener.progress(f"{', '.join(waiting)}: just made, not visible yet {spent:.0f} s")
    return {word: _not_visible_yet(session, word, place) for word, place in waiting.items()}


def _not_visible_yet(session: Session, word: str, place: Place) -> AwsFailure:
    return AwsFailure(
        f"{word} was just made, and AWS does not show it yet.",
        hint="repeat the command in a moment",
        details={"target": word, "region": session.region, "id": place.instance},
        code="not_visible_yet",
    )
