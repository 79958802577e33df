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
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from microburst.detection import resolve_operation, rest_operations

from handrail.ledger.record import OPEN
from patience import HANGS, wait_until

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")
_DROPPED = ("connection", "keep-alive", "transfer-encoding", "server")
_ACCOUNT_OF_S3 = "/v20180820/"  # of s3control, which signs as s3: microburst takes it for an object of that bucket
ACCOUNT_BLOCK = "s3control:GetPublicAccessBlock"
PART = "s3:UploadPart"
PULSE = "dynamodb:PutItem (pulse)"  # that a command lives: how often it says so depends on how long it takes
_AS_MICROBURST_SAYS = {ACCOUNT_BLOCK: "s3:GetObject", PART: "s3:PutObject"}
_OTHERS = " (of others)"  # of a change that settles what is not ours: whether it falls due just now is chance
_CHANGES = ("Run", "Start", "Stop", "Terminate", "Put", "Transact", "Create", "Delete", "Upload", "Complete")


@dataclass(frozen=True)
class Call:
    """One AWS call as it passed by: `ec2:RunInstances`, and which one of that name it was, from 1.

    after: the change before it, None is any; turn: which one of that name it was since. Looks that run at the same time
    overtake each other, and a wait looks as often as it must, so a look is known by these and not by its number.
    """

    name: str
    nth: int
    after: str | None = field(default=None, compare=False)
    turn: int = field(default=1, compare=False)

    def is_same(self, other: "Call") -> bool:
        """Return whether this is the call that another run of the command made there."""
        if None in (self.after, other.after) or self.is_change:
            return (self.name, self.nth) == (other.name, other.nth)
        return (self.name, self.after, self.turn) == (other.name, other.after, other.turn)

    @property
    def is_change(self) -> bool:
        """Return whether it changes something."""
        return self.is_ours and self.name.partition(":")[2].startswith(_CHANGES)

    @property
    def is_ours(self) -> bool:
        """Return whether the command makes it whenever it is run, however long it takes."""
        return self.name != PULSE and not self.name.endswith(_OTHERS)

    def __str__(self) -> str:
        if self.is_change:
            return self.name if self.nth == 1 else f"{self.name} ({self.nth})"
        return f"{self.name} after {self.after}" if self.after else self.name


def name_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """Return service and operation of a signed request; None for what is no AWS call."""
    scope = _SCOPE.search(headers.get("Authorization", ""))
    if scope is None:
        return None
    if scope[2] == "s3":
        return _name_of_s3(method, path, headers)
    target = headers.get("X-Amz-Target", "")
    if target.endswith(".PutItem") and json.loads(body)["Item"]["pk"] == {"S": OPEN}:
        return PULSE
    action = target.rpartition(".")[2] or parse_qs(body.decode("latin-1")).get("Action", ["?"])[0]
    return f"{scope[2]}:{action}"


def _name_of_s3(method: str, path: str, headers: Mapping[str, str]) -> str:
    """Return the operation of a request of S3 as microburst names it, by botocore's model."""
    at = urlsplit(path)
    if at.path.startswith(_ACCOUNT_OF_S3):
        return ACCOUNT_BLOCK
    query = dict(parse_qsl(at.query, keep_blank_values=True))
    # Not `detect`, which looks at the host as well, and the first time reads the models of all services: for seconds.
    operation = resolve_operation("s3", headers, method, at.path, query, None)
    assert operation is not None, f"no operation of S3: {method} {path}"
    return PART if "partNumber" in query else f"s3:{operation}"


rest_operations("s3")  # read before any test has had botocore hand out models that several share

Watch = Callable[[Call, str], bool]
Reply = tuple[int, list[tuple[str, str]], bytes]  # status, headers, body
Spoil = Callable[[Call, Reply], Reply]


class Watched:
    """A proxy that passes everything on and remembers the calls.

    watch: asked before a request is passed on (`sent`) and before its reply is given back (`answered`); False drops
    the connection there. spoil: makes another reply of what came. host: what to say as Host instead of what came: it is
    signed, and microburst changes it. about: what the command is about; a change that does not name it is of others.
    """

    def __init__(self, upstream: str, watch: Watch | None = None, host: str = "", about: str = "") -> None:
        self.calls: list[Call] = []
        self.signed: list[tuple[str, str]] = []
        self.in_flight = 0  # requests that are not answered yet
        self.watch: Watch = watch or (lambda _call, _when: True)
        self.spoil: Spoil = lambda _call, reply: reply
        self._upstream, self._host = urlsplit(upstream), host
        self._about = re.compile(re.escape(about) + r"(?![\w]|-\d)")
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextlib.contextmanager
    def _flying(self) -> Iterator[None]:
        with self._lock:
            self.in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self.in_flight -= 1

    def _note(self, name: str, date: str) -> Call:
        with self._lock:
            after = next((str(one) for one in reversed(self.calls) if one.is_change), "")
            before = [one for one in self.calls if one.name == name]
            call = Call(name, 1 + len(before), after, 1 + sum(one.after == after for one in before))
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
                with proxy._flying():
                    proxy._pass(self)

            do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

        return Handler

    def _pass(self, handler: BaseHTTPRequestHandler) -> None:
        body = _body_of(handler)
        name = name_of(handler.command, handler.path, handler.headers, body)  # type: ignore[arg-type]  # nearly a mapping
        if name is not None and Call(name, 1).is_change and not self._about.search(f"{handler.path} {body!r}"):
            name += _OTHERS
        call = self._note(name, handler.headers.get("X-Amz-Date", "")) if name else None
        if call is not None and not self.watch(call, "sent"):
            _cut(handler)
            return
        reply = self._forward(handler, body)
        if call is not None and not self.watch(call, "answered"):
            _cut(handler)
            return
        status, headers, answer = reply if call is None else self.spoil(call, reply)
        handler.send_response_only(status)
        for header, value in headers:
            handler.send_header(header, value)
        handler.end_headers()
        handler.wfile.write(answer)

    def _forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port or 80, timeout=HANGS)
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a crowd connects at one moment


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
        if self.fired.is_set() or when != self._when or not call.is_same(self._call):
            return True
        os.kill(self.pid, self._sign)
        self.fired.set()
        if self._sign == signal.SIGKILL:
            return False
        return self.go_on.wait()


