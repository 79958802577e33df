"""Finds the files that an upload names: folders walked, links followed but not in circles, each file with its key."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from handrail.core.errors import HandrailError, NotFound, Usage, WrongState
from handrail.core.fields import show
from handrail.core.s3_rules import new_key_fault
from handrail.core.uploads import Filter, LocalFile, Shipment, file_key, folder_key

Trail = tuple[tuple[int, int], ...]


@dataclass
class Batch:
    """What one PATH of the command line stands for.

    faults: files that can't go, each with its reason. empty_folders: how many there are in it, which no object stands
    for.
    """

    shown: str
    files: list[LocalFile] = field(default_factory=list)
    faults: list[Shipment] = field(default_factory=list)
    is_folder: bool = False
    empty_folders: int = 0

    def fail(self, path: Path, shown: str, error: HandrailError) -> None:
        """Keep a file that can't go."""
        self.faults.append(Shipment(LocalFile(str(path), shown, "", 0), "failed", error=error))


def gather(cwd: Path, named: str, prefix: str, filter: Filter) -> Batch:
    """Return the files of one PATH, by name. Nothing raises: what can't be read is a fault of the batch."""
    batch = Batch(named)
    path = cwd / named
    try:
        found = path.stat()
    except OSError as error:
        batch.fail(path, named, _not_there(path, named, error))
        return batch
    if stat.S_ISDIR(found.st_mode):
        batch.is_folder = True
        _Walk(batch, prefix, filter).take_in(path, found)
    elif filter.takes(path.name):
        _add(batch, path, named, file_key(path.name, prefix), found)
    return batch


def _add(batch: Batch, path: Path, shown: str, key: str, found: os.stat_result) -> None:
    fault = new_key_fault(key)
    if not stat.S_ISREG(found.st_mode):
        batch.fail(path, shown, WrongState(f"{show(shown)} is not a file.", hint="leave it out: --exclude"))
    elif fault:
        batch.fail(path, shown, Usage(f"{show(shown)} can't be an object: {fault}.", hint="rename it, or --exclude it"))
    else:
        batch.files.append(LocalFile(str(path), shown, key, found.st_size))


@dataclass(frozen=True)
class _Folder:
    """A folder to walk. trail: it and the folders above it, by which a link back to one of them is known."""

    path: Path
    relative: str
    trail: Trail


class _Walk:
    """One folder on its way into a batch."""

    def __init__(self, batch: Batch, prefix: str, filter: Filter) -> None:
        self._batch, self._prefix, self._filter = batch, prefix, filter
        self._waiting: list[_Folder] = []

    def take_in(self, path: Path, found: os.stat_result) -> None:
        """Take in a folder and all below it; a stack instead of recursion, for folders may lie deep."""
        self._waiting = [_Folder(path, "", (_place(found),))]
        while self._waiting:
            folder = self._waiting.pop()
            entries = self._entries(folder)
            entries.reverse()
            while entries:  # each is let go once it is done with, for what it knows of its file takes a kilobyte
                self._entry(folder, entries.pop())

    def _entry(self, folder: _Folder, entry: os.DirEntry[str]) -> None:
        relative, path = f"{folder.relative}{entry.name}", folder.path / entry.name
        shown, goes = self._shown(relative), self._filter.takes(relative)
        try:
            found = entry.stat()
        except OSError as error:
            if goes:
                self._batch.fail(path, shown, _unreadable(shown, error))
            return
        if stat.S_ISDIR(found.st_mode) and _place(found) not in folder.trail:
            if not self._filter.leaves_out(relative):
                self._waiting.append(_Folder(path, f"{relative}/", (*folder.trail, _place(found))))
        elif goes and stat.S_ISDIR(found.st_mode):
            loop = WrongState(f"{show(shown)} is a link to a folder above it.", hint="leave it out: --exclude")
            self._batch.fail(path, shown, loop)
        elif goes:
            _add(self._batch, path, shown, folder_key(relative, self._prefix), found)

    def _entries(self, folder: _Folder) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder.path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            shown = self._shown(folder.relative)
            self._batch.fail(folder.path, shown, _unreadable(shown, error))
            return []
        if not entries and folder.relative and self._filter.takes(folder.relative.rstrip("/")):
            self._batch.empty_folders += 1
        return entries

    def _shown(self, relative: str) -> str:
        return f"{self._batch.shown.rstrip('/')}/{relative}".rstrip("/")


def _place(found: os.stat_result) -> tuple[int, int]:
    return (found.st_dev, found.st_ino)


def _not_there(path: Path, shown: str, error: OSError) -> HandrailError:
    if isinstance(error, FileNotFoundError) and not path.is_symlink():
        return NotFound(f"there is no file {show(shown)}.", hint="check the path", details={"path": shown})
    return _unreadable(shown, error)


def _unreadable(shown: str, error: OSError) -> WrongState:
    return WrongState(
        f"{show(shown)} can't be read: {error.strerror or error}.",
        hint="see who may read it, or leave it out: --exclude",
        details={"path": shown},
        code="unreadable",
    )


def find_doubles(batches: list[Batch]) -> None:
    """Turn every file whose key another one has already into a fault, so that none overwrites another in silence."""
    seen: dict[str, str] = {}
    for batch in batches:
        kept: list[LocalFile] = []
        for one in batch.files:
            first = seen.setdefault(one.key, one.shown)
            if first == one.shown:
                kept.append(one)
            else:
                double = Usage(f"{show(one.shown)} would get the key of {show(first)}.", hint="upload them apart")
                batch.faults.append(Shipment(one, "failed", error=double))
        batch.files = kept
