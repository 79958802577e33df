"""What one request is allowed: the policies that hold for it, in the context of who asks and where."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from handrail.core.command_line import Line
from handrail.core.errors import HandrailError
from handrail.core.plan import Claim
from handrail.core.policy import (
    Caps,
    Context,
    Home,
    Policy,
    Reason,
    Touch,
    allowed,
    caps,
    default,
    default_type,
    explain,
    home_region,
    ignored,
    is_job_server,
    judge,
    may_touch,
    named_regions,
    narrowest,
    no_default_type,
    parse_policy,
    refusal,
)
from handrail.ledger.places import Cap
from handrail.settings import PolicyFile


class Rules:
    """The policies of one request.

    find: returns them as files, the narrowing one first. context: where and for whom is judged; asks AWS who that is.
    chosen_home: what HANDRAIL_HOME_REGION says. line: as it was typed, for the hint of a refusal. note: is told what
    has no effect.
    """

    def __init__(
        self,
        find: Callable[[], tuple[PolicyFile, ...]],
        context: Callable[[], Context],
        chosen_home: str,
        line: Line,
        note: Callable[[str], None],
    ) -> None:
        self._find, self._context, self._line, self._note = find, context, line, note
        self.chosen_home = chosen_home

    @property
    def files(self) -> tuple[PolicyFile, ...]:
        """Return the policies as they are found, the narrowing one first. Raises Usage where one can't be read."""
        return self._find()

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Return the policies that a plan must pass, the narrowing one first. Raises Usage on a faulty one."""
        return tuple(parse_policy(one.data, one.label) for one in self.files)

    def check(self, claims: Sequence[Claim]) -> None:
        """Raise Refused, with every reason at once, unless all policies let the claims pass."""
        reasons = judge(self.policies, claims, self._context()) if claims else ()
        if reasons:
            raise refusal(reasons, self._line)

    def explain(self, claims: Sequence[Claim]) -> list[Reason]:
        """Return what every policy says to every claim."""
        return explain(self.policies, claims, self._context())

    def touch(self, service: str, *, name: str, managed: bool, owner: str) -> Touch:
        """Return what it takes to change a thing. Raises NotManaged or Refused where the policies forbid it."""
        caller = self._context().owner
        return may_touch(self.policies, service, name=name, managed=managed, owner=owner, caller=caller)

    def manages_any(self, service: str) -> bool:
        """Return whether the policies let Handrail work also on what it did not make."""
        return self.narrowest(f"{service}.manage") == "any"

    def narrowest(self, key: str) -> str:
        """Return the narrowest word that the policies have for a choice: `s3.public`, `ec2.credits` …"""
        return narrowest(self.policies, key)

    def default(self, key: str) -> Any:
        """Return the default that the policy which holds states for a key; None where it states none."""
        self._say_ignored(key)
        return default(self.policies, key)

    def _say_ignored(self, key: str) -> None:
        for origin in ignored(self.policies, key):
            self._note(f"{key} is ignored: {origin} was only found, and such a file chooses no defaults")

    def default_type(self) -> str:
        """Return the instance type where none is given: the first that every policy allows. Raises Refused, Usage."""
        self._say_ignored("ec2.default_type")
        found = default_type(self.policies, self._context())
        if found is None:
            raise self._no_default_type()
        return found

    def _no_default_type(self) -> HandrailError:
        return no_default_type(self.policies, self._context(), self._line)

    def allowed(self, key: str) -> tuple[str, ...] | None:
        """Return what a listing key of the policies takes, None for anything."""
        return allowed(self.policies, key, self._context())

    # ---- caps, and where they are kept

    @property
    def limits(self) -> Caps:
        """Return the numbers of the caps, the tightest of each."""
        return caps(self.policies)

    @cached_property
    def caps(self) -> list[Cap]:
        """Return the caps of the policies, the tightest of each, each with where it stands."""
        found = self.limits
        scopes = (
            ("account", "ec2.max_running", found.account),
            ("region", "ec2.max_running_per_region", found.per_region),
            ("owner", "ec2.max_running_per_owner", found.per_owner),
        )
        return [Cap(scope, limit, key, self._origin(key, limit)) for scope, key, limit in scopes if limit is not None]

    def _origin(self, key: str, value: int) -> str:
        return next(policy.origin(key) for policy in self.policies if policy.value(key) == value)

    @property
    def home(self) -> Home:
        """Return the region of the account's ledger, and who says so. Raises Refused where that is not agreed on."""
        return home_region(self.policies, self.chosen_home)

    def watched(self, region: str) -> list[str]:
        """Return where instances may run without a place: here, and the regions that the policy which holds names."""
        return list(dict.fromkeys([region, *named_regions(self.policies)]))

    def believes(self, arn: str, owner: str) -> bool:
        """Return whether a principal's word on who asked is believed: that of a job server."""
        return is_job_server(self.policies, arn, owner)
