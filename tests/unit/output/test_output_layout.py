"""How columns share a screen."""

from hypothesis import given
from hypothesis import strategies as st
from output_streams import instance, look

from handrail.core.resources import Instance
from handrail.output.lines import width
from handrail.output.table import grid, table

STYLE = look(owner=lambda: "dev-1")
WEB = instance(public_ip="54.214.141.28", private_ip="172.31.0.5")


def listed(room: int | None) -> list[str]:
    """Return the list of one instance in a room of columns."""
    return list(table(Instance.COLUMNS, [WEB], STYLE, room=room))


def test_what_fits_or_goes_into_a_pipe_is_one_line_a_row() -> None:
    assert listed(None) == listed(200)
    assert len(listed(None)) == 2


def test_a_list_of_instances_fits_eighty_columns() -> None:
    assert listed(80) == [
        "NAME  ID                   TYPE     STATE    PUBLIC         IMAGE     AGE  OWNER",
        "                                             PRIVATE",
        "web   i-0c1d2e3f4a5b6c7d8  t3.nano  running  54.214.141.28  Ubuntu    3 h  you",
        "                                             172.31.0.5     26.04",
    ]


def test_long_cells_are_wrapped_first() -> None:
    rows = [["s3.secret_files", ".env, *.pem, *.key, id_rsa", "built-in strict"], ["others", "ask", "built-in strict"]]
    assert list(grid(["KEY", "VALUE", "FROM"], rows, room=53)) == [
        "KEY              VALUE                FROM",
        "s3.secret_files  .env, *.pem, *.key,  built-in strict",
        "                 id_rsa",
        "others           ask                  built-in strict",
    ]


def test_states_are_coloured_wherever_they_stand() -> None:
    columns = (("ID", "id"), ("STATE", "state"), ("NOTE", "note"))
    rows = [{"id": "i-0c1d2e3f4a5b6c7d8", "state": "running", "note": "a running note"}]
    assert list(table(columns, rows, STYLE, color=True, room=28)) == [
        "ID                   NOTE",
        "STATE",
        "i-0c1d2e3f4a5b6c7d8  a",
        "\x1b[32mrunning\x1b[0m              running",
        "                     note",
    ]


def test_a_row_of_its_own_length_keeps_its_cells() -> None:
    rows = [["a long cell of words", "b"], ["c"], ["d", "e"]]
    assert list(grid([], rows, room=18)) == ["a long cell of   b", "words", "c", "d                e"]


def test_a_word_is_longer_than_the_screen() -> None:
    assert list(grid(["A", "B"], [["x" * 12, "y" * 12]], room=5)) == ["A", "B", "x" * 12, "y" * 12]


WORDS = st.text("ab ", max_size=30)


@given(st.lists(st.lists(WORDS, min_size=4, max_size=4), min_size=1, max_size=4), st.integers(31, 60))
def test_every_line_fits_and_no_word_is_lost(rows: list[list[str]], room: int) -> None:
    lines = list(grid(["A", "B", "C", "D"], rows, room=room))
    assert max(map(width, lines)) <= room
    said = sorted(word for line in lines[1:] for word in line.split())
    given = sorted(word for row in rows for cell in row for word in cell.split())
    # A heading of several lines stands among them.
    assert [word for word in said if word not in "BCD"] == [word for word in given if word not in "BCD"]
