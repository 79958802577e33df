"""Finds, starts and stops the sandbox's server. Standard library only, and light: every command imports it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail.interpreter import isolated, without_python_settings
from handrail.sandbox import files, proof
from handrail.sandbox.errors import FolderError, MissingExtra, SandboxError, SettingError
from handrail.sandbox.keys import Keys, keys_for, owner_of
from handrail.sandbox.log import LogEntry, read_log
from handrail.sandbox.serving import end_process, is_serving, serving_process

__all__ = [
    "FolderError",
    "Keys",
    "Limits",
    "LogEntry",
    "MissingExtra",
    "Running",
    "SandboxError",
    "SettingError",
    "check_serving",
    "ensure",
    "find",
    "is_serving",
    "keys_for",
    "owner_of",
    "probe",
    "read_log",
    "reset",
    "serving_process",
    "stop",
]

START_SECONDS = 60.0
STOP_SECONDS = 20.0
PACKAGES = ("moto", "flask", "flask_cors", "py_partiql_parser")
SERVER = "from handrail.sandbox.server import main; main()"
RESET_HINT = "Free space or look at the log named here; `handrail sandbox reset` starts over with empty state."


@dataclass(frozen=True)
class Limits:
    """The time limits of leases, in seconds: life of a request, work under a place, visibility lag, clock skew."""

    life: float = 60.0
    work: float = 30.0
    visibility: float = 2.0
    skew: float = 1.0


@dataclass(frozen=True)
class Running:
    """A sandbox that answers."""

    endpoint: str
    pid: int
    id: str
    state_dir: Path
    limits: Limits


def find(state_dir: Path) -> Running | None:
    """Return the sandbox that serves this folder and has proven it, None where none does; starts nothing."""
    endpoint = recorded_endpoint(state_dir)
    health = ask_health(state_dir, endpoint, 2.0)
    if health is None or endpoint != endpoint_of(health["port"]):
        return None
    return Running(endpoint, int(health["pid"]), str(health["sandbox"]), state_dir, Limits(**health["limits"]))


def probe(running: Running, endpoint: str, timeout: float = 2.0) -> bool:
    """Return whether that very sandbox answers at a URL, perhaps through a proxy."""
    health = ask_health(running.state_dir, endpoint, timeout)
    return health is not None and endpoint_of(health["port"]) == running.endpoint


def check_serving(running: Running) -> None:
    """Raise SandboxError unless the process that answered still has its port: nobody else can have it then."""
    if serving_process(running.state_dir) is None or recorded_endpoint(running.state_dir) != running.endpoint:
        raise SandboxError("The sandbox ended while the command was running.", "handrail sandbox start")


def recorded_endpoint(state_dir: Path) -> str:
    """Return where the sandbox of this folder said that it listens; empty where it said nothing."""
    try:
        return str(json.loads(files.read_text(state_dir / files.STATE) or "{}")["endpoint"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def endpoint_of(port: int) -> str:
    """Return the URL of a port on this machine."""
    return f"http://127.0.0.1:{port}"


def ask_health(state_dir: Path, endpoint: str, timeout: float) -> dict[str, Any] | None:
    """Return what a sandbox says of itself; anything but the proven answer of this folder's is None."""
    scheme, _, rest = endpoint.partition("://")
    host, _, port = rest.partition("/")[0].rpartition(":")
    if scheme != "http" or not host or not port.isdigit():
        return None
    challenge = proof.make_challenge()
    question = f"GET {proof.PATH}?challenge={challenge} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n"
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(question.encode())
            answer = read_to_end(connection, time.monotonic() + timeout)
    except (OSError, OverflowError):
        return None
    body = answer.partition(b"\r\n\r\n")[2]
    try:
        health: dict[str, Any] = json.loads(body[body.find(b"{") : body.rfind(b"}") + 1])
        is_ours = proof.is_proven(state_dir, challenge, health)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return health if is_ours else None


def read_to_end(connection: socket.socket, deadline: float) -> bytes:
    """Return everything a peer sends, at most 64 KiB, until it closes or the time is over."""
    received = b""
    while len(received) < 65536 and time.monotonic() < deadline and (part := connection.recv(65536)):
        received += part
    return received


def ensure(state_dir: Path, environ: Mapping[str, str] = os.environ) -> Running:
    """Return the sandbox of this folder, started where none runs; of several callers at once one starts it."""
    if (running := find(state_dir)) is not None:
        return running
    with start_lock(state_dir):
        if (running := find(state_dir)) is not None:
            return running
        check_installed()
        wait_until_nobody_serves(state_dir)
        start(state_dir, environ)
    if (running := find(state_dir)) is None:
        raise SandboxError("The sandbox started and went away again.", f"See {state_dir / files.SERVER_LOG}.")
    return running


def check_installed() -> None:
    """Raise MissingExtra for the first package that is not there."""
    import importlib.util

    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise MissingExtra(package)


