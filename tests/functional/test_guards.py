"""Every guard holds, and its scenario fails once the guard is taken out of the source."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import without
from guards import GUARDS, Guard
from guards_unheard import GUARDS as UNHEARD

import handrail as package
from conftest import Handrail, Sandbox
from mutating import broken

SOURCE = Path(package.__file__).parent
TESTS = Path(__file__).parents[1]
by_guard = pytest.mark.parametrize("guard", [*GUARDS, *UNHEARD], ids=lambda guard: guard.name)


class Without:
    """Runs scripts with something broken in the product, each in a process."""

    def __init__(self) -> None:
        program = (
            f"import runpy, sys; sys.path[:0] = [{str(TESTS)!r}]; runpy.run_path(sys.argv[1], run_name='__main__')"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, without.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, mutants: Mapping[str, tuple[str, str]], argv: Sequence[str], environ: Mapping[str, str]) -> Any:
        """Run a script; return its code, and as err what it said."""
        paths = [str(TESTS), str(TESTS / "functional")]
        order = {"paths": paths, "mutants": mutants, "argv": argv, "environ": environ}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """Stop."""
        self._process.communicate()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Without]:
    """Return what runs scripts with another source."""
    runs = Without()
    yield runs
    runs.close()


@by_guard
def test_the_guard_holds(handrail: Handrail, sandbox: Sandbox, guard: Guard) -> None:
    guard.scenario(handrail, sandbox)


@by_guard
def test_without_the_guard_its_scenario_fails(
    handrail: Handrail, sandbox: Sandbox, elsewhere: Without, guard: Guard
) -> None:
    file = SOURCE / guard.file
    module = ".".join(["handrail", *Path(guard.file).with_suffix("").parts])
    mutant = {module: (str(file), broken(file, [(guard.text, guard.without)]))}
    script = [inspect.getfile(guard.scenario), guard.name, str(sandbox.state_dir), str(handrail.cwd)]
    done = elsewhere.run(mutant, script, handrail.environ)
    assert done["code"] == 1
    assert "AssertionError" in done["err"], done["err"]
