"""What watches the tests is tested too: the list of skips, and the parts that must be covered whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from check_coverage import gaps, part_of
from project import ROOT

WHOLE: dict[str, list[int]] = {"missing_lines": [], "missing_branches": []}


def run_pytest(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one test file in a folder of its own, under the list of skips."""
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "skip_list", "-p", "no:cacheprovider", "-q", *options]
    environ = {"PYTHONPATH": str(ROOT / "tests")}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)


@pytest.mark.parametrize(
    "test",
    [
        "import pytest\ndef test_a(): pytest.skip('no reason')",
        "import pytest\npytest.skip('no reason', allow_module_level=True)",
        "import pytest\n@pytest.mark.skipif(True, reason='no reason')\ndef test_a(): pass",
    ],
    ids=["in the test", "of a module", "by a mark"],
)
def test_a_skip_that_nobody_agreed_to_fails_the_run(tmp_path: Path, test: str) -> None:
    done = run_pytest(tmp_path, f"def test_b(): pass\n{test}")
    assert done.returncode != 0, done.stdout  # 5 where nothing else is in the module
    assert "skips that tests/skips.txt does not list" in done.stdout
    assert "# no reason" in done.stdout


def test_a_skip_is_seen_from_other_processes_too(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "import pytest\ndef test_a(): pytest.skip('no reason')", "-n", "1")
    assert done.returncode == 1, done.stdout


def test_a_run_without_skips_passes(tmp_path: Path) -> None:
    assert run_pytest(tmp_path, "def test_a(): pass").returncode == 0


def test_a_file_belongs_to_its_folder_or_is_a_part_itself() -> None:
    assert part_of("src/handrail/core/policy/keys.py") == "core"
    assert part_of("src/handrail/runner.py") == "runner"


def test_a_line_or_branch_without_a_test_is_named() -> None:
    seen = {
        "src/handrail/core/plan.py": {"missing_lines": [3, 4], "missing_branches": [[7, 9], [8, -1]]},
        "src/handrail/doors/cli.py": {"missing_lines": [1], "missing_branches": []},
        "src/handrail/runner.py": WHOLE,
    }
    assert gaps(seen, ["core", "runner"]) == ["src/handrail/core/plan.py: 3, 4, 7->9, 8->exit"]


def test_a_part_that_was_not_measured_is_a_gap() -> None:
    assert gaps({"src/handrail/runner.py": WHOLE}, ["core", "runner"]) == [
        "src/handrail/core: nothing of it was measured"
    ]
