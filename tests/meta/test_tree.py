"""The tree keeps the habits of the house: small files, docstrings, no names of machines, nothing left to do."""

import ast
import re
from pathlib import Path

import pytest

from project import ROOT, modules, tracked

LONGEST = 500
# Tables of rows, where a limit on lines would only scatter what is read together.
LONGER_FOR_A_REASON = {
    "src/handrail/core/policy/keys.py": "one row per policy key",
    "src/handrail/settings.py": "everything that may say a setting, in the order in which it counts",
}
BINARY = {".png", ".gz", ".zip", ".ico"}
# Written apart, so that this file does not find itself.
FORBIDDEN = {
    "a path of somebody's machine": re.compile(r"(?<![\w.\-/~$}])/(?:work|root|Users|home)/[\w.]"),
    "a place that packages were fetched from": re.compile(
        r"(?:--|[^\w])(?:extra-)?index-" + r"url|files\.python" + "hosted|py" + r"pi\.org"
    ),
    "something left to do": re.compile(r"\b(?:TO" + "DO|FIX" + "ME|X" + r"XX)\b"),
    "a marker of a merge": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_has(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text_of(path).count(chr(10), 0, match.start()) + 1}: {match[0]!r}"
        for path in tracked()
        if path.suffix not in BINARY
        for match in FORBIDDEN[what].finditer(text_of(path))
    ]
    assert not found


def test_no_module_is_longer_than_a_person_reads() -> None:
    longer = {str(path): len(text_of(ROOT / path).splitlines()) for path in modules()}
    longer = {path: lines for path, lines in longer.items() if lines > LONGEST}
    assert longer.keys() <= LONGER_FOR_A_REASON.keys(), longer


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_module_says_in_one_to_three_lines_what_it_owns(path: Path) -> None:
    said = ast.get_docstring(ast.parse(text_of(ROOT / path)))
    assert said, "no docstring"
    first, _, rest = said.partition("\n")
    assert len(first) > 15, first
    if rest:
        assert not rest.startswith("\n") or len(first.split()) >= 3


@pytest.mark.parametrize("path", modules(), ids=str)
def test_what_is_public_has_a_docstring(path: Path) -> None:
    bare = []
    for node in ast.walk(ast.parse(text_of(ROOT / path))):
        if isinstance(node, ast.Module | ast.ClassDef):
            for one in node.body:
                if isinstance(one, ast.FunctionDef | ast.ClassDef) and not one.name.startswith("_"):
                    told = ast.get_docstring(one) or "overload" in map(ast.unparse, one.decorator_list)
                    bare += [] if told else [f"{path}:{one.lineno} {one.name}"]
    assert not bare


def reads_standard_input(source: str) -> bool:
    """Return whether a module takes standard input from the process, where its door would hand it in."""
    names = {ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute | ast.Name)}
    return bool({"sys.stdin", "sys.__stdin__", "input"} & names) or "from sys import" in source


@pytest.mark.parametrize("path", [path for path in modules() if path.parent.name != "doors"], ids=str)
def test_only_a_door_takes_standard_input(path: Path) -> None:
    assert not reads_standard_input(text_of(ROOT / path))


@pytest.mark.parametrize("source", ["x = sys.stdin.read()", "input()", "from sys import stdin", "f(sys.__stdin__)"])
def test_a_module_that_takes_standard_input_is_found(source: str) -> None:
    assert reads_standard_input(source)


def test_the_secrets_file_is_ignored_and_not_there() -> None:
    assert ".env" in text_of(ROOT / ".gitignore").splitlines()
    assert ROOT / ".env" not in tracked()


def test_modules_are_named_for_what_they_hold() -> None:
    banned = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "tools"}
    assert not {str(path) for path in modules() if path.stem in banned or path.parent.name in banned}
