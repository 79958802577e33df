"""What became of a change that was cut off: told by a look, never by a guess (docs/lease.md, rules 7 and 10)."""

from handrail.core.ownership import token_of
from handrail.core.resources import Instance
from handrail.ledger.lease import Lease
from handrail.ledger.places import Fate, create_key, start_key
from handrail.ledger.ports import Told
from handrail.ledger.record import Intent, Verdict
from handrail.operations.asking import asking_once
from handrail.operations.resolved import region_of
from handrail.session import Session

_GOALS = {
    "ec2 start": ("running", "pending"),
    "ec2 stop": ("stopped", "stopping"),
    "ec2 delete": ("shutting-down", "terminated", "gone"),
}


def recover(session: Session, intent: Intent) -> Verdict | None:
    """Return the outcome of an interrupted request as a look shows it, None where the lease tells it, now or later."""
    lease = session.stores.ledger.lease
    if intent.operation in ("ec2 create", "ec2 start") and lease is not None:
        lease.settle(_place(lease, intent))
        whose = "you" if intent.owner == session.caller.owner else intent.owner
        what = f"{intent.operation} {intent.resource} (request {intent.request}) of {whose}"
        lease.tell_absent(intent.request, what, lambda: _seen(session, intent))
        return None
    if intent.operation == "ec2 create":
        told = _seen(session, intent)
        done = told.fate is Fate.ADOPTED
        message = f"it was cut off; found {told.instance}" if done else "it was cut off, and nothing was made"
        return Verdict(intent.request, "succeeded" if done else "failed", int(not done), told.instance, message)
    return _moved(intent, _look(session, intent))


def _look(session: Session, intent: Intent) -> Instance | None:
    """Return the instance of a request as EC2 shows it. A region is asked once, for the lease too (rule 20).

    Without a look at its own region the lease takes no place: that one it asks itself, and with more patience.
    """
    lease, unseen = session.stores.ledger.lease, session.aws.silent["ec2"]
    if lease is not None and intent.region != session.region:
        unseen = lease.unseen
    with asking_once(session, unseen, region_of(intent)):
        ec2 = session.aws.ec2_to_look_at(intent.region)
        if intent.operation == "ec2 create":
            return next(iter(ec2.by_tokens([token_of(intent.request)])), None)
        return ec2.by_ids([intent.resource]).get(intent.resource)


def _place(lease: Lease, intent: Intent) -> list[str]:
    """Return the key of the place of a request, if it has one: of a create its own, of a start its instance's."""
    made = intent.operation == "ec2 create"
    keys = {create_key(intent.request)} if made else {start_key(intent.resource)}
    names = set() if made else {intent.resource}
    return [str(row["place"]) for row in lease.overview() if row["place"] in keys or row["instance"] in names]


def _seen(session: Session, intent: Intent) -> Told:
    """Return what a look says of a create or start that has no place."""
    one, by, now = _look(session, intent), session.caller.owner, int(session.now())
    if intent.operation == "ec2 create":
        return Told(Fate.ADOPTED if one else Fate.NOTHING, one.id if one else "", by, now)
    runs = one is not None and one.state in _GOALS["ec2 start"]
    return Told(Fate.MADE if runs else Fate.NOT_RUNNING, intent.resource, by, now)


def _moved(intent: Intent, now: Instance | None) -> Verdict:
    """Return the outcome by the state now; whether a reboot or an update was carried out, no state tells."""
    state = now.state if now else "gone"
    done = state in _GOALS.get(intent.operation, ())
    message = f"it was cut off; found {state}"
    if intent.operation not in _GOALS:
        message += ", and whether it was carried out can't be seen"
    return Verdict(intent.request, "succeeded" if done else "failed", 0 if done else 1, intent.resource, message)
