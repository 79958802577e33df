"""Every place that starts a process is known, and every Python that is started is started in one way."""

import ast
import re

from project import modules, read

# What is started there, and why it can't run what lies in the working folder.
STARTS = {
    "src/handrail/sandbox/launcher.py": "posix_spawn: the sandbox's server, by interpreter.isolated",
    "src/handrail/sandbox/server.py": "fork: the server leaves its starter; no program is looked up",
    "src/handrail/operations/demo.py": "Popen: Handrail itself, by interpreter.isolated",
    "src/handrail/aws/identity.py": "Popen: credential_process, as the person's own ~/.aws names it, for botocore",
}
STARTING = re.compile(
    r"subprocess|multiprocessing|pty|posix_spawnp?|exec[lv]p?e?|spawn[lv]p?e?|system|popen|Popen|startfile|forkpty|fork"
    r"|create_subprocess_\w+|ProcessPoolExecutor|runpy|run_module|run_path"
)
ELSEWHERE = {("platform", "system")}  # the name of the system


def starts(text: str) -> set[str]:
    """Return the names in a module that start processes."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [part for one in node.names for part in one.name.split(".")]
        elif isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(one.name for one in node.names)]
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            names = [] if (owner, node.attr) in ELSEWHERE else [node.attr]
        else:
            continue
        found |= {name for name in names if STARTING.fullmatch(name)}
    return found


def test_every_place_that_starts_a_process_is_in_the_table() -> None:
    assert {str(path) for path in modules() if starts(read(str(path)))} == STARTS.keys()


def test_the_walk_sees_every_way() -> None:
    for line in (
        "import subprocess",
        "from subprocess import run",
        "import multiprocessing.pool",
        "import os; os.system('x')",
        "import os as o; o.execvp('x', [])",
        "from os import posix_spawn as start",
        "import asyncio; asyncio.create_subprocess_exec",
        "from concurrent.futures import ProcessPoolExecutor",
    ):
        assert starts(line), line


def test_only_one_place_names_the_interpreter() -> None:
    naming = {str(path) for path in modules() if "sys.executable" in read(str(path))}
    # The launcher hands posix_spawn the program apart from its arguments.
    assert naming == {"src/handrail/interpreter.py", "src/handrail/sandbox/launcher.py"}
