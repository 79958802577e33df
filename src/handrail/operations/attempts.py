"""One target of several that are changed by one command: what its error says is of that target alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from handrail.core.errors import Acted, HandrailError
from handrail.session import Session


@contextmanager
def attempt(session: Session) -> Iterator[None]:
    """Let an error that says nothing of it say whether the change may have been made: if anything was sent inside."""
    before = session.aws.changes_sent
    try:
        yield
    except HandrailError as error:
        error.acted = error.acted or (Acted.UNKNOWN if session.aws.changes_sent > before else Acted.NO)
        raise
