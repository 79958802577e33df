"""How a bucket comes to be, call by call: made with its tags, on record, shut, proved; then opened, if approved."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from handrail.aws.s3 import Standing
from handrail.core.errors import Acted, AwsFailure, Conflict, HandrailError, Interrupted, NotFound, PermissionDenied
from handrail.core.ownership import GIVEN_TAG, OWNER_TAG, REQUEST_TAG, ownership_tags
from handrail.core.resources import Bucket
from handrail.core.s3_rules import SHUT
from handrail.core.shell import command, option
from handrail.ledger.rows import Row
from handrail.operations.kinds import find_one
from handrail.operations.patience import once_shown
from handrail.operations.s3.access import make_private, make_public, patiently
from handrail.operations.s3.buckets import BUCKETS, KIND, read_bucket, with_open_create
from handrail.operations.s3.words import finishing_line, whose
from handrail.session import Session


@dataclass(frozen=True)
class Order:
    """A bucket to make.

    given: as the record has it, and its digest; tags: the user's own; resumed: an earlier try may have begun it.
    request: its own, which is the id that was given or a later try of it.
    """

    name: str
    owner: str
    region: str
    digest: str
    tags: Mapping[str, str]
    is_public: bool
    versioning: bool
    object_lock: bool
    given: Mapping[str, Any] = field(default_factory=dict)
    request: str = ""
    resumed: bool = False
    counted: ClassVar[bool] = False  # one command makes one bucket

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of what is to be made: its own."""
        return (self.name,)

    @property
    def request_id(self) -> str | None:
        """Return the id that was given."""
        return self.given.get("request_id")

    @property
    def again(self) -> str:
        """Return the id with which the command is repeated."""
        return self.request_id or self.request

    @property
    def all_tags(self) -> dict[str, str]:
        """Return every tag of the creating call."""
        return {**self.tags, **ownership_tags(self.owner, self.request), GIVEN_TAG: self.digest}

    def resolved(self) -> dict[str, Any]:
        """Return what the record keeps, enough to finish or undo it."""
        return {
            "name": self.name,
            "tags": self.all_tags,
            "public": self.is_public,
            "versioning": self.versioning,
            "object_lock": self.object_lock,
            "digest": self.digest,
        }

    def made(self, tags: Mapping[str, str]) -> bool:
        """Return whether tags read from a bucket are those of this very request."""
        return tags.get(REQUEST_TAG) == self.request and tags.get(OWNER_TAG) == self.owner


def make_bucket(session: Session, order: Order) -> Bucket:
    """Make a bucket, or finish one that an earlier try of the same request began, and return it as AWS shows it.

    A failure before it is whole undoes it; one after that leaves it private, and the request open to be repeated. So
    does whatever leaves in doubt what was done: no answer, a fault of AWS, Ctrl-C.
    """
    try:
        return _make(session, order)
    except KeyboardInterrupt as stop:
        hint = f"repeat the command with {option('--request-id', order.again)}"
        raise left_open(Interrupted("interrupted.", hint=hint, by=stop), order) from None


def _make(session: Session, order: Order) -> Bucket:
    _begin(session, order)
    try:
        finish_private(session, order)
    except HandrailError as error:
        if is_in_doubt(error):
            raise left_open(error, order) from None
        _undo(session, order, error)
        raise
    if order.is_public:
        try:
            make_public(session, order.name, order.region)
        except HandrailError as error:
            raise left_open(error, order) from None
    return read_bucket(session, order.name, order.region, lock=order.object_lock)


def _begin(session: Session, order: Order) -> None:
    """Make the bucket and see by its tags that it is this request's. Raises Conflict, and touches nothing, if not.

    In us-east-1 a second CreateBucket of one's own bucket answers 200 and resets its ACL: so the name is looked at
    right before. Source: Amazon S3 API reference, CreateBucket. So is its row: one that can't be read is not ours to
    write over, and no bucket is made then.
    """
    session.stores.rows.get(KIND, order.name)
    standing = session.aws.s3.standing(order.name, order.region)
    if standing.is_free:
        _send_create(session, order)
    elif not (order.resumed and standing.is_reachable):
        raise taken(session, order.name, standing, order.request)
    try:
        is_there = _is_there(session, order)
    except PermissionDenied as error:
        raise left_open(error, order) from None
    if not is_there:
        raise Conflict(
            f"bucket {order.name} does not carry the tags that it was to be made with; it was left as it is.",
            hint="handrail s3 list --all",
            details={"name": order.name},
        )


