"""Everything that one request may need, each part built when first asked for: caller, policy, AWS, cap, clock."""

import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from handrail import settings as settings_module
from handrail.core.caller import Caller, Where
from handrail.core.errors import NotSetUp, Usage
from handrail.core.fields import Values, show
from handrail.core.managed import LEDGER_TABLE
from handrail.core.operation import Operation
from handrail.core.plan import Claim, Listener, Plan
from handrail.core.policy import (
    Context,
    Policy,
    Reason,
    Touch,
    caps,
    default,
    default_type,
    explain,
    home_region,
    is_job_server,
    judge,
    may_touch,
    narrowest,
    parse_policy,
    refusal,
)
from handrail.files import Folders
from handrail.ledger.holders import Cap, Times
from handrail.settings import NO_DOTENV, Dotenv, Settings, TargetChoice, handrail_lease_times

if TYPE_CHECKING:
    from handrail.aws.connect import Aws, Call
    from handrail.aws.ec2 import Ec2
    from handrail.aws.embedded import Embedded
    from handrail.aws.ledger_table import LedgerTable
    from handrail.aws.s3 import S3
    from handrail.ledger.account import Ledger, NoLedger
    from handrail.ledger.record import Known, Unfinished

FILE_LIMIT = 16 * 1024 * 1024  # bytes of a file that a person names; /dev/zero has no end
VISIBILITY_AWS = 180.0  # seconds until every Describe surely shows a change (lease protocol, A4)


