"""What became of a change that was cut off: read from its intent, told by a look, put into words for every kind."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handrail.core.errors import AwsFailure, HandrailError
from handrail.ledger.record import Intent, Verdict
from handrail.ledger.shapes import Odd, region, text, unreadable
from handrail.session import Session

if TYPE_CHECKING:
    from handrail.operations.kinds import Kind


@dataclass(frozen=True)
class Settled:
    """What is to be put on record of a request that was cut off, and what its owner should know besides."""

    verdict: Verdict
    warnings: tuple[str, ...] = ()


def finished(intent: Intent, *warnings: str, said: str = "", resource: str = "") -> Settled:
    """Return that a change is done. said: what was found; resource: the id of what it made, where that is known now."""
    message = said or f"{intent.operation} {intent.resource} was interrupted and is finished"
    return Settled(
        Verdict(intent.request, "succeeded", resource=resource or intent.resource, message=message), warnings
    )


def undone(intent: Intent, why: str, *warnings: str) -> Settled:
    """Return that a change is not done, or not all of it."""
    code = AwsFailure.exit_code
    return Settled(Verdict(intent.request, "failed", code, resource=intent.resource, message=why), warnings)


def by_look(kind: "Kind[Any]", session: Session, intent: Intent) -> Settled:
    """Return what became of a change that one call makes: what a look shows is all there is to tell.

    A create is done where its thing is there, another verb where its thing is in a state that `kind.goals` names.
    """
    one, verb = kind.seen(session, intent), intent.operation.rpartition(" ")[2]
    if verb == "create":
        made = f"it was cut off; found {one.id}" if one else "it was cut off, and nothing was made"
        return finished(intent, said=made, resource=one.id) if one else undone(intent, made)
    said = f"it was cut off; found {kind.state_of(one) if one else 'gone'}"
    if verb not in kind.goals:
        return undone(intent, f"{said}, and whether it was carried out can't be seen")
    done = (kind.state_of(one) if one else "gone") in kind.goals[verb]
    return finished(intent, said=said) if done else undone(intent, said)


def whose_request(session: Session, intent: Intent) -> str:
    """Return a request as it is told of: `ec2 create web (request r1) of dev-2`."""
    owner = "you" if intent.owner == session.caller.owner else intent.owner
    return f"{intent.operation} {intent.resource} (request {intent.request}) of {owner}"


@contextmanager
def asking_once(session: Session, unseen: dict[str, HandrailError], intent: Intent) -> Iterator[None]:
    """Ask the region of a request briefly, and not again once it has not answered: what others left must not keep a
    command waiting.

    unseen: the regions that have not answered, and why. Raises what is asked inside, what the region came to before,
    and NotSetUp where the intent's region can't be one.
    """
    with reading(intent):
        where = region(vars(intent))
    if where in unseen:
        raise unseen[where]
    try:
        with session.aws.briefly():
            yield
    except AwsFailure as error:
        unseen[where] = error
        raise


# ---- what an intent says, member by member


@contextmanager
def reading(intent: Intent) -> Iterator[None]:
    """Raise NotSetUp, naming the row of the intent, where what is read inside is not as a Handrail wrote it (Odd)."""
    try:
        yield
    except Odd as odd:
        raise unreadable(f"request#{intent.request}/intent", odd, "handrail audit verify") from None


def flag(values: Mapping[str, Any], name: str) -> bool | None:
    """Return a member that is true, false, or null: left as it is. Raises Odd."""
    value = values.get(name, 0)
    if value is not None and not isinstance(value, bool):
        raise Odd(f"{name} is neither true nor false")
    return value


def labels(values: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return a member that is a map of texts. Raises Odd."""
    found = values.get(name)
    if not isinstance(found, dict):
        raise Odd(f"{name} is no map")
    return {key: text(found, key) for key in found}
