"""`s3 update`: who may read buckets, their tags, whether they keep versions. Many at once, each judged by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from handrail.core.amounts import count
from handrail.core.errors import HandrailError, Refused, Usage, WrongState
from handrail.core.fields import Field, Kind, Values
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Claim, Facts, Hold, Plan, Question, Result, Status
from handrail.core.resources import Bucket
from handrail.core.s3_rules import BUCKET_TAGS, OPEN_TO_POLICY, SHUT, foreign_public
from handrail.core.shell import command, option
from handrail.ledger.record import given_of
from handrail.operations.attempts import attempt
from handrail.operations.s3.access import (
    SECRETS_SHOWN,
    behind_the_block,
    check_account_lets_public,
    check_policy_opens_no_more,
    find_secrets,
    make_private,
    make_public,
    patiently,
)
from handrail.operations.s3.build import read_bucket
from handrail.operations.s3.create import PRIVATE, PUBLIC, TAG, is_public_wanted, public_question
from handrail.operations.s3.meeting import check_no_upload
from handrail.operations.s3.recovering import recover
from handrail.operations.s3.targets import (
    BUCKETS,
    LOOK,
    OWNER,
    Target,
    find_again,
    find_many,
    foreign_question,
    owners_of,
)
from handrail.operations.s3.words import notes, said
from handrail.session import Session


@dataclass(frozen=True)
class Edit:
    """What was asked for. public, versioning: None leaves them; put, drop: tags."""

    public: bool | None
    put: Mapping[str, str]
    drop: tuple[str, ...]
    versioning: bool | None


@dataclass(frozen=True)
class Course:
    """What an edit means for one bucket. access, versioning: to be changed; request: of its own row in the record.

    warnings: what a person should know although nothing is to be changed.
    """

    target: Target
    access: bool = False
    tags: bool = False
    versioning: bool = False
    error: HandrailError | None = None
    request: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def acts(self) -> bool:
        """Return whether anything is to be changed."""
        return self.error is None and (self.access or self.tags or self.versioning)


def update_buckets(session: Session, values: Values) -> Plan:
    """Look at the buckets and return the plan of what differs. Raises Usage, Refused, PermissionDenied."""
    edit = _edit(values)
    claims = _claims(edit)
    session.rules.check(claims)
    targets = find_many(session, values["buckets"])
    courses = [_course(session, target, edit) for target in targets]
    acting = [course for course in courses if course.acts]
    opening = [course.target for course in acting if course.access and edit.public]
    if opening:
        check_account_lets_public(session)
        for target in opening:
            check_no_upload(session, target.name)
        _check_no_secrets(session, opening)

    def apply(hold: Hold) -> list[Result]:
        return [_apply(session, course, edit) if course.acts else _decided(course) for course in courses]

    return Plan(
        title=f"update {count(len(acting), 'bucket')}",
        apply=apply,
        planned=[_planned(course) if course.acts else _decided(course) for course in courses],
        many=True,
        claims=claims,
        owners=owners_of([course.target for course in acting]),
        question=_question(session, acting, opening),
        facts=_facts(acting, edit),
        given=given_of(UPDATE, values),
        resolved={course.request: _resolved(course, edit) for course in acting},
    )


def _edit(values: Values) -> Edit:
    versioning = None if values["versioning"] is None else values["versioning"] == "on"
    edit = Edit(is_public_wanted(values), BUCKET_TAGS.parse(values["tag"]), values["untag"], versioning)
    if edit.public is None and not edit.put and not edit.drop and versioning is None:
        raise Usage(
            "nothing to update was given.",
            hint="--public, --private, --tag key=value, --untag key, or --versioning on|off",
        )
    clash = set(edit.put) & set(edit.drop)
    if clash:
        raise Usage(f"the tag {min(clash)} is both set and removed.", hint="give it to --tag or to --untag")
    return edit


def _claims(edit: Edit) -> tuple[Claim, ...]:
    claims = [Claim("s3.public", True, "--public")] if edit.public else []
    if edit.versioning is not None:
        claims.append(Claim("s3.versioning", edit.versioning, "--versioning"))
    return tuple(claims)


def _claims_of_all(session: Session, values: Values) -> tuple[Claim, ...]:
    """Return what is judged of an update, for `policy check`: the tags of the buckets that are there too."""
    edit = _edit(values)
    targets = find_many(session, values["buckets"]) if edit.put or edit.drop else []
    buckets = [target.bucket for target in targets if target.bucket is not None and _changes_tags(target.bucket, edit)]
    return (*_claims(edit), *(_tag_claim(bucket, edit) for bucket in buckets))


def _tag_claim(bucket: Bucket, edit: Edit) -> Claim:
    """Return the claim of a bucket's tags as they will be: a tag that is required can't be taken off."""
    tags = {key: value for key, value in {**bucket.tags, **edit.put}.items() if key not in edit.drop}
    return Claim("s3.required_tags", tags, "--tag")


def _changes_tags(bucket: Bucket, edit: Edit) -> bool:
    changed = any(bucket.tags.get(key) != value for key, value in edit.put.items())
    return changed or any(key in bucket.tags for key in edit.drop)


def _check_tags(session: Session, bucket: Bucket, edit: Edit) -> None:
    """Raise Refused where a bucket's tags would not be what the policies require."""
    try:
        session.rules.check([_tag_claim(bucket, edit)])
    except Refused as error:
        taken = [reason["value"] for reason in error.details["reasons"] if reason["value"] in edit.drop]
        if taken:  # to give it another value is not what was wanted
            error.hint = f"leave {option('--untag', taken[0])} out"
        raise


