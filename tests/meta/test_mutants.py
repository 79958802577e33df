"""What the guards and the simulation break is there to be broken: each text stands once in the file that they name."""

import pytest
from guards import GUARDS, Guard
from guards_unheard import GUARDS as UNHEARD

from mutating import broken
from project import SOURCE
from simulation.mutants import MUTANTS, Patches


@pytest.mark.parametrize("guard", [*GUARDS, *UNHEARD], ids=lambda guard: guard.name)
def test_a_guards_line_is_there(guard: Guard) -> None:
    assert broken(SOURCE / guard.file, [(guard.text, guard.without)])


@pytest.mark.parametrize("patches", [mutant.patches for mutant in MUTANTS.values()], ids=MUTANTS)
def test_a_mutants_lines_are_there(patches: Patches) -> None:
    for module, pairs in patches.items():
        assert broken(SOURCE / "ledger" / f"{module}.py", pairs)
