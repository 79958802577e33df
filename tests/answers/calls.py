"""Every operation as command lines that run, the AWS calls that each makes, and a proxy that spoils any one reply.

`LINES` has a ready-made command line for each operation of the catalogue that speaks to AWS (`OFFLINE`: those that do
not); `record(ground, line)` runs one undisturbed and returns its exchanges; `SpoilingProxy.spoil(name, nth, how)` gives
the nth reply of that name (`ec2:RunInstances`), or every one from it on, to `how`, which returns what arrives instead.
The call itself is carried out all the same: what arrives is wrong, not what was done.
"""

import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conftest import Done, Handrail, Sandbox
from handrail.core.ownership import ownership_tags
from ledger.proxies import Call, name_of

Body = bytes | Iterable[bytes]
_NOT_PASSED_ON = ("connection", "keep-alive", "transfer-encoding", "server", "content-length")


# ---- the proxy


@dataclass(frozen=True)
class Reply:
    """What arrives. body: bytes, or an iterable of them, which is sent without saying how long it is.

    status 0: the body is all that arrives, be it HTTP or not.
    """

    status: int
    headers: Mapping[str, str]
    body: Body

    def saying(self, **changes: Any) -> "Reply":
        """Return the reply with some of its members replaced."""
        return Reply(**{**vars(self), **changes})

    @property
    def whole(self) -> bytes:
        """Return the body of a reply that came from the sandbox."""
        assert isinstance(self.body, bytes)
        return self.body


@dataclass(frozen=True)
class Exchange:
    """One call as it passed by, and its reply."""

    call: Call
    method: str
    reply: Reply


Spoil = Callable[[Exchange], Reply]


@dataclass
class _Order:
    name: str
    nth: int
    how: Spoil
    every: bool
    struck: int = 0

    def strikes(self, call: Call) -> bool:
        """Return whether this is one of the calls whose reply is to be spoiled."""
        return call.name == self.name and (call.nth >= self.nth if self.every else call.nth == self.nth)


