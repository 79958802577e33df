"""Fields: one checked value per declared parameter, whichever door it came through."""

import pytest

from handrail.core.errors import Usage
from handrail.core.fields import Field, Kind, show, validate

TARGETS = Field("targets", "ids or names", many=True, commas=True, positional=True, required=True, metavar="TARGET")
COUNT = Field("count", "how many", Kind.NUMBER, minimum=1, maximum=9)
DEEP = Field("deep", "at least", Kind.NUMBER, minimum=0)
WAIT = Field("wait", "wait", Kind.FLAG, default=True)
STATE = Field("state", "a state", Kind.CHOICE, choices=("on", "off"))
TAG = Field("tag", "a tag", many=True)


def test_missing_values_take_their_default() -> None:
    fields = (COUNT, WAIT, STATE, TAG)
    assert validate(fields, {}) == {"count": None, "wait": True, "state": None, "tag": ()}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("a,b", "c"), ("a", "b", "c")),
        ((" a , b ", "a"), ("a", "b")),
        ("a,b", ("a", "b")),
    ],
)
def test_commas_split_ids_and_names(given: object, expected: tuple[str, ...]) -> None:
    assert validate((TARGETS,), {"targets": given}) == {"targets": expected}


@pytest.mark.parametrize("given", ["", ",", "a,", ",a", "a,,b", "a, ,b", ("a", "")])
def test_what_is_empty_is_refused(given: object) -> None:
    with pytest.raises(Usage, match="TARGET is empty") as caught:
        validate((TARGETS,), {"targets": given})
    assert caught.value.hint == "give TARGET a value (ids or names)"
    with pytest.raises(Usage, match="--tag is empty") as caught:
        validate((TAG,), {"tag": ("a=1", "")})
    assert str(caught.value.hint).endswith(", or leave it out")


def test_a_field_may_say_what_empty_means() -> None:
    assert validate((Field("comment", "", empty="no comment"),), {"comment": ""}) == {"comment": ""}


def test_commas_stay_where_they_may_be_part_of_a_value() -> None:
    assert validate((TAG,), {"tag": ("a=1,2", "b=3")}) == {"tag": ("a=1,2", "b=3")}


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (False, False), ("false", False), ("Yes", True), ("0", False), ("on", True)]
)
def test_a_switch_may_be_a_word(value: object, expected: bool) -> None:
    assert validate((WAIT,), {"wait": value}) == {"wait": expected}


@pytest.mark.parametrize(
    ("field", "value", "said", "hint"),
    [
        (TARGETS, (), "TARGET is missing.", "give TARGET: ids or names"),
        (Field("name", "its name", required=True), None, "--name is missing.", "give --name: its name"),
        (COUNT, "0", "--count can't be 0.", "--count takes 1 to 9"),
        (COUNT, "10", "--count can't be 10.", "--count takes 1 to 9"),
        (DEEP, -1, "--deep can't be -1.", "--deep takes 0 or more"),
        (COUNT, "x\n", '--count takes a whole number, not "x\\n".', "how many"),
        (STATE, "maybe", '--state can\'t be "maybe".', "--state takes on, off"),
        (WAIT, "maybe", '--wait can\'t be "maybe".', "--wait takes true or false"),
    ],
)
def test_a_bad_value_names_the_option_and_what_would_do(field: Field, value: object, said: str, hint: str) -> None:
    with pytest.raises(Usage) as caught:
        validate((field,), {field.name: value})
    assert (caught.value.message, caught.value.hint) == (said, hint)


def test_a_check_normalises() -> None:
    assert validate((Field("type", "a type", check=str.lower),), {"type": "T3.NANO"}) == {"type": "t3.nano"}
    assert validate((COUNT, STATE), {"count": "3", "state": "on"}) == {"count": 3, "state": "on"}


def test_how_a_person_writes_it() -> None:
    assert Field("key_pair", "").option == "--key-pair"
    assert Field("target", "", positional=True).option == "TARGET"


def test_a_shown_value_can_hurt_no_terminal() -> None:
    assert show("a\x1b[31m\u202eb\n") == '"a\\x1b[31m\\u202eb\\n"'
    assert show("x" * 70, 10) == '"xxxxxxxxxx…" (70 characters)'
