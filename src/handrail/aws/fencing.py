"""Asks a fence about each signed request just before it leaves, at every attempt, and tells it what was answered.

The check stands behind signing and before the socket (botocore's `before-send`), on the very X-Amz-Date that AWS will
judge the request by; nothing that is checked earlier could hold (docs/lease.md, rule 3).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from math import ceil
from typing import Any, Protocol
from urllib.parse import parse_qs

from handrail.core.errors import HandrailError


class Gate(Protocol):
    """What is asked: ledger.fence.Fence, or several of them."""

    def before_send(self, x_amz_date: float) -> None:
        """Raise unless a request signed then may still be sent."""

    def answered(self) -> None:
        """Note that the newest attempt can act no more."""


class Deadline:
    """Lets a command change things only while nobody can have taken it for dead: until the moment that it last named.

    A command that was frozen for longer finds its change settled by others; what it still sends would contradict them.
    """

    def __init__(self) -> None:
        self.until: float | None = None

    def before_send(self, request: Any, service: str) -> None:
        """Raise HeldUp if a request that changes something was signed too late (botocore's before-send)."""
        if self.until is None or not _changes(request, service):
            return
        late = signed_at(request.headers["X-Amz-Date"]) - self.until
        if late > 0:
            raise HeldUp(ceil(late))


class HeldUp(HandrailError):
    """A request was not sent: its command was held up. botocore retries no exception of this class."""

    code = "too_late"

    def __init__(self, late: int) -> None:
        super().__init__(
            f"The request was not sent: this command was held up, and is {late} s too late to change anything.",
            hint="repeat the command; if it was not held up, this computer's clock is ahead of AWS's",
            details={"seconds_late": late},
        )


def _changes(request: Any, service: str) -> bool:
    """Return whether a request of EC2 (a form with an Action) or S3 (REST) changes something."""
    if service == "s3":
        return request.method not in ("GET", "HEAD")
    body = request.body.decode() if isinstance(request.body, bytes) else request.body
    return not parse_qs(body)["Action"][0].startswith(("Describe", "Get"))


log = logging.getLogger("handrail.aws")
_current: ContextVar[Gate | None] = ContextVar("fence", default=None)


def before_send(request: Any) -> None:
    """Ask the current fence, if there is one. Registered on every client that starts instances."""
    gate = _current.get()
    if gate is not None:
        signed = request.headers["X-Amz-Date"]
        gate.before_send(signed_at(signed))
        log.debug("the fence lets a request through that was signed at %s", _text(signed))


def signed_at(header: str | bytes) -> float:
    """Return the epoch seconds of an X-Amz-Date header (SigV4: `20261122T205500Z`)."""
    return datetime.strptime(_text(header), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header


@contextmanager
def fenced(gate: Gate | None) -> Iterator[None]:
    """Put the calls inside under a fence, and tell it of an answer: a reply, or a refusal that is definite.

    No reply, a 5xx and throttling leave the attempt open: it may still act (docs/lease.md, A6). That AWS has no room is
    definite, though EC2 says it at 5xx.
    """
    token = _current.set(gate)
    try:
        yield
    except Exception as error:
        if gate is not None and _is_definite(error):
            gate.answered()
        raise
    else:
        if gate is not None:
            gate.answered()
    finally:
        _current.reset(token)


def _is_definite(error: Exception) -> bool:
    response: dict[str, Any] = getattr(error, "response", None) or {}  # botocore: None where no answer came
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = response.get("Error", {}).get("Code", "")
    if code in DEFINITE:
        return True
    return 400 <= status < 500 and status != 408 and "Throttl" not in code and code not in _NOT_DEFINITE


# Source: EC2 API reference, "Error codes", server error codes: the request was taken, judged and turned down.
DEFINITE = ("InsufficientInstanceCapacity",)
_NOT_DEFINITE = ("RequestLimitExceeded", "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete")
