"""Tables for people."""

from collections.abc import Iterator
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from output_streams import NOW, instance, look

from handrail.core.resources import Instance
from handrail.output.lines import CONTROL, width
from handrail.output.table import SAMPLE, cell, columns_of, grid, table

STYLE = look(owner=lambda: "dev-1")


def test_the_table_of_the_interface() -> None:
    api = instance(
        id="i-0d2e3f4a5b6c7d8e9",
        name="api",
        type="t4g.nano",
        owner="dev-2",
        public_ip="54.12.33.9",
        private_ip="10.0.1.9",
        image="Amazon Linux",
        created_at=NOW - timedelta(days=2),
    )
    web = instance(state="stopped")
    assert "\n".join(table(Instance.COLUMNS, [api, web], STYLE)) == (
        "NAME  ID                   TYPE      STATE    PUBLIC      PRIVATE   IMAGE         AGE  OWNER\n"
        "api   i-0d2e3f4a5b6c7d8e9  t4g.nano  running  54.12.33.9  10.0.1.9  Amazon Linux  2 d  dev-2\n"
        "web   i-0c1d2e3f4a5b6c7d8  t3.nano   stopped  -           10.0.1.5  Ubuntu 26.04  3 h  you"
    )


def test_states_alone_are_coloured_and_stay_aligned() -> None:
    columns = (("STATE", "state"), ("NAME", "name"))
    rows = [{"state": "running", "name": "running"}, {"state": "strange", "name": "b"}, {"name": "c"}]
    assert list(table(columns, rows, STYLE, color=True)) == [
        "STATE    NAME",
        "\x1b[32mrunning\x1b[0m  running",
        "strange  b",
        "-        c",
    ]


def test_wide_characters_keep_the_columns() -> None:
    rows = [{"name": "データ", "id": "1"}, {"name": "web", "id": "2"}]
    assert list(table((("NAME", "name"), ("ID", "id")), rows, STYLE)) == ["NAME    ID", "データ  1", "web     2"]


def test_cells() -> None:
    def said(value: object, heading: str = "X", key: str = "x") -> str:
        return cell(value, heading, key, STYLE)

    values: list[object] = [None, "", (), {}, 0, 1.5]
    assert [said(value) for value in values] == ["-", "-", "-", "-", "0", "1.5"]
    assert [said(True), said(False)] == ["yes", "no"]
    assert said(("a", "b")) == "a, b"
    assert said({"k": "v", "n": [1, True]}) == "k=v, n=1, yes"
    assert said(NOW) == "2026-11-05T12:00:00Z"
    assert said(NOW, "AGE") == "0 s"
    assert said("dev-1", "OWNER", "owner") == "you"
    assert cell("", "OWNER", "owner", look()) == "-"


def test_columns_of_a_row() -> None:
    assert columns_of(instance()) == Instance.COLUMNS
    assert columns_of({"state_dir": "/x", "pid": 1}) == [("STATE DIR", "state_dir"), ("PID", "pid")]


def test_no_rows_no_line() -> None:
    assert list(grid(["A"], [])) == []


def test_long_tables_stream() -> None:
    taken = 0

    def rows() -> Iterator[list[str]]:
        nonlocal taken
        for number in range(SAMPLE * 3):
            taken += 1
            yield [f"{number}" if number < SAMPLE else "a much wider name", "x", *(["more"] if number > SAMPLE else [])]

    lines = grid(["NAME", "X"], rows())
    assert next(lines) == "NAME  X"
    assert taken == SAMPLE
    assert next(lines) == "0     x"
    rest = list(lines)
    assert len(rest) == SAMPLE * 3 - 1
    assert rest[-1] == "a much wider name  x  more"


@given(st.lists(st.lists(st.text(st.characters(), max_size=12), min_size=3, max_size=3), min_size=1, max_size=8))
def test_every_cell_starts_below_its_heading(rows: list[list[str]]) -> None:
    keys = ("a", "b", "c")
    columns = [(key.upper(), key) for key in keys]
    lines = list(table(columns, [dict(zip(keys, row, strict=True)) for row in rows], STYLE))
    assert len(lines) == len(rows) + 1
    cells = [[cell(value, "", "", STYLE) for value in row] for row in rows]
    widths = [max([1, *(width(row[number]) for row in cells)]) for number in range(2)]
    for line, row in zip(lines[1:], cells, strict=True):
        assert not CONTROL.search(line)
        filled = [text + " " * (wide - width(text)) for text, wide in zip(row[:2], widths, strict=True)]
        assert line == "  ".join([*filled, row[2]])
