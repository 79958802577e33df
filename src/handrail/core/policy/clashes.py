"""Policies at odds: no value at all passes, because one rule lists nothing, or two of them exclude each other."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Any

from handrail.core.policy.document import Policy
from handrail.core.policy.values import is_pattern

Limit = tuple[Policy, Any]
"""A policy, and its value of the key in question."""


@dataclass(frozen=True)
class Clash:
    """Policies of which no value passes all: one that lists nothing, or the nearer and the outer of two."""

    policies: tuple[Policy, ...]

    def advice(self, key: str) -> str:
        """Return who must change what."""
        near, *outer = self.policies
        if outer:
            return f"no value passes both: whoever keeps {near.source} must set {key} to what {outer[0].source} allows"
        return f"no value passes: whoever keeps {near.source} must list one in {key}"


def clash(limits: Sequence[Limit], *, suffixes: bool = False) -> Clash | None:
    """Return why no value passes all of these lists of patterns, None where one may. What is no list clashes never.

    suffixes: they are domains, each of which stands also for all below it.
    """
    lists = [(policy, _whole(limit) if suffixes else limit) for policy, limit in limits if isinstance(limit, tuple)]
    for policy, limit in lists:
        if not limit:
            return Clash((policy,))
    for (near, mine), (outer, theirs) in combinations(lists, 2):
        if not _may_meet(mine, theirs):
            return Clash((near, outer))
    return None


def _whole(ends: Iterable[str]) -> tuple[str, ...]:
    return tuple(pattern for end in ends for pattern in (end, f"*.{end}"))


def _may_meet(mine: Iterable[str], theirs: Sequence[str]) -> bool:
    return any(_overlap(one, other) for one in mine for other in theirs)


def _overlap(one: str, other: str) -> bool:
    """Return False where surely no text matches both patterns: their beginnings or their ends differ."""
    if not is_pattern(one):
        return fnmatchcase(one, other)
    if not is_pattern(other):
        return fnmatchcase(other, one)
    return _agree(_start(one), _start(other)) and _agree(_end(one)[::-1], _end(other)[::-1])


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _start(pattern: str) -> str:
    return re.split(r"[*?[]", pattern)[0]


def _end(pattern: str) -> str:
    return re.split(r"[*?\]]", pattern)[-1]
