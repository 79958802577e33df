"""How long a test waits for what must come: a net under what hangs, and never a measure of how fast anything is."""

import time
from collections.abc import Callable

HANGS = 900.0  # seconds; whatever takes longer hangs, on a machine that is five times as slow and busy too


def wait_until(come: Callable[[], object], what: str, pause: float = 0.05, seconds: float = HANGS) -> None:
    """Look again until something has come. Raises AssertionError after so many seconds, with what was waited for."""
    deadline = time.monotonic() + seconds
    while not come():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
