"""Ctrl-C, SIGTERM and SIGHUP at every moment of a command: one message, 130, 143 or 129, nothing left half-said."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conftest import Handrail, clean_environ
from handrail import __version__

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret-of-anybody"}
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
INTERRUPTED = "error: interrupted.\n  try       repeat the command\n"
MINDED_FROM = "handrail.signals"  # the module whose import is the last before signals are minded


@pytest.fixture(autouse=True)
def _hangups_are_heard() -> Iterator[None]:
    """Start programs as from a terminal: under `nohup` they would inherit that SIGHUP is ignored, and heed that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def start(*words: str, environ: Mapping[str, str], cwd: Path, python: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """Start the program as a process of its own."""
    return subprocess.Popen(
        [sys.executable, *python, "-m", "handrail", *words],
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def imports(process: "subprocess.Popen[str]") -> Iterator[str]:
    """Yield the lines by which Python tells each import, from the first after which signals are minded."""
    assert process.stderr is not None
    for line in process.stderr:
        if MINDED_FROM in line:
            yield from process.stderr


@pytest.mark.parametrize(
    ("at", "number"),
    [(1, signal.SIGINT), (30, signal.SIGTERM), (60, signal.SIGINT), (90, signal.SIGHUP), (150, signal.SIGINT)],
)
def test_a_signal_during_the_imports_is_one_message_or_too_late(
    tmp_path: Path, at: int, number: signal.Signals
) -> None:
    environ = clean_environ(tmp_path)
    process = start("--version", environ=environ, cwd=tmp_path, python=("-X", "importtime"))
    said = []
    for count, line in enumerate(imports(process), 1):
        if count == at:
            process.send_signal(number)
        if not line.startswith("import time:"):
            said.append(line)
    out, _ = process.communicate(timeout=120)
    ends = {(CODES[number], "", INTERRUPTED), (0, f"handrail {__version__}\n", "")}
    assert (process.returncode, out, "".join(said)) in ends


# Gets a signal before anything of the program is loaded but what minds it.
EARLY = """
import os, sys
from handrail.signals import WATCH
WATCH.begin()
os.kill(os.getpid(), int(sys.argv.pop(1)))
assert not [name for name in sys.modules if name.startswith(("click", "handrail.core"))]
from handrail.__main__ import main
main()
"""


@pytest.mark.parametrize("number", CODES)
def test_a_signal_before_the_imports_is_one_message(tmp_path: Path, number: signal.Signals) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY, str(int(number)), "ec2", "list"],
        env=clean_environ(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (CODES[number], "", INTERRUPTED)


class Stage(ThreadingHTTPServer):
    """A server that takes calls and answers none before it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Mute)
        self.asked, self.over = threading.Semaphore(0), threading.Event()


class Mute(BaseHTTPRequestHandler):
    """Says that it was called, and nothing more."""

    server: Stage

    def do_POST(self) -> None:
        """Wait until the test is over."""
        self.server.asked.release()
        self.server.over.wait(300)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def mute() -> Iterator[Stage]:
    """Return a server that answers nothing."""
    stage = Stage()
    threading.Thread(target=stage.serve_forever, daemon=True).start()
    yield stage
    stage.over.set()
    stage.shutdown()
    stage.server_close()


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("format", ["table", "json"])
def test_a_signal_during_a_call(tmp_path: Path, mute: Stage, number: signal.Signals, format: str) -> None:
    url = f"http://127.0.0.1:{mute.server_address[1]}"
    environ = {**clean_environ(tmp_path), **KEYS, "AWS_ENDPOINT_URL": url}
    process = start("ec2", "list", "--target", "aws", "-o", format, environ=environ, cwd=tmp_path)
    assert mute.asked.acquire(timeout=300)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (CODES[number], "")
    if format == "json":
        assert json.loads(err)["error"]["code"] == "interrupted"
    else:
        assert err == INTERRUPTED


def test_what_was_ignored_before_stays_ignored(tmp_path: Path) -> None:
    script = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); from handrail.signals import WATCH;"
        "WATCH.begin(); print(signal.getsignal(signal.SIGHUP).name, signal.getsignal(signal.SIGTERM) == WATCH.take)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "SIG_IGN True\n"


# Sends itself signals at moments that it decides, as the program's own main would meet them.
SEVERAL = """
import os, signal, sys
from handrail.core.errors import Stopped
from handrail.signals import WATCH
WATCH.begin()
WATCH.ready()
try:
    os.kill(os.getpid(), signal.SIGTERM)
except Stopped as stop:
    os.kill(os.getpid(), signal.SIGINT)
    print("record kept", stop.number, flush=True)
    if sys.argv[1] == "third":
        os.kill(os.getpid(), signal.SIGINT)
        print("not reached", flush=True)
    WATCH.done(7)
    os.kill(os.getpid(), signal.SIGHUP)
    print("not reached", flush=True)
"""


@pytest.mark.parametrize(("which", "code"), [("second", 7), ("third", 143)])
def test_further_signals_tear_nothing(tmp_path: Path, which: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", SEVERAL, which], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "record kept 15\n")
    assert done.stderr == "\nstill putting on record what was done; once more ends at once\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_told_to_end_is_on_record_like_ctrl_c(handrail: Handrail, number: signal.Signals) -> None:
    words = ("ec2", "create", "--name", "told", "--request-id", f"told-{number.name}", "-v")
    environ = {**handrail.environ, "HANDRAIL_SANDBOX_PENDING": "0.05"}
    process = start(*words, environ=environ, cwd=handrail.cwd)
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if "request" in line:  # the last line of the plan, before the first call
            process.send_signal(number)
            break
    seen += process.stderr
    process.communicate(timeout=300)
    text = "".join(seen)
    assert process.returncode in (CODES[number], 0), text  # 0: it was done by then
    assert "Traceback" not in text
    if process.returncode:
        assert "try " in text
        again = handrail("ec2", "create", "--name", "told", "--request-id", f"told-{number.name}")
        assert again.code in (0, 5), again.err  # it is finished, or the place is freed when nothing of it can act


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("after", [0.0, 0.01, 0.03])
def test_once_the_result_is_out_a_signal_kills_nobody(handrail: Handrail, number: signal.Signals, after: float) -> None:
    process = start("ec2", "list", "-o", "json", environ=handrail.environ, cwd=handrail.cwd)
    assert process.stdout is not None
    said = process.stdout.readline()
    time.sleep(after)
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert said + out == "[]\n"
    assert process.returncode in (0, CODES[number])
    assert err == "" or (process.returncode and json.loads(err)["error"]["code"] == "interrupted")
