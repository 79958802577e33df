"""Time, as an argument: what a command waits by, and what tests turn."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time, as far as a command needs it."""

    def now(self) -> datetime:
        """Return the time of day, UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def ticks(
    clock: Clock, limit: float, *, first: float = 1.0, growth: float = 1.3, longest: float = 5.0
) -> Iterator[float]:
    """Yield the seconds spent so far, 0 at first, a pause between two of them; the last is at the limit or later.

    limit: seconds. first, longest: the shortest and the longest pause, seconds; each is `growth` times the one before.
    """
    started, pause, spent = clock.monotonic(), first, 0.0
    while True:
        yield spent
        if spent >= limit:
            return
        clock.sleep(min(pause, max(limit - (clock.monotonic() - started), 0.05)))
        pause, spent = min(pause * growth, longest), clock.monotonic() - started
