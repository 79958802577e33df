"""Click commands drawn from the catalogue: fields become options, resources groups. Knows no operation by name."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import click
from click.shell_completion import CompletionItem

from handrail import settings
from handrail.catalog import SHELVES, Shelf, overview
from handrail.core.command_line import Typed
from handrail.core.errors import Usage
from handrail.core.fields import Field, Type, refuse_empty, show, validate
from handrail.core.nearest import nearest
from handrail.core.operation import Operation
from handrail.doors.request import DRY_RUN, Request

Invoke = Callable[[Request], None]
Alone = Callable[[click.Context], None]

_HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class _Global(click.Option):
    """An option that every command takes, before or after the action."""


def _globals() -> list[click.Parameter]:
    """Return the options that work everywhere; each is also an environment variable HANDRAIL_*."""
    return [_option(field, _Global) for field in settings.OPTIONS]


def _complete(field: Field[Any]) -> Callable[..., list[CompletionItem]]:
    """Return what completes the values of a field; a path is left to the shell."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        if field.type is Type.FILE:
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(word) for word in field.choices if word.startswith(incomplete)]

    return complete


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
        """Write the lists of words and options."""
        for title, kind in (("Words", _Word), ("Options", click.Option), ("Everywhere", _Global)):
            params = [param for param in self.get_params(ctx) if type(param) is kind]
            if records := [record for param in params if (record := param.get_help_record(ctx))]:
                with formatter.section(title):
                    formatter.write_dl(records)


class _Group(_Helpful, click.Group):
    """The program, or a word of a resource: the groups below it, then the actions of its own shelves.

    Actions are imported when one of them, or their list, is asked for; near misses are named. here: what it does
    without an action; alone: what those below it do then.
    """

    def __init__(
        self, invoke: Invoke, alone: Alone, shelves: Sequence[Shelf], depth: int, here: Alone, **rest: Any
    ) -> None:
        super().__init__(
            invoke_without_command=True, callback=partial(_when_alone, here), context_settings=_HELP_NAMES, **rest
        )
        self._invoke = invoke
        self._unopened = [shelf for shelf in shelves if len(shelf.words) == depth]
        for word in dict.fromkeys(shelf.words[depth] for shelf in shelves if len(shelf.words) > depth):
            below = [shelf for shelf in shelves if shelf.words[depth : depth + 1] == (word,)]
            said = "; ".join(shelf.help for shelf in below)
            text = f"{said[0].upper()}{said[1:]}."
            self.add_command(_Group(invoke, alone, below, depth + 1, alone, name=word, params=_globals(), help=text))

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
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            path, commands = ctx.command_path, self.list_commands(ctx)
            near = nearest(args[0], commands)
            raise Usage(
                f"{path} has no {'action' if ctx.parent else 'command'} {show(args[0])}.",
                hint=f"{path} {near}" if near else f"{path} --help",
                details={"commands": commands},
            )
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the commands."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)


# ---- drawing the catalogue


def _parameter(field: Field[Any]) -> click.Parameter:
    """Return the Click parameter of a field. Values stay text: core.fields judges them for every door alike."""
    if not field.positional:
        return _option(field)
    metavar = f"{field.option}..." if field.many and not field.option.startswith("[") else field.option
    return _Word(
        [field.name],
        field.help,
        nargs=-1 if field.many else 1,
        required=False,
        metavar=metavar,
        shell_complete=_complete(field),
    )


def _option(field: Field[Any], kind: type[click.Option] = click.Option) -> click.Option:
    names = [field.name, *field.options]
    if field.type is Type.LEVEL:
        return kind(names, count=True, default=None, help=field.help)
    if field.type is Type.FLAG:
        names[1] += f"/--{field.negative}" if field.negative else ""
        return kind(names, default=None, is_flag=True, help=_help(field))
    return kind(
        names,
        multiple=field.many,
        metavar=field.metavar or field.type.value.upper(),
        help=_help(field),
        shell_complete=_complete(field),
    )


def _help(field: Field[Any]) -> str:
    shown = field.default not in (None, False, True, ())
    said = f"{field.help} (default: {field.default})" if shown and "default" not in field.help else field.help
    return f"{said}; empty: {field.empty}" if field.empty else said


def _command(operation: Operation, name: str, invoke: Invoke, *, hidden: bool = False) -> click.Command:
    params = [_parameter(field) for field in operation.fields]
    if operation.has_dry_run:
        params.append(_option(DRY_RUN))
    return _Helpful(
        name=name,
        callback=lambda **given: invoke(_request(operation, given)),
        params=[*params, *_globals()],
        help=operation.help[0].upper() + operation.help[1:] + ".",
        epilog=f"Example:  {operation.example}",
        hidden=hidden,
        context_settings=_HELP_NAMES,
    )


def build(invoke: Invoke, alone: Alone | None = None, shelves: Sequence[Shelf] = SHELVES) -> click.Group:
    """Return the whole command line: a group per word of a resource, a command per operation, each calling `invoke`.

    alone: called for a resource without an action; None shows its help.
    """
    return _Group(
        invoke,
        alone or (lambda context: click.echo(context.get_help())),
        shelves,
        0,
        lambda context: invoke(_request(overview(), {})),
        name="handrail",
        params=[*_globals(), click.Option(["--version"], is_flag=True, default=None, help="print the version")],
        help="Self-service AWS within the rules of your platform team.",
        epilog="Example:  handrail ec2 create --name web",
    )


def _when_alone(act: Alone, **given: Any) -> None:
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        act(context)


def _request(operation: Operation, given: Mapping[str, Any]) -> Request:
    """Return what was asked for; values in the order in which they were typed."""
    names = {field.name for field in operation.fields}
    raw = {name: value for name, value in given.items() if name in names}
    return Request(operation, raw, _flags(click.get_current_context()), dry_run=bool(given.get(DRY_RUN.name)))


def _flags(context: click.Context) -> dict[str, Any]:
    """Return the options that work everywhere, as given at any level of the command line; the deepest wins."""
    flags = _flags(context.parent) if context.parent else {}
    for param in context.command.params:
        if isinstance(param, _Global):
            name, value = str(param.name), context.params.get(str(param.name))
            refuse_empty(param.opts[0], value, param.help or "")
            flags |= {name: value} if value not in (None, False, 0) else {}
    return flags


# ---- a line that is only read


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


def parse(words: Sequence[str], shelves: Sequence[Shelf] = SHELVES) -> Typed:
    """Return what a command line says (with or without `handrail` before it); nothing is run. Raises Usage."""
    found: list[Request] = []
    root, words = build(found.append, _no_action, shelves), list(words)
    with root.make_context("handrail", words[1:] if words[0] == "handrail" else words) as context:
        root.invoke(context)
    asked = found[0]
    if not asked.operation.name:
        raise Usage("no command stands behind the --.", hint="handrail policy check -- ec2 create")
    return Typed(asked.operation, validate(asked.operation.parameters, asked.raw), asked.flags, asked.line)


def _no_action(context: click.Context) -> None:
    """Say that a resource alone is no command."""
    raise Usage(f"{context.command_path} names no action.", hint=f"{context.command_path} --help")
