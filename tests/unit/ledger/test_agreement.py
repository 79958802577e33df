"""Whether the rows beside the record agree with it, as far as the tests at the command line do not show it."""

from typing import Any

import pytest

from handrail.ledger.agreement import disagreements, story_of

ROW = {"pk": "own#bucket", "sk": "b", "kind": "bucket", "name": "b", "owner": "me", "request": "r", "region": "here"}


def told(request: str, operation: str, result: str, at: Any = 0, **more: Any) -> list[dict[str, Any]]:
    """Return the entries of a request; `open` gives no outcome."""
    said = {"request": request, "operation": operation, "resource": "b", "owner": "me", "region": "here"}
    intent = {"kind": "intent", **said}
    return [
        intent,
        *([{"kind": "outcome", "request": request, "result": result, "at": at, **more}] * (result != "open")),
    ]


def kinds(entries: list[dict[str, Any]], *beside: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what does not agree, in short."""
    return [(fault.kind, fault.about) for fault in disagreements(story_of(entries), beside)]


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
    (fault,) = disagreements({}, [{"pk": "own#bucket", "sk": "b", "name": "x" * 500}])
    assert fault.kind == "odd"
    assert len(fault.text) < 200
