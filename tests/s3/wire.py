"""The wire between a client and S3: a proxy in front of the sandbox that can spoil what passes, or answer itself."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP = ("connection", "transfer-encoding", "date", "server", "content-length", "keep-alive")


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
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
    """An answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def saying(self, **headers: str) -> "Reply":
        """Return the answer with other headers (`_` stands for `-`)."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**{name.lower(): value for name, value in self.headers.items()}, **changed})


Forward = Callable[[Request], Reply]
Hook = Callable[[Request, Forward], Reply | None]


def pass_on(request: Request, forward: Forward) -> Reply | None:
    """Spoil nothing."""
    return forward(request)


class Wire:
    """A running proxy. hook: gets each request and a way to forward it; None for an answer cuts the connection."""

    def __init__(self, endpoint: str, hook: Hook = pass_on) -> None:
        self.hook, self._to = hook, urlsplit(endpoint).netloc
        self.requests: list[Request] = []
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                if self.headers.get("Expect", "").lower() == "100-continue":
                    self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, dict(self.headers.items()), body)
                wire.requests.append(replace(request, body=request.body[:1]))
                reply = wire.hook(request, wire.forward)
                if reply is None:
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    if name.lower() not in HOP or (self.command == "HEAD" and name.lower() == "content-length"):
                        self.send_header(name, value)
                if self.command != "HEAD":
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer

            def handle_expect_100(self) -> bool:
                return True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def forward(self, request: Request) -> Reply:
        """Send a request on and return the answer."""
        connection = http.client.HTTPConnection(self._to, timeout=60)
        try:
            headers = {name: value for name, value in request.headers.items() if name.lower() != "expect"}
            connection.request(request.method, request.target, request.body, headers)
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self.requests.clear()  # a handler's class is a cycle, and would keep every body until the next full collection


@contextmanager
def wired(endpoint: str, hook: Hook = pass_on) -> Iterator[Wire]:
    """Run a proxy for as long as the block lasts."""
    wire = Wire(endpoint, hook)
    try:
        yield wire
    finally:
        wire.close()


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
        return Reply(200, {"Content-Type": "application/xml", "x-amz-request-id": "WIRE"}, body.encode())

    return answer
