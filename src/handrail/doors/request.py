"""Answers requests for a door: settings, session, log, target; errors become exit codes, and what was done is told."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from handrail import settings
from handrail.catalog import SHELVES, Shelf, operation_named
from handrail.core.command_line import Line, Typed, line_of
from handrail.core.errors import HandrailError, Interrupted, PartlyFailed, Usage, defect, exit_code_of
from handrail.core.fields import flag
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome, Result
from handrail.core.redaction import Secrets, secrets_in_environment
from handrail.core.shell import command
from handrail.doors.log import logging_to
from handrail.doors.streams import OutputLost, Remarks, Results
from handrail.files import find_folders
from handrail.output.messages import NOWHERE, Console
from handrail.output.query import check_query
from handrail.output.result import write_outcome
from handrail.output.style import Style

if TYPE_CHECKING:
    from handrail.aws.connect import Aws
    from handrail.clock import Clock
    from handrail.session import Session

log = logging.getLogger("handrail")

DRY_RUN = flag("check everything, change nothing, show the plan", name="dry_run")


@dataclass(frozen=True)
class Surroundings:
    """What a process gives a program: streams, environment, working folder; a clock of its own where it has one.

    cwd: None where the folder was deleted under the process. ready: is called once whatever is raised is caught.
    """

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]
    cwd: Path | None
    clock: Clock | None = None
    ready: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Request:
    """One thing that somebody asked a door for. raw: values by the names of the operation's fields, as they were given.

    flags: what was said of the options that every command has (`settings.OPTIONS`), by name.
    """

    operation: Operation
    raw: Mapping[str, Any]
    flags: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False

    @property
    def line(self) -> Line:
        """Return the command line that asks for it."""
        everywhere = {one: self.flags.get(one.name) for one in settings.OPTIONS}
        return line_of(self.operation, self.raw, {DRY_RUN: self.dry_run, **everywhere})


class Requests:
    """The requests of one door, answered one after another; each is told on the streams of its surroundings.

    format: how to speak before a request says so. parse: reads a command line, for `policy check`; None where a door
    reads none. A connection to AWS that served a request to its end serves the next one too, where that goes to the
    same place.
    """

    def __init__(
        self,
        around: Surroundings,
        format: str = "table",
        shelves: Sequence[Shelf] = SHELVES,
        parse: Callable[[Sequence[str]], Typed] | None = None,
    ) -> None:
        self.secrets = Secrets()
        self.secrets.hide(*secrets_in_environment(around.environ))
        self._results = Results(around.stdout)
        self.around = replace(around, stdout=cast(TextIO, self._results), stderr=cast(TextIO, Remarks(around.stderr)))
        self.console = Console(self.around.stdout, self.around.stderr, around.stdin, self._style(format))
        self._named, self._parse = partial(operation_named, shelves=shelves), parse
        self._after_interrupt = "repeat the command"
        self._connection: Aws | None = None

    def answer(self, act: Callable[[], int]) -> int:
        """Do what may call `run`, and return the exit code: its own, or that of the error, which is told."""
        try:
            code = act()
            self._results.flush()
            return code
        except BrokenPipeError:
            return 0  # the reader of stdout went away (`| head`): there is nobody to say anything to
        except HandrailError as error:
            failed = error
        except KeyboardInterrupt as stop:
            failed = Interrupted("interrupted.", hint=self._after_interrupt, by=stop)
        except Exception as error:
            failed = defect(error)
        self._results.settle()
        self.console.error(failed)
        return failed.exit_code

    def run(self, request: Request) -> int:
        """Run one request, write what came of it, and return the exit code. Raises what `answer` tells."""
        around, operation = self.around, request.operation
        if around.cwd is None:
            raise Usage("the working folder is gone.", hint="cd ~")
        folders = find_folders(around.environ)
        said = settings.load(request.flags, around.environ, around.cwd, folders)
        if said.query is not None:
            check_query(said.query)
        from handrail.session import Door, Session

        door = Door(request.line, self._parse, self._named, self.secrets, around.stdin)
        passed_on, self._connection = self._connection, None
        session = Session(said, around.environ, around.cwd, folders, self.console, around.clock, door, passed_on)
        self.console = session.listener = self._console(said, session, request)
        listing = self._listing(operation) if operation.mutates else ""
        self._after_interrupt = f"see what was done: {listing}" if listing else "repeat the command"
        with logging_to(said, around.stderr, self.secrets.redact, self.console.warn):
            try:
                code = self._walk(request, session)
                self._connection = session.aws.open or passed_on
                return code
            except Exception:
                log.debug("failed", exc_info=True)
                raise
            finally:
                self._say_calls(session)

    def _walk(self, request: Request, session: Session) -> int:
        operation = request.operation
        if operation.effect is not Effect.LOCAL:
            self._choose_target(session)
        from handrail.runner import run

        outcome = run(operation, request.raw, session, dry_run=request.dry_run)
        if outcome.failures:
            outcome = replace(outcome, rows=list(outcome.rows))
        try:
            write_outcome(outcome, self.console, action=operation.verb, noun=operation.noun)
        except OutputLost as error:
            raise _with_what_was_done(error, outcome, self._listing(operation)) from None
        return self._code(outcome)

    def _code(self, outcome: Outcome) -> int:
        if not outcome.failures:
            return 0
        targets = max(len(list(outcome.rows)), len(outcome.failures)) if outcome.targets else len(outcome.failures)
        if not self.console.style.for_people:  # people read each failure where it stands, programs get one object
            self.console.error(_sum_of(outcome.failures, targets))
        return exit_code_of(outcome.failures, targets)

    def _listing(self, operation: Operation) -> str:
        """Return the command that lists what an operation changes; empty where there is none."""
        name = f"{operation.resource} list".strip()
        return command(name) if self._named(name) else ""

    # ---- how it speaks

    def _style(self, format: str, **rest: Any) -> Style:
        width = shutil.get_terminal_size((80, 24)).columns
        return Style(format=format, width=width, redact=self.secrets.redact, **rest)

    def _console(self, said: settings.Settings, session: Session, request: Request) -> Console:
        # What touches this machine only has no place in AWS, and must not go looking for one.
        is_local = request.operation.effect is Effect.LOCAL
        style = self._style(
            said.output or "table",
            explicit=said.output is not None,
            query=said.query,
            color=said.color,
            quiet=said.quiet,
            verbose=said.verbose,
            owner=lambda: "" if is_local else session.caller.owner,
        )
        return Console(
            self.around.stdout,
            self.around.stderr,
            self.around.stdin,
            style,
            where=lambda: NOWHERE if is_local else session.where,
            yes=said.yes,
            no_input=said.no_input,
            dry_run=request.dry_run,
        )

    def _choose_target(self, session: Session) -> None:
        """On a terminal ask once which target is meant, and remember it; else let the error through."""
        try:
            _ = session.choice
        except settings.TargetNotChosen as error:
            if session.settings.no_input or not self.console.has_a_person:
                raise
            self.console.note(f"{error.message} Seen: {', '.join(error.seen)}")
            answer: str | None = ""
            while answer not in settings.TARGETS:
                answer = self.console.ask(f"Which one shall Handrail use, {' or '.join(settings.TARGETS)}? ")
                if answer is None:
                    raise
                answer = answer.lower()
            settings.remember(session.folders, answer)
            session.choice = settings.TargetChoice(answer, "chosen just now")
            self.console.note(f"remembered; {command('use', 'sandbox' if answer == 'aws' else 'aws')} changes it")

    def _say_calls(self, session: Session) -> None:
        """Tell with -v what was asked of AWS."""
        if self.console.style.verbose:
            for call in session.calls:
                tries = f" · {call.attempts} attempts" if call.attempts > 1 else ""
                self.console.note(f"{call.service}:{call.operation} {call.ms} ms{tries}")
            if session.aws.retries_used:
                self.console.note(session.aws.retries_used)


def _sum_of(failures: Sequence[HandrailError], targets: int) -> HandrailError:
    if len(failures) == 1 and targets == 1:
        return failures[0]
    return PartlyFailed(
        f"{len(failures)} of {targets} targets failed.",
        hint="the failed rows say why",
        details={"errors": [failure.as_json() for failure in failures]},
    )


def _with_what_was_done(error: OutputLost, outcome: Outcome, listing: str) -> OutputLost:
    """Return the error of a result that nobody got to see with what a change has done all the same."""
    if not outcome.targets:
        return error
    done: list[Result] = list(outcome.rows)
    lines = [
        " · ".join(
            part for part in (one.name, one.id, one.status.value, one.request and f"request {one.request}") if part
        )
        for one in done
    ]
    return OutputLost(
        error.message,
        hint=listing or error.hint,
        facts=[("done", "\n".join(lines))],
        details={
            "done": [
                {"id": one.id, "name": one.name, "status": one.status.value, "request": one.request} for one in done
            ]
        },
    )
