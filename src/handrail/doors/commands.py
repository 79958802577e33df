"""Click commands drawn from the catalogue: fields become options, resources groups. Knows no operation by name."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from handrail import settings
from handrail.catalog import SHELVES, Shelf, overview
from handrail.core.command_line import Line, Said, Typed
from handrail.core.errors import Usage
from handrail.core.fields import Field, Kind, refuse_empty, show, validate
from handrail.core.operation import Operation
from handrail.output.style import FORMATS

Invoke = Callable[[Operation, Mapping[str, Any]], None]
Alone = Callable[..., None]

CHECK_EXAMPLE = "handrail policy check -- ec2 create"

_GLOBAL_HELP = "Everywhere"
_HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class _Global(click.Option):
    """An option that every command takes, before or after the action."""


def _globals() -> list[click.Parameter]:
    """Return the options that work everywhere; each is also an environment variable HANDRAIL_*."""
    return [
        _Global(
            ["-o", "--output"], metavar="FORMAT", help="table, json, csv or yaml", shell_complete=_choices(FORMATS)
        ),
        _Global(["--query"], metavar="JMESPATH", help="print only what this expression finds"),
        _Global(["--target"], metavar="TARGET", help="sandbox or aws", shell_complete=_choices(settings.TARGETS)),
        _Global(["--profile"], metavar="NAME", help="AWS profile"),
        _Global(["--region"], metavar="REGION", help="AWS region"),
        _Global(["--policy"], metavar="FILE", help="policy file", shell_complete=_files),
        _Global(["-y", "--yes"], is_flag=True, default=None, help="answer every question with yes"),
        _Global(["--no-input"], is_flag=True, default=None, help="never ask: fail instead"),
        _Global(["-q", "--quiet"], is_flag=True, default=None, help="say only results, warnings and errors"),
        _Global(["-v", "--verbose"], count=True, default=None, help="say more: -v calls and retries, -vv everything"),
        _Global(["--log-file"], metavar="FILE", help="write the log there", shell_complete=_files),
        _Global(["--no-color"], is_flag=True, default=None, help="no colour"),
    ]


_GLOBAL_NAMES = ("output", "query", "target", "profile", "region", "policy", "yes", "no_input", "quiet", "verbose",
                 "log_file", "no_color")  # fmt: skip


def _choices(words: Iterable[str]) -> Any:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def _files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave it to the shell to complete a path."""
    return [CompletionItem(incomplete, type="file")]


