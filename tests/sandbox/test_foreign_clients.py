"""Programs that are not Handrail's use the sandbox as they use AWS."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from handrail.sandbox import launcher
from patience import HANGS

from .playing import Client, Sandbox, describe, launch, refused


@pytest.fixture
def aws(sandbox: Sandbox, tmp_path: Path) -> Any:
    """Return a function that runs the AWS CLI as alice and returns what it prints."""
    keys = launcher.keys_for(sandbox.state_dir, "alice")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": sandbox.running.endpoint,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "awscli", *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=HANGS).stdout

    return run


def test_the_aws_cli_knows_who_it_is_and_sees_instances(aws: Any, ec2: Client) -> None:
    assert json.loads(aws("sts", "get-caller-identity"))["Arn"] == "arn:aws:iam::123456789012:user/alice"
    instance_id = launch(ec2)
    shown = json.loads(aws("ec2", "describe-instances", "--instance-ids", instance_id))["Reservations"][0]["Instances"]
    assert [(i["InstanceId"], i["ImageId"]) for i in shown] == [(instance_id, describe(ec2, instance_id)["ImageId"])]


def test_the_aws_cli_copies_files_there_and_back(aws: Any, tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"")
    large.write_bytes(os.urandom(20 * 1024 * 1024))  # large enough for a multipart upload
    aws("s3", "mb", "s3://foreign-copies")
    for path in (small, large):
        aws("s3", "cp", str(path), f"s3://foreign-copies/{path.name}")
        back = tmp_path / "back"
        aws("s3", "cp", f"s3://foreign-copies/{path.name}", str(back))
        assert back.read_bytes() == path.read_bytes()


def test_large_objects_stay_out_of_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="large-objects")
    block = os.urandom(1024 * 1024)
    path, back = tmp_path / "large", tmp_path / "back"
    with path.open("wb") as stream:
        for n in range(120):
            stream.write(n.to_bytes(4, "big") + block)
    s3.upload_file(str(path), "large-objects", "k")
    s3.download_file("large-objects", "k", str(back))
    assert hashlib.sha256(back.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest()
    whole = hashlib.sha256()
    for chunk in s3.get_object(Bucket="large-objects", Key="k")["Body"].iter_chunks(1024 * 1024):
        whole.update(chunk)
    assert whole.digest() == hashlib.sha256(path.read_bytes()).digest()
    part = s3.get_object(Bucket="large-objects", Key="k", Range="bytes=0-7")
    assert part["Body"].read() == (0).to_bytes(4, "big") + block[:4]
    assert s3.copy_object(Bucket="large-objects", Key="c", CopySource={"Bucket": "large-objects", "Key": "k"})
    status = Path(f"/proc/{sandbox.running.pid}/status").read_text(encoding="utf-8")
    assert int(status.partition("VmRSS:")[2].split()[0]) < 400 * 1024


def test_of_many_at_once_one_wins(sandbox: Sandbox) -> None:
    dynamodb = sandbox.client("dynamodb")
    dynamodb.create_table(
        TableName="slots",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    clients = [sandbox.client("dynamodb") for _ in range(8)]
    barrier = threading.Barrier(len(clients))
    won: list[int] = []

    def take(n: int) -> None:
        barrier.wait()
        for slot in range(5):
            try:
                clients[n].put_item(
                    TableName="slots", Item={"pk": {"S": str(slot)}}, ConditionExpression="attribute_not_exists(pk)"
                )
            except clients[n].exceptions.ConditionalCheckFailedException:
                continue
            won.append(slot)
        for _ in range(5):
            clients[n].update_item(
                TableName="slots",
                Key={"pk": {"S": "count"}},
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=take, args=(n,)) for n in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [0, 1, 2, 3, 4]
    count = dynamodb.get_item(TableName="slots", Key={"pk": {"S": "count"}})["Item"]["n"]["N"]
    assert count == "40"


def test_what_moto_cannot_do_is_an_error_and_no_crash(sandbox: Sandbox) -> None:
    with refused("InternalError"):
        sandbox.client("ce").get_cost_forecast(
            TimePeriod={"Start": "2026-01-01", "End": "2026-02-01"}, Metric="BLENDED_COST", Granularity="MONTHLY"
        )
    assert launcher.find(sandbox.state_dir) == sandbox.running
