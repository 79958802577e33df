"""The guided tour: the real program, in a sandbox that is gone afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import Handrail, clean_environ
from handrail.core.errors import Internal, NotSetUp
from handrail.operations.demo import STEPS, Command, Program, Say, Step, throwaway, walk


def test_the_tour_shows_what_it_says(tmp_path: Path) -> None:
    around = {"TMPDIR": str(tmp_path), "AWS_PROFILE": "nobody", "HANDRAIL_TARGET": "aws"}
    done = Handrail({**clean_environ(tmp_path), **around}, tmp_path)("demo", "-o", "json")
    rows = json.loads(done.out)
    assert done.code == 0
    assert [row["exit_code"] for row in rows] == [0, 0, 0, 3, 3, 0]
    for step in STEPS:
        assert f"$ {step.command}\n" in done.err
        assert step.why in done.err
    assert "web is running" in done.err
    assert "ec2.types = t3.nano, t4g.nano" in done.err
    assert list(tmp_path.iterdir()) == []


def test_each_step_is_explained_in_a_sentence() -> None:
    for step in STEPS:
        assert step.why.endswith(".")
        assert step.shows


def running(script: str) -> Command:
    """Return what runs a script in the place of the program."""
    return lambda words, folder: [sys.executable, "-c", script, *words]


def answering(code: int, *lines: str) -> Program:
    """Return a program that says these lines, whatever it is asked, and ends with this exit code."""
    script = f"import sys; print({chr(10).join(lines)!r}); sys.exit({code})"
    return Program(Path.cwd(), dict(os.environ), running(script))


@pytest.mark.parametrize(
    ("code", "line", "expected"),
    [(1, "web is running", "exit code 0."), (0, "web is pending", "exit code 0 and 'web is running'.")],
)
def test_a_step_that_surprises_ends_the_tour(code: int, line: str, expected: str) -> None:
    step = Step("A step.", ("ec2", "list"), shows=("web is running",))
    said: list[str] = []
    with pytest.raises(Internal, match="step 7 of the tour surprised it") as caught:
        walk(7, step, answering(code, line).run, said.append)
    assert caught.value.message.endswith(expected)
    assert said == ["", "7. A step.", "$ handrail ec2 list", line]


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ('{"error": {"message": "no moto.", "hint": "pip install it"}}', "no moto.", "pip install it"),
        ("Traceback", "the sandbox did not start: Traceback", "handrail sandbox start"),
    ],
)
def test_a_sandbox_that_does_not_start_says_why(said: str, message: str, hint: str) -> None:
    with pytest.raises(NotSetUp) as caught:
        answering(7, said).start_sandbox()
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_the_world_is_gone_however_the_tour_ends(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"import os, sys; open({str(log)!r}, 'a').write(' '.join(sys.argv[1:3]) + ' ' + os.getcwd() + chr(10))"
    with pytest.raises(KeyboardInterrupt), throwaway(dict(os.environ), running(script)):
        raise KeyboardInterrupt
    lines = [line.split() for line in log.read_text().splitlines()]
    assert [line[:2] for line in lines] == [["sandbox", "start"], ["sandbox", "stop"]]
    assert not Path(lines[0][2]).exists()


def test_an_interrupted_step_is_interrupted_too_and_waited_for(tmp_path: Path) -> None:
    script = (
        "import pathlib, signal, sys, time\n"
        "def end(*_): pathlib.Path('ended').touch(); sys.exit(130)\n"
        "signal.signal(signal.SIGINT, end); print('here', flush=True); time.sleep(60)"
    )
    program = Program(tmp_path, dict(os.environ), running(script))

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        program.run((), interrupt)
    assert (tmp_path / "ended").exists()


def test_a_start_of_the_sandbox_is_not_left_half_way(tmp_path: Path) -> None:
    """Ctrl-C while it starts: the start is waited for, so that there is something to stop."""
    interrupt = "import os, pathlib, signal, time; os.kill(os.getppid(), signal.SIGINT)"
    script = f"{interrupt}; time.sleep(0.5); pathlib.Path('up').touch()"
    program = Program(tmp_path, dict(os.environ), running(script))
    with pytest.raises(KeyboardInterrupt):
        program.start_sandbox()
    assert (tmp_path / "up").exists()


def processes_naming(folder: Path) -> Sequence[str]:
    """Return the command lines of this machine that name a folder."""
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in shown.splitlines() if str(folder) in line]


def test_ctrl_c_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    environ = {**clean_environ(tmp_path), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "handrail", "demo"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("$ handrail"):
                break
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert list(tmp_path.iterdir()) == []
    assert not processes_naming(tmp_path)


def test_what_a_program_says_is_handed_on_line_by_line(tmp_path: Path) -> None:
    heard: list[str] = []
    say: Say = heard.append
    assert answering(3, "one", "  two").run((), say) == 3
    assert heard == ["one", "  two"]
