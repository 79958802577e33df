"""Where `ec2 create` meets a repeat, a refusal or a loss: on a hold and an EC2 that play their parts."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from handrail import runner
from handrail.core.ec2_rules import KNOWN_TYPES, TypeFacts
from handrail.core.errors import CapReached, Conflict, HandrailError, PermissionDenied
from handrail.core.ownership import token_of
from handrail.core.plan import Status
from handrail.core.resources import Image, Instance
from handrail.ledger.record import joined
from handrail.operations.ec2.create import CREATE
from stage import WEB, PlayedEc2, PlayedServices, Stage


class Hold:
    """A hold that answers as it was told. refusals and standing (the instance that a repeat has): by request."""

    def __init__(
        self,
        refusals: Mapping[str, HandrailError] | None = None,
        standing: Mapping[str, str] | None = None,
        against: HandrailError | None = None,
    ) -> None:
        self._refusals, self._standing, self._against = refusals or {}, standing or {}, against
        self.given_back: list[HandrailError] = []

    def refusal(self, request: str) -> HandrailError | None:
        """Return the refusal."""
        return self._refusals.get(request)

    def standing(self, request: str) -> str | None:
        """Return the instance that a repeat has."""
        return self._standing.get(request)

    def fence(self, _requests: Sequence[str]) -> None:
        """Return no fence."""

    def give_back(self, _request: str, error: HandrailError) -> HandrailError:
        """Keep the error and return it."""
        self.given_back.append(error)
        return error

    def done(self, _request: str) -> None:
        """Return nothing: what is done is told by its result."""

    def confirm(self, _request: str, _instance: str) -> HandrailError | None:
        """Return what stands against it."""
        return self._against


class Launching(PlayedEc2):
    """An EC2 with one image, whose RunInstances gives or raises `made`: None where it must not be called."""

    def __init__(self, *looks: Sequence[Instance], made: Instance | HandrailError | None = None) -> None:
        super().__init__(*looks)
        self._made = made

    def managed(self, _states: Sequence[str]) -> list[Instance]:
        """Show that nothing is there."""
        return []

    def type_facts(self, type: str) -> TypeFacts:
        """Return the facts of a type."""
        return KNOWN_TYPES[type]

    def newest_image(self, alias: str, architecture: str) -> Image:
        """Return the image."""
        return Image("ami-1", alias, alias, architecture, "2026-01-01", "/dev/xvda", None)

    def run(self, _launch: Any, _fence: Any) -> Instance:
        """Answer."""
        assert self._made is not None, "nothing may be sent"
        if isinstance(self._made, HandrailError):
            raise self._made
        return self._made


def make(ec2: Launching, hold: Hold, **given: Any) -> list[Any]:
    """Make so many, and return what became of each."""
    stage = Stage(ec2)
    stage.stores.found.take = lambda _plan: nullcontext(hold)
    raw = {"name": "web", "request_id": "r", "count": 1, "wait": False, **given}
    return list(runner.run(CREATE, raw, stage).rows)


def test_without_a_place_nothing_is_sent() -> None:
    full = CapReached("full", limit=2, count=2)
    (row,) = make(Launching(), Hold({"r-1": full}))
    assert (row.status, row.error) == (Status.FAILED, full)


def test_what_a_repeat_has_already_is_shown() -> None:
    (row,) = make(Launching([], [WEB]), Hold(standing={"r-1": "i-1"}))
    assert (row.status, row.current) == (Status.UNCHANGED, WEB)


@pytest.mark.parametrize("found", [[], [replace(WEB, state="terminated")]])
def test_what_a_repeat_had_and_is_gone(found: list[Instance]) -> None:
    hold = Hold(standing={"r-1": "i-1"})
    (row,) = make(Launching([], found), hold)
    assert isinstance(row.error, Conflict)
    assert hold.given_back == [row.error]


def test_what_was_made_is_confirmed_unless_somebody_stands_against_it() -> None:
    (row,) = make(Launching(made=WEB), Hold())
    assert (row.status, row.current) == (Status.SUCCEEDED, WEB)
    against = Conflict("it is being settled by ben.")
    (row,) = make(Launching(made=WEB), Hold(against=against))
    assert row.error is against


def test_what_aws_refuses_gives_its_place_back() -> None:
    refused, hold = PermissionDenied("no"), Hold()
    (row,) = make(Launching(made=refused), hold)
    assert row.error is refused
    assert hold.given_back == [refused]


@pytest.mark.parametrize("wait", [False, True])
def test_each_comes_to_its_own_end(wait: bool) -> None:
    new, lost = replace(WEB, id="i-3", state="pending"), Conflict("its place was lost.")
    ec2 = Launching([], [], [], [WEB], [replace(new, state="running")], made=new)
    rows = make(ec2, Hold({"r-2": lost}, {"r-1": "i-1"}), count=3, wait=wait)
    assert [(row.status, row.id, row.said) for row in rows] == [
        (Status.UNCHANGED, "i-1", "web was made by this request before and is running · i-1"),
        (Status.FAILED, None, "its place was lost."),
        (Status.SUCCEEDED, "i-3", f"web is {'running' if wait else 'pending'} · i-3"),
    ]


def test_one_that_does_not_get_there_says_why() -> None:
    pending = replace(WEB, state="pending")
    (row,) = make(Launching([], [pending], made=pending), Hold(), wait=True, timeout=1)
    assert row.error is not None
    assert (row.status, row.error.slug, row.id) == (Status.FAILED, "timeout", "i-1")


def test_what_is_there_is_planned_as_it_is() -> None:
    stage = Stage(Launching(made=WEB))
    raw = {"name": "web", "request_id": "r", "count": 2, "wait": False}
    runner.run(CREATE, raw, stage)
    (first,) = [one.intent for one in joined(stage.record.entries_since(0)) if one.intent.request == "r-1"]
    there = replace(WEB, tags=first.resolved["tags"], client_token=token_of("r-1"))
    stage.aws = PlayedServices("us-east-1", Launching([there]), None, None)
    del stage.table.items["request#r-2", "intent"], stage.table.items["request#r-2", "outcome"]
    planned = runner.run(CREATE, raw, stage, dry_run=True).rows
    assert [row.status for row in planned] == [Status.UNCHANGED, Status.PLANNED]
