"""What an operation asks for: one declared field becomes an option, a prompt, a form control. Draws nothing itself."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Any, Generic, Literal, Self, TypedDict, TypeVar, Unpack, overload

from handrail.core.errors import Usage

T = TypeVar("T")


class Type(Enum):
    """How a value is written and shown."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    FILE = "file"
    LEVEL = "level"  # a switch that says more each time it is given
    SECRET = "secret"  # noqa: S105  a type of field, not a secret


@dataclass(eq=False)
class Field(Generic[T]):
    """One parameter of an operation: an attribute of a class of Parameters, whose instances have its value as a T.

    name: snake_case, that of the attribute where it is not said; the option is `--name-with-dashes`. positional: a bare
    word instead of an option. many: a tuple of values; commas: a comma splits them too (ids and names only, never paths
    or record values). check: takes one value, returns it normalised, raises Usage. minimum, maximum: bounds of a
    number, inclusive. aliases: further option names (`--ami` for `--image`, `-o`). empty: what an empty value means,
    for its help; where it says nothing, one is refused. pick_from: the operation ("ec2 list") whose rows offer values;
    pick: which of their columns is the value. policy: the key ("ec2.types") whose list a door can offer.
    part_of_identity: whether a repeat under the same request id must give the same value.
    """

    name: str = ""
    help: str = ""
    type: Type = Type.TEXT
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    many: bool = False
    commas: bool = False
    positional: bool = False
    pick_from: str = ""
    pick: str = "id"
    policy: str = ""
    metavar: str = ""
    minimum: int | None = None
    maximum: int | None = None
    aliases: tuple[str, ...] = ()
    negative: str = ""
    check: Callable[[str], str] | None = None
    empty: str = ""
    part_of_identity: bool = True

    def __set_name__(self, owner: Any, name: str) -> None:
        """Take the name of the attribute."""
        self.name = self.name or name

    @overload
    def __get__(self, instance: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, instance: "Parameters", owner: Any) -> T: ...
    def __get__(self, instance: "Parameters | None", owner: Any) -> Any:
        """Return the value that was given; of a class, the field itself."""
        return self if instance is None else instance[self.name]

    @property
    def option(self) -> str:
        """Return the way a person writes it: `--key-pair`, or `TARGET` for a positional."""
        return self.metavar or self.name.upper() if self.positional else "--" + self.name.replace("_", "-")

    @property
    def options(self) -> tuple[str, ...]:
        """Return every way to write the option, the short ones of one letter."""
        return (self.option, *(f"{'-' if len(alias) == 1 else '--'}{alias}" for alias in self.aliases))


class Details(TypedDict, total=False):
    """What can be said of any field of one value or many; Field says what each means."""

    type: Type
    name: str
    choices: tuple[str, ...]
    positional: bool
    pick_from: str
    pick: str
    policy: str
    metavar: str
    aliases: tuple[str, ...]
    check: Callable[[str], str]
    empty: str
    part_of_identity: bool


@overload
def text(help: str, *, required: Literal[True], **said: Unpack[Details]) -> Field[str]: ...
@overload
def text(help: str, *, default: str, **said: Unpack[Details]) -> Field[str]: ...
@overload
def text(help: str, **said: Unpack[Details]) -> Field[str | None]: ...
def text(help: str, **said: Any) -> Field[Any]:
    """Return a field of one text; with a type, of one choice, file or secret."""
    return Field(help=help, **said)


def texts(
    help: str, *, required: bool = False, commas: bool = False, **said: Unpack[Details]
) -> Field[tuple[str, ...]]:
    """Return a field of many texts, or with a type of many files; none is an empty tuple."""
    return Field(help=help, many=True, required=required, commas=commas, **said)


@overload
def number(
    help: str, *, default: int, minimum: int = ..., maximum: int = ..., **said: Unpack[Details]
) -> Field[int]: ...
@overload
def number(help: str, *, minimum: int = ..., maximum: int = ..., **said: Unpack[Details]) -> Field[int | None]: ...
def number(help: str, **said: Any) -> Field[Any]:
    """Return a field of one whole number."""
    return Field(help=help, type=Type.NUMBER, **said)


