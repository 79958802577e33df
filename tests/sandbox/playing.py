"""What the sandbox's tests play with: a sandbox and its clients, launches, waiting."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from handrail.sandbox import launcher
from handrail.sandbox.fidelity.ec2_images import SEEDS
from patience import HANGS

GIVEN_UP_AFTER = "HANDRAIL_TEST_GIVEN_UP_AFTER"  # seconds
ACCOUNT = "123456789012"
Client = Any
QUICK = {"HANDRAIL_SANDBOX_PENDING": "0.5", "HANDRAIL_SANDBOX_STOPPING": "0.5", "HANDRAIL_SANDBOX_LAG": "0"}


@dataclass
class Sandbox:
    """A sandbox in a folder of its own, with clients that never retry."""

    state_dir: Path
    environ: dict[str, str]
    running: launcher.Running

    def client(self, service: str, region: str = "us-east-1", owner: str = "alice", **options: Any) -> Client:
        """Return a boto3 client of an owner."""
        keys = launcher.keys_for(self.state_dir, owner)
        settings = {
            "endpoint_url": self.running.endpoint,
            "region_name": region,
            "aws_access_key_id": keys.access_key_id,
            "aws_secret_access_key": keys.secret_access_key,
            "config": Config(retries={"total_max_attempts": 1}, **options.pop("config", {})),
        }
        return boto3.client(service, **(settings | options))

    def restart(self) -> None:
        """Start again after the server is gone."""
        self.running = launcher.ensure(self.state_dir, self.environ)

    def log(self) -> list[launcher.LogEntry]:
        """Return the writes so far."""
        return launcher.read_log(self.state_dir)


def image_id(architecture: str = "x86_64", region: str = "us-east-1") -> str:
    """Return the id of a seeded image."""
    return next(seed.image_id(region) for seed in SEEDS if seed.architecture == architecture)


def launch(ec2: Client, **settings: Any) -> str:
    """Launch one small instance; returns its id."""
    parameters = {"ImageId": image_id(), "InstanceType": "t3.nano", "MinCount": 1, "MaxCount": 1}
    reservation = ec2.run_instances(**(parameters | settings))
    return str(reservation["Instances"][0]["InstanceId"])


def describe(ec2: Client, instance_id: str) -> dict[str, Any]:
    """Return one instance as DescribeInstances shows it."""
    reservations = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    instance: dict[str, Any] = reservations[0]["Instances"][0]
    return instance


def state_of(ec2: Client, instance_id: str) -> str:
    """Return the state that DescribeInstances shows."""
    return str(describe(ec2, instance_id)["State"]["Name"])


def refused(code: str) -> pytest.RaisesExc[ClientError]:
    """Expect AWS to refuse with this code."""
    return pytest.raises(ClientError, match=re.escape(f"({code})"))


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds. Without the patch that brings it about, it is given up soon."""
    deadline = time.monotonic() + float(os.environ.get(GIVEN_UP_AFTER, HANGS))
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
