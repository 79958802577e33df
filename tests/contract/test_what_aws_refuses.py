"""What AWS says when it refuses and the sandbox can't: real error bodies on the wire, end to end to the message."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from test_cut_reply import behind

from conftest import Handrail, Sandbox, start_sandbox
from handrail.sandbox import launcher
from ledger.proxies import Watched, instead
from wire import ec2_error


@dataclass(frozen=True)
class Case:
    """An error of one call, and what a person gets to read. tries: how often the call is made."""

    code: str
    message: str
    exit: int
    says: tuple[str, ...]
    tries: int = 1
    status: int = 400


CASES = (
    Case(
        "InsufficientInstanceCapacity",
        "We currently do not have sufficient t3.nano capacity in the Availability Zone you requested (us-east-1a).",
        1,
        ("no room for this instance type", "nothing was created", "--subnet in another zone, or another --type"),
        status=500,
    ),
    Case("VPCIdNotSpecified", "No default VPC for this user", 7, ("no default VPC in us-east-1", "--subnet subnet-")),
    Case(
        "VcpuLimitExceeded",
        "You have requested more vCPU capacity than your current vCPU limit of 5 allows.",
        1,
        ("limit of running instances or vCPUs in us-east-1", "servicequotas"),
    ),
    Case("InstanceLimitExceeded", "You have requested more instances (2) than 1.", 1, ("limit of running", "stop an")),
    Case(
        "Unsupported",
        "Your requested instance type (t3.nano) is not supported in your requested Availability Zone (us-east-1e).",
        1,
        ("does not offer this in this zone", "another --type"),
    ),
    Case(
        "UnauthorizedOperation",
        "You are not authorized to perform this operation. User: arn:aws:iam::1:user/dev-1 is not authorized to "
        "perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1:1:instance/* because no identity-based policy "
        "allows the ec2:RunInstances action.",
        7,
        ("may not do ec2:RunInstances", "ask the owner of the account to allow ec2:RunInstances"),
        status=403,
    ),
    Case(
        "OptInRequired", "In order to use this AWS Marketplace product you need to accept terms.", 7, ("not signed up",)
    ),
    Case(
        "IdempotentParameterMismatch",
        "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        5,
        ("used before with other parameters", "another --request-id"),
    ),
    Case("InvalidKeyPair.NotFound", "The key pair 'team' does not exist", 4, ("no key pair team in us-east-1",)),
    Case("InvalidGroup.NotFound", "The security group 'sg-1' does not exist", 4, ("no security group sg-1",)),
    Case("InvalidSecurityGroupID.NotFound", "The security group 'sg-1' does not exist", 4, ("no security group sg-1",)),
    Case(
        "InsufficientFreeAddressesInSubnet",
        "There are not enough free addresses in subnet 'subnet-1' to satisfy the requested number of instances.",
        1,
        ("no free address left", "--subnet subnet-"),
    ),
    Case(
        "InvalidSubnet", "No default subnet for availability zone: 'us-east-1e'.", 4, ("describe-subnets --region us",)
    ),
    Case(
        "MissingInput",
        "No subnets found for the default VPC 'vpc-1'. Please specify a subnet.",
        7,
        ("default VPC of us-east-1 has no subnet", "--subnet subnet-"),
    ),
    Case("InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist", 4, ("no subnet subnet-1",)),
    Case("RequestLimitExceeded", "Request limit exceeded.", 1, ("asks to slow down", "--request-id"), 3, 503),
    Case("InternalError", "An internal error has occurred", 1, ("a fault of its own", "--request-id"), 3, 500),
    Case("SomethingNew", "Nobody has seen this.", 1, ("AWS refused", "Nobody has seen this. (SomethingNew)")),
)


LEFT_OPEN = ("RequestLimitExceeded", "InternalError", "IdempotentParameterMismatch")  # it may have been carried out


@pytest.fixture(scope="module")
def worker_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Return a sandbox of this module: calls without an answer leave places behind that others would run into."""
    sandbox = start_sandbox(tmp_path_factory.mktemp("refusing") / "state")
    yield sandbox
    launcher.stop(sandbox.state_dir)


@pytest.fixture
def wide(handrail: Handrail) -> Handrail:
    """Return the program under a policy with room for many places."""
    return under(handrail, "[ec2]\nmax_running = 50\n")


def under(handrail: Handrail, text: str) -> Handrail:
    """Return the program under a policy."""
    rules = handrail.cwd.parent / "wide.toml"
    rules.write_text(text)
    return Handrail({**handrail.environ, "HANDRAIL_POLICY": str(rules)}, handrail.cwd)


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    """Return a name of its own: a call without an answer keeps its name for a while, too."""
    return unique("web")


@pytest.mark.parametrize("case", CASES, ids=[case.code for case in CASES])
def test_a_refused_create(wide: Handrail, sandbox: Sandbox, case: Case, name: str) -> None:
    answer = ec2_error(case.code, case.message, case.status)
    with Watched(sandbox.running.endpoint, instead("ec2:RunInstances", answer)) as proxy:
        done = behind(wide, proxy.endpoint)("ec2", "create", "--name", name)
        assert proxy.count("ec2:RunInstances") == case.tries
    assert done.code == case.exit, done.err
    for words in case.says:
        assert words in done.err, done.err
    assert ("whether it took effect is not known" in done.err) == (case.code in LEFT_OPEN), done.err
    assert sandbox.instances(state="pending,running") == {}


