"""What the policies say to a plan. A plan must pass every one of them; nothing is ever merged."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.core.command_line import Line
from handrail.core.errors import HandrailError, Internal, Usage
from handrail.core.fields import show
from handrail.core.nearest import nearest
from handrail.core.plan import Claim
from handrail.core.policy.bounds import homes
from handrail.core.policy.clashes import Limit, clash
from handrail.core.policy.document import Policy, Rules
from handrail.core.policy.keys import KEYS, Key
from handrail.core.policy.reasons import Reason, ask_for, refusal
from handrail.core.policy.values import OWNER, below, filled, is_pattern, literally, matches

RULE_ITEMS = 8
USUAL_TYPES = ("t3.nano", "t4g.nano", "t3.micro", "t4g.micro")


@dataclass(frozen=True)
class Context:
    """Where and for whom is judged.

    target: `sandbox` or `aws`. account: its number; while it is empty, `accounts` is not judged. chosen_home: the value
    of HANDRAIL_HOME_REGION as it is, empty if unset; a policy's own home_region goes before it.
    """

    target: str
    account: str = ""
    owner: str = ""
    chosen_home: str = ""


def judge(policies: Rules, claims: Iterable[Claim], context: Context) -> list[Reason]:
    """Return a reason for every claim that one of the policies refuses; an empty list lets the plan pass.

    A claim's value is a str, int or bool, for `required_tags` the mapping of all user tags. On AWS `accounts` is judged
    too, unasked. Raises Internal on a claim of a key that no claim can be about.
    """
    return list(_weigh(policies, claims, context, every=False))


def explain(policies: Rules, claims: Iterable[Claim], context: Context) -> list[Reason]:
    """Return what every policy says to every claim, for `policy check`: also the reasons that let it pass.

    What two policies say in the same words, because neither file sets the key, is said once.
    """
    return list(dict.fromkeys(_weigh(policies, claims, context, every=True)))


def _weigh(policies: Rules, claims: Iterable[Claim], context: Context, *, every: bool) -> Iterator[Reason]:
    asked = [Claim("accounts", context.account)] if context.target == "aws" and context.account else []
    for claim in (*asked, *claims):
        key, permits = _claimable(claim.key)
        for policy, limit in _limits(policies, key, context):
            for part in _parts(key, limit):
                passes = permits(part, claim.value)
                if every or not passes:
                    yield _reason(policies, policy, claim, part, context, passes=passes)


def _claimable(name: str) -> tuple[Key, Callable[[Any, Any], bool]]:
    key = KEYS.get(name)
    if key is None or key.permits is None:
        raise Internal(f"a plan claims {name}, which no policy judges.", hint="this is a defect of Handrail: report it")
    return key, key.permits


def _limits(policies: Rules, key: Key, context: Context) -> Iterator[tuple[Policy, Any]]:
    """Yield each policy's value of a key as it holds for the context."""
    for policy, home in zip(policies, homes(policies, context.chosen_home), strict=True):
        limit = policy.value(key.name)
        if key.name == "accounts" and context.target != "aws":
            limit = None
        elif key.name == "ec2.regions" and limit is None and context.target == "aws":
            limit = (home,)
        elif key.word == "names" and limit is not None:
            limit = tuple(pattern.replace(OWNER, literally(context.owner)) for pattern in limit)
        yield policy, limit


def _parts(key: Key, limit: Any) -> Sequence[Any]:
    """Return what is judged one by one: each required tag by itself, all other keys whole."""
    return [(pair,) for pair in limit] if key.word == "required_tags" and limit else [limit]


def _reason(policies: Rules, policy: Policy, claim: Claim, limit: Any, context: Context, *, passes: bool) -> Reason:
    key = KEYS[claim.key]
    by_tag = key.word == "required_tags"
    value = (limit[0][0] if limit else "") if by_tag else claim.value
    reason = Reason(key.name, value, claim.option, _rule(policy, key, limit), policy.origin(key.name), passes)
    if passes:
        return reason
    would_pass = _tag_that_passes(policies, value, claim, context) if by_tag else _offers(policies, key, value, context)
    message = key.refused.format(value=claim.said or _said(value))
    helps = key.optional or (would_pass and claim.option)
    advice, at_odds = ("", ()) if helps else _advice(policies, key, value, claim, context)
    return replace(reason, would_pass=would_pass, message=message, advice=advice, at_odds=at_odds)


