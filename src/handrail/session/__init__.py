"""What one request runs in, in four parts: its rules, AWS, what it keeps in the account, and this machine.

services.py  one connection to AWS, and the services on it   core/policy/rules.py  policies, caps, whose things
stores.py    ledger, places, ownership rows                  machine.py  files that a person named, standard input
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from handrail import settings as settings_module
from handrail.clock import Clock, SystemClock
from handrail.core.caller import Caller, Where
from handrail.core.command_line import NO_LINE, Line, Typed
from handrail.core.errors import Usage
from handrail.core.operation import Operation
from handrail.core.plan import Listener
from handrail.core.policy.document import Policy, parse_policy
from handrail.core.policy.rules import Context, Rules
from handrail.core.redaction import Secrets, secrets_in
from handrail.files import Folders
from handrail.session.machine import Machine
from handrail.session.services import Services
from handrail.session.stores import Stores
from handrail.settings import NO_DOTENV, Dotenv, PolicyFile, Settings, TargetChoice

if TYPE_CHECKING:
    from handrail.aws.connect import Aws, Call
    from handrail.aws.embedded import Embedded

WHERE = ("target", "profile", "region", "policy")  # the options that say where, and by which rules, a command runs


@dataclass(frozen=True)
class Door:
    """What a door knows that a request may need: the line that was typed, how lines and names are read, what to hide.

    stdin: standard input as the door has it. secrets: what the command has in hand and may never tell; whoever gets
    hold of one adds it.
    """

    line: Line = NO_LINE
    parse: Callable[[Sequence[str]], Typed] | None = None
    operation_named: Callable[[str], Operation | None] = lambda name: None
    secrets: Secrets = field(default_factory=Secrets)
    stdin: TextIO | None = None


class Session:
    """What one request runs in. Nothing is looked up before it is needed, and nothing twice.

    aws: a connection of the request before, which serves this one too where it goes to the same place.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        cwd: Path,
        folders: Folders,
        listener: Listener,
        clock: Clock | None = None,
        door: "Door | None" = None,
        aws: "Aws | None" = None,
    ) -> None:
        self._door = door or Door()
        self.settings, self.environ, self.folders = settings, environ, folders
        self.listener, self.clock = listener, clock or SystemClock()
        self._checked: Session | None = None
        self.machine = Machine(cwd, self._door.stdin)
        self.rules = Rules(self._policies, self._context, settings.home_region or "", self._door.line, self._note)
        self._passed_on = aws
        self.aws = Services(self._connect, lambda: self.region)
        self.stores = Stores(self)

    def _note(self, text: str) -> None:
        self.listener.note(text)  # which a door may exchange

    @property
    def policy_files(self) -> tuple[PolicyFile, ...]:
        """Return the policies as they are found, the narrowing one first. Raises Usage where one can't be read."""
        return settings_module.find_policies(self.settings, self.machine.cwd, self.folders)

    def _policies(self) -> tuple[Policy, ...]:
        return tuple(parse_policy(one.data, one.label) for one in self.policy_files)

    def _context(self) -> Context:
        return Context(self.choice.target, self.caller.account, self.caller.owner)

    # ---- where

    @cached_property
    def dotenv(self) -> Dotenv:
        """Return what `.env` says; read only where AWS may be meant."""
        if self.settings.target == "sandbox":
            return NO_DOTENV
        found = settings_module.read_dotenv(self.machine.cwd)
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
        _ = self.rules.home  # no file that was merely found may name another
        fallback = self.rules.policies[-1].value("home_region")
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

    # ---- who

    @cached_property
    def caller(self) -> Caller:
        """Return who is asking. Raises BadCredentials, Unreachable."""
        return self.aws.connection.caller()

    def _connect(self) -> "Aws":
        from handrail.aws.connect import connect
        from handrail.aws.identity import Person

        person, before = Person(say=self._note, hide=self._door.secrets.hide), self._passed_on
        if before is not None and before.serves(self.located, self.choice, self.dotenv):
            there = self.sandbox.find() if before.sandbox else None  # it may have been started anew
            if there == before.sandbox:
                return before.begin(person)
        return connect(self.located, self.choice, self.environ, self.dotenv, folders=self.folders, person=person)

    @cached_property
    def sandbox(self) -> "Embedded":
        """Return the embedded AWS of this machine."""
        from handrail.aws.embedded import Embedded

        return Embedded(self.folders.sandbox, self.environ)

    # ---- what its door knows

    def parse_command(self, words: Sequence[str]) -> "tuple[Session, Typed]":
        """Return a command line as it is read, and the session that it would run in: its options say where.

        Raises Usage, also where no door can parse.
        """
        if self._door.parse is None:
            raise Usage("commands can be checked in a shell only.", hint="handrail policy check -- ec2 create")
        typed = self._door.parse(words)
        cwd = self.machine.cwd
        flags = {name: value for name, value in typed.flags.items() if name in WHERE}
        said = settings_module.load(flags, self.environ, cwd, self.folders)
        settings = replace(
            self.settings,
            **{name: getattr(said, name) for name in flags},
            sources={**self.settings.sources, **{name: said.source(name) for name in flags}},
        )
        door = replace(self._door, line=typed.line)
        self._checked = Session(settings, self.environ, cwd, self.folders, self.listener, self.clock, door)
        return self._checked, typed

    def operation_named(self, name: str) -> Operation | None:
        """Return the operation of a name on record: `ec2 create`."""
        return self._door.operation_named(name)

    def redact(self, text: str) -> str:
        """Return a text without the secrets that this command has in hand, for a record that others read."""
        return self._door.secrets.redact(text)

    @property
    def calls(self) -> "list[Call]":
        """Return the calls made so far, also for a command that was checked; connects to nothing."""
        return [*self.aws.calls, *(self._checked.calls if self._checked else ())]

    def now(self) -> float:
        """Return the time of day in epoch seconds."""
        return self.clock.now().timestamp()

    def new_request(self) -> str:
        """Return a fresh request id: 26 letters and digits, 128 bits of chance."""
        return self.machine.letters("0123456789abcdefghjkmnpqrstvwxyz", 26)
