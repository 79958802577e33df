"""The sandbox is known by its secret, its process by its lock: an impostor on its port gets nothing and ends nobody."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import FAST, Handrail, clean_environ
from handrail.sandbox import files, launcher, proof, serving

from .playing import Sandbox, wait_until
from .test_sandbox_security import ask

MakeSandbox = Callable[..., Sandbox]


def kill(sandbox: Sandbox) -> int:
    """End the server without a warning, and return its port, which is free now."""
    os.kill(sandbox.running.pid, signal.SIGKILL)
    wait_until(lambda: not launcher.is_serving(sandbox.state_dir))
    return int(sandbox.running.endpoint.rpartition(":")[2])


class Impostor:
    """A process on a port that answers everything with one JSON object, and keeps what it was sent."""

    def __init__(self, port: int, answer: Callable[[bytes], Mapping[str, Any] | bytes]) -> None:
        self.seen: list[bytes] = []
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client:
                asked = client.recv(65536)
                self.seen.append(asked)
                said = self._answer(asked)
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body)

    def close(self) -> None:
        """Stop, and give the port back."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


@contextmanager
def impostor(port: int, answer: Callable[[bytes], Mapping[str, Any] | bytes]) -> Iterator[Impostor]:
    """Run an impostor for as long as the block lasts."""
    running = Impostor(port, answer)
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that nobody may end."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        assert process.poll() is None
        process.kill()


def program(sandbox: Sandbox, folder: Path) -> Handrail:
    """Return the program on a sandbox."""
    return Handrail({**FAST, **clean_environ(folder), "HANDRAIL_STATE_DIR": str(sandbox.state_dir)}, folder)


def health_of(sandbox: Sandbox) -> dict[str, Any]:
    """Return what the sandbox says of itself to everybody."""
    facts: dict[str, Any] = json.loads(ask(sandbox, proof.PATH)[2])
    return facts


def test_an_impostor_gets_no_signed_request_and_chooses_no_process_to_end(
    make_sandbox: MakeSandbox, tmp_path: Path, victim: subprocess.Popen[bytes]
) -> None:
    sandbox = make_sandbox()
    handrail = program(sandbox, tmp_path)
    health = health_of(sandbox)
    old = "0" * 32
    replayed = json.loads(ask(sandbox, f"{proof.PATH}?challenge={old}")[2])
    port = kill(sandbox)
    for said in (health, replayed, {**replayed, "proof": "é"}, {**replayed, "proof": None}):
        for pid in (victim.pid, 1, 0, -1, os.getpid()):
            with impostor(port, lambda _: {**said, "pid": pid}) as taker:  # noqa: B023 - it ends with the round
                assert launcher.find(sandbox.state_dir) is None
                done = handrail("sandbox", "stop", "-o", "json")
                assert (done.code, done.json["running"]) == (0, False)
            assert taker.seen
            (sandbox.state_dir / files.STATE).write_text(json.dumps({"endpoint": sandbox.running.endpoint}))
    with impostor(port, lambda _: {**replayed, "pid": victim.pid}) as taker:
        assert handrail("sandbox", "status", "-o", "json").json["running"] is False
        assert handrail("ec2", "list", "-o", "json").json == []
        found = handrail("sandbox", "status", "-o", "json").json
        assert found["running"]
        assert found["endpoint"] != sandbox.running.endpoint
        assert handrail("sandbox", "stop", "-o", "json").json["running"] is False
        assert not any(b"authorization" in request.lower() for request in taker.seen)
    assert launcher.find(sandbox.state_dir) is None


