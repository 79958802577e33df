"""Where Handrail's files lie and how they are written: own folders only, private, all or nothing."""

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handrail.core.errors import HandrailError, NotSetUp, Usage

APP = "handrail"
STATE_VARIABLE = "HANDRAIL_STATE_DIR"
LIMIT = 1024 * 1024  # bytes of a file that Handrail reads by itself

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


def read(path: Path, *, stream: bool = False, limit: int = LIMIT) -> bytes | None:
    """Return the bytes of a file, or None if there is none.

    stream: a pipe or a device will do too, as `--policy <(…)` gives one. limit: bytes that it may have. Raises NotSetUp
    if it is there and can't be read, Usage if it is no file or too long: a pipe can hang for ever, a device never ends.
    """
    try:
        if not stream and not _is_file(path):
            raise Usage(f"{path} is not a file.", hint=f"put a file in its place, or take it away: rm {path}")
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise NotSetUp(
            f"{path} can't be read: {_reason(error)}.", hint=f"chmod u+r {path}", code="file_unreadable"
        ) from error
    if len(data) > limit:
        raise Usage(
            f"{path} is longer than {limit // 2**20} MiB.", hint=f"look whether it is what it should be: ls -lL {path}"
        )
    return data


def _is_file(path: Path) -> bool:
    """Return whether a path is a file: a folder too, whose reading says so, and the null device, an empty file."""
    status = path.stat()
    if stat.S_ISCHR(status.st_mode):
        return status.st_rdev == Path(os.devnull).stat().st_rdev
    return stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)


def make_folder(path: Path) -> Path:
    """Make a folder (and those above it) that only its owner can enter, and return it. Raises NotSetUp."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
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


def remove(path: Path) -> bool:
    """Remove a file and return whether it was there. Raises NotSetUp if it can't be removed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def _home(environ: Mapping[str, str]) -> Path:
    # Path.home() would raise where nobody knows; this gives "~", which is no absolute path.
    return _absolute(Path(environ.get("HOME") or os.path.expanduser("~")), "HOME")  # noqa: PTH111


def _at_home(home: Path, platform: Path) -> Path:
    """Return platformdirs' answer under `home`: it reads the process's own environment, and ours is an argument."""
    own = Path(os.path.expanduser("~"))  # noqa: PTH111  as above
    return home / platform.relative_to(own) if platform.is_relative_to(own) else platform


def _absolute(path: Path, variable: str) -> Path:
    if not path.is_absolute():
        raise _no_home(f"{variable} is not an absolute path")
    return path


def _no_home(reason: str) -> HandrailError:
    return NotSetUp(
        f"the folder for Handrail's own files can't be found: {reason}.",
        hint="export HOME=/path/to/your/home",
        code="no_home",
    )


def _unwritable(path: Path, error: OSError) -> HandrailError:
    if error.errno in _NO_ROOM:
        hint = "make room on that disk"
    else:
        hint = "make the folder writable, or name others with XDG_CONFIG_HOME, XDG_CACHE_HOME and HANDRAIL_STATE_DIR"
    return NotSetUp(f"{path} can't be written: {_reason(error)}.", hint=hint, code="file_unwritable")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
