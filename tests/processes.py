"""The processes of a test session: sandboxes that must not idle out while it lives, and nobody left when it ends.

A sandbox ends itself when nobody asks for long. A slow machine may run other tests for longer than that, so whoever
started it asks now and then; when the test process dies, however it dies, nobody does any more.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from handrail.sandbox import launcher
from handrail.sandbox.errors import SandboxError

ASK_EVERY = 20.0  # seconds
GRACE = 30.0  # seconds in which what was told to end may end

_kept: list[Path] = []


def keep_alive(state_dir: Path) -> None:
    """Keep the sandbox of a folder from idling out for as long as this process lives."""
    if not _kept:
        threading.Thread(target=_ask, name="keep-alive", daemon=True).start()
    _kept.append(state_dir)


def _ask() -> None:
    while True:
        time.sleep(ASK_EVERY)
        for state_dir in list(_kept):
            with suppress(SandboxError):  # a test may have locked its folder just then
                launcher.find(state_dir)


@contextmanager
def nobody_left(folder: Path, grace: float = GRACE) -> Iterator[None]:
    """Assert at the end that no child of this process is left, stopped or running, nor a server of this folder.

    Whoever is left is killed, after so many seconds in which they may end themselves. Sees nobody without a /proc.
    """
    yield
    deadline = time.monotonic() + grace
    while (left := _left(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"left behind, and killed: {left}"


def is_there(pid: int) -> bool:
    """Return whether a process has not ended; one that is stopped is there."""
    try:
        os.kill(pid, 0)
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except OSError:
        return not Path("/proc/self").exists()  # it ended between the two looks, or there is no /proc


def _left(folder: Path) -> dict[int, str]:
    """Return the command lines of our children, and of whoever serves or works in a folder, by pid."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is somebody else's
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
            said = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            is_ours = int(parent) == os.getpid() or f"{folder}{os.sep}" in said
            if is_ours and state != "Z" and int(path.name) != os.getpid():
                found[int(path.name)] = f"{state} {said}"
    return found
