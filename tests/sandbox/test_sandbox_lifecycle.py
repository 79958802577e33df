"""The sandbox starts, is found, stops, and keeps what it was told, whatever happens to its process."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from handrail.sandbox import files, launcher
from patience import HANGS

from .playing import Client, Sandbox, describe, image_id, launch, state_of, wait_until

MakeSandbox = Callable[..., Sandbox]


def ended(sandbox: Sandbox) -> None:
    """Wait until the server's process is gone."""
    wait_until(lambda: not launcher.is_serving(sandbox.state_dir))


def kill(sandbox: Sandbox) -> None:
    """End the server without a warning."""
    os.kill(sandbox.running.pid, signal.SIGKILL)
    ended(sandbox)


def instances(ec2: Client) -> list[dict[str, Any]]:
    """Return every instance in full."""
    return [instance for r in ec2.describe_instances()["Reservations"] for instance in r["Instances"]]


def test_found_only_while_it_runs(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    assert launcher.find(tmp_path / "sandbox") is None
    assert launcher.stop(tmp_path / "sandbox") is False
    sandbox = make_sandbox(tmp_path / "sandbox")
    assert launcher.find(sandbox.state_dir) == sandbox.running
    assert launcher.ensure(sandbox.state_dir) == sandbox.running
    assert launcher.probe(sandbox.running, sandbox.running.endpoint)
    assert launcher.stop(sandbox.state_dir) is True
    assert launcher.find(sandbox.state_dir) is None
    assert not launcher.probe(sandbox.running, sandbox.running.endpoint)
    assert launcher.stop(sandbox.state_dir) is False


def test_state_and_port_survive_stop_and_start(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    before = sandbox.running
    instance_id = launch(sandbox.client("ec2"))
    launcher.stop(sandbox.state_dir)
    sandbox.restart()
    assert (sandbox.running.endpoint, sandbox.running.id) == (before.endpoint, before.id)
    assert describe(sandbox.client("ec2"), instance_id)["ClientToken"]


def test_a_kill_loses_nothing(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    ec2, elsewhere = sandbox.client("ec2"), sandbox.client("ec2", "eu-west-1")
    elsewhere.describe_vpcs()  # what a region starts with must not depend on when it was first looked at
    first = launch(ec2, ClientToken="first", KeyName=ec2.create_key_pair(KeyName="k")["KeyName"])
    launch(elsewhere, ImageId=image_id("arm64", "eu-west-1"), InstanceType="t4g.nano")
    ended_one = launch(ec2)
    wait_until(lambda: state_of(ec2, ended_one) == "running")
    ec2.terminate_instances(InstanceIds=[ended_one])
    wait_until(lambda: state_of(ec2, ended_one) == "terminated")
    time.sleep(0.2)
    before = instances(ec2) + instances(elsewhere)
    kill(sandbox)
    assert launcher.find(sandbox.state_dir) is None
    sandbox.restart()
    ec2, elsewhere = sandbox.client("ec2"), sandbox.client("ec2", "eu-west-1")
    assert instances(ec2) + instances(elsewhere) == before
    assert launch(ec2, ClientToken="first", KeyName="k") == first


def test_state_goes_on_while_it_is_down(make_sandbox: MakeSandbox) -> None:
    pending = 4.0
    sandbox = make_sandbox(HANDRAIL_SANDBOX_PENDING=str(pending))
    instance_id = launch(sandbox.client("ec2"))
    launched = time.monotonic()
    assert state_of(sandbox.client("ec2"), instance_id) == "pending"
    kill(sandbox)
    time.sleep(max(0.0, launched + pending - time.monotonic()))
    sandbox.restart()
    assert state_of(sandbox.client("ec2"), instance_id) == "running"


def test_two_commands_at_once_share_one(tmp_path: Path, make_sandbox: MakeSandbox) -> None:
    code = (
        "import sys, pathlib; from handrail.sandbox import launcher\n"
        "running = launcher.ensure(pathlib.Path(sys.argv[1])); print(running.pid, running.endpoint)"
    )

    def run(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout

    with ThreadPoolExecutor(3) as pool:
        answers = set(pool.map(run, range(3)))
    sandbox = make_sandbox(tmp_path)
    assert answers == {f"{sandbox.running.pid} {sandbox.running.endpoint}\n"}


def test_the_server_outlives_its_starter(tmp_path: Path, make_sandbox: MakeSandbox) -> None:
    code = "import sys, pathlib; from handrail.sandbox import launcher; launcher.ensure(pathlib.Path(sys.argv[1]))"
    # Its output is a pipe: were the server to hold it, this call would not end.
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True, timeout=HANGS)
    found = launcher.find(tmp_path)
    assert found is not None
    assert os.getsid(found.pid) == found.pid
    make_sandbox(tmp_path)


def test_a_stale_state_file_is_not_trusted(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    other = make_sandbox()
    stale = {"endpoint": other.running.endpoint, "pid": os.getpid(), "id": "sb-0000000000000000", "limits": {}}
    (tmp_path / files.STATE).write_text(json.dumps(stale))
    assert launcher.find(tmp_path) is None
    assert launcher.stop(tmp_path) is False
    sandbox = make_sandbox(tmp_path)
    assert sandbox.running.endpoint != other.running.endpoint
    assert launcher.find(other.state_dir) == other.running


def test_a_taken_port_is_no_obstacle(make_sandbox: MakeSandbox, tmp_path: Path) -> None:
    other = make_sandbox()
    (tmp_path / files.PORT).write_text(other.running.endpoint.rpartition(":")[2])
    assert make_sandbox(tmp_path).running.endpoint != other.running.endpoint


@pytest.mark.parametrize(
    "content", ["", "nonsense", "[]", '{"endpoint": "x"}', '{"endpoint": "http://127.0.0.1:1", "id": "a"}']
)
def test_a_damaged_state_file_is_no_sandbox(tmp_path: Path, content: str) -> None:
    (tmp_path / files.STATE).write_text(content)
    assert launcher.find(tmp_path) is None


def test_reset_starts_over(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    launch(sandbox.client("ec2"))
    old_id = sandbox.running.id
    launcher.reset(sandbox.state_dir)
    assert [path.name for path in sandbox.state_dir.iterdir()] == [files.START_LOCK]
    sandbox.restart()
    assert sandbox.running.id != old_id
    assert sandbox.log() == []
    assert instances(sandbox.client("ec2")) == []
    launcher.reset(sandbox.state_dir / "nowhere")


def test_it_stops_when_nobody_asks(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox(HANDRAIL_SANDBOX_IDLE="3")
    instance_id = launch(sandbox.client("ec2"))
    ended(sandbox)
    assert launcher.find(sandbox.state_dir) is None
    sandbox.environ["HANDRAIL_SANDBOX_IDLE"] = "60"
    sandbox.restart()
    assert describe(sandbox.client("ec2"), instance_id)


def test_only_its_owner_can_read_it(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    launch(sandbox.client("ec2"))
    sandbox.client("s3").create_bucket(Bucket="modes")
    sandbox.client("s3").put_object(Bucket="modes", Key="large", Body=b"x" * 40_000)
    for path in sandbox.state_dir.rglob("*"):
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_limits_are_scaled_by_the_environment(make_sandbox: MakeSandbox) -> None:
    names = {"HANDRAIL_LEASE_L": "6", "HANDRAIL_LEASE_W": "3.5", "HANDRAIL_LEASE_V": "0.25", "HANDRAIL_LEASE_E": "0.5"}
    running = make_sandbox(**names).running
    assert running.limits == launcher.Limits(6, 3.5, 0.25, 0.5)
    assert launcher.Limits() == launcher.Limits(60, 30, 2, 1)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HANDRAIL_LEASE_L", "soon", "HANDRAIL_LEASE_L"),
        ("HANDRAIL_SANDBOX_IDLE", "-1", "HANDRAIL_SANDBOX_IDLE"),
        ("HANDRAIL_SANDBOX_PATCHES_OFF", "nonsense", "nonsense"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, name: str, value: str, said: str) -> None:
    with pytest.raises(launcher.SandboxError, match=said) as caught:
        launcher.ensure(tmp_path, {**os.environ, name: value})
    assert caught.value.hint


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(launcher.SandboxError, match="file") as caught:
        launcher.ensure(tmp_path / "file" / "sandbox")
    assert caught.value.hint


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; sys.modules['moto'] = None\n"
        "from handrail.sandbox import launcher\n"
        "try: launcher.ensure(pathlib.Path(sys.argv[1]))\n"
        "except launcher.MissingExtra as error: print(error.message, error.hint)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "'moto'" in run.stdout
    assert "pip install 'handrail[sandbox]'" in run.stdout


def test_importing_the_launcher_is_light() -> None:
    code = "import sys; from handrail.sandbox import launcher; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "moto",
        "flask",
        "botocore",
        "click",
        "asyncio",
        "http.server",
        "http.client",
        "urllib.request",
        "subprocess",
    }
    assert heavy.isdisjoint(loaded)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "nonsense",
        "https://127.0.0.1:1",
        "http://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://:80",
        "http://127.0.0.1:1",
    ],
)
def test_what_is_no_sandbox_is_not_taken_for_one(endpoint: str, tmp_path: Path) -> None:
    assert launcher.ask_health(tmp_path, endpoint, 0.5) is None


def test_keys_are_the_same_each_time_and_differ_by_owner_and_sandbox(tmp_path: Path) -> None:
    alice = launcher.keys_for(tmp_path / "a", "alice")
    assert launcher.keys_for(tmp_path / "a", "alice") == alice
    assert launcher.keys_for(tmp_path / "a", "bob").access_key_id != alice.access_key_id
    assert launcher.keys_for(tmp_path / "b", "alice").secret_access_key != alice.secret_access_key
    assert launcher.owner_of(tmp_path / "a", alice.access_key_id) == "alice"
    assert launcher.owner_of(tmp_path / "b", alice.access_key_id) is None
    assert launcher.owner_of(tmp_path / "a", "../secret") is None


def test_the_folders_above_its_own_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.make_folder(tmp_path / "state" / "sandbox")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
