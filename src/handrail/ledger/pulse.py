"""The pulse of a change that takes long: while its command lives, others must not settle what it is still doing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from handrail.core.errors import HandrailError

BEATS = 4  # in the time that one beat is good for, so that some may be lost


@contextmanager
def beating(beat: Callable[[], None], good_for: float) -> Iterator[None]:
    """Call `beat` in a thread, several times within `good_for` seconds, for as long as the block lasts.

    A process that is frozen has no pulse. A beat that fails is left to the next.
    """
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(good_for / BEATS):
            try:
                beat()
            except HandrailError:
                continue

    thread = threading.Thread(target=go_on, name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
