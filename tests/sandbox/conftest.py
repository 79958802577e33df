"""Sandboxes and clients for the sandbox's own tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader

from fast_models import share_methods, share_models
from handrail.sandbox import launcher
from processes import keep_alive

from .playing import QUICK, Client, Sandbox

# test_patches_matter.py runs the tests in here without the conftest.py above.
share_models(JSONFileLoader)
share_methods()


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker that names the patch which a test needs."""
    config.addinivalue_line("markers", "patch(name): fails on a server without this patch of moto")


@pytest.fixture(autouse=True, scope="session")
def _no_aws_settings() -> None:
    """Keep the machine's own AWS settings out of the tests' clients."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


@pytest.fixture(scope="session")
def make_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes, and stop them all in the end."""
    made: list[Sandbox] = []

    def make(state_dir: Path | None = None, **settings: str) -> Sandbox:
        folder = state_dir or tmp_path_factory.mktemp("sandbox")
        environ = {**os.environ, **QUICK, **settings}
        sandbox = Sandbox(folder, environ, launcher.ensure(folder, environ))
        if "HANDRAIL_SANDBOX_IDLE" not in settings:
            keep_alive(folder)
        made.append(sandbox)
        return sandbox

    yield make
    for sandbox in made:
        launcher.stop(sandbox.state_dir)


@pytest.fixture(scope="session")
def sandbox(make_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """Return the sandbox that tests share."""
    return make_sandbox()


@pytest.fixture(scope="session")
def ec2(sandbox: Sandbox) -> Client:
    """Return an EC2 client of the shared sandbox."""
    return sandbox.client("ec2")
