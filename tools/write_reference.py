"""Writes docs/reference/*.md from the values that the program runs on; with --check only compares, and fails."""

import sys
from collections.abc import Iterator
from pathlib import Path

from handrail import settings
from handrail.catalog import every_operation, overview
from handrail.core.policy.keys import KEYS, Key
from handrail.core.regions import DEFAULT_REGION
from handrail.core.resources import Resource
from handrail.output import reference

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
# Where nobody says anything. What is not here is off, or has no value.
DEFAULTS = {"output": "table", "region": DEFAULT_REGION, "home_region": DEFAULT_REGION, "verbose": "0"}


def policy_rows() -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield each policy key: name, kind, its value in strict and in open, help, what it can do in a found file."""
    for key in KEYS.values():
        yield key.name, key.kind, _short(key, "strict"), _short(key, "open"), key.help, key.found.value


def _short(key: Key, preset: str) -> str:
    return key.text(key.default(preset), limit=4)


def settings_rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield each setting: option, environment variables, default, help."""
    for one in settings.SETTINGS:
        option = one.field.option if one.field in settings.OPTIONS else ""
        variables = "`, `".join(one.variables)  # between the backticks that the page puts round a cell
        text = one.field.help + (" (also in the user file)" * one.in_file)
        yield option, variables, DEFAULTS.get(one.name, ""), text


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    return {
        "commands.md": reference.commands_page((overview(), *every_operation())),
        "policy.md": reference.policy_page(policy_rows()),
        "settings.md": reference.settings_page(settings_rows()),
        "errors.md": reference.errors_page(),
        "shapes.md": reference.shapes_page(Resource.kinds()),
    }


def outdated() -> list[str]:
    """Return the names of the pages that do not say what the code says."""
    found = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    return sorted(name for name in found.keys() | there.keys() if found.get(name) != there.get(name))


def main(argv: list[str]) -> int:
    """Write the pages, or compare them; return the exit code."""
    old = outdated()
    if "--check" in argv:
        print(f"out of date: {', '.join(old)}; run `make docs`" if old else "docs/reference says what the code says.")
        return 1 if old else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
