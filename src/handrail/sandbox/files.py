"""Where a sandbox keeps its state: names, modes and atomic writes. Standard library only."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from handrail.sandbox.errors import SandboxError

START_LOCK = "lock"  # held by whoever starts or stops; the only file that a reset leaves
SERVING_LOCK = "serving"  # held by the server as long as it lives
HOLDER_LOCK = "holder"  # held likewise; the kernel says by which process
STATE = "state.json"
PORT = "port"
SECRET = "secret"  # noqa: S105 - a file name
OWNERS = "owners"
LOG = "log.jsonl"
HEAD = "head"  # number and check of the log's last line
DAMAGE = "damage"  # what was found to be damaged; a reset keeps what it is about
KEPT = "damaged-"  # and a number: the folder in which it keeps that
BLOBS = "blobs"
SERVER_LOG = "server.log"


def make_folder(path: Path) -> None:
    """Create a folder, and those above it, which only its owner may enter."""
    for folder in (*reversed(path.parents), path):  # pathlib gives those above whatever the umask leaves
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a 0600 file so that a reader sees the old or the new content, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{id(content):x}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte; a disk that takes only a part raises at the next try."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def open_file(path: Path) -> BinaryIO:
    """Open a file to read. Raises OSError, also where something else has its name: a pipe would be waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        return os.fdopen(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def read_bytes(path: Path) -> bytes:
    """Return the content of a file. Raises OSError as `open_file` does."""
    with open_file(path) as stream:
        return stream.read()


def read_text(path: Path) -> str | None:
    """Return the content of a file, or None where there is none. Raises SandboxError where it can't be read."""
    try:
        return read_bytes(path).decode()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise SandboxError(
                f"The sandbox cannot read {path}: it leads nowhere.", "handrail sandbox reset"
            ) from error
        return None
    except NotADirectoryError:  # whoever then makes the folder says what is in its place
        return None
    except OSError as error:
        raise SandboxError(f"The sandbox cannot read {path}: {error.strerror}.", "handrail sandbox reset") from error
