"""Which bucket a person means, whose it is by its tags and its row together, and whether they may touch it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from handrail.aws.s3 import Listed, Settings, View
from handrail.aws.s3_objects import Objects
from handrail.core.errors import HandrailError, Internal, NotFound, NotManaged, NotSetUp, PermissionDenied, WrongState
from handrail.core.fields import Field
from handrail.core.ownership import OWNER_TAG, REQUEST_TAG, is_managed_bucket
from handrail.core.plan import Ask, Question, Result
from handrail.core.policy.rules import Touch
from handrail.core.resources import Bucket
from handrail.core.s3_rules import Exposure, check_bucket
from handrail.core.shell import command
from handrail.ledger.record import Intent
from handrail.ledger.rows import Row
from handrail.operations.s3.meeting import may_be_about
from handrail.operations.s3.words import finishing_line_of
from handrail.session import Session

KIND = "bucket"
GONE = "gone"
E = TypeVar("E", bound=HandrailError)
_TAGS = "s3:GetBucketTagging"
_HELP = "a bucket's name"
BUCKET = Field(
    "bucket", _HELP, positional=True, required=True, metavar="BUCKET", pick_from="s3 list", check=check_bucket
)
BUCKETS = Field(
    "buckets",
    "names of buckets, separated by spaces or commas",
    positional=True,
    many=True,
    commas=True,
    required=True,
    metavar="NAME",
    pick_from="s3 list",
    check=check_bucket,
)
LOOK = (  # what it takes to find a bucket, and see whose it is and who may read it
    "s3:ListBucket",
    _TAGS,
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketAcl",
    "s3:GetAccountPublicAccessBlock",
    "dynamodb:GetItem",
)
OWNER = Field("owner", "name the other owner whose bucket this is; with --yes it answers for them", metavar="NAME")


@dataclass(frozen=True)
class Target:
    """What a person named, and the bucket that it is or the reason why it is none. row: what the ledger says of it."""

    name: str
    bucket: Bucket | None = None
    view: View | None = None
    error: HandrailError | None = None
    touch: Touch = Touch.FREELY
    row: Row | None = None

    @property
    def made_by(self) -> str:
        """Return the request that made the bucket, by which it is told from another of its name; else an empty text."""
        return self.row.request if self.row is not None and self.one.managed else ""

    @property
    def one(self) -> Bucket:
        """Return the bucket; only a target that was found has one."""
        if self.bucket is None:
            raise Internal(f"{self.name} has no bucket.")
        return self.bucket

    @property
    def exposure(self) -> Exposure:
        """Return what decides its access; nothing known of one that is gone."""
        return self.view.exposure if self.view else Exposure(None, None, None)

    @property
    def is_gone(self) -> bool:
        """Return whether only its row is left."""
        return self.bucket is not None and self.bucket.access == GONE

    def failed(self, error: HandrailError | None = None) -> Result:
        """Return the result of a target that can't be touched."""
        fault = error or self.error or Internal(f"{self.name} is neither found nor refused.")
        return Result.failed(self.name, fault, id=self.name, current=self.bucket)


def objects_of(session: Session, bucket: Bucket) -> Objects:
    """Return the objects of a bucket."""
    return session.aws.s3.objects(bucket.name, bucket.region)


def find_one(session: Session, name: str, *, to_change: bool = True) -> Target:
    """Return the target of a name; with `to_change` the policy also judges whose it is.

    Raises NotFound, NotManaged, Refused, PermissionDenied; one that is gone, and only has a row left, is NotFound.
    """
    target = find_row_too(session, name, to_change=to_change)
    if target.is_gone:
        raise _gone(name)
    return target


def find_row_too(session: Session, name: str, *, to_change: bool = True) -> Target:
    """Return the target like `find_one`, also one of which only the row is left."""
    row = session.stores.rows.get(KIND, name)
    standing = session.aws.s3.standing(name, row.region if row else "")
    if standing.is_free:
        if row is None:
            raise NotFound(f"there is no bucket {name}.", hint="handrail s3 list", details={"target": name})
        bucket, view = bucket_of(Listed(name, row.region, None), row, None), None
    elif row is None and not session.rules.manages_any("s3"):
        raise with_open_create(session, name, _not_managed(name))
    elif not standing.is_reachable:
        raise _not_managed(name) if row is None else out_of_reach(name)
    else:
        view = session.aws.s3.view(name, standing.region)
        bucket = bucket_of(Listed(name, standing.region, None), row, view)
        _check_proved(bucket, row, view)
    return Target(name, bucket, view, touch=_touch(session, bucket, to_change=to_change), row=row)


def find_again(session: Session, target: Target, *, gone_too: bool = False) -> Target:
    """Return a target as it is now, right before it is changed: a question may have stood for long.

    Raises as `find_one` does; WrongState where the name is another bucket's by now, about which nobody was asked.
    """
    now = find_row_too(session, target.name)
    if now.is_gone and not gone_too:
        raise _gone(target.name)
    if now.made_by != target.made_by:
        raise made_anew(target.name)
    return now


