"""Fields: one checked value per declared parameter, whichever door it came through."""

from typing import Any, assert_type

import pytest

from handrail.core.errors import Usage
from handrail.core.fields import Field, Parameters, Type, flag, number, show, text, texts, validate


class Waiting(Parameters):
    """What every operation asks for that waits."""

    wait = flag("wait", default=True, negative="no-wait", part_of_identity=False)


class Change(Waiting):
    """What a change asks for."""

    targets = texts("ids or names", commas=True, positional=True, required=True, metavar="TARGET")
    count = number("how many", minimum=1, maximum=9)
    deep = number("at least", minimum=0, default=0)
    state = text("a state", type=Type.CHOICE, choices=("on", "off"))
    tag = texts("a tag")
    type = text("a type", check=str.lower, default="t3.nano")
    script = text("a file", type=Type.FILE)
    comment = text("a comment", empty="no comment")
    public = flag("for all", default=None, negative="private")
    force = flag("even so")
    words = texts("words", name="keys")


class Named(Parameters):
    """What asks for a name."""

    name = text("its name", required=True)


def given(**raw: object) -> Change:
    """Return a change of one target."""
    return validate(Change, {"targets": ("a",), **raw})


def test_each_value_has_its_type() -> None:
    change = given(count="3", script="x")
    assert_type(change.targets, tuple[str, ...])
    assert_type(change.count, int | None)
    assert_type(change.deep, int)
    assert_type(change.state, str | None)
    assert_type(change.type, str)
    assert_type(change.public, bool | None)
    assert_type(change.force, bool)
    assert_type(validate(Named, {"name": "web"}).name, str)
    assert_type(Change.count, Field[int | None])
    assert (change.targets, change.count, change.deep, change.wait, change.words) == (("a",), 3, 0, True, ())
    assert Change.count.name == "count"


def test_bare_words_come_first_and_what_it_is_made_of_last() -> None:
    names = [field.name for field in Change.fields()]
    assert (names[0], names[1], names[-2:]) == ("targets", "count", ["keys", "wait"])

    class Renamed(Named, Change):
        new = text("its new name")

    assert [field.name for field in Renamed.fields()][:4] == ["targets", "new", "name", "count"]


def test_missing_values_take_their_default() -> None:
    assert given() == {
        "targets": ("a",),
        "count": None,
        "deep": 0,
        "state": None,
        "tag": (),
        "type": "t3.nano",
        "script": None,
        "comment": None,
        "public": None,
        "force": False,
        "keys": (),
        "wait": True,
    }


def test_own_fields_come_first_and_those_of_the_bases_from_left_to_right() -> None:
    class Both(Named, Waiting):
        """Made of two, one of whose fields it declares anew."""

        own = text("its own")
        wait = flag("wait a little")

    assert [field.name for field in Both.fields()] == ["own", "wait", "name"]
    assert [field.help for field in Both.fields()] == ["its own", "wait a little", "its name"]
    values = validate(Both, {"name": "web"})
    assert (list(values), len(values), dict(values)) == (
        ["own", "wait", "name"],
        3,
        {"own": None, "wait": False, "name": "web"},
    )


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (("a,b", "c"), ("a", "b", "c")),
        ((" a , b ", "a"), ("a", "b")),
        ("a,b", ("a", "b")),
    ],
)
def test_commas_split_ids_and_names(targets: object, expected: tuple[str, ...]) -> None:
    assert given(targets=targets).targets == expected


@pytest.mark.parametrize("targets", ["", ",", "a,", ",a", "a,,b", "a, ,b", ("a", "")])
def test_what_is_empty_is_refused(targets: object) -> None:
    with pytest.raises(Usage, match="TARGET is empty") as caught:
        given(targets=targets)
    assert caught.value.hint == "give TARGET a value (ids or names)"
    with pytest.raises(Usage, match="--tag is empty") as caught:
        given(tag=("a=1", ""))
    assert str(caught.value.hint).endswith(", or leave it out")


def test_a_field_may_say_what_empty_means() -> None:
    assert given(comment="").comment == ""


def test_commas_stay_where_they_may_be_part_of_a_value() -> None:
    assert given(tag=("a=1,2", "b=3")).tag == ("a=1,2", "b=3")


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), (False, False), ("false", False), ("Yes", True), ("0", False), ("on", True)]
)
def test_a_switch_may_be_a_word(value: object, expected: bool) -> None:
    assert given(wait=value).wait is expected


@pytest.mark.parametrize(
    ("raw", "said", "hint"),
    [
        ({"targets": ()}, "TARGET is missing.", "give TARGET: ids or names"),
        ({"count": "0"}, "--count can't be 0.", "--count takes 1 to 9"),
        ({"count": "10"}, "--count can't be 10.", "--count takes 1 to 9"),
        ({"deep": -1}, "--deep can't be -1.", "--deep takes 0 or more"),
        ({"count": "x\n"}, '--count takes a whole number, not "x\\n".', "how many"),
        ({"state": "maybe"}, '--state can\'t be "maybe".', "--state takes on, off"),
        ({"wait": "maybe"}, '--wait can\'t be "maybe".', "--wait takes true or false"),
    ],
)
def test_a_bad_value_names_the_option_and_what_would_do(raw: dict[str, Any], said: str, hint: str) -> None:
    with pytest.raises(Usage) as caught:
        given(**raw)
    assert (caught.value.message, caught.value.hint) == (said, hint)


def test_what_is_required_is_asked_for() -> None:
    with pytest.raises(Usage, match=r"--name is missing\.") as caught:
        validate(Named, {})
    assert caught.value.hint == "give --name: its name"


def test_a_check_normalises() -> None:
    change = given(type="T3.SMALL", count="3", state="on")
    assert (change.type, change.count, change.state) == ("t3.small", 3, "on")


def test_how_a_person_writes_it() -> None:
    assert text("", name="key_pair").option == "--key-pair"
    assert text("", name="target", positional=True).option == "TARGET"


def test_a_shown_value_can_hurt_no_terminal() -> None:
    assert show("a\x1b[31m\u202eb\n") == '"a\\x1b[31m\\u202eb\\n"'
    assert show("x" * 70, 10) == '"xxxxxxxxxx…" (70 characters)'
