"""Every operation of the catalogue has a command line; tests/functional/test_permissions.py runs each undisturbed."""

from handrail.catalog import every_operation, overview

from .calls import LINES, OFFLINE


def test_every_operation_of_the_catalogue_has_a_command_line() -> None:
    known = {operation.name for operation in (*every_operation(), overview())}
    driven = {line.operation for line in LINES}
    assert driven | OFFLINE == known
    assert not driven & OFFLINE