Fault = Mapping[str, Any] | Spoil


class _Spoiling:
    """Spoils the reply of one call, or of every attempt from it on, and counts."""

    def __init__(self, call: Call, spoil: Spoil, every: bool) -> None:
        self._call, self._spoil, self._every = call, spoil, every
        self.count = 0

    def __call__(self, call: Call, reply: Reply) -> Reply:
        """Return the reply that is given back."""
        meant = call.nth >= self._call.nth if self._every else call.nth == self._call.nth
        if call.name != self._call.name or not meant:
            return reply
        spoilt = self._spoil(call, reply)
        self.count += 1
        return spoilt


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
        self._process.kill()
        self._process.wait()
        self.behind.close()

    def arm(self, call: Call, fault: "Fault", *, every: bool = False) -> Callable[[], int]:
        """Disturb a call, or every attempt from it on, and nothing else. Returns what tells how often it was.

        fault: what microburst does; or, for what it does not know, what makes a spoilt reply of the real one.
        """
        if callable(fault):
            self.rule()
            spoiling = _Spoiling(call, fault, every)
            self.behind.calls.clear()
            self.behind.spoil = spoiling
            return lambda: spoiling.count
        self.behind.spoil = lambda _call, reply: reply
        rules = self.rule(*nth_rule(call, fault, every=every))
        return lambda: self.fired(rules[-1])

    def _ask(self, method: str, path: str, value: Any) -> Any:
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self.endpoint}/_microburst/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=HANGS) as reply:
            return json.loads(reply.read())

    def _is_there(self) -> bool:
        assert self._process.poll() is None, "microburst ended"
        with contextlib.suppress(OSError):
            self._ask("GET", "health", None)
            return True
        return False

    def _wait_until_ready(self) -> None:
        """Wait until it answers, and has read the models of AWS's errors, which takes seconds the first time."""
        wait_until(self._is_there, "microburst answers", pause=0.1)
        self.rule({"service": "ec2", "operation": "DescribeRegions", "error": {"code": "InternalError", "status": 500}})
        scope = "Credential=none/20260101/us-east-1/ec2/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none"}
        body = b"Action=DescribeRegions&Version=2016-11-15"
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(self.endpoint, body, headers), timeout=HANGS)


def nth_rule(call: Call, fault: Mapping[str, Any], *, every: bool = False) -> Sequence[Mapping[str, Any]]:
    """Return the rules that let earlier calls of that name pass and do this to it, or to every attempt from it on."""
    service, operation = _AS_MICROBURST_SAYS.get(call.name, call.name).split(":")
    at = {"service": service, "operation": operation}
    passing = [{**at, "latency": 1, "times": call.nth - 1}] if call.nth > 1 else []
    return [*passing, {**at, **fault, **({} if every else {"times": 1})}]


class Dark(Watched):
    """A proxy behind which the EC2 of some regions answers for itself: with a status and error code, or not at all.

    services: those that do, EC2 alone at first.
    """

    def __init__(self, upstream: str) -> None:
        self.answers: dict[str, tuple[int, str] | None] = {}
        self.asked, self.services = 0, ("ec2",)
        super().__init__(upstream)

    def _pass(self, handler: BaseHTTPRequestHandler) -> None:
        scope = _SCOPE.search(handler.headers.get("Authorization", ""))
        if scope is None or scope[2] not in self.services or scope[1] not in self.answers:
            super()._pass(handler)
            return
        _body_of(handler)
        self.asked += 1
        answer = self.answers[scope[1]]
        if answer is None:
            _cut(handler)
            return
        status, code = answer
        error = f"<Errors><Error><Code>{code}</Code><Message>not here</Message></Error></Errors>"
        body = f"<Response>{error}<RequestID>r</RequestID></Response>".encode()
        handler.send_response_only(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
