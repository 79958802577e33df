"""What became of a change of instances that was cut off: told by a look, never a guess (docs/lease.md, rules 7, 10)."""

from functools import partial

from handrail.aws.ec2 import Launch
from handrail.core.operation import Effect, Operation
from handrail.core.ownership import token_of
from handrail.ledger.lease import Lease
from handrail.ledger.places import Fate, create_key, start_key
from handrail.ledger.ports import Told
from handrail.ledger.record import Intent
from handrail.ledger.shapes import Odd, text, texts
from handrail.operations.ec2.instances import INSTANCES
from handrail.operations.settling import Settled, by_look, labels, reading, whose_request
from handrail.session import Session


def recover(session: Session, intent: Intent) -> Settled | None:
    """Return the outcome of an interrupted request as a look shows it, None where the lease tells it, now or later."""
    lease = session.stores.ledger.lease
    if intent.operation not in ("ec2 create", "ec2 start") or lease is None:
        return by_look(INSTANCES, session, intent)
    lease.settle(_place(lease, intent))
    lease.tell_absent(intent.request, whose_request(session, intent), lambda: _seen(session, intent))
    return None


instance_change = partial(Operation, resource="ec2", noun="instance", effect=Effect.CHANGE, recover=recover)


def launch_of(intent: Intent, user_data: bytes | None) -> Launch:
    """Return the call that an intent keeps, with the user data that was given again. Raises NotSetUp.

    What a later version may have added to it is left out: EC2 takes no other call under the same token.
    """
    kept = intent.resolved
    with reading(intent):
        if text(kept, "token") != token_of(intent.request):
            raise Odd("its token is another request's")
        optional = [name for name in ("credits", "key_pair", "subnet", "instance_profile") if name in kept]
        return Launch(
            **{name: text(kept, name) for name in ("token", "image_id", "type", "root_device", *optional)},
            tags=labels(kept, "tags"),
            security_groups=texts({"security_groups": [], **kept}, "security_groups"),
            user_data=user_data,
        )


def _place(lease: Lease, intent: Intent) -> list[str]:
    """Return the key of the place of a request, if it has one: of a create its own, of a start its instance's."""
    made = intent.operation == "ec2 create"
    keys = {create_key(intent.request)} if made else {start_key(intent.resource)}
    names = set() if made else {intent.resource}
    return [str(row["place"]) for row in lease.overview() if row["place"] in keys or row["instance"] in names]


def _seen(session: Session, intent: Intent) -> Told:
    """Return what a look says of a create or start that has no place."""
    one, by, now = INSTANCES.seen(session, intent), session.caller.owner, int(session.now())
    if intent.operation == "ec2 create":
        return Told(Fate.ADOPTED if one else Fate.NOTHING, one.id if one else "", by, now)
    runs = one is not None and one.state in INSTANCES.goals["start"]
    return Told(Fate.MADE if runs else Fate.NOT_RUNNING, intent.resource, by, now)
