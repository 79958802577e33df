"""What becomes of a change of buckets that was killed: looked at, then finished or undone. Never opens a bucket."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from handrail.aws.s3 import Standing
from handrail.aws.s3_objects import Objects
from handrail.core.amounts import count
from handrail.core.errors import AwsFailure, HandrailError, Internal, PermissionDenied
from handrail.core.plan import Result, Status
from handrail.core.resources import Bucket
from handrail.core.s3_rules import OPEN_TO_POLICY
from handrail.core.shell import command
from handrail.ledger.record import Intent
from handrail.ledger.rows import Row
from handrail.ledger.shapes import text, texts
from handrail.operations.resolved import flag, labels, reading
from handrail.operations.s3.access import make_private, patiently
from handrail.operations.s3.build import Order, finish_private, read_bucket
from handrail.operations.s3.targets import KIND, Target, find_row_too, objects_of, out_of_reach
from handrail.session import Session


def recover(session: Session, intent: Intent) -> Result:
    """Finish or undo one interrupted request of a bucket; the result says which. Raises HandrailError: still open."""
    steps = _RECOVERIES.get(intent.operation)
    if steps is None:
        raise Internal(f"{intent.operation} is no change of a bucket.")
    return steps(session, intent)


def recover_create(session: Session, intent: Intent) -> Result:
    """Finish a bucket that carries the request's tags, private; undo the row of one that was never made.

    One that was to be public stays so only if it is so already, as approved; else it is made private.
    """
    order = _order(intent)
    standing = _standing(session, order.name, order.region)
    if not standing.is_reachable or not order.made(session.aws.s3.tags(order.name, standing.region)):
        row = session.stores.rows.get(KIND, order.name)
        if row is not None and row.request == order.request:
            session.stores.rows.drop(row)
        return _undone(intent, f"bucket {order.name} was not made by request {order.request}.")
    if order.is_public and _is_open(session, order.name, order.region):
        return _finished(intent, read_bucket(session, order.name, order.region))
    finish_private(session, order)
    bucket = read_bucket(session, order.name, order.region, lock=order.object_lock)
    return _finished(intent, bucket, _not_opened(order.name) if order.is_public else ())


def recover_update(session: Session, intent: Intent) -> Result:
    """Do the rest of an update again, except opening: a bucket that is not open already is made private."""
    wanted = _wanted(intent)
    target = find_row_too(session, intent.resource, to_change=False)
    if target.is_gone or not target.one.managed or _is_another(target.row, intent):
        return _undone(intent, f"bucket {intent.resource} is not there any more.")
    warnings = _update_again(session, target, wanted)
    if wanted.public and not _is_open(session, target.name, target.one.region):
        return _undone(intent, "; ".join((*_not_opened(target.name), *warnings)))
    return _finished(intent, read_bucket(session, target.name, target.one.region), warnings)


def _is_another(row: Row | None, intent: Intent) -> bool:
    """Return whether the bucket of a row is not the one that a request was about, but one made of its name since.

    One that Handrail had not made may have had a row all the same, of an earlier bucket. What earlier versions put on
    record does not say which request had made it: it was its owner's, and there already.
    """
    if row is None:
        return False
    if made_by := intent.resolved.get("made_by"):
        return bool(row.request != made_by)
    if made_by == "":
        return row.created_at > intent.at
    return row.owner not in (intent.owner, intent.given.get("owner")) or row.created_at > intent.at


@dataclass(frozen=True)
class _Wanted:
    """What an update is to change; None, nothing: left as it is."""

    public: bool | None
    versioning: bool | None
    put: Mapping[str, str]
    drop: tuple[str, ...]


def _wanted(intent: Intent) -> _Wanted:
    """Return the rest of an update that its intent asks for. Raises NotSetUp where that can't be read."""
    values = intent.resolved
    with reading(intent):
        switches = flag(values, "public"), flag(values, "versioning")
        return _Wanted(*switches, labels(values, "put"), texts(values, "drop"))


def _update_again(session: Session, target: Target, wanted: _Wanted) -> tuple[str, ...]:
    s3, name, region = session.aws.s3, target.name, target.one.region
    warnings: tuple[str, ...] = ()
    if wanted.public is not None and not (wanted.public and _is_open(session, name, region)):
        warnings = make_private(session, name, region)
    if wanted.versioning is not None:
        patiently(session, name, lambda: s3.put_versioning(name, region, is_on=bool(wanted.versioning)))
    if wanted.put or wanted.drop:
        tags = {**s3.tags(name, region), **wanted.put}
        kept = {key: value for key, value in tags.items() if key not in wanted.drop}
        patiently(session, name, lambda: s3.put_tags(name, region, kept))
    return warnings


