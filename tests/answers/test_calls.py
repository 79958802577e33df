"""Every operation of the catalogue is driven, and says which calls it makes."""

import pytest

from handrail.catalog import every_operation, overview

from .calls import LINES, OFFLINE, Ground, Line, record


def test_every_operation_of_the_catalogue_has_a_command_line() -> None:
    known = {operation.name for operation in (*every_operation(), overview())}
    driven = {line.operation for line in LINES}
    assert driven | OFFLINE == known
    assert not driven & OFFLINE


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_each_command_line_goes_well_undisturbed(line: Line, ground: Ground) -> None:
    done, exchanges = record(ground, line, f"quiet-{LINES.index(line)}")
    assert done.code == 0, done.err
    assert exchanges
