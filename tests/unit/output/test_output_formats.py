"""JSON, CSV and YAML."""

import csv
import io
import json
import math
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from output_streams import Latin

from handrail.output.formats import (
    csv_cell,
    json_text,
    neutral,
    values_of,
    write_csv,
    write_json,
    write_yaml,
    yaml_text,
)
from handrail.output.lines import CONTROL

ANY_TEXT = st.text(st.characters(), max_size=20)
SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT
)
OBJECTS = st.dictionaries(
    ANY_TEXT, st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=5), max_size=4
)


def written(write: Any, *given: Any) -> str:
    out = io.StringIO(newline="")
    write(*given, out)
    return out.getvalue()


def test_json_arrays() -> None:
    assert written(write_json, []) == "[]\n"
    assert written(write_json, [{"a": 1}, {"a": ["ü"]}]) == (
        '[\n  {\n    "a": 1\n  },\n  {\n    "a": [\n      "ü"\n    ]\n  }\n]\n'
    )


@given(st.lists(OBJECTS, max_size=4))
def test_json_parses_to_the_rows_and_holds_no_control_character(rows: list[dict[str, Any]]) -> None:
    text = written(write_json, rows)
    assert json.loads(text) == rows
    assert not CONTROL.search(text.replace("\n", ""))


def test_json_for_a_narrow_encoding() -> None:
    out = Latin()
    write_json(["東"], out)
    assert out.getvalue() == '[\n  "\\u6771"\n]\n'


def test_nothing_is_written_before_the_first_row() -> None:
    out = io.StringIO()

    def broken() -> Any:
        assert out.getvalue() == ""
        yield 1

    write_json(broken(), out)
    assert json.loads(out.getvalue()) == [1]


@given(
    st.lists(
        st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=20) | st.integers(), max_size=3), max_size=3
    )
)
def test_yaml_loads_to_the_rows(rows: list[dict[str, Any]]) -> None:
    text = written(write_yaml, rows)
    assert yaml.safe_load(text) == rows
    assert not CONTROL.search(text.replace("\n", ""))


def test_yaml_keeps_order_and_unicode() -> None:
    assert yaml_text({"b": "ü 東", "a": "2026-11-03T12:00:00Z"}) == "b: ü 東\na: '2026-11-03T12:00:00Z'\n"
    assert yaml_text("one") == "one\n"
    assert yaml_text({"a": "x\u202ey"}) == 'a: "x\\u202Ey"\n'


def test_csv_is_rfc_4180() -> None:
    header = ["name", "tags", "count", "at"]
    rows = [{"name": 'a "b", c', "tags": {"k": "v"}, "count": -1, "at": None, "more": "left out"}]
    assert written(write_csv, header, values_of(header, rows)) == (
        'name,tags,count,at\r\n"a ""b"", c","{""k"": ""v""}",-1,\r\n'
    )
    assert written(write_csv, [], [["x"]]) == "x\r\n"


def test_formulas_are_neutralised_and_numbers_are_not() -> None:
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "＝1", "safe", "a=b"]
    assert [neutral(text) for text in texts] == ["'=1+1", "'+1", "'-1", "'@x", "'\\tx", "'＝1", "safe", "a=b"]
    assert [csv_cell(value) for value in (-1, -1.5, True, ["="])] == ["-1", "-1.5", "true", '["="]']


@given(st.lists(st.lists(ANY_TEXT, min_size=2, max_size=2), max_size=5))
def test_csv_reads_back_as_the_neutral_cells(rows: list[list[str]]) -> None:
    text = written(write_csv, ["a", "b"], rows)
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], *([neutral(x) for x in row] for row in rows)]
    assert not CONTROL.search(text.replace("\r\n", ""))
    for row in rows:
        assert all(not neutral(x).startswith(("=", "+", "-", "@", "\t")) for x in row)


def test_json_text_on_one_line() -> None:
    assert json_text({"a": "\x7f\x9b"}, indent=None) == '{"a": "\\u007f\\u009b"}'
    assert math.isinf(json.loads(json_text(math.inf)))
