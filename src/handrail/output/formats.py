"""JSON, CSV and YAML, row by row in bounded memory. Nothing is written before the first row has arrived."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from handrail.output.lines import CONTROL, escape

# A spreadsheet takes a cell that starts so for a formula; the wide forms count in East Asian editions.
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]")


def json_text(value: Any, *, indent: int | None = 2, ascii_only: bool = False) -> str:
    """Return a plain value as JSON; characters that could speak to a terminal are escaped even inside texts."""
    import json

    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    return re.sub(CONTROL, lambda match: match[0] if match[0] == "\n" else json.dumps(match[0])[1:-1], text)


def yaml_text(value: Any) -> str:
    """Return a plain value as YAML, keys in order; one with control characters is written in ASCII throughout."""
    import yaml  # 20 ms that only -o yaml pays

    def dump(allow_unicode: bool) -> str:
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=allow_unicode, width=1 << 20)
        return str(text).removesuffix("...\n")

    text = dump(allow_unicode=True)
    return dump(allow_unicode=False) if CONTROL.search(text.replace("\n", "")) else text


def write_json(rows: Iterable[Any], out: TextIO) -> None:
    """Write an array, one row at a time."""
    ascii_only = needs_ascii(out)
    before = "[\n"
    for row in rows:
        text = json_text(row, ascii_only=ascii_only)
        out.write(before + "  " + text.replace("\n", "\n  "))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def write_yaml(rows: Iterable[Any], out: TextIO) -> None:
    """Write a sequence, one row at a time."""
    empty = True
    for row in rows:
        out.write(yaml_text([row]))
        empty = False
    if empty:
        out.write("[]\n")


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Any]], out: TextIO) -> None:
    """Write RFC 4180 lines, after a header unless it is empty."""
    import csv

    writer = csv.writer(out)
    if header:
        writer.writerow([neutral(key) for key in header])
    writer.writerows([csv_cell(value) for value in row] for row in rows)


def csv_cell(value: Any) -> str:
    """Return a plain value as a cell: numbers as they are, nothing for null, nested values as JSON, texts made safe."""
    if value is None:
        return ""
    if isinstance(value, str):
        return neutral(value)
    return json_text(value, indent=None)


def neutral(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula and no terminal for a command."""
    return escape("'" + text if _FORMULA.match(text) else text)


def values_of(header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Any]]:
    """Yield the values of each row in the order of the header."""
    for row in rows:
        yield [row.get(key) for key in header]


def needs_ascii(out: TextIO) -> bool:
    """Return whether a stream's encoding can't hold all of Unicode, where JSON still can by its escapes."""
    return not (out.encoding or "utf-8").lower().replace("-", "").startswith("utf")
