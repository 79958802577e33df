"""The simulation is run without coverage, which would keep a stack of each of its millions of greenlets for good.

What it proves are orders of events; that every line of the lease is run by a test is for tests/unit/ledger to show.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let pytest-cov pause while a test of this folder runs."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.no_cover)
