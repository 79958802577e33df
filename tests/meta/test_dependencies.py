"""Dependencies: each has a reason, the lock holds all of them with hashes, and both lock files agree."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

from project import ROOT, modules, pyproject, read

PIN = re.compile(
    r"^([\w.-]+)==([^\s;\\]+)((?: ;[^\\]+)?)[^\n]*\n((?:    --hash=sha256:[0-9a-f]{64}[^\n]*\n)*)", re.MULTILINE
)
Lock = dict[str, tuple[str, str, frozenset[str]]]


def locked(path: str) -> Lock:
    """Return version, marker and hashes of each package in a lock file, by its name."""
    found = PIN.findall(read(path))
    return {
        name: (version, marker.strip(" ;"), frozenset(re.findall(r"sha256:(\w+)", hashes)))
        for name, version, marker, hashes in found
    }


LOCK, RUNNING = locked("requirements-dev.txt"), locked("requirements.txt")


def names(requirements: list[str | dict[str, str]]) -> set[str]:
    """Return the names of requirements; those that include a group are left out."""
    return {re.split(r"[<>=~!\[ ;]", one, maxsplit=1)[0].lower() for one in requirements if isinstance(one, str)}


def direct() -> dict[str, set[str]]:
    """Return what pyproject.toml asks for: of every installation, by extra, by group."""
    config = pyproject()
    extras = {key: names(value) for key, value in config["project"]["optional-dependencies"].items()}
    groups = {key: names(value) for key, value in config["dependency-groups"].items()}
    return {"": names(config["project"]["dependencies"]), **extras, **groups}


def imported(path: Path) -> Iterator[str]:
    """Yield the names of the top packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(read(str(path)))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]


def test_every_import_is_of_a_package_that_is_asked_for() -> None:
    parts, owners = direct(), packages_distributions()
    sandbox = ROOT / "src" / "handrail" / "sandbox"
    for path in modules():
        asked = parts[""] | (parts["sandbox"] if (ROOT / path).is_relative_to(sandbox) else set())
        foreign = set(imported(path)) - sys.stdlib_module_names - {"handrail"}
        undeclared = {name for name in foreign if not asked & {one.lower() for one in owners.get(name, ())}}
        assert not undeclared, path


def test_the_lock_has_all_that_is_asked_for() -> None:
    assert set().union(*direct().values()) <= LOCK.keys()


def test_what_runs_from_a_checkout_has_all_that_it_needs_and_nothing_of_development() -> None:
    parts = direct()
    assert parts[""] | parts["sandbox"] | parts["build"] <= RUNNING.keys()
    assert not (parts["dev"] - {"boto3"}) & RUNNING.keys(), "moto needs boto3 and nothing else of development"


def test_both_lock_files_have_the_same_pins_and_hashes() -> None:
    assert {name: LOCK.get(name) for name in RUNNING} == RUNNING


@pytest.mark.parametrize("path", ["requirements.txt", "requirements-dev.txt"])
def test_every_line_of_a_lock_is_a_pin_with_hashes(path: str) -> None:
    text = read(path)
    pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pins) == len(locked(path))
    assert all(hashes for _, _, hashes in locked(path).values())
    assert "://" not in text, "a lock names no place: the hashes decide"


def test_every_direct_dependency_has_a_reason() -> None:
    page = read("docs/dependencies.md")
    reasons = dict(re.findall(r"^\| `([\w-]+)` \| (.+) \|$", page, re.MULTILINE))
    assert reasons.keys() == set().union(*direct().values())
    assert all(len(reason) > 20 for reason in reasons.values())


def test_every_range_of_the_product_has_an_upper_end() -> None:
    project = pyproject()["project"]
    for requirement in chain(project["dependencies"], *project["optional-dependencies"].values()):
        assert re.search(r">=[\d.]+,<[\d.]+$", requirement), requirement


def test_moto_comes_without_its_server_extra() -> None:
    assert not {"sympy", "cfn-lint", "networkx", "docker"} & LOCK.keys()
