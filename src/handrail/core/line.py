"""A command line as a person typed it, and the same line with what was refused exchanged. Judges nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.core.fields import Values
from handrail.core.operation import Operation

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

    @property
    def words(self) -> tuple[str, ...]:
        """Return it as a shell reads it; nothing where it was not given."""
        from shlex import quote

        if self.switch:
            return (self.switch,)
        if not self.option.startswith("-"):
            return tuple(map(quote, self.values))
        return tuple(word for value in self.values for word in (self.option, quote(value)))

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
        return " ".join((self.command, *(word for one in self.said for word in one.words)))

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
        for option in dict.fromkeys(option for option, _, _ in changes):
            mine = [change for change in changes if change[0] == option]
            said[option] = said.get(option, Said(option)).exchanged(mine)
        return replace(self, said=tuple(said.values()))


NO_LINE = Line()


@dataclass(frozen=True)
class Typed:
    """A command line as a door read it. flags: what was given of the options that every command has."""

    operation: Operation
    values: Values
    flags: Mapping[str, Any]
    line: Line
