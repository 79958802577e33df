"""What every door shares: one request after another, errors as codes, one connection, and a line for other programs."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Handrail
from handrail.catalog import SHELVES, Shelf, operation_named
from handrail.core.fields import Parameters, Type, flag, number, text, texts
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome
from handrail.doors.commands import parse
from handrail.doors.request import Request, Requests, Surroundings


@dataclass
class Menu:
    """A door that stays open: requests by name, and what was said since the last look."""

    requests: Requests
    out: io.StringIO
    err: io.StringIO

    def __call__(self, name: str, flags: Mapping[str, Any] | None = None, /, **raw: Any) -> int:
        """Ask for an operation and return the exit code."""
        operation = operation_named(name)
        assert operation is not None
        request = Request(operation, raw, flags or {})
        return self.requests.answer(lambda: self.requests.run(request))

    def said(self, stream: io.StringIO) -> str:
        """Return what is new on a stream."""
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return text

    def calls(self) -> set[str]:
        """Return the calls that -v told."""
        return {line.split()[0] for line in self.said(self.err).splitlines() if line.endswith(" ms")}


def opened(handrail: Handrail, **environ: str) -> Menu:
    """Return a door that reads no lines."""
    out, err = io.StringIO(), io.StringIO()
    around = Surroundings(io.StringIO(), out, err, {**handrail.environ, **environ}, handrail.cwd, handrail.clock())
    return Menu(Requests(around), out, err)


@pytest.fixture
def menu(handrail: Handrail) -> Menu:
    """Return such a door on the sandbox."""
    return opened(handrail)


WHO = "sts:GetCallerIdentity"


def test_one_connection_serves_requests_that_go_to_the_same_place(menu: Menu) -> None:
    assert menu("ec2 list", {"verbose": 1}) == 0
    assert WHO in menu.calls()
    assert menu("ec2 create", {"yes": True, "quiet": True}, name="web", wait=True) == 0
    assert menu("policy show") == 0  # which needs none, and leaves it open
    assert menu("ec2 list", {"verbose": 1}) == 0
    assert WHO not in (calls := menu.calls())
    assert "ec2:DescribeInstances" in calls
    assert "web" in menu.said(menu.out)
    assert menu("ec2 list", {"verbose": 1, "region": "eu-west-1"}) == 0
    assert WHO in menu.calls()
    assert "web" not in menu.said(menu.out)


def test_a_request_that_fails_leaves_no_connection(menu: Menu) -> None:
    assert menu("ec2 list") == 0
    assert menu("ec2 show", instance="nope") == 4
    assert "nope" in menu.said(menu.err)
    assert menu("ec2 list", {"verbose": 1}) == 0
    assert WHO in menu.calls()


def test_a_sandbox_that_was_started_anew_is_connected_to_anew(handrail: Handrail, tmp_path: Path) -> None:
    menu = opened(handrail, HANDRAIL_STATE_DIR=str(tmp_path / "own"))
    assert menu("ec2 list") == 0
    assert menu("sandbox stop") == 0
    assert menu("ec2 list", {"verbose": 1}) == 0
    assert WHO in menu.calls()
    assert menu("sandbox stop") == 0


def test_a_door_that_reads_no_lines_checks_none(menu: Menu) -> None:
    assert menu("policy check", command=("ec2", "list")) == 2
    assert "error: commands can be checked in a shell only." in menu.said(menu.err)


def test_a_defect_is_told_as_one(menu: Menu) -> None:
    def broken() -> int:
        raise ZeroDivisionError

    assert menu.requests.answer(broken) == 1
    assert "Handrail itself failed" in menu.said(menu.err)


# ---- a line that another program starts


class Everything(Parameters):
    """A field of every kind; nothing is checked but what every field is."""

    first = text("a word", positional=True, required=True)
    more = texts("words", positional=True)
    name = text("text", empty="nothing")
    tag = texts("texts")
    group = texts("ids", commas=True)
    count = number("number")
    wait = flag("switch", default=True, negative="no-wait")
    force = flag("switch")
    level = text("choice", type=Type.CHOICE, choices=("a", "-b"))
    data = text("file", type=Type.FILE)


PUT = Operation("route53 zone", "put", "put it", "handrail", Effect.CHANGE, lambda *_: Outcome(), parameters=Everything)


@dataclass(frozen=True)
class Here(Shelf):
    """The shelf of that operation."""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Return it."""
        return (PUT,)


# Whatever can be an argument of a process at all: text in UTF-8 without NUL.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1) | st.sampled_from(
    ["-", "--", "-x", "--name", "--name=x", "--no-wait", "a=b", "=", "'", '"', "\\", "$(x)", "\n", " ", "-vv", "--help"]
)
ITEM = TEXT.filter(lambda item: "," not in item and item.strip() != "")
OPTIONAL: Callable[[st.SearchStrategy[Any]], st.SearchStrategy[Any]] = lambda one: st.none() | one  # noqa: E731
RAW = st.fixed_dictionaries(
    {"first": TEXT},
    optional={
        "more": st.lists(TEXT).map(tuple),
        "name": OPTIONAL(st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
        "tag": st.lists(TEXT).map(tuple),
        "group": st.lists(ITEM).map(tuple),
        "count": OPTIONAL(st.integers(-9, 9)),
        "wait": st.sampled_from([None, True, False]),
        "force": st.sampled_from([None, True]),
        "level": OPTIONAL(st.sampled_from(["a", "-b"])),
        "data": OPTIONAL(TEXT),
    },
)
FLAGS = st.fixed_dictionaries(
    {}, optional={"query": TEXT, "region": TEXT, "yes": st.just(True), "verbose": st.integers(1, 2), "log_file": TEXT}
)


@given(raw=RAW, flags=FLAGS, dry_run=st.booleans())
def test_another_program_gives_the_same_values(raw: dict[str, Any], flags: dict[str, Any], dry_run: bool) -> None:
    from handrail.core.fields import validate

    line = Request(PUT, raw, flags, dry_run=dry_run).line
    typed = parse(line.argv, (*SHELVES, Here("route53 zone", "zones", ())))
    assert typed.operation is PUT
    assert typed.values == validate(Everything, raw)
    assert typed.flags == flags
    assert ("--dry-run" in typed.line.argv) is dry_run
    assert typed.line.argv == line.argv
