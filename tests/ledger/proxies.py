"""Proxies between the program and its sandbox: one that watches, kills and freezes, and microburst for the faults."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from microburst.detection import detect, rest_operations

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")
_DROPPED = ("connection", "keep-alive", "transfer-encoding", "server")
_ACCOUNT_OF_S3 = "/v20180820/"  # of s3control, which signs as s3: microburst takes it for an object of that bucket
ACCOUNT_BLOCK = "s3control:GetPublicAccessBlock"
PART = "s3:UploadPart"
_AS_MICROBURST_SAYS = {ACCOUNT_BLOCK: "s3:GetObject", PART: "s3:PutObject"}


@dataclass(frozen=True)
class Call:
    """One AWS call as it passed by: `ec2:RunInstances`, and which one of that name it was, from 1."""

    name: str
    nth: int

    def __str__(self) -> str:
        return self.name if self.nth == 1 else f"{self.name} ({self.nth})"


def name_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """Return service and operation of a signed request; None for what is no AWS call."""
    scope = _SCOPE.search(headers.get("Authorization", ""))
    if scope is None:
        return None
    if scope[2] == "s3":
        return _name_of_s3(method, path, headers)
    target = headers.get("X-Amz-Target", "")
    action = target.rpartition(".")[2] or parse_qs(body.decode("latin-1")).get("Action", ["?"])[0]
    return f"{scope[2]}:{action}"


def _name_of_s3(method: str, path: str, headers: Mapping[str, str]) -> str:
    """Return the operation of a request of S3 as microburst names it, by botocore's model."""
    at = urlsplit(path)
    if at.path.startswith(_ACCOUNT_OF_S3):
        return ACCOUNT_BLOCK
    query = dict(parse_qsl(at.query, keep_blank_values=True))
    operation = detect(headers, method, at.path, query, None).operation
    assert operation is not None, f"no operation of S3: {method} {path}"
    return PART if "partNumber" in query else f"s3:{operation}"


rest_operations("s3")  # read before any test has had botocore hand out models that several share

Watch = Callable[[Call, str], bool]


class Watched:
    """A proxy that passes everything on and remembers the calls.

    watch: asked before a request is passed on (`sent`) and before its reply is given back (`answered`); False drops
    the connection there. host: what to say as Host instead of what came: it is signed, and microburst changes it.
    """

    def __init__(self, upstream: str, watch: Watch | None = None, host: str = "") -> None:
        self.calls: list[Call] = []
        self.signed: list[tuple[str, str]] = []
        self.watch: Watch = watch or (lambda _call, _when: True)
        self._upstream, self._host = urlsplit(upstream), host
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _note(self, name: str, date: str) -> Call:
        with self._lock:
            call = Call(name, 1 + sum(one.name == name for one in self.calls))
            self.calls.append(call)
            self.signed.append((name, date))
            return call

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True

            def do_GET(self) -> None:
                proxy._pass(self)

            do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

        return Handler

    def _pass(self, handler: BaseHTTPRequestHandler) -> None:
        body = _body_of(handler)
        name = name_of(handler.command, handler.path, handler.headers, body)  # type: ignore[arg-type]  # nearly a mapping
        call = self._note(name, handler.headers.get("X-Amz-Date", "")) if name else None
        if call is not None and not self.watch(call, "sent"):
            _cut(handler)
            return
        status, headers, answer = self._forward(handler, body)
        if call is not None and not self.watch(call, "answered"):
            _cut(handler)
            return
        handler.send_response_only(status)
        for header, value in headers:
            handler.send_header(header, value)
        handler.end_headers()
        handler.wfile.write(answer)

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port or 80, timeout=60)
        try:
            left_out = ("host", "expect", "transfer-encoding", "content-length")
            headers = {name: value for name, value in handler.headers.items() if name.lower() not in left_out}
            headers["Content-Length"] = str(len(body))
            headers["Host"] = self._host or handler.headers["Host"]
            connection.request(handler.command, handler.path, body, headers)
            reply = connection.getresponse()
            answer = reply.read()
            size = reply.headers["Content-Length"] if handler.command == "HEAD" else str(len(answer))
            kept = [(name, value) for name, value in reply.getheaders() if name.lower() not in _DROPPED]
            kept = [(name, value) for name, value in kept if name.lower() != "content-length"]
            return reply.status, [*kept, *([("Content-Length", size)] if size is not None else [])], answer
        finally:
            connection.close()


def _body_of(handler: BaseHTTPRequestHandler) -> bytes:
    """Return the body of a request; microburst sends what it streams in chunks (RFC 9112, 7.1)."""
    if handler.headers.get("Transfer-Encoding", "") != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    parts = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    handler.rfile.readline()
    return b"".join(parts)


def _cut(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


class Assassin:
    """A watch that sends a signal to a process at one call, before it is passed on or before its reply is."""

    def __init__(self, call: Call, when: str, sign: int = signal.SIGKILL) -> None:
        self._call, self._when, self._sign = call, when, sign
        self.pid = 0
        self.fired = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, call: Call, when: str) -> bool:
        """Fire where it is time; a killed process gets no reply, a frozen one only after `go_on`."""
        if (call, when) != (self._call, self._when) or self.fired.is_set():
            return True
        os.kill(self.pid, self._sign)
        self.fired.set()
        if self._sign == signal.SIGKILL:
            return False
        return self.go_on.wait(120)


class Microburst:
    """microburst in front of a sandbox, its rules changed from cell to cell. behind: what it lets through."""

    def __init__(self, upstream: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        self.behind = Watched(upstream, host=f"127.0.0.1:{port}")
        program = "from microburst.cli import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, "--upstream", self.behind.endpoint, "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_ready()

    def rule(self, *rules: Mapping[str, Any]) -> list[int]:
        """Put these rules in place of all others and return their ids."""
        return [int(one["id"]) for one in self._ask("POST", "rules", list(rules))]

    def fired(self, rule: int) -> int:
        """Return how often a rule was applied."""
        return len(self._ask("GET", f"fired?rule_id={rule}&limit=10000", None))

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        self.behind.close()

    def _ask(self, method: str, path: str, value: Any) -> Any:
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self.endpoint}/_microburst/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=90) as reply:
            return json.loads(reply.read())

    def _wait_until_ready(self) -> None:
        """Wait until it answers, and has read the models of AWS's errors, which takes seconds the first time."""
        deadline = time.monotonic() + 90
        while True:
            try:
                self._ask("GET", "health", None)
                break
            except OSError:
                assert time.monotonic() < deadline
                assert self._process.poll() is None
                time.sleep(0.1)
        self.rule({"service": "ec2", "operation": "DescribeRegions", "error": {"code": "InternalError", "status": 500}})
        scope = "Credential=none/20260101/us-east-1/ec2/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none"}
        body = b"Action=DescribeRegions&Version=2016-11-15"
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(self.endpoint, body, headers), timeout=90)


def nth_rule(call: Call, fault: Mapping[str, Any], *, every: bool = False) -> Sequence[Mapping[str, Any]]:
    """Return the rules that let earlier calls of that name pass and do this to it, or to every attempt from it on."""
    service, operation = _AS_MICROBURST_SAYS.get(call.name, call.name).split(":")
    at = {"service": service, "operation": operation}
    passing = [{**at, "latency": 1, "times": call.nth - 1}] if call.nth > 1 else []
    return [*passing, {**at, **fault, **({} if every else {"times": 1})}]
