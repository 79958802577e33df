"""What became of a change that was cut off: told by a look, never by a guess (docs/lease.md, rules 7 and 10)."""

from collections.abc import Mapping
from typing import Any

from handrail.core.managed import token_of
from handrail.core.resources import Instance
from handrail.ledger.lease import Lease
from handrail.ledger.record import Intent, Verdict
from handrail.session import Session

_GOALS = {
    "ec2 start": ("running", "pending"),
    "ec2 stop": ("stopped", "stopping"),
    "ec2 delete": ("shutting-down", "terminated", "gone"),
}


def recover(session: Session, intent: Intent) -> Verdict | None:
    """Return the outcome of an interrupted request as a look shows it, None where it is still the lease's to tell."""
    lease = session.ledger.lease
    if intent.operation in ("ec2 create", "ec2 start") and lease is not None and _is_the_leases(lease, intent):
        return None
    ec2 = session.ec2_of(intent.region)
    if intent.operation == "ec2 create":
        found = ec2.by_tokens([token_of(intent.request)])
        return _created(intent, found[0] if found else None)
    return _moved(intent, ec2.by_ids([intent.resource]).get(intent.resource))


def _is_the_leases(lease: Lease, intent: Intent) -> bool:
    """Let the lease settle the place of a request; return whether it still has the say: whoever frees it tells."""
    row = _place(lease, intent)
    if row is not None and row["state"] != "held":
        lease.settle({row["key"]})
        row = _place(lease, intent)
    return row is not None and row["state"] != "held"


def _place(lease: Lease, intent: Intent) -> Mapping[str, Any] | None:
    """Return the place of a request: a start shares the one that its instance has since its create (rule 8)."""
    names = {intent.request, intent.resource}
    return next((row for row in lease.overview() if names & {row["key"], row["instance"]}), None)


def _created(intent: Intent, found: Instance | None) -> Verdict:
    if found is None:
        return Verdict(intent.request, "failed", 1, message="it was cut off, and nothing was made")
    message = f"found {found.id}, {found.state}"
    return Verdict(intent.request, "succeeded", resource=found.id, instance=found.id, message=message)


def _moved(intent: Intent, now: Instance | None) -> Verdict:
    """Return the outcome by the state now; whether a reboot or an update was carried out, no state tells."""
    state = now.state if now else "gone"
    done = state in _GOALS.get(intent.operation, ())
    message = f"it was cut off; found {state}"
    if intent.operation not in _GOALS:
        message += ", and whether it was carried out can't be seen"
    return Verdict(intent.request, "succeeded" if done else "failed", 0 if done else 1, intent.resource, message)
