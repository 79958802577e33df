"""Waiting until AWS has caught up: a call that is too early is made again, a look that is too early is repeated."""

from collections.abc import Callable
from typing import TypeVar

from handrail.clock import ticks
from handrail.core.errors import Acted, AwsFailure, HandrailError
from handrail.session import Session

Answer = TypeVar("Answer")
VISIBLE = 20.0  # seconds until S3 shows a change of a bucket's settings everywhere


def again_while(
    session: Session, slug: str, call: Callable[[], Answer], limit: float, say: Callable[[float], str]
) -> Answer:
    """Return what a call returns; while it fails for a reason that passes (`slug`), wait and make it again.

    limit: seconds. say: what is shown meanwhile, given the seconds so far. Raises what the call raises.
    """
    pauses = ticks(session.clock, limit)
    while True:
        spent = next(pauses)
        try:
            return call()
        except HandrailError as error:
            if error.slug != slug or spent >= limit:
                raise
        session.listener.progress(say(spent))


def once_shown(
    session: Session,
    look: Callable[[], Answer],
    is_so: Callable[[Answer], bool],
    otherwise: str,
    limit: float = VISIBLE,
) -> Answer:
    """Return what a look shows once it is so; AWS may show an older state for some seconds. Raises AwsFailure.

    otherwise: what is wrong where it is not so after `limit` seconds, without a full stop.
    """
    for _ in ticks(session.clock, limit, first=0.2, growth=2.0):
        seen = look()
        if is_so(seen):
            return seen
    raise AwsFailure(
        f"{otherwise}, though AWS took the change.", hint="repeat the command", code="not_shown", acted=Acted.NO
    )
