"""--query."""

import pytest

from handrail.core.errors import Usage
from handrail.output.query import ask, check_query


def test_answers() -> None:
    data = [{"id": "a", "n": 1}, {"id": "b", "n": 2}]
    assert ask("[].id", data) == ["a", "b"]
    assert ask("sort_by(@, &n)[-1].{i: id, s: [n, id][0:1]}", data) == {"i": "b", "s": [2]}


@pytest.mark.parametrize(
    ("expression", "message", "position"),
    [
        ("foo[", "--query can't be answered: it ends too early at character 5.", 4),
        ("foo bar", "--query can't be answered: unexpected 'bar' at character 5.", 4),
        ("foo.'", "--query can't be answered: Unclosed ' delimiter at character 5.", 4),
        ("a.#", "--query can't be answered: Unknown token # at character 3.", 2),
        ("", "--query can't be answered: it is empty at character 1.", 0),
        ("[].nope(@)", "--query can't be answered: unknown function nope() at character 4.", 3),
    ],
)
def test_a_bad_expression_names_its_position(expression: str, message: str, position: int) -> None:
    with pytest.raises(Usage) as caught:
        check_query(expression)
    error = caught.value
    assert (error.message, error.exit_code, error.slug) == (message, 2, "bad_query")
    assert error.details == {"query": expression, "position": position}
    assert error.facts == (("query", f"{expression}\n{' ' * position}^"),)


def test_a_query_that_the_data_does_not_suit() -> None:
    check_query("length(@)")
    with pytest.raises(Usage, match=r"In function length\(\)") as caught:
        ask("length(@)", 1)
    assert caught.value.details["position"] is None
    assert caught.value.facts == (("query", "length(@)"),)


def test_a_query_nested_beyond_reason() -> None:
    with pytest.raises(Usage, match="nested too deeply"):
        check_query("(" * 20000)
