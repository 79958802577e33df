"""The cap, by many processes let go at one moment, on an empty account, judged by a foreign client.

HANDRAIL_ROUNDS says how many rounds of fifty (3 by default).
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import FAST, Done, Handrail, Sandbox, clean_environ, start_sandbox
from handrail.sandbox import launcher
from ledger.crowd import Crowd
from ledger.proxies import Microburst
from reliability.page import check_table

CROWD = 50
ROUNDS = int(os.environ.get("HANDRAIL_ROUNDS", "3"))
REGIONS = ("us-east-1", "eu-west-1")
pytestmark = pytest.mark.xdist_group("crowd")  # the last of them looks at what all have told
LIVES = 60 + 30 + 1 + 2 + 2.0  # L + W + E + V of the sandbox, and whole seconds
VISIBLE_AFTER = 3.2  # the sandbox's V of 2 s, and the whole second of the Date header


class Account:
    """An account of the sandbox that starts empty, and a crowd of owners."""

    def __init__(self, folder: Path) -> None:
        self.sandbox: Sandbox = start_sandbox(
            folder / "state", HANDRAIL_SANDBOX_PENDING="0", HANDRAIL_SANDBOX_STOPPING="0"
        )
        self.folder = folder
        (folder / "home").mkdir()
        self.crowd = Crowd(folder)

    def environ(self, owner: str, **more: str) -> dict[str, str]:
        """Return the environment of one owner, with credentials of their own."""
        around = clean_environ(self.folder / "home", USER=owner, LOGNAME=owner)
        return {
            **FAST,
            **around,
            "HANDRAIL_STATE_DIR": str(self.sandbox.state_dir),
            "HANDRAIL_TARGET": "sandbox",
            **more,
        }

    def handrail(self, **more: str) -> Handrail:
        """Return the program as the owner of what was there before."""
        return Handrail(self.environ("keeper", **more), self.folder)

    def running(self) -> list[str]:
        """Return what a stranger sees pending or running, in both regions."""
        return [
            one["InstanceId"]
            for region in REGIONS
            for group in self.sandbox.client("ec2", region).describe_instances(
                Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
            )["Reservations"]
            for one in group["Instances"]
        ]

    def clear(self) -> None:
        """End what runs and what is stopped; its places are freed by whoever comes next."""
        for region in REGIONS:
            ec2 = self.sandbox.client("ec2", region)
            live = [
                one["InstanceId"]
                for group in ec2.describe_instances(
                    Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
                )["Reservations"]
                for one in group["Instances"]
            ]
            if live:
                ec2.terminate_instances(InstanceIds=live)

    def places(self) -> list[dict[str, Any]]:
        """Return the places after settling."""
        found: list[dict[str, Any]] = self.handrail().json("lease", "list")
        return found

    def close(self) -> None:
        """End all of it."""
        self.crowd.close()
        launcher.stop(self.sandbox.state_dir)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = Account(tmp_path_factory.mktemp("crowd"))
    yield account
    account.close()


@pytest.fixture(autouse=True)
def _empty(account: Account) -> None:
    account.clear()


def _create(account: Account, number: int, *words: str, **environ: str) -> tuple[list[str], dict[str, str]]:
    return ["ec2", "create", "--name", f"web-{number}", "--no-wait", *words], account.environ(
        f"dev-{number}", **environ
    )


TOLD: dict[tuple[str, str], str] = {}  # what came of each crowd, for docs/reliability.md
HEADING = ("crowd", "done", "refused", "failed", "running then")


def _tell(crowd: str, ended: list[Done], account: Account) -> None:
    """Keep what came of a crowd, as a stranger sees it."""
    codes = Counter(done.code for done in ended)
    figures = (codes[0], codes[3], len(ended) - codes[0] - codes[3], len(account.running()))
    TOLD.update({(crowd, heading): str(figure) for heading, figure in zip(HEADING[1:], figures, strict=True)})


def _two_of(ended: list[Done], account: Account, crowd: str) -> None:
    _tell(crowd, ended, account)
    codes = Counter(done.code for done in ended)
    wrong = [done.err for done in ended if done.code not in (0, 3)]
    assert codes == {0: 2, 3: len(ended) - 2}, (codes, wrong[:2])
    assert len(account.running()) == 2
    assert all("and the policy allows 2" in done.err for done in ended if done.code == 3)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_fifty_creates_make_two(account: Account, number: int) -> None:
    ended = account.crowd.run([_create(account, member) for member in range(CROWD)])
    _two_of(ended, account, "50 creates")
    rows = account.handrail().json("audit", "list")
    results = Counter(row["result"] for row in rows[-CROWD:])
    assert results == {"succeeded": 2, "refused": CROWD - 2}


def test_fifty_in_two_regions_make_two(account: Account) -> None:
    members = [_create(account, number, "--region", REGIONS[number % 2]) for number in range(CROWD)]
    _two_of(account.crowd.run(members), account, "25 creates in each of two regions")


def test_creates_and_starts_share_the_cap(account: Account) -> None:
    (account.folder / "wide.toml").write_text('preset = "strict"\nothers = "allow"\n[ec2]\nmax_running = 100\n')
    wide = account.handrail(HANDRAIL_POLICY=str(account.folder / "wide.toml"))
    stopped = [row["id"] for row in wide.json("ec2", "create", "--name", "old", "--count", str(CROWD // 2))]
    wide.ok("ec2", "stop", *stopped)
    time.sleep(VISIBLE_AFTER)
    assert account.places() == []
    (account.folder / "two.toml").write_text('preset = "strict"\nothers = "allow"\n[ec2]\nmax_running = 2\n')
    policy = {"HANDRAIL_POLICY": str(account.folder / "two.toml")}
    creates = [_create(account, number, **policy) for number in range(CROWD // 2)]
    starts = [
        (["ec2", "start", id, "--no-wait"], account.environ(f"dev-{number}", **policy))
        for number, id in enumerate(stopped)
    ]
    members = creates + starts
    random.Random(5).shuffle(members)
    _two_of(account.crowd.run(members), account, "25 creates and 25 starts")


def test_faults_never_make_a_third(account: Account) -> None:
    """Every tenth reply is lost and every tenth call throttled: at most two run, and each has its place."""
    microburst = Microburst(account.sandbox.running.endpoint)
    rules = microburst.rule(
        {"service": "ec2", "probability": 0.1, "response": {"abort_bytes": 1}},
        {"service": "dynamodb", "probability": 0.1, "response": {"abort_bytes": 1}},
        {"service": "ec2", "probability": 0.1, "error": {"code": "RequestLimitExceeded", "status": 503}},
        {"service": "dynamodb", "probability": 0.1, "error": {"code": "ThrottlingException", "status": 400}},
    )
    ended = account.crowd.run(
        [_create(account, number, AWS_ENDPOINT_URL=microburst.endpoint) for number in range(CROWD)]
    )
    fired = [microburst.fired(rule) for rule in rules]
    microburst.close()
    assert all(fired), f"a fault was never reached: {fired}"
    _settle_all(account)
    running = account.running()
    assert {done.code for done in ended} <= {0, 1, 3}
    assert len(running) <= 2
    assert sum(done.code == 0 for done in ended) <= len(running)
    places = account.places()
    assert set(running) <= {row["instance"] for row in places}
    assert len(places) <= 2


def _settle_all(account: Account) -> None:
    """Wait until nothing of a cut-off create can act any more, and let somebody settle what is left."""
    if any(row["state"] == "reserved" for row in account.places()):
        time.sleep(LIVES)
    account.places()


def test_a_lease_that_is_off_makes_more(account: Account) -> None:
    """The test itself is proved: without the lease the same crowd makes more than two."""
    ended = account.crowd.run([_create(account, number) for number in range(CROWD)], mutant="no-lease")
    assert len(account.running()) > 2
    assert sum(done.code == 0 for done in ended) > 2
    TOLD.update({("50 creates without the lease", heading): "-" for heading in HEADING[1:4]})
    TOLD["50 creates without the lease", HEADING[4]] = "more than 2"


def test_one_principal_from_fifty_processes(account: Account) -> None:
    """Fifty processes of one principal write into one chain: none is lost, and it holds."""
    members = [
        (["ec2", "create", "--name", f"same-{number}", "--no-wait"], account.environ("dev-one"))
        for number in range(CROWD)
    ]
    _two_of(account.crowd.run(members), account, "50 creates of one principal")
    rows = account.handrail().json("audit", "list", "--owner", "dev-one")
    assert Counter(row["result"] for row in rows) == {"succeeded": 2, "refused": CROWD - 2}
    assert account.handrail().json("audit", "verify")["faults"] == []


def test_the_page_tells_it() -> None:
    check_table("fifty at once", HEADING, [(*cell, end) for cell, end in TOLD.items()])