class _Word(click.Argument):
    """A bare word, with the help of its field (Click's own arguments take help from 8.5 on only)."""

    def __init__(self, declarations: Sequence[str], help: str, **rest: Any) -> None:
        super().__init__(declarations, **rest)
        self._said = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return how it is written and what it is."""
        return self.make_metavar(ctx), self._said


class _Helpful(click.Command):
    """A command whose help lists its own options first and those of every command after."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the two lists of options."""
        words: list[tuple[str, str]] = []
        own: list[tuple[str, str]] = []
        everywhere: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                chosen = words if isinstance(param, _Word) else everywhere if isinstance(param, _Global) else own
                chosen.append(record)
        for title, records in (("Words", words), ("Options", own), (_GLOBAL_HELP, everywhere)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class _Group(_Helpful, click.Group):
    """The program, or the words of a resource: the groups below it, then the actions of its own shelves.

    Actions are imported when one of them, or their list, is asked for; near misses are named.
    """

    def __init__(self, invoke: Invoke, alone: Alone, shelves: Sequence[Shelf], depth: int, **rest: Any) -> None:
        super().__init__(invoke_without_command=True, context_settings=_HELP_NAMES, **rest)
        self._invoke = invoke
        self._unopened = [shelf for shelf in shelves if len(shelf.words) == depth]
        for word in dict.fromkeys(shelf.words[depth] for shelf in shelves if len(shelf.words) > depth):
            below = [shelf for shelf in shelves if shelf.words[depth : depth + 1] == (word,)]
            said = "; ".join(shelf.help for shelf in below)
            text = f"{said[0].upper()}{said[1:]}."
            self.add_command(
                _Group(invoke, alone, below, depth + 1, name=word, params=_globals(), callback=alone, help=text)
            )

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in their order."""
        self._open()
        return [name for name, command in self.commands.items() if not command.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a word."""
        if cmd_name not in self.commands:
            self._open()
        return super().get_command(ctx, cmd_name)

    def _open(self) -> None:
        while self._unopened:
            for operation in self._unopened.pop(0).operations:
                self.add_command(_command(operation, operation.verb, self._invoke))
                for alias in operation.aliases:
                    self.add_command(_command(operation, alias, self._invoke, hidden=True), alias)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of the first word. Raises Usage naming the nearest."""
        word = args[0]
        if self.get_command(ctx, word) is None and not ctx.resilient_parsing:
            raise _unknown_command(ctx, word, self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the commands."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)


def _unknown_command(ctx: click.Context, word: str, commands: Sequence[str]) -> Usage:
    near = difflib.get_close_matches(word, commands, n=1, cutoff=0.6)
    path = ctx.command_path
    return Usage(
        f"{path} has no {'action' if ctx.parent else 'command'} {show(word)}.",
        hint=f"{path} {near[0]}" if near else f"{path} --help",
        details={"commands": list(commands)},
    )


# ---- drawing the catalogue


def _parameter(field: Field[Any]) -> click.Parameter:
    """Return the Click parameter of a field. Values stay text: core.fields judges them for every door alike."""
    complete = _files if field.kind is Kind.FILE else _choices(field.choices) if field.choices else None
    if field.positional:
        return _Word(
            [field.name],
            field.help,
            nargs=-1 if field.many else 1,
            required=False,
            metavar=_positional(field),
            shell_complete=complete,
        )
    names = [field.option, *(f"--{alias}" for alias in field.aliases)]
    if field.kind is Kind.FLAG:
        switch = f"{field.option}/--{field.negative}" if field.negative else field.option
        return click.Option([field.name, switch], default=None, is_flag=True, help=_help(field))
    return click.Option(
        [field.name, *names],
        multiple=field.many,
        metavar=field.metavar or field.kind.value.upper(),
        help=_help(field),
        shell_complete=complete,
    )


def _positional(field: Field[Any]) -> str:
    metavar = field.metavar or field.name.upper()
    return f"{metavar}..." if field.many and not metavar.startswith("[") else metavar


def _help(field: Field[Any]) -> str:
    shown = field.default not in (None, False, True, ())
    said = f"{field.help} (default: {field.default})" if shown and "default" not in field.help else field.help
    return f"{said}; empty: {field.empty}" if field.empty else said


def _command(operation: Operation, name: str, invoke: Invoke, *, hidden: bool = False) -> click.Command:
    params = [_parameter(field) for field in operation.fields]
    if operation.has_dry_run:
        params.append(click.Option(["--dry-run"], is_flag=True, help="check everything, change nothing, show the plan"))
    return _Helpful(
        name=name,
        callback=lambda **given: invoke(operation, given),
        params=[*params, *_globals()],
        help=operation.help[0].upper() + operation.help[1:] + ".",
        epilog=f"Example:  {operation.example}",
        hidden=hidden,
        context_settings=_HELP_NAMES,
    )


def build(invoke: Invoke, alone: Alone | None = None, shelves: Sequence[Shelf] = SHELVES) -> click.Group:
    """Return the whole command line: a group per word of a resource, a command per operation, each calling `invoke`.

    alone: called for every resource, also for one without an action; None shows the help of that.
    """
    return _Group(
        invoke,
        alone or _help_alone,
        shelves,
        0,
        name="handrail",
        params=[*_globals(), click.Option(["--version"], is_flag=True, default=None, help="print the version")],
        callback=lambda **given: _root(invoke, given),
        help="Self-service AWS within the rules of your platform team.",
        epilog="Example:  handrail ec2 create --name web",
    )


def _help_alone(**given: Any) -> None:
    """Show the help of a resource that was named without an action."""
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _root(invoke: Invoke, given: Mapping[str, Any]) -> None:
    if click.get_current_context().invoked_subcommand is None:
        invoke(overview(), given)


def global_flags(context: click.Context) -> dict[str, Any]:
    """Return the options that work everywhere, as given at any level of the command line; the deepest wins."""
    flags: dict[str, Any] = {}
    levels: list[click.Context] = []
    level: click.Context | None = context
    while level is not None:
        levels.insert(0, level)
        level = level.parent
    for one in levels:
        for param in one.command.params:
            if isinstance(param, _Global):
                refuse_empty(param.opts[-1], one.params.get(str(param.name)), param.help or "")
        flags.update({name: value for name in _GLOBAL_NAMES if (value := one.params.get(name)) not in (None, False, 0)})
    return flags


def values_of(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given for the fields of an operation, in the order in which it was typed."""
    names = {field.name for field in operation.fields}
    return {name: value for name, value in given.items() if name in names}


# ---- a line as it was typed, and one that is only read


def line_of(operation: Operation, raw: Mapping[str, Any], flags: Mapping[str, Any], *, dry_run: bool) -> Line:
    """Return the command line that these values came from: bare words first, what works everywhere last."""
    fields = {field.name: field for field in operation.fields}
    said = sorted((_said(fields[name], value) for name, value in raw.items()), key=lambda one: one.option[:1] == "-")
    said += [Said("--dry-run", switch="--dry-run", everywhere=True)] if dry_run else []
    return Line(
        f"handrail {operation.name}".strip(), (*said, *(_said_everywhere(option, flags) for option in _globals()))
    )


def _said(field: Field[Any], value: Any) -> Said:
    if field.kind is Kind.FLAG:
        written = {True: field.option, False: f"--{field.negative}", None: ""}
        return Said(field.option, switch=written[value])
    values = (value,) if isinstance(value, str) else value or ()
    if field.commas:
        values = tuple(part.strip() for one in values for part in one.split(","))
    return Said(field.option, tuple(values), many=field.many)


def _said_everywhere(option: click.Parameter, flags: Mapping[str, Any]) -> Said:
    name, value = option.opts[-1], flags.get(str(option.name))
    if name == "--verbose":
        return Said(name, switch=f"-{'v' * value}" if value else "", everywhere=True)
    if isinstance(value, str):
        return Said(name, (value,), everywhere=True)
    return Said(name, switch=name if value else "", everywhere=True)


_MINDED = re.compile(r"(?i)(HANDRAIL_|AWS_)|.*_PROXY\Z")


def check_words(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Raise Usage where a word of the command, or a variable that Handrail reads, is no text: it names which."""
    for number, word in enumerate(argv):
        if reason := _no_text(word):
            before = argv[number - 1] if number else ""
            option = word.partition("=")[0] if word.startswith("-") else before if before.startswith("-") else ""
            which = f"the value of {option}" if option and not _no_text(option) else f"word {number + 1}"
            raise Usage(f"{which} {reason}: {show(word)}.", hint="write it in UTF-8")
    for name, value in environ.items():
        if _MINDED.match(name) and (reason := _no_text(value)):
            raise Usage(f"{name} (environment) {reason}.", hint=f"unset {show(name)[1:-1]}, or write it in UTF-8")


def _no_text(word: str) -> str:
    try:
        word.encode()
    except UnicodeEncodeError:
        return "is not UTF-8"
    return "has a NUL in it" if "\0" in word else ""


def parse(words: Sequence[str]) -> Typed:
    """Return what a command line says (with or without `handrail` before it); nothing is run. Raises Usage."""
    found: list[Typed] = []

    def take(operation: Operation, given: Mapping[str, Any]) -> None:
        flags, raw = global_flags(click.get_current_context()), values_of(operation, given)
        line = line_of(operation, raw, flags, dry_run=bool(given.get("dry_run")))
        found.append(Typed(operation, validate(operation.parameters, raw), flags, line))

    root, words = build(take, _no_action), list(words)
    with root.make_context("handrail", words[1:] if words[0] == "handrail" else words) as context:
        root.invoke(context)
    if not found[0].operation.name:
        raise Usage("no command stands behind the --.", hint=CHECK_EXAMPLE)
    return found[0]


def _no_action(**given: Any) -> None:
    """Say that a resource alone is no command."""
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        raise Usage(f"{context.command_path} names no action.", hint=f"{context.command_path} --help")
