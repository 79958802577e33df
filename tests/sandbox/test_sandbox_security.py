"""Only programs of this machine that hold a key of this sandbox get anything from it."""

from __future__ import annotations

import datetime
import http.client
import json
import os
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from handrail.sandbox import launcher
from patience import HANGS

from .playing import Sandbox, refused, wait_until


def ask(
    sandbox: Sandbox,
    path: str = "/",
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, dict[str, str], bytes]:
    """Send one plain request."""
    connection = http.client.HTTPConnection(sandbox.running.endpoint.removeprefix("http://"), timeout=HANGS)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def signed(sandbox: Sandbox, moment: datetime.datetime, service: str = "ec2") -> dict[str, str]:
    """Return the headers of a DescribeInstances signed at some time."""
    keys = launcher.keys_for(sandbox.state_dir, "alice")
    body = "Action=DescribeInstances&Version=2016-11-15"
    request = AWSRequest(
        "POST", sandbox.running.endpoint, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")

    class At(SigV4Auth):  # type: ignore[misc]
        def _modify_request_before_signing(self, request: Any) -> None:
            request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
            super()._modify_request_before_signing(request)

    credentials = Credentials(keys.access_key_id, keys.secret_access_key)
    At(credentials, service, "us-east-1").add_auth(request)
    return dict(request.headers)


BODY = b"Action=DescribeInstances&Version=2016-11-15"


def test_it_listens_on_loopback_only(sandbox: Sandbox) -> None:
    port = int(sandbox.running.endpoint.rpartition(":")[2])
    sockets = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    listening = {
        fields[1].partition(":")[0]
        for fields in sockets
        if int(fields[1].partition(":")[2], 16) == port and fields[3] == "0A"
    }
    assert listening == {"0100007F"}
    with socket.socket(socket.AF_INET6) as other:
        assert other.connect_ex(("::1", port)) != 0


def test_health_says_who_it_is(sandbox: Sandbox) -> None:
    status, headers, body = ask(sandbox, "/_handrail/health")
    assert status == 200
    health = json.loads(body)
    assert health["sandbox"] == sandbox.running.id
    assert health["pid"] == sandbox.running.pid
    assert health["limits"] == {"life": 60.0, "work": 30.0, "visibility": 2.0, "skew": 1.0}
    assert "version" in health
    assert health["port"] == int(sandbox.running.endpoint.rpartition(":")[2])
    assert "proof" not in health
    assert "date" in headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", ""]
)
def test_foreign_host_names_are_refused(sandbox: Sandbox, host: str) -> None:
    assert ask(sandbox, "/_handrail/health", headers={"Host": host})[0] == 403


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1234", "127.0.0.1:80", "[::1]:8080", "my-bucket.localhost:99"]
)
def test_loopback_names_are_answered_on_any_port(sandbox: Sandbox, host: str) -> None:
    assert ask(sandbox, "/_handrail/health", headers={"Host": host})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_web_pages_are_refused(sandbox: Sandbox, headers: dict[str, str]) -> None:
    for path in ("/_handrail/health", "/"):
        status, answered, _ = ask(sandbox, path, headers=headers)
        assert status == 403
        assert not [name for name in answered if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "/moto-api/",
        "/moto-api/reset",
        "/%6doto-api/reset",
        "/moto-api/data.json",
        "/latest/meta-data/",
        "/_handrail/x",
        "/favicon.ico",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_motos_own_doors_are_closed(sandbox: Sandbox, path: str, method: str) -> None:
    assert ask(sandbox, path, method)[0] == 404


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("ec2", "describe_instances", "AuthFailure"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("dynamodb", "list_tables", "UnrecognizedClientException"),
        ("ssm", "describe_parameters", "UnrecognizedClientException"),
        ("route53", "list_hosted_zones", "InvalidClientTokenId"),
        ("resourcegroupstaggingapi", "get_resources", "UnrecognizedClientException"),
    ],
)
def test_an_unknown_key_is_refused(sandbox: Sandbox, service: str, call: str, code: str) -> None:
    with refused(code):
        getattr(sandbox.client(service, aws_access_key_id="AKIAIOSFODNN7EXAMPLE"), call)()


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("ec2", "describe_instances", "SignatureDoesNotMatch"),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
        ("dynamodb", "list_tables", "InvalidSignatureException"),
        ("route53", "list_hosted_zones", "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_secret_is_refused(sandbox: Sandbox, service: str, call: str, code: str) -> None:
    with refused(code):
        getattr(sandbox.client(service, aws_secret_access_key="wrong"), call)()


def test_a_key_of_another_sandbox_is_refused(sandbox: Sandbox, make_sandbox: Callable[..., Sandbox]) -> None:
    keys = launcher.keys_for(make_sandbox().state_dir, "alice")
    client = sandbox.client("sts", aws_access_key_id=keys.access_key_id, aws_secret_access_key=keys.secret_access_key)
    with refused("InvalidClientTokenId"):
        client.get_caller_identity()


def test_a_changed_body_is_refused(sandbox: Sandbox) -> None:
    headers = signed(sandbox, datetime.datetime.now(datetime.UTC))
    assert ask(sandbox, method="POST", body=BODY, headers=headers)[0] == 200
    status, _, text = ask(sandbox, method="POST", body=BODY.replace(b"Describe", b"Terminate"), headers=headers)
    assert (status, b"SignatureDoesNotMatch" in text) == (403, True)


@pytest.mark.parametrize("seconds", [-62, 65])
def test_a_request_of_another_time_is_refused(sandbox: Sandbox, seconds: int) -> None:
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    status, _, text = ask(sandbox, method="POST", body=BODY, headers=signed(sandbox, when))
    assert (status, b"<Code>RequestExpired</Code>" in text) == (400, True)


def test_a_request_within_its_life_is_served(sandbox: Sandbox) -> None:
    when = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=50)
    assert ask(sandbox, method="POST", body=BODY, headers=signed(sandbox, when))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("POST", "/", BODY, {"Content-Type": "application/x-www-form-urlencoded"}),
        ("GET", "/?Action=DescribeInstances&Version=2016-11-15", None, {}),
        ("GET", "/ec2_us-east-1/?Action=DescribeInstances", None, {}),
        (
            "POST",
            "/",
            b"{}",
            {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"},
        ),
        ("PUT", "/bucket", b"", {}),
        ("DELETE", "/bucket", None, {}),
        ("GET", "/v20180820/configuration/publicAccessBlock", None, {}),
    ],
)
def test_anonymous_requests_get_nothing(
    sandbox: Sandbox, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> None:
    before = len(sandbox.log())
    assert ask(sandbox, path, method, body, headers=headers)[0] == 403
    assert len(sandbox.log()) == before


def test_an_account_cannot_be_chosen_by_a_header(sandbox: Sandbox) -> None:
    client = sandbox.client("sts")
    client.meta.events.register(
        "before-sign", lambda request, **_: request.headers.add_header("x-moto-account-id", "999999999999")
    )
    assert client.get_caller_identity()["Account"] == "123456789012"


def test_presigned_urls_work_and_expire(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3", config={"signature_version": "s3v4"})
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="a b/ü.txt", Body=b"hello")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "a b/ü.txt"})
    path = url.removeprefix(sandbox.running.endpoint)
    assert ask(sandbox, path)[2] == b"hello"
    assert ask(sandbox, path.replace("presigned", "others"))[0] == 403
    assert ask(sandbox, path.replace("Expires=3600", "Expires=3601"))[0] == 403
    brief = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "a b/ü.txt"}, ExpiresIn=0)
    wait_until(lambda: ask(sandbox, brief.removeprefix(sandbox.running.endpoint))[0] == 403)


