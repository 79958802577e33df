"""The fence on the signed request: asked at every attempt, told of what is definite only."""

import http.server
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fast_models import hurry_retries
from handrail.aws.acting import is_definite
from handrail.aws.fencing import Deadline, HeldUp, before_send, fenced, signed_at
from handrail.aws.retries import RetryBudget
from handrail.core.errors import HandrailError
from handrail.ledger.fence import Fence, FenceClosed
from handrail.ledger.places import Times

TIMES = Times()


class Ec2Answers(http.server.BaseHTTPRequestHandler):
    """Answers StartInstances with the statuses of a list, one by one: 0 cuts the connection, 200 is cut XML."""

    statuses: list[tuple[int, str]] = []
    seen: list[str] = []

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(self.headers["X-Amz-Date"])
        status, code = self.statuses.pop(0)
        if status == 0:
            return
        body = f"<Response><Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors></Response>"
        if status == 200:
            body = "<StartInstancesResponse><instancesSet/></StartInstancesResponse>" if not code else "<cut"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def client() -> Iterator[Any]:
    hurry_retries()
    server = http.server.HTTPServer(("127.0.0.1", 0), Ec2Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    found = session.create_client(
        "ec2",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}, proxies={}),
    )
    found.meta.events.register("before-send", lambda request, **_: before_send(request))
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def fence(until: int = 2**40) -> Fence:
    """Return a fence that is open for long."""
    return Fence(until, TIMES)


def start(client: Any, gate: Fence | None, *statuses: tuple[int, str]) -> Exception | None:
    """Make the call under a fence against these answers, and return its error."""
    Ec2Answers.statuses, Ec2Answers.seen = list(statuses), []
    try:
        with fenced(gate):
            client.start_instances(InstanceIds=["i-1"])
    except Exception as error:
        return error
    return None


def seen_at(number: int) -> float:
    """Return when a request was signed that came."""
    return signed_at(SimpleNamespace(headers={"X-Amz-Date": Ec2Answers.seen[number]}))


def test_an_answer_closes_the_attempt(client: Any) -> None:
    gate = fence()
    assert start(client, gate, (200, "")) is None
    assert (gate.attempts, gate.open_until) == (1, None)


def test_that_there_is_no_room_is_an_answer_though_it_comes_at_5xx_and_is_not_asked_again(client: Any) -> None:
    RetryBudget().govern(client, 3)
    gate = fence()
    assert isinstance(start(client, gate, (500, "InsufficientInstanceCapacity"), (200, "")), ClientError)
    assert (gate.attempts, gate.open_until) == (1, None)
    assert start(client, gate, (500, "InternalError"), (200, "")) is None


@pytest.mark.parametrize("code", ["IncorrectInstanceState", "RequestExpired", "UnauthorizedOperation"])
def test_a_definite_refusal_closes_the_attempt(client: Any, code: str) -> None:
    gate = fence()
    assert isinstance(start(client, gate, (400, code)), ClientError)
    assert (gate.attempts, gate.open_until) == (1, None)


@pytest.mark.parametrize(
    ("answers", "attempts"),
    [
        ([(0, "")] * 3, 3),
        ([(500, "InternalError")] * 3, 3),
        ([(503, "RequestLimitExceeded")] * 3, 3),
        ([(400, "Throttling")] * 3, 3),
        ([(400, "RequestTimeout")] * 3, 3),
        ([(408, "Slow")], 1),
        ([(200, "cut")], 1),
    ],
)
def test_whatever_is_not_definite_stays_open(client: Any, answers: list[tuple[int, str]], attempts: int) -> None:
    gate = fence()
    assert start(client, gate, *answers) is not None
    assert gate.attempts == len(Ec2Answers.seen) == attempts
    assert gate.open_until == TIMES.end_of(seen_at(-1))


def test_an_unanswered_attempt_stays_open_behind_an_answered_one(client: Any) -> None:
    gate = fence()
    assert start(client, gate, (0, ""), (200, "")) is None
    assert gate.attempts == len(Ec2Answers.seen) == 2
    assert gate.open_until == TIMES.end_of(seen_at(0))


def test_a_shut_fence_sends_nothing_and_is_not_asked_again(client: Any) -> None:
    gate = fence(until=5)
    assert isinstance(start(client, gate, (200, "")), FenceClosed)
    assert (gate.attempts, gate.open_until, Ec2Answers.seen) == (0, None, [])


