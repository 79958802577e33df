"""Stands between botocore and its sockets: how long and how large a reply may be, and whether it is AWS's at all.

botocore's own time-out is one between two bytes, and it reads whatever comes: a byte a second, or without end, would
hold a command for ever or fill its memory. Every client that a session makes is asked through `watch`, those too that
botocore makes by itself to fetch credentials.
"""

import io
import socket
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from handrail.aws.answers import lacks, lacks_of_stream, words_of
from handrail.aws.unanswered import NotAwsError, host_of
from handrail.core.errors import HandrailError

# Of a reply that is read as a whole. The longest that AWS gives is a page of 1,000 instances, each with 50 long tags:
# 20 MB; a page of 1,000 objects has 2 MB, one of DynamoDB 1 MB.
LARGEST = 32 << 20


@dataclass(frozen=True)
class Terms:
    """What one call may take.

    until: the moment (monotonic) at which it is given up with all its attempts; None: what it sends may take any time,
    and each reply `patience` seconds from when that was sent. largest: bytes of a reply, None for any.
    """

    patience: float
    until: float | None
    largest: int | None = LARGEST

    @property
    def is_over(self) -> bool:
        """Return whether the call is given up by now."""
        return self.until is not None and time.monotonic() >= self.until


def terms_of(model: Any, config: Any) -> Terms:
    """Return the terms of a call by botocore's model of it and the config of its client."""
    patience = (config.connect_timeout + config.read_timeout) * config.retries["total_max_attempts"]
    until = None if model.has_streaming_input else time.monotonic() + patience
    return Terms(patience, until, None if model.has_streaming_output else LARGEST)


TERMS = "handrail_terms"  # the key of a call's terms in botocore's context of it

# What botocore asks by itself where S3 sends a call elsewhere without saying where; it would ask again for its answer.
REGION_LOOK = "HeadBucket"


@dataclass
class _Exchange:
    """A call on its way. looks: it or one around it is REGION_LOOK. came: the last reply, if it is read as a whole."""

    terms: Terms | None = None
    looks: bool = False
    came: Any = None


_current: ContextVar[_Exchange] = ContextVar("exchange")


def is_final(context: Any) -> bool:
    """Return whether a failed attempt is the last one whatever it failed with (botocore's RetryContext)."""
    terms = context.request_context.get(TERMS)
    return (terms is not None and terms.is_over) or _is_too_large(context.caught_exception)


def _is_too_large(error: Any) -> bool:
    return isinstance(getattr(error, "kwargs", {}).get("error"), TooLargeError)


def watch(class_attributes: Mapping[str, Any], base_classes: list[type], **_: Any) -> None:
    """Have a client made with every reply watched (botocore's `creating-client-class`)."""

    class Watched:
        def __init__(self, *, endpoint: Any, **rest: Any) -> None:
            _have_timed_connections(endpoint.http_session)
            super().__init__(endpoint=_Endpoint(endpoint), **rest)  # type: ignore[call-arg]  # botocore's BaseClient

    base_classes.insert(0, Watched)


