"""What looks like a secret never goes to a public bucket: however somebody gets at it. What is none goes."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Handrail, Sandbox


@pytest.fixture
def public(handrail: Handrail, unique: Callable[[str], str]) -> str:
    """Return a public bucket of dev-1."""
    name = unique("pub")
    handrail.ok("s3", "create", name, "--public", "--yes")
    return name


def put(path: Path) -> Path:
    """Write a file, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def refused(handrail: Handrail, *words: str) -> set[str]:
    """Upload in vain and return what was refused, as the messages name it."""
    done = handrail("s3", "upload", *words, "-o", "json")
    assert done.code == 3, done.err
    return {one["message"].partition(" looks like a secret")[0] for one in done.error["details"]["reasons"]}


def test_all_that_is_in_a_folder_of_a_tool(handrail: Handrail, sandbox: Sandbox, public: str) -> None:
    names = [f"home/.config/{name}" for name in ("gcloud/access_tokens.db", "op/config", "hcloud/cli.toml")]
    for name in names:
        put(handrail.cwd / name)
    before = sandbox.writes()
    assert refused(handrail, public, "home") == set(names)
    assert sandbox.writes() == before


@pytest.mark.parametrize("path", ["lk/pub", "lk/pub/known_hosts", "above/pub", "above/pub/known_hosts"])
def test_by_a_path_that_is_a_link_or_lies_below_one(handrail: Handrail, public: str, path: str) -> None:
    real = os.path.realpath(put(handrail.cwd / "lk" / "real" / ".ssh" / "known_hosts"))
    (handrail.cwd / "lk" / "pub").symlink_to("real/.ssh")
    (handrail.cwd / "above").symlink_to("lk")
    shown = path if path.endswith("known_hosts") else f"{path}/known_hosts"
    assert refused(handrail, public, path) == {f"{shown}, which is {real},"}


@pytest.mark.parametrize(
    ("inside", "name"),
    [(".kube", "config"), (".docker", "config.json"), (".aws", "sso.json"), (".config/gh", "config.yml")],
)
def test_from_inside_its_folder(handrail: Handrail, public: str, inside: str, name: str) -> None:
    real = os.path.realpath(put(handrail.cwd / inside / name))
    there = Handrail(handrail.environ, handrail.cwd / inside)
    assert refused(there, public, name) == {f"{name}, which is {real},"}
    assert refused(there, public, ".", "--prefix", "a/") == {f"./{name}, which is {real},"}
    assert refused(there, public, real) == {real}
    (handrail.cwd / "here").symlink_to(inside)
    linked = Handrail(handrail.environ, handrail.cwd / "here")
    assert refused(linked, public, name) == {f"{name}, which is {real},"}


def test_a_working_folder_with_an_ordinary_name_stops_nothing(handrail: Handrail, public: str) -> None:
    work = handrail.cwd / "secrets" / "credentials"
    put(work / "site" / "index.html")
    put(work / "shared" / "a.txt")
    (work / "site" / "a.txt").symlink_to(work / "shared" / "a.txt")
    there = Handrail(handrail.environ, work)
    there.ok("s3", "upload", public, "site")
    put(handrail.cwd / "secrets" / "b.txt")
    (work / "b.txt").symlink_to(handrail.cwd / "secrets" / "b.txt")
    there.ok("s3", "upload", public, "b.txt")
    aside = Handrail(handrail.environ, handrail.cwd / "aside")
    aside.cwd.mkdir()
    (aside.cwd / "b.txt").symlink_to(handrail.cwd / "secrets" / "b.txt")
    real = os.path.realpath(handrail.cwd / "secrets" / "b.txt")
    assert refused(aside, public, "b.txt") == {f"b.txt, which is {real},"}


def test_copies_and_what_is_none(handrail: Handrail, public: str) -> None:
    copies = [".env~", "#.env#", ".env copy", ".env 2", ".env ", "server.pem.bak", ".npmrc~", "passwords", "token"]
    for name in copies:
        put(handrail.cwd / "site" / name)
    assert len(refused(handrail, public, "site")) == len(copies)
    for name in ("README.md", "token.ts", "password.html", "token/index.html", "lang/de/auth.json", "settings"):
        put(handrail.cwd / "fine" / name)
    handrail.ok("s3", "upload", public, "fine")


def test_a_team_says_for_itself_what_is_secret(handrail: Handrail, public: str) -> None:
    put(handrail.cwd / ".kube" / "config")
    put(handrail.cwd / "build" / "keys" / "deep" / "a.txt")
    rules = handrail.cwd / "rules.toml"
    rules.write_text('[s3]\npublic = "freely"\nsecret_files = ["build/keys"]\n')
    there = Handrail(handrail.environ, handrail.cwd / ".kube")
    there.ok("s3", "upload", public, "config", "--policy", str(rules))
    assert refused(handrail, public, "build", "--policy", str(rules)) == {"build/keys/deep/a.txt"}


def test_a_copy_in_a_bucket_keeps_it_shut(handrail: Handrail, unique: Callable[[str], str]) -> None:
    name = unique("shut")
    handrail.ok("s3", "create", name)
    put(handrail.cwd / ".config" / "gh" / "config.yml")
    put(handrail.cwd / "a" / ".env~")
    handrail.ok("s3", "upload", name, "a", ".config", "--prefix", "x/.config/")
    done = handrail("s3", "update", name, "--public", "--yes", "-o", "json")
    assert done.code == 3
    assert {one["value"] for one in done.error["details"]["reasons"]} == {"x/.config/.env~", "x/.config/gh/config.yml"}
