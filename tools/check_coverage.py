"""Fails unless every line and branch of the parts that pyproject.toml calls complete was run by the last test run."""

import contextlib
import io
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from coverage import Coverage

ROOT = Path(__file__).parents[1]


def settings() -> dict[str, Any]:
    """Return what pyproject.toml says of coverage.

    complete: the parts of `src/handrail` that must be covered whole, a folder (`core`) or a module (`runner`). gaps:
    files of these that are not yet, each with the number of lines and branches that may be missing.
    """
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, Any] = config["tool"]["handrail"]["coverage"]
    return found


def part_of(path: str) -> str:
    """Return the part that a file stands in: `src/handrail/core/plan.py` is of `core`."""
    return Path(path).relative_to("src/handrail").parts[0].removesuffix(".py")


def gaps(files: dict[str, Any], parts: list[str], known: dict[str, int] | None = None) -> list[str]:
    """Return a line for each file of the parts that lacks more than is known, and for each part without any file."""
    found = []
    for path, seen in sorted(files.items()):
        missing = len(seen["missing_lines"]) + len(seen["missing_branches"])
        if part_of(path) in parts and missing > (known or {}).get(path, 0):
            branches = [f"{start}->{'exit' if end < 0 else end}" for start, end in seen["missing_branches"]]
            found.append(f"{path}: {', '.join([*map(str, seen['missing_lines']), *branches])}")
    empty = set(parts) - {part_of(path) for path in files}
    return found + [f"src/handrail/{part}: nothing of it was measured" for part in sorted(empty)]


def measured() -> dict[str, Any]:
    """Return what coverage knows of each file, from the data of the last run."""
    coverage = Coverage(config_file=str(ROOT / "pyproject.toml"))
    coverage.load()
    report = io.StringIO()
    with contextlib.redirect_stdout(report):
        coverage.json_report(outfile="-")
    files: dict[str, Any] = json.loads(report.getvalue())["files"]
    return files


def main() -> int:
    """Say what is missing; return the exit code."""
    said = settings()
    parts, known = said["complete"], said.get("gaps", {})
    missing = gaps(measured(), parts, known)
    if missing:
        print("Not every line and branch was run by a test (line, or line->line of a branch):", *missing, sep="\n  ")
        return 1
    print(f"Every line and branch was run: {', '.join(parts)}; but in {len(known)} files for what only a race reaches.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
