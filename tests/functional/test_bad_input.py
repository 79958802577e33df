"""Bad input of every kind: exit code, what is said, what is advised, and nothing changed."""

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conftest import Handrail, Sandbox, clean_environ, start_sandbox
from handrail.sandbox import launcher

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}
CREATE = ("ec2", "create")


@dataclass(frozen=True)
class Case:
    """One bad command line. prepare: makes what it needs in the working folder. says: words of stderr, in any order."""

    name: str
    argv: tuple[str, ...]
    code: int
    says: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[Path], object] = lambda folder: None


def policy(text: str | bytes) -> Callable[[Path], object]:
    """Return what writes a policy into the working folder."""
    data = text.encode() if isinstance(text, str) else text
    return lambda folder: (folder / "handrail.toml").write_bytes(data)


def write(name: str, data: bytes) -> Callable[[Path], object]:
    """Return what writes a file into the working folder."""
    return lambda folder: (folder / name).write_bytes(data)


def name(case: str, value: str, *says: str) -> Case:
    """Return the case of a bad name."""
    return Case(case, (*CREATE, "--name", value), 2, says)


CASES = (
    Case("unknown type", (*CREATE, "--type", "t4g.nanoo"), 3, ("t4g.nanoo is not", "ec2.types =", "--type t4g.nano")),
    Case("t3.large", (*CREATE, "--type", "t3.large"), 3, ("t3.large is not", "built-in strict", "--type t3.nano")),
    Case("no type", (*CREATE, "--type", "large"), 2, ("is not an instance type", "reads like t3.nano")),
    Case("two at once", (*CREATE, "--type", "t3.large", "--image", "ami-0123456789abcdef0"), 3, ("2 things",)),
    Case("a third instance", (*CREATE, "--count", "3"), 3, ("3 more do not fit", "ec2.max_running = 2")),
    name("name empty", "", "--name is empty", "leave it out"),
    name("name of 300", "x" * 300, "too long: at most 63", "--name xxxx"),
    name("name with quotes", "a\"b'c", "characters that a name can't have", "use letters"),
    name("name with a newline", "a\nb", "a\\nb", "use letters"),
    name("name that runs", "$(id)", '"$(id)"', "use letters"),
    name("name with an emoji", "web\U0001f600", "characters that a name can't have"),
    name("name like an id", "i-web", "looks like an instance id"),
    Case("malformed id", ("ec2", "stop", "i-123"), 2, ('"i-123" is not an instance id', "8 or 17 hexadecimal")),
    Case("empty target", ("ec2", "stop", ""), 2, ("TARGET is empty",)),
    Case("endless target", ("ec2", "stop", "x" * 300), 2, ("too long for a target",)),
    Case("no target", ("ec2", "stop"), 2, ("TARGET is missing", "instance ids or names")),
    Case("unknown id", ("ec2", "stop", "i-0fffffffffffffff1"), 4, ("has no instance i-0f", "handrail ec2 list")),
    Case(
        "user data",
        (*CREATE, "--user-data", "big"),
        2,
        ("more than the 16,384 bytes", "make it smaller"),
        prepare=write("big", b"x" * 16385),
    ),
    Case("user data missing", (*CREATE, "--user-data", "nope"), 2, ("can't be read: No such file", "check the path")),
    Case("user data is a folder", (*CREATE, "--user-data", "."), 2, ("is not a file: it is a folder",)),
    Case("endless user data", (*CREATE, "--user-data", "/dev/zero"), 2, ("16,384",)),
    Case("--count 0", (*CREATE, "--count", "0"), 2, ("--count can't be 0", "--count takes 1 to")),
    Case("--count x", (*CREATE, "--count", "x"), 2, ("whole number",)),
    Case("--timeout -1", (*CREATE, "--timeout", "-1"), 2, ("--timeout can't be -1",)),
    Case("request id", (*CREATE, "--request-id", "a b"), 2, ("is not a request id", "1 to 48")),
    Case("image", (*CREATE, "--image", "debian"), 2, ("is not an image", "amazon-linux or ubuntu")),
    Case("AMI id", (*CREATE, "--ami", "ami-1"), 2, ("is not an AMI id",)),
    Case("state", ("ec2", "list", "--state", "asleep"), 2, ("is not a state", "pending, running")),
    Case("wait for what", ("ec2", "wait", "web", "--state", "x"), 2, ("--state can't be", "pending")),
    Case("bad JMESPath", ("ec2", "list", "--query", "[?"), 2, ("--query",)),
    Case("bad format", ("ec2", "list", "-o", "xml"), 2, ("table, json, csv",)),
    Case("unknown option", (*CREATE, "--nme", "x"), 2, ("has no option --nme", "handrail ec2 create --name")),
    Case("far option", (*CREATE, "--zzzzz"), 2, ("has no option", "handrail ec2 create --help")),
    Case("missing value", (*CREATE, "--name"), 2, ("requires an argument",)),
    Case("extra word", ("ec2", "show", "a", "b"), 2, ("unexpected extra argument", "--help")),
    Case("unknown action", ("ec2", "strat", "x"), 2, ('has no action "strat"', "handrail ec2 start")),
    Case("unknown command", ("zzz",), 2, ('has no command "zzz"', "handrail --help")),
    Case(
        "policy typo",
        CREATE,
        2,
        ("handrail.toml:2", "ec2.typs", "ec2.types"),
        prepare=policy('[ec2]\ntyps = ["t3.nano"]\n'),
    ),
    Case("policy wrong type", CREATE, 2, ("handrail.toml:2", "ec2.types"), prepare=policy("[ec2]\ntypes = 3\n")),
    Case("policy binary", CREATE, 2, ("handrail.toml",), prepare=policy(b"\xff\xfe\x00\x01")),
    Case("policy missing", (*CREATE, "--policy", "nope.toml"), 2, ("nope.toml",)),
    Case("region misspelt", ("ec2", "list", "--region", "us-est-1"), 2, ("us-est-1", "try       --region us-")),
    Case("target misspelt", ("ec2", "list", "--target", "sandbx"), 2, ("sandbx", "sandbox")),
    Case("keys, no target", ("ec2", "list"), 2, ("no target was chosen", "--target sandbox", "AWS_ACCESS"), KEYS),
    Case("keys, no target, an action", CREATE, 2, ("no target was chosen", "AWS_ACCESS_KEY_ID"), KEYS),
    Case(
        "half a key", ("ec2", "list", "--target", "aws"), 7, ("AWS_SECRET_ACCESS_KEY",), {"AWS_ACCESS_KEY_ID": "AKIA1"}
    ),
    Case(
        "half a key: the command that mends it",
        ("ec2", "list", "--target", "aws"),
        7,
        ("try       export AWS_SECRET_ACCESS_KEY=…\n",),
        {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"},
    ),
    *(
        Case(
            f"{variable} {url}",
            ("ec2", "list", "--target", "aws"),
            2,
            (f"{variable} is no URL", f"try       unset {variable}"),
            {**KEYS, variable: url},
        )
        for variable, url in (
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:99999"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:x"),
            ("AWS_ENDPOINT_URL", "http://[::1"),
            ("AWS_ENDPOINT_URL_EC2", "foo"),
        )
    ),
    Case(
        "home region misspelt",
        ("ec2", "list"),
        2,
        ("said by HANDRAIL_HOME_REGION", "try       export HANDRAIL_HOME_REGION=eu-west-1"),
        {"HANDRAIL_HOME_REGION": "eu-wst-1"},
    ),
    Case(
        "home region of the policy misspelt",
        ("ec2", "list"),
        2,
        ("handrail.toml:1: home_region can't hold", "try       home_region is a region"),
        prepare=policy('home_region = "foo"\n'),
    ),
    Case(
        ".env without end",
        ("ec2", "list", "--target", "aws"),
        2,
        (".env is not a file", "take it away: rm "),
        prepare=lambda folder: (folder / ".env").symlink_to("/dev/zero"),
    ),
    Case(
        ".env that is a pipe",
        ("ec2", "list", "--target", "aws"),
        2,
        (".env is not a file", "take it away: rm "),
        prepare=lambda folder: os.mkfifo(folder / ".env"),
    ),
    Case("policy without end", ("ec2", "list", "--policy", "/dev/zero"), 2, ("/dev/zero is longer than 1 MiB",)),
    Case("no target of use", ("use", "bogus"), 2, ('"bogus" is not a target', "handrail use sandbox, or handrail")),
    Case("no keys", ("ec2", "list", "--target", "aws"), 7, ("no AWS credentials", "looked")),
    Case(
        ".env that is no text",
        ("ec2", "list", "--target", "aws"),
        7,
        (".env is not a text file", "cp .env.example .env"),
        prepare=write(".env", b"\xff\xfe\x00"),
    ),
    Case("anchor of a name too long", ("audit", "anchor", "x" * 256), 2, ("can't be a file", "name another")),
    Case("a wildcard for a subnet", ("ec2", "create", "--subnet", "*"), 2, ('"*" is not a subnet id', "try ")),
    Case("a wildcard for a profile", ("ec2", "create", "--instance-profile", "*"), 2, ("is not an instance profile",)),
    Case("log file", ("ec2", "list", "--log-file", "no/such/folder/log"), 2, ("can't be written", "--log-file PATH")),
)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_input(handrail: Handrail, sandbox: Sandbox, case: Case) -> None:
    case.prepare(handrail.cwd)
    before = sandbox.writes()
    done = handrail(*case.argv, **case.environ)
    assert done.code == case.code, done.err
    for words in case.says:
        assert words in done.err, done.err
    first = next(line for line in done.err.splitlines() if not line.startswith("request "))
    assert first.startswith("error: ")
    assert any(line.startswith("  try ") for line in done.err.splitlines())
    assert (done.out, "Traceback" in done.err) == ("", False)
    assert sandbox.writes() == before


