"""Whether the rows beside the record agree with it, as far as the tests at the command line do not show it."""

import json
from typing import Any

import pytest

from handrail.ledger.agreement import disagreements, story_of
from handrail.ledger.places import Times

NOW = 10_000
ROW = {"pk": "own#bucket", "sk": "b", "kind": "bucket", "name": "b", "owner": "me", "request": "r", "region": "here"}


def told(request: str, operation: str, result: str, at: Any = 0, **more: Any) -> list[dict[str, Any]]:
    """Return the entries of a request, begun and ended at one time; `open` gives no outcome."""
    said = {"request": request, "operation": operation, "resource": "b", "owner": "me", "region": "here"}
    intent = {"kind": "intent", "at": at, **said}
    return [
        intent,
        *([{"kind": "outcome", "request": request, "result": result, "at": at, **more}] * (result != "open")),
    ]


def kinds(entries: list[dict[str, Any]], *beside: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what does not agree, in short."""
    return [(fault.kind, fault.about) for fault in disagreements(story_of(entries), beside, NOW, Times())]


MADE = told("r", "s3 create", "succeeded", 1_000_000)
MISSING = [("missing", "own#bucket/b")]


@pytest.mark.parametrize(
    ("later", "found"),
    [
        ([], MISSING),
        (told("d", "s3 delete", "succeeded", 2_000_000), []),
        (told("d", "s3 delete", "succeeded", 990_000), []),
        (told("d", "s3 delete", "succeeded", 10_000), MISSING),
        (told("d", "s3 delete", "failed", 2_000_000), MISSING),
        (told("d", "s3 delete", "succeeded", "never"), MISSING),
        (told("c", "s3 create", "failed", 2_000_000, code=1), []),
        (told("c", "s3 create", "failed", 2_000_000, code=5), MISSING),
        (told("c", "s3 create", "refused", 2_000_000, code=3), MISSING),
        (told("u", "s3 update", "succeeded", 2_000_000), MISSING),
    ],
)
def test_a_row_that_is_not_there(later: list[dict[str, Any]], found: list[tuple[str, str]]) -> None:
    assert kinds([*MADE, *later]) == found


def test_a_command_at_work_is_no_fault() -> None:
    work = told("d", "s3 delete", "open")
    assert kinds([*MADE, *work], {"pk": "open", "sk": "d"}) == []
    begun = told("r", "s3 create", "open")
    assert kinds(begun, {**ROW, "created_at": 1}, {"pk": "open", "sk": "r"}) == []


@pytest.mark.parametrize("result", ["failed", "refused"])
def test_a_row_of_a_create_that_made_nothing(result: str) -> None:
    assert kinds(told("r", "s3 create", result, code=5), {**ROW, "created_at": 1}) == [("unfounded", "own#bucket/b")]


def test_what_somebody_edited_so_that_it_is_no_text() -> None:
    entries: list[dict[str, Any]] = [
        {"kind": "intent", "request": 5, "operation": True, "resource": 7},
        {"kind": 9},
        {"request": "x"},
    ]
    assert kinds(entries, {"pk": "open", "sk": "5"}) == []


def test_an_odd_row_is_shown_in_short() -> None:
    (fault,) = disagreements({}, [{"pk": "own#bucket", "sk": "b", "name": "x" * 500}], NOW, Times())
    assert fault.kind == "odd"
    assert len(fault.text) < 200


# ---- what was made, removed, and made again


UNFOUNDED = [("unfounded", "own#bucket/b")]


@pytest.mark.parametrize(
    ("later", "found"),
    [
        (told("d", "s3 delete", "succeeded", 2_000_000), UNFOUNDED),
        (told("c", "s3 create", "succeeded", 2_000_000), UNFOUNDED),
        (told("d", "s3 delete", "succeeded", 1_050_000), []),  # by the clocks of two machines: perhaps before it
        (told("d", "s3 delete", "succeeded", 10_000), []),
        (told("d", "s3 delete", "failed", 2_000_000), []),
        (told("c", "s3 create", "failed", 2_000_000), []),
        (told("u", "s3 update", "succeeded", 2_000_000), []),
    ],
)
def test_a_row_whose_bucket_is_gone_on_record(later: list[dict[str, Any]], found: list[tuple[str, str]]) -> None:
    assert kinds([*MADE, *later], {**ROW, "created_at": 1}) == found


@pytest.mark.parametrize(("made_by", "found"), [("r", UNFOUNDED), ("", []), ("other", [])])
def test_a_deletion_says_which_bucket_it_was(made_by: str, found: list[tuple[str, str]]) -> None:
    """Whatever the clocks say: under `manage = "any"` it may have been a bucket that is not Handrail's."""
    for at in (1_000_000, 9_000_000):
        intent, outcome = told("d", "s3 delete", "succeeded", at)
        entries = [*MADE, {**intent, "resolved": json.dumps({"name": "b", "made_by": made_by})}, outcome]
        assert kinds(entries, {**ROW, "created_at": 1}) == found


@pytest.mark.parametrize(("mine", "theirs", "found"), [(1, 3, UNFOUNDED), (3, 1, [])])
def test_one_chain_tells_the_order_whatever_its_times_say(mine: int, theirs: int, found: list[tuple[str, str]]) -> None:
    def at(seq: int, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**entry, "pk": "chain#me", "sk": f"{seq + n:012d}"} for n, entry in enumerate(entries)]

    entries = [*at(mine, MADE), *at(theirs, told("d", "s3 delete", "succeeded", 1_000_000))]
    assert kinds(entries, {**ROW, "created_at": 1}) == found


