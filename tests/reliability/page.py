"""docs/reliability.md as the test run writes it: each test owns one part of the page between two marks.

Usually a part of the cells is tried, and each must come out as the page says. HANDRAIL_MATRIX=full tries all of them,
HANDRAIL_WRITE_DOCS=1 does and writes the page.
"""

import fcntl
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
WRITES = os.environ.get("HANDRAIL_WRITE_DOCS") == "1"
FULL = WRITES or os.environ.get("HANDRAIL_MATRIX") == "full"


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def check_table(name: str, heading: Sequence[str], cells: Mapping[tuple[str, str], str]) -> None:
    """Write a table of the page by its cells (row, column), or compare those that were tried with what stands there."""
    rows = list(dict.fromkeys(row for row, _ in cells))
    if WRITES:
        lines = [[f"`{row}`", *(cells[row, column] for column in heading[1:])] for row in rows]
        _part(name, table(heading, lines))
        return
    there = _cells(_part(name))
    wrong = {cell: (said, there.get(cell)) for cell, said in cells.items() if there.get(cell) != said}
    assert not wrong, (
        f"docs/reliability.md says otherwise ({name}; found, written): {wrong}; HANDRAIL_WRITE_DOCS=1 writes it"
    )


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


def write_figures(name: str, text: str) -> None:
    """Write measured figures, which differ from run to run and are not compared."""
    if WRITES:
        _part(name, text)


def written_figures(name: str) -> str:
    """Return the figures that stand on the page."""
    return _part(name)
