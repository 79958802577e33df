"""`s3 create`: a bucket that is private, unless public was asked for and approved; owned from the creating call on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from handrail.core.errors import Conflict, Usage
from handrail.core.fields import Field, Kind, Values
from handrail.core.operation import Effect, Operation
from handrail.core.ownership import check_request_id
from handrail.core.plan import Ask, Claim, Facts, Hold, Plan, Question, Result, Status
from handrail.core.resources import Bucket
from handrail.core.s3_rules import BUCKET_TAGS, check_bucket_name
from handrail.core.shell import option
from handrail.ledger.record import Known, given_of
from handrail.operations.repeating import check_chosen, check_whole, newest_try, next_try, was_in_vain
from handrail.operations.s3.access import check_account_lets_public
from handrail.operations.s3.build import Order, make_bucket, read_bucket, taken
from handrail.operations.s3.meeting import check_no_upload
from handrail.operations.s3.recovering import recover
from handrail.operations.s3.targets import KIND, LOOK
from handrail.operations.s3.words import PUBLIC_MEANS, notes
from handrail.session import Session


def create_bucket(session: Session, values: Values) -> Plan:
    """Look up everything that a create needs and return its plan. Raises Refused, Conflict, Usage, PermissionDenied."""
    order = _order(session, values)
    session.stores.rows.get(KIND, order.name)  # one that can't be read stops it before anything is made
    known = None
    if values["request_id"] is not None:
        order, known, made = known_request(session, order)
        if made is not None:
            return _nothing_to_do(made, order)
    claims = _claims(session, order)
    session.rules.check(claims)
    standing = session.aws.s3.standing(order.name, order.region)
    if not order.resumed and not standing.is_free:
        raise taken(session, order.name, standing)
    if order.is_public:
        check_account_lets_public(session)
        check_no_upload(session, order.name)

    def apply(hold: Hold) -> list[Result]:
        return [_result(session, order, make_bucket(session, order))]

    return Plan(
        title="create 1 bucket",
        apply=apply,
        planned=[_planned(order)],
        many=False,
        claims=claims,
        question=public_question(session, [order.name]) if order.is_public else None,
        facts=_facts(order),
        given=given_of(CREATE, values),
        resolved={order.request: order.resolved()},
        digest=order.digest,
        known=frozenset({order.request} if known is not None else ()),
        again=option("--request-id", order.chosen),
    )


def public_question(session: Session, names: list[str]) -> Question | None:
    """Return what is asked before buckets become public; None where the policy lets it happen freely."""
    if session.rules.narrowest("s3.public") == "freely":
        return None
    return Question(Ask.YES, PUBLIC_MEANS.format(names=", ".join(names)), prompt="Are you sure?")


def is_public_wanted(values: Values) -> bool | None:
    """Return what --public and --private say; None for neither. Raises Usage for both."""
    if values["public"] and values["private"]:
        raise Usage("--public and --private exclude each other.", hint="give one of them")
    if values["public"] or values["private"]:
        return bool(values["public"])
    return None


def _order(session: Session, values: Values) -> Order:
    public = bool(is_public_wanted(values))
    tags = BUCKET_TAGS.parse(values["tag"])
    object_lock = bool(values["object_lock"])  # S3 then keeps versions, whatever else is said
    versioning = (
        values["versioning"] or object_lock or any(policy.value("s3.versioning") for policy in session.rules.policies)
    )
    request = values["request_id"] or session.new_request()
    return Order(
        name=values["name"],
        request=request,
        chosen=request,
        owner=session.caller.owner,
        region=session.region,
        digest=_digest(session, values, tags, is_public=public),
        tags=tags,
        is_public=public,
        versioning=bool(versioning),
        versioning_given=bool(values["versioning"]),
        object_lock=object_lock,
    )


def _digest(session: Session, values: Values, tags: Mapping[str, str], *, is_public: bool) -> str:
    """Return a short hash of what was given: options and region, never what they resolved to."""
    given = {
        "name": values["name"],
        "region": session.region,
        "public": is_public,
        "tags": dict(tags),
        "versioning": bool(values["versioning"]),
        **({"object_lock": True} if values["object_lock"] else {}),  # else the digest is the one that 0.1 made
    }
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]


def _claims(session: Session, order: Order) -> tuple[Claim, ...]:
    claims = [
        Claim("s3.names", order.name, "NAME"),
        Claim("s3.regions", order.region, "--region"),
        Claim("s3.required_tags", dict(order.tags), "--tag"),
        Claim("s3.versioning", order.versioning, "--versioning"),
    ]
    return (*claims, *((Claim("s3.public", True, "--public"),) if order.is_public else ()))


# ---- a request that is made again


def known_request(session: Session, order: Order) -> tuple[Order, Known | None, Bucket | None]:
    """Return what the record and S3 know of a request that may be a repeat (PRODUCT.md section 4, promise 4).

    Order: under the number to take now (`ID.2` after a refusal). Known: it is on record, open. Bucket: it is made.
    """
    find = session.stores.record.find
    request, known = newest_try(find, order.request)
    if known is None:
        check_whole(find, order.request, counted=False)
        return order, None, None
    _check_same(session, order, known)
    check_chosen(known.intent, order.chosen)
    if was_in_vain(known):
        return replace(order, request=next_try(order.request, request)), None, None
    order = replace(order, request=request)
    if known.verdict is None:
        return replace(order, resumed=True), known, None
    return order, known, _made(session, order)


def _check_same(session: Session, order: Order, known: Known) -> None:
    intent = known.intent
    if intent.owner != session.caller.owner:
        raise Conflict(
            f"the request id {intent.request} is {intent.owner}'s.",
            hint="choose another --request-id",
            details={"request": intent.request, "owner": intent.owner},
        )
    if intent.operation != "s3 create" or intent.digest != order.digest:
        raise Conflict(
            f"the request id {intent.request} was used with other parameters, for {intent.operation} "
            f"{intent.resource}.",
            hint="repeat it with the same parameters, or choose another --request-id",
            details={"request": intent.request},
        )


def _made(session: Session, order: Order) -> Bucket:
    """Return the bucket that a request made before. Raises Conflict if it is gone."""
    standing = session.aws.s3.standing(order.name, order.region)
    if standing.is_reachable:
        bucket = read_bucket(session, order.name, standing.region, lock=order.object_lock)
        if bucket.managed and bucket.request == order.request:
            return bucket
    raise Conflict(
        f"the request id {order.request} made bucket {order.name}, which is gone.",
        hint="choose another --request-id",
        details={"request": order.request, "name": order.name},
    )


# ---- words


def _nothing_to_do(bucket: Bucket, order: Order) -> Plan:
    planned = Result(
        bucket.name,
        bucket.name,
        Status.UNCHANGED,
        said=f"{bucket.name} was made by this request before and is {bucket.access}",
        current=bucket,
        request=order.request,
        region=bucket.region,
    )
    return Plan(title="create", apply=lambda hold: [planned], planned=[planned], many=False)


def _planned(order: Order) -> Result:
    would_be = {
        "name": order.name,
        "region": order.region,
        "access": "public" if order.is_public else "private",
        "owner": order.owner,
        "versioning": "on" if order.versioning else "off",
        "object_lock": "on" if order.object_lock else "off",
        "tags": dict(order.tags),
    }
    return Result(
        order.name,
        order.name,
        Status.PLANNED,
        said=f"{order.name} would be created, {would_be['access']}; nothing was changed",
        current=would_be,
        request=order.request,
        region=order.region,
    )


def _result(session: Session, order: Order, bucket: Bucket) -> Result:
    return Result(
        bucket.name,
        bucket.name,
        Status.SUCCEEDED,
        said=f"{bucket.name} is {bucket.access} · {bucket.region} · encrypted · made by you",
        current=bucket,
        request=order.request,
        region=bucket.region,
        warnings=_warnings(bucket),
        notes=notes(session, bucket),
    )


def _warnings(bucket: Bucket) -> tuple[str, ...]:
    if "." not in bucket.name:
        return ()
    return (f"{bucket.name} has dots: its own https address has no valid certificate, use the path instead",)


def _facts(order: Order) -> Facts:
    lines = [
        ("name", order.name),
        ("access", "public: anyone can read every object" if order.is_public else "private"),
        ("versions", "kept" if order.versioning else ""),
        (
            "object lock",
            "on for good: it can't be taken off, and versions are always kept" if order.object_lock else "",
        ),
        ("tags", "\n".join(f"{key}={value}" for key, value in sorted(order.tags.items()))),
        ("request", order.chosen),
    ]
    return tuple((label, text) for label, text in lines if text)


NAME = Field("name", "the new bucket's name", positional=True, required=True, metavar="NAME", check=check_bucket_name)
PUBLIC = Field("public", "let anyone on the internet read every object; asks first", Kind.FLAG, default=False)
PRIVATE = Field("private", "nobody without credentials reads anything (the default)", Kind.FLAG, default=False)
TAG = Field("tag", "a tag of your own: key=value", many=True, metavar="KEY=VALUE")

CREATE = Operation(
    resource="s3",
    verb="create",
    kind="bucket",
    help="create a bucket, private unless you say otherwise",
    example="handrail s3 create team-assets",
    effect=Effect.CHANGE,
    handler=create_bucket,
    recover=recover,
    claims=lambda session, values: _claims(session, _order(session, values)),
    fields=(
        NAME,
        PUBLIC,
        PRIVATE,
        TAG,
        Field("versioning", "keep every version of every object", Kind.FLAG, default=False),
        Field(
            "object_lock",
            "let versions of objects be locked against deletion; it can't be taken off again",
            Kind.FLAG,
            default=False,
        ),
        Field(
            "request_id",
            "makes the create repeatable: the same id never makes a second one",
            check=check_request_id,
            metavar="ID",
        ),
    ),
    permissions=(
        *LOOK,
        "s3:CreateBucket",
        "s3:TagResource",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutEncryptionConfiguration",
        "s3:GetEncryptionConfiguration",
        "s3:PutBucketOwnershipControls",
        "s3:GetBucketOwnershipControls",
        "s3:PutBucketVersioning",
        "s3:GetBucketVersioning",
        "s3:PutBucketObjectLockConfiguration",
        "s3:GetBucketObjectLockConfiguration",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "s3:GetBucketPolicy",
        "s3:DeleteBucket",
        "dynamodb:PutItem",
    ),
)
