"""The policy as a platform engineer meets it: where a file holds, what has no effect, what would pass, what to type."""

import re
import shlex
from pathlib import Path

import pytest

from conftest import Handrail

README = Path(__file__).parents[2] / "README.md"
STRICT_TYPES = "ec2.types = t3.nano, t4g.nano (built-in strict)"


def hint(handrail: Handrail, *words: str) -> str:
    """Return what a refusal says to type."""
    done = handrail(*words, "-o", "json")
    assert done.code == 3, done.err
    said: str = done.error["hint"]
    return said.replace(" --output json", "")


def rules(handrail: Handrail, text: str, name: str = "handrail.toml") -> Path:
    """Write a policy into the working folder."""
    path = handrail.cwd / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_rules_of_the_readme_hold(handrail: Handrail) -> None:
    section = README.read_text(encoding="utf-8").partition("## You own the rules\n")[2].partition("\n## ")[0]
    commands = re.findall(r"\$ (?:handrail|export) (.*)", section)
    (toml,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    init, named, checked, create = (shlex.split(command) for command in commands)
    handrail.ok(*init)
    name, _, value = named[0].partition("=")
    handrail.environ[name] = value.replace("$PWD", str(handrail.cwd))
    rules(handrail, toml, "rules.toml")
    assert handrail(*checked).code == 3
    assert "no effect" not in handrail.ok("policy", "check").err
    assert f"{handrail.cwd / 'rules.toml'} yes strict holds" in handrail.ok("policy", "check").said
    for number in range(2):
        assert "of 5 after this" in handrail.ok(*create, "--name", f"web-{number}").err
    handrail.owner("dev-2").ok(*create, "--name", "web-2")
    assert "ec2.max_running_per_owner = 2" in handrail(*create).err


def test_init_says_that_a_found_file_only_narrows_and_how_it_would_hold(handrail: Handrail) -> None:
    path, own = handrail.cwd / "handrail.toml", Path(handrail.environ["HOME"]) / ".config" / "handrail" / "policy.toml"
    said = handrail.ok("policy", "init").out
    assert "next      edit it, then: handrail policy check\n" in said
    assert f"narrows   built-in strict; to make it hold: export HANDRAIL_POLICY={path}, or move it to {own}\n" in said
    own.parent.mkdir(parents=True)
    handrail.ok("policy", "init", "--file", str(own))
    assert f"narrows   {own}; to make it hold" in handrail.ok("policy", "init", "--yes").out


def test_init_says_where_any_other_file_holds(handrail: Handrail) -> None:
    own = Path(handrail.environ["HOME"]) / ".config" / "handrail" / "policy.toml"
    own.parent.mkdir(parents=True)
    assert "holds     for you, in every folder\n" in handrail.ok("policy", "init", "--file", str(own)).out
    path = handrail.cwd / "my rules.toml"
    said = handrail.ok("policy", "init", "--file", path.name).out
    assert "next      edit it, then: handrail policy check --policy 'my rules.toml'\n" in said
    assert f"holds     where it is named: export HANDRAIL_POLICY='{path}', or --policy; or as {own}\n" in said
    said = handrail.ok("policy", "init", "--file", path.name, "--yes", HANDRAIL_POLICY=str(path)).out
    assert "holds     HANDRAIL_POLICY (environment) names it\n" in said
    said = handrail.ok("policy", "init", "--file", "x.toml", HANDRAIL_POLICY="not-there.toml").out
    assert "handrail policy check --policy x.toml\n" in said


def test_init_writes_into_no_folder(handrail: Handrail) -> None:
    (handrail.cwd / "my rules").mkdir()
    done = handrail("policy", "init", "--file", "my rules")
    assert (done.code, "my rules is a folder." in done.err) == (5, True)
    assert f"handrail policy init --file '{handrail.cwd / 'my rules' / 'handrail.toml'}'" in done.err


def test_check_warns_of_what_a_found_file_says_in_vain(handrail: Handrail) -> None:
    path = rules(handrail, '[ec2]\ntypes = ["t4g.*"]\nregions = ["eu-west-1"]\nmax_running = 5\n')
    done = handrail.ok("policy", "check")
    assert f"{path} yes strict narrows" in done.said
    assert "built-in strict yes strict holds" in done.said
    assert done.err.splitlines() == [
        f"warning: ec2.types = t4g.* ({path}:2) has no effect beyond {STRICT_TYPES}",
        f"warning: ec2.max_running = 5 ({path}:4) has no effect beyond ec2.max_running = 2 (built-in strict)",
        f"what was found here only narrows; to make it hold: export HANDRAIL_POLICY={path}",
    ]
    # While no target is chosen it may be AWS, where strict has its home region only.
    assert "warning: nothing passes ec2.regions" in handrail.ok("policy", "check", AWS_ACCESS_KEY_ID="AKIA1").err
    assert [row["role"] for row in handrail.json("policy", "check")] == ["narrows", "holds"]
    assert "warning" not in handrail.ok("policy", "check", HANDRAIL_POLICY=str(path)).err


@pytest.mark.parametrize(
    ("text", "rule", "count"),
    [('ec2.types = ["t3.large"]', "ec2.types = t3.large", 2), ("ec2.types = []", "ec2.types = nothing", 1)],
)
def test_where_no_type_passes_the_refusal_says_whose_file_must_change(
    handrail: Handrail, text: str, rule: str, count: int
) -> None:
    path = rules(handrail, text)
    for words in ((), ("--type", "t3.nano"), ("--type", "t3.large")):
        done = handrail("ec2", "create", *words)
        assert (done.code, done.err.count("  rule ")) == (3, count)
        assert f"  rule      {rule} ({path}:1)" in done.err
        assert f"whoever keeps {path} must " in done.err
    assert handrail("policy", "check", "--", "ec2", "create").code == 3
    assert "warning: nothing passes ec2.types" in handrail.ok("policy", "check").err


def test_a_tag_is_offered_with_a_value_that_works(handrail: Handrail) -> None:
    rules(handrail, 'ec2.required_tags = { cost-center = "cc-*" }')
    line = hint(handrail, "ec2", "create", "--name", "web")
    assert line == "handrail ec2 create --name web --tag cost-center=cc-VALUE"
    handrail.ok(*shlex.split(line)[1:], "--dry-run")


def test_the_hint_is_the_typed_line_with_the_refused_exchanged(handrail: Handrail) -> None:
    bad = ("--type", "t3.large")
    assert hint(handrail, "ec2", "create", *bad, "--region", "eu-west-1", "--name", "foo", "--tag", "a=b c") == (
        "handrail ec2 create --type t3.nano --name foo --tag 'a=b c' --region eu-west-1"
    )
    before = ("--region", "eu-west-1", "--target", "sandbox", "-y", "-vv", "--no-color")
    assert hint(handrail, *before, "ec2", "create", "--no-wait", "--count", "2", *bad, "--dry-run") == (
        "handrail ec2 create --no-wait --count 2 --type t3.nano --dry-run "
        "--target sandbox --region eu-west-1 --yes -vv --no-color"
    )
    assert hint(handrail, "ec2", "update", "web-1", "--type", "t3.micro") == "handrail ec2 update web-1 --type t3.nano"
    rules(handrail, 'ec2.security_groups = ["sg-1*"]\ns3.public = "never"\n')
    groups = ("--security-group", "sg-2, sg-11", "--security-group", "x")
    assert hint(handrail, "ec2", "create", *groups) == "handrail ec2 create --security-group sg-11"
    assert hint(handrail, "s3", "create", "press", "--public") == "handrail s3 create press"
    assert hint(handrail, "s3", "update", "press", "--public").startswith("nothing else would be changed")


def test_a_checked_command_says_where_and_by_which_policy_it_runs(handrail: Handrail) -> None:
    rules(handrail, 'ec2.regions = ["us-east-1"]')
    rules(handrail, 'ec2.regions = ["eu-*"]', "eu.toml")
    check = ("policy", "check", "--")
    assert handrail.ok(*check, "ec2", "create").err.startswith("ec2 create would pass")
    done = handrail(*check, "ec2", "create", "--region", "eu-west-1")
    assert (done.code, "eu-west-1 is not a region" in done.err) == (3, True)
    assert "try       handrail ec2 create --region us-east-1" in done.err
    handrail.ok(*check, "handrail", "--region", "eu-west-1", "ec2", "create", "--policy", "eu.toml", "-o", "csv")
    assert handrail(*check, "ec2", "create", "--region", "nope").code == 2
    # What the checked command says goes before what the check itself says.
    assert handrail("policy", "check", "--policy", "eu.toml", *check[2:], "ec2", "create").code == 3
    keys = {"AWS_ACCESS_KEY_ID": "AKIA1"}
    assert handrail(*check, "ec2", "create", **keys).code == 2
    handrail.ok(*check, "ec2", "create", "--target", "sandbox", **keys)
    assert "profile nope" in handrail(*check, "ec2", "create", "--target", "aws", "--profile", "nope").err
    assert "sts:GetCallerIdentity" in handrail.ok("policy", "check", "-v", "--", "ec2", "create").err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ec2",), "handrail ec2 names no action."),
        (("handrail",), "no command stands behind the --."),
        (("ec2", "craete"), "try       handrail ec2 create"),
        (("ec2", "create", "--tpye", "x"), "try       handrail ec2 create --type"),
    ],
)
def test_what_is_no_command_is_not_checked(handrail: Handrail, words: tuple[str, ...], says: str) -> None:
    done = handrail("policy", "check", "--", *words)
    assert (done.code, done.out, says in done.err) == (2, "", True)


