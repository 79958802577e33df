"""Tables for people: aligned cells, relative ages, coloured states, made to fit. Yields lines, writes nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from handrail.core.amounts import age
from handrail.output.layout import fitted
from handrail.output.lines import escape
from handrail.output.style import Style
from handrail.output.values import moment, plain

MISSING = "-"
SAMPLE = 1000
"""Rows that are held back to measure the columns; later rows stream past."""

_STATE_KEYS = frozenset({"state", "status", "access", "change_status", "result"})

Columns = Sequence[tuple[str, str]]


def table(
    columns: Columns, rows: Iterable[Any], style: Style, *, color: bool = False, room: int | None = None
) -> Iterator[str]:
    """Yield the lines of a table of Resources or mappings, its heading first; no line at all without rows."""
    cells = ([cell(value_of(row, key), heading, key, style) for heading, key in columns] for row in rows)
    states = [number for number, (_, key) in enumerate(columns) if color and key in _STATE_KEYS]
    return grid([heading for heading, _ in columns], cells, states, room)


def grid(
    headings: Sequence[str], rows: Iterable[Sequence[str]], states: Sequence[int] = (), room: int | None = None
) -> Iterator[str]:
    """Yield aligned lines of safe cells; `states` are the numbers of the columns whose known words are coloured.

    room: columns of the screen, which is made to suffice as far as it can: words are never broken, nothing is left
    out. Without one (a pipe) each row is one line.
    """
    rest = iter(rows)
    sample = list(islice(rest, SAMPLE))
    if not sample:
        return
    head = [[escape(heading) for heading in headings]] if headings else []
    layout = fitted(head + [list(row) for row in sample], room)
    for row in head:
        yield from layout.lines(row)
    for cells in chain(sample, rest):
        yield from layout.lines(cells, states)


def columns_of(row: Any) -> Columns:
    """Return the columns that a row brings itself: those of its class, or one for each key of a mapping."""
    own: Columns = getattr(row, "COLUMNS", ())
    return own or [(key.replace("_", " ").upper(), key) for key in plain(row)]


def value_of(row: Any, key: str) -> Any:
    """Return one value of a Resource or mapping; None where it has none."""
    return row.get(key) if isinstance(row, Mapping) else getattr(row, key, None)


def cell(value: Any, heading: str, key: str, style: Style) -> str:
    """Return a value as people read it: safe, one line, `-` for nothing, `you` for the caller, an age under AGE."""
    if isinstance(value, datetime):
        return age(value, style.now) if heading == "AGE" else moment(value)
    if key == "owner" and value and value == style.owner():
        return "you"
    return escape(_text(plain(value))) or MISSING


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    return str(value)
