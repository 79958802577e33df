"""A command line as a person typed it, and the same line with what was refused exchanged. Judges nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.core.fields import Field, Parameters, Type, flag
from handrail.core.operation import Operation
from handrail.core.shell import command, is_like_option, option, word

Change = tuple[str, str, str]
"""An option, the value of it that was refused, and the one to write instead; empty where it is to be left out."""


@dataclass(frozen=True)
class Said:
    """What was said for one option, or as bare words; an option that was not given has neither values nor a switch.

    option: how a claim names it: `--type`, or `NAME` for a bare word. values: as typed. switch: how one without a value
    was written: `--no-versioning`. many: it takes several values. everywhere: every command has it.
    """

    option: str
    values: tuple[str, ...] = ()
    switch: str = ""
    many: bool = False
    everywhere: bool = False

    @classmethod
    def of(cls, field: Field[Any], value: Any, *, everywhere: bool = False) -> "Said":
        """Return what a door got for a field, whose values are as they were typed: None where it was not given."""
        if field.type is Type.FLAG:
            off = f"--{field.negative}" if field.negative and value is False else ""
            return cls(field.option, switch=field.option if value else off, everywhere=everywhere)
        if field.type is Type.LEVEL:
            return cls(field.option, switch=f"-{field.aliases[0] * value}" if value else "", everywhere=everywhere)
        values = value if isinstance(value, list | tuple) else () if value is None else (str(value),)
        if field.commas:
            values = [part.strip() for one in values for part in one.split(",")]
        return cls(field.option, tuple(values), many=field.many, everywhere=everywhere)

    @property
    def words(self) -> tuple[str, ...]:
        """Return it as a shell reads it, an option with its value; nothing where it was not given."""
        if self.switch:
            return (self.switch,)
        return tuple(word(value) if self.is_bare else option(self.option, value) for value in self.values)

    @property
    def is_bare(self) -> bool:
        """Return whether it stands without an option."""
        return not self.option.startswith("-")

    def exchanged(self, changes: Sequence[Change]) -> "Said":
        """Return it with the refused values left out, and in their places the ones that pass."""
        if not self.many:
            _, refused, instead = changes[0]
            typed = self.values[0] if self.values else refused
            return replace(self, values=(_without_number(typed, refused, instead),) if instead else (), switch="")
        values = [next((new for _, old, new in changes if _is(one, old)), one) for one in self.values]
        values += [new for _, old, new in changes if not any(_is(one, old) for one in self.values)]
        return replace(self, values=tuple(dict.fromkeys(value for value in values if value)))


def _is(typed: str, refused: str) -> bool:
    """Return whether a typed value is the refused one; a tag is refused by its key."""
    return typed == refused or typed.startswith(f"{refused}=")


def _without_number(typed: str, refused: str, instead: str) -> str:
    """Return what to type: of `--name web --count 2` it is `web-1` that was refused, and `-1` that comes by itself."""
    number = refused.removeprefix(typed)
    return instead.removesuffix(number) if refused.startswith(typed) else instead


@dataclass(frozen=True)
class Line:
    """A command line. command: `handrail ec2 create`. said: its options, given or not, in the order of the line."""

    command: str = "handrail"
    said: tuple[Said, ...] = ()

    def __str__(self) -> str:
        """Return it as a shell reads it."""
        bare = [one for one in self.said if one.is_bare]
        options = [said for one in self.said if not one.is_bare for said in one.words]
        words = [said for one in bare for said in one.words]
        if any(is_like_option(value) for one in bare for value in one.values):
            return " ".join((self.command, *options, "--", *words))
        return " ".join((self.command, *(said for one in self.said for said in one.words)))

    @property
    def argv(self) -> tuple[str, ...]:
        """Return the words with which a program starts Handrail: whatever a value is, it is read as that value."""
        options = [
            text
            for one in self.said
            if not one.is_bare
            for text in ([one.switch] if one.switch else [f"{one.option}={value}" for value in one.values])
        ]
        words = [value for one in self.said if one.is_bare for value in one.values]
        return (*self.command.split()[1:], *options, *(["--", *words] if words else ()))

    @property
    def is_idle(self) -> bool:
        """Return whether it asks for nothing: an update that names no change."""
        own = [one for one in self.said if not one.everywhere and one.option.startswith("-")]
        return self.command.endswith(" update") and not any(one.words for one in own)

    def gives(self, option: str) -> bool:
        """Return whether an option was given."""
        return any(one.option == option and one.words for one in self.said)

    def corrected(self, changes: Sequence[Change]) -> "Line":
        """Return the line with refused values exchanged; what was not given is written behind the rest."""
        said = {one.option: one for one in self.said}
        for name in dict.fromkeys(name for name, _, _ in changes):
            mine = [change for change in changes if change[0] == name]
            said[name] = said.get(name, Said(name)).exchanged(mine)
        return replace(self, said=tuple(said.values()))


NO_LINE = Line()
DRY_RUN = flag("check everything, change nothing, show the plan", name="dry_run")


def line_of(operation: Operation, raw: Mapping[str, Any], everywhere: Mapping[Field[Any], Any]) -> Line:
    """Return the command line that these values came from: bare words first, what works everywhere last.

    raw: by the names of the fields, as a door got them. everywhere: of the options that every command has.
    """
    words = [Said.of(field, raw.get(field.name)) for field in operation.fields if field.positional]
    named = {field.name: field for field in operation.fields if not field.positional}
    options = [Said.of(named[name], value) for name, value in raw.items() if name in named]
    rest = [Said.of(field, value, everywhere=True) for field, value in everywhere.items()]
    return Line(command(operation.name), (*words, *options, *rest))


@dataclass(frozen=True)
class Typed:
    """A command line as a door read it. flags: what was given of the options that every command has."""

    operation: Operation
    values: Parameters
    flags: Mapping[str, Any]
    line: Line
