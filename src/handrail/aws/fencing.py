"""Asks a fence about each signed request just before it leaves, at every attempt, and tells it what was answered.

Also counts what leaves that changes something, so that whatever fails later is judged by it (docs/adr/0009).

The check stands behind signing and before the socket (botocore's `before-send`), on the very date that AWS will judge
the request by; nothing that is checked earlier could hold (docs/lease.md, rule 3). No body is read: the name of the
call says what it is, whatever its service writes.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from math import ceil
from threading import Lock
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from handrail.aws.acting import changes_something, is_definite
from handrail.aws.answers import date_of
from handrail.core.errors import HandrailError

AMZ_DATE = "%Y%m%dT%H%M%SZ"
LEDGER = "dynamodb"  # its writes are repeated by rules of their own, and settle themselves


class Gate(Protocol):
    """What is asked: ledger.fence.Fence, or several of them."""

    def before_send(self, x_amz_date: float) -> None:
        """Raise unless a request signed then may still be sent."""

    def answered(self) -> None:
        """Note that the newest attempt was turned down and can act no more."""

    def carried_out(self) -> None:
        """Note that the newest attempt was carried out, and can act no more."""


class Deadline:
    """Lets a command change things only while nobody can have taken it for dead: until the moment that it last named.

    A command that was frozen for longer finds its change settled by others; what it still sends would contradict them.
    """

    def __init__(self) -> None:
        self.until: float | None = None
        self._sent = 0
        self._lock = Lock()

    @property
    def sent(self) -> int:
        """Return how many requests that change something were let through, each attempt of its own."""
        return self._sent

    def before_send(self, request: Any, service: str, operation: str) -> None:
        """Raise HeldUp if a request that changes something was signed too late (botocore's before-send)."""
        if service == LEDGER or not changes_something(service, operation):
            return
        late = 0.0 if self.until is None else signed_at(request) - self.until
        if late > 0:
            raise HeldUp(ceil(late))
        with self._lock:
            self._sent += 1


class HeldUp(HandrailError):
    """A request was not sent: its command was held up. botocore retries no exception of this class."""

    code = "too_late"

    def __init__(self, late: int) -> None:
        super().__init__(
            f"The request was not sent: this command was held up, and is {late} s too late to change anything.",
            hint="repeat the command; if it was not held up, this computer's clock is ahead of AWS's",
            details={"seconds_late": late},
        )


log = logging.getLogger("handrail.aws")
_current: ContextVar[Gate | None] = ContextVar("fence", default=None)


def before_send(request: Any) -> None:
    """Ask the current fence, if there is one."""
    gate = _current.get()
    if gate is not None:
        signed = signed_at(request)
        gate.before_send(signed)
        date = datetime.fromtimestamp(signed, UTC).strftime(AMZ_DATE)
        log.debug("the fence lets a request through that was signed at %s", date)


def signed_at(request: Any) -> float:
    """Return when a request was signed, in epoch seconds; now, for it is about to leave, where no date tells.

    SigV4 says it in X-Amz-Date (`20261122T205500Z`), a header or, of a URL that is signed, a part of the query. Other
    signers, and botocore's SigV4 where there was one before, say it in the header Date.
    """
    header = _header(request, "X-Amz-Date")
    said = header or "".join(parse_qs(urlsplit(request.url).query).get("X-Amz-Date", ()))
    if said:
        return datetime.strptime(said, AMZ_DATE).replace(tzinfo=UTC).timestamp()
    date = date_of({"date": _header(request, "Date")})
    return time.time() if date is None else date


def _header(request: Any, name: str) -> str:
    value = request.headers.get(name) or ""
    return value.decode() if isinstance(value, bytes) else value


@contextmanager
def fenced(gate: Gate | None) -> Iterator[None]:
    """Put a call under a fence, and tell it what came of it: carried out, or a refusal that is definite.

    The block makes one call and reads its reply: only one that ends well was carried out. Whatever else happens in it
    leaves the attempt open, which may still act (docs/lease.md, A6): no reply, a 5xx, throttling, a reply that can't be
    read, Ctrl-C. That AWS has no room is definite, though EC2 says it at 5xx.
    """
    token = _current.set(gate)
    try:
        yield
    except Exception as error:
        if gate is not None and is_definite(getattr(error, "response", None) or {}):
            gate.answered()
        raise
    else:
        if gate is not None:
            gate.carried_out()
    finally:
        _current.reset(token)
