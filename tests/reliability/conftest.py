"""What the reliability tests share: a sandbox with short lives, microburst before it, and a stranger who judges."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

from conftest import FAST, Done, Handrail, Sandbox, clean_environ, start_sandbox
from fast_models import hurry_retries, share_models
from handrail.core.ownership import ownership_tags
from handrail.sandbox import launcher
from ledger.crowd import Crowd
from ledger.proxies import Call, Microburst, Watched
from patience import wait_until

from .strikes import Striker

# A round of cells is disturbed before the first runs out, and a signed request arrives on a slow machine too.
LIFE, WORK, VISIBILITY, SKEW = 12, 34, 1, 1
SETTLED_AFTER = LIFE + WORK + SKEW + VISIBILITY + 2.0
GIVEN_UP_AFTER = 10 * SETTLED_AFTER  # what is not settled by then never is
TIMES = {
    "HANDRAIL_LEASE_L": str(LIFE),
    "HANDRAIL_LEASE_W": str(WORK),
    "HANDRAIL_LEASE_V": str(VISIBILITY),
    "HANDRAIL_LEASE_E": str(SKEW),
    "HANDRAIL_SANDBOX_PENDING": "0",
    "HANDRAIL_SANDBOX_STOPPING": "0",
}
LIVE = ("pending", "running", "stopping", "stopped")


@dataclass(frozen=True)
class Ground:
    """A sandbox, the program in front of it, and a policy with room for all cells of a test."""

    sandbox: Sandbox
    handrail: Handrail
    folder: Path

    def limit(self, places: int) -> None:
        """Set the cap."""
        (self.folder / "policy.toml").write_text(f'preset = "strict"\n[ec2]\nmax_running = {places}\n')

    def record_calls(self, argv: Sequence[str], about: str, code: int | None = 0) -> list[Call]:
        """Return the calls of a command line about something. code: how it must end, None is in any way."""
        with Watched(self.sandbox.running.endpoint, about=about) as proxy:
            done = self.handrail(*argv, AWS_ENDPOINT_URL=proxy.endpoint)
        assert code in (None, done.code), f"{argv}: {ended(done)}"
        return proxy.calls

    def instances(self, **filters: list[str]) -> list[dict[str, Any]]:
        """Return the instances that a stranger sees: `client_token=[…]` and so on."""
        ec2 = self.sandbox.client("ec2")
        asked = [{"Name": name.replace("_", "-"), "Values": values} for name, values in filters.items()]
        pages = ec2.get_paginator("describe_instances").paginate(Filters=asked)
        return [one for page in pages for group in page["Reservations"] for one in group["Instances"]]

    def state_of(self, id: str) -> str:
        """Return the state of an instance as a stranger sees it."""
        return str(self.instances(instance_id=[id])[0]["State"]["Name"])

    def live(self) -> list[dict[str, Any]]:
        """Return the instances that are not gone."""
        return self.instances(instance_state_name=list(LIVE))

    def make(self, count: int, state: str) -> list[str]:
        """Make instances of dev-1 as Handrail would, by one call each and without places; return their ids."""
        ec2 = self.sandbox.client("ec2", owner="dev-1")
        image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        made = []
        for _ in range(count):
            request = f"made-{time.monotonic_ns()}"
            tags = [{"Key": key, "Value": value} for key, value in ownership_tags("dev-1", request).items()]
            reply = ec2.run_instances(
                ImageId=image,
                InstanceType="t3.nano",
                MinCount=1,
                MaxCount=1,
                ClientToken=f"hr-{request}",
                TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
            )
            made.append(reply["Instances"][0]["InstanceId"])
        if state == "stopped":
            time.sleep(0.2)
            ec2.stop_instances(InstanceIds=made)
        return made

    def places(self) -> list[dict[str, Any]]:
        """Settle what has run out, and return the places as `lease list` shows them."""
        found: list[dict[str, Any]] = self.handrail.json("lease", "list")
        return found

    def check_places(self) -> None:
        """Assert that whatever runs has its place at any time, and that in the end every place is held."""
        wait_until(self._are_held, "every place is held", pause=1.0, seconds=GIVEN_UP_AFTER)

    def _are_held(self) -> bool:
        running = {one["InstanceId"] for one in self.instances(instance_state_name=["pending", "running"])}
        places = self.places()
        orphans = running - {row["instance"] for row in places if row["key"] is not None}
        assert not orphans, f"running without a place: {orphans}"
        return {row["state"] for row in places} <= {"held"}

    def story(self, **match: str) -> list[dict[str, Any]]:
        """Return the rows of the record in which every one of these values stands."""
        rows = self.handrail.json("audit", "list")
        return [row for row in rows if all(str(row[key]) == value for key, value in match.items())]

    def settle_due(self, opened: list[float]) -> None:
        """Settle what has run out or will in seconds: else the next cell's command would, and make other calls.

        opened: when the cells that are left to later commands ended (monotonic), oldest first; those settled go.
        """
        if opened and opened[0] + SETTLED_AFTER - 8.0 < time.monotonic():
            self.let_run_out(opened[0])
            while opened and opened[0] + SETTLED_AFTER <= time.monotonic():
                opened.pop(0)
            self.handrail.ok("ec2", "create", "--name", f"settler-{time.monotonic_ns()}", "--no-wait")

    def sweep(self) -> None:
        """Let later commands settle whatever is open still: each takes some of it, once its time has run out."""
        wait_until(self._is_settled, "nothing is open on record", pause=2.0, seconds=GIVEN_UP_AFTER)

    def _is_settled(self) -> bool:
        if self.story(result="open"):
            self.handrail.ok("ec2", "create", "--name", f"sweep-{time.monotonic_ns()}", "--no-wait")
        return not self.story(result="open")

    def clear(self) -> None:
        """End everything that lives."""
        ids = [one["InstanceId"] for one in self.live()]
        if ids:
            self.sandbox.client("ec2").terminate_instances(InstanceIds=ids)

    def let_run_out(self, since: float) -> None:
        """Wait until every place that was taken by a moment (monotonic) has run out and every look counts."""
        time.sleep(max(0.0, since + SETTLED_AFTER - time.monotonic()))


@pytest.fixture(scope="session", autouse=True)
def _shared_models() -> None:
    share_models(JSONFileLoader)
    hurry_retries()


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Return a sandbox with short lives, and the program set up on it as dev-1."""
    folder = tmp_path_factory.mktemp("ground")
    sandbox = start_sandbox(folder / "state", **TIMES)
    (folder / "home").mkdir()
    environ: Mapping[str, str] = {
        **FAST,
        **TIMES,
        **clean_environ(folder / "home"),
        "HANDRAIL_STATE_DIR": str(sandbox.state_dir),
        "HANDRAIL_TARGET": "sandbox",
        "HANDRAIL_POLICY": str(folder / "policy.toml"),
    }
    ground = Ground(sandbox, Handrail(environ, folder), folder)
    ground.limit(1000)
    ground.handrail.ok("ec2", "create", "--name", "first")
    yield ground
    launcher.stop(sandbox.state_dir)


@pytest.fixture(scope="module")
def microburst(ground: Ground) -> Iterator[Microburst]:
    """Return microburst in front of the sandbox."""
    burst = Microburst(ground.sandbox.running.endpoint)
    yield burst
    burst.close()


@pytest.fixture(scope="module")
def crowd(ground: Ground) -> Iterator[Crowd]:
    """Return a maker of processes."""
    crowd = Crowd(ground.folder)
    yield crowd
    crowd.close()


@pytest.fixture
def strike(ground: Ground, crowd: Crowd) -> Iterator[Striker]:
    """Return what kills or freezes a process at a call; what a test leaves is killed."""
    striker = Striker(crowd, ground.sandbox.running.endpoint, ground.handrail.environ)
    yield striker
    striker.close()


def ended(done: Done) -> str:
    """Return an error of a command in one line, for a message of a test."""
    return f"exit {done.code}: {done.err[-600:]}"