@overload
def flag(help: str, *, default: None, negative: str = ..., **said: Unpack[Details]) -> Field[bool | None]: ...
@overload
def flag(help: str, *, default: bool = ..., negative: str = ..., **said: Unpack[Details]) -> Field[bool]: ...
def flag(help: str, *, default: bool | None = False, **said: Any) -> Field[Any]:
    """Return a switch, off where nothing else is said. negative: the word that turns it off (`no-wait`)."""
    return Field(help=help, type=Type.FLAG, default=default, **said)


class Parameters(Mapping[str, Any]):
    """What one operation asks for, a field per attribute; an instance has the values, also by their names.

    Only `validate` makes one, so that every value has been checked.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @classmethod
    def fields(cls) -> tuple[Field[Any], ...]:
        """Return the fields in order: bare words first; its own, then those of the classes that it is made of, from
        left to right.
        """
        found: dict[str, Field[Any]] = {}
        for one in chain.from_iterable(vars(part).values() for part in cls.__mro__):
            if isinstance(one, Field):
                found.setdefault(one.name, one)
        return tuple(sorted(found.values(), key=lambda field: not field.positional))

    def __getitem__(self, name: str) -> Any:
        """Return the value of a field."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names of the fields in their order."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return how many fields there are."""
        return len(self._values)


Given = TypeVar("Given", bound=Parameters)


def validate(parameters: type[Given], raw: Mapping[str, Any]) -> Given:
    """Return one checked value per field: missing ones take their default, many-valued ones become tuples.

    Raises Usage naming the option, the value and what would do.
    """
    return parameters({field.name: _validated(field, raw.get(field.name)) for field in parameters.fields()})


def _validated(field: Field[Any], value: Any) -> Any:
    if field.many:
        return _validated_many(field, value)
    if value is None:
        if field.required:
            raise Usage(f"{field.option} is missing.", hint=f"give {field.option}: {field.help}")
        return field.default
    return _one(field, value)


def _validated_many(field: Field[Any], value: Any) -> tuple[Any, ...]:
    items: list[Any] = []
    for item in [value] if isinstance(value, str) else value or ():
        items += [part.strip() for part in item.split(",")] if field.commas else [item]
    if field.required and not items:
        raise Usage(f"{field.option} is missing.", hint=f"give {field.option}: {field.help}")
    checked = (_one(field, item) for item in items)
    return tuple(dict.fromkeys(checked))


def _one(field: Field[Any], value: Any) -> Any:
    if not field.empty:
        refuse_empty(field.option, value, field.help, required=field.required)
    if field.type is Type.NUMBER:
        return _number(field, value)
    if field.type is Type.FLAG:
        return _flag(field, value)
    if field.type is Type.CHOICE and value not in field.choices:
        raise Usage(f"{field.option} can't be {show(value)}.", hint=f"{field.option} takes {', '.join(field.choices)}")
    return field.check(value) if field.check else value


def refuse_empty(said: str, value: object, help: str = "", *, required: bool = False) -> None:
    """Raise Usage on an empty text: what a script left out must not come to mean "everything" or "not given".

    said: who says it, an option or a variable. help: what it is for. required: it can't be left out.
    """
    if value == "":
        meant = f"give {said} a value{help and f' ({help})'}"
        raise Usage(f"{said} is empty.", hint=meant if required else f"{meant}, or leave it out")


def _flag(field: Field[Any], value: Any) -> bool:
    """Return a switch: forms and files write it as a word."""
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise Usage(f"{field.option} can't be {show(value)}.", hint=f"{field.option} takes true or false")
    return words[str(value).lower()]


def _number(field: Field[Any], value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise Usage(f"{field.option} takes a whole number, not {show(value)}.", hint=field.help) from None
    low, high = field.minimum, field.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = f"{low} or more" if high is None else f"{low} to {high}"
        raise Usage(f"{field.option} can't be {number}.", hint=f"{field.option} takes {bounds}")
    return number


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def show(value: object, limit: int = 60) -> str:
    """Return a value quoted for a message: control characters escaped, cut after `limit` characters."""
    text = _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), str(value))
    return f'"{text[:limit]}…" ({len(text)} characters)' if len(text) > limit else f'"{text}"'
