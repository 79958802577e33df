"""What makes sense for a thing as it is now, so that a door offers it."""

from dataclasses import replace

import pytest

from handrail.catalog import operation_named
from stage import WEB

STATES = ("pending", "running", "stopping", "stopped", "shutting-down", "terminated")


@pytest.mark.parametrize(
    ("verb", "states"),
    [
        ("start", {"stopping", "stopped"}),
        ("stop", {"pending", "running"}),
        ("reboot", {"pending", "running"}),
        ("delete", {"pending", "running", "stopping", "stopped"}),
        ("show", set(STATES)),
    ],
)
def test_what_an_instance_in_a_state_is_offered(verb: str, states: set[str]) -> None:
    operation = operation_named(f"ec2 {verb}")
    assert operation is not None
    assert {state for state in STATES if operation.fits(replace(WEB, state=state))} == states


@pytest.mark.parametrize(
    ("name", "is_offered"), [("ec2 update", False), ("s3 update", False), ("s3 remove", False), ("s3 delete", True)]
)
def test_what_one_that_is_gone_is_offered(name: str, is_offered: bool) -> None:
    operation = operation_named(name)
    assert operation is not None
    gone = replace(WEB, state="terminated")
    assert gone.is_gone
    assert operation.fits(gone) is is_offered