def _course(session: Session, target: Target, edit: Edit) -> Course:
    if target.bucket is None or target.error is not None:
        return Course(target, error=target.failed().error)
    if target.is_gone:
        gone = WrongState(
            f"bucket {target.name} was deleted without Handrail; only its record is left.",
            hint=command("s3 delete", target.name),
        )
        return Course(target, error=gone)
    try:
        return _course_of(session, target, edit)
    except HandrailError as error:
        return Course(target, error=error)


def _course_of(session: Session, target: Target, edit: Edit) -> Course:
    bucket = target.one
    tags = _changes_tags(bucket, edit)
    if tags:
        _check_tags(session, bucket, edit)
    if edit.versioning is False and session.aws.s3.object_lock(bucket.name, bucket.region) == "on":
        raise WrongState(
            f"bucket {bucket.name} has Object Lock, and so it always keeps versions.", hint="leave --versioning off out"
        )
    access, warnings = (False, ()) if edit.public is None else _access(session, target, is_public=edit.public)
    now = None if edit.versioning is None else session.aws.s3.versioning(bucket.name, bucket.region) == "on"
    return Course(
        target,
        access=access,
        tags=tags,
        versioning=now != edit.versioning,
        request=session.new_request(),
        warnings=warnings,
    )


def _access(session: Session, target: Target, *, is_public: bool) -> tuple[bool, tuple[str, ...]]:
    """Return whether a bucket's access is to be changed, and what to say if it is not. Raises WrongState.

    A policy that keeps public statements which Handrail did not make can't be changed while the block is on; a bucket
    like that is as private as it gets.
    """
    s3, bucket, exposure = session.aws.s3, target.one, target.exposure
    if is_public:
        changes = bucket.access != "public" or exposure.bucket != OPEN_TO_POLICY
        if changes:
            check_policy_opens_no_more(s3.policy(bucket.name, bucket.region), bucket.name)
        return changes, ()
    if exposure.bucket != SHUT or exposure.policy is not True:
        return exposure.bucket != SHUT or exposure.policy is None, ()
    others = foreign_public(s3.policy(bucket.name, bucket.region))
    return not others, ((behind_the_block(bucket.name, others),) if others else ())


def _check_no_secrets(session: Session, opening: Sequence[Target]) -> None:
    """Raise Refused where an object's key looks like a secret: it would be public the moment that the bucket is."""
    suspects: list[Claim] = []
    for target in opening:
        suspects += find_secrets(session, target.name, target.one.region, SECRETS_SHOWN - len(suspects))
        if len(suspects) >= SECRETS_SHOWN:
            break
    session.rules.check(suspects)


def _question(session: Session, acting: Sequence[Course], opening: Sequence[Target]) -> Question | None:
    """Return the one question of this plan; its text names what is whose."""
    targets = [course.target for course in acting]
    foreign = foreign_question(targets, "change")
    public = public_question(session, [target.name for target in opening]) if opening else None
    if public is None:
        return foreign
    others = sorted(owners_of(targets) - {session.caller.owner})
    parts = [public.text]
    if others:
        parts.append(f"This belongs to {', '.join(others)}, not to you.")
    if foreign is not None:
        parts.append(foreign.text.partition(";")[0] + ".")
    return replace(public, text=" ".join(parts))


