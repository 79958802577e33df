"""What in policies has no effect: a part that is wider than the policy that holds too, a key that nothing passes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from handrail.core.policy.judging import Limit, at_odds
from handrail.core.policy.keys import KEYS, Found, Key
from handrail.core.policy.reasons import SHOWN


def without_effect(key: Key, limits: Sequence[Limit]) -> Iterator[str]:
    """Yield a sentence where a key does not do what it says: it lets nothing pass, or more than holds.

    Only what a file itself says counts, and of presets only `open`. limits: of the key, one for each policy.
    """
    # Without an optional thing there is nothing to pass.
    odds = at_odds(limits) if key.is_list and not key.optional else ()
    if odds:
        yield f"nothing passes {' and '.join(map(_rule, odds))}"
        return
    for near, outer in combinations(limits, 2):
        if key.name == "preset":
            yield from _wide_preset(near, outer)
        elif key.name in near.policy.given and key.found is Found.IGNORED:
            yield f"{_rule(near)} has no effect: a file that was only found chooses no defaults"
        elif key.name in near.policy.given and (part := key.beyond(outer.value, near.value)) != ():
            yield _sentence(replace(near, value=part), outer)


def _wide_preset(near: Limit, outer: Limit) -> Iterator[str]:
    silent = [key for key in KEYS.values() if key.name not in near.policy.given and not key.default_of]
    wide = (key.beyond(outer.policy.value(key.name), near.policy.value(key.name)) != () for key in silent)
    if near.value == "open" and any(wide):
        yield f"preset = open ({near.source}) has no effect where {outer.policy.source} allows less"


def _said(limit: Limit) -> str:
    return f"{limit.key.text(limit.value, SHOWN)} ({limit.source})"


def _rule(limit: Limit) -> str:
    return f"{limit.key.name} = {_said(limit)}"


def _sentence(part: Limit, outer: Limit) -> str:
    if part.key.demands:
        return f"{part.key.name} without {_said(part)} has no effect: {_rule(outer)} holds"
    return f"{_rule(part)} has no effect beyond {_rule(outer)}"
