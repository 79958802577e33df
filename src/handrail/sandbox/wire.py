"""HTTP/1.1 on loopback: keep-alive, chunked bodies, Expect; a body is read once the gate has let its head through."""

from __future__ import annotations

import contextlib
import io
import socket
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from handrail.sandbox.exchange import RefusalError, Reply, Request
from handrail.sandbox.gate import Gate, http_date

NO_BODY = frozenset({204, 304})
REPLACED = frozenset({"date", "connection", "transfer-encoding", "server", "content-length"})
IDLE_CONNECTION_SECONDS = 120  # also the longest that a request line, or a pause within a body, may take
HEAD_SECONDS = 20.0  # from the request line to the end of the headers
LARGEST_HEAD = 64 * 1024
UNVERIFIED_SECONDS = 120.0  # for a whole body whose signature can't be checked before it is there
LARGEST_UNREAD = 1024 * 1024  # bytes of a refused body that are thrown away, so that the client gets to read why


def has_body(headers: dict[str, str]) -> bool:
    """Tell whether a request has a body that must be read off its connection."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def check_size(size: int, largest: int | None) -> None:
    """Raise RefusalError for a body larger than it may be."""
    if largest is not None and size > largest:
        raise RefusalError("MaxMessageLengthExceeded", f"The request is too large: at most {largest} bytes.", 413)


class LoopbackServer(ThreadingMixIn, TCPServer):
    """Listens on 127.0.0.1 only; one thread per connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, gate: Gate) -> None:
        self.gate = gate
        self.busy = 0
        self._busy_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)
        gate.port = self.server_address[1]

    def count(self, change: int) -> None:
        """Keep the number of requests that are being answered."""
        with self._busy_lock:
            self.busy += change

    def drain(self, seconds: float) -> None:
        """Take no more connections, and wait for what is being answered."""
        self.shutdown()
        self.server_close()
        deadline = time.monotonic() + seconds
        while self.busy and time.monotonic() < deadline:
            time.sleep(0.01)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error; anything else goes to the log."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            traceback.print_exc(file=sys.stderr)


class Input(io.RawIOBase):
    """What a client sends, given up at a set time: one byte now and then would keep a thread for ever."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._end: float | None = None

    def end_in(self, seconds: float | None) -> None:
        """Give up after so many seconds; None: only after a pause of IDLE_CONNECTION_SECONDS."""
        self._end = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there. Raises TimeoutError."""
        left = (
            IDLE_CONNECTION_SECONDS if self._end is None else min(self._end - time.monotonic(), IDLE_CONNECTION_SECONDS)
        )
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        try:
            return self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(IDLE_CONNECTION_SECONDS)


class Handler(BaseHTTPRequestHandler):
    """Reads requests from one connection and writes the replies."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_CONNECTION_SECONDS
    wbufsize = -1  # one packet per reply instead of one per header block and body
    server: LoopbackServer

    def setup(self) -> None:
        """Read through an input that is given up in time."""
        super().setup()
        self.rfile.close()
        self._input = Input(self.connection)
        self.rfile = io.BufferedReader(self._input, 64 * 1024)

    def handle_one_request(self) -> None:
        """Wait for a request."""
        self._input.end_in(IDLE_CONNECTION_SECONDS)
        super().handle_one_request()

    def parse_request(self) -> bool:
        """Read the head; the library bounds the length of each line and their number."""
        self._input.end_in(HEAD_SECONDS)
        if not super().parse_request():
            return False
        self._input.end_in(None)
        if sum(len(name) + len(value) for name, value in self.headers.items()) > LARGEST_HEAD:
            self.send_error(431)
            return False
        return True

    def handle_method(self) -> None:
        """Answer the request whose head was read."""
        self.server.count(1)
        try:
            self._exchange()
        finally:
            self.server.count(-1)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = handle_method  # noqa: N815

    def _exchange(self) -> None:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]},{value}" if key in headers else value
        self._has_unread = has_body(headers)
        reply = self._answer(headers)
        self.close_connection = self.close_connection or self._has_unread
        self._write(reply)
        if self._has_unread:
            self._throw_away()

    def _answer(self, headers: dict[str, str]) -> Reply:
        screened = self.server.gate.screen(self.command, self.path, headers)
        if screened is not None:
            self.close_connection = True
            return screened

        def read_body(largest: int | None) -> bytes:
            self._input.end_in(None if largest is None else UNVERIFIED_SECONDS)
            body = self._read_body(headers, largest)
            self._input.end_in(None)
            self._has_unread = False
            return body

        kept = {name: value for name, value in headers.items() if name != "transfer-encoding"}
        return self.server.gate.answer(Request(self.command, self.path, kept), read_body)

    def handle_expect_100(self) -> bool:
        """Wait with the answer until the request was screened."""
        return True

    def _read_body(self, headers: dict[str, str], largest: int | None) -> bytes:
        """Return the body. Raises RefusalError for one that is larger, before it is read, or oddly framed."""
        if not has_body(headers):
            return b""
        is_chunked = "transfer-encoding" in headers  # its length, if stated too, means nothing then
        stated = "0" if is_chunked else headers["content-length"]
        if not stated.isascii() or not stated.isdigit():
            raise RefusalError("InvalidRequest", "The Content-Length is not a number of bytes.")
        check_size(int(stated), largest)
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        if not is_chunked:
            return self._read_exactly(int(stated))
        body = bytearray()
        while size := self._read_chunk_size():
            check_size(len(body) + size, largest)
            body += self._read_exactly(size)
            self.rfile.readline(2)
        while self.rfile.readline(LARGEST_HEAD).strip():
            pass
        return bytes(body)

    def _read_chunk_size(self) -> int:
        text = self.rfile.readline(64).split(b";")[0].strip()
        try:
            size = int(text, 16)
        except ValueError:
            size = -1
        if size < 0:
            raise RefusalError("InvalidRequest", "The body's chunks are malformed.")
        return size

    def _read_exactly(self, size: int) -> bytes:
        body = self.rfile.read(size)
        if len(body) != size:
            raise ConnectionError("the request's body was cut off")
        return body

    def _throw_away(self) -> None:
        """Let the client read why it was refused: a connection that is closed on what it sent is reset."""
        left = LARGEST_UNREAD
        self._input.end_in(2.0)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while left > 0 and (part := self.rfile.read1(64 * 1024)):
                left -= len(part)

    def _write(self, reply: Reply) -> None:
        has_body = self.command != "HEAD" and reply.status not in NO_BODY
        self.send_response_only(reply.status)
        self.send_header("Date", http_date(time.time()))
        for name, value in reply.headers:
            # What a HEAD would have sent and what is still to be read only moto knows; all else is counted here.
            keeps_length = reply.rest is not None or self.command == "HEAD"
            if name.lower() not in REPLACED or (name.lower() == "content-length" and keeps_length):
                self.send_header(name, value)
        if has_body and reply.rest is None:
            self.send_header("Content-Length", str(len(reply.body)))
        elif self.command == "HEAD" and not any(name.lower() == "content-length" for name, _ in reply.headers):
            self.send_header("Content-Length", "0")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if has_body:
            self.wfile.write(reply.body)
            for chunk in reply.rest or ():
                self.wfile.write(chunk)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged per request: the write-ahead log says more."""
