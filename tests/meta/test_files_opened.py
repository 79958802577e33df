"""Files whose absence has a meaning are read by `files.read` alone: whoever else opens one is listed here, and why."""

import ast
from collections.abc import Iterator

from project import SOURCE

READING = ("open", "read_text", "read_bytes")

OTHERS = {
    "files.py": "the one that reads",
    "session/machine.py": "what a person names as an argument: user data, anchors",
    "aws/s3_files.py": "what is uploaded",
    "operations/s3/leftovers.py": "locks of this machine's own uploads; where one is missing, time decides",
    "ledger/local.py": "appends to the record of this machine",
    "doors/log.py": "appends to the log file that a person names, whatever it is",
    "doors/streams.py": "the null device in the place of a closed stream",
}


def _opened() -> Iterator[tuple[str, int]]:
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith("sandbox/"):
            continue  # it imports nothing of the rest, and reads its own folder only
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            word = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if word in READING and not (isinstance(called, ast.Attribute) and _is_own(called.value)):
                yield name, node.lineno


def _is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "self"


def test_nobody_else_opens_files() -> None:
    opened = list(_opened())
    assert [one for one in opened if one[0] not in OTHERS] == []
