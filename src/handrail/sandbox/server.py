"""The sandbox's process: detaches, replays the log, listens until it is told to stop or nobody asks any more."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handrail.sandbox import files
from handrail.sandbox.errors import DamageError, SandboxError, SettingError
from handrail.sandbox.launcher import RESET_HINT, Limits, Running, endpoint_of, write_state
from handrail.sandbox.serving import take_serving_locks

if TYPE_CHECKING:
    from handrail.sandbox.moment import Timing
    from handrail.sandbox.wire import LoopbackServer

IDLE_SECONDS = 1800.0
LARGEST_SERVER_LOG = 1024 * 1024
DRAIN_SECONDS = 5.0


def main() -> None:
    """Serve the folder named on the command line; the second argument is the pipe on which to report."""
    state_dir, pipe = Path(sys.argv[1]), int(sys.argv[2])
    detach()
    try:
        serve(state_dir, os.environ, pipe)
    except SandboxError as error:
        if isinstance(error, DamageError):
            files.write_atomically(state_dir / files.DAMAGE, f"{error.message}\n".encode())
        report(pipe, {"error": error.message, "hint": error.hint, "is_setting": isinstance(error, SettingError)})
    except (OSError, ImportError, RuntimeError) as error:
        report(pipe, {"error": f"The sandbox cannot start: {error}", "hint": RESET_HINT})
        raise


def detach() -> None:
    """Leave the starter's session, so that the server outlives it and its terminal."""
    if os.fork():
        os._exit(0)
    os.setsid()
    # A full disk or a file size limit must be an error to handle, never the end of the process.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # moto keeps every larger S3 object in an open file.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(OSError):
        if os.fstat(2).st_size > LARGEST_SERVER_LOG:
            os.ftruncate(2, 0)


def report(pipe: int, message: Mapping[str, Any]) -> None:
    """Tell the starter, who may be gone."""
    with contextlib.suppress(OSError):
        os.write(pipe, json.dumps(message).encode() + b"\n")


def read_number(environ: Mapping[str, str], name: str, default: float) -> float:
    """Return a number of seconds from the environment; raise SettingError where it is none."""
    text = environ.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingError(f"{name} takes seconds, not {text!r}.", f"unset {name}")
    return value


def read_limits(environ: Mapping[str, str]) -> Limits:
    """Return the lease limits, as scaled by the environment."""
    default = Limits()
    return Limits(
        life=read_number(environ, "HANDRAIL_LEASE_L", default.life),
        work=read_number(environ, "HANDRAIL_LEASE_W", default.work),
        visibility=read_number(environ, "HANDRAIL_LEASE_V", default.visibility),
        skew=read_number(environ, "HANDRAIL_LEASE_E", default.skew),
    )


def read_timing(environ: Mapping[str, str], limits: Limits) -> Timing:
    """Return how gradual EC2 is; what Describe lags by never exceeds the promised visibility."""
    from handrail.sandbox.moment import Timing

    default = Timing()
    return Timing(
        pending=read_number(environ, "HANDRAIL_SANDBOX_PENDING", default.pending),
        stopping=read_number(environ, "HANDRAIL_SANDBOX_STOPPING", default.stopping),
        lag=min(read_number(environ, "HANDRAIL_SANDBOX_LAG", default.lag), limits.visibility),
        lag_fixed=environ.get("HANDRAIL_SANDBOX_LAG_FIXED", "") == "1",
        gone=read_number(environ, "HANDRAIL_SANDBOX_GONE", default.gone),
    )


def serve(state_dir: Path, environ: Mapping[str, str], pipe: int) -> None:
    """Serve until SIGTERM or idleness."""
    limits = read_limits(environ)
    timing = read_timing(environ, limits)
    idle = read_number(environ, "HANDRAIL_SANDBOX_IDLE", IDLE_SECONDS)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    take_serving_locks(state_dir)
    server = open_server(state_dir, environ, limits, timing)
    port = server.server_address[1]
    running = Running(endpoint_of(port), os.getpid(), server.gate.id, state_dir, limits)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    files.write_atomically(state_dir / files.PORT, str(port).encode())
    write_state(state_dir, running)
    report(pipe, {"ready": running.endpoint})
    os.close(pipe)
    wait_for_end(stopping, server, idle)
    # Before the port is free for others: who looks here before each request sends nothing there any more.
    (state_dir / files.STATE).unlink(missing_ok=True)
    server.drain(DRAIN_SECONDS)
    with server.gate.lock:
        os._exit(0)  # connection threads wait for requests that nobody will answer


def open_server(state_dir: Path, environ: Mapping[str, str], limits: Limits, timing: Timing) -> LoopbackServer:
    """Load moto, bring its state back, and listen."""
    from handrail.sandbox import bodies, fidelity, moment, pace, preload, transactions

    off = frozenset(filter(None, environ.get("HANDRAIL_SANDBOX_PATCHES_OFF", "").split(",")))
    preload.set_switches()
    fidelity.set_switches(off)
    preload.share_data_files()
    moment.bind_clock()

    from moto import __version__ as moto_version
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from handrail.sandbox.gate import Gate
    from handrail.sandbox.log import Log

    log = Log(state_dir, moto_version)
    preload.import_instance_types()
    bodies.keep_out_of_memory()
    fidelity.apply(off)
    pace.hasten()

    def create_app(service: Any) -> Any:
        app = create_backend_app(service)
        if service == "dynamodb":
            transactions.install()
        return app

    gate = Gate(state_dir, log, limits, timing, DomainDispatcherApplication(create_app))
    moment.bind_backends(gate.id)
    moment.bind_s3()
    moment.bind_sessions()
    preload.load_services(gate)
    with pace.unheard():
        gate.replay()
    (state_dir / files.DAMAGE).unlink(missing_ok=True)
    return listen(state_dir, gate)


def listen(state_dir: Path, gate: Any) -> LoopbackServer:
    """Listen on the port of last time, so that exported endpoints go on working; on any other where it is taken."""
    from handrail.sandbox.wire import LoopbackServer

    last = (files.read_text(state_dir / files.PORT) or "").strip()
    if last.isdigit() and int(last) < 65536:
        with contextlib.suppress(OSError):
            return LoopbackServer(int(last), gate)
    return LoopbackServer(0, gate)


def wait_for_end(stopping: threading.Event, server: LoopbackServer, idle: float) -> None:
    """Wait until somebody says stop, or nobody asked anything for so long."""
    while not stopping.wait(min(1.0, max(idle / 10, 0.01))):
        if not server.busy and time.monotonic() - server.gate.last_used > idle:
            return