@dataclass
class SpoilingProxy:
    """Stands before a sandbox, remembers what passes, and spoils replies as it is told."""

    upstream: str
    exchanges: list[Exchange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._order: _Order | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def spoil(self, name: str, nth: int, how: Spoil, *, every: bool = False) -> Iterator[_Order]:
        """Spoil the nth reply of a name, or all from it on, counted from here; `struck` says how often it happened."""
        order = _Order(name, nth, how, every)
        with self._lock:
            self._order, self._counts = order, {}
            self.exchanges.clear()
        try:
            yield order
        finally:
            with self._lock:
                self._order = None

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Pass a request on, and give its reply back, spoiled if it is to be."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        name = name_of(handler.command, handler.path, handler.headers, body)  # type: ignore[arg-type]  # nearly a mapping
        with self._lock:
            self._counts[name or ""] = nth = self._counts.get(name or "", 0) + 1
            order = self._order
        reply = self._pass_on(handler, body)
        if name is not None:
            exchange = Exchange(Call(name, nth), handler.command, reply)
            if order is not None and order.strikes(exchange.call):
                order.struck += 1
                reply = order.how(exchange)
            with self._lock:
                self.exchanges.append(exchange)
        _give(handler, reply)

    def _pass_on(self, handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        at = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=120)
        try:
            connection.request(handler.command, handler.path, body or None, dict(handler.headers.items()))
            came = connection.getresponse()
            headers = {name: value for name, value in came.getheaders() if name.lower() not in _NOT_PASSED_ON}
            if handler.command == "HEAD" and came.headers["Content-Length"]:
                headers["Content-Length"] = came.headers["Content-Length"]
            return Reply(came.status, headers, came.read())
        finally:
            connection.close()


def _handler(proxy: SpoilingProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # whoever asked has heard enough
                self.close_connection = True

        def do_GET(self) -> None:
            proxy.answer(self)

        do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

    return Handler


def _give(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    if reply.status:
        handler.send_response_only(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    if isinstance(reply.body, bytes):
        if "Content-Length" not in reply.headers and reply.status != 204 and handler.command != "HEAD":
            handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(reply.body)
        return
    if reply.status:
        handler.send_header("Connection", "close")
        handler.end_headers()
    handler.close_connection = True
    for part in reply.body:
        handler.wfile.write(part)


# ---- the ground


@dataclass(frozen=True)
class Ground:
    """A sandbox, the program in front of it with room for every cell, and the proxy between the two."""

    sandbox: Sandbox
    handrail: Handrail
    proxy: SpoilingProxy
    folder: Path

    def run(self, argv: Sequence[str], **environ: str) -> Done:
        """Run a command line through the proxy."""
        return self.handrail(*argv, AWS_ENDPOINT_URL=self.proxy.endpoint, **environ)

    def instance(self, name: str, state: str) -> str:
        """Make an instance of dev-1 as Handrail would, by a call of our own and without a place; return its id."""
        ec2 = self.sandbox.client("ec2", owner="dev-1")
        request = f"made-{time.monotonic_ns()}"
        tags = [{"Key": key, "Value": value} for key, value in ownership_tags("dev-1", request).items()]
        reply = ec2.run_instances(
            ImageId=self._image(),
            InstanceType="t3.nano",
            MinCount=1,
            MaxCount=1,
            ClientToken=f"hr-{request}",
            TagSpecifications=[{"ResourceType": "instance", "Tags": [*tags, {"Key": "Name", "Value": name}]}],
        )
        made: str = reply["Instances"][0]["InstanceId"]
        if state == "stopped":
            time.sleep(0.01)
            ec2.stop_instances(InstanceIds=[made])
        return made

    def _image(self) -> str:
        images = self.sandbox.client("ec2").describe_images(Owners=["amazon"])["Images"]
        return str(next(one["ImageId"] for one in images if one["Architecture"] == "x86_64"))

    def bucket(self, name: str, *more: str) -> str:
        """Make a bucket."""
        self.handrail.ok("s3", "create", name, *more)
        return name

    def put(self, bucket: str, key: str) -> None:
        """Put an object into a bucket."""
        self.sandbox.client("s3", owner="dev-1").put_object(Bucket=bucket, Key=key, Body=b"old\n")

    def file(self, name: str, size: int = 20) -> str:
        """Write a file into the working folder, and return its name."""
        path = self.handrail.cwd / name
        path.write_bytes(b"x" * size)
        return name


# ---- the command lines

Make = Callable[[Ground, str], list[str]]


@dataclass(frozen=True)
class Line:
    """One way to call an operation. make: given a name that nothing has, makes what is needed and returns the words."""

    operation: str
    make: Make
    variant: str = ""

    @property
    def name(self) -> str:
        """Return how a test calls it: `s3 create --public`."""
        return f"{self.operation} {self.variant}".strip() or "overview"


def _instance(state: str, *words: str) -> Make:
    """Return a maker of a command line about an instance: its id stands for `{id}`."""
    return lambda ground, name: [
        word.format(id=ground.instance(name, state)) if "{" in word else word for word in words
    ]


def _bucket(*words: str, options: Sequence[str] = (), objects: Sequence[str] = ()) -> Make:
    """Return a maker of a command line about a bucket with these objects: its name stands for `{name}`."""

    def make(ground: Ground, name: str) -> list[str]:
        ground.bucket(name, *options)
        for key in objects:
            ground.put(name, key)
        return [word.format(name=name) for word in words]

    return make


def _upload(size: int) -> Make:
    def make(ground: Ground, name: str) -> list[str]:
        return ["s3", "upload", ground.bucket(name), ground.file(f"{name}.bin", size)]

    return make


def _leftovers(ground: Ground, name: str) -> list[str]:
    """Delete a bucket with everything in it: objects, versions, and an upload that never ended."""
    ground.bucket(name, "--versioning")
    ground.put(name, "old")
    ground.put(name, "old")
    ground.sandbox.client("s3", owner="dev-1").create_multipart_upload(Bucket=name, Key="half")
    return ["s3", "delete", name, "--empty", "--yes"]


def _words(*words: str) -> Make:
    return lambda _ground, name: [word.format(name=name) for word in words]


def _release(ground: Ground, name: str) -> list[str]:
    """Let go of the place of a create whose answer was cut short."""
    with ground.proxy.spoil("ec2:RunInstances", 1, lambda made: made.reply.saying(body=made.reply.whole[:100])):
        ground.run(["ec2", "create", "--name", name, "--request-id", name])
    return ["lease", "release", name, "--now", "--yes"]


def _named(ground: Ground, name: str) -> list[str]:
    """Plan an instance with everything that has a name of its own."""
    ec2 = ground.sandbox.client("ec2")
    ec2.create_key_pair(KeyName=name)
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    there = ["--key-pair", name, "--security-group", group, "--subnet", subnet]
    return ["ec2", "create", "--name", name, *there, "--dry-run"]


IN_PARTS = (8 << 20) + 1  # bytes of a file that goes in two parts

LINES: Sequence[Line] = (
    Line("", _words()),
    Line("ec2 create", _words("ec2", "create", "--name", "{name}", "--request-id", "{name}")),
    Line("ec2 create", _words("ec2", "create", "--name", "{name}", "--image", "ubuntu", "--dry-run"), "--dry-run"),
    Line("ec2 create", _named, "--dry-run, all named"),
    Line("ec2 list", _words("ec2", "list", "-o", "json")),
    Line("ec2 show", _instance("running", "ec2", "show", "{id}", "-o", "json")),
    Line("ec2 update", _instance("running", "ec2", "update", "{id}", "--tag", "team=blue", "--untag", "none")),
    Line("ec2 update", _instance("stopped", "ec2", "update", "{id}", "--type", "m5.large"), "--type"),
    Line("ec2 start", _instance("stopped", "ec2", "start", "{id}")),
    Line("ec2 stop", _instance("running", "ec2", "stop", "{id}")),
    Line("ec2 reboot", _instance("running", "ec2", "reboot", "{id}")),
    Line("ec2 delete", _instance("running", "ec2", "delete", "{id}", "--yes")),
    Line("ec2 wait", _instance("running", "ec2", "wait", "{id}", "--state", "running")),
    Line("s3 create", _words("s3", "create", "{name}", "--request-id", "{name}")),
    Line("s3 create", _words("s3", "create", "{name}", "--public", "--versioning", "--yes"), "--public"),
    Line("s3 create", _words("s3", "create", "{name}", "--object-lock"), "--object-lock"),
    Line("s3 list", _bucket("s3", "list", "--size", "-o", "json", objects=("old",))),
    Line("s3 list", _bucket("s3", "list", "-o", "json", options=("--public", "--yes")), "public"),
    Line("s3 show", _bucket("s3", "show", "{name}", "-o", "json", objects=("old",))),
    Line("s3 show", _bucket("s3", "show", "{name}", "-o", "json", options=("--public", "--yes")), "public"),
    Line("s3 update", _bucket("s3", "update", "{name}", "--public", "--yes"), "--public"),
    Line("s3 update", _bucket("s3", "update", "{name}", "--private", options=("--public", "--yes")), "--private"),
    Line("s3 upload", _upload(20)),
    Line("s3 upload", _upload(IN_PARTS), "in parts"),
    Line("s3 objects", _bucket("s3", "objects", "{name}", "-o", "json", objects=("old", "older"))),
    Line("s3 remove", _bucket("s3", "remove", "{name}", "old", "--yes", objects=("old",))),
    Line("s3 delete", _bucket("s3", "delete", "{name}", "--yes")),
    Line("s3 delete", _leftovers, "--empty"),
    Line("audit list", _words("audit", "list", "-o", "json")),
    Line("audit verify", _words("audit", "verify")),
    Line("audit anchor", _words("audit", "anchor", "{name}.json")),
    Line("audit anchor", _bucket("audit", "anchor", "--bucket", "{name}", options=("--object-lock",)), "--bucket"),
    Line("lease list", _words("lease", "list", "-o", "json")),
    Line("lease release", _release),
    Line("init", _words("init")),
)
# What touches this machine only; a test says that no call is made.
OFFLINE = frozenset(
    {
        "policy show",
        "policy check",
        "policy init",
        "sandbox start",
        "sandbox stop",
        "sandbox status",
        "sandbox reset",
        "sandbox env",
        "use",
        "demo",
    }
)


def record(ground: Ground, line: Line, name: str) -> tuple[Done, list[Exchange]]:
    """Run a command line undisturbed through the proxy; return what it came to, and its calls in their order."""
    argv = line.make(ground, name)
    with ground.proxy.spoil("", 0, lambda exchange: exchange.reply):
        done = ground.run(argv)
        return done, list(ground.proxy.exchanges)
