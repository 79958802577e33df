"""Commands that touch only this machine: the policy file, the choice of a target, a sandbox of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import FAST, Handrail, clean_environ
from handrail.core.policy import KEYS
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


def test_the_exports_of_a_sandbox_are_for_a_shell(person: Handrail) -> None:
    said = person.ok("sandbox", "env", "--as", "dev-2").out
    assert all(line.startswith(("export ", "unset ")) for line in said.splitlines())
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:" in said
