"""The installed program as a process of its own: endpoints, completion, foreign clients, Ctrl-C, pipes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import FAST, Handrail, Sandbox, clean_environ
from patience import HANGS

BIN = Path(sys.executable).parent
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}


@pytest.fixture
def environ(tmp_path: Path, sandbox: Sandbox) -> dict[str, str]:
    """Return the environment of a person with this worker's sandbox and an empty home."""
    path = f"{BIN}:{os.environ['PATH']}"
    inherited = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    return {
        **clean_environ(tmp_path),
        **FAST,
        **inherited,
        "HANDRAIL_STATE_DIR": str(sandbox.state_dir),
        "PATH": path,
    }


def run(environ: dict[str, str], *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    return subprocess.run(
        argv,
        env=environ,
        cwd=environ["HOME"],
        capture_output=True,
        text=True,
        timeout=HANGS,
        stdin=subprocess.DEVNULL,
    )


def test_a_program_that_takes_long_to_give_credentials_is_named_on_stderr(environ: dict[str, str]) -> None:
    home = Path(environ["HOME"])
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text("[profile team]\ncredential_process = sh -c 'sleep 6; exit 1'\n")
    done = run(environ, "handrail", "ec2", "list", "--target", "aws", "--profile", "team")
    said, failed, *_ = done.stderr.splitlines()
    looked = "--profile → profile team → credential_process"
    assert said == f"waiting for credentials ({looked}); given up after 60 s"
    assert (done.returncode, failed) == (7, "error: no credentials came from custom-process: no reason given")


def test_the_aws_cli_sees_what_handrail_made(environ: dict[str, str]) -> None:
    script = (
        'set -eu; handrail ec2 create --name web --image ubuntu -o json --query id; eval "$(handrail sandbox env)"; '
        "aws ec2 describe-instances --output json"
    )
    done = run(environ, "bash", "-c", script)
    assert done.returncode == 0, done.stderr
    first, _, rest = done.stdout.partition("\n")
    rows = [one for row in json.loads(rest)["Reservations"] for one in row["Instances"]]
    seen = next(one for one in rows if one["InstanceId"] == json.loads(first))
    assert seen["State"]["Name"] == "running"
    assert seen["MetadataOptions"]["HttpTokens"] == "required"
    assert {"Key": "handrail:owner", "Value": "dev-1"} in seen["Tags"]


def test_the_keys_of_another_owner(environ: dict[str, str], handrail: Handrail) -> None:
    script = 'eval "$(handrail sandbox env --as dev-7)"; handrail -o json; aws sts get-caller-identity --output json'
    done = run(environ, "bash", "-c", script)
    assert done.returncode == 0, done.stderr
    assert '"owner": "dev-7"' in done.stdout
    assert "user/dev-7" in done.stdout
    assert handrail("sandbox", "env", "--as", "a b").code == 2


def test_an_endpoint_that_refuses(environ: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = run({**environ, **KEYS, "AWS_ENDPOINT_URL": url}, "handrail", "ec2", "list", "--target", "aws")
    assert done.returncode == 1
    assert "does not answer: refused" in done.stderr
    assert f"AWS_ENDPOINT_URL={url}" in done.stderr


def test_an_endpoint_that_hangs_can_be_left(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        program = subprocess.Popen(
            ["handrail", "ec2", "list", "--target", "aws"],
            env={**environ, **KEYS, "AWS_ENDPOINT_URL": url},
            stderr=subprocess.PIPE,
            text=True,
            executable=BIN / "handrail",
        )
        connection, _ = silent.accept()
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=HANGS)
        connection.close()
    assert program.returncode == 130
    assert err.startswith("error: interrupted.")
    assert "Traceback" not in err


def test_an_endpoint_that_cuts_every_call_is_given_up(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        program = subprocess.Popen(
            ["handrail", "ec2", "list", "--target", "aws"],
            env={**environ, **KEYS, "AWS_ENDPOINT_URL": url},
            stderr=subprocess.PIPE,
            text=True,
            executable=BIN / "handrail",
        )
        deadline = time.monotonic() + HANGS
        silent.settimeout(1)
        while program.poll() is None and time.monotonic() < deadline:
            try:
                silent.accept()[0].close()
            except TimeoutError:
                continue
        _, err = program.communicate(timeout=HANGS)
    assert program.returncode == 1
    assert "cut the connection" in err


def test_the_shell_completes(environ: dict[str, str]) -> None:
    def completed(*words: str) -> list[str]:
        asked = {
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
            "_HANDRAIL_COMPLETE": "bash_complete",
        }
        return run({**environ, **asked}, "handrail").stdout.split()

    script = run({**environ, "_HANDRAIL_COMPLETE": "bash_source"}, "handrail").stdout
    assert "complete -o nosort -F _handrail_completion handrail" in script
    assert "plain,ec2" in completed("handrail", "e")
    assert completed("handrail", "ec2", "st") == ["plain,start", "plain,stop"]
    assert completed("handrail", "ec2", "create", "--ty") == ["plain,--type"]
    assert completed("handrail", "ec2", "list", "--state", "stopp") == ["plain,stopping", "plain,stopped"]
    assert completed("handrail", "-o", "j") == ["plain,json"]
    assert completed("handrail", "ec2", "create", "--user-data", "b") == ["file,b"]
    assert completed("handrail", "nonsense", "x") == []


def test_a_reader_that_goes_away(environ: dict[str, str]) -> None:
    done = run(environ, "bash", "-c", "handrail policy show | head -1; echo ${PIPESTATUS[0]}")
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("script", "code", "err"),
    [
        ("handrail --help >/dev/full", 1, "error: the result could not be written: No space left on device."),
        ("PYTHONUNBUFFERED=1 handrail --help >/dev/full", 1, "error: the result could not be written"),
        ("handrail policy show >/dev/full", 1, "error: the result could not be written"),
        ("handrail nonsense 2>/dev/full", 2, ""),
        ("handrail policy show >&- 2>&- <&-", 0, ""),
        ("handrail policy init --dry-run 2>&-", 0, ""),
        ("handrail sandbox reset <&-", 6, "error: this needs a yes, and there is no terminal to ask on"),
        ("mkdir gone; cd gone; rmdir ../gone; handrail --version", 0, ""),
        ("mkdir gone; cd gone; rmdir ../gone; handrail policy show", 2, "error: the working folder is gone."),
        ("mkdir gone; cd gone; rmdir ../gone; handrail nonsense", 2, "error: handrail has no command"),
    ],
)
def test_streams_and_folders_that_are_no_use(environ: dict[str, str], script: str, code: int, err: str) -> None:
    done = run({"PYTHONUNBUFFERED": "", **environ}, "bash", "-c", script)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(err)
    assert bool(done.stderr) == bool(err)


def test_a_change_whose_result_is_lost_says_what_it_did(environ: dict[str, str]) -> None:
    done = run(environ, "bash", "-c", "handrail ec2 create --name full -o json --no-wait >/dev/full")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    first, last = done.stderr.splitlines()
    made = json.loads(last)["error"]["details"]["done"][0]
    assert (first, made["name"]) == (f"request {made['request']}", "full")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_readme_says_how_to_switch_completion_on(environ: dict[str, str], shell: str) -> None:
    lines = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").splitlines()
    line = next(one for one in lines if f"={shell}_source handrail" in one)
    if shell == "bash":
        done = run(environ, "bash", "-c", f"{line}\ncomplete -p handrail")
        assert "-F _handrail_completion handrail" in done.stdout, done.stderr
    else:
        script = run({**environ, "_HANDRAIL_COMPLETE": f"{shell}_source"}, "handrail").stdout
        assert "_handrail_completion" in script
        assert f"_HANDRAIL_COMPLETE={shell}_complete" in script


def test_bytes_that_are_no_text(environ: dict[str, str]) -> None:
    done = subprocess.run(
        [BIN / "handrail", "ec2", "create", "--name", b"\xff\xfe"], env=environ, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"the value of --name is not UTF-8" in done.stderr
