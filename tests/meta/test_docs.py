"""What the documents say is so: reference pages, commands, paths, examples."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handrail.core.policy.document import parse_policy
from project import DOCS, ROOT, operation_of, read

BY_HAND = sorted(
    [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "tests/README.md")]
    + [path for path in DOCS.rglob("*.md") if path.parent.name != "reference"]
)
pages = pytest.mark.parametrize("page", BY_HAND, ids=lambda path: str(path.relative_to(ROOT)))
# A path of the project in backticks: `src/handrail/core/policy/keys.py`, `tests/unit`, `Makefile`.
PATH = re.compile(
    r"`((?:src|tests|docs|tools|bench|\.ci)/[\w./-]*|(?:Makefile|pyproject\.toml|[\w-]+\.(?:md|txt|yml)))`"
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")


def test_the_reference_pages_say_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, "tools/write_reference.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_site_builds_and_every_link_in_it_leads_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "index.html").exists()


def commands_in(text: str) -> Iterator[str]:
    """Yield each command line of the program in blocks of a page; what stands behind a pipe or `;` is another's."""
    for block in re.findall(r"```(?:console|sh|bash)\n(.*?)```", text, re.DOTALL):
        for written in block.splitlines():
            inner = re.search(r"\$\((handrail [^)]*)\)", written)
            line = inner[1] if inner else written.removeprefix("$ ")
            if line.startswith("handrail "):
                yield re.split(r"\s[|;]\s|\s#\s", line)[0]


@pages
def test_every_command_of_a_page_is_one(page: Path) -> None:
    for line in commands_in(page.read_text(encoding="utf-8")):
        operation_of(line)


@pages
def test_every_path_of_a_page_exists(page: Path) -> None:
    missing = [
        name
        for name in PATH.findall(page.read_text(encoding="utf-8"))
        if not any((folder / name).exists() for folder in (ROOT, page.parent, ROOT / "tests", DOCS))
    ]
    assert not missing


@pages
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not [link for link in LINK.findall(text) if not (page.parent / link).exists()]


def rows_of(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading of the architecture page."""
    section = read("docs/architecture.md").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return rows[2:]


@pytest.mark.parametrize("row", rows_of("Feature, command, module, test"), ids=lambda row: row[0])
def test_the_table_of_features_is_true(row: list[str]) -> None:
    _, commands, module, test = row
    for command in re.findall(r"`([^`]+)`", commands):
        assert f"### `{command}`\n" in read("docs/reference/commands.md"), command
    for path in (module, test):
        assert (ROOT / path.strip("`")).exists(), path


def test_the_table_of_test_layers_names_every_folder() -> None:
    named = {row[0].strip("`") for row in rows_of("Layers of tests")}
    assert {f"tests/{name}" for name in folders_of_tests()} <= named


def test_the_readme_of_the_tests_names_every_folder() -> None:
    text = read("tests/README.md")
    assert not [name for name in folders_of_tests() if f"| `{name}/` |" not in text]


def folders_of_tests() -> list[str]:
    """Return the folders that hold tests."""
    return sorted({path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("*/*.py")})


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", read("docs/policy.md"), re.DOTALL))
def test_every_example_of_a_policy_is_one(block: str) -> None:
    parse_policy(block.encode(), "docs/policy.md")


def test_every_decision_is_listed_and_fits_a_page() -> None:
    index = read("docs/index.md")
    for page in (DOCS / "adr").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert f"(adr/{page.name})" in index
        assert text.startswith(f"# {int(page.name[:4])}. ")
        assert "## The decision" in text
        assert len(text.splitlines()) <= 60


def test_the_readme_sets_everything_up_with_two_commands() -> None:
    text = read("README.md")
    for command in ("make demo", "make test"):
        assert command in text
        assert re.search(rf"^{command.removeprefix('make ')}:", read("Makefile"), re.MULTILINE)
    assert "pip install" not in text.partition("make test")[0]


def test_ci_calls_the_test_command_of_the_readme() -> None:
    assert "make test" in read(".ci/run")
