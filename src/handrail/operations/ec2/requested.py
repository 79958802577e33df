"""An `ec2 create` that is made again: what the record and EC2 know of its request id."""

from dataclasses import dataclass, replace

from handrail.aws.ec2 import Launch
from handrail.core.errors import Conflict
from handrail.core.ownership import GIVEN_TAG, token_of
from handrail.core.resources import ENDED, Instance
from handrail.ledger.record import Intent, Known
from handrail.ledger.shapes import Odd, text, texts
from handrail.operations.repeating import check_chosen, newest_try, next_try, was_in_vain
from handrail.operations.resolved import labels, reading
from handrail.session import Session


@dataclass(frozen=True)
class One:
    """One instance to make. found: it was made already by the same request."""

    name: str
    request: str
    found: Instance | None = None
    known: Known | None = None

    @property
    def begun(self) -> float | None:
        """Return since when it is on record, epoch seconds, if it is to be carried on."""
        return self.known.intent.at if self.known else None


def known_request(session: Session, one: One, digest: str, chosen: str) -> One:
    """Return what the record and EC2 know of a request that may be a repeat (docs/lease.md, rule 13).

    chosen: the --request-id that it comes from.
    One whose outcome is a refusal or failure is tried anew under the next number: `ID.2`, a new token.
    """
    request, known = newest_try(session.stores.request_on_record, one.request)
    if known is not None:
        _check_intent(session, known.intent, digest)
        check_chosen(known.intent, chosen)
        if known.verdict is None:
            return One(_name_of(known.intent), request, known=known)
    found = _made_by(session, request, known)
    if found is not None and not (known is not None and was_in_vain(known) and found.state in ENDED):
        _check_same(session, found, request, digest)
        return One(found.name, request, found)
    if known is None:
        return replace(one, request=request)
    if was_in_vain(known):
        return replace(one, request=next_try(one.request, request))
    raise gone(request, known.verdict.instance if known.verdict else "")


def _name_of(intent: Intent) -> str:
    """Return the name of the instance that an intent is to make. Raises NotSetUp where that can't be read."""
    with reading(intent):
        return text(labels(intent.resolved, "tags"), "Name")


def launch_of(intent: Intent, user_data: bytes | None) -> Launch:
    """Return the call that an intent keeps, with the user data that was given again. Raises NotSetUp.

    What a later version may have added to it is left out: EC2 takes no other call under the same token.
    """
    said = intent.resolved
    with reading(intent):
        if text(said, "token") != token_of(intent.request):
            raise Odd("its token is another request's")
        optional = [name for name in ("credits", "key_pair", "subnet", "instance_profile") if name in said]
        return Launch(
            **{name: text(said, name) for name in ("token", "image_id", "type", "root_device", *optional)},
            tags=labels(said, "tags"),
            security_groups=texts({"security_groups": [], **said}, "security_groups"),
            user_data=user_data,
        )


def _made_by(session: Session, request: str, known: Known | None) -> Instance | None:
    """Return the instance of a request; one that was made a moment ago is waited for until every look shows it."""
    verdict = known.verdict if known is not None and not was_in_vain(known) else None
    while True:
        found = next(iter(session.aws.ec2.by_tokens([token_of(request)])), None)
        if found is not None or verdict is None or verdict.at + session.aws.visibility < session.stores.record.now():
            return found
        session.listener.progress(f"{verdict.instance}: waiting until AWS shows it")
        session.clock.sleep(1.0)


def _check_intent(session: Session, intent: Intent, digest: str) -> None:
    if intent.owner != session.caller.owner:
        raise Conflict(
            f"the request id {intent.request} is {intent.owner}'s.",
            hint="choose another --request-id",
            details={"request": intent.request, "owner": intent.owner},
        )
    if intent.operation != "ec2 create" or intent.digest != digest:
        raise _other_parameters(intent.request, f"{intent.operation} {intent.resource}")


def _check_same(session: Session, found: Instance, request: str, digest: str) -> None:
    if not found.managed or found.owner != session.caller.owner:
        raise Conflict(f"the request id {request} was used by somebody else.", hint="choose another --request-id")
    if found.tags.get(GIVEN_TAG) != digest:
        raise _other_parameters(request, f"{found.name} ({found.id})")
    if found.state in ENDED:
        raise gone(request, found.id)


def _other_parameters(request: str, made: str) -> Conflict:
    return Conflict(
        f"the request id {request} was used with other parameters, for {made}.",
        hint="repeat it with the same parameters, or choose another --request-id",
        details={"request": request},
    )


def gone(request: str, id: str) -> Conflict:
    """Return the error of a request whose instance is not there any more."""
    return Conflict(
        f"the request id {request} made {id or 'an instance'}, which is gone.",
        hint="choose another --request-id",
        details={"id": id, "request": request},
    )