class Clock(Protocol):
    """Time, as far as a command needs it."""

    def now(self) -> datetime:
        """Return the time of day, UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Door:
    """What a door knows that a request may need: how the command is written, how a line and a name are read."""

    command: str = "handrail"
    parse: Callable[[Sequence[str]], tuple[Operation, Values]] | None = None
    operation_named: Callable[[str], Operation | None] = lambda name: None


class Session:
    """What one request runs in. Nothing is looked up before it is needed, and nothing twice."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        cwd: Path,
        folders: Folders,
        listener: Listener,
        clock: Clock | None = None,
        door: "Door | None" = None,
    ) -> None:
        self._door = door or Door()
        self.settings, self.environ, self.cwd, self.folders = settings, environ, cwd, folders
        self._ec2: dict[str, Ec2] = {}
        self.unfinished: list[Unfinished] = []
        self.listener, self.clock = listener, clock or SystemClock()

    # ---- where

    @cached_property
    def dotenv(self) -> Dotenv:
        """Return what `.env` says; read only where AWS may be meant."""
        if self.settings.target == "sandbox":
            return NO_DOTENV
        found = settings_module.read_dotenv(self.cwd)
        for warning in found.warnings:
            self.listener.note(warning)
        return found

    @cached_property
    def choice(self) -> TargetChoice:
        """Return the target and why. Raises TargetNotChosen."""
        return settings_module.choose_target(self.settings, self.environ, self.dotenv, self.folders.home)

    @cached_property
    def located(self) -> Settings:
        """Return the settings with the region and its source filled in. Raises Usage on a region that is none."""
        home = home_region(self.policies, self.settings.home_region or "")
        fallback = home.region if home.origin != "default" else None
        return settings_module.choose_region(
            self.settings, self.choice.target, self.environ, self.dotenv, self.folders.home, fallback
        )

    @property
    def region(self) -> str:
        """Return the region of this command."""
        if self.located.region is None:
            raise Usage("no region was found.", hint="--region us-east-1")
        return self.located.region

    @cached_property
    def where(self) -> Where:
        """Return target, account and region; costs a call to STS."""
        return Where(self.choice.target, self.caller.account, self.region, self.located.source("region"))

    # ---- who, and what is allowed

    @cached_property
    def aws(self) -> "Aws":
        """Return the connection to the chosen target; starts the sandbox where that is it."""
        from handrail.aws.connect import connect

        return connect(self.located, self.choice, self.environ, self.dotenv, folders=self.folders)

    @cached_property
    def caller(self) -> Caller:
        """Return who is asking. Raises BadCredentials, Unreachable."""
        return self.aws.caller()

    @property
    def owner_if_known(self) -> str:
        """Return the caller's owner name where it was asked for already, else an empty text."""
        known: Caller | None = self.__dict__.get("caller")
        return known.owner if known else ""

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Return the policies that a plan must pass, the narrowing one first. Raises Usage on a faulty one."""
        found = settings_module.find_policies(self.settings, self.cwd, self.folders)
        return tuple(parse_policy(one.data, one.label) for one in found)

    @property
    def _context(self) -> Context:
        return Context(
            target=self.choice.target,
            account=self.caller.account,
            owner=self.caller.owner,
            chosen_home=self.settings.home_region or "",
        )

    def check_claims(self, claims: Sequence[Claim]) -> None:
        """Raise Refused, with every reason at once, unless all policies let the claims pass."""
        reasons = judge(self.policies, claims, self._context)
        if reasons:
            raise refusal(reasons, self._door.command)

    def check_policy(self, plan: Plan) -> None:
        """Raise Refused unless all policies let the plan pass."""
        if plan.claims:
            self.check_claims(plan.claims)

    def explain(self, claims: Sequence[Claim]) -> list[Reason]:
        """Return what every policy says to every claim."""
        return explain(self.policies, claims, self._context)

    def parse_command(self, words: Sequence[str]) -> tuple[Operation, Values]:
        """Return the operation and values that a command line means. Raises Usage, also where no door can parse."""
        if self._door.parse is None:
            raise Usage("commands can be checked in a shell only.", hint="handrail policy check -- ec2 create")
        return self._door.parse(words)

    def touch(self, service: str, *, name: str, managed: bool, owner: str) -> Touch:
        """Return what it takes to change a thing. Raises NotManaged or Refused where the policies forbid it."""
        return may_touch(self.policies, service, name=name, managed=managed, owner=owner, caller=self.caller.owner)

    def manages_any(self, service: str) -> bool:
        """Return whether the policies let Handrail work also on what it did not make."""
        return narrowest(self.policies, f"{service}.manage") == "any"

    def policy_default(self, key: str) -> Any:
        """Return the default that the nearest policy states for a key; None where none does."""
        return default(self.policies, key)

    def default_type(self) -> str:
        """Return the instance type where none is given: the first that every policy allows."""
        found = default_type(self.policies, self._context)
        if found is None:
            raise Usage("the policies name no instance type to take by default.", hint="give --type")
        return found

    def account_limit(self) -> int | None:
        """Return the cap of the account, or None where there is none."""
        return caps(self.policies).account

    @cached_property
    def caps(self) -> list[Cap]:
        """Return the caps of the policies, the tightest of each."""
        found = caps(self.policies)
        scopes = (
            ("account", "ec2.max_running", found.account),
            ("region", "ec2.max_running_per_region", found.per_region),
            ("owner", "ec2.max_running_per_owner", found.per_owner),
        )
        return [Cap(scope, limit, key, self._origin(key, limit)) for scope, key, limit in scopes if limit is not None]

    def _origin(self, key: str, value: int) -> str:
        return next(policy.origin(key) for policy in self.policies if policy.value(key) == value)

    # ---- the ledger

    @property
    def home_region(self) -> str:
        """Return the region of the account's ledger."""
        return home_region(self.policies, self.settings.home_region or "").region

    @cached_property
    def ledger_table(self) -> "LedgerTable":
        """Return the table of the ledger in the home region, made or not."""
        from handrail.aws.ledger_table import LedgerTable

        return LedgerTable(self.aws.client("dynamodb", self.home_region), self.clock.sleep)

    @cached_property
    def ledger(self) -> "Ledger | NoLedger":
        """Return the account's ledger; the sandbox's is made at first need.

        Raises NotSetUp where the account has none and the policies have caps; without caps a warning is enough.
        """
        if self.found_ledger is not None:
            return self.found_ledger
        self.ledger_table.make()
        return self._open_ledger()

    @cached_property
    def found_ledger(self) -> "Ledger | NoLedger | None":
        """Return the ledger as `ledger` does, but make none: None where the sandbox has none yet."""
        ledger = self._open_ledger()
        try:
            self.unfinished = ledger.record.unfinished()
        except NotSetUp as error:
            if error.slug != "no_ledger":
                raise
            return None if self.aws.sandbox is not None else self._without_ledger(error)
        return ledger

    def request_on_record(self, request: str) -> "Known | None":
        """Return a request as the record has it, or None. Writes nothing."""
        ledger = self.found_ledger
        return ledger.record.find(request) if ledger is not None else None

    def _open_ledger(self) -> "Ledger":
        from handrail.aws.dynamodb import Table
        from handrail.ledger.account import Ledger, lease_times
        from handrail.ledger.ports import Here
        from handrail.ledger.record import Record

        table = Table(self.aws.client("dynamodb", self.home_region), LEDGER_TABLE, self.now)
        limits = self.aws.sandbox.limits if self.aws.sandbox else None
        times = lease_times(**vars(limits)) if limits else Times()
        handrail_lease_times(self.environ, limits is not None)
        here = Here(
            by=self.caller.owner,
            new_mark=lambda: secrets.token_hex(8),
            sleep=self.clock.sleep,
            say=self.listener.note,
        )
        record = Record(table, self.caller, self.clock.sleep, self._requester())
        return Ledger(table, record, self.ec2_of, times, here, self._watched_regions(), self.caps)

    def _without_ledger(self, missing: NotSetUp) -> "NoLedger":
        from handrail.ledger.account import NoLedger
        from handrail.ledger.local import LocalRecord

        if self.caps:
            raise NotSetUp(
                f"this account has no ledger in {self.home_region}, and the policy has caps that need one.",
                hint="handrail init, or set home_region in the policy (HANDRAIL_HOME_REGION) to where it is",
                facts=[("rule", f"{cap.key} = {cap.limit} ({cap.source})") for cap in self.caps],
                code="no_ledger",
            ) from missing
        path = self.folders.state / "audit.jsonl"
        self.listener.note(f"warning: this account has no ledger; the record of this change goes to {path} only")
        return NoLedger(LocalRecord(path, self.caller, self.now))

    def _watched_regions(self) -> list[str]:
        """Return where instances may run without a place: here, and the regions that the policies name."""
        named = [
            region
            for policy in self.policies
            for region in policy.value("ec2.regions") or ()
            if "*" not in region and "?" not in region and "[" not in region
        ]
        return list(dict.fromkeys([self.region, *named]))

    def _requester(self) -> str:
        """Return whom a job server names, if the policies believe it (PRODUCT.md section 4, promise 7)."""
        named = self.environ.get("HANDRAIL_REQUESTER", "")
        return named if named and is_job_server(self.policies, self.caller.arn, self.caller.owner) else ""

    @property
    def recovery_age(self) -> float:
        """Return the seconds after which nothing of a request that was cut off can act, and every look shows it."""
        ledger = self.ledger
        return ledger.times.term + ledger.times.visibility if isinstance(ledger.times, Times) else 0.0

    def operation_named(self, name: str) -> Operation | None:
        """Return the operation of a name on record: `ec2 create`."""
        return self._door.operation_named(name)

    def now(self) -> float:
        """Return the time of day in epoch seconds."""
        return self.clock.now().timestamp()

    # ---- AWS

    @cached_property
    def sandbox(self) -> "Embedded":
        """Return the embedded AWS of this machine."""
        from handrail.aws.embedded import Embedded

        return Embedded(self.folders.sandbox, self.environ)

    @property
    def ec2(self) -> "Ec2":
        """Return EC2 of this command's region."""
        return self.ec2_of(self.region)

    def ec2_of(self, region: str) -> "Ec2":
        """Return EC2 of a region; its calls ask the fence that is in force."""
        from handrail.aws.ec2 import Ec2
        from handrail.aws.fencing import before_send

        if region not in self._ec2:
            client = self.aws.client("ec2", region, before_send=before_send)
            self._ec2[region] = Ec2(client, lambda: self.aws.client("ssm", region), region)
        return self._ec2[region]

    @cached_property
    def s3(self) -> "S3":
        """Return the buckets of this command's account; new ones are made in its region."""
        from handrail.aws.s3 import S3

        return S3(self.aws, self.region)

    @property
    def calls(self) -> list["Call"]:
        """Return the calls made so far; connects to nothing."""
        aws: Aws | None = self.__dict__.get("aws")
        return aws.calls if aws else []

    @property
    def retries_used(self) -> str:
        """Return how much of the command's budget of retries is spent, in words; empty where none is."""
        aws: Aws | None = self.__dict__.get("aws")
        return f"{aws.retries.spent} of {aws.retries.limit} retries used" if aws and aws.retries.spent else ""

    @property
    def visibility(self) -> float:
        """Return the seconds after which every look shows a change (the sandbox tells its own)."""
        sandbox = self.aws.sandbox
        return sandbox.limits.visibility if sandbox else VISIBILITY_AWS

    # ---- this machine

    def open_stdin(self) -> BinaryIO:
        """Return standard input as bytes."""
        return sys.stdin.buffer

    def read_file(self, path: str, limit: int = FILE_LIMIT) -> bytes:
        """Return the bytes of a file that the person named, at most one more than `limit` of them. Raises Usage."""
        try:
            with (self.cwd / path).open("rb") as file:
                return file.read(limit + 1)
        except OSError as error:
            raise Usage(f"the file {show(path)} can't be read: {error.strerror}.", hint="check the path") from None

    def write_file(self, path: Path, text: str) -> None:
        """Write a file that the person asked for. Raises Usage."""
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Usage(
                f"the file {show(path)} can't be written: {error.strerror}.", hint="name another path"
            ) from None

    def new_request(self) -> str:
        """Return a fresh request id: 26 letters and digits, 128 bits of chance."""
        return "".join(secrets.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(26))

    def random_letters(self, alphabet: str, count: int) -> str:
        """Return that many letters by chance, for a made-up name."""
        return "".join(secrets.choice(alphabet) for _ in range(count))
