"""Replay a seed with its trace: `python -m tests.simulation.replay SEED [MUTANT]` in the root of the checkout."""

import sys
from typing import Any

from .scenarios import build
from .world import Broken


def run(seed: int, **how: Any) -> Broken | None:
    """Return the invariant that a seed breaks, or None."""
    try:
        build(seed, **how).run()
    except Broken as broken:
        return broken
    return None


def story(seed: int, **how: Any) -> str:
    """Return the trace of a seed, and how it ends."""
    world = build(seed, trace=True, **how)
    try:
        world.run()
        end = "every invariant holds"
    except Broken as broken:
        end = str(broken)
    return "\n".join([*(world.trace or ()), f"seed {seed}: {end}"])


def main(words: list[str]) -> None:
    """Print the story of a seed."""
    from .mutants import MUTANTS

    how = MUTANTS[words[1]].how() if len(words) > 1 else {}
    print(story(int(words[0]), **how))


if __name__ == "__main__":
    main(sys.argv[1:])