def test_a_bucket_made_and_deleted_many_times_by_several_owners() -> None:
    entries = []
    for turn in range(6):
        at = 1_000_000 * (turn + 1)
        entries += [{**one, "owner": f"dev-{turn}"} for one in told(f"c{turn}", "s3 create", "succeeded", at)]
        if turn % 2:  # else by hand: the row stays until the next create of that name
            entries += told(f"d{turn}", "s3 delete", "succeeded", at + 500_000)
    assert kinds(entries) == []
    row = {**ROW, "owner": "dev-4", "request": "c4", "created_at": 1}
    assert kinds(entries[:14], row) == []
    for turn in range(4):
        assert kinds(entries, {**row, "owner": f"dev-{turn}", "request": f"c{turn}"}) == UNFOUNDED


# ---- places


def ec2(request: str, operation: str = "ec2 create", resource: str = "web", **outcome: Any) -> list[dict[str, Any]]:
    """Return the entries of a request about an instance, open without an outcome."""
    body = {"request": request, "operation": operation, "resource": resource, "owner": "me", "region": "here"}
    intent = {"kind": "intent", "at": 9_000_000, **body}
    ended = {"kind": "outcome", "request": request, "result": "succeeded", "at": 9_001_000, **outcome}
    return [intent, ended] if outcome else [intent]


WEB = [*ec2("r", instance="i-1"), *ec2("s", "ec2 start", "i-1", instance="i-1"), *ec2("o"), {"kind": "x"}]
WEB += [*ec2("f", result="failed"), *ec2("p", "ec2 start", "i-1"), *ec2("q", "ec2 start", "i-2", instance="i-2")]
HELD = {"state": "held", "requests": ["r"], "instance": "i-1", "until": 9_001, "owner": "me", "region": "here"}
TAKEN = {**HELD, "state": "reserved", "instance": "", "until": 10_032}


def of_places(places: dict[str, Any]) -> set[str]:
    """Return what is wrong with places, as far as it is told of them."""
    beside = [
        {"pk": "lease", "sk": "holders", "places": json.dumps(places)},
        *({"pk": "open", "sk": request} for request in "op"),
    ]
    faults = disagreements(story_of(WEB), beside, NOW, Times())
    return {f"{fault.severity}: {fault.text}" for fault in faults}


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("create:r", HELD),
        ("r", HELD),
        ("create:r", {**HELD, "requests": []}),
        ("create:r", {**HELD, "requests": ["r", "s"]}),
        ("create:r", {**HELD, "requests": ["p"], "state": "reserved", "until": 11_032}),
        ("create:r", TAKEN),  # its command was killed between its outcome and its place
        ("create:o", {**TAKEN, "requests": ["o"], "until": 11_032}),
        ("create:f", {**TAKEN, "requests": ["f"], "state": "ending", "fate": "refused"}),
        ("start:i-1", {**HELD, "requests": ["s"]}),
        ("i-1", {**HELD, "requests": ["s"]}),
        ("start:i-1", {**HELD, "requests": ["p"], "state": "reserved", "until": 11_032}),
    ],
)
def test_places_that_the_record_stands_for(key: str, place: dict[str, Any]) -> None:
    assert of_places({key: place}) == set()


@pytest.mark.parametrize(
    ("key", "place", "said"),
    [
        ("create:k", TAKEN, "is that of request k, and no create of that id is on record"),
        ("k", TAKEN, "is that of request k, and no create of that id is on record"),
        ("create:s", HELD, "is that of request s, and no create of that id is on record"),
        ("create:r", {**HELD, "owner": "you"}, "has the owner you, and its create the owner me"),
        ("create:r", {**HELD, "region": 5}, "has the region 5, and its create the region here"),
        ("create:r", {**HELD, "instance": "i-2"}, "is held by i-2, and its create made i-1"),
        (
            "create:o",
            {**TAKEN, "requests": ["o", "r"]},
            "is taken for request r, which is on record for something else",
        ),
        ("start:i-1", {**HELD, "requests": ["q"]}, "is taken for request q, which is on record for something else"),
        ("start:i-2", HELD, "has a key that does not fit what is in it: "),
        ("zone:i-1", HELD, "has a key that does not fit what is in it: "),
        ("create:r", {**TAKEN, "until": 11_032}, "is reserved for request r, which has ended"),
        ("create:o", {**TAKEN, "requests": ["o"], "until": 2**33}, "is taken until later than any call can last"),
        ("create:r", {**HELD, "until": 2**33}, "is taken until later than any call can last"),
        ("create:r", {**HELD, "until": "x"}, "is not as Handrail writes it: "),
        ("create:r", {**HELD, "state": "lost"}, "is not as Handrail writes it: "),
        ("create:r", {**HELD, "instance": ""}, "is taken for nothing that is on record"),
        ("create:o", {**TAKEN, "requests": []}, "is taken for nothing that is on record"),
    ],
)
def test_places_that_the_record_does_not_stand_for(key: str, place: dict[str, Any], said: str) -> None:
    (text,) = of_places({key: place})
    assert text.startswith(f"doubtful: the place {key} {said}")


def test_two_places_of_one_instance() -> None:
    both = of_places({"create:r": HELD, "start:i-1": {**HELD, "requests": ["s"]}})
    assert both == {
        f"doubtful: the place {key} is held by i-1, which holds another one too" for key in ("create:r", "start:i-1")
    }


def test_a_place_of_a_newer_version_is_a_notice() -> None:
    assert of_places({"create:r": {"needs": 99}}) == {"notice: the place create:r was written by a newer Handrail"}


def test_rows_that_are_only_named_like_others_are_said_to_be_unknown() -> None:
    rows = [{"pk": pk, "sk": "x"} for pk in ("lease", "lease#eu", "openx", "requests", "requests")]
    assert kinds([], *rows) == [("unknown", name) for name in ("lease#eu", "lease/x", "openx", "requests")]
