"""`s3 delete`: buckets for good. One with anything in it only with --empty, which takes its name typed."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from handrail.aws.s3_objects import Content
from handrail.core.amounts import count
from handrail.core.errors import AwsFailure, NotFound, PermissionDenied, WrongState
from handrail.core.fields import flag
from handrail.core.operation import Effect
from handrail.core.plan import Ask, Plan, Question, Result, Status
from handrail.core.resources import Bucket
from handrail.core.shell import command
from handrail.operations.kinds import Course, Target, Verb, carry_out, find, judged, plan_for, to_be_typed
from handrail.operations.needs import FIND_BUCKET, READ_LOCKS, RECORD
from handrail.operations.s3.access import patiently
from handrail.operations.s3.buckets import BUCKETS, KIND, ManyBuckets, OtherOwner, objects_of
from handrail.operations.s3.content import NOT_DELETED, count_content, make_empty
from handrail.operations.s3.recovery import bucket_change
from handrail.operations.s3.words import content_text
from handrail.session import Session

EMPTY = Content()
PROBED = 20  # versions that are asked whether they are locked before a bucket is emptied
_COLUMNS = (*Bucket.COLUMNS, ("OBJECTS", "objects"), ("SIZE", "readable_size"))


class DeleteBuckets(ManyBuckets, OtherOwner):
    """What a deletion asks for."""

    empty = flag("delete all objects, versions and unfinished uploads first; asks for the name")


@dataclass(frozen=True)
class Deletion(Course[Bucket]):
    """What a deletion means for one bucket. content: what is in it; lock: whether it has Object Lock."""

    content: Content = EMPTY
    lock: bool = False

    @property
    def shown(self) -> Bucket:
        """Return the bucket; one that may go with what is in it."""
        if self.error is not None:
            return self.one
        return replace(self.one, objects=self.content.objects, bytes=self.content.bytes)


_VERB = Verb[Deletion]("delete", lambda _: "would be deleted")


def delete_buckets(session: Session, values: DeleteBuckets) -> Plan:
    """Look into the buckets and return the plan of deleting those that may go."""
    targets = find(session, BUCKETS, values.buckets, gone_too=True)
    courses = judged(session, Deletion, targets, lambda target: _course(session, target, empty=values.empty))
    acting = [course for course in courses if course.acts]

    def act(course: Deletion, now: Bucket) -> Result:
        _carry_out(session, course, now, empty=values.empty)
        gone = replace(course.shown, access="gone", objects=0, bytes=0)
        with_what = f" · {content_text(course.content)}" if not course.content.is_empty else ""
        return course.result(Status.SUCCEEDED, f"{now.name} is deleted{with_what}", gone)

    return plan_for(
        session,
        BUCKETS,
        courses,
        _VERB,
        apply=lambda hold: carry_out(session, BUCKETS, courses, _VERB, act, gone_too=True),
        question=_question(acting, empty=values.empty),
        facts=tuple((course.target.name, content_text(course.content)) for course in acting),
        resolved={
            course.request: {"name": course.one.name, "made_by": course.one.request, "empty": values.empty}
            for course in acting
        },
    )


def _course(session: Session, target: Target[Bucket], *, empty: bool) -> Deletion:
    """Judge one bucket by what is in it. Raises WrongState."""
    bucket = target.one
    if bucket.is_gone:
        return Deletion(target, acts=True)

    def tell(seen: int) -> None:
        session.listener.progress(f"{bucket.name}: {seen:,} objects and versions counted")

    content = count_content(objects_of(session, bucket), tell)
    if not empty and not content.is_empty:
        raise _not_empty(bucket.name, content)
    lock = bool(content.objects + content.versions) and _has_lock(session, bucket)
    if lock:
        _check_unlocked(session, bucket)
    return Deletion(target, acts=True, content=content, lock=lock)


def _has_lock(session: Session, bucket: Bucket) -> bool:
    """Return whether a bucket has Object Lock; who may not ask learns from S3 what was kept."""
    try:
        return session.aws.s3.object_lock(bucket.name, bucket.region) == "on"
    except PermissionDenied:
        return False


def _check_unlocked(session: Session, bucket: Bucket) -> None:
    """Raise WrongState where one of a bucket's first versions is locked; those behind them, S3 keeps."""
    found = session.aws.s3.vault(bucket.name, bucket.region).first_locked(PROBED)
    if found is None:
        return
    key, lock = found
    raise WrongState(
        f"bucket {bucket.name} has versions that are locked, so it can't be emptied; nothing was deleted.",
        facts=(("locked", f"{key} · {lock.words}"),),
        hint="wait until the locks end, or leave it",
        details={"name": bucket.name, "key": key, "mode": lock.mode, "until": lock.until},
        code="locked",
    )


def _not_empty(name: str, content: Content) -> WrongState:
    return WrongState(
        f"bucket {name} is not empty: {content_text(content)}.",
        hint=command("s3 delete", name, empty=True),
        details={"name": name, **vars(content)},
        code="not_empty",
    )


def _question(acting: Sequence[Deletion], *, empty: bool) -> Question | None:
    if not acting:
        return None
    text = f"This deletes {count(len(acting), 'bucket')} for good"
    if empty:
        objects = sum(course.content.objects for course in acting)
        versions = sum(course.content.versions for course in acting)
        text += f" with {count(objects, 'object')}" + (f" and {versions:,} older versions" if versions else "")
    ones = tuple(course.shown for course in acting)
    if empty:
        return to_be_typed(f"{text}:", ones, _COLUMNS)
    return Question(Ask.YES, f"{text}:", rows=ones, columns=_COLUMNS)


def _empty(session: Session, course: Deletion, bucket: Bucket) -> None:
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


def _carry_out(session: Session, course: Deletion, now: Bucket, *, empty: bool) -> None:
    rows = session.stores.rows
    earlier = None if now.managed else rows.get(KIND, now.name)  # the row of one of its name that is gone
    if empty and not now.is_gone:
        _empty(session, course, now)
    if not now.is_gone:
        with suppress(NotFound):  # one that is gone by now is as good
            patiently(session, now.name, lambda: session.aws.s3.delete(now.name, now.region))
    if request := earlier.request if earlier else now.request:
        rows.drop(KIND, now.name, request)


DELETE = bucket_change(
    verb="delete",
    help="delete buckets for good; with --empty also all that is in them",
    example="handrail s3 delete team-assets",
    effect=Effect.DESTROY,
    handler=delete_buckets,
    parameters=DeleteBuckets,
    permissions=(
        *RECORD,
        *FIND_BUCKET,
        *READ_LOCKS,
        "s3:DeleteBucket",
        "s3:DeleteObjectVersion",
        "s3:AbortMultipartUpload",
        "s3:ListBucketVersions",
        "s3:ListBucketMultipartUploads",
        "s3:GetBucketObjectLockConfiguration",
    ),
    many=True,
)
