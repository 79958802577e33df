"""What in policies has no effect: a part that is wider than the policy that holds too, a key that nothing passes."""

from collections.abc import Iterator
from typing import Any

from handrail.core.policy.bounds import homes
from handrail.core.policy.clashes import Clash, Limit, clash
from handrail.core.policy.document import Policy, Rules
from handrail.core.policy.keys import KEYS, Found, Key
from handrail.core.policy.values import OWNER, below

SHOWN = 8


def without_effect(policies: Rules, target: str, chosen_home: str = "") -> tuple[str, ...]:
    """Return a sentence for each key that does not do what it says: it lets nothing pass, or more than holds.

    Only what a file itself says counts, and of presets only `open`. target, chosen_home: as in Context.
    """
    return tuple(dict.fromkeys(_sentences(policies, target, chosen_home)))


def _sentences(policies: Rules, target: str, chosen_home: str) -> Iterator[str]:
    for key in KEYS.values():
        limits = list(_limits(policies, key, target, chosen_home))
        odds = _odds(key, limits)
        if odds is not None:
            yield f"nothing passes {' and '.join(_rule(key, one) for one in limits if one[0] in odds.policies)}"
        else:
            yield from _wide(key, limits)


def _limits(policies: Rules, key: Key, target: str, chosen_home: str) -> Iterator[Limit]:
    for policy, home in zip(policies, homes(policies, chosen_home), strict=True):
        limit = policy.value(key.name)
        is_home = key.name == "ec2.regions" and limit is None and target == "aws"
        yield policy, (home,) if is_home else limit


def _odds(key: Key, limits: list[Limit]) -> Clash | None:
    # Whoever the owner will be: any text may stand there. Without an optional thing there is nothing to pass.
    if not key.is_list or key.optional:
        return None
    return clash([(policy, _for_anybody(limit)) for policy, limit in limits], suffixes=key.permits is below)


def _for_anybody(limit: Any) -> Any:
    return tuple(item.replace(OWNER, "*") for item in limit) if isinstance(limit, tuple) else limit


def _wide(key: Key, limits: list[Limit]) -> Iterator[str]:
    for at, (policy, mine) in enumerate(limits):
        for outer, limit in limits[at + 1 :]:
            if key.name == "preset":
                yield from _wide_preset(policy, outer)
            elif key.name in policy.given and key.found is Found.IGNORED:
                yield f"{_rule(key, (policy, mine))} has no effect: a file that was only found chooses no defaults"
            elif key.name in policy.given:
                part = key.beyond(limit, mine)
                if part != ():
                    yield _sentence(key, (policy, part), _rule(key, (outer, limit)))


def _wide_preset(policy: Policy, outer: Policy) -> Iterator[str]:
    if policy.value("preset") != "open":
        return
    silent = [key for key in KEYS.values() if key.name not in policy.given]
    if any(key.beyond(outer.value(key.name), policy.value(key.name)) != () for key in silent if not key.default_of):
        yield f"preset = open ({policy.origin('preset')}) has no effect where {outer.source} allows less"


def _rule(key: Key, limit: Limit) -> str:
    policy, value = limit
    return f"{key.name} = {key.text(value, SHOWN)} ({policy.origin(key.name)})"


def _sentence(key: Key, part: Limit, rule: str) -> str:
    policy, value = part
    said = f"{key.text(value, SHOWN)} ({policy.origin(key.name)})"
    if key.demands:
        return f"{key.name} without {said} has no effect: {rule} holds"
    return f"{key.name} = {said} has no effect beyond {rule}"
