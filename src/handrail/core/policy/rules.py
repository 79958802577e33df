"""What one request is allowed: the policies that hold for it, for whoever asks, where they work."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any

from handrail.core.command_line import NO_LINE, Line
from handrail.core.errors import Internal, NotManaged, Refused, Usage
from handrail.core.plan import Cap, Claim
from handrail.core.policy.document import Policy
from handrail.core.policy.judging import Limit, weigh
from handrail.core.policy.keys import KEYS, Key
from handrail.core.policy.reasons import Reason, refusal
from handrail.core.policy.values import OWNER, is_pattern, literally, matches
from handrail.core.policy.width import without_effect
from handrail.core.regions import DEFAULT_REGION

HOME_VARIABLE = "HANDRAIL_HOME_REGION"
CAPS = {"account": "ec2.max_running", "region": "ec2.max_running_per_region", "owner": "ec2.max_running_per_owner"}
USUAL_TYPES = ("t3.nano", "t4g.nano", "t3.micro", "t4g.micro")


@dataclass(frozen=True)
class Context:
    """Where and for whom is judged. target: `sandbox` or `aws`. account: its number; if empty, it is not judged."""

    target: str
    account: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Home:
    """The region of the ledger, and who says so."""

    region: str
    origin: str


class Touch(Enum):
    """What it takes to change a thing: nothing; a yes that names its owner; a yes to what Handrail did not make."""

    FREELY = "freely"
    ASK_OWNER = "ask owner"
    ASK_FOREIGN = "ask foreign"


class Rules:
    """The policies of one request. A plan must pass every one of them.

    find: returns them, the nearest first: a `handrail.toml` before the one that holds without it. context: where and
    for whom is judged; asks AWS who that is. chosen_home: what HANDRAIL_HOME_REGION says. line: as it was typed, for
    the hint of a refusal. note: is told what has no effect.
    """

    def __init__(
        self,
        find: Callable[[], tuple[Policy, ...]],
        context: Callable[[], Context],
        chosen_home: str = "",
        line: Line = NO_LINE,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._find, self._context, self._line, self._note = find, context, line, note
        self._chosen_home = chosen_home

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Return the policies, the nearest first. Raises Usage on a faulty one."""
        return self._find()

    # ---- claims

    def check(self, claims: Sequence[Claim]) -> None:
        """Raise Refused, with every reason at once, unless all policies let the claims pass."""
        reasons = self.judge(claims) if claims else ()
        if reasons:
            raise refusal(reasons, self._line)

    def judge(self, claims: Iterable[Claim]) -> list[Reason]:
        """Return a reason for every claim that one of the policies refuses.

        A claim's value is a str, int or bool, for `required_tags` the mapping of all user tags. On AWS `accounts` is
        judged too, unasked. Raises Internal on a claim of a key that no claim can be about.
        """
        return self._weigh(claims, every=False)

    def explain(self, claims: Iterable[Claim]) -> list[Reason]:
        """Return what every policy says to every claim, for `policy check`: also the reasons that let it pass.

        What two policies say in the same words, because neither file sets the key, is said once.
        """
        return list(dict.fromkeys(self._weigh(claims, every=True)))

    def _weigh(self, claims: Iterable[Claim], *, every: bool) -> list[Reason]:
        context = self._context()
        asked = [Claim("accounts", context.account)] if context.target == "aws" and context.account else []
        return [reason for claim in (*asked, *claims) for reason in weigh(self._limits(claim.key), claim, every=every)]

    def _limits(self, name: str) -> list[Limit]:
        key, context = KEYS.get(name), self._context()
        if key is None or not key.is_claimed:
            hint = "this is a defect of Handrail: report it"
            raise Internal(f"a plan claims {name}, which no policy judges.", hint=hint)
        return self._limits_on(context.target, key, literally(context.owner))

    def _limits_on(self, target: str, key: Key, owner: str) -> list[Limit]:
        """Return what each policy says of a key as it holds on a target, for an owner as a pattern writes it."""
        found = []
        for at, policy in enumerate(self.policies):
            limit = policy.value(key.name)
            if key.name == "ec2.regions" and limit is None and target == "aws":
                # Its own home region, else that of the ones that would hold without it: no nearer policy moves it, and
                # with it the regions that an outer one allows.
                homes = (each.value("home_region") for each in self.policies[at:])
                limit = (next(filter(None, homes), self._chosen_home or DEFAULT_REGION),)
            elif key.word == "names" and limit is not None:
                limit = tuple(pattern.replace(OWNER, owner) for pattern in limit)
            found.append(Limit(policy, key, limit))
        return found

    def allowed(self, key: str) -> tuple[str, ...] | None:
        """Return what a listing key (`ec2.types`) takes under all policies, in order, to offer as choices; None is any.

        Patterns stay patterns (`t3.*`), and only where every policy takes them.
        """
        limits = [limit for limit in self._limits(key) if limit.value is not None]
        items = dict.fromkeys(item for limit in limits for item in limit.value)
        fit = (item for item in items if all(item in limit.value or limit.permits(item) for limit in limits))
        return tuple(fit) if limits else None

    def without_effect(self, target: str) -> tuple[str, ...]:
        """Return a sentence for each key that does not do what it says on a target."""
        every = ((key, self._limits_on(target, key, OWNER)) for key in KEYS.values())
        return tuple(dict.fromkeys(sentence for key, limits in every for sentence in without_effect(key, limits)))

    # ---- choices and defaults

    def narrowest(self, key: str) -> str:
        """Return the narrowest word that the policies have for a choice: `s3.public`, `others`, `ec2.credits` …"""
        return min((str(policy.value(key)) for policy in self.policies), key=KEYS[key].ranks.index)

    def default(self, key: str) -> Any:
        """Return the default that the policy which holds states (`ec2.default_subnet` …), None if it states none.

        A file that was merely found chooses none: what a cloned repository picks would be put on people's instances.
        """
        *near, outer = self.policies
        for origin in (policy.origin(key) for policy in near if key in policy.given):
            self._note(f"{key} is ignored: {origin} was only found, and such a file chooses no defaults")
        return outer.value(key)

    def default_type(self) -> str:
        """Return the type of an instance where none is given: a stated default, else the first that all policies take.

        What the policy that holds says goes first: a file that was merely found may take a choice away, and makes one
        only where nothing else is left. Raises Refused where no type passes, Usage where the policies list patterns
        only and none of Handrail's usual types fits.
        """
        *near, outer = self.policies
        stated, limits = self.default("ec2.default_type"), self._limits("ec2.types")
        found = (item for policy in near for item in policy.value("ec2.types") or ())
        for name in (stated, *(outer.value("ec2.types") or ()), *USUAL_TYPES, *found):
            if name and not is_pattern(name) and all(limit.permits(name) for limit in limits):
                return str(name)
        reasons = self.judge([Claim("ec2.types", "", "--type")])
        message = "the policies allow no instance type."
        stuck = [replace(reason, message=message) for reason in reasons if reason.at_odds]
        if stuck:
            raise refusal(stuck, self._line)
        message = "the policies name no instance type to take by default."
        told = refusal([replace(reason, message=message) for reason in reasons], self._line)
        raise Usage(message, hint=told.hint, facts=told.facts, details=told.details)

    # ---- whose things

    def manages_any(self, service: str) -> bool:
        """Return whether Handrail may work also on what it did not make."""
        return self.narrowest(f"{service}.manage") == "any"

    def touch(self, service: str, *, name: str, managed: bool, owner: str) -> Touch:
        """Return what it takes for the caller to change a thing of `owner`; managed: Handrail created it.

        service: `ec2`, `s3` or `route53`. name: how the thing is called in a message. Raises NotManaged where only what
        Handrail created may be touched, Refused where other owners' things may not.
        """
        if not managed:
            if not self.manages_any(service):
                listing = "route53 zone" if service == "route53" else service
                raise NotManaged(
                    f"{name} is not managed by Handrail; nothing was changed.", hint=f"handrail {listing} list --all"
                )
            return Touch.ASK_FOREIGN
        others = self.narrowest("others")
        if owner == self._context().owner or others == "allow":
            return Touch.FREELY
        if others != "refuse":
            return Touch.ASK_OWNER
        source = next(policy.origin("others") for policy in self.policies if policy.value("others") == others)
        message = f"{name} belongs to {owner}, and the policy lets nobody change what another owner has."
        advice = f"ask {owner} to do it"
        raise refusal([Reason("others", owner, "", "others = refuse", source, message=message, advice=advice)])

    def believes(self, arn: str, owner: str) -> bool:
        """Return whether a principal's word on who asked is believed: the outermost policy lists it, no other drops it.

        A nearer policy that says nothing leaves the list of job servers as it is; it can't add to it.
        """
        lists = [policy.value("job_servers") for policy in self.policies]
        named = (matches(names, arn) or matches(names, owner) for names in lists if names is not None)
        return lists[-1] is not None and all(named)

    # ---- caps, and where they are kept

    @cached_property
    def caps(self) -> list[Cap]:
        """Return the caps of the policies, the tightest of each, each with where it stands."""
        found = []
        for scope, key in CAPS.items():
            stated = [policy for policy in self.policies if policy.value(key) is not None]
            if stated:
                tightest = min(stated, key=lambda policy: int(policy.value(key)))
                found.append(Cap(scope, tightest.value(key), key, tightest.origin(key)))
        return found

    @property
    def account_cap(self) -> int | None:
        """Return how many instances may run in the account at once, None for any number."""
        return next((cap.limit for cap in self.caps if cap.scope == "account"), None)

    @property
    def home(self) -> Home:
        """Return the region of the ledger: what the policy that holds and HANDRAIL_HOME_REGION agree on.

        Raises Refused if they disagree, or a file that was merely found names another: a second home region would be a
        second ledger, and nobody's cap would hold.
        """
        *near, outer = self.policies
        said = [*_home_of(outer), *([Home(self._chosen_home, HOME_VARIABLE)] if self._chosen_home else [])]
        home = said[0] if said else Home(DEFAULT_REGION, "default")
        for other in (*said, *(found for policy in near for found in _home_of(policy))):
            if other.region != home.region:
                raise _homes_at_odds(home, other, found=other not in said)
        return home

    def watched(self, region: str) -> list[str]:
        """Return where instances may run without a place: here, and the regions that the policy which holds names."""
        named = self.policies[-1].value("ec2.regions") or ()
        return list(dict.fromkeys([region, *(one for one in named if not is_pattern(one))]))


def _home_of(policy: Policy) -> list[Home]:
    region = policy.value("home_region")
    return [Home(region, policy.origin("home_region"))] if region else []


def _homes_at_odds(home: Home, other: Home, *, found: bool) -> Refused:
    """Return the refusal of two home regions; found: a file that was merely found names the other one."""
    advice = "an account has one home region: make them agree, or take one away"
    if found:
        export = f", or export {HOME_VARIABLE}={other.region}" if home.origin == "default" else ""
        advice = f"a file that was only found can't move the ledger: take the line out of it{export}"
    message = f"the home region is {home.region} by {home.origin}, and {other.region} by {other.origin}."
    rules = [(f"home_region = {one.region}", one.origin) for one in (home, other)]
    key = "home_region"
    return refusal([Reason(key, other.region, "", *rule, message=message, advice=advice) for rule in rules])
