"""Everything that one request may need, each part built when first asked for: caller, policy, AWS, cap, clock."""

import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from handrail import files
from handrail import settings as settings_module
from handrail.clock import Clock, SystemClock
from handrail.core.caller import Caller, Where
from handrail.core.errors import AwsFailure, CapReached, HandrailError, NotSetUp, Usage, is_no_answer
from handrail.core.fields import show
from handrail.core.line import NO_LINE, Line, Typed
from handrail.core.managed import LEDGER_TABLE
from handrail.core.operation import Operation
from handrail.core.plan import Claim, Listener, Places, Plan
from handrail.core.policy import (
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
from handrail.core.redaction import Secrets, secrets_in
from handrail.files import Folders
from handrail.ledger.holders import Cap, Times
from handrail.settings import NO_DOTENV, Dotenv, PolicyFile, Settings, TargetChoice, handrail_lease_times

if TYPE_CHECKING:
    from handrail.aws.connect import Aws, Call
    from handrail.aws.ec2 import Ec2
    from handrail.aws.embedded import Embedded
    from handrail.aws.ledger_table import LedgerTable
    from handrail.aws.s3 import S3
    from handrail.core.resources import Instance
    from handrail.ledger.account import Ledger, NoLedger
    from handrail.ledger.record import Known, Unfinished

FILE_LIMIT = 16 * 1024 * 1024  # bytes of a file that a person names; /dev/zero has no end
REQUESTER_LIMIT = 256  # characters; an e-mail address has at most 254 (RFC 5321, 4.5.3.1.3)
WHERE = ("target", "profile", "region", "policy")  # the options that say where, and by which rules, a command runs
VISIBILITY_AWS = 180.0  # seconds until every Describe surely shows a change (lease protocol, A4)


@dataclass(frozen=True)
class Door:
    """What a door knows that a request may need: the line that was typed, how lines and names are read, what to hide.

    secrets: what the command has in hand and may never tell; whoever gets hold of one adds it.
    """

    line: Line = NO_LINE
    parse: Callable[[Sequence[str]], Typed] | None = None
    operation_named: Callable[[str], Operation | None] = lambda name: None
    secrets: Secrets = field(default_factory=Secrets)


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
        self._checked: Session | None = None
        self.unfinished: list[Unfinished] = []
        # Regions that did not answer a look on the side, and why, by service.
        self.silent: dict[str, dict[str, HandrailError]] = {"ec2": {}, "s3": {}}
        self.listener, self.clock = listener, clock or SystemClock()
        self._began = self.clock.monotonic()

    # ---- where

    @cached_property
    def dotenv(self) -> Dotenv:
        """Return what `.env` says; read only where AWS may be meant."""
        if self.settings.target == "sandbox":
            return NO_DOTENV
        found = settings_module.read_dotenv(self.cwd)
        self._door.secrets.hide(*secrets_in(found.values))
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
        return self.located_on(self.choice.target)

    def located_on(self, target: str) -> Settings:
        """Return the settings with the region that holds on a target, and its source. Raises Usage.

        HANDRAIL_HOME_REGION does not choose it: that one says where the ledger is (PRODUCT.md section 2).
        """
        _ = self.home_region  # no file that was merely found may name another
        fallback = self.policies[-1].value("home_region")
        dotenv = NO_DOTENV if target == "sandbox" else self.dotenv
        return settings_module.choose_region(self.settings, target, self.environ, dotenv, self.folders.home, fallback)

    @property
    def region(self) -> str:
        """Return the region of this command."""
        if self.located.region is None:
            raise Usage("no region was found.", hint="--region us-east-1")
        return self.located.region

    @property
    def region_to_name(self) -> str | None:
        """Return the region that a line to type next must name, for this line alone says it; else None."""
        return self.region if self.located.source("region") == "--region" else None

    @cached_property
    def where(self) -> Where:
        """Return target, account and region; costs a call to STS."""
        return Where(self.choice.target, self.caller.account, self.region, self.located.source("region"))

    # ---- who, and what is allowed

    @cached_property
    def aws(self) -> "Aws":
        """Return the connection to the chosen target; starts the sandbox where that is it."""
        from handrail.aws.connect import connect
        from handrail.aws.identity import Person

        person = Person(say=self.listener.note, hide=self._door.secrets.hide)
        return connect(self.located, self.choice, self.environ, self.dotenv, folders=self.folders, person=person)

    @cached_property
    def caller(self) -> Caller:
        """Return who is asking. Raises BadCredentials, Unreachable."""
        return self.aws.caller()

    @property
    def owner_if_known(self) -> str:
        """Return the caller's owner name where it was asked for already, else an empty text."""
        known: Caller | None = self.__dict__.get("caller")
        return known.owner if known else ""

    @property
    def policy_files(self) -> tuple[PolicyFile, ...]:
        """Return the policies as they are found, the narrowing one first. Raises Usage where one can't be read."""
        return settings_module.find_policies(self.settings, self.cwd, self.folders)

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Return the policies that a plan must pass, the narrowing one first. Raises Usage on a faulty one."""
        return tuple(parse_policy(one.data, one.label) for one in self.policy_files)

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
            raise refusal(reasons, self._door.line)

    def check_policy(self, plan: Plan) -> None:
        """Raise Refused unless all policies let the plan pass."""
        if plan.claims:
            self.check_claims(plan.claims)

    def explain(self, claims: Sequence[Claim]) -> list[Reason]:
        """Return what every policy says to every claim."""
        return explain(self.policies, claims, self._context)

    def parse_command(self, words: Sequence[str]) -> "tuple[Session, Typed]":
        """Return a command line as it is read, and the session that it would run in: its options say where.

        Raises Usage, also where no door can parse.
        """
        if self._door.parse is None:
            raise Usage("commands can be checked in a shell only.", hint="handrail policy check -- ec2 create")
        typed = self._door.parse(words)
        flags = {name: value for name, value in typed.flags.items() if name in WHERE}
        said = settings_module.load(flags, self.environ, self.cwd, self.folders)
        settings = replace(
            self.settings,
            **{name: getattr(said, name) for name in flags},
            sources={**self.settings.sources, **{name: said.source(name) for name in flags}},
        )
        door = replace(self._door, line=typed.line)
        self._checked = Session(settings, self.environ, self.cwd, self.folders, self.listener, self.clock, door)
        return self._checked, typed

    def touch(self, service: str, *, name: str, managed: bool, owner: str) -> Touch:
        """Return what it takes to change a thing. Raises NotManaged or Refused where the policies forbid it."""
        return may_touch(self.policies, service, name=name, managed=managed, owner=owner, caller=self.caller.owner)

    def manages_any(self, service: str) -> bool:
        """Return whether the policies let Handrail work also on what it did not make."""
        return narrowest(self.policies, f"{service}.manage") == "any"

    def policy_default(self, key: str) -> Any:
        """Return the default that the policy which holds states for a key; None where it states none."""
        self._say_ignored(key)
        return default(self.policies, key)

    def _say_ignored(self, key: str) -> None:
        for origin in ignored(self.policies, key):
            self.listener.note(f"{key} is ignored: {origin} was only found, and such a file chooses no defaults")

    def default_type(self) -> str:
        """Return the instance type where none is given: the first that every policy allows. Raises Refused, Usage."""
        self._say_ignored("ec2.default_type")
        found = default_type(self.policies, self._context)
        if found is None:
            raise no_default_type(self.policies, self._context, self._door.line)
        return found

    def allowed(self, key: str) -> tuple[str, ...] | None:
        """Return what a listing key of the policies takes, None for anything."""
        return allowed(self.policies, key, self._context)

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
        return self._home.region

    @property
    def _home(self) -> Home:
        return home_region(self.policies, self.settings.home_region or "")

    @cached_property
    def ledger_table(self) -> "LedgerTable":
        """Return the table of the ledger in the home region, made or not."""
        return self._ledger_table_in(self.home_region)

    def _ledger_table_in(self, region: str) -> "LedgerTable":
        from handrail.aws.ledger_table import LedgerTable

        return LedgerTable(self.aws.client("dynamodb", region), self.clock.sleep)

    @cached_property
    def ledger(self) -> "Ledger | NoLedger":
        """Return the account's ledger; the sandbox's is made at first need.

        Raises NotSetUp where the account has none and the policies have caps; without caps a warning is enough. Only
        what changes something asks for this one: a read, which `found_ledger` serves, need not be warned.
        """
        if self.found_ledger is not None:
            if self.found_ledger.rows is None:
                path = self.folders.state / "audit.jsonl"
                self.listener.note(f"warning: this account has no ledger; only {path} records what is changed")
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
            if self.aws.sandbox is None:
                return self._without_ledger(error)
            if elsewhere := self.ledgers_of_sandbox():
                from handrail.ledger.elsewhere import second_ledger

                raise second_ledger(elsewhere[0], self._home) from None
            return None
        return ledger

    def ledgers_of_sandbox(self) -> tuple[str, ...]:
        """Return the regions but the home region in which this sandbox has a ledger."""
        from handrail.ledger.elsewhere import ledgers_elsewhere

        return ledgers_elsewhere(self.sandbox, self._ledger_table_in, self.home_region)

    def request_on_record(self, request: str) -> "Known | None":
        """Return a request as the record has it, or None. Writes nothing."""
        ledger = self.found_ledger
        return ledger.record.find(request) if ledger is not None else None

    def places_taken(self, live: Sequence["Instance"]) -> int | None:
        """Return how many places of the account are taken, None where nothing can tell.

        live: what is alive in the region of this command. Raises AwsFailure where what came is no answer of AWS.
        """
        try:
            ledger = self.found_ledger
            return ledger.taken(self.region, live) if ledger is not None else sum(one.takes_a_place for one in live)
        except (NotSetUp, AwsFailure) as error:
            if is_no_answer(error):
                raise
            return None

    def preview(self, places: Places) -> dict[str, CapReached]:
        """Return which starts would find a cap full, by their requests; only reads. Raises CapReached for creates."""
        from handrail.ledger.account import preview_of_none

        ledger = self.found_ledger
        return ledger.preview(places) if ledger is not None else preview_of_none(places, self.caps, self.caller.owner)

    def cap_in_the_way(self, places: Places) -> CapReached | None:
        """Return the refusal of places for new requests as a look at the ledger shows it, None where there is room."""
        try:
            self.preview(places)
        except CapReached as full:
            return full
        return None

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
            spent=lambda: round((self.clock.monotonic() - self._began) * 1000),
        )
        record = Record(table, self.caller, self.clock.sleep, self._requester())
        return Ledger(table, record, self._ec2_of_lease, times, here, self._watched_regions(), self.caps)

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
        return NoLedger(LocalRecord(self.folders.state / "audit.jsonl", self.caller, self.now))

    def _watched_regions(self) -> list[str]:
        """Return where instances may run without a place: here, and the regions that the policy which holds names."""
        return list(dict.fromkeys([self.region, *named_regions(self.policies)]))

    def _requester(self) -> str:
        """Return whom a job server names, if the policies believe it (PRODUCT.md section 4, promise 7).

        It comes from whoever filled in a form: one line that can be printed, of a length that a name may have.
        """
        told = self.environ.get("HANDRAIL_REQUESTER", "")
        named = " ".join("".join(char if char.isprintable() else " " for char in told).split())[:REQUESTER_LIMIT]
        return named if named and is_job_server(self.policies, self.caller.arn, self.caller.owner) else ""

    @property
    def recovery_age(self) -> float:
        """Return the seconds after which nothing of a request that was cut off can act, and every look shows it."""
        ledger = self.ledger
        return ledger.times.term + ledger.times.visibility if isinstance(ledger.times, Times) else 0.0

    def allow_changes_until(self, moment: float | None) -> None:
        """Let nothing change EC2 or S3 that is signed after a moment (epoch seconds); None takes the limit away."""
        self.aws.deadline.until = moment

    @property
    def changes_sent(self) -> int:
        """Return how many requests that change something have left so far, the ledger's own aside."""
        aws: Aws | None = self.__dict__.get("aws")
        return aws.deadline.sent if aws else 0

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

    def _ec2_of_lease(self, region: str) -> "Ec2":
        return self.ec2 if region == self.region else self.ec2_to_look_at(region)

    def ec2_to_look_at(self, region: str) -> "Ec2":
        """Return EC2 of a region for looks on the side: one that does not answer must not keep another waiting."""
        from handrail.aws.ec2 import Ec2

        with self.aws.briefly():
            client = self.aws.client("ec2", region)
        return Ec2(client, lambda: self.aws.client("ssm", region), region)

    @cached_property
    def s3(self) -> "S3":
        """Return the buckets of this command's account; new ones are made in its region."""
        from handrail.aws.s3 import S3

        return S3(self.aws, self.region)

    @property
    def calls(self) -> list["Call"]:
        """Return the calls made so far, also for a command that was checked; connects to nothing."""
        aws: Aws | None = self.__dict__.get("aws")
        return [*(aws.calls if aws else ()), *(self._checked.calls if self._checked else ())]

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

    def redact(self, text: str) -> str:
        """Return a text without the secrets that this command has in hand, for a record that others read."""
        return self._door.secrets.redact(text)

    # ---- this machine

    def open_stdin(self) -> BinaryIO:
        """Return standard input as bytes. Raises Usage where it is closed."""
        # Python has no stream then; a door may have put the null device in its place, which `</dev/null` does not.
        if sys.stdin is None or getattr(sys.stdin, "name", "") == os.devnull:
            raise Usage("standard input is closed.", hint="pipe something into the command, or name a file")
        return sys.stdin.buffer

    def read_file(self, path: str, limit: int = FILE_LIMIT) -> bytes:
        """Return the bytes of a file that the person named, at most one more than `limit` of them. Raises Usage.

        A pipe will do (`<(…)`), as long as something writes to it.
        """
        data = files.read_up_to(self.cwd / path, limit + 1, stream=True)
        if data is None:
            raise Usage(f"the file {show(path)} can't be read: No such file or directory.", hint="check the path")
        return data

    def write_file(self, path: Path, text: str) -> None:
        """Write a file that the person asked for. Raises Usage, also for a pipe that nobody reads."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_NOCTTY, 0o666)
            os.set_blocking(descriptor, True)  # only to open it could hang for ever
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
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
