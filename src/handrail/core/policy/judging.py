"""What each policy says to a claim, and what would pass all of them instead; nothing is ever merged."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import chain, combinations
from typing import Any

from handrail.core.fields import show
from handrail.core.nearest import nearest
from handrail.core.plan import Claim
from handrail.core.policy.document import Policy
from handrail.core.policy.keys import Key
from handrail.core.policy.reasons import SHOWN, Reason, ask_for
from handrail.core.policy.values import OWNER, below, filled, is_pattern, matches


@dataclass(frozen=True)
class Limit:
    """What one policy says of one key, as it holds for whoever asks. Its text is the rule and where that stands."""

    policy: Policy
    key: Key
    value: Any

    def __str__(self) -> str:
        """Return `ec2.types = t3.nano, t4g.nano (handrail.toml:7)`."""
        return f"{self.rule} ({self.source})"

    @property
    def rule(self) -> str:
        """Return `ec2.types = t3.nano, t4g.nano`."""
        if self.key.name == "ec2.regions" and self.value and self.policy.value(self.key.name) is None:
            return f"{self.key.name} = {self.value[0]}, the home region"
        return f"{self.key.name} = {self.key.text(self.value, SHOWN)}"

    @property
    def source(self) -> str:
        """Return where it stands."""
        return self.policy.origin(self.key.name)

    @property
    def parts(self) -> "list[Limit]":
        """Return what is judged one by one: each required tag by itself, all other keys whole."""
        return [replace(self, value=(pair,)) for pair in self.value] if self.key.is_tags and self.value else [self]

    @property
    def tag(self) -> str:
        """Return the required tag that this part is of, empty where none is required."""
        return str(self.value[0][0]) if self.value else ""

    @property
    def patterns(self) -> tuple[str, ...] | None:
        """Return what it lists, as patterns for whoever the owner is; None where it lists nothing that is allowed."""
        if self.value is None or not (self.key.is_list or self.key.is_tags):
            return None
        listed = [pattern for _, pattern in self.value] if self.key.is_tags else self.value
        ends = ("", "*.") if self.key.judge is below else ("",)
        return tuple(end + pattern.replace(OWNER, "*") for pattern in listed for end in ends)

    def permits(self, value: Any) -> bool:
        """Return whether it lets a claimed value pass."""
        return self.key.permits(self.value, value)


def weigh(limits: Sequence[Limit], claim: Claim, *, every: bool) -> Iterator[Reason]:
    """Yield why a claim is refused; with `every`, also what lets it pass. limits: of its key, one for each policy."""
    for limit in (part for whole in limits for part in whole.parts):
        passes = limit.permits(claim.value)
        if every or not passes:
            yield _reason(limit, limits, claim, passes=passes)


def _reason(limit: Limit, limits: Sequence[Limit], claim: Claim, *, passes: bool) -> Reason:
    key = limit.key
    value = limit.tag if key.is_tags else claim.value
    reason = Reason(key.name, value, claim.option, limit.rule, limit.source, passes)
    if passes:
        return reason
    if key.is_tags:
        limits = [part for whole in limits for part in whole.parts if part.tag == value]
        would_pass = _tag_that_passes(limits, value, claim.value.get(value) or "VALUE")
    else:
        would_pass = _offers(limits, value)
    reason = replace(reason, would_pass=would_pass, message=key.refused.format(value=claim.said or _said(value)))
    if key.optional or (would_pass and claim.option):
        return reason
    odds = at_odds(limits)
    advice = _advice(odds) if odds else key.advice or ask_for(claim.option)
    return replace(reason, advice=advice, at_odds=tuple(map(str, odds)))


def _said(value: object) -> str:
    return str(value) if re.fullmatch(r"[\w.:/@=+-]{1,60}", str(value), re.ASCII) else show(value)


def _offers(limits: Sequence[Limit], value: Any) -> tuple[str, ...]:
    """Return values that all policies take instead of a refused one: what was probably meant, then in listed order."""
    fill = limits[0].key.fill
    found = [fill(item, value) if fill else item for limit in limits for item in _items(limit.value)]
    fit = dict.fromkeys(
        str(each) for each in found if not is_pattern(str(each)) and all(limit.permits(each) for limit in limits)
    )
    meant = nearest(str(value), fit)
    return tuple(sorted(fit, key=lambda each: each != meant))


def _items(value: Any) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return value
    return () if value is None or isinstance(value, bool) else (value,)


def _tag_that_passes(limits: Sequence[Limit], tag: str, word: str) -> tuple[str, ...]:
    """Return the tag as all policies take it: a value that one of them spells out, else what was given, filled in."""
    patterns = [limit.value[0][1] for limit in limits]
    for pattern in patterns:
        word = filled(pattern, word)
    words = [*(pattern for pattern in patterns if not is_pattern(pattern)), word]
    return tuple(f"{tag}={word}" for word in words if all(matches((each,), word) for each in patterns))[:1]


# ---- policies at odds: no value at all passes, because one rule lists nothing, or two of them exclude each other


def at_odds(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Return limits of which no value passes all: one that lists nothing, or the nearer and the outer of two.

    What is no list of what is allowed is at odds with nothing.
    """
    lists = [(limit, limit.patterns) for limit in limits if limit.patterns is not None]
    empty = ((limit,) for limit, patterns in lists if not patterns)
    apart = ((near, outer) for (near, mine), (outer, theirs) in combinations(lists, 2) if not _may_meet(mine, theirs))
    return next(chain(empty, apart), ())


def _advice(odds: Sequence[Limit]) -> str:
    """Return who must change what."""
    near, *outer = odds
    keeper, key = f"whoever keeps {near.policy.source}", near.key.name
    if outer:
        return f"no value passes both: {keeper} must set {key} to what {outer[0].policy.source} allows"
    return f"no value passes: {keeper} must list one in {key}"


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
