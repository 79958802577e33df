"""States in between: what a command waits for, and what it says of them where it may not wait."""

from collections.abc import Iterator

import pytest

from conftest import Handrail, Sandbox, start_sandbox
from handrail.sandbox import launcher


@pytest.fixture(scope="module")
def worker_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return a sandbox of this module, in which every change of state takes its time."""
    folder = tmp_path_factory.mktemp("slow") / "state"
    slow = {"HANDRAIL_SANDBOX_PENDING": "4", "HANDRAIL_SANDBOX_STOPPING": "4"}
    sandbox = start_sandbox(folder, **slow)
    yield sandbox
    launcher.stop(sandbox.state_dir)


def test_in_between_is_waited_for_or_said(handrail: Handrail, sandbox: Sandbox) -> None:
    made = handrail.json("ec2", "create", "--name", "web", "--no-wait")
    assert made["current"]["state"] == "pending"
    before = sandbox.writes()
    for verb in ("stop", "reboot"):
        done = handrail("ec2", verb, "web", "--no-wait", "-o", "json")
        assert (done.code, done.json[0]["error"]["code"]) == (5, "wrong_state")
        assert done.json[0]["error"]["message"] == f"web is pending; it can {verb} once it is running."
        assert done.json[0]["error"]["hint"] == "leave --no-wait out, or: handrail ec2 wait web"
    assert sandbox.writes() == before
    assert handrail.json("ec2", "stop", "web")[0]["current"]["state"] == "stopped"
    handrail.ok("ec2", "start", "web")
    assert handrail.json("ec2", "stop", "web", "--no-wait")[0]["current"]["state"] == "stopping"
    before = sandbox.writes()
    done = handrail("ec2", "start", "web", "--no-wait")
    assert (done.code, "error: web is stopping; it can start once it is stopped." in done.err.splitlines()) == (5, True)
    assert sandbox.writes() == before
    assert handrail.json("ec2", "start", "web")[0]["current"]["state"] == "running"


def test_what_is_on_its_way_already_is_only_waited_for(handrail: Handrail, sandbox: Sandbox) -> None:
    handrail.ok("ec2", "create", "--name", "web", "--count", "2")
    handrail.ok("ec2", "stop", "web-1", "--no-wait")
    before = sandbox.writes()
    one = handrail.ok("ec2", "stop", "web-1")
    assert one.out.startswith("web-1 is stopped already · i-")
    assert one.err.startswith("wait until 1 instance is stopped "), one.err
    assert sandbox.writes() == before
    handrail.ok("ec2", "start", "web-1")
    handrail.ok("ec2", "stop", "web-1", "web-2", "--no-wait")
    two = handrail.ok("ec2", "stop", "web-1", "web-2")
    assert two.err.startswith("wait until 2 instances are stopped "), two.err