def _apply(session: Session, course: Course, edit: Edit) -> Result:
    name, region = course.target.name, course.target.one.region
    try:
        with attempt(session):
            warnings = _carry_out(session, course, edit)
            now = read_bucket(session, name, region)
    except HandrailError as error:
        return Result.failed(name, error, id=name, current=course.target.bucket, request=course.request, region=region)
    return Result(
        name,
        name,
        Status.SUCCEEDED,
        said=f"{said(session, now)} · updated",
        current=now,
        request=course.request,
        region=region,
        warnings=warnings,
        notes=notes(session, now) if course.access and now.access == "public" else (),
    )


def _carry_out(session: Session, course: Course, edit: Edit) -> tuple[str, ...]:
    """Do what the course says, what makes less public first. Every step may be repeated."""
    s3, name, region = session.aws.s3, course.target.name, course.target.one.region
    find_again(session, course.target)
    warnings: tuple[str, ...] = ()
    if course.access and not edit.public:
        warnings = make_private(session, name, region)
    if course.versioning:
        patiently(session, name, lambda: s3.put_versioning(name, region, is_on=bool(edit.versioning)))
    if course.tags:
        now = s3.tags(name, region)
        tags = {key: value for key, value in {**now, **edit.put}.items() if key not in edit.drop}
        patiently(session, name, lambda: s3.put_tags(name, region, tags))
    if course.access and edit.public:
        make_public(session, name, region)
    return warnings


def _decided(course: Course) -> Result:
    if course.error is not None:
        return course.target.failed(course.error)
    bucket = course.target.one
    return Result(
        bucket.name,
        bucket.name,
        Status.UNCHANGED,
        said=f"{bucket.name} is like that already · {bucket.access}",
        current=bucket,
        region=bucket.region,
        warnings=course.warnings,
    )


def _planned(course: Course) -> Result:
    bucket = course.target.one
    return Result(
        bucket.name,
        bucket.name,
        Status.PLANNED,
        said=f"{bucket.name} would be updated; nothing was changed",
        current=bucket,
        request=course.request,
        region=bucket.region,
    )


def _resolved(course: Course, edit: Edit) -> dict[str, object]:
    return {
        "name": course.target.name,
        "made_by": course.target.made_by,
        "public": edit.public if course.access else None,
        "put": dict(edit.put) if course.tags else {},
        "drop": list(edit.drop) if course.tags else [],
        "versioning": edit.versioning if course.versioning else None,
    }


def _facts(acting: Sequence[Course], edit: Edit) -> Facts:
    return tuple((course.target.name, _changes(course.target.one, course, edit)) for course in acting)


def _changes(bucket: Bucket, course: Course, edit: Edit) -> str:
    lines = []
    if course.access:
        wanted = "public" if edit.public else "private"
        # What is private already may lack a part of what keeps it so.
        lines.append(f"{bucket.access} → {wanted}" if bucket.access != wanted else f"{wanted}, made sure of")
    if course.versioning:
        lines.append(f"versions → {'kept' if edit.versioning else 'no longer kept'}")
    if course.tags:
        lines += [
            f"{key} {bucket.tags.get(key, '-')} → {value}"
            for key, value in edit.put.items()
            if bucket.tags.get(key) != value
        ]
        lines += [f"{key} {bucket.tags[key]} → -" for key in edit.drop if key in bucket.tags]
    return "\n".join(lines)


UPDATE = Operation(
    resource="s3",
    verb="update",
    kind="bucket",
    help="change who may read buckets, their tags, whether they keep versions",
    example="handrail s3 update team-assets --private",
    effect=Effect.CHANGE,
    handler=update_buckets,
    recover=recover,
    claims=_claims_of_all,
    fields=(
        BUCKETS,
        PUBLIC,
        replace(PRIVATE, help="nobody without credentials reads anything"),
        TAG,
        Field("untag", "remove a tag", many=True, metavar="KEY", check=BUCKET_TAGS.check_key),
        Field("versioning", "keep versions: on or off", Kind.CHOICE, choices=("on", "off")),
        OWNER,
    ),
    permissions=(
        *LOOK,
        "s3:PutBucketTagging",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketVersioning",
        "s3:GetBucketVersioning",
        "s3:GetBucketObjectLockConfiguration",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "s3:GetBucketPolicy",
        "s3:GetEncryptionConfiguration",
        "s3:GetBucketOwnershipControls",
    ),
    many=True,
)
