"""The shell: reads one command line with Click, and has it answered on the streams of the process."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import NoReturn, TextIO

import click
from click.shell_completion import get_completion_class

from handrail import __version__
from handrail.catalog import SHELVES, Shelf
from handrail.core.errors import Interrupted, Stopped, Usage
from handrail.core.nearest import nearest
from handrail.doors.commands import build, check_words, parse
from handrail.doors.request import Request, Requests, Surroundings
from handrail.doors.streams import drop_unsent, open_shut_ones
from handrail.settings import OUTPUTS
from handrail.signals import WATCH

_COMPLETE = "_HANDRAIL_COMPLETE"  # set by the script that `_HANDRAIL_COMPLETE=bash_source handrail` prints


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


def run_program(argv: Sequence[str], around: Surroundings, shelves: Sequence[Shelf] = SHELVES) -> int:
    """Run one command line and return its exit code."""
    format = _early_format(argv, around.environ)
    requests = Requests(around, format, shelves, partial(parse, shelves=shelves))

    def act() -> int:
        around.ready()
        check_words(argv, around.environ)
        return _dispatch(argv, requests, shelves)

    return requests.answer(act)


def _dispatch(argv: Sequence[str], requests: Requests, shelves: Sequence[Shelf]) -> int:
    """Let Click find the command and call it. Raises Usage for what Click refuses."""

    def invoke(request: Request) -> None:
        click.get_current_context().exit(requests.run(request))

    root, out = build(invoke, shelves=shelves), requests.around.stdout
    instruction = requests.around.environ.get(_COMPLETE)
    try:
        with redirect_stdout(out):
            if instruction:
                return _complete(root, instruction, out)
            with root.make_context("handrail", list(argv)) as context:
                if context.params.get("version"):
                    requests.console.print([f"handrail {__version__}"])
                    return 0
                root.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as error:
        raise _usage(error) from None
    return 0


def _complete(root: click.Group, instruction: str, out: TextIO) -> int:
    """Write the script that makes a shell complete (`bash_source`), or the words that fit (`bash_complete`)."""
    shell, _, what = instruction.partition("_")
    kind = get_completion_class(shell)
    if kind is None or what not in ("source", "complete"):
        return Usage.exit_code
    completion = kind(root, {}, "handrail", _COMPLETE)
    out.write(completion.source() if what == "source" else completion.complete() + "\n")
    return 0


def _early_format(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return how to tell errors that come before the options are read: a program that said -o json wants JSON."""
    found = environ.get("HANDRAIL_OUTPUT", "")
    words = list(argv)
    for at, word in enumerate(words):
        if word in ("-o", "--output"):
            found = words[at + 1] if at + 1 < len(words) else found
        elif word.startswith(("--output=", "-o")):
            found = word.removeprefix("--output=").removeprefix("-o")
    return found if found in OUTPUTS else "table"


def _usage(error: click.UsageError) -> Usage:
    """Return what Click refuses in Handrail's words; a near miss of an option is named."""
    path = error.ctx.command_path if error.ctx else "handrail"
    if isinstance(error, click.NoSuchOption):
        near = nearest(error.option_name, error.possibilities or ())
        return Usage(f"{path} has no option {error.option_name}.", hint=f"{path} {near}" if near else f"{path} --help")
    said = error.format_message().rstrip(".")
    return Usage(f"{said[:1].lower()}{said[1:]}.", hint=f"{path} --help")
