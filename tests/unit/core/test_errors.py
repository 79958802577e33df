"""Errors: their JSON, and the exit code of several."""

import pytest

from handrail.core import errors
from handrail.core.errors import (
    CapReached,
    HandrailError,
    Interrupted,
    NotFound,
    NotManaged,
    Stopped,
    Usage,
    exit_code_of,
)


def test_an_error_as_json() -> None:
    error = Usage("off.", hint="do this", details={"a": 1}, code="ambiguous")
    assert error.as_json() == {"code": "ambiguous", "message": "off.", "hint": "do this", "details": {"a": 1}}


def test_a_cap_knows_its_numbers() -> None:
    error = CapReached("full.", limit=2, count=2, details={"scope": "account"})
    assert (error.limit, error.count, error.details) == (2, 2, {"limit": 2, "count": 2, "scope": "account"})


@pytest.mark.parametrize(
    ("failures", "targets", "code"),
    [
        ([], 3, 0),
        ([NotFound("x"), NotManaged("y")], 2, 4),
        ([NotFound("x")], 2, 8),
        ([NotFound("x"), Usage("y")], 2, 8),
    ],
)
def test_the_code_of_several(failures: list[HandrailError], targets: int, code: int) -> None:
    assert exit_code_of(failures, targets) == code


def test_every_kind_has_a_slug_and_a_documented_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HandrailError)]
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in kinds)
    assert {kind.exit_code for kind in kinds} == {1, 2, 3, 4, 5, 6, 7, 8, 130}
    assert len({kind.code for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143), (1, 129)])
def test_who_was_told_to_end_says_so_by_its_code(number: int, code: int) -> None:
    assert Interrupted("interrupted.", by=Stopped(number)).exit_code == code
    assert Interrupted("interrupted.", by=KeyboardInterrupt()).exit_code == 130