def test_an_id_of_another_region_is_not_found(handrail: Handrail, sandbox: Sandbox) -> None:
    made = handrail.json("ec2", "create", "--name", "web", "--region", "eu-west-1")
    before = sandbox.writes()
    done = handrail("ec2", "delete", made["id"], "--yes")
    assert (done.code, "us-east-1 has no instance" in done.err, "another --region" in done.err) == (4, True, True)
    assert sandbox.writes() == before
    assert handrail.json("ec2", "delete", made["id"], "--yes", "--region", "eu-west-1")[0]["status"] == "succeeded"


def test_an_endpoint_in_dotenv_is_ignored_and_said(handrail: Handrail) -> None:
    (handrail.cwd / ".env").write_text("AWS_ENDPOINT_URL=http://127.0.0.1:9\n")
    (handrail.cwd / ".env").chmod(0o600)
    done = handrail("ec2", "list", "--target", "aws")
    assert done.code == 7
    assert "AWS_ENDPOINT_URL in .env is ignored" in done.err


def test_a_full_disk_under_the_sandbox(tmp_path: Path) -> None:
    own = start_sandbox(tmp_path / "state")
    program = Handrail({**clean_environ(tmp_path), **own.environ, "HOME": str(tmp_path)}, tmp_path)
    try:
        program.ok("ec2", "list")
        size = max(file.stat().st_size for file in own.state_dir.iterdir() if file.is_file())
        resource.prlimit(own.running.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        done = program("ec2", "create", "--name", "web")
        assert done.code == 1
        assert "disk" in done.err
        assert own.instances() == {}
    finally:
        launcher.stop(own.state_dir)
