"""How amounts read: ages, spans, counts, blocks of columns. Pure text."""

from collections.abc import Sequence
from datetime import UTC, datetime


def age(when: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago a moment was, in its largest unit: `5 s`, `4 min`, `3 h`, `2 d`; `-` for None."""
    if when is None:
        return "-"
    return span(((now or datetime.now(UTC)) - when).total_seconds())


def made(when: datetime | None) -> str:
    """Return how long ago a thing was made, and when; empty for None."""
    return f"{age(when)} ago · {when:%Y-%m-%d %H:%M:%S} UTC" if when else ""


def span(seconds: float) -> str:
    """Return a span of time in its largest unit, never below zero: `5 s`, `4 min`, `3 h`, `2 d`."""
    whole = max(0, int(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def count(number: int, noun: str, several: str = "") -> str:
    """Return a number with its noun: `1 instance`, `2 instances`. several: the noun where it takes more than an s."""
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of text as aligned columns, two spaces apart, one line a row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def readable(size: int | None) -> str:
    """Return a number of bytes as people read it: `512 B`, `1.2 GiB`; empty for None."""
    if size is None:
        return ""
    amount, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1023.95 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{size} B" if units[0] == "B" else f"{amount:.1f} {units[0]}"
