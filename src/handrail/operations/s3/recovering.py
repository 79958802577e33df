"""The outcome of an interrupted request of a bucket, for the record: looked at, then finished or undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handrail.ledger.record import Intent, Verdict
    from handrail.session import Session


def recover(session: Session, intent: Intent) -> Verdict:
    """Finish or undo the request, and return what is to be put on record. Raises HandrailError: it is still open."""
    from handrail.ledger.record import Verdict
    from handrail.operations.asking import asking_once
    from handrail.operations.resolved import region_of
    from handrail.operations.s3.recovery import recover as finish

    with asking_once(session, session.aws.silent["s3"], region_of(intent)):
        result = finish(session, intent)
    return Verdict(
        intent.request,
        "failed" if result.error else "succeeded",
        result.error.exit_code if result.error else 0,
        resource=result.id or intent.resource,
        message="; ".join((result.error.message if result.error else result.said, *result.warnings)),
    )
