"""Where this program, and every Python that it starts, may take modules from: where Handrail itself was loaded from.

Nothing of the working folder and nothing that a PYTHON* variable names. At its top it imports what every Python has
loaded by then, and nothing else: not even __future__ or pathlib, which the working folder could have too.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# What Handrail can't start without: a folder that is the only one to hold one of them belongs to the installation.
NEEDED = ("click", "botocore", "platformdirs", "dotenv", "yaml")
DISTRIBUTION = "handrail"

# -P: the working folder is not on the path. -s, -S: nor is a site; those of its folders that are needed are named one
# by one, so that neither sitecustomize nor usercustomize nor a .pth file runs.
_OPTIONS = ("-P", "-s", "-S")
_BOOT = (
    "import os, sys; os.chdir(sys.argv[1]); n = 3 + int(sys.argv[2]); sys.path += sys.argv[3:n]; del sys.argv[1:n]; "
)


def keep_to_own_folders() -> None:
    """Let this process import from the installation's folders only; what was imported before it ran is beyond it."""
    sys.path[:] = own_path(sys.path, os.environ)


def own_path(path: "Sequence[str]", environ: "Mapping[str, str]", own: str | None = None) -> list[str]:
    """Return the folders of a path that belong to the installation, those in doubt that it can't do without last.

    In doubt are the working folder, under whatever name, relative folders, and those that PYTHONPATH names; the folder
    that Handrail itself was loaded from (own) never is.
    """
    here = own or _own_folder()
    named = {_real(one) for one in ("", *environ.get("PYTHONPATH", "").split(os.pathsep))}

    def is_sure(entry: str) -> bool:
        return os.path.isabs(entry) and (_real(entry) == here or _real(entry) not in named)

    sure = [entry for entry in path if is_sure(entry)]
    missing = [name for name in NEEDED if not _holds(sure, name)]
    doubtful = [_real(entry) for entry in path if not is_sure(entry)]
    return sure + [entry for entry in dict.fromkeys(doubtful) if any(_holds([entry], name) for name in missing)]


def isolated(
    code: str, words: "Sequence[str]", folder: "str | os.PathLike[str]", packages: "Iterable[str]" = ()
) -> list[str]:
    """Return the command that runs Python code in a folder, its arguments `words`.

    It finds what Handrail and its dependencies find, from the very same folders, and nothing else. packages: what it
    needs besides, by the names that they are imported under.
    """
    found = own_folders(packages)
    return [sys.executable, *_OPTIONS, "-c", _BOOT + code, os.fspath(folder), str(len(found)), *found, *words]


def own_folders(packages: "Iterable[str]" = ()) -> list[str]:
    """Return the folders that hold Handrail or something that it depends on, in the order of this process's path."""
    from importlib.machinery import PathFinder

    path = own_path(sys.path, os.environ)
    holding = {_own_folder(), *_distributions(path)}
    for name in (*NEEDED, *packages):
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.origin:
            folder = os.path.dirname(spec.origin)
            holding.add(_real(os.path.dirname(folder) if spec.submodule_search_locations else folder))
    return [entry for entry in dict.fromkeys([*path, _own_folder()]) if _real(entry) in holding]


def without_python_settings(environ: "Mapping[str, str]") -> dict[str, str]:
    """Return an environment in which nothing tells Python what to load or run."""
    return {name: value for name, value in environ.items() if not name.startswith(("PYTHON", "__PYVENV"))}


def _distributions(path: list[str]) -> "Iterator[str]":
    """Yield the folders of everything that Handrail depends on, by what the installed packages say of themselves."""
    import re
    from importlib.metadata import distributions

    waiting, seen = [DISTRIBUTION], set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for found in distributions(name=name, path=path):
            yield _real(str(found.locate_file("")))
            needs = (re.match(r"[\w.-]+", line) for line in found.requires or ())
            waiting += {need[0].lower() for need in needs if need} - seen - set(waiting)
            break


def _own_folder() -> str:
    return _real(os.path.dirname(os.path.dirname(__file__)))


def _real(folder: str) -> str:
    """Return a folder by its one name; an empty one is the working folder, as in sys.path."""
    try:
        return os.path.realpath(folder)
    except OSError:  # the working folder was deleted
        return folder


def _holds(folders: "Iterable[str]", name: str) -> bool:
    return any(
        os.path.exists(os.path.join(folder, name + end))
        for folder in folders
        for end in (f"{os.sep}__init__.py", ".py")
    )
