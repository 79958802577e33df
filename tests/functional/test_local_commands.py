"""Commands that touch only this machine: the policy file, the choice of a target, a sandbox of one's own."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import FAST, Handrail, clean_environ
from handrail.core.policy.keys import KEYS
from handrail.sandbox import launcher


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Handrail]:
    """Return the program of somebody whose sandbox nobody else uses."""
    state = tmp_path / "state"
    yield Handrail({**FAST, **clean_environ(tmp_path), "HANDRAIL_STATE_DIR": str(state)}, tmp_path)
    launcher.stop(state)


def test_policy_show_lists_every_key_and_where_it_stands(person: Handrail) -> None:
    (person.cwd / "handrail.toml").write_text('[ec2]\ntypes = ["t3.nano"]\n', encoding="utf-8")
    rows = person.json("policy", "show")
    assert {row["key"] for row in rows} >= set(KEYS)
    assert any("handrail.toml:2" in str(row) for row in rows if row["key"] == "ec2.types")


def test_policy_init_writes_a_file_that_passes_and_never_over_another(person: Handrail) -> None:
    person.ok("policy", "init", "--preset", "open")
    written = (person.cwd / "handrail.toml").read_text(encoding="utf-8")
    assert 'preset = "open"' in written
    person.ok("policy", "check")
    assert person("policy", "init").code != 0
    assert (person.cwd / "handrail.toml").read_text(encoding="utf-8") == written


def test_use_remembers_the_target_and_says_why(person: Handrail) -> None:
    assert person.json("use")["target"] == "sandbox"
    person.ok("use", "aws", "--profile", "team-dev")
    said = person.json("use")
    assert said["target"] == "aws"
    assert "settings.toml" in said["reason"]
    assert said["profile"] == "team-dev"


def test_use_remembers_no_profile_of_the_environment(person: Handrail) -> None:
    done = person.ok("use", "aws", AWS_PROFILE="team-dev", HANDRAIL_PROFILE="team-dev")
    assert "team-dev" not in done.said
    assert person.json("use")["profile"] is None


def test_use_without_a_profile_forgets_the_remembered_one_and_says_so(person: Handrail) -> None:
    person.ok("use", "aws", "--profile", "team-dev")
    assert "forgotten" not in person.ok("use", "aws", "--profile", "team-ops").said
    assert "the target is sandbox from now on; profile team-ops is forgotten" in person.ok("use", "sandbox").said
    assert person.json("use")["profile"] is None
    assert "forgotten" not in person.ok("use", "aws").said


def test_a_choice_that_a_variable_overrules_says_so(person: Handrail) -> None:
    done = person.ok("use", "aws", HANDRAIL_TARGET="sandbox")
    assert "except where HANDRAIL_TARGET=sandbox is set" in done.said


@pytest.mark.parametrize(
    ("word", "hint"), [("bogus", "handrail use sandbox, or handrail use aws"), ("sandbx", "handrail use sandbox")]
)
def test_use_of_what_is_no_target(person: Handrail, word: str, hint: str) -> None:
    done = person("use", word, "-o", "json")
    assert (done.code, done.error["message"], done.error["hint"]) == (2, f'"{word}" is not a target.', hint)


def team_says(person: Handrail, text: str) -> None:
    """Write the policy that holds for this person."""
    folder = Path(person.environ["HOME"]) / ".config" / "handrail"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.toml").write_text(text, encoding="utf-8")


def test_the_home_region_of_the_ledger_does_not_choose_the_region(person: Handrail) -> None:
    said = person.json(HANDRAIL_HOME_REGION="eu-west-1")
    assert (said["region"], said["region_source"]) == ("us-east-1", "default")
    team_says(person, 'home_region = "eu-west-2"\n')
    said = person.json()
    assert (said["region"], said["region_source"]) == ("eu-west-2", "policy")


def test_the_exports_name_the_region_that_handrail_takes(person: Handrail) -> None:
    team_says(person, 'home_region = "eu-west-2"\n')
    assert _region(person.ok("sandbox", "env").out) == {"eu-west-2"}
    assert _region(person.ok("sandbox", "env", HANDRAIL_REGION="eu-west-3").out) == {"eu-west-3"}
    # With keys in sight and no target chosen: these exports choose it.
    assert _region(person.ok("sandbox", "env", AWS_ACCESS_KEY_ID="AKIA1").out) == {"eu-west-2"}


def _region(exports: str) -> set[str]:
    """Return the regions that the exports name."""
    return {line.partition("REGION=")[2] for line in exports.splitlines() if "REGION=" in line}


def test_a_folder_for_the_sandbox_that_can_not_be_written_names_the_variable(person: Handrail) -> None:
    (person.cwd / "taken").write_text("no folder", encoding="utf-8")
    done = person("sandbox", "start", HANDRAIL_STATE_DIR=str(person.cwd / "taken"))
    assert done.code == 7
    assert 'try       export HANDRAIL_STATE_DIR="$HOME/handrail-sandbox"' in done.err


@pytest.mark.parametrize("name", ["PENDING", "STOPPING", "LAG", "GONE", "IDLE"])
def test_a_time_of_the_sandbox_that_is_none(person: Handrail, name: str) -> None:
    done = person("sandbox", "start", "-o", "json", **{f"HANDRAIL_SANDBOX_{name}": "soon"})
    assert done.code == 2
    assert done.error["message"] == f"HANDRAIL_SANDBOX_{name} takes seconds, not 'soon'."
    assert done.error["hint"] == f"unset HANDRAIL_SANDBOX_{name}"


def test_a_sandbox_from_start_to_reset(person: Handrail) -> None:
    assert person.json("sandbox", "status")["running"] is False
    pid = person.json("sandbox", "start")["pid"]
    assert person.json("sandbox", "start")["pid"] == pid
    person.ok("ec2", "create", "--name", "web")
    assert person("sandbox", "reset").code == 6
    assert [row["name"] for row in person.json("ec2", "list")] == ["web"]
    person.ok("sandbox", "reset", "--yes")
    assert person.json("sandbox", "status")["running"] is False
    assert person.json("ec2", "list") == []
    person.ok("sandbox", "stop")


def test_the_log_file_is_for_its_owner_only(person: Handrail) -> None:
    path = person.cwd / "handrail.log"
    person.ok("ec2", "list", "--log-file", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    size = path.stat().st_size
    person.ok("ec2", "list", "--log-file", str(path))
    assert path.stat().st_size > size > 0


def test_the_exports_of_a_sandbox_are_for_a_shell(person: Handrail) -> None:
    said = person.ok("sandbox", "env", "--as", "dev-2").out
    assert all(line.startswith(("export ", "unset ")) for line in said.splitlines())
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:" in said
    assert "unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE\n" in said
    said = person.ok("sandbox", "env", AWS_ENDPOINT_URL_S3="https://s3.example.com").out
    assert said.endswith(" AWS_DEFAULT_PROFILE AWS_ENDPOINT_URL_S3\n")
