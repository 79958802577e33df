"""docs/reliability.md as the test run writes it: each test owns one part of the page between two marks.

A cell states every end that is allowed there, for a race may decide which is met; what is found must be one of them.
Usually a part of the cells is tried; HANDRAIL_MATRIX=full tries all of them. HANDRAIL_WRITE_DOCS=1 tries also what the
page does not have yet, and writes what was found beside what stands there; =anew forgets what stood there.
"""

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
WRITES = os.environ.get("HANDRAIL_WRITE_DOCS", "")
FULL = os.environ.get("HANDRAIL_MATRIX") == "full" or WRITES == "anew"
PART_OF = int(os.environ.get("HANDRAIL_MATRIX_PART", "10"))  # an ordinary run tries one cell in so many
OR = " or "
UNTRIED, NONE = "not tried", "-"  # none: there is nothing to try
KINDS = ("faults of", "lasting faults of", "kills of", "frozen")

Cell = tuple[str, str]  # row, column
Found = tuple[str, str, str]  # row, column, and how it ended


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ends_of(text: str) -> set[str]:
    """Return the ends that a cell states."""
    return set(text.split(OR))


def is_written(name: str, row: str, column: str) -> bool:
    """Return whether a table of the page has a cell."""
    return _cells(_part(name)).get((row, column), UNTRIED) != UNTRIED


def part_of(cells: Sequence[Any], seed: int, known: Callable[[Any], bool]) -> list[Any]:
    """Return the cells to try: all, or one in so many; also those that the page does not have, where it is written."""
    if FULL:
        return list(cells)
    return [cell for at, cell in enumerate(cells) if at % PART_OF == seed % PART_OF or (WRITES and not known(cell))]


def check_rows(name: str, rows: Iterable[str]) -> None:
    """Assert that a table has exactly these rows, whichever of them are tried: a command's calls, in any order."""
    there, now = {row for row, _ in _cells(_part(name))}, set(rows)
    assert WRITES or there == now, (
        f"docs/reliability.md has other rows ({name}); not there: {now - there}, no more: {there - now}; "
        "HANDRAIL_WRITE_DOCS=1 tries and writes them"
    )


def check_table(name: str, heading: Sequence[str], found: Iterable[Found], rows: Iterable[str] = ()) -> None:
    """Compare the cells that were tried with what the page allows, or write them. rows: all that there are."""
    cells: dict[Cell, set[str]] = {}
    for row, column, end in found:
        cells.setdefault((row, column), set()).add(end)
    there = {cell: ends_of(text) - {UNTRIED} for cell, text in _cells(_part(name)).items()}
    if WRITES:
        kept = {} if WRITES == "anew" else there
        all_rows = list(dict.fromkeys(rows)) or list(dict.fromkeys(row for row, _ in [*kept, *cells]))
        lines = [
            [
                f"`{row}`",
                *(_shown(kept.get((row, column), set()) | cells.get((row, column), set())) for column in heading[1:]),
            ]
            for row in all_rows
        ]
        _part(name, table(heading, lines))
        _part("sums", sums_of(every_cell()))
        return
    wrong = {cell: (ends, there.get(cell)) for cell, ends in cells.items() if not ends <= there.get(cell, set())}
    assert not wrong, (
        f"docs/reliability.md says otherwise ({name}; found, allowed): {wrong}; HANDRAIL_WRITE_DOCS=1 writes it"
    )


def _shown(ends: Iterable[str]) -> str:
    return OR.join(sorted(ends)) or UNTRIED


def _cells(text: str) -> dict[tuple[str, str], str]:
    lines = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines()]
    if not lines:
        return {}
    heading, rows = lines[0], lines[2:]
    return {
        (row[0].strip("`"), column): cell for row in rows for column, cell in zip(heading[1:], row[1:], strict=True)
    }


def _part(name: str, text: str = "") -> str:
    """Return a part of the page, replaced by a text where one is given."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    with PAGE.open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        page = file.read()
        found = re.search(re.escape(begin) + r"\n\n(.*?)\n?\n" + re.escape(end), page, re.DOTALL)
        assert found is not None, f"docs/reliability.md has no part {name}"
        if text:
            file.seek(0)
            file.truncate()
            file.write(f"{page[: found.start()]}{begin}\n\n{text}\n\n{end}{page[found.end() :]}")
        return found[1]


def every_cell() -> dict[str, dict[tuple[str, str], str]]:
    """Return the cells of every table of the page, by its name."""
    names = re.findall(r"<!-- end of (.+?) -->", PAGE.read_text(encoding="utf-8"))
    return {name: _cells(_part(name)) for name in names if _part(name).startswith("|")}


def sums_of(tables: Mapping[str, Mapping[Cell, str]]) -> str:
    """Return the sentence that counts the cells of these tables."""
    counts = {
        kind: sum(text != NONE for name, cells in tables.items() if name.startswith(kind) for text in cells.values())
        for kind in KINDS
    }
    assert all(counts.values()), counts
    words = ", ".join(f"{number:,} {kind.removesuffix(' of')}" for kind, number in counts.items())
    return f"{sum(counts.values()):,} cells: {words}. Lost: 0. Made twice: 0. Public without approval: 0."


def write_figures(name: str, text: str) -> None:
    """Write measured figures, which differ from run to run and are not compared."""
    if WRITES:
        _part(name, text)


def written_figures(name: str) -> str:
    """Return the figures that stand on the page."""
    return _part(name)