class _Endpoint:
    """botocore's endpoint of a client; what comes back from it is AWS's answer, or NotAwsError."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint
        endpoint.http_session = _Session(endpoint.http_session)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, name)

    def make_request(self, operation_model: Any, request_dict: Mapping[str, Any]) -> tuple[Any, Any]:
        """Make a call with its retries. Raises NotAwsError where what came is no answer to it."""
        from botocore.exceptions import BotoCoreError, InvalidRegionError

        call, around = operation_model.name, _current.get(_Exchange())
        no_answer = partial(NotAwsError, call, host_of(request_dict["url"]))
        if call == REGION_LOOK and around.looks:
            raise no_answer(words_of(around.came), "it sends the call elsewhere, and names no region")
        # Signing may ask for credentials meanwhile, by a call of its own.
        this = _Exchange(request_dict["context"].get(TERMS), around.looks or call == REGION_LOOK)
        token = _current.set(this)
        try:
            reply, parsed = self._endpoint.make_request(operation_model, request_dict)
        except BotoCoreError as error:
            if isinstance(error, InvalidRegionError) and this.came is not None:
                raise no_answer(words_of(this.came), "it sends the call to a region that is none") from error
            if _is_too_large(error):
                raise no_answer("", f"it does not end within {LARGEST >> 20} MiB") from error
            raise
        except (HandrailError, NotAwsError):
            raise
        except Exception as error:
            if this.came is None:  # it was ended before anything came
                raise
            raise no_answer(words_of(this.came), "it can't be read") from error
        finally:
            _current.reset(token)
        if operation_model.has_streaming_output and reply.status_code < 300:
            missing = lacks_of_stream(reply)
        else:
            service, is_head = operation_model.service_model.service_name, operation_model.http.get("method") == "HEAD"
            missing = lacks(service, call, reply, parsed, head=is_head)
        if missing:
            raise no_answer(words_of(reply), missing)
        return reply, parsed


class _Session:
    """botocore's HTTP session; it remembers what came last."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def send(self, request: Any) -> Any:
        """Send one request and return its reply."""
        reply = self._session.send(request)
        _current.get(_Exchange()).came = None if request.stream_output else reply
        return reply


# ---- connections


def _have_timed_connections(http_session: Any) -> None:
    """Have a session connect by `_Timed`. botocore has no other way to say which connections its pools make."""
    pools = http_session._pool_classes_by_scheme
    pools.update({scheme: _timed_pool(pool) for scheme, pool in pools.items()})


def _timed_pool(pool: Any) -> Any:
    """Return a class of connection pools like `pool`, of connections whose replies are timed and measured."""

    class Connection(_Timed, pool.ConnectionCls):  # type: ignore[misc]  # a class of botocore's
        pass

    return type("Pool", (pool,), {"ConnectionCls": Connection})


class _Timed:
    """A connection whose every reply, headers and all, is read within the terms of its call."""

    sock: Any

    def connect(self) -> None:
        """Connect, and have what comes timed and measured."""
        super().connect()  # type: ignore[misc]  # http.client's
        self.sock = _Socket(self.sock)

    def getresponse(self, *args: Any, **rest: Any) -> Any:
        """Read a reply by the terms of the call."""
        self.sock.expect(_current.get(_Exchange()).terms)
        return super().getresponse(*args, **rest)  # type: ignore[misc]  # http.client's


class TooLargeError(Exception):
    """A reply is longer than any that AWS gives."""


class _Socket:
    """A connected socket, plain or TLS, that gives a reply up at the moment or the size that its call allows."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._until: float | None = None
        self._left: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def expect(self, terms: Terms | None) -> None:
        """Begin to wait for a reply."""
        if terms is not None:
            self._until = terms.until or time.monotonic() + terms.patience
            self._left = terms.largest

    def makefile(self, mode: str = "rb", buffering: int = -1) -> Any:
        """Return what http.client reads a reply from; it keeps the connection open until it is closed itself."""
        raw = _Raw(self._sock.makefile("rb", buffering=0), self)
        return raw if buffering == 0 else io.BufferedReader(raw, io.DEFAULT_BUFFER_SIZE)

    def read(self, stream: Any, buffer: Any) -> int:
        """Read what there is of a reply. Raises TimeoutError, TooLargeError."""
        patience = self._sock.gettimeout()
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the reply did not end in time")
            self._sock.settimeout(left if patience is None else min(patience, left))
        try:
            count: int = stream.readinto(buffer)
        finally:
            self._sock.settimeout(patience)
        if self._left is not None:
            self._left -= count
            if self._left < 0:
                raise TooLargeError
        return count


class _Raw(io.RawIOBase):
    """The bytes of a reply as they come."""

    def __init__(self, stream: Any, sock: _Socket) -> None:
        self._stream, self._sock = stream, sock

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is."""
        return self._sock.read(self._stream, buffer)

    def close(self) -> None:
        """Let go of the connection."""
        self._stream.close()
        super().close()