def made_anew(name: str) -> WrongState:
    """Return the error of a bucket that is another one than the one that the plan was about."""
    return WrongState(
        f"bucket {name} was deleted and made anew since the plan was made; nothing was changed.",
        hint=command("s3 show", name),
        details={"name": name},
        code="made_anew",
    )


def open_create(session: Session, name: str, but: str = "") -> Intent | None:
    """Return the create of a bucket that is on record without an outcome, or None. but: a request that is not meant."""
    for one in session.stores.unfinished():
        if one.operation == "s3 create" and one.request != but and may_be_about(one, name):
            with suppress(NotSetUp):  # what can't be read adds nothing to what is to be said
                known = session.stores.record.find(one.request)
                if known is not None and known.verdict is None and known.intent.resource == name:
                    return known.intent
    return None


def with_open_create(session: Session, name: str, error: E, but: str = "") -> E:
    """Return an error about a name; where a create of it is open, with whose it is and how it is finished."""
    intent = open_create(session, name, but)
    if intent is None:
        return error
    is_mine = intent.owner == session.caller.owner
    fact = f"a create of it by {'you' if is_mine else intent.owner} has no outcome yet · request {intent.request}"
    error.facts = (*error.facts, ("open", fact))
    error.hint = finishing_line_of(intent) if is_mine else f"ask {intent.owner}, or repeat the command in some minutes"
    error.details["open_request"] = intent.request
    return error


def find_many(session: Session, names: Sequence[str]) -> list[Target]:
    """Return one Target per name, in order, each with its bucket or its error."""
    return [_find(session, name) for name in names]


def _find(session: Session, name: str) -> Target:
    try:
        return find_row_too(session, name)
    except HandrailError as error:
        return Target(name, error=error)


def _touch(session: Session, bucket: Bucket, *, to_change: bool) -> Touch:
    if not to_change and (bucket.managed or session.rules.manages_any("s3")):
        return Touch.FREELY
    return session.rules.touch("s3", name=bucket.name, managed=bucket.managed, owner=bucket.owner)


def bucket_of(listed: Listed, row: Row | None, view: View | None, settings: Settings | None = None) -> Bucket:
    """Return the bucket of what ListBuckets, the ledger and a look say; no view: only the row is left of it."""
    tags = dict(view.tags) if view else {}
    managed = is_managed_bucket(listed.name, tags, row) if view else row is not None
    found = settings or Settings()
    return Bucket(
        name=listed.name,
        region=listed.region or (row.region if row else ""),
        access=view.access if view else GONE,
        owner=row.owner if row and managed else tags.get(OWNER_TAG, "") if managed else "",
        created_at=datetime.fromtimestamp(row.created_at, UTC) if row and managed else listed.created_at,
        managed=managed,
        tags=tags,
        versioning=found.versioning,
        encryption=found.encryption,
        ownership=found.ownership,
        object_lock=found.object_lock,
        request=tags.get(REQUEST_TAG, "") if managed else "",
        note=_note(listed.name, row, view),
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


def foreign_question(targets: Sequence[Target], what: str) -> Question | None:
    """Ask before touching what Handrail did not make (only a policy that manages any lets it get here)."""
    foreign = [target.one for target in targets if target.touch is Touch.ASK_FOREIGN]
    if not foreign:
        return None
    names = ", ".join(one.name for one in foreign)
    return Question(Ask.YES, f"Handrail did not make {names}; {what} anyway?", rows=tuple(foreign))


def owners_of(targets: Sequence[Target]) -> frozenset[str]:
    """Return the other owners who must be named before their buckets are touched."""
    return frozenset(target.one.owner for target in targets if target.touch is Touch.ASK_OWNER)


def _check_proved(bucket: Bucket, row: Row | None, view: View) -> None:
    """Raise PermissionDenied where a bucket is on record and its tags may not be read: it can't be proved."""
    if is_unproved(row, view):
        raise PermissionDenied(
            f"whose bucket {bucket.name} is can't be proved: these credentials may not do {_TAGS}.",
            hint=f"ask the owner of the account to allow {_TAGS}",
            details={"action": _TAGS},
        )


def _not_managed(name: str) -> NotManaged:
    return NotManaged(
        f"{name} is not managed by Handrail; nothing was changed.",
        hint="handrail s3 list --all",
        details={"target": name},
    )


def out_of_reach(name: str) -> PermissionDenied:
    """Return the error of a bucket that these credentials can't look at."""
    return PermissionDenied(
        f"bucket {name} is on record and can't be reached: these credentials may not do s3:ListBucket, or another "
        "account has the name now.",
        hint="ask the owner of the account",
        details={"action": "s3:ListBucket", "target": name},
    )


def _gone(name: str) -> NotFound:
    return NotFound(
        f"bucket {name} was deleted without Handrail; only its record is left.",
        hint=command("s3 delete", name),
        details={"target": name},
    )
