"""At least 20,000 seeds over the real lease, and every broken lease found (HANDRAIL_SEEDS sets how many seeds)."""

import os

import pytest

from .mutants import MUTANTS, Mutant
from .replay import run, story

SEEDS = int(os.environ.get("HANDRAIL_SEEDS", "20000"))
CHUNKS = 8
ENOUGH = 20_000  # seeds within which each mutant must show


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_invariant_holds_whatever_the_seed(chunk: int) -> None:
    for seed in range(chunk, SEEDS, CHUNKS):
        if run(seed) is not None:
            pytest.fail(story(seed), pytrace=False)


def test_a_seed_replays_exactly() -> None:
    for seed in range(0, 400, 7):
        assert story(seed) == story(seed)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_lease_is_found(name: str) -> None:
    mutant: Mutant = MUTANTS[name]
    how = mutant.how()
    found = next((broken for seed in range(ENOUGH) if (broken := run(seed, **how)) is not None), None)
    assert found is not None, f"no seed below {ENOUGH} shows {name}"
    assert found.name == mutant.finds
