"""What becomes of a change of buckets that was killed: looked at, then finished or undone. Never opens a bucket."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from handrail.aws.s3 import Standing
from handrail.aws.s3_objects import Objects
from handrail.core.amounts import count
from handrail.core.errors import PermissionDenied
from handrail.core.operation import Effect, Operation
from handrail.core.s3_rules import OPEN_TO_POLICY
from handrail.core.shell import command
from handrail.ledger.record import Intent
from handrail.ledger.rows import Row
from handrail.ledger.shapes import text, texts
from handrail.operations.kinds import find_one
from handrail.operations.s3.access import Edit, carry_out_edit
from handrail.operations.s3.buckets import BUCKETS, KIND, objects_of, out_of_reach
from handrail.operations.s3.build import Order, finish_private
from handrail.operations.settling import Settled, asking_once, finished, flag, labels, reading, undone
from handrail.session import Session


def recover(session: Session, intent: Intent) -> Settled:
    """Finish or undo one interrupted request of a bucket, and say which. Raises HandrailError: it is still open."""
    with asking_once(session, session.aws.silent["s3"], intent):
        return _RECOVERIES[intent.operation](session, intent)


bucket_change = partial(Operation, resource="s3", noun="bucket", effect=Effect.CHANGE, recover=recover)


def _create(session: Session, intent: Intent) -> Settled:
    """Finish a bucket that carries the request's tags, private; undo the row of one that was never made.

    One that was to be public stays so only if it is so already, as approved; else it is made private.
    """
    order = _order(intent)
    standing = _standing(session, order.name, order.region)
    if not standing.is_reachable or not order.made(session.aws.s3.tags(order.name, standing.region)):
        row = session.stores.rows.get(KIND, order.name)
        if row is not None and row.request == order.request:
            session.stores.rows.drop(KIND, row.name, row.request)
        return undone(intent, f"bucket {order.name} was not made by request {order.request}.")
    if order.is_public and _is_open(session, order.name, order.region):
        return finished(intent)
    finish_private(session, order)
    return finished(intent, *(_not_opened(order.name) if order.is_public else ()))


def _update(session: Session, intent: Intent) -> Settled:
    """Do the rest of an update again, except opening: a bucket that is not open already is made private."""
    values = intent.resolved
    with reading(intent):
        switches = {name: flag(values, name) for name in ("public", "versioning")}
        wanted = Edit(put=labels(values, "put"), drop=texts(values, "drop"), **switches)
    bucket = find_one(session, BUCKETS, intent.resource, to_change=False, gone_too=True).one
    if bucket.is_gone or not bucket.managed or _is_another(session.stores.rows.get(KIND, bucket.name), intent):
        return undone(intent, f"bucket {intent.resource} is not there any more.")
    leave = wanted.public is None or (wanted.public and _is_open(session, bucket.name, bucket.region))
    warnings = carry_out_edit(session, bucket, replace(wanted, public=None if leave else False))
    if wanted.public and not _is_open(session, bucket.name, bucket.region):
        return undone(intent, *_not_opened(bucket.name), *warnings)
    return finished(intent, *warnings)


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


def _delete(session: Session, intent: Intent) -> Settled:
    """Drop the row of a bucket that is gone; leave one that is there, and say so: nothing of it can be undone.

    A row of another bucket shows that the one to be deleted is gone, and stays.
    """
    standing = _standing(session, intent.resource, intent.region)
    row = session.stores.rows.get(KIND, intent.resource)
    if not _is_another(row, intent):
        if not standing.is_free:
            return undone(intent, f"bucket {intent.resource} is still there; part of its content may be deleted.")
        if row is not None:
            session.stores.rows.drop(KIND, row.name, row.request)
    return finished(intent)


def _objects(session: Session, intent: Intent) -> Settled:
    """Say what an interrupted upload or removal did or left; what arrived is whole, and the rest is not there."""
    with reading(intent):
        name = text(intent.resolved, "bucket")
        key = text(intent.resolved, "key", "")
        sums = labels({"sums": {}, **intent.resolved}, "sums")
    bucket = find_one(session, BUCKETS, name, to_change=False, gone_too=True).one
    if bucket.is_gone or (bucket.managed and _is_another(session.stores.rows.get(KIND, bucket.name), intent)):
        return undone(intent, f"bucket {name} is not there any more.")
    objects = objects_of(session, bucket)
    if _is_done(objects, key, sums):
        return finished(intent)
    left = sum(1 for _ in objects.unfinished())
    what = f"; {count(left, 'unfinished upload')} left, see {command('s3 show', name)}" if left else ""
    return undone(intent, f"{intent.operation} to {name} was interrupted; what arrived is whole{what}.")


def _is_done(objects: Objects, key: str, sums: Mapping[str, str]) -> bool:
    """Return whether the object to be removed is gone, or each file to be sent is there with the checksum on record."""
    try:
        if key:
            return objects.head(key) is None
        there = {key: objects.head(key) for key in sums}
    except PermissionDenied:  # whoever settles it may not look
        return False
    return bool(sums) and all(one is not None and one.crc32 == sums[key] for key, one in there.items())


_RECOVERIES: Mapping[str, Callable[[Session, Intent], Settled]] = {
    "s3 create": _create,
    "s3 update": _update,
    "s3 delete": _delete,
    "s3 upload": _objects,
    "s3 remove": _objects,
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
