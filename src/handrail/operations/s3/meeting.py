"""An upload to a bucket and an opening of it that meet: neither goes on unseen by the other.

Each puts its own intent on record first and then looks for the other's, strongly consistent: at least one of the two
sees the other, whatever their order. One that was cut off counts as long as it could still act, and not for ever.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from handrail.core.errors import NotSetUp, WrongState
from handrail.ledger.record import Intent, Unfinished
from handrail.session import Session


def check_no_upload(session: Session, name: str) -> None:
    """Raise WrongState where an upload to a bucket that is to be opened may be under way, naming it."""
    for intent, until in _alive(session, name, "s3 upload"):
        since = f"{datetime.fromtimestamp(intent.at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        end = f"{datetime.fromtimestamp(until, UTC):%H:%M:%S} UTC"
        raise WrongState(
            f"an upload to bucket {name} is under way; nothing was opened.",
            facts=(
                ("upload", f"request {intent.request} · {intent.owner} · since {since}"),
                ("ends", f"if it was cut off, it counts no more after {end}"),
            ),
            hint="wait until it has ended, and repeat the command",
            details={"name": name, "open_request": intent.request, "owner": intent.owner},
            code="upload_under_way",
        )


def is_being_opened(session: Session, name: str) -> bool:
    """Return whether a bucket may be opened to everyone at this moment, though no look shows it yet."""
    return any(intent.resolved.get("public") for intent, _ in _alive(session, name, "s3 create", "s3 update"))


def _alive(session: Session, name: str, *operations: str) -> Iterator[tuple[Intent, float]]:
    """Yield the requests of a bucket whose commands may be alive, each with when it would count as cut off.

    One that can't be read, nor whose bucket it is about, is in nobody's way: who could damage such a row could have
    taken it away. Raises NotSetUp where the row names its bucket, and what it says else can't be read.
    """
    for one, found in alive_requests(session, name, *operations):
        if not isinstance(found, NotSetUp):
            yield found, one.at + session.stores.recovery_age
        elif one.resource or found.slug != "unreadable_row":
            raise found


# ---- what is open on record of a bucket

Found = Iterator[tuple[Unfinished, Intent | NotSetUp]]


def alive_requests(session: Session, name: str, *operations: str) -> Found:
    """Yield as `requests_about` those of everybody whose commands may be alive, as they stand now."""
    record = session.stores.record
    limit = record.now() - session.stores.recovery_age
    return requests_about(session, (one for one in record.unfinished() if one.at >= limit), name, *operations)


def requests_about(session: Session, ones: Iterable[Unfinished], name: str, *operations: str) -> Found:
    """Yield which of these are open and about a bucket, each with its intent, or why that can't be read."""
    for one in ones:
        # A row of an earlier version does not say of which bucket it is.
        if one.operation in operations and one.resource.partition("/")[0] in ("", name):
            try:
                known = session.stores.record.find(one.request)
            except NotSetUp as error:
                yield one, error
                continue
            if known is not None and known.verdict is None and _bucket_of(known.intent) == name:
                yield one, known.intent


def _bucket_of(intent: Intent) -> str:
    return str(intent.resolved.get("bucket") or intent.resolved.get("name") or intent.resource)
