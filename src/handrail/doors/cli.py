"""The shell: runs one command line, and is the one place where errors become exit codes."""

from __future__ import annotations

import difflib
import io
import logging
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO, cast

import click
from click.shell_completion import get_completion_class

from handrail import __version__, settings
from handrail.catalog import operation_named
from handrail.core.errors import HandrailError, Interrupted, PartlyFailed, Stopped, Usage, defect, exit_code_of
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome, Plan, Question, Result
from handrail.core.redaction import Secrets, secrets_in_environment
from handrail.doors.commands import build, check_words, global_flags, line_of, parse, values_of
from handrail.doors.log import logging_to
from handrail.doors.streams import OutputLost, Remarks, Results, drop_unsent, open_shut_ones
from handrail.files import find_folders
from handrail.output.messages import Console, nowhere
from handrail.output.query import check_query
from handrail.output.result import write_outcome
from handrail.output.style import FORMATS, Style
from handrail.signals import WATCH

if TYPE_CHECKING:
    from handrail.clock import Clock
    from handrail.session import Session

log = logging.getLogger("handrail")

_COMPLETE = "_HANDRAIL_COMPLETE"  # set by the script that `_HANDRAIL_COMPLETE=bash_source handrail` prints


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

    @property
    def has_a_person(self) -> bool:
        """Return whether somebody can be asked: a terminal on both sides."""
        return self.stdin.isatty() and self.stderr.isatty()


def main() -> NoReturn:
    """Run the program and exit with the code of docs/reference/errors.md."""
    WATCH.begin()
    open_shut_ones()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    around = Surroundings(sys.stdin, sys.stdout, sys.stderr, os.environ, _working_folder(), ready=WATCH.ready)
    try:
        code = run_program(sys.argv[1:], around)
        drop_unsent()
        WATCH.done(code)
    except Stopped as stop:  # while the end itself was told: all that was done is on record by then
        code = Interrupted("", by=stop).exit_code
        drop_unsent()
    # Not sys.exit: while Python takes itself apart a signal would end the process as if nobody minded it.
    os._exit(code)


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        return None


def run_program(argv: Sequence[str], around: Surroundings) -> int:
    """Run one command line and return its exit code. The one place that catches errors."""
    results = Results(around.stdout)
    around = replace(around, stdout=cast(TextIO, results), stderr=cast(TextIO, Remarks(around.stderr)))
    secrets = Secrets()
    secrets.hide(*secrets_in_environment(around.environ))
    program = _Program(around, _early_style(argv, around.environ, secrets), secrets)
    try:
        around.ready()
        check_words(argv, around.environ)
        code = program.dispatch(argv)
        results.flush()
        return code
    except BrokenPipeError:
        return 0  # the reader of stdout went away (`| head`): there is nobody to say anything to
    except HandrailError as error:
        failed = error
    except KeyboardInterrupt as stop:
        failed = Interrupted("interrupted.", hint=program.after_interrupt, by=stop)
    except Exception as error:
        failed = defect(error)
    results.settle()
    program.console.error(failed)
    return failed.exit_code


class _ShellConsole(Console):
    """The console of one command, which calls the caller `you` wherever people see rows."""

    whose: Callable[[], str] = staticmethod(lambda: "")

    def knows_you(self) -> None:
        """Find out who is asking, if rows are shown to a person: it costs a call."""
        if self.style.format == "table":
            self.style = replace(self.style, owner=self.whose())

    def show_plan(self, plan: Plan) -> None:
        """Show it, with the caller's own things marked as such."""
        if plan.question is not None and plan.question.rows:
            self.knows_you()
        super().show_plan(plan)

    def confirm(self, question: Question) -> bool:
        """Ask, with the caller's own things marked as such."""
        self.knows_you()
        return super().confirm(question)


