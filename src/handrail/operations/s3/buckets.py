"""Buckets as a kind of resource: by name, whose by tags and ledger row together; what the words of a command mean."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from handrail.aws.s3 import Listed, Settings, View
from handrail.aws.s3_objects import Objects
from handrail.core.errors import HandrailError, NotFound, NotManaged, PermissionDenied
from handrail.core.fields import Details, Parameters, text, texts
from handrail.core.ownership import is_managed_bucket
from handrail.core.resources import Bucket
from handrail.core.s3_rules import check_bucket
from handrail.core.shell import command
from handrail.ledger.record import Intent, Known
from handrail.ledger.rows import Row
from handrail.operations.kinds import Kind, other_owner
from handrail.operations.repeating import was_in_vain
from handrail.operations.s3.meeting import requests_about
from handrail.operations.s3.words import finishing_line
from handrail.session import Session

KIND = "bucket"
E = TypeVar("E", bound=HandrailError)
_TAGS = "s3:GetBucketTagging"


def _named(metavar: str) -> Details:
    return {"positional": True, "metavar": metavar, "pick_from": "s3 list", "check": check_bucket}


class OneBucket(Parameters):
    """Which bucket is meant."""

    bucket = text("a bucket's name", required=True, **_named("BUCKET"))


class ManyBuckets(Parameters):
    """Which buckets are meant."""

    buckets = texts("names of buckets, separated by spaces or commas", commas=True, required=True, **_named("NAME"))


class OtherOwner(Parameters):
    """Who else's bucket may be touched."""

    owner = other_owner("bucket")


class Buckets(Kind[Bucket]):
    """The buckets of an account. One of which only the row is left counts as gone."""

    noun, resource, service, names_are_ids = "bucket", "s3", "s3", True

    def look(self, session: Session, words: Sequence[str]) -> Mapping[str, Sequence[Bucket] | HandrailError]:
        """Return, per name, the bucket, what is left of it, or why whose it is can't be told."""
        return {name: self._look(session, name) for name in words}

    def _look(self, session: Session, name: str) -> Sequence[Bucket] | HandrailError:
        try:
            row = session.stores.rows.get(KIND, name)
            standing = session.aws.s3.standing(name, row.region if row else "")
            if standing.is_free:
                return [bucket_of(Listed(name, row.region, None), row, None)] if row else []
            if row is None and not (standing.is_reachable and session.rules.manages_any("s3")):
                raise self.not_managed(session, name)
            if not standing.is_reachable:
                raise out_of_reach(name)
            view = session.aws.s3.view(name, standing.region)
            if is_unproved(row, view):
                raise _unproved(name)
            return [bucket_of(Listed(name, standing.region, None), row, view)]
        except HandrailError as error:
            return error

    def state_of(self, one: Bucket) -> str:
        """Return who may read it."""
        return one.access

    def made_by(self, session: Session, request: str, known: Known | None, name: str) -> Bucket | None:
        """Return the bucket that a request made before, if it is there."""
        if known is None or was_in_vain(known):
            return None
        standing = session.aws.s3.standing(name, session.region)
        if not standing.is_reachable:
            return None
        bucket = read_bucket(session, name, standing.region, lock=bool(known.intent.resolved.get("object_lock")))
        return bucket if bucket.request == request else None

    def not_managed(self, session: Session, word: str) -> NotManaged:
        """Return the error of a bucket that Handrail did not make, or has not made yet."""
        return with_open_create(session, word, super().not_managed(session, word))

    def gone(self, session: Session, one: Bucket) -> NotFound:
        """Return the error of a bucket of which only the row is left."""
        return NotFound(
            f"bucket {one.name} was deleted without Handrail; only its record is left.",
            hint=command("s3 delete", one.name),
            details={"target": one.name},
        )


BUCKETS = Buckets()


def objects_of(session: Session, bucket: Bucket) -> Objects:
    """Return the objects of a bucket."""
    return session.aws.s3.objects(bucket.name, bucket.region)


def read_bucket(session: Session, name: str, region: str, *, lock: bool = False) -> Bucket:
    """Return a bucket as AWS and the ledger show it now, with its Object Lock where that is asked for."""
    view = session.aws.s3.view(name, region)
    row = session.stores.rows.get(KIND, name)
    settings = session.aws.s3.settings(name, region, lock=lock)
    return bucket_of(Listed(name, region, None), row, view, settings)


def bucket_of(listed: Listed, row: Row | None, view: View | None, settings: Settings | None = None) -> Bucket:
    """Return the bucket of what ListBuckets, the ledger and a look say; no view: only the row is left of it."""
    tags = dict(view.tags) if view else {}
    managed = is_managed_bucket(listed.name, tags, row) if view else row is not None
    mine = row if managed else None
    return Bucket(
        name=listed.name,
        region=listed.region or (row.region if row else ""),
        access=view.access if view else "gone",
        owner=mine.owner if mine else "",
        created_at=datetime.fromtimestamp(mine.created_at, UTC) if mine else listed.created_at,
        managed=managed,
        tags=tags,
        request=mine.request if mine else "",
        note=_note(listed.name, row, view),
        exposure=view.exposure if view else None,
        **vars(settings or Settings()),
    )


def is_unproved(row: Row | None, view: View) -> bool:
    """Return whether a bucket is on record and its tags may not be read: whose it is can't be told."""
    return row is not None and _TAGS in view.denied


def _note(name: str, row: Row | None, view: View | None) -> str:
    """Return what a person should know of a look that saw less than everything."""
    if view is None:
        return f"deleted without Handrail; clear its record: {command('s3 delete', name)}"
    denied = f"not allowed: {', '.join(view.denied)}" if view.denied else ""
    return f"on record as {row.owner}'s, not proved; {denied}" if row and is_unproved(row, view) else denied


def _unproved(name: str) -> PermissionDenied:
    return PermissionDenied(
        f"whose bucket {name} is can't be proved: these credentials may not do {_TAGS}.",
        hint=f"ask the owner of the account to allow {_TAGS}",
        details={"action": _TAGS},
    )


def out_of_reach(name: str) -> PermissionDenied:
    """Return the error of a bucket that these credentials can't look at."""
    return PermissionDenied(
        f"bucket {name} is on record and can't be reached: these credentials may not do s3:ListBucket, or another "
        "account has the name now.",
        hint="ask the owner of the account",
        details={"action": "s3:ListBucket", "target": name},
    )


# ---- a create that has no outcome yet


def _open_create(session: Session, name: str, but: str = "") -> Intent | None:
    """Return the create of a bucket that is on record without an outcome, or None. but: a request that is not meant."""
    others = (one for one in session.stores.unfinished() if one.request != but)
    found = (intent for _, intent in requests_about(session, others, name, "s3 create"))
    return next((one for one in found if isinstance(one, Intent)), None)  # what can't be read adds nothing


def with_open_create(session: Session, name: str, error: E, but: str = "") -> E:
    """Return an error about a name; where a create of it is open, with whose it is and how it is finished."""
    intent = _open_create(session, name, but)
    if intent is None:
        return error
    is_mine = intent.owner == session.caller.owner
    fact = f"a create of it by {'you' if is_mine else intent.owner} has no outcome yet · request {intent.request}"
    error.facts = (*error.facts, ("open", fact))
    line = finishing_line(name, intent.request, intent.region, intent.given)
    error.hint = line if is_mine else f"ask {intent.owner}, or repeat the command in some minutes"
    error.details["open_request"] = intent.request
    return error