def _send_create(session: Session, order: Order) -> None:
    """Make the call. A lost answer may be of a call that was done, and a repeat of that call meets its own bucket."""
    try:
        create = partial(session.aws.s3.create, order.name, order.all_tags, object_lock=order.object_lock)
        patiently(session, order.name, create)
    except (AwsFailure, Conflict) as error:
        try:
            is_there = _is_there(session, order)
        except PermissionDenied:  # nobody can tell; or it is another account's
            is_there = False
        if is_there:
            return
        if isinstance(error, AwsFailure) and is_in_doubt(error):
            raise left_open(error, order) from None
        error.acted = Acted.NO  # the name is another bucket's, whatever became of an earlier attempt
        raise error from None


def is_in_doubt(error: HandrailError) -> bool:
    """Return whether an error leaves open what was done; a refusal, be it of a look, lets it be taken back."""
    return (error.acted or type(error).acted) is not Acted.NO


def _is_there(session: Session, order: Order) -> bool:
    """Return whether the bucket is there with this request's tags; S3 may show them some seconds late.

    Raises PermissionDenied; AwsFailure, the request left open, where nobody answers.
    """

    def look() -> Mapping[str, str]:
        try:
            return session.aws.s3.tags(order.name, order.region)
        except NotFound:
            return {}

    try:
        return order.made(once_shown(session, look, bool, "its tags do not show"))
    except AwsFailure as error:
        if is_in_doubt(error):
            raise left_open(error, order) from None
        return False


def finish_private(session: Session, order: Order) -> None:
    """Put the bucket on record, shut it, encrypt it, and read back that it is so. Each step may be repeated."""
    s3, name, region = session.aws.s3, order.name, order.region
    session.stores.rows.own(Row(KIND, name, order.owner, order.request, region, int(session.now())))
    make_private(session, name, region)
    patiently(session, name, lambda: s3.put_encryption(name, region))
    if order.versioning and not order.object_lock:  # which keeps versions by itself
        patiently(session, name, lambda: s3.put_versioning(name, region, is_on=True))
    checks: tuple[tuple[Callable[[], object], Callable[[Any], bool], str], ...] = (
        (lambda: s3.block(name, region), lambda seen: seen == SHUT, "no Block Public Access"),
        (lambda: s3.encryption(name, region), lambda seen: seen != "none", "no encryption"),
        (lambda: s3.ownership(name, region), lambda seen: seen == "BucketOwnerEnforced", "ACLs"),
    )
    if order.object_lock:
        checks = (*checks, (lambda: s3.object_lock(name, region), lambda seen: seen == "on", "no Object Lock"))
    for look, is_so, shows in checks:
        once_shown(session, look, is_so, f"{name} shows {shows}")


def _undo(session: Session, order: Order, error: HandrailError) -> None:
    """Take back a bucket that this request made and could not complete: empty, and proved by its tags."""
    try:
        if not order.made(session.aws.s3.tags(order.name, order.region)):
            raise Conflict("its tags are not those of this request.")
        session.aws.s3.delete(order.name, order.region)
        session.stores.rows.drop(KIND, order.name, order.request)
        fact = ("undone", f"{order.name} was removed again")
    except HandrailError as failed:
        fact = ("left", f"{order.name}, private and empty: {failed.message}")
    error.facts = (*error.facts, fact)


def taken(session: Session, name: str, standing: Standing, request: str = "") -> Conflict:
    """Return the error of a bucket name that is not free: whose it is, as far as that can be told.

    request: the one that asks; another create of that name may be open, and then it says how that is finished.
    """
    bucket = None
    if standing.is_reachable:
        with suppress(HandrailError):
            bucket = find_one(session, BUCKETS, name, to_change=False).one
    if bucket is not None and bucket.managed:
        text = f"this account has a bucket {name} already, {whose(session, bucket)}"
        hint = command("s3 show", name)
    elif standing.is_reachable:
        text, hint = f"this account has a bucket {name} already, not made by Handrail", "choose another name"
    else:
        text = f"the bucket name {name} is taken"
        hint = "choose another name: bucket names are shared by all AWS accounts"
    error = Conflict(f"{text}; nothing was touched.", hint=hint, details={"name": name})
    return with_open_create(session, name, error, request)


def left_open(error: HandrailError, order: Order) -> HandrailError:
    """Return an error that says its request is open, and the line that finishes it."""
    line = finishing_line(order.name, order.request, order.region, order.given)
    error.acted, error.details["open"] = Acted.UNKNOWN, True
    error.facts = (*error.facts, ("finish", line))
    return error
