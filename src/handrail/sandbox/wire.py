"""HTTP/1.1 on loopback: keep-alive, chunked bodies, Expect; hands whole requests to the gate."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from handrail.sandbox.exchange import Reply, Request
from handrail.sandbox.gate import Gate, http_date

NO_BODY = frozenset({204, 304})
REPLACED = frozenset({"date", "connection", "transfer-encoding", "server", "content-length"})
IDLE_CONNECTION_SECONDS = 120


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


class Handler(BaseHTTPRequestHandler):
    """Reads requests from one connection and writes the replies."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_CONNECTION_SECONDS
    wbufsize = -1  # one packet per reply instead of one per header block and body
    server: LoopbackServer

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
        gate = self.server.gate
        reply = gate.screen(self.command, self.path, headers)
        if reply is not None:
            self.close_connection = True  # its body, if any, was not read
            self._write(reply)
            return
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        body = self._read_body(headers)
        self._write(gate.answer(Request(self.command, self.path, headers, body)))

    def handle_expect_100(self) -> bool:
        """Wait with the answer until the request was screened."""
        return True

    def _read_body(self, headers: dict[str, str]) -> bytes:
        if "chunked" not in headers.pop("transfer-encoding", "").lower():
            size = int(headers.get("content-length") or 0)
            body = self.rfile.read(size)
            if len(body) != size:
                raise ConnectionError("the request's body was cut off")
            return body
        parts = []
        while size := int(self.rfile.readline(64).split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline(2)
        while self.rfile.readline(65536).strip():
            pass
        return b"".join(parts)

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
