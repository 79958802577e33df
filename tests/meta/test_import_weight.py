"""What each kind of command loads: a command is a new process, and every import is paid each time."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from conftest import FAST, Sandbox, clean_environ

# Runs a command line in a fresh interpreter and says on its last line of stderr which top-level packages it loaded.
PROBE = """
import json, os, sys
sys.argv = ["handrail", *sys.argv[1:]]
end = os._exit
def say(code):
    names = {name.partition(".")[0] for name, module in sys.modules.items() if module is not None}
    print(json.dumps(sorted(names)), file=sys.stderr, flush=True)
    end(code)
os._exit = say
from handrail.doors.cli import main
main()
"""
NEVER = {"boto3", "awscrt", "s3transfer", "moto", "flask", "werkzeug", "pydantic", "hypothesis", "pytest"}
HEAVY = {"botocore", "rich", "yaml", "jmespath", "urllib3", "dateutil"}
ONLY_WHERE_USED = {"subprocess", "email", "http", "ssl", "asyncio", "unittest", "dotenv"}


def loaded(folder: Path, *argv: str, code: int = 0, environ: Mapping[str, str] | None = None) -> set[str]:
    """Return the packages that a command line loads, in an empty home."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *argv],
        env={**clean_environ(folder), **(environ or {})},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    return set(json.loads(done.stderr.strip().rpartition("\n")[2]))


def assert_none_of(unwanted: set[str], found: set[str]) -> None:
    """Fail naming what was loaded and should not have been."""
    assert sorted(unwanted & found) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--version", 0),
        ("--help", 0),
        ("ec2 --help", 0),
        ("ec2 create --help", 0),
        ("ec2 craete", 2),
        ("ec2 create --tpye t3.nano", 2),
        ("ec2 create --count 0", 2),
        ("policy show", 0),
        ("policy check", 0),
        ("policy check -- ec2 craete", 2),
        ("use sandbox", 0),
    ],
)
def test_what_needs_no_aws_loads_none(tmp_path: Path, words: str, code: int) -> None:
    assert_none_of(NEVER | HEAVY, loaded(tmp_path, *words.split(), code=code))


def test_help_loads_nothing_that_only_some_command_needs(tmp_path: Path) -> None:
    assert_none_of(ONLY_WHERE_USED, loaded(tmp_path, "--help"))


@pytest.mark.parametrize("words", ["handrail ec2 ", "handrail ec2 create --ty", "handrail "])
def test_completion_loads_no_aws(tmp_path: Path, words: str) -> None:
    asked = {"_HANDRAIL_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()))}
    assert_none_of(NEVER | HEAVY, loaded(tmp_path, environ=asked))


def test_a_list_loads_botocore_and_nothing_above_it(tmp_path: Path, sandbox: Sandbox) -> None:
    environ = {**FAST, "HANDRAIL_STATE_DIR": str(sandbox.state_dir)}
    found = loaded(tmp_path, "ec2", "list", environ=environ)
    assert "botocore" in found
    assert_none_of(NEVER | {"rich", "yaml"}, found)
