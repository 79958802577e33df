"""A reply that is cut after the effect: whatever is tried again, there is one instance."""

from conftest import Handrail, Sandbox
from ledger.proxies import Watched, lose


def behind(handrail: Handrail, endpoint: str) -> Handrail:
    """Return the program as it speaks to the sandbox through a proxy."""
    return Handrail(
        {**handrail.environ, "HANDRAIL_TARGET": "sandbox", "AWS_ENDPOINT_URL": endpoint}, handrail.cwd, handrail.clock
    )


def test_botocore_tries_again_and_one_instance_is_made(handrail: Handrail, sandbox: Sandbox) -> None:
    with Watched(sandbox.running.endpoint, lose("ec2:RunInstances")) as proxy:
        made = behind(handrail, proxy.endpoint).json("ec2", "create", "--name", "web")
        assert proxy.count("ec2:RunInstances") == 2
    assert made["status"] == "succeeded"
    assert list(sandbox.instances(state="pending,running")) == [made["id"]]


def test_retries_are_told_with_v(handrail: Handrail, sandbox: Sandbox) -> None:
    with Watched(sandbox.running.endpoint, lose("ec2:RunInstances")) as proxy:
        done = behind(handrail, proxy.endpoint).ok("ec2", "create", "-v")
    assert "ec2:RunInstances" in done.err
    assert "2 attempts" in done.err


def test_a_request_whose_outcome_is_unknown_is_finished_by_its_id(handrail: Handrail, sandbox: Sandbox) -> None:
    with Watched(sandbox.running.endpoint, lose("ec2:RunInstances", 9)) as proxy:
        lost = behind(handrail, proxy.endpoint)("ec2", "create", "--name", "web", "-o", "json")
    assert lost.code == 1
    request = lost.error["details"]["request"]
    assert lost.error["hint"] == f"repeat the command with --request-id {request}"
    again = handrail.json("ec2", "create", "--name", "web", "--request-id", request)
    assert list(sandbox.instances(state="pending,running")) == [again["id"]]


def test_a_cut_stop_is_repeated_safely(handrail: Handrail, sandbox: Sandbox) -> None:
    handrail.ok("ec2", "create", "--name", "web")
    with Watched(sandbox.running.endpoint, lose("ec2:StopInstances")) as proxy:
        stopped = behind(handrail, proxy.endpoint).json("ec2", "stop", "web")[0]
    assert stopped["current"]["state"] == "stopped"