def test_old_presigned_urls_are_refused(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3", config={"signature_version": "s3"})
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "old", "Key": "k"})
    assert "AWSAccessKeyId=" in url
    status, _, text = ask(sandbox, url.removeprefix(sandbox.running.endpoint))
    assert (status, b"InvalidRequest" in text) == (400, True)


def test_a_body_other_than_the_hash_that_was_signed_is_refused(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="hashed")

    def flip(request: Any, **_: Any) -> None:
        request.body = b"jello"

    s3.meta.events.register("before-send.s3.PutObject", flip)
    with refused("XAmzContentSHA256Mismatch"):
        s3.put_object(Bucket="hashed", Key="k", Body=b"hello", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")


def test_names_with_every_character_are_signed_right(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="names")
    for key in ("a b", "a+b", "ü/ñ", "a//b", "./x", "a%2Fb", "~!*'()", "a?b=c&d", "emoji 🚂", "a:b"):
        s3.put_object(Bucket="names", Key=key, Body=key.encode(), Metadata={"name": "v  w"})
        assert s3.get_object(Bucket="names", Key=key)["Body"].read() == key.encode()
    assert s3.list_objects_v2(Bucket="names", Prefix="a b")["KeyCount"] == 1


def test_a_session_without_keys_cannot_even_ask_who_it_is(sandbox: Sandbox) -> None:
    client = boto3.client(
        "sts",
        endpoint_url=sandbox.running.endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",
    )
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client.get_caller_identity()


def test_sessions_of_roles_and_users_sign_too(make_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = make_sandbox()
    role = "arn:aws:iam::123456789012:role/ci"
    session = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="job-7")["Credentials"]
    named = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    sandbox.client("iam").create_user(UserName="carol")
    key = sandbox.client("iam").create_access_key(UserName="carol")["AccessKey"]
    carol = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    os.kill(sandbox.running.pid, signal.SIGKILL)
    wait_until(lambda: not launcher.is_serving(sandbox.state_dir))
    sandbox.restart()
    arn = sandbox.client("sts", **named).get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::123456789012:assumed-role/ci/job-7"
    assert sandbox.client("sts", **carol).get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/carol"
    sandbox.client("s3", **named).create_bucket(Bucket="by-a-role")
    assert sandbox.log()[-1].owner == "job-7"
    for wrong in ({"aws_session_token": "x"}, {"aws_session_token": None}):
        with refused("InvalidClientTokenId"):
            sandbox.client("sts", **(named | wrong)).get_caller_identity()


def test_a_session_of_another_account_does_not_get_at_buckets_of_this_one(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="of-this-account")
    role = "arn:aws:iam::999999999999:role/stranger"
    session = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="stranger")["Credentials"]
    other = sandbox.client(
        "s3",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    with refused("AccessDenied"):
        other.put_object(Bucket="of-this-account", Key="k", Body=b"x")
    with refused("BucketAlreadyExists"):
        other.create_bucket(Bucket="of-this-account")
    assert other.list_buckets()["Buckets"] == []


def send(sandbox: Sandbox, head: str, body: bytes = b"") -> bytes:
    """Send the head of a request and what is given of its body, and return all that comes back."""
    port = int(sandbox.running.endpoint.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + body)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
            if b"100 Continue" in part or b"\r\n\r\n" in part:
                break
        return b"".join(parts)


SIZES = ("Content-Length: 10000000000", "Transfer-Encoding: chunked", "Content-Length: 7\nExpect: 100-continue")
KEY = "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
PRESIGNED = "X-Amz-Credential=AKIAX%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-SignedHeaders=host"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/bucket/key", ""),
        ("/bucket/key", "Authorization: nonsense\n"),
        ("/bucket/key", f"Authorization: {KEY.format('AKIAX')}\nX-Amz-Date: 20260101T000000Z\n"),
        ("/bucket/key", "known"),
        (f"/bucket/key?{PRESIGNED}&X-Amz-Signature=0&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60", ""),
        ("/bucket/key?AWSAccessKeyId=AKIAX&Signature=0&Expires=1", ""),
    ],
)
def test_a_body_that_nobody_signed_for_is_not_asked_for(sandbox: Sandbox, target: str, headers: str, size: str) -> None:
    """The answer comes though not a byte of the body was sent, and no `100 Continue` before it."""
    if headers == "known":  # a key of this sandbox, at the right time, and a signature that is wrong
        key = launcher.keys_for(sandbox.state_dir, "alice").access_key_id
        now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        for hashed in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0" * 64):
            more = f"Authorization: {KEY.format(key)}\nX-Amz-Date: {now}\nX-Amz-Content-SHA256: {hashed}\n"
            answer = send(sandbox, f"PUT {target} HTTP/1.1\nHost: 127.0.0.1\n{more}{size}\n\n")
            assert answer.startswith(b"HTTP/1.1 403 "), answer
            assert b"SignatureDoesNotMatch" in answer
        return
    answer = send(sandbox, f"PUT {target} HTTP/1.1\nHost: 127.0.0.1\n{headers}{size}\n\n")
    assert answer.split()[1] in (b"400", b"403"), answer
    assert b"onnection: close" in answer


