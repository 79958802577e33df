"""Looks on the side of a command, at what others left: a region that does not answer keeps it waiting once, briefly."""

from collections.abc import Iterator
from contextlib import contextmanager

from handrail.core.errors import AwsFailure, HandrailError
from handrail.session import Session


@contextmanager
def asking_once(session: Session, unseen: dict[str, HandrailError], region: str) -> Iterator[None]:
    """Ask a region briefly, and not again once it has not answered. unseen: those that have not, and why.

    Raises what is asked inside, and at once what the region came to before.
    """
    if region in unseen:
        raise unseen[region]
    try:
        with session.aws.briefly():
            yield
    except AwsFailure as error:
        unseen[region] = error
        raise
