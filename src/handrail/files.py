"""Where Handrail's files lie and how they are written: own folders only, private, all or nothing."""

import contextlib
import errno
import os
import stat
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handrail.core.errors import HandrailError, NotSetUp, Usage
from handrail.core.fields import show
from handrail.core.shell import line

APP = "handrail"
STATE_VARIABLE = "HANDRAIL_STATE_DIR"
LIMIT = 1024 * 1024  # bytes of a file that Handrail reads by itself
PATIENCE = 60.0  # seconds for a writer that says nothing: a program behind `<(…)` may think first
NO_WRITER = 2.0  # seconds for a pipe that nobody has opened to write
_POLL_SECONDS = 0.05

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Folders:
    """The folders of one person on one machine; none need exist.

    config: settings.toml, policy.toml, templates. state: what a run leaves behind. cache: what can be fetched again.
    sandbox: the sandbox's state. home: where `~/.aws` lies.
    """

    config: Path
    state: Path
    cache: Path
    sandbox: Path
    home: Path

    @property
    def settings(self) -> Path:
        """Return the user file that `handrail use` writes."""
        return self.config / "settings.toml"


def find_folders(environ: Mapping[str, str]) -> Folders:
    """Return the folders that the platform's conventions give (platformdirs), as `environ` sees them.

    XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME and HOME are honoured; HANDRAIL_STATE_DIR is the sandbox's folder.
    Raises NotSetUp where no home folder can be found, or one of the variables is not an absolute path.
    """
    from platformdirs import PlatformDirs

    home = _home(environ)
    standard = PlatformDirs(APP, appauthor=False)

    def folder(variable: str, platform: Path) -> Path:
        named = environ.get(variable, "").strip()
        return _absolute(Path(named), variable) / APP if named else _at_home(home, platform)

    state = folder("XDG_STATE_HOME", standard.user_state_path)
    sandbox = environ.get(STATE_VARIABLE, "")
    return Folders(
        config=folder("XDG_CONFIG_HOME", standard.user_config_path),
        state=state,
        sandbox=_absolute(Path(sandbox), STATE_VARIABLE) if sandbox else state / "sandbox",
        cache=folder("XDG_CACHE_HOME", standard.user_cache_path),
        home=home,
    )


def read(path: Path, *, stream: bool = False, limit: int = LIMIT, patience: float = PATIENCE) -> bytes | None:
    """Return the bytes of a file, or None where surely nothing has that name. Waits for nobody.

    Every file of ours is read by this one. limit: bytes that it may have. Raises Usage as `read_up_to` does, and for a
    longer file.
    """
    data = read_up_to(path, limit + 1, stream=stream, patience=patience)
    if data is not None and len(data) > limit:
        raise Usage(
            f"{path} is longer than {limit // 2**20} MiB.",
            hint=f"look whether it is what it should be: {line('ls', '-lL', path)}",
        )
    return data


