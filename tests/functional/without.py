"""A program that runs scenarios of guards with modules broken, without starting Python for each.

It has loaded what Handrail is built on, but nothing of Handrail, and has one thread, so that it may fork. One JSON
object per line on stdin: paths (what comes first on the path), mutants (what is broken, see mutating.py), argv (a
script and its words), environ. One on stdout: code and err, as a process of its own would have ended.
"""

import json
import os
import runpy
import sys
import tempfile
from typing import Any, NoReturn

# Imported so that no scenario has to.
import boto3  # noqa: F401
import click  # noqa: F401
import hypothesis  # noqa: F401
import pytest  # noqa: F401

from fast_models import load_models, share_methods
from mutating import imported


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Run a script in a process of its own, and return what it came to."""
    with tempfile.TemporaryFile() as said:
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            _be(order)
        _, status = os.waitpid(pid, 0)
        said.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "err": said.read().decode(errors="replace")}


def _be(order: dict[str, Any]) -> NoReturn:
    """Be a Python that was started with this script."""
    code = 0
    try:
        os.environ.clear()
        os.environ.update(order["environ"])
        sys.argv = order["argv"]
        sys.path[:0] = order["paths"]
        with imported(order["mutants"]):
            runpy.run_path(sys.argv[0], run_name="__main__")
    except BaseException:
        code = 1
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Answer orders until stdin ends."""
    share_methods()
    load_models()
    while line := sys.stdin.readline():
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