def test_a_question_passed_on_to_the_real_one_answers_for_its_own_port_only(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    real = sandbox.running

    def relay(asked: bytes) -> bytes:
        return ask(sandbox, asked.split()[1].decode())[2]

    with impostor(0, relay) as taker:
        behind = f"http://127.0.0.1:{taker.port}"
        files.write_atomically(sandbox.state_dir / files.STATE, json.dumps({"endpoint": behind}).encode())
        try:
            assert launcher.find(sandbox.state_dir) is None
            # Named by the person it is a proxy, and what answers behind it is this very sandbox.
            assert launcher.probe(real, behind)
        finally:
            launcher.write_state(sandbox.state_dir, real)
        assert len(taker.seen) == 2
    assert launcher.find(sandbox.state_dir) == real


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", b"nonsense", b'{"proof": 1}', b"[" * 60_000 + b"{}"])
def test_what_is_no_answer_proves_nothing(make_sandbox: MakeSandbox, said: bytes) -> None:
    sandbox = make_sandbox()
    with impostor(0, lambda _: said) as taker:
        assert launcher.ask_health(sandbox.state_dir, f"http://127.0.0.1:{taker.port}", 2.0) is None


@pytest.mark.parametrize("challenge", ["", "1", "0" * 31, "0" * 33, "g" * 32, "secret:AKIA", "0" * 31 + "%0a"])
def test_only_a_challenge_is_answered(sandbox: Sandbox, challenge: str) -> None:
    assert "proof" not in json.loads(ask(sandbox, f"{proof.PATH}?challenge={challenge}")[2])


def test_a_folder_without_its_secret_trusts_nobody(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    sandbox = make_sandbox()
    (tmp_path / files.STATE).write_text((sandbox.state_dir / files.STATE).read_text())
    assert launcher.find(tmp_path) is None
    assert not (tmp_path / files.SECRET).exists()


def test_what_ended_is_noticed_before_the_next_request(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    launcher.check_serving(sandbox.running)
    port = kill(sandbox)
    with impostor(port, lambda _: {}), pytest.raises(launcher.SandboxError, match="ended"):
        launcher.check_serving(sandbox.running)
    with impostor(port, lambda _: {}):
        before = sandbox.running
        sandbox.restart()
        with pytest.raises(launcher.SandboxError, match="ended"):
            launcher.check_serving(before)  # it serves again, but elsewhere


def test_the_process_is_the_one_that_the_kernel_names(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    sandbox = make_sandbox()
    assert serving.serving_process(sandbox.state_dir) == sandbox.running.pid
    assert serving.serving_process(tmp_path) is None
    (tmp_path / files.HOLDER_LOCK).write_text(str(sandbox.running.pid))
    assert serving.serving_process(tmp_path) is None
    assert serving.end_process(tmp_path) is False


def test_a_server_that_does_not_answer_can_be_stopped(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    (sandbox.state_dir / files.STATE).unlink()
    assert launcher.find(sandbox.state_dir) is None
    assert launcher.stop(sandbox.state_dir) is True
    assert serving.serving_process(sandbox.state_dir) is None


def test_a_second_server_is_refused(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    with pytest.raises(launcher.SandboxError, match="Another sandbox server"):
        serving.take_serving_locks(sandbox.state_dir)


def test_whoever_holds_the_lock_is_asked_to_end_and_nobody_after_it(tmp_path: Path) -> None:
    code = "import fcntl, os, sys; fcntl.lockf(os.open(sys.argv[1], 66, 384), 6); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / files.HOLDER_LOCK)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert serving.serving_process(tmp_path) == process.pid
        assert serving.end_process(tmp_path) is True
        assert process.wait() == -signal.SIGTERM
    assert serving.end_process(tmp_path) is False


def test_a_sandbox_that_proves_nothing_is_told_from_one_that_is_stopped(
    make_sandbox: MakeSandbox, tmp_path: Path
) -> None:
    sandbox = make_sandbox()
    handrail = Handrail({**clean_environ(tmp_path), "HANDRAIL_STATE_DIR": str(sandbox.state_dir)}, tmp_path)
    (sandbox.state_dir / files.SECRET).write_text("another")
    row = handrail.json("sandbox", "status")
    assert (row["running"], row["pid"]) == (False, sandbox.running.pid)
    assert "handrail sandbox stop" in handrail.ok("sandbox", "status").said
    handrail.ok("sandbox", "stop")
    assert "is stopped" in handrail.ok("sandbox", "status").said
