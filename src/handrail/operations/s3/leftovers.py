"""What killed uploads left: which unfinished uploads nobody works on any more, proved before one is aborted.

An upload keeps the ids of what it begins in a file of this machine, locked while it runs: the system lets go of the
lock when it dies, however it dies. The file is evidence only: without it, an upload counts as dead later.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from handrail.aws.s3_objects import Objects, Unfinished
from handrail.core.errors import HandrailError, NotFound, NotSetUp, PermissionDenied
from handrail.files import make_folder
from handrail.operations.s3.meeting import alive_requests
from handrail.session import Session


@dataclass(frozen=True)
class Leftovers:
    """Unfinished uploads of the keys of an upload. dead: nobody works on them; doubtful: somebody may."""

    dead: tuple[Unfinished, ...] = ()
    doubtful: tuple[Unfinished, ...] = ()

    def of(self, keys: Iterable[str]) -> "Leftovers":
        """Return those of some keys."""
        wanted = set(keys if self.dead or self.doubtful else ())  # they may be many
        return Leftovers(*(tuple(one for one in some if one.key in wanted) for some in (self.dead, self.doubtful)))


NOTHING = Leftovers()


@dataclass
class _Begun:
    """The ids of multipart uploads that commands of this machine began: those that run, and those that ended."""

    alive: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    ended_commands: set[str] = field(default_factory=set)


def find_leftovers(session: Session, objects: Objects, keys: Iterable[str]) -> Leftovers:
    """Return what is unfinished of these keys. Raises HandrailError.

    Dead is what a command of this machine began that has ended; else what got nothing for so long that a request of
    Handrail would count as cut off (session.stores.recovery_age), while no upload to the bucket is alive on record.
    """
    found = list(objects.unfinished())
    if found:  # else the keys, which may be many, need not be looked at
        wanted = set(keys)
        found = [one for one in found if one.key in wanted]
    if not found:
        return NOTHING
    begun = _read_begun(_folder(session))
    unknown = [one for one in found if one.id not in begun.alive | begun.ended]
    idle = {one.id for one in _idle(session, objects, unknown)} if unknown else set()
    if idle and _is_busy(session, objects.bucket, begun.ended_commands):
        idle = set()
    dead = tuple(one for one in found if one.id in begun.ended | idle)
    return Leftovers(dead, tuple(one for one in found if one not in dead))


def _idle(session: Session, objects: Objects, unknown: list[Unfinished]) -> Iterator[Unfinished]:
    """Yield the uploads that got nothing for long, by S3's own clock."""
    limit = objects.now() - timedelta(seconds=session.stores.recovery_age)
    for one in unknown:
        try:
            touched = objects.touched_at(one)
        except NotFound:
            touched = limit - timedelta(seconds=1)  # it ended meanwhile: to abort it again is no error
        except PermissionDenied:
            continue
        if touched is not None and touched < limit:
            yield one


def _is_busy(session: Session, bucket: str, ended: set[str]) -> bool:
    """Return whether the record has an upload to the bucket that may be alive: its command said so not long ago."""
    found = (intent for _, intent in alive_requests(session, bucket, "s3 upload"))
    return any(isinstance(one, NotSetUp) or one.resolved.get("command") not in ended for one in found)


# ---- the file of this machine


def _folder(session: Session) -> Path:
    """Return where this machine's files lie: a home may be shared by machines whose locks do not see each other."""
    return session.folders.state / "uploads" / os.uname().nodename


@contextmanager
def keeping(session: Session, command: str) -> Iterator[Callable[[str], None]]:
    """Keep the ids that the yielded function hears, under a lock, for as long as the block lasts.

    A block that ends well leaves no file. Where none can be written, nothing is kept.
    """
    folder = _folder(session)
    try:
        file = (make_folder(folder) / command).open("wb", buffering=0)
    except (HandrailError, OSError):
        yield lambda id: None
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _drop_old(folder, session.now() - session.stores.recovery_age)

        def keep(id: str) -> None:
            with suppress(OSError):
                file.write(f"{id}\n".encode())

        yield keep
        (folder / command).unlink(missing_ok=True)


def _drop_old(folder: Path, before: float) -> None:
    """Drop the files that prove nothing any more that time alone would not."""
    for path in _files(folder):
        with suppress(OSError):
            if path.stat().st_mtime < before and _has_ended(path):
                path.unlink()


def _read_begun(folder: Path) -> _Begun:
    begun = _Begun()
    for path in _files(folder):
        with suppress(OSError):
            has_ended = _has_ended(path)
            ids = path.read_text(encoding="utf-8", errors="replace").split()
            (begun.ended if has_ended else begun.alive).update(ids)
            begun.ended_commands.update({path.name} if has_ended else ())
    return begun


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder, none where there is none; a pipe among them would be waited for."""
    with suppress(OSError):
        return [path for path in folder.iterdir() if path.is_file()]
    return []


def _has_ended(path: Path) -> bool:
    """Return whether nobody holds the lock of a file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