def test_a_fence_that_shuts_between_two_attempts(client: Any) -> None:
    gate = fence()

    class Shutting:
        """Lets one attempt through."""

        def before_send(self, date: float) -> None:
            if gate.attempts:
                raise FenceClosed(1)
            gate.before_send(date)

        def answered(self) -> None:
            gate.answered()

        def carried_out(self) -> None:
            gate.carried_out()

    Ec2Answers.statuses, Ec2Answers.seen = [(0, ""), (200, "")], []
    with pytest.raises(FenceClosed), fenced(Shutting()):
        client.start_instances(InstanceIds=["i-1"])
    assert len(Ec2Answers.seen) == 1
    assert gate.open_until is not None


def test_without_a_fence_everything_passes(client: Any) -> None:
    assert start(client, None, (200, "")) is None
    assert isinstance(start(client, None, (400, "IncorrectInstanceState")), ClientError)


def test_an_error_of_our_own_is_no_answer() -> None:
    gate = fence()

    def fail() -> None:
        with fenced(gate):
            gate.before_send(0)
            raise HandrailError("ours")

    with pytest.raises(HandrailError):
        fail()
    assert gate.open_until is not None


DATE = "20261122T205500Z"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"X-Amz-Date": DATE}, ""),
        ({"X-Amz-Date": DATE.encode()}, ""),
        ({}, f"?Action=StopInstances&X-Amz-Date={DATE}"),
        ({"Date": "Sun, 22 Nov 2026 20:55:00 GMT"}, ""),
        ({"Date": b"Sun, 22 Nov 2026 20:55:00 GMT"}, "?X-Amz-Expires=60"),
    ],
)
def test_the_date_of_a_signature(headers: dict[str, Any], query: str) -> None:
    assert signed_at(SimpleNamespace(headers=headers, url=f"https://ec2.example/{query}")) == 1795380900


def test_what_says_no_date_is_signed_now() -> None:
    before = time.time()
    assert before <= signed_at(SimpleNamespace(headers={}, url="https://sts.example/")) <= time.time()


def request(signed: str = "20261122T205501Z") -> Any:
    """Return a signed request, whose body nobody may read."""
    return SimpleNamespace(headers={"X-Amz-Date": signed}, url="https://aws.example/")


def test_a_reply_that_was_read_frees_nothing_whatever_comes_after(client: Any) -> None:
    gate = fence()
    assert start(client, gate, (200, "")) is None
    assert gate.took_effect


@pytest.mark.parametrize("error", [KeyError("Instances"), KeyboardInterrupt(), MemoryError()])
def test_a_reply_that_was_not_read_leaves_the_attempt_open(error: BaseException) -> None:
    gate = fence()

    def fail() -> None:
        with fenced(gate):
            gate.before_send(0)
            raise error

    with pytest.raises(type(error)):
        fail()
    assert gate.open_until is not None


@pytest.mark.parametrize(
    ("what", "service", "operation", "sent"),
    [
        (request(), "ec2", "StopInstances", False),
        (request(), "ec2", "DescribeInstances", True),
        (request("20261122T205459Z"), "ec2", "StopInstances", True),
        (request(), "s3", "PutObject", False),
        (request(), "s3", "HeadBucket", True),
        (request(), "s3-control", "PutPublicAccessBlock", False),
        (request(), "route-53", "ListHostedZones", True),
        (request(), "route-53", "ChangeResourceRecordSets", False),
        (request(), "sqs", "ListQueues", False),  # a service that is not known: everything is a change
        (request(), "s3", "SelectObjectContent", False),
        (request(), "dynamodb", "PutItem", True),  # the ledger's has rules of its own
    ],
)
def test_a_command_that_was_held_up_changes_nothing_any_more(
    what: Any, service: str, operation: str, sent: bool
) -> None:
    deadline = Deadline()
    deadline.before_send(what, service, operation)
    deadline.until = 1795380900
    if sent:
        deadline.before_send(what, service, operation)
        return
    assert deadline.sent == 1
    with pytest.raises(HeldUp, match="was held up, and is 1 s too late"):
        deadline.before_send(what, service, operation)
    assert deadline.sent == 1, "what was held back is not sent"


@pytest.mark.parametrize(
    ("status", "code", "definite"),
    [
        (400, "TagLimitExceeded", True),
        (405, "MethodNotAllowed", True),
        (501, "NotImplemented", True),
        (403, "AccessDenied", True),
        (500, "InsufficientInstanceCapacity", True),
        (500, "InternalError", False),
        (503, "SlowDown", False),
        (400, "Throttling", False),
        (400, "RequestTimeout", False),
        (408, "Late", False),
        (429, "Busy", False),
        (403, "403", False),  # no code of AWS's: something in between
        (400, "Unknown", False),
        (400, "", False),
        (200, "", False),
    ],
)
def test_what_is_a_definite_refusal(status: int, code: str, definite: bool) -> None:
    assert is_definite({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}) is definite


def test_no_answer_is_no_refusal() -> None:
    assert not is_definite({})
