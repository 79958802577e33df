"""Which process serves a folder, as the kernel tells it by the locks that it holds. Standard library only, and light.

Two locks, both of which fall with the process. One is taken or waited for as a whole (flock). Of the other (a record
lock) anybody who may open the file can ask who holds it, without taking it: so no pid is ever believed that a file or
an answer names.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import sys
from pathlib import Path

from handrail.sandbox import files
from handrail.sandbox.errors import SandboxError

# struct flock, as fcntl(2) takes it: of Linux and, in the other order, of the BSDs and macOS.
_LINUX = sys.platform.startswith("linux")
_FLOCK = struct.Struct("@hhqqi4x" if _LINUX else "@qqihh4x")


def take_serving_locks(state_dir: Path) -> None:
    """Take both locks for the rest of this process's life. Raises SandboxError where another one serves the folder."""
    descriptor = _open(state_dir / files.SERVING_LOCK)
    holder = _open(state_dir / files.HOLDER_LOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise SandboxError(f"Another sandbox server holds {state_dir}.", "Use that one, or end it.") from error


def is_serving(state_dir: Path) -> bool:
    """Tell whether a server's process lives, answering or not. Only for who holds the start lock: it takes the lock."""
    descriptor = _open(state_dir / files.SERVING_LOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def serving_process(state_dir: Path) -> int | None:
    """Return the process that serves the folder, None where none does; takes nothing."""
    try:
        descriptor = os.open(state_dir / files.HOLDER_LOCK, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        kind, pid = _holder(descriptor)
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else pid


def end_process(state_dir: Path) -> bool:
    """Ask the process that serves the folder to end; False where none does. Raises SandboxError if it can't be told.

    The process is held fast (pidfd) before the lock is looked at once more, so that a pid that was given to another
    process meanwhile is never signalled.
    """
    pid = serving_process(state_dir)
    if pid is None:
        return False
    if pid <= 1 or pid == os.getpid():
        raise SandboxError(
            f"The sandbox of {state_dir} runs where this process cannot see it, in another container perhaps.",
            "handrail sandbox stop, there; or wait: it ends itself when nobody asks",
        )
    with contextlib.suppress(ProcessLookupError):
        if not hasattr(os, "pidfd_open"):
            os.kill(pid, signal.SIGTERM)
            return True
        process = os.pidfd_open(pid)
        try:
            if serving_process(state_dir) == pid:
                signal.pidfd_send_signal(process, signal.SIGTERM)
        finally:
            os.close(process)
    return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _holder(descriptor: int) -> tuple[int, int]:
    """Return what kind of lock stands in the way of one on the whole file (F_UNLCK: none), and whose it is."""
    asked = (fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0) if _LINUX else (0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
    told = _FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, _FLOCK.pack(*asked)))
    return (told[0], told[4]) if _LINUX else (told[3], told[2])
