"""`s3 update`: who may read buckets, their tags, whether they keep versions. Many at once, each judged by itself."""

from dataclasses import dataclass, field, replace

from handrail.core.errors import Refused, Usage, WrongState
from handrail.core.fields import Type, flag, text, texts
from handrail.core.plan import Claim, Plan, Result, Status
from handrail.core.resources import Bucket
from handrail.core.s3_rules import BUCKET_TAGS, OPEN_TO_POLICY, SHUT, foreign_public
from handrail.core.shell import option
from handrail.operations.kinds import Course, Target, Verb, carry_out, find, judged, plan_for
from handrail.operations.needs import FIND_BUCKET, OPEN_BUCKET, READ_SETTINGS, RECORD
from handrail.operations.s3.access import (
    Edit,
    behind_the_block,
    carry_out_edit,
    check_account_lets_public,
    check_policy_opens_no_more,
    find_secrets,
    is_public_wanted,
    public_question,
)
from handrail.operations.s3.buckets import BUCKETS, ManyBuckets, OtherOwner, read_bucket
from handrail.operations.s3.meeting import check_no_upload
from handrail.operations.s3.recovery import bucket_change
from handrail.operations.s3.words import notes, said
from handrail.session import Session


class UpdateBuckets(ManyBuckets, OtherOwner):
    """What an update asks for."""

    public = flag("let anyone on the internet read every object; asks first")
    private = flag("nobody without credentials reads anything")
    tag = texts("a tag of your own: key=value", metavar="KEY=VALUE")
    untag = texts("remove a tag", metavar="KEY", check=BUCKET_TAGS.check_key)
    versioning = text("keep versions: on or off", type=Type.CHOICE, choices=("on", "off"))


@dataclass(frozen=True)
class Update(Course[Bucket]):
    """What an edit means for one bucket: the part of it that differs from what is there."""

    edit: Edit = field(default_factory=Edit)


_VERB = Verb[Update](
    "update",
    lambda _: "would be updated",
    lambda course: f"{course.one.name} is like that already · {course.one.access}",
)


def edit_of(session: Session, values: UpdateBuckets) -> Edit:
    """Return what is to be changed. Raises Usage."""
    versioning = None if values.versioning is None else values.versioning == "on"
    public = is_public_wanted(values.public, values.private)
    edit = Edit(public, BUCKET_TAGS.edit(values.tag, values.untag), values.untag, versioning)
    if edit.is_nothing:
        raise Usage(
            "nothing to update was given.",
            hint="--public, --private, --tag key=value, --untag key, or --versioning on|off",
        )
    return edit


def update_buckets(session: Session, values: UpdateBuckets) -> Plan:
    """Look at the buckets and return the plan of what differs. Raises Usage, Refused, PermissionDenied."""
    edit = edit_of(session, values)
    targets = find(session, BUCKETS, values.buckets)
    courses = judged(session, Update, targets, lambda target: _course(session, target, edit))
    acting = [course for course in courses if course.acts]
    opening = [course.one for course in acting if course.edit.public]
    if opening:
        check_account_lets_public(session)
        for bucket in opening:
            check_no_upload(session, bucket.name)
        session.rules.check(find_secrets(session, *((bucket.name, bucket.region) for bucket in opening)))

    def act(course: Update, now: Bucket) -> Result:
        warnings = carry_out_edit(session, now, course.edit)
        after = read_bucket(session, now.name, now.region)
        shown = notes(session, after) if course.edit.public is not None and after.access == "public" else ()
        updated = f"{said(session, after)} · updated"
        return course.result(Status.SUCCEEDED, updated, after, warnings=warnings, notes=shown)

    return plan_for(
        session,
        BUCKETS,
        courses,
        _VERB,
        apply=lambda hold: carry_out(session, BUCKETS, courses, _VERB, act),
        question=public_question(session, [bucket.name for bucket in opening]) if opening else None,
        facts=tuple((course.one.name, _changes(course.one, course.edit)) for course in acting),
        resolved={
            course.request: {"name": course.one.name, "made_by": course.one.request, **vars(course.edit)}
            for course in acting
        },
    )


def _claims(session: Session, values: UpdateBuckets) -> tuple[Claim, ...]:
    edit = edit_of(session, values)
    claims = [Claim("s3.public", True, "--public")] if edit.public else []
    if edit.versioning is not None:
        claims.append(Claim("s3.versioning", edit.versioning, "--versioning"))
    return tuple(claims)