def read_up_to(path: Path, size: int, *, stream: bool = False, patience: float = PATIENCE) -> bytes | None:
    """Return the first bytes of a file, or None where surely nothing has that name.

    What its absence means must not come true of a link to nothing, a pipe or a folder that can't be searched. stream: a
    pipe or a device will do too, as `--policy <(…)` gives one. patience: seconds for a pipe whose writer is silent.
    Raises Usage if the name is there, or may be, and is no file that can be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        if _is_absent(path):
            return None
        raise _unreadable(path, error) from error
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode) or (not stream and not _is_file(status)):
            raise _no_file(path)
        return _drained(descriptor, size, path, patience if stat.S_ISFIFO(status.st_mode) else None)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)


def _is_absent(path: Path) -> bool:
    """Return whether surely nothing has that name: the nearest thing above it is a folder, and was searched."""
    for place in (path, *path.parents):
        try:
            place.lstat()
        except FileNotFoundError:
            continue
        except OSError:
            return False
        return place != path and place.is_dir()
    return True  # a relative path in a working folder that was deleted


def _is_file(status: os.stat_result) -> bool:
    """Return whether it is a file, or the null device, behind which people hide one: an empty file."""
    if stat.S_ISCHR(status.st_mode):
        return status.st_rdev == Path(os.devnull).stat().st_rdev
    return stat.S_ISREG(status.st_mode)


def _drained(descriptor: int, limit: int, path: Path, patience: float | None) -> bytes:
    """Return what comes out of a file or a pipe until its end, `limit` bytes at most. Raises Usage where none comes.

    patience: None for what is no pipe. A pipe that nobody has opened to write reads as if it had ended; a writer gets a
    moment to come.
    """
    data, waited = b"", 0.0
    while len(data) < limit:
        part = _part(descriptor, limit - len(data))
        if part:
            data += part
        elif part is not None and (data or patience is None):
            break
        elif waited >= min(PATIENCE if patience is None else patience, PATIENCE if part is None else NO_WRITER):
            why = "its writer is silent" if part is None else "nobody writes to it"
            raise Usage(
                f"{path} gives nothing: {why}.",
                hint="name a file, or a pipe with a writer: <(command)",
                code="file_unreadable",
            )
        else:
            time.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS
    return data


def _part(descriptor: int, size: int) -> bytes | None:
    """Return what can be read now: nothing at an end, None where more may come."""
    try:
        return os.read(descriptor, min(size, 1 << 20))
    except BlockingIOError:
        return None


_KINDS = (
    (stat.S_ISLNK, "a link to nothing"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def _no_file(path: Path) -> HandrailError:
    return Usage(
        f"{path} is not a file: it is {_kind(path)}.",
        hint=f"put a file in its place, or take it away: {line('rm' if not path.is_dir() else 'rmdir', path)}",
        code="not_a_file",
    )


def _kind(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError:
        mode = path.lstat().st_mode
    return next((words for is_one, words in _KINDS if is_one(mode)), "none that can be read")


def _unreadable(path: Path, error: OSError) -> HandrailError:
    """Return why a name that is there, or may be, can't be read: it names what is in the way."""
    if error.errno in (errno.ENOENT, errno.ENXIO) and os.path.lexists(path):
        return _no_file(path)
    above = next((folder for folder in path.parents if os.path.lexists(folder)), path)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        kind = "a link to nothing" if error.errno == errno.ENOENT else "no folder"
        return Usage(
            f"{path} can't be read: {above} is {kind}.",
            hint=f"put a folder in its place, or take it away: {line('rm', above)}",
            code="file_unreadable",
        )
    places = (*reversed(path.parents), *([path] if os.path.lexists(path) else []))
    denied = error.errno in (errno.EACCES, errno.EPERM) and path in places
    hint = line("chmod", "u+r", path) if denied else line("ls", "-ld", *places)
    return Usage(f"{path} can't be read: {_reason(error)}.", hint=hint, code="file_unreadable")


def make_folder(path: Path) -> Path:
    """Make a folder (and those above it) that only its owner can enter, and return it. Raises NotSetUp."""
    try:
        for folder in (*reversed(path.parents), path):  # pathlib gives those above whatever the umask leaves
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    return path


def write(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, as a whole: a reader sees the old bytes or the new ones, never half.

    The folders above are made (0700). Raises NotSetUp if the place is read-only, full, or not a folder.
    """
    folder = make_folder(path.parent)
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()


def in_the_way(path: Path) -> str:
    """Return what there is to say before a file is written: what stands in its place. Empty where nothing does.

    Raises Usage where no file can be.
    """
    try:
        if path.is_symlink() and not path.exists():
            return f"{path} is a link to {show(path.readlink())}, where nothing is: the file would be made there."
        return f"{path} exists and would be overwritten." if path.exists() else ""
    except OSError as error:
        raise Usage(
            f"{show(str(path), 60)} can't be a file: {_reason(error)}.", hint="name another", code="file_unwritable"
        ) from error


def _home(environ: Mapping[str, str]) -> Path:
    # Path.home() would raise where nobody knows; this gives "~", which is no absolute path.
    return _absolute(Path(environ.get("HOME") or os.path.expanduser("~")), "HOME")  # noqa: PTH111


def _at_home(home: Path, platform: Path) -> Path:
    """Return platformdirs' answer under `home`: it reads the process's own environment, and ours is an argument."""
    own = Path(os.path.expanduser("~"))  # noqa: PTH111  as above
    return home / platform.relative_to(own) if platform.is_relative_to(own) else platform


def _absolute(path: Path, variable: str) -> Path:
    if not path.is_absolute():
        raise NotSetUp(
            f"the folder for Handrail's own files can't be found: {variable} is not an absolute path.",
            hint=f"export {variable}=/path/to/{'your/home' if variable == 'HOME' else 'a/folder'}",
            code="no_home",
        )
    return path


def _unwritable(path: Path, error: OSError) -> HandrailError:
    if error.errno in _NO_ROOM:
        hint = "make room on that disk"
    else:
        hint = "make the folder writable, or name others with XDG_CONFIG_HOME, XDG_CACHE_HOME and HANDRAIL_STATE_DIR"
    return NotSetUp(f"{path} can't be written: {_reason(error)}.", hint=hint, code="file_unwritable")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
