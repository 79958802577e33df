"""Everything that a person can do, in the order in which people see it: the table of contents.

A command is a new process that needs one resource's operations, so each shelf is imported when it is first opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import chain

from handrail.core.operation import Operation


@dataclass(frozen=True)
class Shelf:
    """The operations of one resource. places: `module:NAME` below handrail.operations."""

    resource: str
    help: str
    places: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words of the resource, each a group of commands."""
        return tuple(self.resource.split())

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Return the operations, imported now."""
        return _opened(self.places)


@cache
def _opened(places: tuple[str, ...]) -> tuple[Operation, ...]:
    return tuple(_found(place) for place in places)


def _found(place: str) -> Operation:
    module, _, name = place.partition(":")
    operation: Operation = getattr(import_module(f"handrail.operations.{module}"), name)
    return operation


SHELVES: tuple[Shelf, ...] = (
    Shelf(
        "ec2",
        "instances",
        (
            "ec2.create:CREATE",
            "ec2.look:LIST",
            "ec2.look:SHOW",
            "ec2.update:UPDATE",
            "ec2.states:START",
            "ec2.states:STOP",
            "ec2.states:REBOOT",
            "ec2.states:DELETE",
            "ec2.look:WAIT",
        ),
    ),
    Shelf(
        "s3",
        "buckets and what is in them",
        (
            "s3.create:CREATE",
            "s3.look:LIST",
            "s3.look:SHOW",
            "s3.update:UPDATE",
            "s3.upload:UPLOAD",
            "s3.look:OBJECTS",
            "s3.remove:REMOVE",
            "s3.delete:DELETE",
        ),
    ),
    Shelf(
        "policy",
        "the rules, and whether a command would pass them",
        ("policy:SHOW", "policy:CHECK", "policy:INIT"),
    ),
    Shelf("audit", "the record of every change", ("audit:LIST", "audit_verify:VERIFY", "audit_anchor:ANCHOR")),
    Shelf("lease", "who holds the places under the caps", ("lease:LIST", "lease:RELEASE")),
    Shelf(
        "sandbox",
        "the embedded AWS on this machine",
        ("sandbox:START", "sandbox:STOP", "sandbox:STATUS", "sandbox:RESET", "sandbox:ENV"),
    ),
    Shelf("", "commands without a resource", ("account:USE", "setup:INIT", "demo:DEMO")),
)
OVERVIEW = "overview:OVERVIEW"


def overview() -> Operation:
    """Return what `handrail` alone does."""
    return _found(OVERVIEW)


def every_operation() -> tuple[Operation, ...]:
    """Return all operations that have words of their own, in their order."""
    return tuple(chain.from_iterable(shelf.operations for shelf in SHELVES))


def operation_named(name: str, shelves: Sequence[Shelf] = SHELVES) -> Operation | None:
    """Return the operation of these words (`ec2 create`), None if there is none."""
    shelves = [shelf for shelf in shelves if not shelf.resource or f"{name} ".startswith(f"{shelf.resource} ")]
    found = chain.from_iterable(shelf.operations for shelf in shelves)
    return next((operation for operation in found if operation.name == name), None)
