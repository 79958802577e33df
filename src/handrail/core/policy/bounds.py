"""What the policies settle besides the claims of a plan: caps, home region, defaults, whose things may be touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from handrail.core.errors import NotManaged, Refused
from handrail.core.policy.document import Policy, Rules
from handrail.core.policy.keys import KEYS, Found
from handrail.core.policy.reasons import Reason, refusal
from handrail.core.policy.values import is_pattern, matches

DEFAULT_HOME = "us-east-1"
HOME_VARIABLE = "HANDRAIL_HOME_REGION"


@dataclass(frozen=True)
class Caps:
    """How many instances may run at once, in the account, in one region, of one owner; None is no cap.

    rules: for each of these that is a number, the line that a refusal shows.
    """

    account: int | None = None
    per_region: int | None = None
    per_owner: int | None = None
    rules: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __bool__(self) -> bool:
        """Return whether there is any cap at all."""
        return any(cap is not None for cap in (self.account, self.per_region, self.per_owner))


_CAPS = {
    "account": ("ec2.max_running", "for this account"),
    "per_region": ("ec2.max_running_per_region", "for each region"),
    "per_owner": ("ec2.max_running_per_owner", "for each owner"),
}


def caps(policies: Rules) -> Caps:
    """Return the tightest of each cap over all policies."""
    limits: dict[str, int] = {}
    rules: dict[str, str] = {}
    for name, (key, scope) in _CAPS.items():
        stated = [(policy.value(key), policy) for policy in policies if policy.value(key) is not None]
        if stated:
            limit, policy = min(stated, key=lambda pair: pair[0])
            limits[name] = limit
            rules[name] = f"{key} = {limit} {scope} ({policy.origin(key)})"
    return Caps(**limits, rules=rules)


def narrowest(policies: Rules, key: str) -> str:
    """Return the narrowest word that the policies have for a choice: `s3.public`, `others`, `ec2.manage` …"""
    return min((str(policy.value(key)) for policy in policies), key=KEYS[key].ranks.index)


def default(policies: Rules, key: str) -> Any:
    """Return the default that the policy which holds states (`ec2.default_subnet` …), None if it states none.

    A file that was merely found chooses none: what a cloned repository picks would be put on people's instances.
    """
    return policies[-1].value(key)


def ignored(policies: Rules, key: str) -> tuple[str, ...]:
    """Return where files that were merely found state a key that has no effect there: `handrail.toml:3`."""
    if KEYS[key].found is not Found.IGNORED:
        return ()
    return tuple(policy.origin(key) for policy in policies[:-1] if key in policy.given)


def named_regions(policies: Rules) -> list[str]:
    """Return the regions that the policy which holds names for instances, patterns left out."""
    return [region for region in policies[-1].value("ec2.regions") or () if not is_pattern(region)]


@dataclass(frozen=True)
class Home:
    """The region of the ledger, and who says so."""

    region: str
    origin: str


def home_region(policies: Rules, chosen: str = "") -> Home:
    """Return the home region that the policy which holds and HANDRAIL_HOME_REGION (`chosen`) agree on, else us-east-1.

    Raises Refused if they disagree, or a file that was merely found names another: a second home region would be a
    second ledger, and nobody's cap would hold.
    """
    *near, outer = policies
    said = [*_home_of(outer), *([Home(chosen, HOME_VARIABLE)] if chosen else [])]
    home = said[0] if said else Home(DEFAULT_HOME, "default")
    for other in said[1:]:
        if other.region != home.region:
            raise _homes_at_odds(home, other, "an account has one home region: make them agree, or take one away")
    for other in (found for policy in near for found in _home_of(policy)):
        if other.region != home.region:
            export = f", or export {HOME_VARIABLE}={other.region}" if home.origin == "default" else ""
            advice = f"a file that was only found can't move the ledger: take the line out of it{export}"
            raise _homes_at_odds(home, other, advice)
    return home


def _home_of(policy: Policy) -> list[Home]:
    region = policy.value("home_region")
    return [Home(region, policy.origin("home_region"))] if region else []


def _homes_at_odds(home: Home, other: Home, advice: str) -> Refused:
    message = f"the home region is {home.region} by {home.origin}, and {other.region} by {other.origin}."
    rules = [(f"home_region = {one.region}", one.origin) for one in (home, other)]
    return refusal([_reason("home_region", other.region, rule, message, advice) for rule in rules])


def homes(policies: Rules, chosen: str) -> list[str]:
    """Return each policy's home region: its own, else that of the ones that would hold without it.

    So a nearer policy can't move the home region under an outer one, and with it the regions that one allows.
    """
    home, found = chosen or DEFAULT_HOME, []
    for policy in reversed(policies):
        home = policy.value("home_region") or home
        found.append(home)
    return found[::-1]


def is_job_server(policies: Rules, arn: str, owner: str) -> bool:
    """Return whether a principal's word on who asked is believed: the outermost policy lists it, no other drops it.

    A nearer policy that says nothing leaves the list as it is; it can't add to it.
    """
    lists = [policy.value("job_servers") for policy in policies]
    return lists[-1] is not None and all(
        matches(names, arn) or matches(names, owner) for names in lists if names is not None
    )


class Touch(Enum):
    """What it takes to change a thing: nothing; a yes that names its owner; a yes to what Handrail did not make."""

    FREELY = "freely"
    ASK_OWNER = "ask owner"
    ASK_FOREIGN = "ask foreign"


def may_touch(policies: Rules, service: str, *, name: str, managed: bool, owner: str, caller: str) -> Touch:
    """Return what it takes for `caller` to change a thing of `owner`; `managed`: Handrail created it.

    service: `ec2`, `s3` or `route53`. name: how the thing is called in a message. Raises NotManaged where only what
    Handrail created may be touched, Refused where other owners' things may not.
    """
    if not managed:
        if narrowest(policies, f"{service}.manage") == "own":
            listing = "route53 zone" if service == "route53" else service
            raise NotManaged(
                f"{name} is not managed by Handrail; nothing was changed.", hint=f"handrail {listing} list --all"
            )
        return Touch.ASK_FOREIGN
    others = narrowest(policies, "others")
    if owner == caller or others == "allow":
        return Touch.FREELY
    if others == "refuse":
        origin = next(policy.origin("others") for policy in policies if policy.value("others") == "refuse")
        message = f"{name} belongs to {owner}, and the policy lets nobody change what another owner has."
        raise refusal([_reason("others", owner, ("others = refuse", origin), message, f"ask {owner} to do it")])
    return Touch.ASK_OWNER


def _reason(key: str, value: str, rule: tuple[str, str], message: str, advice: str) -> Reason:
    return Reason(key, value, "", *rule, message=message, advice=advice)
