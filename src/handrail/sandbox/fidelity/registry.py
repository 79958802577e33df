"""What a patch of moto is, and the one way to put it in place: loudly, where moto has changed beneath it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Patch:
    """One named difference between moto and AWS that the sandbox mends."""

    name: str
    apply: Callable[[], None]


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Replace an attribute by what `make` makes of it; raise RuntimeError where moto no longer has it."""
    original = getattr(owner, name, None)
    if original is None:
        raise RuntimeError(f"moto's {owner.__name__} has no {name} any more: the sandbox's patch must be revised")
    setattr(owner, name, make(original))


def require_name(function: Any, name: str) -> None:
    """Raise RuntimeError where a function of moto no longer uses a name that a patch relies on."""
    if name not in function.__code__.co_names:
        raise RuntimeError(f"moto's {function.__qualname__} no longer uses {name}: the sandbox's patch must be revised")
