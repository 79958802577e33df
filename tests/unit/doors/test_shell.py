"""The shell itself: help, options anywhere, errors as JSON, the log, the question for the target, completion."""

import json
from pathlib import Path

import pytest

from conftest import Handrail, Terminal, clean_environ
from handrail import __version__
from handrail.doors import cli
from handrail.doors.request import Surroundings

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}


@pytest.fixture
def shell(tmp_path: Path) -> Handrail:
    """Return the program of a person without anything, and no sandbox: these commands need none."""
    return Handrail(clean_environ(tmp_path), tmp_path)


@pytest.mark.parametrize("words", [("ec2",), ("ec2", "--help"), ("ec2", "-h"), ("-o", "json", "ec2")])
def test_a_resource_alone_shows_its_help(shell: Handrail, words: tuple[str, ...]) -> None:
    done = shell.ok(*words)
    assert done.out.startswith("Usage: handrail ec2 ")
    assert done.err == ""
    for action in ("create", "list", "show", "update", "start", "stop", "reboot", "delete", "wait"):
        assert f"  {action}" in done.out
    assert "terminate" not in done.out


def test_help_and_version(shell: Handrail) -> None:
    assert shell.ok("--version").out == f"handrail {__version__}\n"
    stop = shell.ok("ec2", "stop", "--help").out
    assert "TARGET...  instance ids or names" in stop
    assert "Example:  handrail ec2 stop web,api" in stop
    assert "--dry-run" in stop
    assert "--dry-run" not in shell.ok("ec2", "list", "--help").out


@pytest.mark.parametrize(
    "words",
    [
        ("--output", "json", "ec2", "list", "--state", "x"),
        ("ec2", "--output=json", "list", "--state", "x"),
        ("ec2", "list", "--state", "x", "-o", "json"),
        ("ec2", "list", "-ojson", "--nonsense"),
        ("ec2", "-o", "json", "nonsense"),
    ],
)
def test_a_program_gets_its_errors_as_json(shell: Handrail, words: tuple[str, ...]) -> None:
    done = shell(*words)
    assert (done.code, done.out, done.error["code"]) == (2, "", "usage")
    assert shell("ec2", "nonsense", HANDRAIL_OUTPUT="json").error["code"] == "usage"


def test_a_format_that_is_none_is_said_in_words(shell: Handrail) -> None:
    assert shell("ec2", "list", "-o").err.startswith("error: ")
    assert shell("ec2", "list", "-o", "xml").err.startswith("error: ")


@pytest.mark.parametrize(
    ("answers", "code", "target"), [("sandbox\n", 2, "sandbox"), ("x\n AWS \n", 2, "aws"), ("", 2, None)]
)
def test_the_target_is_asked_once_and_remembered(
    shell: Handrail, tmp_path: Path, answers: str, code: int, target: str | None
) -> None:
    done = shell("ec2", "list", "--state", "x", answers=answers, **KEYS)
    assert done.code == code
    assert "Which one shall Handrail use, sandbox or aws? " in done.err
    assert answers or "? \nerror: " in done.err
    settings = tmp_path / ".config" / "handrail" / "settings.toml"
    assert settings.exists() == (target is not None)
    if target:
        assert f'target = "{target}"' in settings.read_text()
        assert "Which one" not in shell("ec2", "list", "--state", "x", answers="", **KEYS).err


def test_ctrl_c_at_the_question_begins_a_line_of_its_own(tmp_path: Path) -> None:
    class Interrupted(Terminal):
        """A terminal at which somebody presses Ctrl-C."""

        def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
            """Interrupt."""
            raise KeyboardInterrupt

    err = Terminal()
    environ = {**clean_environ(tmp_path), **KEYS}
    around = Surroundings(Interrupted(), Terminal(), err, environ, tmp_path)
    assert cli.run_program(["ec2", "list"], around) == 130
    assert "sandbox or aws? \nerror: interrupted." in err.getvalue()


def test_nobody_is_asked_with_no_input(shell: Handrail) -> None:
    done = shell("ec2", "list", "--no-input", answers="aws\n", **KEYS)
    assert (done.code, "Which one" in done.err) == (2, False)


def test_v_tells_the_calls_also_of_a_failure(handrail: Handrail) -> None:
    done = handrail("ec2", "show", "nope", "-v")
    assert done.code == 4
    assert "ec2:DescribeInstances" in done.err
    assert "ec2:DescribeInstances" not in handrail("ec2", "show", "nope").err


def test_the_log_holds_everything_but_secrets(handrail: Handrail) -> None:
    (handrail.cwd / "boot.sh").write_text("TOP-SECRET-PASSWORD")
    handrail.ok("ec2", "create", "--name", "web", "--user-data", "boot.sh", "--log-file", "run.log")
    assert handrail("ec2", "stop", "nope", "--log-file", "run.log").code == 4
    text = (handrail.cwd / "run.log").read_text()
    assert "RunInstances" in text
    assert "Signature=***" in text or "Authorization" in text
    for secret in ("TOP-SECRET", "VE9QLVNFQ1JFVC1QQVNTV09SRA"):
        assert secret not in text
    loud = handrail("ec2", "show", "nope", "-vv")
    assert "DEBUG botocore" in loud.err
    assert handrail("ec2", "show", "nope").err.count("\n") == 2


