"""What the checks leave out stands in one place, each with its reason, and names something that exists."""

import re

import pytest

from project import ROOT, modules, pyproject, read
from skip_list import allowed_skips


@pytest.mark.parametrize("name", ["omit", "exclude_also"])
def test_each_exclusion_from_coverage_has_a_reason(name: str) -> None:
    block = re.search(rf"^{name} = \[\n(.*?)^\]", read("pyproject.toml"), re.MULTILINE | re.DOTALL)
    assert block
    explained = False
    for line in block[1].splitlines():
        explained = explained or "#" in line
        assert explained, f"no reason: {line}"


def test_each_left_out_file_exists() -> None:
    for pattern in pyproject()["tool"]["coverage"]["run"]["omit"]:
        assert list(ROOT.glob(pattern)), pattern


def test_nothing_is_left_out_in_the_code_itself() -> None:
    mark = "pragma: no " + "cover"
    assert not [str(path) for path in modules() if mark in read(str(path)) or "no branch" in read(str(path))]


def test_the_complete_parts_are_parts() -> None:
    for part in pyproject()["tool"]["handrail"]["coverage"]["complete"]:
        assert (ROOT / "src/handrail" / part).is_dir() or (ROOT / "src/handrail" / f"{part}.py").is_file(), part


def test_every_part_has_a_place_among_the_layers() -> None:
    layers = pyproject()["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {word.strip() for layer in layers for word in re.split(r"[|:]", layer)}
    parts = {path.parts[2].removesuffix(".py") for path in modules()} - {"__init__"}
    assert named == parts


def test_each_allowed_skip_names_a_test_and_a_reason() -> None:
    for node, reason in allowed_skips().items():
        path, _, test = node.partition("::")
        name = re.split(r"\[|::", test)[-2 if "[" in test else -1]
        assert (ROOT / path).is_file(), node
        assert not test or f"def {name}(" in read(path), node
        assert reason, node


def test_what_the_type_checker_is_told_to_ignore_says_why() -> None:
    bare = [
        f"{path}:{number}"
        for path in modules()
        for number, line in enumerate(read(str(path)).splitlines(), 1)
        if re.search(r"#\s*type:\s*ignore(?!\[[\w-]+(?:,\s*[\w-]+)*\]\s+# \w)", line)
    ]
    assert not bare
