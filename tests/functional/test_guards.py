"""Every guard holds, and its scenario fails once the guard is taken out of the source."""

import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from guards import GUARDS, Guard
from guards_unheard import GUARDS as UNHEARD

import handrail as package
from conftest import Handrail, Sandbox
from patience import HANGS

SOURCE = Path(package.__file__).parent
TESTS = Path(__file__).parents[1]
by_guard = pytest.mark.parametrize("guard", [*GUARDS, *UNHEARD], ids=lambda guard: guard.name)


@by_guard
def test_the_guard_holds(handrail: Handrail, sandbox: Sandbox, guard: Guard) -> None:
    guard.scenario(handrail, sandbox)


@by_guard
def test_without_the_guard_its_scenario_fails(
    handrail: Handrail, sandbox: Sandbox, guard: Guard, tmp_path: Path
) -> None:
    mutant = tmp_path / "src" / "handrail"
    shutil.copytree(SOURCE, mutant, ignore=shutil.ignore_patterns("__pycache__"))
    file = mutant / guard.file
    text = file.read_text()
    assert text.count(guard.text) == 1, "the guard's line has changed: tell guards.py"
    file.write_text(text.replace(guard.text, guard.without))
    # Not by PYTHONPATH, whose folders the program takes from its path.
    paths = [str(path) for path in (mutant.parent, TESTS, TESTS / "functional")]
    code = f"import runpy, sys; sys.path[:0] = {paths}; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, inspect.getfile(guard.scenario), guard.name, sandbox.state_dir, handrail.cwd],
        env=handrail.environ,
        capture_output=True,
        text=True,
        timeout=HANGS,
    )
    assert done.returncode == 1
    assert "AssertionError" in done.stderr, done.stderr
