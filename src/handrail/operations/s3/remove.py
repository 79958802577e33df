"""`s3 remove`: objects by their keys, or all whose keys begin alike. Shown and confirmed; newer ones are left."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from handrail.aws.s3_objects import Deleted, Objects, batches
from handrail.core.amounts import count, readable
from handrail.core.errors import Acted, AwsFailure, HandrailError, NotFound, Usage
from handrail.core.fields import text, texts
from handrail.core.operation import Effect
from handrail.core.plan import Ask, Hold, Plan, Question, Result, Status
from handrail.core.resources import Bucket, StoredObject
from handrail.core.s3_rules import check_key
from handrail.core.shell import command
from handrail.operations.kinds import Target, ask_before, find_one, look_again_at, owners_of
from handrail.operations.needs import FIND_BUCKET, RECORD
from handrail.operations.s3.buckets import BUCKETS, OneBucket, OtherOwner, objects_of
from handrail.operations.s3.content import raise_refused
from handrail.operations.s3.recovery import bucket_change
from handrail.session import Session

SHOWN = 20


@dataclass(frozen=True)
class Found:
    """What keys or a prefix stand for, as it was counted. first: some of it, to be shown."""

    objects: int
    bytes: int
    first: tuple[StoredObject, ...]


class RemoveObjects(OtherOwner):
    """What a removal asks for."""

    bucket = OneBucket.bucket
    wanted = texts("keys of objects", name="keys", positional=True, metavar="[KEY]", check=check_key)
    prefix = text("all objects whose keys begin so", metavar="PREFIX")


def remove_objects(session: Session, values: RemoveObjects) -> Plan:
    """Look up the objects and return the plan of removing them. Raises Usage, NotManaged, NotFound."""
    if bool(values.wanted) == (values.prefix is not None):
        raise Usage("give keys, or --prefix, and not both.", hint=command("s3 objects", values.bucket))
    target = find_one(session, BUCKETS, values.bucket)
    kept = session.aws.s3.versioning(target.name, target.one.region) != "off"
    from_bucket = f"from {target.name}{'; older versions stay in the bucket' if kept else ''}"
    objects = objects_of(session, target.one)
    if values.prefix is not None:
        return _prefix_plan(session, target, objects, values.prefix, from_bucket)
    return _keys_plan(session, target, objects, values.wanted, from_bucket)


def _plan(
    session: Session,
    target: Target[Bucket],
    found: Found,
    from_bucket: str,
    remove: Callable[[], list[Result]],
    resolved: Mapping[str, Mapping[str, str]],
    planned: Sequence[Result],
) -> Plan:
    """Return the plan of a removal. from_bucket: how that is said; resolved: what it is about, per request."""

    def apply(hold: Hold) -> list[Result]:
        look_again_at(session, BUCKETS, target)
        return remove()

    about = {"bucket": target.one.name, "made_by": target.one.request}
    return Plan(
        title=f"remove {count(found.objects, 'object')} from {target.name}",
        apply=apply,
        planned=planned,
        many=True,
        owners=owners_of([target] if found.objects else []),
        question=_question(target, found, from_bucket),
        resolved={request: {**about, **what} for request, what in resolved.items()},
    )


def _question(target: Target[Bucket], found: Found, from_bucket: str) -> Question | None:
    if not found.objects:
        return None
    text = f"This removes {count(found.objects, 'object')} · {readable(found.bytes)} {from_bucket}"
    text += f"; the first {SHOWN}:" if found.objects > SHOWN else ":"
    question = Question(Ask.YES, text, rows=found.first, columns=StoredObject.COLUMNS)
    return ask_before([target], "remove from", question)


def _result(bucket: Bucket, named: str, status: Status, said: str, **rest: Any) -> Result:
    """Return what becomes of an object, or of all whose keys begin alike."""
    return Result(named, _id(bucket, named), status, said=said, region=bucket.region, **rest)


def _id(bucket: Bucket, named: str) -> str:
    """Return what the record calls an object."""
    return f"{bucket.name}/{named}"


# ---- by their keys


def _keys_plan(
    session: Session, target: Target[Bucket], objects: Objects, keys: Sequence[str], from_bucket: str
) -> Plan:
    bucket, there = target.one, objects.present(keys)
    requests = {key: session.new_request() for key in keys if key in there}

    def tell(key: str, status: Status, said: str, error: HandrailError | None = None) -> Result:
        if key not in there:
            return Result.failed(key, _missing(bucket, key), id=_id(bucket, key))
        about = {"current": there[key], "request": requests[key]}
        if error is not None:
            return Result.failed(key, error, id=_id(bucket, key), **about)
        return _result(bucket, key, status, f"{key} {said}", **about)

    def remove() -> list[Result]:
        kept = _remove_keys(objects, list(requests))
        return [tell(key, Status.SUCCEEDED, f"is removed {from_bucket}", kept.get(key)) for key in keys]

    would = f"would be removed from {bucket.name}; nothing was changed"
    found = Found(len(there), _bytes(there.values()), tuple(there.values())[:SHOWN])
    resolved = {request: {"key": key} for key, request in requests.items()}
    planned = [tell(key, Status.PLANNED, would) for key in keys]
    return _plan(session, target, found, from_bucket, remove, resolved, planned)


def _missing(bucket: Bucket, key: str) -> NotFound:
    return NotFound(
        f"{bucket.name} has no object {key}.", hint=command("s3 objects", bucket.name), details={"key": key}
    )


def _bytes(objects: Iterable[StoredObject]) -> int:
    return sum(one.size for one in objects)


def _remove_keys(objects: Objects, keys: Sequence[str]) -> dict[str, HandrailError]:
    """Remove keys, a thousand in a call; return the error of each that S3 kept."""
    kept: dict[str, HandrailError] = {}
    for batch in batches(keys):
        try:
            refused = objects.delete([{"Key": key} for key in batch], Deleted())
        except HandrailError as error:
            kept.update(dict.fromkeys(batch, error))
        else:
            kept.update((one["Key"], _kept(one)) for one in refused)
    return kept


def _kept(refusal: Mapping[str, str]) -> AwsFailure:
    reason = f"{refusal.get('Code', '')} {refusal.get('Message', '')}".strip()
    return AwsFailure(
        f"S3 kept {refusal['Key']}: {reason}",
        hint="see what protects it: object lock, or the permission s3:DeleteObject",
        details={"key": refusal["Key"], "code": refusal.get("Code", "")},
        acted=Acted.NO,
        code="not_deleted",
    )


# ---- all that begin alike


def _prefix_plan(session: Session, target: Target[Bucket], objects: Objects, prefix: str, from_bucket: str) -> Plan:
    bucket, request, seen_at = target.one, session.new_request(), objects.now()
    found = _count(session, bucket, objects, prefix)

    def tell(status: Status, said: str, **counted: int) -> list[Result]:
        current = {"bucket": bucket.name, "prefix": prefix, **counted}
        return [_result(bucket, prefix, status, said, current=current, request=request)]

    def remove() -> list[Result]:
        tally = Deleted()
        # What was written since it was counted, by S3's time, was not shown to anybody.
        shown = (one for one in objects.walk(prefix) if one.modified_at is None or one.modified_at <= seen_at)
        for batch in batches(shown):
            objects.delete([{"Key": one.key} for one in batch], tally)
            session.listener.progress(f"{_id(bucket, prefix)}: {tally.count:,} of {found.objects:,} objects removed")
        raise_refused(bucket.name, tally)
        return tell(Status.SUCCEEDED, f"{count(tally.count, 'object')} removed {from_bucket}", removed=tally.count)

    status, would = Status.UNCHANGED, f"nothing in {bucket.name} begins with {prefix}"
    if found.objects:
        status, would = Status.PLANNED, f"{count(found.objects, 'object')} would be removed; nothing was changed"
    resolved = {request: {"prefix": prefix, "seen_at": seen_at.isoformat()}}
    planned = tell(status, would, objects=found.objects, bytes=found.bytes)
    return _plan(session, target, found, from_bucket, remove, resolved, planned)


def _count(session: Session, bucket: Bucket, objects: Objects, prefix: str) -> Found:
    walk = objects.walk(prefix)
    first = tuple(islice(walk, SHOWN))
    number, total = len(first), _bytes(first)
    for one in walk:
        number, total = number + 1, total + one.size
        if number % 1000 == 0:
            session.listener.progress(f"{_id(bucket, prefix)}: {number:,} objects counted")
    return Found(number, total, first)


REMOVE = bucket_change(
    verb="remove",
    noun="object",
    help="remove objects from a bucket, by key or by prefix",
    example="handrail s3 remove team-assets site/old.html",
    effect=Effect.DESTROY,
    handler=remove_objects,
    parameters=RemoveObjects,
    fits=lambda one: not one.is_gone,
    permissions=(*RECORD, *FIND_BUCKET, "s3:DeleteObject", "s3:GetBucketVersioning"),
    many=True,
)
