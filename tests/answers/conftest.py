"""A sandbox of its own for what is spoiled, with long leases: nothing that is left open runs out meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader

from conftest import FAST, Handrail, clean_environ, start_sandbox
from fast_models import hurry_retries, share_models
from handrail.sandbox import launcher
from ledger.proxies import Watched

from .calls import Ground

TIMES = {
    "HANDRAIL_SANDBOX_PENDING": "0",
    "HANDRAIL_SANDBOX_STOPPING": "0",
    "HANDRAIL_SANDBOX_IDLE": "3600",
    # A command that settled what another one left open would meet the fault that is meant for its own calls.
    "HANDRAIL_LEASE_L": "3600",
}


@pytest.fixture(scope="session", autouse=True)
def _shared_models() -> None:
    share_models(JSONFileLoader)
    hurry_retries()


def make_ground(folder: Path) -> Ground:
    """Start a sandbox in a folder, and a proxy before it."""
    sandbox = start_sandbox(folder / "state", **TIMES)
    for name in ("home", "work"):
        (folder / name).mkdir()
    policy = 'preset = "strict"\n[ec2]\nmax_running = 5000\ntypes = ["t3.nano", "t3.micro", "m5.large"]\n'
    (folder / "policy.toml").write_text(policy)
    environ = {
        **FAST,
        **TIMES,
        **clean_environ(folder / "home"),
        "HANDRAIL_STATE_DIR": str(sandbox.state_dir),
        "HANDRAIL_TARGET": "sandbox",
        "HANDRAIL_POLICY": str(folder / "policy.toml"),
    }
    proxy = Watched(sandbox.running.endpoint)
    ground = Ground(sandbox, Handrail(environ, folder / "work"), proxy, folder)
    ground.handrail.ok("ec2", "create", "--name", "first")
    return ground


@contextmanager
def started(folder: Path) -> Iterator[Ground]:
    """Make a ground, and end it."""
    ground = make_ground(folder)
    yield ground
    ground.proxy.close()
    launcher.stop(ground.sandbox.state_dir)


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Return the ground of this test process."""
    with started(tmp_path_factory.mktemp("answers")) as ground:
        yield ground