class _Program:
    """One run: the console that errors go to, also those from before the options were read."""

    def __init__(self, around: Surroundings, style: Style, secrets: Secrets) -> None:
        self.around, self.secrets = around, secrets
        self.console = _ShellConsole(around.stdout, around.stderr, around.stdin, style)
        self.after_interrupt = "repeat the command"

    def dispatch(self, argv: Sequence[str]) -> int:
        """Let Click find the command and call it. Raises Usage for what Click refuses."""
        root = build(self._invoke)
        instruction = self.around.environ.get(_COMPLETE)
        try:
            with redirect_stdout(self.around.stdout):
                if instruction:
                    return _complete(root, instruction, self.around.stdout)
                with root.make_context("handrail", list(argv)) as context:
                    if context.params.get("version"):
                        self.console.print([f"handrail {__version__}"])
                        return 0
                    root.invoke(context)
        except click.exceptions.Exit as done:
            return done.exit_code
        except click.UsageError as error:
            raise _usage(error) from None
        return 0

    def _invoke(self, operation: Operation, given: Mapping[str, Any]) -> None:
        context = click.get_current_context()
        context.exit(
            self.run(operation, values_of(operation, given), global_flags(context), dry_run=bool(given.get("dry_run")))
        )

    def run(self, operation: Operation, raw: Mapping[str, Any], flags: Mapping[str, Any], *, dry_run: bool) -> int:
        """Run an operation and return the exit code."""
        around = self.around
        if around.cwd is None:
            raise Usage("the working folder is gone.", hint="cd ~")
        folders = find_folders(around.environ)
        said = settings.load(flags, around.environ, around.cwd, folders)
        if said.query is not None:
            check_query(said.query)
        from handrail.session import Door, Session

        line = line_of(operation, raw, flags, dry_run=dry_run)
        door = Door(line, parse, operation_named, self.secrets, around.stdin)
        session = Session(said, around.environ, around.cwd, folders, self.console, clock=around.clock, door=door)
        self.console = session.listener = _console(said, session, around, operation, self.secrets, dry_run=dry_run)
        if operation.mutates and (listing := _listing(operation)):
            self.after_interrupt = f"see what was done: {listing}"
        with logging_to(said, around.stderr, self.secrets.redact, self.console.warn):
            try:
                return self._walk(operation, raw, session, dry_run=dry_run)
            except Exception:
                log.debug("failed", exc_info=True)
                raise
            finally:
                _say_calls(session, self.console)

    def _walk(self, operation: Operation, raw: Mapping[str, Any], session: Session, *, dry_run: bool) -> int:
        if operation.effect is not Effect.LOCAL:
            _choose_target(session, self.console, self.around)
        from handrail.runner import run

        outcome = run(operation, raw, session, dry_run=dry_run)
        if outcome.failures:
            outcome = replace(outcome, rows=list(outcome.rows))
        self.console.knows_you()
        try:
            write_outcome(outcome, self.console, action=operation.verb, kind=operation.kind)
        except OutputLost as error:
            raise _with_what_was_done(error, operation, outcome) from None
        return self._code(outcome)

    def _code(self, outcome: Outcome) -> int:
        if not outcome.failures:
            return 0
        targets = max(len(list(outcome.rows)), len(outcome.failures)) if outcome.targets else len(outcome.failures)
        if not self.console.style.for_people:  # people read each failure where it stands, programs get one object
            self.console.error(_sum_of(outcome.failures, targets))
        return exit_code_of(outcome.failures, targets)


def _sum_of(failures: Sequence[HandrailError], targets: int) -> HandrailError:
    if len(failures) == 1 and targets == 1:
        return failures[0]
    return PartlyFailed(
        f"{len(failures)} of {targets} targets failed.",
        hint="the failed rows say why",
        details={"errors": [failure.as_json() for failure in failures]},
    )


def _listing(operation: Operation) -> str:
    """Return the command that lists what an operation changes; empty where there is none."""
    name = f"{operation.resource} list".strip()
    return f"handrail {name}" if operation_named(name) else ""


def _with_what_was_done(error: OutputLost, operation: Operation, outcome: Outcome) -> OutputLost:
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
        hint=_listing(operation) or error.hint,
        facts=[("done", "\n".join(lines))],
        details={
            "done": [
                {"id": one.id, "name": one.name, "status": one.status.value, "request": one.request} for one in done
            ]
        },
    )


