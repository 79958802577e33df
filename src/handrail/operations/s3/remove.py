"""`s3 remove`: objects by their keys, or all whose keys begin alike. Shown and confirmed; newer ones are left."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from handrail.aws.s3_objects import Deleted, Objects, batches
from handrail.core.amounts import count, readable
from handrail.core.errors import Acted, AwsFailure, HandrailError, NotFound, Usage
from handrail.core.fields import text, texts
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Hold, Plan, Question, Result, Status
from handrail.core.resources import Bucket, StoredObject
from handrail.core.s3_rules import check_key
from handrail.core.shell import command
from handrail.operations.kinds import Target, ask_before, find_one, look_again_at, owners_of
from handrail.operations.s3.buckets import BUCKETS, LOOK, OneBucket, OtherOwner, objects_of
from handrail.operations.s3.content import raise_refused
from handrail.operations.s3.recovery import recover
from handrail.session import Session

SHOWN = 20


@dataclass(frozen=True)
class Found:
    """What a prefix stands for, as it was counted. seen_at: S3's time of the count; what is newer stays."""

    objects: int
    bytes: int
    first: tuple[StoredObject, ...]
    seen_at: datetime


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
    versions = session.aws.s3.versioning(target.name, target.one.region)
    if values.prefix is not None:
        return _prefix_plan(session, values.prefix, target, versions)
    return _keys_plan(session, values, target, versions)


def _keys_plan(session: Session, values: RemoveObjects, target: Target[Bucket], versions: str) -> Plan:
    objects = objects_of(session, target.one)
    there = objects.present(values.wanted)
    requests = {key: session.new_request() for key in values.wanted if key in there}

    def apply(hold: Hold) -> list[Result]:
        look_again_at(session, BUCKETS, target)
        kept = _remove_keys(objects, list(requests))
        return [_removed(target, key, there, requests, versions, kept) for key in values.wanted]

    return Plan(
        title=f"remove {count(len(requests), 'object')} from {target.name}",
        apply=apply,
        planned=[_planned(target, key, there, requests) for key in values.wanted],
        many=True,
        owners=owners_of([target] if requests else []),
        question=_question(target, list(there.values()), len(there), _bytes(there.values()), versions),
        resolved={request: {**_about(target), "key": key} for key, request in requests.items()},
    )


def _about(target: Target[Bucket]) -> dict[str, str]:
    return {"bucket": target.one.name, "made_by": target.one.request}


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


def _prefix_plan(session: Session, prefix: str, target: Target[Bucket], versions: str) -> Plan:
    objects = objects_of(session, target.one)
    found = _count(session, target, objects, prefix)
    request = session.new_request()
    name = _id(target, prefix)

    def apply(hold: Hold) -> list[Result]:
        look_again_at(session, BUCKETS, target)
        tally = Deleted()
        for batch in batches(_not_newer(objects.walk(prefix), found.seen_at)):
            objects.delete([{"Key": one.key} for one in batch], tally)
            session.listener.progress(f"{name}: {tally.count:,} of {found.objects:,} objects removed")
        raise_refused(target.name, tally)
        said = f"{count(tally.count, 'object')} removed from {target.name}{_kept_versions(versions)}"
        current = {"bucket": target.name, "prefix": prefix, "removed": tally.count}
        done = Status.SUCCEEDED
        return [Result(prefix, name, done, said=said, current=current, request=request, region=target.one.region)]

    nothing = found.objects == 0
    planned = Result(
        prefix,
        name,
        Status.UNCHANGED if nothing else Status.PLANNED,
        said=f"nothing in {target.name} begins with {prefix}"
        if nothing
        else f"{count(found.objects, 'object')} would be removed; nothing was changed",
        current={"bucket": target.name, "prefix": prefix, "objects": found.objects, "bytes": found.bytes},
        request=request,
        region=target.one.region,
    )
    return Plan(
        title=f"remove {count(found.objects, 'object')} from {target.name}",
        apply=apply,
        planned=[planned],
        many=True,
        owners=owners_of([] if nothing else [target]),
        question=_question(target, found.first, found.objects, found.bytes, versions),
        resolved={request: {**_about(target), "prefix": prefix, "seen_at": found.seen_at.isoformat()}},
    )


def _count(session: Session, target: Target[Bucket], objects: Objects, prefix: str) -> Found:
    seen_at = objects.now()
    walk = objects.walk(prefix)
    first = tuple(islice(walk, SHOWN))
    number, total = len(first), _bytes(first)
    for one in walk:
        number, total = number + 1, total + one.size
        if number % 1000 == 0:
            session.listener.progress(f"{target.name}/{prefix}: {number:,} objects counted")
    return Found(number, total, first, seen_at)


def _not_newer(objects: Iterator[StoredObject], seen_at: datetime) -> Iterator[StoredObject]:
    """Yield what was there when it was counted: what was written since was not shown to anybody."""
    return (one for one in objects if one.modified_at is None or one.modified_at <= seen_at)


def _question(
    target: Target[Bucket], objects: Sequence[StoredObject], number: int, total: int, versions: str
) -> Question | None:
    if not number:
        return None
    text = f"This removes {count(number, 'object')} · {readable(total)} from {target.name}{_kept_versions(versions)}"
    text += f"; the first {SHOWN}:" if number > SHOWN else ":"
    question = Question(Ask.YES, text, rows=tuple(objects[:SHOWN]), columns=StoredObject.COLUMNS)
    return ask_before([target], "remove from", question)


def _kept_versions(versions: str) -> str:
    return "" if versions == "off" else "; older versions stay in the bucket"


def _planned(
    target: Target[Bucket], key: str, there: Mapping[str, StoredObject], requests: Mapping[str, str]
) -> Result:
    if key not in there:
        return _missing(target, key)
    return Result(
        key,
        _id(target, key),
        Status.PLANNED,
        said=f"{key} would be removed from {target.name}; nothing was changed",
        current=there[key],
        request=requests[key],
        region=target.one.region,
    )


def _missing(target: Target[Bucket], key: str) -> Result:
    error = NotFound(
        f"{target.name} has no object {key}.", hint=command("s3 objects", target.name), details={"key": key}
    )
    return Result.failed(key, error, id=_id(target, key))


def _id(target: Target[Bucket], key: str) -> str:
    """Return what the record calls an object."""
    return f"{target.name}/{key}"


def _removed(
    target: Target[Bucket],
    key: str,
    there: Mapping[str, StoredObject],
    requests: Mapping[str, str],
    versions: str,
    kept: Mapping[str, HandrailError],
) -> Result:
    if key not in there:
        return _missing(target, key)
    if key in kept:
        return Result.failed(key, kept[key], id=_id(target, key), current=there[key], request=requests[key])
    return Result(
        key,
        _id(target, key),
        Status.SUCCEEDED,
        said=f"{key} is removed from {target.name}{_kept_versions(versions)}",
        current=there[key],
        request=requests[key],
        region=target.one.region,
    )


REMOVE = Operation(
    resource="s3",
    verb="remove",
    kind="object",
    help="remove objects from a bucket, by key or by prefix",
    example="handrail s3 remove team-assets site/old.html",
    effect=Effect.DESTROY,
    handler=remove_objects,
    recover=recover,
    parameters=RemoveObjects,
    fits=lambda one: not one.is_gone,
    permissions=(
        *LOOK,
        "s3:DeleteObject",
        "s3:GetBucketVersioning",
    ),
    many=True,
)
