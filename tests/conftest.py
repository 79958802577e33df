"""What every test may ask for: a sandbox of its own worker, the program run in this process, a foreign client."""

import functools
import io
import json
import os
import re
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.loaders import JSONFileLoader
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from fast_models import share_methods
from handrail import settings
from handrail.clock import Clock, SystemClock
from handrail.core.ownership import LEDGER_TABLE
from handrail.core.plan import Listener
from handrail.doors.cli import run_program
from handrail.doors.request import Surroundings
from handrail.files import find_folders
from handrail.ledger.record import OPEN
from handrail.sandbox import launcher
from handrail.session import Door, Session
from processes import keep_alive, nobody_left
from stage import Quiet

hypothesis_settings.register_profile(
    "handrail", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
hypothesis_settings.load_profile("handrail")

# A shell that runs the tests in the background has them ignore Ctrl-C, and their programs would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# botocore parses megabytes of JSON for every client; the many short runs of one test process share them.
JSONFileLoader.load_file = functools.lru_cache(maxsize=None)(JSONFileLoader.load_file)
share_methods()

FAST = {
    "HANDRAIL_SANDBOX_PENDING": "0.05",
    "HANDRAIL_SANDBOX_STOPPING": "0.05",
    "HANDRAIL_SANDBOX_LAG": "0",
    "HANDRAIL_SANDBOX_IDLE": "600",
}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


class Hesitant(Terminal):
    """Somebody at a terminal, and what happens between a question and their answer."""

    def __init__(self, answer: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(answer)
        self._meanwhile = meanwhile

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # of bytes, where a stream is of any kind
        """Return the answer, once it has happened."""
        self._meanwhile()
        return super().readline(size)


@dataclass(frozen=True)
class Done:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return stdout as JSON."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """Return stdout and stderr, what differs from run to run replaced."""
        return normal(self.out + self.err)

    @property
    def error(self) -> dict[str, Any]:
        """Return the error object of stderr, its last line."""
        found: dict[str, Any] = json.loads(self.err.strip().splitlines()[-1])["error"]
        return found


_CHANGING = (
    (r"\bi-[0-9a-f]{17}\b", "i-ID"),
    (r"\bami-[0-9a-f]{17}\b", "ami-ID"),
    (r"\b(subnet|vpc|sg|vol)-[0-9a-f]{8,17}\b", r"\1-ID"),
    (r"\b\d{1,3}(\.\d{1,3}){3}\b", "IP"),
    (r"\b\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2} UTC)?", "DATE"),
    (r"\b[0-9a-z]{26}\b", "REQUEST"),
    (r"\b\d+ s\b", "AGE"),
    (r"\b(dev-[0-9])-[a-z]{4}\b", r"\1-abcd"),
    (r"[ \t]+", " "),
    (r" \n", "\n"),
)


def normal(text: str) -> str:
    """Return a transcript without what differs from run to run: ids, addresses, times, and how wide columns are."""
    for pattern, word in _CHANGING:
        text = re.sub(pattern, word, text)
    return text


class QuickClock(SystemClock):
    """A clock on which waiting is a twentieth as long as it says."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def monotonic(self) -> float:
        """Return seconds, those that were skipped included."""
        return super().monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        """Wait a little, and count all of it."""
        self._ahead += seconds * 0.95
        super().sleep(seconds * 0.05)


class Handrail:
    """The program, run in this process: the real entry point, streams of our own."""

    def __init__(
        self, environ: Mapping[str, str], cwd: Path, clock: Callable[[], Clock] = QuickClock, stdin: bytes = b""
    ) -> None:
        self.environ, self.cwd, self.clock, self.stdin = dict(environ), cwd, clock, stdin

    def __call__(self, *argv: str, answers: str | Terminal | None = None, **environ: str) -> Done:
        """Run a command line. answers: what a person types at a terminal, or the terminal; None: there is none."""
        out, err = io.StringIO(), (io.StringIO() if answers is None else Terminal())
        typed = Terminal(answers) if isinstance(answers, str) else answers
        stdin = io.TextIOWrapper(io.BytesIO(self.stdin)) if typed is None else typed
        around = Surroundings(stdin, out, err, {**self.environ, **environ}, self.cwd, self.clock())
        code = run_program([str(word) for word in argv], around)
        return Done(code, out.getvalue(), err.getvalue())

    def ok(self, *argv: str, **rest: Any) -> Done:
        """Run a command line that must succeed."""
        done = self(*argv, **rest)
        assert done.code == 0, f"{' '.join(argv)}: exit {done.code}\n{done.out}\n{done.err}"
        return done

    def json(self, *argv: str, **rest: Any) -> Any:
        """Run a command line that must succeed and return its JSON."""
        return self.ok(*argv, "-o", "json", **rest).json

    def session(self, listener: Listener, *, door: Door | None = None, **environ: str) -> Session:
        """Return what one command on the sandbox runs in."""
        around = {**self.environ, **environ}
        folders = find_folders(around)
        said = settings.load({"target": "sandbox"}, around, self.cwd, folders)
        return Session(said, around, self.cwd, folders, listener, self.clock(), door)

    def owner(self, name: str) -> "Handrail":
        """Return the program as another person of the same sandbox runs it."""
        return Handrail({**self.environ, "USER": name, "LOGNAME": name}, self.cwd, self.clock)

    def on(self, clock: Callable[[], Clock]) -> "Handrail":
        """Return the program as it runs by another clock."""
        return Handrail(self.environ, self.cwd, clock)

    def piped(self, data: bytes) -> "Handrail":
        """Return the program as it runs where this comes over standard input."""
        return Handrail(self.environ, self.cwd, self.clock, data)


@functools.lru_cache(maxsize=64)
def _client(state_dir: Path, endpoint: str, service: str, region: str, owner: str) -> Any:
    keys = launcher.keys_for(state_dir, owner)
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox and the ways into it that are not Handrail's."""

    state_dir: Path
    environ: Mapping[str, str]
    running: Any

    def client(self, service: str, region: str = "us-east-1", owner: str = "stranger") -> Any:
        """Return a boto3 client of somebody else, the same one every time."""
        return _client(self.state_dir, self.running.endpoint, service, region, owner)

    def instances(self, region: str = "us-east-1", **filters: str) -> dict[str, dict[str, Any]]:
        """Return every instance by id as a foreign client sees it; filters: state="running", Name=…"""
        names = {"state": "instance-state-name"}
        asked = [{"Name": names.get(key, f"tag:{key}"), "Values": value.split(",")} for key, value in filters.items()]
        pages = self.client("ec2", region).get_paginator("describe_instances").paginate(Filters=asked)
        return {one["InstanceId"]: one for page in pages for row in page["Reservations"] for one in row["Instances"]}

    def launch(self, name: str = "theirs", region: str = "us-east-1", **tags: str) -> str:
        """Launch an instance as a stranger, with these tags, and return its id once it runs."""
        ec2 = self.client("ec2", region)
        image = ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"][0]["ImageId"]
        marks = [{"Key": key, "Value": value} for key, value in {"Name": name, **tags}.items()]
        made = ec2.run_instances(
            ImageId=image,
            InstanceType="t3.nano",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": marks}],
        )
        id: str = made["Instances"][0]["InstanceId"]
        ec2.get_waiter("instance_running").wait(InstanceIds=[id], WaiterConfig={"Delay": 1})
        return id

    def forget_what_is_open(self) -> None:
        """Take what was cut off out of the ledger, if there is one: the next command would settle it, and say so."""
        table = self.client("dynamodb")
        try:
            rows = table.query(
                TableName=LEDGER_TABLE,
                KeyConditionExpression="pk = :open",
                ExpressionAttributeValues={":open": {"S": OPEN}},
            )["Items"]
        except table.exceptions.ResourceNotFoundException:
            return
        for row in rows:
            table.delete_item(TableName=LEDGER_TABLE, Key={"pk": row["pk"], "sk": row["sk"]})

    def writes(self, *, but: tuple[str, ...] = ("dynamodb",)) -> list[tuple[int, str]]:
        """Return the log of what was changed, without Handrail's own ledger."""
        return [
            (one.n, f"{one.service}:{one.action}")
            for one in launcher.read_log(self.state_dir)
            if one.service not in but
        ]


def start_sandbox(folder: Path, **environ: str) -> Sandbox:
    """Start a sandbox in a folder, quick states unless told otherwise."""
    around = {**os.environ, **FAST, **environ, "HANDRAIL_STATE_DIR": str(folder)}
    running = launcher.ensure(folder, around)
    keep_alive(folder)
    return Sandbox(folder, around, running)


@pytest.fixture(scope="session", autouse=True)
def _nobody_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with nobody_left(tmp_path_factory.getbasetemp()):
        yield


@pytest.fixture(scope="session")
def worker_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return the sandbox of this test process. Its account is shared: take a region or an owner of your own."""
    sandbox = start_sandbox(tmp_path_factory.mktemp("sandbox") / "state")
    yield sandbox
    launcher.stop(sandbox.state_dir)


@pytest.fixture
def sandbox(worker_sandbox: Sandbox) -> Sandbox:
    """Return an empty account: everything that runs is terminated before."""
    _empty(worker_sandbox)
    return worker_sandbox


def _empty(sandbox: Sandbox) -> None:
    for region in ("us-east-1", "eu-west-1"):
        ec2 = sandbox.client("ec2", region)
        live = [
            one["InstanceId"]
            for page in ec2.describe_instances(
                Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
            )["Reservations"]
            for one in page["Instances"]
        ]
        for id in live:
            ec2.modify_instance_attribute(InstanceId=id, DisableApiTermination={"Value": False})
        if live:
            ec2.terminate_instances(InstanceIds=live)
    sandbox.forget_what_is_open()


def clean_environ(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a person who has nothing set up."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "USER": "dev-1", "LOGNAME": "dev-1", **more}


@pytest.fixture
def handrail(sandbox: Sandbox, tmp_path: Path) -> Handrail:
    """Return the program, its sandbox ready, in an empty folder with an empty home, as dev-1."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    return Handrail({**FAST, **clean_environ(home), "HANDRAIL_STATE_DIR": str(sandbox.state_dir)}, work)


@pytest.fixture
def session(handrail: Handrail) -> Session:
    """Return what a command of dev-1 runs in, beside those that `handrail` runs."""
    return handrail.session(Quiet())


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Return a maker of names that nothing else has."""
    return lambda prefix: f"{prefix}-{uuid.uuid4().hex[:6]}"
