"""The guard of ownership: its cases, and that every mutant of it fails one of them."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from handrail.core import ownership
from handrail.core.ownership import OnRecord, is_managed_bucket

Guard = Callable[[str, dict[str, str], OnRecord | None], bool]


@dataclass(frozen=True)
class Row:
    """A row of the ledger."""

    name: str = "press"
    owner: str = "dev-1"
    request: str = "r1"


OURS = {"managed-by": "handrail", "handrail:owner": "dev-1", "handrail:request": "r1"}
CASES: list[tuple[str, dict[str, str], Row | None, bool]] = [
    ("press", OURS, Row(), True),
    ("press", {**OURS, "team": "blue"}, Row(), True),
    ("press", OURS, None, False),
    ("press", {}, Row(), False),
    ("press", OURS, Row(name="other"), False),
    ("other", OURS, Row(), False),
    ("press", {**OURS, "managed-by": "terraform"}, Row(), False),
    ("press", {key: value for key, value in OURS.items() if key != "managed-by"}, Row(), False),
    ("press", {**OURS, "handrail:owner": "dev-2"}, Row(), False),
    ("press", OURS, Row(owner="dev-2"), False),
    ("press", {**OURS, "handrail:request": "r2"}, Row(), False),
    ("press", OURS, Row(request="r2"), False),
    ("press", {**OURS, "handrail:owner": ""}, Row(owner=""), False),
    ("press", {**OURS, "handrail:request": ""}, Row(request=""), False),
    ("press", {"managed-by": "handrail", "handrail:request": "r1"}, Row(owner=""), False),
]


def passes(guard: Guard) -> bool:
    """Return whether a guard judges every case right."""
    try:
        return all(guard(name, tags, row) is expected for name, tags, row, expected in CASES)
    except (AttributeError, TypeError):
        return False


@pytest.mark.parametrize(("name", "tags", "row", "expected"), CASES)
def test_only_tags_and_row_together_make_a_bucket_ours(
    name: str, tags: dict[str, str], row: Row | None, expected: bool
) -> None:
    assert is_managed_bucket(name, tags, row) is expected


def mutants() -> Iterator[tuple[str, ast.Module]]:
    """Yield the guard with one thing changed: a condition dropped or turned, `and` made `or`."""
    source = textwrap.dedent(inspect.getsource(is_managed_bucket))

    def fresh() -> tuple[ast.Module, ast.BoolOp]:
        tree = ast.parse(source)
        return tree, next(node for node in ast.walk(tree) if isinstance(node, ast.BoolOp))

    tree, whole = fresh()
    whole.op = ast.Or()
    yield "or", tree
    for index in range(len(fresh()[1].values)):
        tree, whole = fresh()
        dropped = ast.unparse(whole.values.pop(index))
        yield f"without {dropped}", tree
        tree, whole = fresh()
        whole.values[index] = ast.UnaryOp(ast.Not(), whole.values[index])
        yield f"not {dropped}", tree


ALL_MUTANTS = list(mutants())


@pytest.mark.parametrize("mutant", [tree for _, tree in ALL_MUTANTS], ids=[name for name, _ in ALL_MUTANTS])
def test_every_mutant_of_the_guard_is_caught(mutant: ast.Module) -> None:
    space: dict[str, Any] = dict(vars(ownership))
    exec(compile(ast.fix_missing_locations(mutant), "<mutant>", "exec"), space)
    assert not passes(space["is_managed_bucket"])


def test_the_guard_itself_passes() -> None:
    assert passes(is_managed_bucket)
    assert len(ALL_MUTANTS) == 15
    assert replace(Row(), name="x") != Row()
