"""A `handrail.toml` that a cloned repository brings: it can refuse, not widen, not choose, not move the ledger."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Handrail, Sandbox


def brought(handrail: Handrail, text: str) -> Path:
    """Write the file that came with a repository."""
    path = handrail.cwd / "handrail.toml"
    path.write_text(text, encoding="utf-8")
    return path


def held(handrail: Handrail, text: str) -> Path:
    """Write the policy of this person's team."""
    path = Path(handrail.environ["HOME"]) / ".config" / "handrail" / "policy.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


COMMANDS = (
    ("ec2", "create"),
    ("ec2", "list"),
    ("s3", "create", "moved-away"),
    ("s3", "list"),
    ("audit", "list"),
    ("lease", "list"),
    ("init",),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_it_does_not_move_the_ledger(handrail: Handrail, sandbox: Sandbox, words: tuple[str, ...]) -> None:
    handrail.ok("init")
    path, before = brought(handrail, 'home_region = "eu-west-1"\n'), sandbox.writes(but=())
    for more in ((), ("--region", "us-east-1")):
        done = handrail(*words, *more, "-o", "json")
        assert done.code == 3, done.err
        assert done.error["message"] == f"the home region is us-east-1 by default, and eu-west-1 by {path}:1."
        assert done.error["hint"].endswith("export HANDRAIL_HOME_REGION=eu-west-1")
    assert sandbox.writes(but=()) == before
    brought(handrail, 'home_region = "us-east-1"\n')
    handrail.ok(*words, "--dry-run") if words[-1] in ("create", "moved-away", "init") else handrail.ok(*words)


@pytest.mark.parametrize("words", COMMANDS[:-1], ids=" ".join)
def test_a_sandbox_has_one_ledger(handrail: Handrail, sandbox: Sandbox, words: tuple[str, ...]) -> None:
    handrail.ok("init")
    before = sandbox.writes(but=())
    done = handrail(*words, "-o", "json", HANDRAIL_HOME_REGION="eu-west-1")
    if words == ("ec2", "list"):
        assert done.code in (0, 7)  # what runs can be told without a ledger
    else:
        assert done.code == 7, done.err
        assert done.error["message"] == (
            "this sandbox has its ledger in us-east-1, and the home region is eu-west-1 by HANDRAIL_HOME_REGION."
        )
        assert "HANDRAIL_HOME_REGION=us-east-1" in done.error["hint"]
    assert sandbox.writes(but=()) == before


def test_init_refuses_a_second_ledger_in_the_sandbox_too(handrail: Handrail, sandbox: Sandbox) -> None:
    handrail.ok("init")
    held(handrail, 'home_region = "eu-west-1"\n')
    done = handrail("init", "-o", "json")
    assert (done.code, done.error["message"]) == (
        5,
        "this account has a ledger in us-east-1, and a second one would undo its caps.",
    )


DEFAULTS = """\
[ec2]
default_type = "t4g.nano"
default_key_pair = "theirs"
default_security_groups = ["theirs"]
default_subnet = "subnet-99999999"
"""


def test_it_chooses_nothing_and_says_so(handrail: Handrail, unique: Callable[[str], str]) -> None:
    path = brought(handrail, DEFAULTS)
    done = handrail.ok("ec2", "create", "--name", unique("web"), "--dry-run")
    assert "t3.nano" in done.err
    for line, key in enumerate(("default_type", "default_key_pair", "default_security_groups", "default_subnet"), 2):
        said = f"ec2.{key} is ignored: {path}:{line} was only found, and such a file chooses no defaults"
        assert done.err.count(said) == 1
    for row in ("key pair", "groups", "subnet"):
        assert f"\n  {row} " not in done.err
    checked = handrail.ok("policy", "check").err
    assert (
        f"ec2.default_key_pair = theirs ({path}:3) has no effect: a file that was only found chooses no defa" in checked
    )


def test_what_the_policy_that_holds_chooses_is_in_the_plan(
    handrail: Handrail, sandbox: Sandbox, unique: Callable[[str], str]
) -> None:
    ec2 = sandbox.client("ec2")
    pair, group = unique("pair"), unique("group")
    ec2.create_key_pair(KeyName=pair)
    id = ec2.create_security_group(GroupName=group, Description="x")["GroupId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    held(
        handrail,
        f'[ec2]\ndefault_key_pair = "{pair}"\ndefault_security_groups = ["{group}"]\ndefault_subnet = "{subnet}"\n',
    )
    said = handrail.ok("ec2", "create", "--dry-run").err
    for row in (
        f"key pair  {pair} · ec2.default_key_pair",
        f"groups    {id} · ec2.default_security_groups",
        f"subnet    {subnet} · ec2.default_subnet",
    ):
        assert f"\n  {row}\n" in said
    said = handrail.ok("ec2", "create", "--dry-run", "--key-pair", pair, "--instance-profile", "web").err
    assert f"\n  key pair  {pair}\n" in said
    assert "\n  profile   web\n" in said


BROUGHT = (
    'preset = "open"', 'others = "allow"', 'ec2.types = ["m5.large", "t4g.nano", "t3.nano"]', 'ec2.types = ["t4g.*"]',
    'ec2.images = ["ubuntu"]', 'ec2.images = ["*"]', 'ec2.regions = ["*"]', 'ec2.regions = ["eu-west-1"]',
    'ec2.max_running = "none"', "ec2.max_running = 1", "ec2.required_tags = []", 'ec2.names = ["*"]',
    'ec2.default_key_pair = "theirs"', 'ec2.default_subnet = "subnet-99999999"', 'home_region = "us-east-1"',
    's3.public = "freely"', "s3.secret_files = []", 'ec2.credits = "unlimited"', 'ec2.manage = "any"',
)  # fmt: skip
HELD = (
    "",
    'preset = "open"',
    'ec2.types = ["t4g.nano", "t3.nano"]',
    'ec2.required_tags = ["team"]',
    "ec2.max_running = 0",
)
TYPED = (
    (), ("--type", "t3.nano"), ("--type", "m5.large"), ("--image", "ubuntu"), ("--tag", "team=a"),
    ("--region", "eu-west-1"), ("--count", "2"),
)  # fmt: skip


@settings(max_examples=8)
@given(
    found=st.sets(st.sampled_from(BROUGHT), min_size=1, max_size=4),
    holds=st.sampled_from(HELD),
    typed=st.sampled_from(TYPED),
)
def test_a_plan_that_passes_with_it_passes_without_it_and_does_the_same(
    handrail: Handrail, found: set[str], holds: str, typed: tuple[str, ...]
) -> None:
    by_key = {line.partition(" =")[0]: line for line in sorted(found)}
    held(handrail, f"{holds}\n")
    path = brought(handrail, "\n".join(by_key.values()) + "\n")
    words = ("ec2", "create", "--name", "web", *typed, "--dry-run")
    with_it = handrail(*words, "-o", "json")
    path.unlink()
    if with_it.code != 0:
        assert with_it.code == 3, (shlex.join(words), by_key, with_it.err)
        return
    rows = with_it.json if isinstance(with_it.json, list) else [with_it.json]
    chosen = () if "--type" in typed else ("--type", rows[0]["current"]["type"])
    without = handrail.json(*words[:-1], *chosen, "--dry-run")
    without = without if isinstance(without, list) else [without]
    assert [row["current"] for row in rows] == [row["current"] for row in without]