def _complete(root: click.Group, instruction: str, out: TextIO) -> int:
    """Write the script that makes a shell complete (`bash_source`), or the words that fit (`bash_complete`)."""
    shell, _, what = instruction.partition("_")
    kind = get_completion_class(shell)
    if kind is None or what not in ("source", "complete"):
        return Usage.exit_code
    completion = kind(root, {}, "handrail", _COMPLETE)
    out.write(completion.source() if what == "source" else completion.complete() + "\n")
    return 0


# ---- how it speaks


def _early_style(argv: Sequence[str], environ: Mapping[str, str], secrets: Secrets) -> Style:
    """Return the style for errors that come before the options are read: a program that said -o json wants JSON."""
    found = environ.get("HANDRAIL_OUTPUT", "")
    words = list(argv)
    for at, word in enumerate(words):
        if word in ("-o", "--output"):
            found = words[at + 1] if at + 1 < len(words) else found
        elif word.startswith(("--output=", "-o")):
            found = word.removeprefix("--output=").removeprefix("-o")
    return _style(secrets, found if found in FORMATS else "table")


def _style(secrets: Secrets, format: str, **rest: Any) -> Style:
    width = shutil.get_terminal_size((80, 24)).columns
    return Style(format=format, width=width, redact=secrets.redact, **rest)  # type: ignore[arg-type]  # one of FORMATS


def _console(
    said: settings.Settings,
    session: Session,
    around: Surroundings,
    operation: Operation,
    secrets: Secrets,
    *,
    dry_run: bool,
) -> _ShellConsole:
    style = _style(
        secrets,
        said.output or "table",
        explicit=said.output is not None,
        query=said.query,
        color=said.color,
        quiet=said.quiet,
        verbose=said.verbose,
    )
    console = _ShellConsole(
        around.stdout,
        around.stderr,
        around.stdin,
        style,
        # What touches this machine only has no place in AWS, and must not go looking for one.
        where=nowhere if operation.effect is Effect.LOCAL else lambda: session.where,
        yes=said.yes,
        no_input=said.no_input,
        dry_run=dry_run,
    )
    if operation.effect is not Effect.LOCAL:
        console.whose = lambda: session.caller.owner
    return console


def _choose_target(session: Session, console: Console, around: Surroundings) -> None:
    """On a terminal ask once which target is meant, and remember it; else let the error through."""
    try:
        _ = session.choice
    except settings.TargetNotChosen as error:
        if session.settings.no_input or not around.has_a_person:
            raise
        console.note(f"{error.message} Seen: {', '.join(error.seen)}")
        answer: str | None = ""
        while answer not in settings.TARGETS:
            answer = console.ask(f"Which one shall Handrail use, {' or '.join(settings.TARGETS)}? ")
            if answer is None:
                raise
            answer = answer.lower()
        settings.remember(session.folders, answer)
        session.choice = settings.TargetChoice(answer, "chosen just now")
        console.note(f"remembered; handrail use {'sandbox' if answer == 'aws' else 'aws'} changes it")


# ---- what -v says


def _say_calls(session: Session, console: Console) -> None:
    if console.style.verbose:
        for call in session.calls:
            tries = f" · {call.attempts} attempts" if call.attempts > 1 else ""
            console.note(f"{call.service}:{call.operation} {call.ms} ms{tries}")
        if session.aws.retries_used:
            console.note(session.aws.retries_used)


# ---- what Click says, and defects


def _usage(error: click.UsageError) -> Usage:
    """Return what Click refuses in Handrail's words; a near miss of an option is named."""
    path = error.ctx.command_path if error.ctx else "handrail"
    if isinstance(error, click.NoSuchOption):
        near = difflib.get_close_matches(error.option_name, error.possibilities or (), n=1, cutoff=0.7)
        return Usage(
            f"{path} has no option {error.option_name}.", hint=f"{path} {near[0]}" if near else f"{path} --help"
        )
    said = error.format_message().rstrip(".")
    return Usage(f"{said[:1].lower()}{said[1:]}.", hint=f"{path} --help")