def _claims_of_found(session: Session, values: UpdateBuckets) -> tuple[Claim, ...]:
    """Return what is judged of the buckets that are there, for `policy check`: the tags that they would have."""
    edit = edit_of(session, values)
    targets = find(session, BUCKETS, values.buckets) if edit.put or edit.drop else []
    buckets = [target.thing for target in targets if target.thing is not None]
    return tuple(_tag_claim(bucket, edit) for bucket in buckets if edit.tags_after(bucket.tags) != bucket.tags)


def _tag_claim(bucket: Bucket, edit: Edit) -> Claim:
    """Return the claim of a bucket's tags as they will be: a tag that is required can't be taken off."""
    return Claim("s3.required_tags", edit.tags_after(bucket.tags), "--tag")


def _check_tags(session: Session, bucket: Bucket, edit: Edit) -> None:
    """Raise Refused where a bucket's tags would not be what the policies require."""
    try:
        session.rules.check([_tag_claim(bucket, edit)])
    except Refused as error:
        taken = [reason["value"] for reason in error.details["reasons"] if reason["value"] in edit.drop]
        if taken:  # to give it another value is not what was wanted
            error.hint = f"leave {option('--untag', taken[0])} out"
        raise


def _course(session: Session, target: Target[Bucket], edit: Edit) -> Update:
    """Judge one bucket by what differs. Raises WrongState, Refused."""
    bucket = target.one
    if edit.tags_after(bucket.tags) == bucket.tags:
        edit = replace(edit, put={}, drop=())
    else:
        _check_tags(session, bucket, edit)
    if edit.versioning is False and session.aws.s3.object_lock(bucket.name, bucket.region) == "on":
        raise WrongState(
            f"bucket {bucket.name} has Object Lock, and so it always keeps versions.", hint="leave --versioning off out"
        )
    access, warnings = (False, ()) if edit.public is None else _access(session, bucket, is_public=edit.public)
    now = None if edit.versioning is None else session.aws.s3.versioning(bucket.name, bucket.region) == "on"
    public, versioning = edit.public if access else None, edit.versioning if now != edit.versioning else None
    edit = replace(edit, public=public, versioning=versioning)
    return Update(target, not edit.is_nothing, warnings=warnings, edit=edit)


def _access(session: Session, bucket: Bucket, *, is_public: bool) -> tuple[bool, tuple[str, ...]]:
    """Return whether a bucket's access is to be changed, and what to say if it is not. Raises WrongState.

    A policy that keeps public statements which Handrail did not make can't be changed while the block is on; a bucket
    like that is as private as it gets.
    """
    s3, exposure = session.aws.s3, bucket.exposure
    if is_public:
        changes = bucket.access != "public" or exposure.bucket != OPEN_TO_POLICY
        if changes:
            check_policy_opens_no_more(s3.policy(bucket.name, bucket.region), bucket.name)
        return changes, ()
    if exposure.bucket != SHUT or exposure.policy is not True:
        return exposure.bucket != SHUT or exposure.policy is None, ()
    others = foreign_public(s3.policy(bucket.name, bucket.region))
    return not others, ((behind_the_block(bucket.name, others),) if others else ())


def _changes(bucket: Bucket, edit: Edit) -> str:
    lines = []
    if edit.public is not None:
        wanted = "public" if edit.public else "private"
        # What is private already may lack a part of what keeps it so.
        lines.append(f"{bucket.access} → {wanted}" if bucket.access != wanted else f"{wanted}, made sure of")
    if edit.versioning is not None:
        lines.append(f"versions → {'kept' if edit.versioning else 'no longer kept'}")
    put = ((key, value) for key, value in edit.put.items() if bucket.tags.get(key) != value)
    lines += [f"{key} {bucket.tags.get(key, '-')} → {value}" for key, value in put]
    return "\n".join([*lines, *(f"{key} {bucket.tags[key]} → -" for key in edit.drop if key in bucket.tags)])


UPDATE = bucket_change(
    verb="update",
    help="change who may read buckets, their tags, whether they keep versions",
    example="handrail s3 update team-assets --private",
    handler=update_buckets,
    claims=_claims,
    claims_of_found=_claims_of_found,
    parameters=UpdateBuckets,
    fits=lambda one: not one.is_gone,
    permissions=(
        *RECORD,
        *FIND_BUCKET,
        *READ_SETTINGS,
        *OPEN_BUCKET,
        "s3:PutBucketTagging",
        "s3:PutBucketVersioning",
    ),
    many=True,
)
