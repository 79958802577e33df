"""The steps that change a bucket: who may read it, each step checked by reading back; its versions and its tags."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from handrail.core.errors import Acted, HandrailError, PermissionDenied, Refused, Usage, WrongState
from handrail.core.plan import Ask, Claim, Question
from handrail.core.resources import Bucket
from handrail.core.s3_rules import (
    OPEN_TO_POLICY,
    SHUT,
    TAKES_POLICY,
    Exposure,
    evaluate,
    foreign_public,
    has_public_read,
    with_public_read,
    without_public_read,
)
from handrail.core.shell import command, line
from handrail.core.tags import tags_after
from handrail.operations.patience import again_while, once_shown
from handrail.operations.s3.meeting import check_no_upload
from handrail.session import Session

T = TypeVar("T")
PATIENCE = 60.0  # seconds that S3 may take to end another change of the bucket
SECRETS_SHOWN = 20
PUBLIC_MEANS = "Anyone on the internet will be able to read every object in {names} (not list, not write)."


def public_question(session: Session, names: Sequence[str]) -> Question | None:
    """Return what is asked before buckets become public; None where the policy lets it happen freely."""
    if session.rules.narrowest("s3.public") == "freely":
        return None
    return Question(Ask.YES, PUBLIC_MEANS.format(names=", ".join(names)), prompt="Are you sure?")


def is_public_wanted(public: bool, private: bool) -> bool | None:
    """Return what --public and --private say; None for neither. Raises Usage for both."""
    if public and private:
        raise Usage("--public and --private exclude each other.", hint="give one of them")
    return public if public or private else None


def check_account_lets_public(session: Session) -> None:
    """Raise Refused where the account keeps every bucket private; PermissionDenied where that may not be read.

    The stricter of account and bucket holds, and the account's setting wins in silence: so it is asked first.
    Source: Amazon S3 user guide, "Blocking public access to your Amazon S3 storage".
    """
    bars = session.aws.s3.account_block().bars_public
    if bars:
        raise Refused(
            "this account keeps every bucket private: Block Public Access is on for the whole account.",
            facts=(("on", ", ".join(bars)),),
            hint="leave --public out, or ask the owner of the account",
            details={"account_block": list(bars)},
            code="account_blocks_public",
        )


def check_policy_opens_no_more(policy: Mapping[str, Any] | None, name: str) -> None:
    """Raise WrongState where a bucket's policy has another statement that could open it to everyone.

    Relaxing Block Public Access would let it count too, and nobody was asked about that.
    """
    others = foreign_public(policy)
    if others:
        raise WrongState(
            f"the policy of bucket {name} has other statements that could open it to everyone; nothing was opened.",
            facts=(("statement", "\n".join(others)),),
            hint=f"see them, and take them out: {line('aws', 's3api', 'get-bucket-policy', '--bucket', name)}",
            details={"name": name, "statements": list(others)},
            code="foreign_public_policy",
        )


def find_secrets(session: Session, *places: tuple[str, str]) -> list[Claim]:
    """Return claims of the first objects in these buckets whose keys look like secrets: public once the bucket is.

    places: name and region of each.
    """
    suspects: list[Claim] = []
    for name, region in places:
        for number, one in enumerate(session.aws.s3.objects(name, region).walk()):
            if number % 1000 == 0:
                session.listener.progress(f"{name}: looking for secrets, {number:,} objects seen")
            claim = Claim("s3.secret_files", one.key)
            if not all(reason.passes for reason in session.rules.explain([claim])):
                suspects.append(claim)
                if len(suspects) == SECRETS_SHOWN:
                    return suspects
    return suspects


def make_private(session: Session, name: str, region: str) -> tuple[str, ...]:
    """Shut a bucket: Block Public Access first, then the public statement goes. Returns warnings.

    A policy with other statements stays, without that one. Once the block is on, nothing below can open the bucket.
    """
    s3 = session.aws.s3
    patiently(session, name, lambda: s3.put_block(name, region, SHUT))
    warnings = _take_statement_out(session, name, region)
    once_shown(
        session, lambda: s3.block(name, region), lambda block: block == SHUT, f"{name} shows no Block Public Access"
    )
    return warnings


def _take_statement_out(session: Session, name: str, region: str) -> tuple[str, ...]:
    """Take the public statement out of a policy. S3 takes no policy, while it blocks public ones, that is still public.

    Source: Amazon S3 user guide, "Blocking public access" (BlockPublicPolicy).
    """
    s3, others = session.aws.s3, tuple[str, ...]()
    try:
        policy = s3.policy(name, region)
        others = foreign_public(policy)
        if has_public_read(policy):
            patiently(session, name, lambda: s3.put_policy(name, region, without_public_read(policy)))
    except PermissionDenied as error:
        if not others:
            return (f"{name} is shut by Block Public Access; its policy could not be changed: {error.message}",)
    return (behind_the_block(name, others),) if others else ()


def behind_the_block(name: str, others: Sequence[str]) -> str:
    """Return the warning of a shut bucket whose policy has public statements that are not Handrail's to take out."""
    return (
        f"{name} is shut by Block Public Access; behind it its policy keeps public statements that Handrail did not "
        f"make ({'; '.join(others)})"
    )


