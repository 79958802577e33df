"""When somebody who waits looks again: on a clock that only moves when they wait."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from handrail.clock import SystemClock, ticks
from memory_table import MemoryTable
from stage import TableClock


def waited(limit: float, **pauses: float) -> list[float]:
    """Return when it is looked, in seconds."""
    return [round(spent, 3) for spent in ticks(TableClock(MemoryTable()), limit, **pauses)]


def test_the_pauses_grow_until_they_are_long_enough() -> None:
    assert waited(20) == [0, 1, 2.3, 3.99, 6.187, 9.043, 12.756, 17.583, 20]
    assert waited(8, first=0.5, growth=2.0, longest=3.0) == [0, 0.5, 1.5, 3.5, 6.5, 8]
    assert waited(3, growth=1.0) == [0, 1, 2, 3]


@pytest.mark.parametrize("limit", [0.0, -1.0])
def test_without_time_it_is_looked_once(limit: float) -> None:
    assert waited(limit) == [0]


def test_the_last_look_is_at_the_end_and_none_is_too_soon_after_another() -> None:
    seen = waited(1.01)
    assert seen == [0, 1, 1.05]
    assert all(after - before >= 0.05 - 1e-9 for before, after in pairwise(seen))


def test_what_the_work_in_between_takes_counts() -> None:
    table = MemoryTable()
    clock, seen = TableClock(table), []
    for spent in ticks(clock, 4):
        seen.append(spent)
        table.time += 1.5
    assert seen == pytest.approx([0, 2.5, 4.05])
    assert clock.slept == pytest.approx(1.05)


def test_the_first_is_0_on_a_clock_that_never_stands_still() -> None:
    class Running(TableClock):
        """A clock on which time passes with every look at it."""

        def monotonic(self) -> float:
            self.sleep(0.001)
            return super().monotonic()

    assert next(ticks(Running(MemoryTable()), 5)) == 0.0


def test_the_clock_of_the_machine() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    clock.sleep(0.001)
    assert clock.monotonic() > before
    assert abs(clock.now() - datetime.now(UTC)).total_seconds() < 60