def test_a_body_whose_signature_covers_it_has_a_bound(sandbox: Sandbox) -> None:
    signed_headers = signed(sandbox, datetime.datetime.now(datetime.UTC))
    head = "".join(f"{name}: {value}\n" for name, value in signed_headers.items())
    host = f"Host: {sandbox.running.endpoint.removeprefix('http://')}\n"
    answer = send(sandbox, f"POST / HTTP/1.1\n{host}{head}Content-Length: 30000000\n\n")
    assert answer.startswith(b"HTTP/1.1 413 "), answer
    chunk = f"{30_000_000:x}\r\n".encode()
    answer = send(sandbox, f"POST / HTTP/1.1\n{host}{head}Transfer-Encoding: chunked\n\n", chunk)
    assert answer.startswith(b"HTTP/1.1 413 "), answer


@pytest.mark.parametrize(
    ("framing", "body"),
    [("Content-Length: -5", b""), ("Content-Length: 5, 5", b""), ("Transfer-Encoding: chunked", b"-5\r\n")],
)
def test_a_body_without_a_true_length_is_refused(sandbox: Sandbox, framing: str, body: bytes) -> None:
    signed_headers = signed(sandbox, datetime.datetime.now(datetime.UTC))
    head = "".join(f"{name}: {value}\n" for name, value in signed_headers.items())
    host = f"Host: {sandbox.running.endpoint.removeprefix('http://')}\n"
    answer = send(sandbox, f"POST / HTTP/1.1\n{host}{head}{framing}\n\n", body)
    assert answer.startswith(b"HTTP/1.1 400 "), answer


def test_a_head_has_a_bound(sandbox: Sandbox) -> None:
    many = "".join(f"X-{number}: {'x' * 800}\n" for number in range(90))
    assert send(sandbox, f"GET / HTTP/1.1\nHost: 127.0.0.1\n{many}\n").startswith(b"HTTP/1.1 431 ")
    more = "".join(f"X-{number}: x\n" for number in range(150))
    assert send(sandbox, f"GET / HTTP/1.1\nHost: 127.0.0.1\n{more}\n").startswith(b"HTTP/1.1 431 ")


def test_a_large_body_that_is_refused_still_gets_its_answer(sandbox: Sandbox) -> None:
    body = b"x" * 500_000
    head = f"PUT /bucket/key HTTP/1.1\nHost: 127.0.0.1\nContent-Length: {len(body)}\n\n"
    assert send(sandbox, head, body).startswith(b"HTTP/1.1 403 ")
