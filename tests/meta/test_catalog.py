"""Every operation of the catalogue has all that an operation must have."""

import inspect
import re

import pytest

from handrail.catalog import SHELVES, every_operation, operation_named, overview
from handrail.core.fields import Values
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


@of_every
def test_what_offers_values_is_there(operation: Operation) -> None:
    for field in operation.fields:
        assert not field.pick_from or operation_named(field.pick_from), field.name
        assert not field.policy or field.policy in KEYS, field.name


@of_every
def test_its_functions_take_the_parameters_that_it_declares(operation: Operation) -> None:
    classes = {one.__name__ for one in operation.parameters.__mro__}
    for function in (operation.handler, operation.claims, operation.stays_here):
        if function is not None:
            *_, last = inspect.signature(function).parameters.values()
            taken = getattr(last.annotation, "__name__", str(last.annotation))
            assert taken in classes or last.annotation in (last.empty, Values), function


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
