"""Streams that are shut, full or gone: never a traceback, an exit code that says so, and what was done is told."""

import io
import json
import sys
from pathlib import Path

import pytest

from conftest import Handrail, Terminal, clean_environ
from handrail.doors import cli
from handrail.doors.request import Surroundings
from handrail.doors.streams import OutputLost, Remarks, Results, drop_unsent, open_shut_ones

FULL = OSError(28, "No space left on device")


class Full(Terminal):
    """A stream on a disk without room. Nothing is no write to it, as with a real one."""

    def write(self, text: str) -> int:
        """Fail."""
        if not isinstance(text, str):
            raise TypeError("not a text")
        raise FULL


class FullLater(Terminal):
    """A stream whose disk is found full when what was buffered is sent."""

    def flush(self) -> None:
        """Fail."""
        raise FULL


class GoneLater(Terminal):
    """A pipe whose reader is found gone when what was buffered is sent."""

    def flush(self) -> None:
        """Fail as a closed pipe does."""
        raise BrokenPipeError


def run(
    program: Handrail, *argv: str, out: io.StringIO | None = None, err: io.StringIO | None = None
) -> tuple[int, str, str]:
    """Run a command line with these streams; return its exit code, and what stands on them."""
    out, err = out or io.StringIO(), err or io.StringIO()
    around = Surroundings(io.StringIO(), out, err, program.environ, program.cwd, program.clock())
    return cli.run_program(argv, around), out.getvalue(), err.getvalue()


@pytest.fixture
def shell(tmp_path: Path) -> Handrail:
    """Return the program of a person without anything, and no sandbox: these commands need none."""
    return Handrail(clean_environ(tmp_path), tmp_path)


@pytest.mark.parametrize("kind", [Full, FullLater])
@pytest.mark.parametrize("words", [("--help",), ("ec2",), ("--version",), ("policy", "show"), ("policy", "show", "-v")])
def test_a_full_disk_is_said_once(shell: Handrail, kind: type[io.StringIO], words: tuple[str, ...]) -> None:
    code, _, err = run(shell, *words, out=kind())
    assert code == 1
    assert err == (
        "error: the result could not be written: No space left on device.\n"
        "  try       send it where there is room: > FILE\n"
    )


def test_a_full_disk_hides_no_other_error(shell: Handrail) -> None:
    code, _, err = run(shell, "ec2", "nonsense", "-o", "json", out=FullLater())
    assert (code, json.loads(err)["error"]["code"]) == (2, "usage")
    assert run(shell, "ec2", "nonsense", out=GoneLater())[0] == 2


def test_what_a_change_did_is_told_where_its_result_is_lost(handrail: Handrail) -> None:
    code, _, err = run(handrail, "ec2", "create", "--name", "full", "-o", "json", out=Full())
    made = handrail.json("ec2", "list")[0]
    assert (code, made["name"]) == (1, "full")
    error = json.loads(err.splitlines()[-1])["error"]
    assert (error["code"], error["hint"]) == ("output_lost", "handrail ec2 list")
    assert error["details"]["done"] == [
        {"id": made["id"], "name": "full", "status": "succeeded", "request": made["request"]}
    ]
    code, _, err = run(handrail, "ec2", "stop", "full", out=Full())
    assert code == 1
    assert f"  done      full · {made['id']} · succeeded · request " in err
    assert err.endswith("  try       handrail ec2 list\n")


def test_a_change_without_a_list_says_what_it_did_too(shell: Handrail) -> None:
    code, _, err = run(shell, "policy", "init", out=Full())
    assert (code, (shell.cwd / "handrail.toml").exists()) == (1, True)
    assert "  done      handrail.toml · succeeded\n  try       send it where there is room: > FILE\n" in err


def test_a_stderr_without_room_stops_nothing(handrail: Handrail) -> None:
    for number, err in enumerate((Full(), FullLater())):
        code, out, _ = run(handrail, "ec2", "create", "--name", f"full-{number}", err=err)
        assert (code, f"full-{number} is running" in out) == (0, True)
    assert run(handrail, "ec2", "nonsense", err=Full())[0] == 2


def test_a_working_folder_that_is_gone(shell: Handrail) -> None:
    def run_there(*argv: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        code = cli.run_program(argv, Surroundings(io.StringIO(), out, err, shell.environ, None))
        return code, out.getvalue(), err.getvalue()

    assert run_there("--version")[0] == 0
    assert run_there("ec2", "--help")[0] == 0
    assert run_there("ec2", "list") == (2, "", "error: the working folder is gone.\n  try       cd ~\n")


def test_a_stream_fails_once() -> None:
    results = Results(Full())
    assert results.write("") == 0
    with pytest.raises(TypeError):
        results.write(b"")  # type: ignore[arg-type]  # how Click asks whether a stream is one of bytes
    with pytest.raises(OutputLost, match="No space left"):
        results.write("a")
    assert results.write("bc") == 2
    results.flush()
    gone = Results(GoneLater())
    gone.settle()
    gone.flush()


def test_a_stream_says_what_it_is(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w", encoding="latin-1") as file:
        for stream in (Results(file), Remarks(file)):
            assert (stream.encoding, stream.isatty(), stream.fileno()) == ("latin-1", False, file.fileno())
    assert Results(Terminal()).isatty()


def test_streams_that_are_shut_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    open_shut_ones()
    assert sys.stdin.read() == ""
    assert sys.stdout.write("x") == sys.stderr.write("x") == 1
    opened = [sys.stdin, sys.stdout, sys.stderr]
    open_shut_ones()
    assert [sys.stdin, sys.stdout, sys.stderr] == opened
    for stream in opened:
        stream.close()


def test_what_a_full_disk_does_not_take_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        sys.stdout.write("x")
        drop_unsent()
        sys.stdout.flush()
