"""The project as files and commands: what the tests of this folder read."""

import shlex
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from handrail.core.fields import validate
from handrail.core.operation import Operation
from handrail.doors.commands import build
from handrail.doors.request import Request

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "handrail"
DOCS = ROOT / "docs"


@cache
def pyproject() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads(read("pyproject.toml"))


def read(path: str) -> str:
    """Return the text of a file of the project."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files that git has, where there is a git; else every file outside hidden and made folders."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not _made(path.relative_to(ROOT))]
    return tuple(path for path in found if path.is_file())


def _made(path: Path) -> bool:
    return any(part in ("build", "dist", "site", "__pycache__") or part.startswith(".") for part in path.parts[:-1])


def modules() -> list[Path]:
    """Return every module of the product, relative to the project."""
    return sorted(path.relative_to(ROOT) for path in SOURCE.rglob("*.py"))


def operation_of(line: str) -> Operation:
    """Return the operation that a command line means, its values checked. Raises Usage and Click's own errors."""
    found: list[Operation] = []

    def invoke(request: Request) -> None:
        validate(request.operation.parameters, request.raw)
        found.append(request.operation)

    program, *words = shlex.split(line, comments=True)
    assert program == "handrail", line
    build(invoke).main(words, prog_name="handrail", standalone_mode=False)
    assert len(found) == 1, line
    return found[0]
