"""An empty value is refused, wherever it stands: it must not come to mean "everything" or "not given"."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Handrail, clean_environ
from handrail import settings
from handrail.catalog import every_operation, overview
from handrail.core.fields import Field, Type
from handrail.core.operation import Operation

SOURCE = Path(settings.__file__).parent
OPERATIONS = (overview(), *every_operation())
GLOBALS = tuple(one.option for one in settings.OPTIONS if one.type not in (Type.FLAG, Type.LEVEL))
VARIABLES = sorted(
    {
        *(name for one in settings.SETTINGS for name in one.variables if name.startswith("HANDRAIL_")),
        *(
            name
            for path in SOURCE.rglob("*.py")
            for name in re.findall(r"(?<!_)\bHANDRAIL_[A-Z]+(?:_[A-Z]+)*\b", path.read_text(encoding="utf-8"))
        ),
    }
)


@pytest.fixture
def person(tmp_path: Path) -> Handrail:
    """Return the program without a sandbox: none of these lines may start one."""
    work = tmp_path / "work"
    work.mkdir()
    return Handrail(clean_environ(tmp_path, HANDRAIL_STATE_DIR=str(tmp_path / "state")), work)


def refused(person: Handrail, *words: str) -> str:
    """Run a line that must be refused before anything is sent, and return what it said."""
    done = person(*words, HANDRAIL_OUTPUT="json")
    assert done.code == 2, (words, done.err)
    assert not Path(person.environ["HANDRAIL_STATE_DIR"]).exists()
    assert done.error["hint"]
    said: str = done.error["message"]
    return said


def lines_with(operation: Operation, field: Field[Any]) -> Iterator[tuple[str, ...]]:
    """Yield lines that give everything as they should, and this field an empty value."""
    called = operation.name.split()
    if not field.positional:
        example = shlex.split(operation.example)[1:]
        words = example if example[: len(called)] == called else called
        yield (*words, field.option, "")
        yield (*words, f"{field.option}=")
        return
    before = ["xyz" for one in operation.fields if one.positional]
    at = [one for one in operation.fields if one.positional].index(field)
    for words in [[""], ["xyz", ""], ["", "xyz"]] if field.many else [[""]]:
        yield (*called, *before[:at], *words, *([] if field.many else before[at + 1 :]))
    if field.commas:
        for text in (",", "xyz,", ",xyz", "xyz,,zyx", "xyz, ,zyx"):
            yield (*called, *before[:at], text)


CASES = [
    pytest.param(words, field, id=shlex.join(words))
    for operation in OPERATIONS
    for field in operation.fields
    if field.type is not Type.FLAG and not field.empty
    for words in lines_with(operation, field)
]


@pytest.mark.parametrize(("words", "field"), CASES)
def test_every_field_refuses_an_empty_value(person: Handrail, words: tuple[str, ...], field: Field[Any]) -> None:
    said = refused(person, *words)
    assert field.option in said
    assert '""' in said or "is empty" in said


@pytest.mark.parametrize("option", GLOBALS)
def test_every_option_that_works_everywhere_refuses_an_empty_value(person: Handrail, option: str) -> None:
    for words in (("ec2", "list", option, ""), (option, "", "ec2", "list"), (option, "", "ec2", "list", option, "x")):
        done = person(*words)
        assert done.code == 2, (words, done.err)
        assert f"error: {option} is empty." in done.err
    assert not Path(person.environ["HANDRAIL_STATE_DIR"]).exists()


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_of_ours_refuses_an_empty_value(person: Handrail, variable: str, tmp_path: Path) -> None:
    for words in (("ec2", "list"), ("policy", "show"), ("s3", "list", "--policy", "x")):
        done = person(*words, "-o", "json", **{variable: ""})
        assert done.code == 2, done.err
        assert variable in done.error["message"]
        assert variable in done.error["hint"]
    assert not (tmp_path / "state").exists()


def test_the_variables_are_found_in_the_source() -> None:
    assert {"HANDRAIL_POLICY", "HANDRAIL_REQUESTER", "HANDRAIL_STATE_DIR", "HANDRAIL_LEASE_L"} <= set(VARIABLES)
    assert "--policy" in GLOBALS


def test_a_user_file_says_nothing_empty(person: Handrail, tmp_path: Path) -> None:
    path = tmp_path / ".config" / "handrail" / "settings.toml"
    path.parent.mkdir(parents=True)
    for key in ("target", "profile", "output"):
        path.write_text(f'{key} = ""\n')
        assert f"{key} in {path}" in refused(person, "ec2", "list") if key != "output" else True


def test_a_variable_of_aws_that_is_empty_is_not_set(person: Handrail) -> None:
    person.ok("policy", "show", AWS_PROFILE="", AWS_REGION="", AWS_ACCESS_KEY_ID="", AWS_ENDPOINT_URL="")


def test_the_value_of_a_tag_may_be_empty(person: Handrail) -> None:
    person.environ["HANDRAIL_TARGET"] = "sandbox"
    done = person("ec2", "update", "web", "--tag", "note=", "--type", "bogus")
    assert "--type" in done.err or "bogus" in done.err  # the tag was taken
