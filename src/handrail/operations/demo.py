"""`demo`: the guided tour. Runs the real program, as a process each time, against a sandbox that it throws away."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handrail.core.errors import Internal, NotSetUp
from handrail.core.fields import Parameters
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome
from handrail.interpreter import isolated, without_python_settings

if TYPE_CHECKING:
    from subprocess import Popen

    from handrail.session import Session

Say = Callable[[str], None]

Command = Callable[[Sequence[str], Path], Sequence[str]]

# A sandbox whose stop was lost (a second Ctrl-C) ends itself after a minute.
PACE = {"HANDRAIL_SANDBOX_PENDING": "1", "HANDRAIL_SANDBOX_STOPPING": "1", "HANDRAIL_SANDBOX_IDLE": "60"}

WELCOME = (
    "This tour runs in a sandbox of its own: an AWS on this machine, without an account. It is thrown away at the end.",
    "Six commands, each explained before it is run; what follows the $ is what the real program says.",
)


@dataclass(frozen=True)
class Step:
    """One command of the tour. code: the exit code that it must end with; shows: words that it must say."""

    why: str
    words: tuple[str, ...]
    code: int = 0
    shows: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """Return the command line as a person types it."""
        return shlex.join(["handrail", *self.words])


STEPS = (
    Step(
        "One line makes an instance. The newest Ubuntu is looked up; type and disk are what the policy allows.",
        ("ec2", "create", "--name", "web", "--image", "ubuntu"),
        shows=("web is running",),
    ),
    Step(
        "A second one says its type: an ARM one, for which the image is chosen to match.",
        ("ec2", "create", "--name", "api", "--type", "t4g.nano"),
        shows=("api is running",),
    ),
    Step(
        "The list shows what Handrail made, and nothing else that the account may hold.",
        ("ec2", "list"),
        shows=("web", "api", "t3.nano", "t4g.nano"),
    ),
    Step(
        "A larger type is refused before anything is changed: the rule, where it stands, and a line that would work.",
        ("ec2", "create", "--type", "t3.large"),
        code=3,
        shows=("t3.large", "ec2.types"),
    ),
    Step(
        "So is a third instance: the policy allows two at a time, and says which two take the places.",
        ("ec2", "create", "--name", "third"),
        code=3,
        shows=("ec2.max_running", "web", "api"),
    ),
    Step(
        "Deleting shows what will go. On a terminal you would type the name; a script answers with --yes.",
        ("ec2", "delete", "web", "--yes"),
        shows=("web is terminated",),
    ),
)


def handrail_program(words: Sequence[str], folder: Path) -> Sequence[str]:
    """Return the command that runs Handrail itself."""
    return isolated("from handrail.__main__ import main; main()", words, folder)


class Program:
    """The real program in a world of its own: own folders, own sandbox, nothing of the caller's AWS or policy.

    command: what runs it with these words in this folder.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], command: Command = handrail_program) -> None:
        self._folder, self._command = folder, command
        environ = without_python_settings(environ)
        kept = {name: value for name, value in environ.items() if not name.startswith(("AWS_", "HANDRAIL_"))}
        own = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "STATE", "CACHE")}
        state = {"HANDRAIL_STATE_DIR": str(folder / "sandbox"), "HANDRAIL_TARGET": "sandbox"}
        self._environ = {**kept, **own, **state, **PACE, "HANDRAIL_REGION": "us-east-1"}

    def run(self, words: Sequence[str], say: Say) -> int:
        """Run a command line, hand on each line that it writes, and return its exit code."""
        with self._started(words) as process:
            try:
                for line in process.stdout or ():
                    say(line.rstrip("\n"))
            except BaseException:
                process.send_signal(signal.SIGINT)
                process.wait()
                raise
        return process.returncode

    def start_sandbox(self) -> None:
        """Start the sandbox. Raises NotSetUp with what the program said where it can't be started."""
        said, code = self._whole(("sandbox", "start", "-o", "json"))
        if code:
            error = _error_in(said)
            raise NotSetUp(error["message"], hint=error["hint"])

    def stop_sandbox(self) -> None:
        """Stop the sandbox, if one runs."""
        self._whole(("sandbox", "stop"))

    def _whole(self, words: Sequence[str]) -> tuple[str, int]:
        """Return what a command line wrote, and its exit code; it is waited for even on Ctrl-C."""
        with self._started(words) as process:
            try:
                said = process.communicate()[0]
            except KeyboardInterrupt:
                process.communicate()
                raise
        return said, process.returncode

    def _started(self, words: Sequence[str]) -> Popen[str]:
        import subprocess  # no other command needs it

        return subprocess.Popen(
            self._command(words, self._folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            cwd=self._folder,
            env={**self._environ, "PYTHONIOENCODING": "utf-8"},
            # Ctrl-C reaches the tour alone, which then ends things in order.
            start_new_session=True,
        )


def _error_in(said: str) -> dict[str, Any]:
    """Return the error object of a program's last line, or one that says what it said."""
    last = said.strip().rpartition("\n")[2]
    try:
        found: dict[str, Any] = json.loads(last)["error"]
    except (ValueError, KeyError, TypeError):
        return {"message": f"the sandbox did not start: {last}", "hint": "handrail sandbox start"}
    return found


@contextlib.contextmanager
def throwaway(environ: Mapping[str, str], command: Command = handrail_program) -> Iterator[Program]:
    """Give the program in a new world with a running sandbox; at the end, however it comes, both are gone."""
    with tempfile.TemporaryDirectory(prefix="handrail-demo-") as folder:
        program = Program(Path(folder), environ, command)
        try:
            program.start_sandbox()
            yield program
        finally:
            program.stop_sandbox()


def walk(number: int, step: Step, run: Callable[[Sequence[str], Say], int], say: Say) -> dict[str, Any]:
    """Explain one step, take it, and return its row. Raises Internal if it did not go as it should."""
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        say(line)

    for line in ("", f"{number}. {step.why}", f"$ {step.command}"):
        say(line)
    code = run(step.words, hear)
    whole = "\n".join(said)
    missing = [words for words in step.shows if words not in whole]
    if code != step.code or missing:
        expected = f"exit code {step.code}" + "".join(f" and {words!r}" for words in missing)
        raise Internal(
            f"step {number} of the tour surprised it: exit code {code}, where it expected {expected}.",
            hint="report what stands above",
        )
    if code:
        say(f"(exit code {code}: refused by a rule of the policy; nothing was changed)")
    return {"step": number, "command": step.command, "exit_code": code}


def demo(session: Session, values: Parameters) -> Outcome:
    """Walk the tour."""
    say = session.listener.note
    for line in WELCOME:
        say(line)
    with throwaway(session.environ) as program:
        rows = [walk(number, step, program.run, say) for number, step in enumerate(STEPS, 1)]
    say("")
    return Outcome(
        rows=rows,
        columns=(("STEP", "step"), ("COMMAND", "command"), ("EXIT CODE", "exit_code")),
        summary=f"{len(rows)} steps went as they should; that sandbox is gone",
        notes=(
            ("your own", "handrail ec2 create      in a sandbox that stays from one command to the next"),
            ("rules", "handrail policy init     writes a policy file to change"),
            ("real AWS", "handrail use aws         with the credentials that the aws command uses, or .env"),
        ),
    )


DEMO = Operation(
    "",
    "demo",
    "take the guided tour, in a sandbox that is thrown away",
    "handrail demo",
    Effect.LOCAL,
    demo,
    many=True,
)
