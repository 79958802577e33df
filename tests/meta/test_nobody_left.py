"""No test leaves a process behind, stopped or running: what looks for them, and what kills a crowd."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.crowd import Crowd
from patience import wait_until
from processes import is_there, nobody_left

SLEEP = [sys.executable, "-c", "import time; time.sleep(3600)"]


def test_a_child_that_was_stopped_is_found_and_killed(tmp_path: Path) -> None:
    child = subprocess.Popen(SLEEP)
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(AssertionError, match=rf"left behind, and killed: .*{child.pid}"), nobody_left(tmp_path, 0):
        pass
    assert child.wait() == -signal.SIGKILL


def test_whoever_ends_in_time_is_not_left(tmp_path: Path) -> None:
    with nobody_left(tmp_path), subprocess.Popen([sys.executable, "-c", ""]):
        pass


@pytest.mark.parametrize("way", ["close", "end of orders"])
def test_a_crowd_leaves_nobody(tmp_path: Path, way: str) -> None:
    """Whether it is closed, or whoever gives the orders is gone."""
    crowd = Crowd(tmp_path)
    pids = [crowd.fork(["--version"], {}) for _ in range(2)]
    os.kill(pids[0], signal.SIGSTOP)
    assert all(map(crowd.lives, pids))
    if way != "close":
        assert crowd._server.stdin is not None
        crowd._server.stdin.close()
    else:
        crowd.close()
    wait_until(lambda: not any(map(is_there, pids)), "all of them are gone")
    crowd.close()
