"""A resource of several words on the real door: a group of each, with help, near misses and completion of its own."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest import Done, clean_environ
from handrail.catalog import SHELVES, Shelf, operation_named
from handrail.core.errors import Usage
from handrail.core.fields import Parameters, text
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome
from handrail.doors.cli import run_program
from handrail.doors.commands import parse
from handrail.doors.request import Surroundings


class Listed(Parameters):
    """What `route53 zone list` asks for."""

    name = text("only those of this name")


def rows(_session: Any, values: Listed) -> Outcome:
    """Return what was asked for."""
    return Outcome(rows=({"zone": values.name or "any"},), columns=(("ZONE", "zone"),))


def operation(resource: str, verb: str) -> Operation:
    """Return an operation that only this test has."""
    line = f"handrail {resource} {verb}"
    return Operation(
        resource, verb, f"{verb} it", line, Effect.LOCAL, rows, parameters=Listed, aliases=(f"{verb}-all",)
    )


@dataclass(frozen=True)
class Here(Shelf):
    """A shelf whose operations are made on the spot."""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Return one for each place."""
        return tuple(operation(self.resource, verb) for verb in self.places)


MORE = (*SHELVES, Here("route53 zone", "hosted zones", ("list", "show")), Here("route53 record", "records", ("list",)))


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Return the program with two more resources."""

    def runs(*words: str, **environ: str) -> Done:
        out, err = io.StringIO(), io.StringIO()
        around = Surroundings(io.StringIO(), out, err, {**clean_environ(tmp_path), **environ}, tmp_path)
        return Done(run_program(words, around, MORE), out.getvalue(), err.getvalue())

    return runs


def test_a_command_of_three_words_runs(run: Any) -> None:
    assert run("route53", "zone", "list", "--name", "x.example").out.split() == ["ZONE", "x.example"]
    assert json.loads(run("route53", "-o", "json", "zone", "list").out) == [{"zone": "any"}]
    assert run("route53", "zone", "list-all").code == 0


@pytest.mark.parametrize(
    ("words", "there"),
    [
        (("route53",), ["  zone    Hosted zones.\n", "  record  Records.\n"]),
        (("route53", "zone"), ["  list  List it.\n", "  show  Show it.\n"]),
        (("--help",), ["  ec2      Instances.\n", "  route53  Hosted zones; records.\n", "  use "]),
    ],
)
def test_a_group_alone_shows_what_it_has(run: Any, words: tuple[str, ...], there: list[str]) -> None:
    done = run(*words)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: {' '.join(['handrail', *words]).removesuffix(' --help')} [OPTIONS]")
    assert all(line in done.out for line in there), done.out
    assert "list-all" not in done.out


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (("rotue53",), 'handrail has no command "rotue53".', "handrail route53"),
        (("route53", "zoen"), 'handrail route53 has no action "zoen".', "handrail route53 zone"),
        (("route53", "zone", "lsit"), 'handrail route53 zone has no action "lsit".', "handrail route53 zone list"),
        (("route53", "zone", "qqq"), 'handrail route53 zone has no action "qqq".', "handrail route53 zone --help"),
        (("route53", "--quite"), "handrail route53 has no option --quite.", "handrail route53 --quiet"),
        (
            ("route53", "zone", "list", "--nmae", "x"),
            "handrail route53 zone list has no option --nmae.",
            "handrail route53 zone list --name",
        ),
        (("route53", "zone", "list", "--name", ""), "--name is empty.", None),
    ],
)
def test_a_slip_is_told_at_its_level(run: Any, words: tuple[str, ...], said: str, hint: str | None) -> None:
    done = run(*words, "-o", "json")
    assert (done.code, done.out, done.error["message"]) == (2, "", said)
    assert hint is None or done.error["hint"] == hint


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("handrail rou", ["route53"]),
        ("handrail route53 ", ["zone", "record"]),
        ("handrail route53 zone ", ["list", "show"]),
        ("handrail route53 zone s", ["show"]),
        ("handrail route53 zone list --na", ["--name"]),
    ],
)
def test_completion_at_each_level(run: Any, monkeypatch: pytest.MonkeyPatch, typed: str, offered: list[str]) -> None:
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(typed.count(" ")))
    assert run(_HANDRAIL_COMPLETE="bash_complete").out.split() == [f"plain,{word}" for word in offered]


def test_a_line_of_it_is_read() -> None:
    typed = parse(["handrail", "route53", "zone", "list", "--name", "x"], MORE)
    assert (typed.operation.name, dict(typed.values)) == ("route53 zone list", {"name": "x"})
    assert str(typed.line) == "handrail route53 zone list --name x"
    for words in (["route53"], ["route53", "zone"]):
        with pytest.raises(Usage, match="names no action") as caught:
            parse(words, MORE)
        assert caught.value.hint == f"handrail {' '.join(words)} --help"


def test_it_is_found_by_its_name() -> None:
    found = operation_named("route53 record list", MORE)
    assert found is not None
    assert found.resource == "route53 record"
    assert operation_named("route53 list", MORE) is None
    assert operation_named("route53 zone list") is None
