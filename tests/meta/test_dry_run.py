"""Every change in the catalogue has a dry run that changes nothing. A change without a case here fails."""

import inspect
from pathlib import Path

import pytest

from conftest import Handrail, Sandbox
from handrail.catalog import every_operation
from handrail.core.operation import Effect, Operation

# Per operation: the words of a command that would change something. An instance `web` runs, `api` is stopped; the
# bucket handrail-dry-run holds `file`; PLACE is the place of `web`.
CASES: dict[str, tuple[str, ...]] = {
    "ec2 create": ("--name", "new", "--count", "1"),
    "ec2 update": ("web", "--tag", "a=b"),
    "ec2 start": ("api",),
    "ec2 stop": ("web",),
    "ec2 reboot": ("web",),
    "ec2 delete": ("web", "api"),
    "lease release": ("PLACE",),
    "init": (),
    "s3 create": ("handrail-dry-run-new",),
    "s3 update": ("handrail-dry-run", "--tag", "a=b"),
    "s3 upload": ("handrail-dry-run", "other"),
    "s3 remove": ("handrail-dry-run", "file"),
    "s3 delete": ("handrail-dry-run", "--empty"),
    "policy init": (),
    "audit anchor": ("anchor.json",),
    "sandbox reset": (),
}
CHANGES = [operation for operation in every_operation() if operation.has_dry_run]
# What touches only this machine and has no dry run, because it changes nothing or is undone by one word.
NOTHING_TO_PLAN = {
    "policy show": "looks",
    "policy check": "looks",
    "sandbox start": "sandbox stop undoes it, and everything stays",
    "sandbox stop": "sandbox start undoes it, and everything stays",
    "sandbox status": "looks",
    "sandbox env": "looks; starts the sandbox, as every command on it does",
    "use": "use undoes it",
    "demo": "all it changes is a sandbox of its own, gone afterwards",
}


def test_every_change_has_a_case() -> None:
    assert [operation.name for operation in CHANGES if operation.name not in CASES] == []


def test_what_gives_a_plan_has_a_dry_run() -> None:
    def gives_a_plan(operation: Operation) -> bool:
        return "Plan" in str(inspect.signature(operation.handler).return_annotation)

    assert [one.name for one in every_operation() if gives_a_plan(one) and not one.has_dry_run] == []


def test_what_touches_this_machine_has_a_dry_run_or_a_reason() -> None:
    local = {one.name for one in every_operation() if one.effect is Effect.LOCAL and not one.has_dry_run}
    assert local == set(NOTHING_TO_PLAN)


def files_below(folder: Path) -> dict[str, bytes]:
    """Return what stands in the files of a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def furnished(handrail: Handrail, sandbox: Sandbox) -> Handrail:
    """Return the program, something there of every kind."""
    rules = handrail.cwd.parent / "wide.toml"
    rules.write_text("[ec2]\nmax_running = 5\n")
    program = Handrail({**handrail.environ, "HANDRAIL_POLICY": str(rules)}, handrail.cwd)
    program.ok("ec2", "create", "--name", "api")
    program.ok("ec2", "stop", "api")
    program.ok("ec2", "create", "--name", "web")
    for name in ("file", "other"):
        (handrail.cwd / name).write_text(name)
    program.ok("s3", "create", "handrail-dry-run")
    program.ok("s3", "upload", "handrail-dry-run", "file")
    return program


def test_a_dry_run_changes_nothing(furnished: Handrail, sandbox: Sandbox) -> None:
    try:
        place = next(row["key"] for row in furnished.json("lease", "list") if row["name"] == "web")
        for operation in CHANGES:
            words = [place if word == "PLACE" else word for word in CASES[operation.name]]
            before, files = sandbox.writes(but=()), files_below(furnished.cwd)
            done = furnished(*operation.name.split(), *words, "--dry-run", "-o", "json")
            assert done.code == 0, f"{operation.name}: {done.err}"
            rows = done.json if isinstance(done.json, list) else [done.json]
            assert {row["status"] for row in rows} <= {"planned", "unchanged"}, operation.name
            assert all(row["resource"] for row in rows), f"{operation.name}: of what kind is it?"
            assert sandbox.writes(but=()) == before, operation.name
            assert files_below(furnished.cwd) == files, operation.name
    finally:
        furnished("s3", "delete", "handrail-dry-run", "--empty", "--yes")


def test_a_dry_run_sees_that_a_place_has_come_free(handrail: Handrail, sandbox: Sandbox) -> None:
    ids = [row["id"] for row in handrail.json("ec2", "create", "--name", "web", "--count", "2")]
    assert handrail("ec2", "create", "--dry-run").code == 3
    handrail.ok("ec2", "stop", "web-1")
    handrail.ok("ec2", "create", "--dry-run")
    handrail.ok("ec2", "start", "web-1")
    sandbox.client("ec2").terminate_instances(InstanceIds=ids)
    handrail.ok("ec2", "create", "--dry-run")


def test_a_dry_run_checks(handrail: Handrail, sandbox: Sandbox) -> None:
    handrail.ok("ec2", "create", "--name", "web")
    before = sandbox.writes(but=())
    for code, words in (
        (3, ("create", "--type", "t3.large")),
        (3, ("create", "--count", "2")),
        (5, ("create", "--name", "web")),
        (4, ("create", "--key-pair", "nope")),
        (4, ("stop", "nope")),
        (5, ("update", "web", "--type", "t4g.nano")),
    ):
        assert handrail("ec2", *words, "--dry-run").code == code, words
    assert sandbox.writes(but=()) == before
    assert handrail.ok("ec2", "delete", "web", "--dry-run").out == "web would be deleted; nothing was changed\n"
