"""Command lines are put together by `core.shell` alone: what others wrote never stands in one as it is."""

import ast
import re
from collections.abc import Iterator

import pytest

from project import SOURCE

SAFE = ("word", "line", "command", "target", "option")

# A word put behind these would be run, or read as an option.
BEGUN = re.compile(r"\b(?:handrail|aws|ssh|cat|rm|chmod|eval|cp|mv|ls)\b (?:[^.;]*? )?$|--[a-z][a-z-]*[ =]$")

# By module: what may stand there, since nobody else wrote it.
TRUSTED = {
    "core/shell.py": ("name",),
    "doors/cli.py": ("__version__",),
    "core/policy/rules.py": ("listing",),
    "core/regions.py": ("zone[1]", "near or DEFAULT_REGION"),
    "output/reference.py": ("resource",),
    "journal.py": ("self._operation.resource",),
    "aws/identity.py": ("key", "_HELPERS[key]", "named"),
    "aws/ec2.py": ("near",),
    "settings.py": ("DOTENV",),
    "core/ec2_rules.py": ("' or '.join(IMAGE_ALIASES)",),
}


def _bare_words(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        said = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                said += str(part.value)
            elif isinstance(part, ast.FormattedValue):
                called = part.value.func if isinstance(part.value, ast.Call) else None
                if BEGUN.search(said) and getattr(called, "id", "") not in SAFE:
                    yield node.lineno, ast.unparse(part.value)
                said += "x"


@pytest.mark.parametrize(
    "name",
    sorted(
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if not path.is_relative_to(SOURCE / "sandbox")
    ),
)
def test_no_line_is_put_together_by_hand(name: str) -> None:
    source = (SOURCE / name).read_text(encoding="utf-8")
    found = [(number, value) for number, value in _bare_words(source) if value not in TRUSTED.get(name, ())]
    assert not found, "use core.shell: command(), line(), option(), word()"
    if name != "core/shell.py":
        assert not re.search(r"\bshlex\b.*\bquote\b|\bfrom shlex\b", source), "use core.shell.word"


def test_a_line_put_together_by_hand_is_found() -> None:
    assert list(_bare_words('f"handrail s3 show {name}"')) == [(1, "name")]
    assert list(_bare_words('f"add --owner {name}"')) == [(1, "name")]
    assert list(_bare_words('f"{command(name)} and {name}"')) == []
