"""`s3 list`, `s3 show`, `s3 objects`: looking at buckets and what is in them."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from handrail.aws.s3 import LOOKERS, Listed, View
from handrail.core.amounts import count
from handrail.core.errors import HandrailError, NotFound, is_no_answer
from handrail.core.fields import Parameters, flag, text
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome
from handrail.core.resources import Bucket, StoredObject
from handrail.ledger.rows import Row
from handrail.operations.kinds import find_one
from handrail.operations.needs import FIND_BUCKET, LEDGER, READ_SETTINGS
from handrail.operations.s3.buckets import BUCKETS, KIND, OneBucket, bucket_of, is_unproved, objects_of
from handrail.operations.s3.content import count_content
from handrail.operations.s3.words import full_notes, said
from handrail.session import Session


class ListBuckets(Parameters):
    """Which buckets are listed."""

    all = flag("everybody's buckets, also those that Handrail did not make")
    size = flag("count the objects and bytes in each")
    owner = text("only what this owner made", metavar="NAME")


class ListObjects(Parameters):
    """Which objects are listed."""

    bucket = OneBucket.bucket
    prefix = text("only keys that begin so", positional=True, metavar="[PREFIX]")


def list_buckets(session: Session, values: ListBuckets) -> Outcome:
    """Return the buckets that Handrail made; with `all`, or where the policy manages any, everybody's."""
    everybody = values.all or session.rules.manages_any("s3")
    known, odd = session.stores.rows.list(KIND)
    rows = {row.name: row for row in known}
    listed = {one.name: one for one in session.aws.s3.list_buckets()}
    names = sorted({*rows, *(listed if everybody else ())})
    owners = {row.name: row.owner for row in known}
    wanted = [name for name in names if values.owner is None or owners.get(name) == values.owner]
    buckets = list(_look(session, wanted, listed, rows, everybody=everybody))
    if values.size:
        buckets = _measured(session, buckets)
    return Outcome(
        rows=buckets,
        columns=_columns(buckets, everybody=everybody, size=values.size),
        summary=_summary(buckets),
        empty="No buckets here. Make one: handrail s3 create NAME",
        warnings=tuple(f"{error.message} Its bucket is not among these; {error.hint}" for error in odd),
    )


def _look(
    session: Session, names: list[str], listed: Mapping[str, Listed], rows: Mapping[str, Row], *, everybody: bool
) -> Iterator[Bucket]:
    """Yield each bucket; one that is gone, or that can't be looked at, is a row with a note.

    Not `everybody`: those that Handrail made, and those on record of which that can't be told.
    Raises HandrailError where what came is no answer of AWS.
    """
    there = [name for name in names if name in listed]
    regions = {name: listed[name].region or (rows[name].region if name in rows else "") for name in there}
    views = dict(zip(there, session.aws.s3.views([(name, regions[name]) for name in there]), strict=True))
    for name in names:
        row, view = rows.get(name), views.get(name)
        place = listed.get(name, Listed(name, "", None))
        if view is None or isinstance(view, NotFound):
            if row is not None:
                yield bucket_of(place, row, None)
        elif isinstance(view, View):
            bucket = bucket_of(place, row, view)
            if everybody or bucket.managed or is_unproved(row, view):
                yield bucket
        elif is_no_answer(view):
            raise view
        else:
            yield replace(bucket_of(place, row, None), access="unknown", note=view.message)


def _measured(session: Session, buckets: list[Bucket]) -> list[Bucket]:
    def measure(bucket: Bucket) -> Bucket:
        try:
            objects = total = 0
            for one in objects_of(session, bucket).walk():
                objects, total = objects + 1, total + one.size
        except HandrailError as error:
            if is_no_answer(error):
                raise
            return replace(bucket, note=bucket.note or error.message)
        return replace(bucket, objects=objects, bytes=total)

    with ThreadPoolExecutor(LOOKERS, thread_name_prefix="size") as pool:
        return list(pool.map(measure, buckets))


def _columns(buckets: list[Bucket], *, everybody: bool, size: bool) -> tuple[tuple[str, str], ...]:
    columns = list(Bucket.COLUMNS)
    if size:
        columns += [("OBJECTS", "objects"), ("SIZE", "readable_size")]
    if everybody:
        columns.append(("MANAGED", "managed"))
    if any(bucket.note for bucket in buckets):
        columns.append(("NOTE", "note"))
    return tuple(columns)


def _summary(buckets: list[Bucket]) -> str:
    public = sum(bucket.access == "public" for bucket in buckets)
    return f"{count(len(buckets), 'bucket')} · {public} public" if public else count(len(buckets), "bucket")


def show_bucket(session: Session, values: OneBucket) -> Outcome:
    """Return one bucket with everything that a person asks, what unfinished uploads left included."""
    target = find_one(session, BUCKETS, values.bucket, to_change=False)
    settings = session.aws.s3.settings(target.name, target.one.region, lock=True)
    objects = objects_of(session, target.one)
    unfinished = tuple(one.as_json() for one in objects.unfinished())
    content = count_content(objects, lambda seen: session.listener.progress(f"{target.name}: {seen:,} objects counted"))
    counted: dict[str, Any] = {"objects": content.objects, "bytes": content.bytes, "unfinished": unfinished}
    bucket = replace(target.one, **vars(settings), **counted)
    return Outcome(
        rows=(bucket,), many=False, summary=said(session, bucket), notes=full_notes(session, bucket, content)
    )


def list_objects(session: Session, values: ListObjects) -> Outcome:
    """Return the objects of a bucket as a stream, one page in memory."""
    target = find_one(session, BUCKETS, values.bucket, to_change=False)
    return Outcome(
        rows=objects_of(session, target.one).walk(values.prefix or ""),
        columns=StoredObject.COLUMNS,
        empty=f"No objects in {target.name}{' that begin so' if values['prefix'] else ''}.",
    )


_read = partial(Operation, resource="s3", noun="bucket", effect=Effect.READ)
LIST = _read(
    verb="list",
    help="list the buckets that Handrail made, and who may read them",
    example="handrail s3 list --size",
    handler=list_buckets,
    parameters=ListBuckets,
    permissions=(*FIND_BUCKET, "s3:ListAllMyBuckets", "dynamodb:Query"),
    many=True,
)
SHOW = _read(
    verb="show",
    help="show one bucket: access, content, settings, unfinished uploads",
    example="handrail s3 show team-assets",
    handler=show_bucket,
    parameters=OneBucket,
    permissions=(
        *LEDGER,
        *FIND_BUCKET,
        *READ_SETTINGS,
        "s3:ListBucketVersions",
        "s3:ListBucketMultipartUploads",
    ),
)
OBJECTS = _read(
    verb="objects",
    noun="object",
    help="list the objects in a bucket, any number of them",
    example="handrail s3 objects team-assets site/",
    handler=list_objects,
    parameters=ListObjects,
    permissions=(*LEDGER, *FIND_BUCKET),
    many=True,
)