def recover_delete(session: Session, intent: Intent) -> Result:
    """Drop the row of a bucket that is gone; leave one that is there, and say so: nothing of it can be undone.

    A row of another bucket shows that the one to be deleted is gone, and stays.
    """
    standing = _standing(session, intent.resource, intent.region)
    row = session.stores.rows.get(KIND, intent.resource)
    if not _is_another(row, intent):
        if not standing.is_free:
            return _undone(intent, f"bucket {intent.resource} is still there; part of its content may be deleted.")
        if row is not None:
            session.stores.rows.drop(row)
    return _finished(intent, None)


def recover_objects(session: Session, intent: Intent) -> Result:
    """Say what an interrupted upload or removal did or left; what arrived is whole, and the rest is not there."""
    with reading(intent):
        name = text(intent.resolved, "bucket")
        key = text(intent.resolved, "key", "")
        sums = labels({"sums": {}, **intent.resolved}, "sums")
    target = find_row_too(session, name, to_change=False)
    if target.is_gone or (target.one.managed and _is_another(target.row, intent)):
        return _undone(intent, f"bucket {target.name} is not there any more.")
    objects = objects_of(session, target.one)
    if _is_done(objects, key, sums):
        return _finished(intent, None)
    left = sum(1 for _ in objects.unfinished())
    what = f"; {count(left, 'unfinished upload')} left, see {command('s3 show', target.name)}" if left else ""
    return _undone(intent, f"{intent.operation} to {target.name} was interrupted; what arrived is whole{what}.")


def _is_done(objects: Objects, key: str, sums: Mapping[str, str]) -> bool:
    """Return whether the object to be removed is gone, or each file to be sent is there with the checksum on record."""
    try:
        if key:
            return objects.head(key) is None
        there = {key: objects.head(key) for key in sums}
    except PermissionDenied:  # whoever settles it may not look
        return False
    return bool(sums) and all(one is not None and one.crc32 == sums[key] for key, one in there.items())


_RECOVERIES: Mapping[str, Callable[[Session, Intent], Result]] = {
    "s3 create": recover_create,
    "s3 update": recover_update,
    "s3 delete": recover_delete,
    "s3 upload": recover_objects,
    "s3 remove": recover_objects,
}


def _order(intent: Intent) -> Order:
    """Return the order that an intent was made of. Its tags include Handrail's own."""
    wanted = {"object_lock": False, **intent.resolved}  # 0.1 did not say it
    with reading(intent):
        return Order(
            name=text(wanted, "name"),
            request=intent.request,
            owner=intent.owner,
            region=intent.region,
            digest=text(wanted, "digest"),
            tags=labels(wanted, "tags"),
            is_public=bool(flag(wanted, "public")),
            versioning=bool(flag(wanted, "versioning")),
            object_lock=bool(flag(wanted, "object_lock")),
        )


def _standing(session: Session, name: str, region: str) -> Standing:
    """Return whether a bucket is there. Raises PermissionDenied where that can't be seen: nothing follows from it."""
    standing = session.aws.s3.standing(name, region)
    if not standing.is_free and not standing.is_reachable:
        raise out_of_reach(name)
    return standing


def _is_open(session: Session, name: str, region: str) -> bool:
    view = session.aws.s3.view(name, region)
    return view.access == "public" and view.exposure.bucket == OPEN_TO_POLICY


def _not_opened(name: str) -> tuple[str, ...]:
    return (f"{name} was to be public and is private: {command('s3 update', name, public=True)}",)


def _finished(intent: Intent, bucket: Bucket | None, warnings: tuple[str, ...] = ()) -> Result:
    return Result(
        intent.resource,
        intent.resource,
        Status.SUCCEEDED,
        said=f"{intent.operation} {intent.resource} was interrupted and is finished",
        current=bucket,
        request=intent.request,
        region=intent.region,
        warnings=warnings,
    )


def _undone(intent: Intent, message: str) -> Result:
    error: HandrailError = AwsFailure(message, hint="repeat the command", code="interrupted")
    return Result.failed(intent.resource, error, id=intent.resource, request=intent.request, region=intent.region)
