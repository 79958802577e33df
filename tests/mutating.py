"""Modules with something broken in them: imported from their source with texts replaced."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import Any

Patch = tuple[str, str]  # a text, and what stands there instead


def broken(file: Path, patches: Sequence[Patch]) -> str:
    """Return the source of a file with texts replaced.

    Asserts that each occurs exactly once, so that no mutant loses its bite when the code changes.
    """
    source = file.read_text(encoding="utf-8")
    for old, new in patches:
        assert source.count(old) == 1, f"{file.name}: occurs {source.count(old)} times: {old}"
        source = source.replace(old, new)
    return source


class _Loader(SourceFileLoader):
    """Loads a module as if its file said this."""

    def __init__(self, name: str, file: str, source: str) -> None:
        super().__init__(name, file)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """Return the code, which is kept nowhere."""
        return compile(self._source, f"<mutant of {self.path}>", "exec")


class _Finder(MetaPathFinder):
    def __init__(self, mutants: Mapping[str, tuple[str, str]]) -> None:
        self._mutants = mutants

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return where a module comes from, None for one that is not broken."""
        if fullname not in self._mutants:
            return None
        loader = _Loader(fullname, *self._mutants[fullname])
        return spec_from_file_location(fullname, loader.path, loader=loader)


@contextmanager
def imported(mutants: Mapping[str, tuple[str, str]]) -> Iterator[None]:
    """Have modules come from these files and sources, by their names, while the block lasts."""
    finder = _Finder(mutants)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
