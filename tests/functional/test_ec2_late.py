"""What was just made and Describe does not show yet: looked for again, then said; nobody else waits for it."""

from collections.abc import Iterator

import pytest

from conftest import Handrail, Sandbox, start_sandbox
from handrail.clock import SystemClock
from handrail.sandbox import launcher


@pytest.fixture(scope="module")
def worker_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return a sandbox of this module whose Describe is late, always by the same."""
    late = {"HANDRAIL_SANDBOX_LAG": "8", "HANDRAIL_SANDBOX_LAG_FIXED": "1", "HANDRAIL_LEASE_V": "9"}
    sandbox = start_sandbox(tmp_path_factory.mktemp("late") / "state", **late)
    yield sandbox
    launcher.stop(sandbox.state_dir)


def test_it_is_looked_for_until_aws_shows_it(handrail: Handrail) -> None:
    patient = handrail.on(SystemClock)
    made = patient.json("ec2", "create", "--name", "web", "--no-wait")
    shown = patient.ok("ec2", "show", "web", "-v", "-o", "json")
    assert shown.json["id"] == made["id"]
    assert "web: just made, not visible yet 0 s" in shown.err
    assert patient.json("ec2", "stop", made["id"])[0]["current"]["state"] == "stopped"


def test_where_it_takes_longer_that_is_said(handrail: Handrail, sandbox: Sandbox) -> None:
    """The program's clock goes faster than the server's, so that AWS shows it later than it may."""
    made = handrail.json("ec2", "create", "--name", "api", "--no-wait")
    done = handrail("ec2", "show", "api", "-o", "json")
    assert (done.code, done.error["code"]) == (1, "not_visible_yet"), done
    assert done.error["message"] == "api was just made, and AWS does not show it yet."
    assert done.error["hint"] == "repeat the command in a moment"
    assert done.error["details"]["id"] == made["id"]
    both = handrail("ec2", "stop", made["id"], "nope", "-o", "json")
    assert [row["error"]["code"] for row in both.json] == ["not_visible_yet", "not_found"]


def test_nobody_waits_for_what_was_never_made_or_is_elsewhere(handrail: Handrail) -> None:
    handrail.ok("ec2", "create", "--name", "far", "--region", "eu-west-1", "--no-wait")
    for region in ((), ("--region", "eu-west-1")):
        unknown = handrail("ec2", "show", "nope", "-v", *region)
        assert (unknown.code, "not visible yet" in unknown.err) == (4, False)
    elsewhere = handrail("ec2", "show", "far", "-v")
    assert (elsewhere.code, "not visible yet" in elsewhere.err) == (4, False)
