"""Bytes that are no text, files that are none, pipes: exit 2 naming which, and `<(…)` works."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from conftest import Handrail, clean_environ


@pytest.mark.parametrize(
    ("words", "which"),
    [
        ((b"ec2", b"create", b"--name", b"a\xff"), "the value of --name"),
        ((b"ec2", b"create", b"--name=\xff"), "the value of --name"),
        ((b"ec2", b"stop", b"\xff\xfe"), "word 3"),
        ((b"\xff",), "word 1"),
        ((b"ec2", b"list", b"--\xff"), "word 3"),
    ],
)
def test_bytes_that_are_no_text_are_named(tmp_path: Path, words: tuple[bytes, ...], which: str) -> None:
    command = [os.fsencode(sys.executable), b"-m", b"handrail", *words]
    done = subprocess.run(command, env=clean_environ(tmp_path), cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {which} is not UTF-8: ")


def test_a_variable_that_is_no_text_is_named(handrail: Handrail) -> None:
    done = handrail("ec2", "list", HANDRAIL_QUERY="a\udcff")
    assert (done.code, "HANDRAIL_QUERY (environment) is not UTF-8" in done.err) == (2, True)
    assert handrail("ec2", "list", LS_COLORS="\udcff").code == 0
    nul = handrail("ec2", "create", "--name", "a\0b")
    assert (nul.code, "the value of --name has a NUL in it" in nul.err) == (2, True)


READING = (
    ("ec2", "create", "--dry-run", "--user-data"),
    ("audit", "verify", "--since-anchor"),
    ("ec2", "list", "--policy"),
)


@pytest.mark.parametrize("words", READING, ids=lambda words: words[-1])
@pytest.mark.parametrize("kind", ["pipe", "folder", "name", "loop"])
def test_what_can_t_be_read_is_exit_2(handrail: Handrail, words: tuple[str, ...], kind: str) -> None:
    path = handrail.cwd / "odd"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to("odd")
    done = handrail(*words, "odd" if kind != "name" else "x" * 256)
    assert done.code == 2, done.err
    assert "itself failed" not in done.err


@pytest.mark.parametrize(
    ("words", "data"),
    [(READING[0], b"#!/bin/sh\n"), (READING[2], b'preset = "strict"\n')],
    ids=["--user-data", "--policy"],
)
def test_a_pipe_with_a_slow_writer_is_read(handrail: Handrail, words: tuple[str, ...], data: bytes) -> None:
    """A writer that has opened the pipe, as the shell's `<(…)` has, and takes its time."""
    end, start = os.pipe()

    def write() -> None:
        os.write(start, data)
        os.close(start)

    writer = threading.Timer(0.3, write)
    writer.start()
    done = handrail(*words, f"/dev/fd/{end}")
    writer.join()
    os.close(end)
    assert done.code == 0, done.err


@pytest.mark.parametrize("words", [("audit", "anchor"), ("policy", "init", "--file")], ids=" ".join)
def test_a_pipe_that_nobody_reads_is_not_written(handrail: Handrail, words: tuple[str, ...]) -> None:
    handrail.ok("ec2", "create", "--name", "seen")
    os.mkfifo(handrail.cwd / "pipe")
    done = handrail(*words, "pipe", "--yes")
    assert (done.code, "can't be written" in done.err) == (2, True), done.err


@pytest.mark.parametrize("query", ["[" * 100_000, "a" + "|a" * 20_000, "!" * 50_000])
def test_a_query_without_bottom_is_exit_2(handrail: Handrail, query: str) -> None:
    done = handrail("ec2", "list", "--query", query)
    assert (done.code, "--query can't be answered" in done.err) == (2, True), done.err[:500]


def test_a_user_file_without_bottom_is_exit_2(handrail: Handrail) -> None:
    path = Path(handrail.environ["HOME"], ".config", "handrail", "settings.toml")
    path.parent.mkdir(parents=True)
    path.write_text("output = " + "[" * 100_000)
    done = handrail("ec2", "list")
    assert (done.code, "is not valid TOML" in done.err) == (2, True), done.err[:500]
