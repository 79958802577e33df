"""Proxies between the program and its sandbox: one that watches, kills and freezes, and microburst for the faults."""

import contextlib
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
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from microburst.detection import resolve_operation, rest_operations

from handrail.ledger.record import OPEN
from patience import HANGS, wait_until
from wire import Reply, Request, Wire, ec2_error

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")
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
    signed: the date that its signature says.
    """

    name: str
    nth: int
    after: str | None = field(default=None, compare=False)
    turn: int = field(default=1, compare=False)
    signed: str = field(default="", compare=False)

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


@dataclass(frozen=True)
class Exchange:
    """One call as it passed by, and its reply."""

    call: Call
    reply: Reply

    @property
    def is_head(self) -> bool:
        """Return whether the reply has no body."""
        return ":Head" in self.call.name


Spoil = Callable[[Exchange], Reply]
Decide = Callable[[Call, Callable[[], Reply]], Reply | None]


def name_of(request: Request) -> str | None:
    """Return service and operation of a signed request; None for what is no AWS call."""
    scope = _SCOPE.search(request.headers.get("Authorization", ""))
    if scope is None:
        return None
    if scope[2] == "s3":
        return _name_of_s3(request)
    target = request.headers.get("X-Amz-Target", "")
    if target.endswith(".PutItem") and json.loads(request.body)["Item"]["pk"] == {"S": OPEN}:
        return PULSE
    action = target.rpartition(".")[2] or parse_qs(request.body.decode("latin-1")).get("Action", ["?"])[0]
    return f"{scope[2]}:{action}"


def _name_of_s3(request: Request) -> str:
    """Return the operation of a request of S3 as microburst names it, by botocore's model."""
    if request.path.startswith(_ACCOUNT_OF_S3):
        return ACCOUNT_BLOCK
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    # Not `detect`, which looks at the host as well, and the first time reads the models of all services: for seconds.
    operation = resolve_operation("s3", request.headers, request.method, request.path, query, None)
    assert operation is not None, f"no operation of S3: {request.method} {request.target}"
    return PART if "partNumber" in query else f"s3:{operation}"


rest_operations("s3")  # read before any test has had botocore hand out models that several share


def pass_on(_call: Call, forward: Callable[[], Reply]) -> Reply | None:
    """Disturb nothing."""
    return forward()


def lose(name: str, times: int = 1) -> Decide:
    """Return what lets the first replies to a call of this name never arrive: it was carried out all the same."""

    def decide(call: Call, forward: Callable[[], Reply]) -> Reply | None:
        reply = forward()
        return None if call.name == name and call.nth <= times else reply

    return decide


def instead(name: str, reply: Reply) -> Decide:
    """Return what answers the calls of this name itself."""
    return lambda call, forward: reply if call.name == name else forward()


@dataclass
class Spoiling:
    """Spoils the nth reply of a name, or all from it on. struck: how often it did; exchanges: what passed by."""

    name: str
    nth: int
    how: Spoil
    every: bool = False
    struck: int = 0
    exchanges: list[Exchange] = field(default_factory=list)

    def __call__(self, call: Call, forward: Callable[[], Reply]) -> Reply:
        """Return what arrives."""
        exchange = Exchange(call, forward())
        self.exchanges.append(exchange)
        if call.name != self.name or not (call.nth >= self.nth if self.every else call.nth == self.nth):
            return exchange.reply
        self.struck += 1
        return self.how(exchange)


class Watched(Wire):
    """A proxy that knows AWS's calls, and remembers them.

    decide: gets each call and a way to forward it, and returns what arrives: None drops the connection. about: what the
    command is about; a change that does not name it is of others.
    """

    def __init__(self, endpoint: str, decide: Decide = pass_on, *, host: str = "", about: str = "") -> None:
        self.calls: list[Call] = []
        self.decide = decide
        self._about = re.compile(re.escape(about) + r"(?![\w]|-\d)")
        super().__init__(endpoint, host=host)

    def count(self, name: str) -> int:
        """Return how often a call was made."""
        return sum(call.name == name for call in self.calls)

    @contextlib.contextmanager
    def spoiling(self, name: str, nth: int, how: Spoil, *, every: bool = False) -> Iterator[Spoiling]:
        """Spoil replies; calls count from here."""
        with self.lock:
            self.calls.clear()
            self.decide = order = Spoiling(name, nth, how, every)
        try:
            yield order
        finally:
            self.decide = pass_on

    def answer(self, request: Request) -> Reply | None:
        """Return what arrives, None for nothing."""
        name = name_of(request)
        if name is None:
            return self.forward(request)
        if Call(name, 1).is_change and not self._about.search(f"{request.target} {request.body!r}"):
            name += _OTHERS
        call, decide = self._note(name, request.headers.get("X-Amz-Date", ""))
        return decide(call, lambda: self.forward(request))

    def _note(self, name: str, signed: str) -> tuple[Call, Decide]:
        """Return a call in its place among the others, and what decides about it now."""
        with self.lock:
            after = next((str(one) for one in reversed(self.calls) if one.is_change), "")
            before = [one for one in self.calls if one.name == name]
            call = Call(name, 1 + len(before), after, 1 + sum(one.after == after for one in before), signed)
            self.calls.append(call)
            return call, self.decide


class Assassin:
    """Sends a signal to a process at one call, before it is passed on or before its reply is."""

    def __init__(self, call: Call, when: str, sign: int = signal.SIGKILL) -> None:
        self._call, self._when, self._sign = call, when, sign
        self.pid = 0
        self.fired = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, call: Call, forward: Callable[[], Reply]) -> Reply | None:
        """Fire where it is time; a killed process gets no reply, a frozen one only after `go_on`."""
        if self.fired.is_set() or not call.is_same(self._call):
            return forward()
        if self._when == "sent":
            return forward() if self._fire() else None
        reply = forward()
        return reply if self._fire() else None

    def _fire(self) -> bool:
        os.kill(self.pid, self._sign)
        self.fired.set()
        return self._sign != signal.SIGKILL and self.go_on.wait()


Fault = Mapping[str, Any] | Spoil


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
            spoiling = Spoiling(call.name, call.nth, fault, every)
            self.behind.calls.clear()
            self.behind.decide = spoiling
            return lambda: spoiling.struck
        self.behind.decide = pass_on
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

    def __init__(self, endpoint: str) -> None:
        self.answers: dict[str, tuple[int, str] | None] = {}
        self.asked, self.services = 0, ("ec2",)
        super().__init__(endpoint)

    def answer(self, request: Request) -> Reply | None:
        """Return what arrives, None for nothing."""
        scope = _SCOPE.search(request.headers.get("Authorization", ""))
        if scope is None or scope[2] not in self.services or scope[1] not in self.answers:
            return super().answer(request)
        self.asked += 1
        answer = self.answers[scope[1]]
        return None if answer is None else ec2_error(answer[1], "not here", answer[0])