@pytest.mark.parametrize(
    ("code", "status", "message", "says", "hint"),
    [
        (
            "InsufficientInstanceCapacity",
            500,
            "Insufficient capacity.",
            "AWS has no room for the type of {name} in its zone now; it stays stopped.",
            "handrail ec2 update --type TYPE {name}",
        ),
        (
            "Unsupported",
            400,
            "The requested configuration is currently not supported.",
            "AWS does not offer the type of {name} in its zone; it stays stopped",
            "handrail ec2 update --type TYPE {name}",
        ),
        ("VcpuLimitExceeded", 400, "You have requested more vCPU.", "limit of running instances or vCPUs", "stop an"),
    ],
)
def test_a_refused_start(
    wide: Handrail, sandbox: Sandbox, name: str, code: str, status: int, message: str, says: str, hint: str
) -> None:
    wide.ok("ec2", "create", "--name", name)
    wide.ok("ec2", "stop", name)
    with Watched(sandbox.running.endpoint, instead("ec2:StartInstances", ec2_error(code, message, status))) as proxy:
        done = behind(wide, proxy.endpoint)("ec2", "start", name)
        assert proxy.count("ec2:StartInstances") == 1
    told = (done.code, says.format(name=name) in done.err, hint.format(name=name) in done.err)
    assert told == (1, True, True), done.err
    assert "created" not in done.err
    assert "not known" not in done.err
    wide.ok("ec2", "start", name)


@pytest.mark.parametrize(
    ("code", "message", "exit", "says"),
    [
        (
            "IncorrectInstanceState",
            "The instance 'i-0fffffffffffffff1' is not in a state to be stopped.",
            5,
            "in a state",
        ),
        (
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
            7,
            "these credentials may not do ec2:StopInstances",
        ),
        ("RequestLimitExceeded", "Request limit exceeded.", 1, "AWS asks to slow down"),
    ],
)
def test_a_refused_stop(
    wide: Handrail, sandbox: Sandbox, name: str, code: str, message: str, exit: int, says: str
) -> None:
    wide.ok("ec2", "create", "--name", name, "--count", "2")
    with Watched(sandbox.running.endpoint, instead("ec2:StopInstances", ec2_error(code, message))) as proxy:
        done = behind(wide, proxy.endpoint)("ec2", "stop", f"{name}-1", f"{name}-2")
        assert proxy.count("ec2:StopInstances") == 3  # together, then each by itself; slowed down, three times together
    assert (done.code, says in done.err) == (exit, True), done.err
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert [error.split()[1].rstrip(":") for error in errors] == [f"{name}-1", f"{name}-2"], done.err
    assert len(sandbox.instances(state="running")) == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("StopInstances", ("stop",)),
        ("CreateTags", ("update", "--tag", "a=b")),
        ("DeleteTags", ("update", "--untag", "team")),
    ],
)
def test_what_was_just_made_and_a_call_does_not_know_yet(
    wide: Handrail, sandbox: Sandbox, name: str, call: str, words: tuple[str, ...]
) -> None:
    made = wide.json("ec2", "create", "--name", name, "--tag", "team=blue")
    unknown = ec2_error("InvalidInstanceID.NotFound", f"The instance ID '{made['id']}' does not exist")
    with Watched(sandbox.running.endpoint, instead(f"ec2:{call}", unknown)) as proxy:
        done = behind(wide, proxy.endpoint)("ec2", *words, name)
        assert 1 <= proxy.count(f"ec2:{call}") < 9
    assert done.code == 1
    assert f"AWS does not know {name} in this call: not yet, or not any more." in done.err
    assert f"repeat the command in a moment; handrail ec2 show {made['id']}" in done.err


def test_an_update_that_stops_halfway_says_what_is_done(wide: Handrail, sandbox: Sandbox, name: str) -> None:
    rules = under(wide, '[ec2]\nmax_running = 50\ntypes = ["t3.*"]\n')
    made = rules.json("ec2", "create", "--name", name)
    rules.ok("ec2", "stop", name)
    denied = ec2_error("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
    with Watched(sandbox.running.endpoint, instead("ec2:CreateTags", denied)) as proxy:
        done = behind(rules, proxy.endpoint)("ec2", "update", name, "--type", "t3.micro", "--tag", "a=b")
    assert (done.code, "done      type t3.nano → t3.micro" in done.err) == (7, True), done.err
    assert sandbox.instances()[made["id"]]["InstanceType"] == "t3.micro"


def test_a_look_that_fails_while_waiting_keeps_the_instance(wide: Handrail, sandbox: Sandbox, name: str) -> None:
    denied = ec2_error("UnauthorizedOperation", "You are not authorized to perform this operation.", 403)
    wide.ok("ec2", "create", "--name", name)
    with Watched(sandbox.running.endpoint, instead("ec2:DescribeSecurityGroups", denied)) as proxy:
        shown = behind(wide, proxy.endpoint)("ec2", "show", name)
    assert shown.code == 0
