"""`s3 delete`: buckets for good. One with anything in it only with --empty, which takes its name typed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from handrail.aws.s3_objects import Content, Deleted, Objects, batches
from handrail.core.amounts import count
from handrail.core.errors import Acted, AwsFailure, HandrailError, NotFound, PermissionDenied, WrongState
from handrail.core.fields import Field, Kind, Values
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Facts, Hold, Plan, Question, Result, Status
from handrail.core.resources import Bucket
from handrail.core.shell import command
from handrail.ledger.record import given_of
from handrail.operations.attempts import attempt
from handrail.operations.s3.access import patiently
from handrail.operations.s3.look import count_content
from handrail.operations.s3.recovering import recover
from handrail.operations.s3.targets import (
    BUCKETS,
    LOOK,
    OWNER,
    Target,
    find_again,
    find_many,
    foreign_question,
    objects_of,
    owners_of,
)
from handrail.operations.s3.words import content_text
from handrail.session import Session

EMPTY = Content()
Mark = tuple[str, str]  # a key, and the id of a version or upload of it
NOT_DELETED = "not_deleted"  # the slug of what S3 kept
PROBED = 20  # versions that are asked whether they are locked before a bucket is emptied
ROUNDS = 1000  # whoever writes to a bucket without end does not keep its deletion going
_COLUMNS = (*Bucket.COLUMNS, ("OBJECTS", "objects"), ("SIZE", "readable_size"))


@dataclass(frozen=True)
class Course:
    """What a deletion means for one bucket.

    content: what is in it; request: of its own row in the record; lock: whether it has Object Lock.
    """

    target: Target
    content: Content = EMPTY
    error: HandrailError | None = None
    request: str = ""
    lock: bool = False

    @property
    def bucket(self) -> Bucket:
        """Return the bucket with what is in it."""
        return replace(self.target.one, objects=self.content.objects, bytes=self.content.bytes)


def delete_buckets(session: Session, values: Values) -> Plan:
    """Look into the buckets and return the plan of deleting those that may go."""
    courses = [_course(session, target, empty=values["empty"]) for target in find_many(session, values["buckets"])]
    acting = [course for course in courses if course.error is None]

    def apply(hold: Hold) -> list[Result]:
        return [
            _apply(session, course, empty=values["empty"]) if course.error is None else _failed(course)
            for course in courses
        ]

    return Plan(
        title=f"delete {count(len(acting), 'bucket')}",
        apply=apply,
        planned=[_planned(course) if course.error is None else _failed(course) for course in courses],
        many=True,
        owners=owners_of([course.target for course in acting]),
        question=_question(session, acting, empty=values["empty"]),
        facts=_facts(acting),
        given=given_of(DELETE, values),
        resolved={course.request: _resolved(course, empty=values["empty"]) for course in acting},
    )


def _course(session: Session, target: Target, *, empty: bool) -> Course:
    if target.bucket is None or target.error is not None:
        return Course(target, error=target.failed().error)
    if target.is_gone:
        return Course(target, request=session.new_request())
    try:
        content = count_content(objects_of(session, target.one), _counting(session, target.name))
    except HandrailError as error:
        return Course(target, error=error)
    if not empty and not content.is_empty:
        return Course(target, content, _not_empty(target.name, content), session.new_request())
    lock = bool(content.objects + content.versions) and _has_lock(session, target.one)
    return Course(target, content, _locked(session, target.one) if lock else None, session.new_request(), lock)


def _has_lock(session: Session, bucket: Bucket) -> bool:
    """Return whether a bucket has Object Lock; who may not ask learns from S3 what was kept."""
    try:
        return session.aws.s3.object_lock(bucket.name, bucket.region) == "on"
    except PermissionDenied:
        return False


def _locked(session: Session, bucket: Bucket) -> WrongState | None:
    """Return why a bucket can't be emptied where one of its first versions is locked; those behind them, S3 keeps."""
    found = session.aws.s3.vault(bucket.name, bucket.region).first_locked(PROBED)
    if found is None:
        return None
    key, lock = found
    return WrongState(
        f"bucket {bucket.name} has versions that are locked, so it can't be emptied; nothing was deleted.",
        facts=(("locked", f"{key} · {lock.words}"),),
        hint="wait until the locks end, or leave it",
        details={"name": bucket.name, "key": key, "mode": lock.mode, "until": lock.until},
        code="locked",
    )


def _counting(session: Session, name: str) -> Callable[[int], None]:
    return lambda seen: session.listener.progress(f"{name}: {seen:,} objects and versions counted")


def _not_empty(name: str, content: Content) -> WrongState:
    return WrongState(
        f"bucket {name} is not empty: {content_text(content)}.",
        hint=command("s3 delete", name, empty=True),
        details={"name": name, **vars(content)},
        code="not_empty",
    )


def _question(session: Session, acting: Sequence[Course], *, empty: bool) -> Question | None:
    if not acting:
        return None
    targets = [course.target for course in acting]
    what = count(len(acting), "bucket")
    text = f"This deletes {what} for good"
    if empty:
        objects = sum(course.content.objects for course in acting)
        versions = sum(course.content.versions for course in acting)
        text += f" with {count(objects, 'object')}" + (f" and {versions:,} older versions" if versions else "")
    text += ":"
    others = sorted(owners_of(targets) - {session.caller.owner})
    text += f" it belongs to {', '.join(others)}, not to you." if others else ""
    foreign = foreign_question(targets, "delete")
    text += f" {foreign.text}" if foreign else ""
    rows = tuple(course.bucket for course in acting)
    if not empty:
        return Question(Ask.YES, text, rows=rows, columns=_COLUMNS)
    word = acting[0].target.name if len(acting) == 1 else str(len(acting))
    prompt = "Type its name to confirm" if len(acting) == 1 else "Type how many to confirm"
    return Question(Ask.WORD, text, word=word, prompt=prompt, rows=rows, columns=_COLUMNS)


