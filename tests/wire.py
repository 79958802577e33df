"""The wire between a client and AWS: a proxy in front of the sandbox, and what arrives is for a test to decide."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from patience import HANGS

_OWN = ("host", "expect", "transfer-encoding", "content-length")  # of a request: the proxy says these itself
_DROPPED = ("connection", "keep-alive", "transfer-encoding", "server", "content-length")  # of a reply


@dataclass(frozen=True)
class Request:
    """A request as it came. headers: found in upper and lower case."""

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        """Return the path, without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        """Return the query."""
        return urlsplit(self.target).query


@dataclass(frozen=True)
class Reply:
    """What arrives. parts: are sent after the body, without saying how long they are, and end the connection.

    status 0: body and parts are all that arrives, be it HTTP or not.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    parts: Iterable[bytes] | None = None

    def saying(self, **changes: Any) -> "Reply":
        """Return the reply with some of its members replaced."""
        return replace(self, **changes)


Forward = Callable[[Request], Reply]
Hook = Callable[[Request, Forward], Reply | None]


def pass_on(request: Request, forward: Forward) -> Reply | None:
    """Spoil nothing."""
    return forward(request)


class Wire:
    """A proxy that runs until it is closed.

    hook: gets each request and a way to forward it; None for an answer cuts the connection. host: what to say as Host
    instead of what came. requests: those that came, of each body its first byte.
    """

    def __init__(self, endpoint: str, hook: Hook = pass_on, *, host: str = "") -> None:
        self.hook, self.requests = hook, list[Request]()
        self.in_flight = 0  # requests that are not answered yet
        self.lock = threading.Lock()
        self._to, self._host = urlsplit(endpoint).netloc, host
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Reply | None:
        """Return what arrives, None for nothing."""
        self.requests.append(replace(request, body=request.body[:1]))
        return self.hook(request, self.forward)

    def forward(self, request: Request) -> Reply:
        """Send a request on and return the answer."""
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
        headers |= {"Host": self._host or request.headers["Host"], "Content-Length": str(len(request.body))}
        connection = http.client.HTTPConnection(self._to, timeout=HANGS)
        try:
            connection.request(request.method, request.target, request.body, headers)
            came = connection.getresponse()
            kept = {name: value for name, value in came.getheaders() if name.lower() not in _DROPPED}
            if request.method == "HEAD" and came.headers["Content-Length"]:
                kept["Content-Length"] = came.headers["Content-Length"]
            return Reply(came.status, kept, came.read())
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a crowd connects at one moment

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # whoever asked has heard enough
            self.close_connection = True

    def do_GET(self) -> None:
        wire = self.server.wire
        with wire.lock:
            wire.in_flight += 1
        try:
            self._give(wire.answer(Request(self.command, self.path, self.headers, self._body())))
        finally:
            with wire.lock:
                wire.in_flight -= 1

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

    def _body(self) -> bytes:
        """Return the body of a request; microburst sends what it streams in chunks (RFC 9112, 7.1)."""
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _give(self, reply: Reply | None) -> None:
        if reply is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if reply.status:
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.parts is not None:
                self.send_header("Connection", "close")
            elif self._says_length(reply):
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        if reply.parts is not None:
            self.close_connection = True
            for part in reply.parts:
                self.wfile.write(part)

    def _says_length(self, reply: Reply) -> bool:
        said = any(name.lower() == "content-length" for name in reply.headers)
        return not said and reply.status != 204 and self.command != "HEAD"


def ec2_error(code: str, message: str, status: int = 400) -> Reply:
    """Return an error of EC2 as it stands on the wire. Source: EC2 API reference, "Error codes"."""
    error = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    body = f"<Response>{error}<RequestID>2f7e3c1a-0000-4000-8000-000000000000</RequestID></Response>"
    return Reply(status, {"Content-Type": "text/xml;charset=UTF-8"}, body.encode())


def s3_page(body: str) -> Reply:
    """Return a page of S3, of this moment."""
    headers = {"Content-Type": "application/xml", "x-amz-request-id": "WIRE", "Date": formatdate(usegmt=True)}
    return Reply(200, headers, body.encode())


def listing(total: int, page: int = 1000) -> Hook:
    """Return a hook that answers ListObjectsV2 as a bucket of `total` keys would, and forwards all else."""
    row = (
        "<Contents><Key>logs/{0:09d}/a-key-of-a-usual-length.json</Key>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        "<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>{0}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )

    def answer(request: Request, forward: Forward) -> Reply | None:
        if request.method != "GET" or "list-type=2" not in request.query:
            return forward(request)
        token = next((one[19:] for one in request.query.split("&") if one.startswith("continuation-token=")), "0")
        start = int(token)
        end = min(start + page, total)
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < total else ""
        rows = "".join(row.format(number) for number in range(start, end))
        body = (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}{rows}</ListBucketResult>"
        )
        return s3_page(body)

    return answer