def test_a_policy_check_judges_the_command_behind_the_dashes(handrail: Handrail) -> None:
    fine = handrail.ok("policy", "check", "--", "handrail", "ec2", "create", "--name", "web")
    assert "ec2.names" in fine.out
    assert "would pass these rules" in fine.err
    unjudged = handrail.ok("policy", "check", "--", "ec2", "stop", "web").err
    assert unjudged.count("no rule stands against ec2 stop") == unjudged.count("\n") == 1
    handrail.ok("policy", "check", "--", "ec2", "create", "--region", "eu-west-1")
    assert handrail("policy", "check", "--", "nonsense").code == 2
    assert handrail("policy", "check", "--", "ec2", "create", "--nonsense").code == 2
    assert handrail("policy", "check", "--", "ec2", "create", "--count", "0").code == 2


@pytest.mark.parametrize("form", ["json", "yaml", "table"])
def test_a_command_that_would_not_pass_says_so_once(handrail: Handrail, form: str) -> None:
    done = handrail("policy", "check", "-o", form, "--", "ec2", "create", "--type", "t3.large")
    said = [line for line in done.err.splitlines() if line.startswith(("error:", '{"error":'))]
    assert (done.code, len(said)) == (3, 1)


def test_a_change_of_this_machine_has_a_dry_run(shell: Handrail, tmp_path: Path) -> None:
    planned = shell.ok("policy", "init", "--dry-run")
    assert planned.out == f"{tmp_path / 'handrail.toml'} would be written; nothing was changed\n"
    assert planned.err == "write handrail.toml\n"
    assert not (tmp_path / "handrail.toml").exists()
    shell.ok("policy", "init")
    assert "would be overwritten; nothing was changed" in shell.ok("policy", "init", "--dry-run").out
    assert shell.json("sandbox", "reset", "--dry-run")["resource"] == "sandbox"


def test_a_policy_is_not_written_through_a_link_to_nothing_unasked(shell: Handrail, tmp_path: Path) -> None:
    (tmp_path / "link.toml").symlink_to("elsewhere.toml")
    done = shell("policy", "init", "--file", "link.toml", answers="n\n")
    assert (done.code, (tmp_path / "elsewhere.toml").exists()) == (6, False)
    assert 'is a link to "elsewhere.toml", where nothing is' in " ".join(done.err.split())


def test_an_answer_that_is_not_yes_says_what_goes_on(shell: Handrail) -> None:
    done = shell("sandbox", "reset", answers="n\n")
    assert done.code == 6
    assert done.err.endswith(
        "error: not confirmed; nothing was changed.\n  try       repeat the command and answer y, or add --yes\n"
    )


def test_the_request_is_told_before_the_first_call(handrail: Handrail) -> None:
    for words in (("-o", "json"), ("-o", "yaml"), ("-q",), ()):
        done = handrail.ok("ec2", "create", "--dry-run", *words)
        assert "request" not in done.err
    said = handrail("ec2", "create", "--name", "web", "--no-wait", "-o", "json")
    assert said.err == f"request {said.json['request']}\n"
    stopped = handrail("ec2", "stop", "web", "-o", "json", "-q")
    assert stopped.err == f"request {stopped.json[0]['request']}\n"
    refused = handrail("ec2", "delete", "web", "-o", "json")
    first, last = refused.err.splitlines()
    assert (first.split()[0], json.loads(last)["error"]["code"]) == ("request", "not_confirmed")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("handrail ec2 st", ["plain,start", "plain,stop"]),
        ("handrail ec2 list --state stopp", ["plain,stopping", "plain,stopped"]),
        ("handrail --policy f", ["file,f"]),
        ("handrail nonsense x", []),
    ],
)
def test_the_shell_completes(shell: Handrail, monkeypatch: pytest.MonkeyPatch, words: str, expected: list[str]) -> None:
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    assert shell.ok(_HANDRAIL_COMPLETE="bash_complete").out.split() == expected
    assert "_handrail_completion" in shell.ok(_HANDRAIL_COMPLETE="zsh_source").out
    assert shell(_HANDRAIL_COMPLETE="tcsh_source").code == shell(_HANDRAIL_COMPLETE="bash_x").code == 2


def test_a_defect_is_said_without_a_traceback(tmp_path: Path) -> None:
    class Broken(Terminal):
        """A stream that fails in a way that nobody thought of."""

        def write(self, text: str) -> int:
            """Fail."""
            raise ZeroDivisionError("division by zero")

    err = Terminal()
    around = Surroundings(Terminal(), Broken(), err, clean_environ(tmp_path), tmp_path)
    assert cli.run_program(["policy", "show"], around) == 1
    assert "Handrail itself failed: ZeroDivisionError: division by zero" in err.getvalue()
    assert "report what that file says" in " ".join(err.getvalue().split())


def test_a_reader_that_went_away_is_no_error(tmp_path: Path) -> None:
    class Gone(Terminal):
        """A pipe that nobody reads."""

        def write(self, text: str) -> int:
            """Fail as a closed pipe does."""
            raise BrokenPipeError

    err = Terminal()
    around = Surroundings(Terminal(), Gone(), err, clean_environ(tmp_path), tmp_path)
    assert cli.run_program(["policy", "show"], around) == 0
    assert err.getvalue() == ""


def test_use_says_what_still_goes_first(shell: Handrail) -> None:
    said = shell.ok("use", "aws", HANDRAIL_TARGET="sandbox").out
    assert "unset HANDRAIL_TARGET" in said
    assert json.loads(shell.ok("use", "-o", "json").out)["target"] == "aws"
    assert shell("use", "mars").code == 2