@contextlib.contextmanager
def start_lock(state_dir: Path) -> Iterator[None]:
    """Hold the lock under which a sandbox is started, stopped and reset."""
    try:
        files.make_folder(state_dir)
        descriptor = os.open(state_dir / files.START_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FolderError(
            f"The sandbox cannot use its folder {state_dir}: {error.strerror}.",
            'export HANDRAIL_STATE_DIR="$HOME/handrail-sandbox", or another folder that you may write',
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def wait_until_nobody_serves(state_dir: Path, seconds: float = STOP_SECONDS) -> None:
    """Wait for the end of a server that no longer answers; the lock that it holds falls with the process."""
    deadline = time.monotonic() + seconds
    while is_serving(state_dir):
        if time.monotonic() > deadline:
            raise SandboxError(
                f"Another sandbox server holds {state_dir} and does not answer.",
                f"handrail sandbox stop, or end that process; see {state_dir / files.SERVER_LOG}.",
            )
        time.sleep(0.02)


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the server's environment: nothing of the caller's settings of Python, AWS or moto reaches it."""
    environ = without_python_settings(environ)
    kept = {name: value for name, value in environ.items() if not name.startswith(("AWS_", "MOTO_", "BOTO"))}
    # Hash order decides ids inside moto; with a fixed seed a replay gives the same ones.
    # And memory of request bodies goes back to the system at once (glibc reads this).
    return {**kept, "PYTHONHASHSEED": "0", "MALLOC_MMAP_THRESHOLD_": "262144"}


def start(state_dir: Path, environ: Mapping[str, str]) -> None:
    """Start the server and wait until it answers; raise SandboxError with the cause where it cannot."""
    server_log = state_dir / files.SERVER_LOG
    reader, writer = os.pipe()
    try:
        os.set_inheritable(writer, True)
        command = isolated(SERVER, [str(state_dir), str(writer)], state_dir, PACKAGES)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(server_log), append, 0o600),
        ]
        pid = os.posix_spawn(sys.executable, command, child_environment(environ), file_actions=actions)
    except OSError as error:
        os.close(reader)
        raise SandboxError(f"The sandbox cannot be started: {error}.", RESET_HINT) from error
    finally:
        os.close(writer)
    try:
        os.waitpid(pid, 0)  # this process only detaches the server and ends at once
        report = read_report(reader, START_SECONDS)
    finally:
        os.close(reader)
    if report is None:
        raise SandboxError(f"The sandbox did not start: {last_words(server_log)}", f"See {server_log}. {RESET_HINT}")
    if "error" in report:
        kind = SettingError if report.get("is_setting") else SandboxError
        raise kind(report["error"], report["hint"])


def read_report(reader: int, seconds: float) -> dict[str, Any] | None:
    """Return what the server says when it is ready or gives up; None where it died or took too long."""
    import select

    deadline = time.monotonic() + seconds
    received = b""
    while (left := deadline - time.monotonic()) > 0 and select.select([reader], [], [], left)[0]:
        part = os.read(reader, 65536)
        received += part
        if not part or received.endswith(b"\n"):
            break
    try:
        report: dict[str, Any] = json.loads(received)
    except ValueError:
        return None
    return report


def last_words(server_log: Path) -> str:
    """Return the last line that the server wrote."""
    lines = (files.read_text(server_log) or "").strip().splitlines()
    return lines[-1] if lines else "it said nothing."


def stop(state_dir: Path) -> bool:
    """Stop the sandbox of this folder and wait for its end; False where none ran."""
    if not state_dir.is_dir():
        return False
    with start_lock(state_dir):
        return stop_locked(state_dir)


def stop_locked(state_dir: Path) -> bool:
    """Stop the sandbox while holding the start lock: the process that holds the folder, whatever its port answers."""
    stopped = end_process(state_dir)
    if stopped:
        wait_until_nobody_serves(state_dir)
    (state_dir / files.STATE).unlink(missing_ok=True)
    return stopped


def reset(state_dir: Path) -> Path | None:
    """Stop the sandbox and throw away everything it kept; the next start is an empty, new sandbox.

    What was found to be damaged is not thrown away: returns the folder in which it is kept, None where nothing was.
    """
    if not state_dir.is_dir():
        return None
    import shutil

    with start_lock(state_dir):
        stop_locked(state_dir)
        wait_until_nobody_serves(state_dir)
        kept = keep_damaged(state_dir)
        for path in state_dir.iterdir():
            if path.name == files.START_LOCK or path.name.startswith(files.KEPT):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return kept


def keep_damaged(state_dir: Path) -> Path | None:
    """Move what a start found to be damaged into a folder of its own, and return that."""
    if not (state_dir / files.DAMAGE).exists():
        return None
    number = 1
    while (kept := state_dir / f"{files.KEPT}{number}").exists():
        number += 1
    files.make_folder(kept)
    for name in (files.LOG, files.HEAD, files.BLOBS, files.DAMAGE):
        with contextlib.suppress(FileNotFoundError):
            (state_dir / name).rename(kept / name)
    return kept


def write_state(state_dir: Path, running: Running) -> None:
    """Record where the server listens, for `find`."""
    state = {"endpoint": running.endpoint, "pid": running.pid, "id": running.id}
    files.write_atomically(state_dir / files.STATE, json.dumps(state).encode())
