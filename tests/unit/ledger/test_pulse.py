"""The pulse of a long change."""

import threading

from handrail.core.errors import Unreachable
from handrail.ledger.pulse import beating


def test_it_beats_until_the_end_and_a_lost_beat_is_left_to_the_next() -> None:
    beats: list[int] = []
    enough = threading.Event()

    def beat() -> None:
        beats.append(len(beats))
        if len(beats) == 1:
            raise Unreachable("no answer.")
        if len(beats) >= 3:
            enough.set()

    with beating(beat, 0.02):
        assert enough.wait(30)
    after = len(beats)
    assert not [thread for thread in threading.enumerate() if thread.name == "pulse"]
    assert len(beats) == after
