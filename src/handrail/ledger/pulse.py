"""The pulse of a change that takes long: while its command lives, others must not settle what it is still doing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from handrail.core.errors import HandrailError

BEATS = 4  # in the time after which a request counts as cut off, so that some may be lost


@contextmanager
def beating(beat: Callable[[], None], age: float) -> Iterator[None]:
    """Call `beat` in a thread, several times within `age` seconds, for as long as the block lasts.

    age: seconds after which a request counts as cut off; 0 for never, and then nothing beats. A process that is frozen
    has no pulse. A beat that fails is left to the next.
    """
    if not age:
        yield
        return
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(age / BEATS):
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
