"""How the columns of a table share a screen: as they are, else wrapped, else two below each other. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import click

from handrail.output.lines import pad, width, wrap

_GAP = "  "
_WHOLE = 10
"""A cell of so many columns stays on one line: a broken `12 d` or `running` saves nothing and reads badly."""

_COLOURS = {
    "running": "green",
    "succeeded": "green",
    "INSYNC": "green",
    "pending": "yellow",
    "stopping": "yellow",
    "PENDING": "yellow",
    "open": "yellow",
    "public": "yellow",
    "shutting-down": "red",
    "terminated": "red",
    "failed": "red",
    "refused": "red",
}

Row = Sequence[str]
Measures = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Layout:
    """Where the cells of a row stand.

    stacks: the numbers of the columns that stand below each other, from left to right. widths: of each stack; None
    where a row is one line, however long.
    """

    stacks: Sequence[Sequence[int]]
    widths: Sequence[int]
    wraps: bool = False

    def lines(self, row: Row, states: Sequence[int] = ()) -> Iterator[str]:
        """Yield the lines of a row; the known words of the columns `states` are coloured."""
        if not self.wraps:
            yield self._line([(text, _coloured(text) if at in states else text) for at, text in enumerate(row)])
            return
        # A streamed row may have more cells than the sample; what has no measure is neither wrapped nor padded.
        beyond = [[number] for number in range(sum(map(len, self.stacks)), len(row))]
        parts = [self._parts(row, stack, at, states) for at, stack in enumerate([*self.stacks, *beyond])]
        for line in zip_longest(*parts, fillvalue=("", "")):
            yield self._line(line)

    def _parts(self, row: Row, stack: Sequence[int], at: int, states: Sequence[int]) -> list[tuple[str, str]]:
        """Return the lines of one stack, each as it is measured and as it is shown."""
        found = []
        for number in stack:
            text = row[number] if number < len(row) else ""
            parts = wrap(text.strip(), self.widths[at]) if at < len(self.widths) else [text]
            found += [(part, _coloured(part) if number in states else part) for part in parts]
        return found

    def _line(self, parts: Sequence[tuple[str, str]]) -> str:
        last = len(parts) - 1
        padded = [
            shown if at == last or at >= len(self.widths) else shown + pad(text, self.widths[at])[len(text) :]
            for at, (text, shown) in enumerate(parts)
        ]
        line = _GAP.join(padded)
        return line.rstrip() if self.wraps else line


def _coloured(text: str) -> str:
    colour = _COLOURS.get(text)
    return click.style(text, fg=colour) if colour else text


def fitted(rows: Sequence[Row], room: int | None) -> Layout:
    """Return the layout of some rows (the headings among them) in a room of columns.

    Cells that are longest are wrapped first. Where that does not suffice, two neighbours stand below each other: those
    that save most.
    """
    measures = [_measure([row[number] for row in rows if number < len(row)]) for number in range(max(map(len, rows)))]
    stacks = [[number] for number in range(len(measures))]
    if room is None or _needed([wide for wide, _ in measures]) <= room:
        return Layout(stacks, [wide for wide, _ in measures])
    while _needed([least for _, least in measures]) > room and len(stacks) > 1:
        _stack(stacks, measures)
    return Layout(stacks, _narrowed(measures, room), wraps=True)


def _measure(cells: Sequence[str]) -> tuple[int, int]:
    """Return how wide a column is, and how wide at least without a broken word."""
    wide = [width(text) for text in cells]
    least = [
        columns if columns <= _WHOLE else max(map(width, text.split()), default=0)
        for text, columns in zip(cells, wide, strict=True)
    ]
    return max(wide), max(least)


def _needed(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _stack(stacks: list[list[int]], measures: list[tuple[int, int]]) -> None:
    """Put the two neighbours below each other that save most: of those with the fewest lines so far."""
    saved = [
        (-len(left) - len(right), min(one[1], other[1]), -at)
        for at, (left, right, one, other) in enumerate(zip(stacks, stacks[1:], measures, measures[1:], strict=False))
    ]
    at = -max(saved)[2]
    stacks[at : at + 2] = [stacks[at] + stacks[at + 1]]
    measures[at : at + 2] = [(max(measures[at][0], measures[at + 1][0]), max(measures[at][1], measures[at + 1][1]))]


def _narrowed(measures: Sequence[tuple[int, int]], room: int) -> list[int]:
    """Return widths that fit, the widest made narrower first, none narrower than its longest word."""
    widths = [wide for wide, _ in measures]
    while _needed(widths) > room:
        loose = [at for at, (_, least) in enumerate(measures) if widths[at] > least]
        if not loose:
            break
        widest = max(loose, key=lambda at: widths[at])
        widths[widest] -= 1
    return widths
