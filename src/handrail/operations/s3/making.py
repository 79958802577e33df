"""How a bucket comes to be, call by call: made with its tags, on record, shut, proved; then opened, if approved."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handrail.aws.s3 import Listed
from handrail.core.errors import AwsFailure, Conflict, HandrailError, NotFound, Unreachable
from handrail.core.managed import GIVEN_TAG, ownership_tags
from handrail.core.resources import OWNER_TAG, REQUEST_TAG, Bucket
from handrail.core.s3_rules import SHUT
from handrail.ledger.rows import Row
from handrail.operations.s3.changing import make_private, make_public, patiently, settle
from handrail.operations.s3.targets import KIND, bucket_of, rows_of
from handrail.session import Session


@dataclass(frozen=True)
class Order:
    """A bucket to make. digest: of what was given; tags: the user's own; resumed: an earlier try may have begun it."""

    name: str
    request: str
    owner: str
    region: str
    digest: str
    tags: Mapping[str, str]
    is_public: bool
    versioning: bool
    versioning_given: bool = False
    resumed: bool = False

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
            "digest": self.digest,
        }

    def made(self, tags: Mapping[str, str]) -> bool:
        """Return whether tags read from a bucket are those of this very request."""
        return tags.get(REQUEST_TAG) == self.request and tags.get(OWNER_TAG) == self.owner


def make_bucket(session: Session, order: Order) -> Bucket:
    """Make a bucket, or finish one that an earlier try of the same request began, and return it as AWS shows it.

    A failure before it is whole undoes it; one after that leaves it private, and the request open to be repeated.
    """
    _begin(session, order)
    try:
        finish_private(session, order)
    except Unreachable as error:
        raise left_open(error, order) from None
    except HandrailError as error:
        _undo(session, order, error)
        raise
    if order.is_public:
        try:
            make_public(session, order.name, order.region)
        except HandrailError as error:
            raise left_open(error, order) from None
    return read_bucket(session, order.name, order.region)


def read_bucket(session: Session, name: str, region: str) -> Bucket:
    """Return a bucket as AWS and the ledger show it now."""
    view = session.s3.view(name, region)
    row = rows_of(session).get(KIND, name)
    return bucket_of(Listed(name, region, None), row, view, session.s3.settings(name, region))


def _begin(session: Session, order: Order) -> None:
    """Make the bucket and see by its tags that it is this request's. Raises Conflict, and touches nothing, if not.

    In us-east-1 a second CreateBucket of one's own bucket answers 200 and resets its ACL: so the name is looked at
    right before. Source: Amazon S3 API reference, CreateBucket.
    """
    s3, name = session.s3, order.name
    standing = s3.standing(name, order.region)
    if standing.is_free:
        try:
            patiently(session, name, lambda: s3.create(name, order.all_tags))
        except Unreachable as error:
            if not _is_there(session, order):
                raise left_open(error, order) from None
        except Conflict:
            if not _is_there(session, order):  # a repeat of a call whose answer was lost meets its own bucket
                raise
    elif not (order.resumed and standing.is_reachable):
        raise taken(name)
    if not _is_there(session, order):
        raise Conflict(
            f"bucket {name} does not carry the tags that it was to be made with; it was left as it is.",
            hint="handrail s3 list --all, or choose another name",
            details={"name": name},
        )


def _is_there(session: Session, order: Order) -> bool:
    """Return whether the bucket is there with this request's tags; S3 may show them some seconds late."""

    def look() -> Mapping[str, str]:
        try:
            return session.s3.tags(order.name, order.region)
        except NotFound:
            return {}

    try:
        return order.made(settle(session, look, bool, "its tags do not show"))
    except AwsFailure:
        return False


def finish_private(session: Session, order: Order) -> None:
    """Put the bucket on record, shut it, encrypt it, and read back that it is so. Each step may be repeated."""
    s3, name, region = session.s3, order.name, order.region
    record_bucket(session, order)
    make_private(session, name, region)
    patiently(session, name, lambda: s3.put_encryption(name, region))
    if order.versioning:
        patiently(session, name, lambda: s3.put_versioning(name, region, is_on=True))
    checks: tuple[tuple[Callable[[], object], Callable[[Any], bool], str], ...] = (
        (lambda: s3.block(name, region), lambda seen: seen == SHUT, "no Block Public Access"),
        (lambda: s3.encryption(name, region), lambda seen: seen != "none", "no encryption"),
        (lambda: s3.ownership(name, region), lambda seen: seen == "BucketOwnerEnforced", "ACLs"),
    )
    for look, is_so, shows in checks:
        settle(session, look, is_so, f"{name} shows {shows}")


def record_bucket(session: Session, order: Order) -> None:
    """Put the row of a bucket that carries this request's tags. A row that stands there is of one that is gone."""
    rows = rows_of(session)
    row = Row(KIND, order.name, order.owner, order.request, order.region, int(session.now()))
    try:
        rows.put(row)
    except Conflict:
        rows.drop(KIND, order.name)
        rows.put(row)


def _undo(session: Session, order: Order, error: HandrailError) -> None:
    """Take back a bucket that this request made and could not complete: empty, and proved by its tags."""
    try:
        if not order.made(session.s3.tags(order.name, order.region)):
            raise taken(order.name)
        session.s3.delete(order.name, order.region)
        rows_of(session).drop(KIND, order.name)
        fact = ("undone", f"{order.name} was removed again")
    except HandrailError as failed:
        fact = ("left", f"{order.name}, private and empty: {failed.message}")
    error.facts = (*error.facts, fact)


def taken(name: str) -> Conflict:
    """Return the error of a bucket name that is not free."""
    return Conflict(
        f"the bucket name {name} is taken; nothing was touched.",
        hint="choose another name: bucket names are shared by all AWS accounts",
        details={"name": name},
    )


def left_open(error: HandrailError, order: Order) -> HandrailError:
    """Return an error that says its request is open, and the line that finishes it."""
    words = ["handrail s3 create", order.name, "--public" if order.is_public else "--private"]
    words += [f"--tag {shlex.quote(f'{key}={value}')}" for key, value in order.tags.items()]
    words += ["--versioning"] if order.versioning_given else []
    error.details["open"] = True
    error.facts = (*error.facts, ("finish", " ".join([*words, "--request-id", order.request])))
    return error