def make_public(session: Session, name: str, region: str) -> None:
    """Open a bucket's objects to everyone by its policy, and prove it. Whatever fails on the way leaves it private.

    What looks like a secret is looked for once more at the last moment, for a question may have stood for long, and
    again when it is open: what came in between is shut in again. What is on its way does not show yet: an upload that
    may be under way is in the way. Raises Refused, WrongState.
    """
    check_no_upload(session, name)
    session.rules.check(find_secrets(session, (name, region)))
    try:
        _open(session, name, region)
        session.rules.check(find_secrets(session, (name, region)))
    except BaseException as error:
        _fall_back(session, name, region, error)
        raise


def _open(session: Session, name: str, region: str) -> None:
    """Put the policy while RestrictPublicBuckets holds, look what it says now, and only then let it count."""
    s3 = session.aws.s3
    policy = s3.policy(name, region)
    check_policy_opens_no_more(policy, name)
    patiently(session, name, lambda: s3.put_block(name, region, TAKES_POLICY))
    wanted = with_public_read(policy, name, s3.partition)
    patiently(session, name, lambda: s3.put_policy(name, region, wanted))
    stands = once_shown(session, lambda: s3.policy(name, region), has_public_read, f"{name} shows no new policy")
    check_policy_opens_no_more(stands, name)
    patiently(session, name, lambda: s3.put_block(name, region, OPEN_TO_POLICY))

    def look() -> Exposure:
        return Exposure(s3.is_policy_public(name, region), s3.block(name, region), s3.account_block())

    once_shown(session, look, lambda seen: evaluate(seen) == "public", f"{name} does not become public")


def _fall_back(session: Session, name: str, region: str, error: BaseException) -> None:
    try:
        warnings = make_private(session, name, region)
        acted, fact = Acted.NO, ("access", "\n".join((f"{name} is private", *warnings)))
    except HandrailError as failed:
        acted = Acted.UNKNOWN  # a later command shuts it
        fact = (
            "access",
            f"{name} could not be made private again: {failed.message}\n{command('s3 update', name, private=True)}",
        )
    if isinstance(error, HandrailError):
        error.acted, error.facts = acted, (*error.facts, fact)


def patiently(session: Session, name: str, act: Callable[[], T]) -> T:
    """Return what a call returns; while S3 is busy with another change of the bucket, wait and repeat it.

    Raises what the call raises, also `busy` after a minute.
    """
    text = f"{name}: S3 is busy with another change of this bucket; waiting"
    return again_while(session, "busy", act, PATIENCE, lambda spent: text)


# ---- all that is to be changed


@dataclass(frozen=True)
class Edit:
    """What is to be changed of a bucket. public, versioning: None leaves them; put, drop: tags."""

    public: bool | None = None
    put: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    versioning: bool | None = None

    @property
    def is_nothing(self) -> bool:
        """Return whether all is left as it is."""
        return self.public is None and self.versioning is None and not self.put and not self.drop

    def tags_after(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return tags as they will be."""
        return tags_after(tags, self.put, self.drop)


def carry_out_edit(session: Session, bucket: Bucket, edit: Edit) -> tuple[str, ...]:
    """Do an edit, what makes less public first, and return what a person should know of it."""
    s3, name, region = session.aws.s3, bucket.name, bucket.region
    warnings = make_private(session, name, region) if edit.public is False else ()
    if edit.versioning is not None:
        patiently(session, name, lambda: s3.put_versioning(name, region, is_on=bool(edit.versioning)))
    if edit.put or edit.drop:
        tags = edit.tags_after(s3.tags(name, region))
        patiently(session, name, lambda: s3.put_tags(name, region, tags))
    if edit.public:
        make_public(session, name, region)
    return warnings
