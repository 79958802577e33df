"""Every operation of the catalogue has all that an operation must have."""

import ast
import inspect
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from handrail.catalog import SHELVES, every_operation, operation_named, overview
from handrail.core.operation import Effect, Operation
from handrail.core.policy.keys import KEYS
from project import DOCS, ROOT, operation_of

CATALOG = every_operation()
EVERY = (overview(), *CATALOG)
of_every = pytest.mark.parametrize("operation", EVERY, ids=lambda operation: operation.name or "(alone)")
of_catalog = pytest.mark.parametrize("operation", CATALOG, ids=lambda operation: operation.name)
IAM_ACTION = re.compile(r"[a-z0-9-]+:[A-Z][A-Za-z]+\Z")


@of_every
def test_it_has_help_in_the_voice_of_the_house(operation: Operation) -> None:
    assert operation.help[0].islower(), "help is a phrase, so that it can stand in a sentence"
    assert not operation.help.endswith(".")
    assert len(operation.help) <= 100


@of_every
def test_each_of_its_fields_has_help(operation: Operation) -> None:
    for field in operation.fields:
        assert field.help, field.name
        assert not field.help.endswith("."), field.name


def parameter(function: Callable[..., Any] | None, number: int) -> str:
    """Return the name of the class that a function takes there, empty where there is none, or any will do."""
    annotation = list(inspect.signature(function).parameters.values())[number].annotation if function else ""
    return "" if annotation is inspect.Parameter.empty else getattr(annotation, "__name__", str(annotation))


@of_every
def test_what_offers_values_is_there(operation: Operation) -> None:
    for field in operation.fields:
        assert not field.pick_from or operation_named(field.pick_from), field.name
        assert not field.policy or field.policy in KEYS, field.name


@of_every
def test_its_functions_take_the_parameters_that_it_declares(operation: Operation) -> None:
    declared = {"", *(one.__name__ for one in operation.parameters.__mro__)}
    assert {parameter(operation.wish, 1), parameter(operation.stays_here, 0)} <= declared
    wished = {"", inspect.signature(operation.wish).return_annotation.__name__} if operation.wish else declared
    for function in (operation.handler, operation.claims, operation.places, operation.claims_of_found):
        assert parameter(function, 1) in wished, function


@of_every
def test_its_example_parses_to_itself(operation: Operation) -> None:
    # An example may stand in a command substitution: eval "$(handrail sandbox env)".
    line = operation.example.partition("$(")[2].partition(")")[0] or operation.example
    assert operation_of(line) is operation


@of_every
def test_it_names_its_permissions(operation: Operation) -> None:
    for permission in operation.permissions:
        assert IAM_ACTION.match(permission), permission
    if operation.effect is not Effect.LOCAL:
        assert operation.permissions, "it talks to AWS: which IAM actions does it need?"
    else:
        assert not operation.permissions


@of_catalog
def test_a_functional_test_runs_it(operation: Operation) -> None:
    words = ", ".join(f'"{word}"' for word in operation.name.split())
    folders = ("functional", "e2e", "contract", "ledger", "reliability", "s3")
    tests = [path for folder in folders for path in (ROOT / "tests" / folder).rglob("*.py")]
    call = re.compile(r"[(\[]\s*" + re.escape(words) + r"\s*[,)\]]")
    assert any(call.search(path.read_text(encoding="utf-8")) for path in tests), f"no functional test says {words}"


@of_catalog
def test_the_reference_has_it(operation: Operation) -> None:
    assert f"### `{operation.name}`\n" in (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")


def test_every_resource_is_explained() -> None:
    for shelf in SHELVES:
        assert shelf.help
        assert {operation.resource for operation in shelf.operations} == {shelf.resource}


def test_no_two_operations_answer_to_one_name() -> None:
    names = [operation.name for operation in CATALOG]
    names += [f"{operation.resource} {alias}".strip() for operation in CATALOG for alias in operation.aliases]
    assert len(names) == len(set(names))


def test_no_verb_imports_another_verb() -> None:
    """What two verbs share stands beside them; only what shows or leads through everything may ask single ones."""
    verbs = {f"handrail.operations.{place.partition(':')[0]}" for shelf in SHELVES for place in shelf.places}
    everything = {f"handrail.operations.{name}" for name in ("overview", "demo")}
    for verb in sorted(verbs - everything):
        tree = ast.parse(Path(inspect.getfile(import_module(verb))).read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not imported & (verbs - {verb}), verb
