"""An upload to a bucket and an opening of it that meet: neither goes on unseen by the other.

Each puts its own intent on record first and then looks for the other's, strongly consistent: at least one of the two
sees the other, whatever their order. One that was cut off counts as long as it could still act, and not for ever.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from handrail.core.errors import NotSetUp, WrongState
from handrail.ledger.record import Intent, Known, Unfinished
from handrail.session import Session


def check_no_upload(session: Session, name: str) -> None:
    """Raise WrongState where an upload to a bucket that is to be opened may be under way, naming it."""
    for intent, until in _alive(session, name, ("s3 upload",), lambda _intent: True):
        since = f"{datetime.fromtimestamp(intent.at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        raise WrongState(
            f"an upload to bucket {name} is under way; nothing was opened.",
            facts=(
                ("upload", f"request {intent.request} · {intent.owner} · since {since}"),
                (
                    "ends",
                    f"if it was cut off, it counts no more after {datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC",
                ),
            ),
            hint="wait until it has ended, and repeat the command",
            details={"name": name, "open_request": intent.request, "owner": intent.owner},
            code="upload_under_way",
        )


def is_being_opened(session: Session, name: str) -> bool:
    """Return whether a bucket may be opened to everyone at this moment, though no look shows it yet."""
    operations = ("s3 create", "s3 update")
    return any(True for _ in _alive(session, name, operations, lambda intent: bool(intent.resolved.get("public"))))


def _alive(
    session: Session, name: str, operations: tuple[str, ...], fits: Callable[[Intent], bool]
) -> Iterator[tuple[Intent, float]]:
    """Yield the open requests of a bucket whose commands may be alive, each with when it would count as cut off."""
    record, age = session.stores.record, session.stores.recovery_age
    limit = record.now() - age
    for one in record.unfinished():
        if one.operation in operations and one.at >= limit and may_be_about(one, name):
            known = _find(session, one)
            if known is not None and known.verdict is None and _bucket_of(known.intent) == name and fits(known.intent):
                yield known.intent, one.at + age


def may_be_about(one: Unfinished, name: str) -> bool:
    """Return whether an open request may be about a bucket: a row of an earlier version does not say of which it is."""
    return one.resource.partition("/")[0] in ("", name)


def _find(session: Session, one: Unfinished) -> Known | None:
    """Return what is on record of an open request; None, too, where that can't be read, nor whose bucket it is about.

    Who could damage such a row could have taken it away: it is in nobody's way. Raises NotSetUp where the row names its
    bucket, and what it says else can't be read.
    """
    try:
        return session.stores.record.find(one.request)
    except NotSetUp as error:
        if one.resource or error.slug != "unreadable_row":
            raise
        return None


def _bucket_of(intent: Intent) -> str:
    return str(intent.resolved.get("bucket") or intent.resolved.get("name") or "")
