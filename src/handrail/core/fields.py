"""What an operation asks for: one declared field becomes an option, a prompt, a form control. Draws nothing itself."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from handrail.core.errors import Usage


class Kind(Enum):
    """How a value is written and shown."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    FILE = "file"
    SECRET = "secret"  # noqa: S105  a kind of field, not a secret


@dataclass(frozen=True)
class Field:
    """One parameter of an operation.

    name: snake_case; the option is `--name-with-dashes`. positional: a bare word instead of an option.
    many: a tuple of values; commas: a comma splits them too (ids and names only, never paths or record values).
    check: takes one value, returns it normalised, raises Usage. pick_from: the operation ("ec2 list") whose rows offer
    values. minimum, maximum: bounds of a number, inclusive. aliases: further option names (`--ami` for `--image`).
    empty: what an empty value means, for its help; where it says nothing, one is refused.
    """

    name: str
    help: str
    kind: Kind = Kind.TEXT
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    many: bool = False
    commas: bool = False
    positional: bool = False
    pick_from: str = ""
    metavar: str = ""
    minimum: int | None = None
    maximum: int | None = None
    aliases: tuple[str, ...] = ()
    negative: str = ""
    check: Callable[[str], str] | None = None
    empty: str = ""

    @property
    def option(self) -> str:
        """Return the way a person writes it: `--key-pair`, or `TARGET` for a positional."""
        return self.metavar or self.name.upper() if self.positional else "--" + self.name.replace("_", "-")


Values = Mapping[str, Any]


def validate(fields: Sequence[Field], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return one checked value per field: missing ones take their default, many-valued ones become tuples.

    Raises Usage naming the option, the value and what would do.
    """
    return {field.name: _validated(field, raw.get(field.name)) for field in fields}


def _validated(field: Field, value: Any) -> Any:
    if field.many:
        return _validated_many(field, value)
    if value is None:
        if field.required:
            raise Usage(f"{field.option} is missing.", hint=f"give {field.option}: {field.help}")
        return field.default
    return _one(field, value)


def _validated_many(field: Field, value: Any) -> tuple[Any, ...]:
    items: list[Any] = []
    for item in [value] if isinstance(value, str) else value or ():
        items += [part.strip() for part in item.split(",")] if field.commas else [item]
    if field.required and not items:
        raise Usage(f"{field.option} is missing.", hint=f"give {field.option}: {field.help}")
    checked = (_one(field, item) for item in items)
    return tuple(dict.fromkeys(checked))


def _one(field: Field, value: Any) -> Any:
    if not field.empty:
        refuse_empty(field.option, value, field.help, required=field.required)
    if field.kind is Kind.NUMBER:
        return _number(field, value)
    if field.kind is Kind.FLAG:
        return _flag(field, value)
    if field.kind is Kind.CHOICE and value not in field.choices:
        raise Usage(f"{field.option} can't be {show(value)}.", hint=f"{field.option} takes {', '.join(field.choices)}")
    return field.check(value) if field.check else value


def refuse_empty(said: str, value: object, help: str = "", *, required: bool = False) -> None:
    """Raise Usage on an empty text: what a script left out must not come to mean "everything" or "not given".

    said: who says it, an option or a variable. help: what it is for. required: it can't be left out.
    """
    if value == "":
        meant = f"give {said} a value{help and f' ({help})'}"
        raise Usage(f"{said} is empty.", hint=meant if required else f"{meant}, or leave it out")


def _flag(field: Field, value: Any) -> bool:
    """Return a switch: forms and files write it as a word."""
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise Usage(f"{field.option} can't be {show(value)}.", hint=f"{field.option} takes true or false")
    return words[str(value).lower()]


def _number(field: Field, value: Any) -> int:
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