def _apply(session: Session, course: Course, *, empty: bool) -> Result:
    name = course.target.name
    try:
        with attempt(session):
            _carry_out(session, course, empty=empty)
    except HandrailError as error:
        return Result.failed(name, error, id=name, current=course.bucket, request=course.request)
    gone = replace(course.bucket, access="gone", objects=0, bytes=0)
    with_what = f" · {content_text(course.content)}" if not course.content.is_empty else ""
    return Result(
        name,
        name,
        Status.SUCCEEDED,
        said=f"{name} is deleted{with_what}",
        current=gone,
        request=course.request,
        region=course.target.one.region,
    )


def _empty(session: Session, course: Course, bucket: Bucket) -> None:
    """Delete all that is in a bucket. Raises WrongState where locks keep some of it, AwsFailure where else does."""
    try:
        make_empty(objects_of(session, bucket), session.listener.progress)
    except AwsFailure as error:
        if error.slug != NOT_DELETED or not course.lock:
            raise
        raise WrongState(
            error.message,
            facts=error.facts,
            hint="what is locked stays until its lock ends, and the bucket with it",
            details=error.details,
            code="locked",
        ) from None


def _carry_out(session: Session, course: Course, *, empty: bool) -> None:
    target = find_again(session, course.target, gone_too=True)
    if empty and not target.is_gone:
        _empty(session, course, target.one)
    if not target.is_gone:
        _remove(session, target.one)
    if target.row is not None:
        session.stores.rows.drop(target.row)


def _remove(session: Session, bucket: Bucket) -> None:
    """Delete an empty bucket; one that is gone by now is as good."""
    try:
        patiently(session, bucket.name, lambda: session.aws.s3.delete(bucket.name, bucket.region))
    except NotFound:
        return


def make_empty(objects: Objects, tell: Callable[[str], None], rounds: int = ROUNDS) -> None:
    """Delete every version, marker and unfinished upload, in batches. Raises AwsFailure naming what S3 kept.

    It starts again from the top until nothing is found, or the same again: what somebody put behind the place of a
    listing is seen then, and what a service skips whose listings go on from an item, which is gone by then.
    """
    tally = Deleted()
    before: Mark | None = None
    for _ in range(rounds):
        first = _empty_once(objects, tally, tell)
        raise_refused(objects.bucket, tally)
        if first in (None, before):
            return
        before = first


def _empty_once(objects: Objects, tally: Deleted, tell: Callable[[str], None]) -> Mark | None:
    """Delete what is found by one walk from the top; return the first of it."""
    first: Mark | None = None
    for upload in objects.unfinished():
        objects.abort(upload)
        first = first or (upload.key, upload.id)
    for page in objects.versions():
        for batch in batches(page):
            objects.delete(batch, tally)
            first = first or (batch[0]["Key"], batch[0].get("VersionId", ""))
            tell(f"{objects.bucket}: {tally.count:,} objects and versions deleted")
    return first


def raise_refused(name: str, tally: Deleted) -> None:
    """Raise AwsFailure where S3 did not delete something, naming the first of it."""
    if not tally.refused:
        return
    shown = "\n".join(f"{key}: {code} {message}".rstrip() for key, code, message in tally.failed[:10])
    raise AwsFailure(
        f"S3 kept {count(tally.refused, 'object')} in {name}; {tally.count:,} were deleted.",
        facts=(("kept", shown),),
        hint="see what protects them: object lock, or the permission s3:DeleteObjectVersion",
        details={"kept": [{"key": key, "code": code} for key, code, _ in tally.failed], "deleted": tally.count},
        acted=Acted.NO,
        code=NOT_DELETED,
    )


def _failed(course: Course) -> Result:
    return course.target.failed(course.error)


def _planned(course: Course) -> Result:
    bucket = course.bucket
    return Result(
        bucket.name,
        bucket.name,
        Status.PLANNED,
        said=f"{bucket.name} would be deleted; nothing was changed",
        current=bucket,
        request=course.request,
        region=bucket.region,
    )


def _resolved(course: Course, *, empty: bool) -> dict[str, object]:
    return {"name": course.target.name, "made_by": course.target.made_by, "empty": empty}


def _facts(acting: Sequence[Course]) -> Facts:
    return tuple((course.target.name, content_text(course.content)) for course in acting)


DELETE = Operation(
    resource="s3",
    verb="delete",
    kind="bucket",
    help="delete buckets for good; with --empty also all that is in them",
    example="handrail s3 delete team-assets",
    effect=Effect.DESTROY,
    handler=delete_buckets,
    recover=recover,
    fields=(
        BUCKETS,
        Field(
            "empty",
            "delete all objects, versions and unfinished uploads first; asks for the name",
            Kind.FLAG,
            default=False,
        ),
        OWNER,
    ),
    permissions=(
        *LOOK,
        "s3:DeleteBucket",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:AbortMultipartUpload",
        "s3:ListBucketVersions",
        "s3:ListBucketMultipartUploads",
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetObjectRetention",
        "dynamodb:DeleteItem",
    ),
    many=True,
)