def _advice(policies: Rules, key: Key, value: Any, claim: Claim, context: Context) -> tuple[str, tuple[str, ...]]:
    """Return what to do where no value is known that passes, and the rules that together let none, if that is why."""
    by_tag = key.word == "required_tags"
    limits = _limits_of_tag(policies, key, value, context) if by_tag else list(_limits(policies, key, context))
    odds = clash(limits, suffixes=key.permits is below) if by_tag or key.is_list else None
    if odds is None:
        return key.advice or ask_for(claim.option), ()
    rules = (
        f"{_rule(policy, key, ((value, limit[0]),) if by_tag else limit)} ({policy.origin(key.name)})"
        for policy, limit in limits
        if policy in odds.policies
    )
    return odds.advice(key.name), tuple(dict.fromkeys(rules))


def _rule(policy: Policy, key: Key, limit: Any) -> str:
    if key.name == "ec2.regions" and policy.value(key.name) is None and limit:
        return f"{key.name} = {limit[0]}, the home region"
    return f"{key.name} = {key.text(limit, RULE_ITEMS)}"


def _said(value: object) -> str:
    return str(value) if re.fullmatch(r"[\w.:/@=+-]{1,60}", str(value), re.ASCII) else show(value)


def _offers(policies: Rules, key: Key, value: Any, context: Context) -> tuple[str, ...]:
    """Return values that all policies take instead of a refused one: what was probably meant, then in listed order."""
    _, permits = _claimable(key.name)
    limits = [limit for _, limit in _limits(policies, key, context)]
    found = [key.fill(item, value) if key.fill else item for limit in limits for item in _items(limit)]
    fit = dict.fromkeys(
        str(each) for each in found if not is_pattern(str(each)) and all(permits(limit, each) for limit in limits)
    )
    meant = nearest(str(value), fit)
    return tuple(sorted(fit, key=lambda each: each != meant))


def _items(limit: Any) -> tuple[Any, ...]:
    if isinstance(limit, tuple):
        return limit
    return () if limit is None or isinstance(limit, bool) else (limit,)


def _limits_of_tag(policies: Rules, key: Key, tag: str, context: Context) -> list[Limit]:
    """Return each policy that requires a tag, and the patterns of its value."""
    pairs = [(policy, pair) for policy, limit in _limits(policies, key, context) for pair in limit or ()]
    return [(policy, (pattern,)) for policy, (name, pattern) in pairs if name == tag]


def _tag_that_passes(policies: Rules, tag: str, claim: Claim, context: Context) -> tuple[str, ...]:
    """Return the tag as all policies take it: a value that one of them spells out, else what was given, filled in."""
    limits = _limits_of_tag(policies, KEYS[claim.key], tag, context)
    patterns = [pattern for _, (pattern,) in limits]
    word = claim.value.get(tag) or "VALUE"
    for pattern in patterns:
        word = filled(pattern, word)
    words = [*(pattern for pattern in patterns if not is_pattern(pattern)), word]
    return tuple(f"{tag}={word}" for word in words if all(matches((each,), word) for each in patterns))[:1]


def allowed(policies: Rules, key: str, context: Context) -> tuple[str, ...] | None:
    """Return what a listing key (`ec2.types`) takes under all policies, in order, to offer as choices; None is any.

    Patterns stay patterns (`t3.*`), and only where every policy takes them.
    """
    known, permits = _claimable(key)
    limits = [limit for _, limit in _limits(policies, known, context) if limit is not None]
    if not limits:
        return None
    items = dict.fromkeys(item for limit in limits for item in limit)
    return tuple(item for item in items if all(item in limit or permits(limit, item) for limit in limits))


def passes(policies: Rules, key: str, value: Any, context: Context) -> bool:
    """Return whether all policies take one value of one key: for choices and defaults."""
    known, permits = _claimable(key)
    return all(permits(limit, value) for _, limit in _limits(policies, known, context))


def default_type(policies: Rules, context: Context) -> str | None:
    """Return the instance type of who gives none: a stated default, else the first allowed, if all policies take it.

    What the policy that holds says goes first: a file that was merely found may take a choice away, and makes one only
    where nothing else is left. None where the policies list patterns only and none of Handrail's usual types fits:
    then a type must be given.
    """
    *near, outer = policies
    found = (item for policy in near for item in policy.value("ec2.types") or ())
    for name in (outer.value("ec2.default_type"), *(outer.value("ec2.types") or ()), *USUAL_TYPES, *found):
        if name and not is_pattern(name) and passes(policies, "ec2.types", name, context):
            return str(name)
    return None


def no_default_type(policies: Rules, context: Context, line: Line) -> HandrailError:
    """Return why no instance type is taken where none is given: no type passes, or the policies list patterns only."""
    reasons = judge(policies, [Claim("ec2.types", "", "--type")], context)
    stuck = [replace(reason, message="the policies allow no instance type.") for reason in reasons if reason.at_odds]
    if stuck:
        return refusal(stuck, line)
    message = "the policies name no instance type to take by default."
    told = refusal([replace(reason, message=message) for reason in reasons], line)
    return Usage(message, hint=told.hint, facts=told.facts, details=told.details)
