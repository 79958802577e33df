"""The steps that change a bucket's access, each checked by reading back: shut it, open it, wait until S3 shows it."""

from collections.abc import Callable
from typing import TypeVar

from handrail.core.errors import AwsFailure, HandrailError, PermissionDenied, Refused, WrongState
from handrail.core.s3_rules import (
    OPEN_TO_POLICY,
    SHUT,
    Block,
    Exposure,
    evaluate,
    has_public_read,
    with_public_read,
    without_public_read,
)
from handrail.session import Session

T = TypeVar("T")
PATIENCE = 60.0  # seconds that S3 may take to end another change of the bucket
VISIBLE = 20.0  # seconds until S3 shows a change of a bucket's settings everywhere
_PAUSE = 1.0


def check_account_lets_public(session: Session) -> None:
    """Raise Refused where the account keeps every bucket private; PermissionDenied where that may not be read.

    The stricter of account and bucket holds, and the account's setting wins in silence: so it is asked first.
    Source: Amazon S3 user guide, "Blocking public access to your Amazon S3 storage".
    """
    bars = session.s3.account_block().bars_public
    if bars:
        raise Refused(
            "this account keeps every bucket private: Block Public Access is on for the whole account.",
            facts=(("on", ", ".join(bars)),),
            hint="leave --public out, or ask the owner of the account",
            details={"account_block": list(bars)},
            code="account_blocks_public",
        )


def make_private(session: Session, name: str, region: str) -> tuple[str, ...]:
    """Shut a bucket: Block Public Access first, then the public statement goes. Returns warnings.

    A policy with other statements stays, without that one. Once the block is on, nothing below can open the bucket.
    """
    s3 = session.s3
    patiently(session, name, lambda: s3.put_block(name, region, SHUT))
    try:
        policy = s3.policy(name, region)
        if has_public_read(policy):
            patiently(session, name, lambda: s3.put_policy(name, region, without_public_read(policy)))
    except PermissionDenied as error:
        return (f"{name} is shut by Block Public Access; its policy could not be changed: {error.message}",)
    settle(session, lambda: s3.block(name, region), lambda block: block == SHUT, f"{name} shows no Block Public Access")
    return ()


def make_public(session: Session, name: str, region: str) -> None:
    """Open a bucket's objects to everyone by its policy, and prove it. Whatever fails on the way leaves it private."""
    try:
        _open(session, name, region)
    except BaseException as error:
        _fall_back(session, name, region, error)
        raise


def _open(session: Session, name: str, region: str) -> None:
    s3 = session.s3
    policy = s3.policy(name, region)
    patiently(session, name, lambda: s3.put_block(name, region, OPEN_TO_POLICY))
    wanted = with_public_read(policy, name, s3.partition)
    patiently(session, name, lambda: s3.put_policy(name, region, wanted))

    def look() -> Exposure:
        return Exposure(s3.is_policy_public(name, region), s3.block(name, region), s3.account_block())

    settle(session, look, lambda seen: evaluate(seen) == "public", f"{name} does not become public")


def _fall_back(session: Session, name: str, region: str, error: BaseException) -> None:
    try:
        make_private(session, name, region)
        fact = ("access", f"{name} is private")
    except HandrailError as failed:
        fact = (
            "access",
            f"{name} could not be made private again: {failed.message} handrail s3 update {name} --private",
        )
    if isinstance(error, HandrailError):
        error.facts = (*error.facts, fact)


def patiently(session: Session, name: str, act: Callable[[], T]) -> T:
    """Return what a call returns; while S3 is busy with another change of the bucket, wait and repeat it.

    Raises what the call raises, also `busy` after a minute.
    """
    started, pause = session.clock.monotonic(), _PAUSE
    while True:
        try:
            return act()
        except WrongState as error:
            if error.slug != "busy" or session.clock.monotonic() - started > PATIENCE:
                raise
        session.listener.progress(f"{name}: S3 is busy with another change of this bucket; waiting")
        session.clock.sleep(pause)
        pause = min(pause * 2, 10)


def settle(session: Session, look: Callable[[], T], is_so: Callable[[T], bool], otherwise: str) -> T:
    """Return what a look shows once it is so; S3 may show an older state for some seconds. Raises AwsFailure."""
    started, pause = session.clock.monotonic(), 0.2
    while True:
        seen = look()
        if is_so(seen):
            return seen
        if session.clock.monotonic() - started > VISIBLE:
            raise AwsFailure(f"{otherwise}, though S3 took the change.", hint="repeat the command", code="not_shown")
        session.clock.sleep(pause)
        pause = min(pause * 2, 5)


def is_shut(block: Block | None, exposure: Exposure) -> bool:
    """Return whether a bucket is as `make_private` leaves it."""
    return block == SHUT and exposure.policy is False