def test_each_rule_is_told_once(handrail: Handrail) -> None:
    rules(handrail, "others = 'refuse'")
    rows = handrail.ok("policy", "check", "-o", "json", "--", "ec2", "create").json
    assert [row["key"] for row in rows].count("ec2.types") == 1


def test_a_full_cap_is_no_pass(handrail: Handrail) -> None:
    check = ("policy", "check", "--", "ec2", "create")
    handrail.ok("ec2", "create", "--name", "web")
    done = handrail.ok(*check)
    assert "ec2.max_running 1 yes ec2.max_running = 2 built-in strict" in done.said
    assert "ec2 create would pass these rules; what it touches is judged when it runs" in done.err
    full = handrail(*check, "--count", "2")
    assert full.code == 3
    assert "ec2.max_running 2 no ec2.max_running = 2 built-in strict" in full.said
    assert "1 instance is running, and the policy allows 2; 2 more do not fit." in full.err
    both = handrail(*check, "--count", "2", "--type", "t3.large")
    assert (both.code, "the policy refuses 2 things here." in both.err) == (3, True)
    rules(handrail, 'preset = "open"', "open.toml")
    assert "max_running" not in handrail.ok(*check, "--count", "9", "--policy", "open.toml").out
    assert "caps and what it touches" in handrail.ok("policy", "check", "--", "s3", "create", "x-y-z").err
