"""`.env.example` says what the code reads from `.env`, no more and no less."""

import re
from pathlib import Path

from dotenv import dotenv_values

from handrail.settings import DOTENV_VARIABLES, PLACEHOLDERS

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_it_has_exactly_the_four_variables() -> None:
    assert list(dotenv_values(EXAMPLE, interpolate=False)) == [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_REGION",
    ]


def test_with_the_alternatives_in_comments_it_names_all_that_is_read() -> None:
    names = set(re.findall(r"\b(AWS_[A-Z_]+)=", EXAMPLE.read_text()))
    assert names == set(DOTENV_VARIABLES)


def test_its_secrets_are_the_placeholders_that_the_code_refuses() -> None:
    values = dotenv_values(EXAMPLE, interpolate=False)
    assert {name: values[name] for name in PLACEHOLDERS} == PLACEHOLDERS
    assert values["AWS_SESSION_TOKEN"] == ""


def test_every_variable_is_explained() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), line
