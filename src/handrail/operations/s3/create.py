"""`s3 create`: a bucket that is private, unless public was asked for and approved; owned from the creating call on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from handrail.core.fields import flag, text, texts
from handrail.core.plan import Claim, Facts, Plan, Result, Status, facts_of
from handrail.core.resources import Bucket
from handrail.core.s3_rules import BUCKET_TAGS, check_bucket_name
from handrail.core.shell import option
from handrail.ledger.record import digest_of, given_of
from handrail.operations.needs import FIND_BUCKET, OPEN_BUCKET, READ_SETTINGS, RECORD
from handrail.operations.repeating import Making, Repeatable, repeat
from handrail.operations.s3.access import check_account_lets_public, is_public_wanted, public_question
from handrail.operations.s3.buckets import BUCKETS, KIND
from handrail.operations.s3.build import Order, make_bucket, taken
from handrail.operations.s3.meeting import check_no_upload
from handrail.operations.s3.recovery import bucket_change
from handrail.operations.s3.words import notes
from handrail.session import Session


class CreateBucket(Repeatable):
    """What a create asks for."""

    name = text(
        "the new bucket's name",
        positional=True,
        required=True,
        metavar="NAME",
        check=check_bucket_name,
        policy="s3.names",
    )
    public = flag("let anyone on the internet read every object; asks first")
    private = flag("nobody without credentials reads anything (the default)", part_of_identity=False)
    tag = texts("a tag of your own: key=value", metavar="KEY=VALUE")
    versioning = flag("keep every version of every object")
    object_lock = flag("let versions of objects be locked against deletion; it can't be taken off again")


def order_of(session: Session, values: CreateBucket) -> Order:
    """Return what is ordered, with what the policies demand filled in. Raises Usage."""
    demanded = any(policy.value("s3.versioning") for policy in session.rules.policies)
    given = given_of(values)
    return Order(
        name=values.name,
        owner=session.caller.owner,
        region=session.region,
        given=given,
        digest=digest_of(CreateBucket, given, session.region),
        tags=BUCKET_TAGS.parse(values.tag),
        is_public=bool(is_public_wanted(values.public, values.private)),
        versioning=values.versioning or values.object_lock or demanded,  # a lock keeps versions, whatever else is said
        object_lock=values.object_lock,
    )


def _claims(session: Session, order: Order) -> tuple[Claim, ...]:
    claims = [
        Claim("s3.names", order.name, "NAME"),
        Claim("s3.regions", order.region, "--region"),
        Claim("s3.required_tags", dict(order.tags), "--tag"),
        Claim("s3.versioning", order.versioning, "--versioning"),
    ]
    return (*claims, *((Claim("s3.public", True, "--public"),) if order.is_public else ()))


def create_bucket(session: Session, order: Order, ones: Sequence[Making[Bucket]]) -> Plan:
    """Look up everything that a create needs and return its plan. Raises Refused, Conflict, PermissionDenied."""
    (one,) = ones
    order = replace(order, request=one.request, resumed=one.known is not None)
    session.stores.rows.get(KIND, order.name)  # one that can't be read stops it before anything is made
    standing = session.aws.s3.standing(order.name, order.region)
    if not order.resumed and not standing.is_free:
        raise taken(session, order.name, standing)
    if order.is_public:
        check_account_lets_public(session)
        check_no_upload(session, order.name)

    def act() -> Result:
        bucket = make_bucket(session, order)
        said = f"{bucket.name} is {bucket.access} · {bucket.region} · encrypted · made by you"
        dots = f"{bucket.name} has dots: its own https address has no valid certificate, use the path instead"
        rest = {"warnings": (dots,) if "." in bucket.name else (), "notes": notes(session, bucket)}
        return Result.of(bucket, Status.SUCCEEDED, said, request=order.request, **rest)

    return Plan.of_one(
        "create 1 bucket",
        _planned(one, order),
        act,
        question=public_question(session, [order.name]) if order.is_public else None,
        facts=_facts(order),
        resolved={order.request: order.resolved()},
        digest=order.digest,
        known=frozenset({order.request} if order.resumed else ()),
        again=option("--request-id", order.again),
    )


def _planned(one: Making[Bucket], order: Order) -> Result:
    would_be = {
        "name": order.name,
        "region": order.region,
        "access": "public" if order.is_public else "private",
        "owner": order.owner,
        "versioning": "on" if order.versioning else "off",
        "object_lock": "on" if order.object_lock else "off",
        "tags": dict(order.tags),
    }
    return one.to_be_made(f"would be created, {would_be['access']}", would_be, id=order.name)


def _facts(order: Order) -> Facts:
    lock = "on for good: it can't be taken off, and versions are always kept"
    return facts_of(
        ("name", order.name),
        ("access", "public: anyone can read every object" if order.is_public else "private"),
        ("versions", "kept" if order.versioning else ""),
        ("object lock", lock if order.object_lock else ""),
        ("tags", "\n".join(f"{key}={value}" for key, value in sorted(order.tags.items()))),
        ("request", order.again),
    )


CREATE = bucket_change(
    verb="create",
    help="create a bucket, private unless you say otherwise",
    example="handrail s3 create team-assets",
    handler=create_bucket,
    wish=order_of,
    claims=_claims,
    repeat=partial(repeat, BUCKETS),
    parameters=CreateBucket,
    permissions=(
        *RECORD,
        *FIND_BUCKET,
        *READ_SETTINGS,
        *OPEN_BUCKET,
        "s3:CreateBucket",
        "s3:TagResource",
        "s3:PutEncryptionConfiguration",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketVersioning",
        "s3:PutBucketObjectLockConfiguration",
        "s3:DeleteBucket",
    ),
)
