"""No secret gets through, however it is written, and what is no secret stays readable."""

import base64

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from handrail.core.redaction import redact

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"  # AWS's own example
TOKEN = "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="


@pytest.mark.parametrize(
    "text",
    [
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"export AWS_SECRET_ACCESS_KEY='{SECRET}'",
        f"aws_secret_access_key = {SECRET}",
        f'{{"SecretAccessKey": "{SECRET}", "Code": "Success"}}',
        f"{{'secretAccessKey': '{SECRET}'}}",
        f"secret_key={SECRET}",
        f"<SecretAccessKey>{SECRET}</SecretAccessKey>",
        f"clientSecret: {SECRET}",
        f"<userData><value>{SECRET}</value></userData>",
        f"UserData={SECRET}&Version=2016-11-15",
        f"{{'UserData': '{SECRET}'}}",
        f"{{'UserData': b'#!/bin/sh\\nexport it=\\'x\\' {SECRET}'}}",
        f"Authorization: AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/ec2/aws4_request, Signature={SECRET}",
        f"('Authorization', b'AWS4-HMAC-SHA256 x Signature={SECRET}')",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
        f"AWS_SECRET_ACCESS_KEY=…{SECRET}",
    ],
)
def test_a_secret_is_masked(text: str) -> None:
    assert SECRET not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        f"AWS_SESSION_TOKEN={TOKEN}",
        f"<SessionToken>{TOKEN}</SessionToken>",
        f'{{"SessionToken": "{TOKEN}"}}',
        f"X-Amz-Security-Token: {TOKEN}",
        f"{{'X-Amz-Security-Token': b'{TOKEN}'}}",
        f'"accessToken": "{TOKEN}"',
        f'"refreshToken": "{TOKEN}"',
    ],
)
def test_a_token_is_masked(text: str) -> None:
    assert TOKEN not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "web is running · i-0c1d2e3f4a5b6c7d8 · AKIAIOSFODNN7EXAMPLE",
        "3 signatures, user data of 12 bytes, no secret",
        "the session token is missing",
        "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_SESSION_TOKEN=…",
        '{"hint": "write AWS_SECRET_ACCESS_KEY=… into .env"}',
        '{"hint": "export AWS_SECRET_ACCESS_KEY=…"}',
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(st.binary(min_size=21, max_size=30))
def test_whatever_botocore_signs_loses_its_signature(secret: bytes) -> None:
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", base64.b64encode(secret).decode(), TOKEN)
    request = AWSRequest("GET", "https://ec2.us-east-1.amazonaws.com/")
    botocore.auth.SigV4Auth(credentials, "ec2", "us-east-1").add_auth(request)
    signature = request.headers["Authorization"].rpartition("Signature=")[2]
    for text in (str(request.headers), repr(dict(request.headers))):
        assert signature not in redact(text)
        assert TOKEN not in redact(text)


def test_a_presigned_url_loses_what_makes_it_work() -> None:
    request = AWSRequest("GET", "https://press.s3.amazonaws.com/a?x=1")
    botocore.auth.S3SigV4QueryAuth(Credentials("AKIA", SECRET, TOKEN), "s3", "us-east-1").add_auth(request)
    signature = request.url.rpartition("X-Amz-Signature=")[2]
    shown = redact(request.url)
    assert signature not in shown
    assert "IQoJb3JpZ2lu" not in shown
    assert shown.startswith("https://press.s3.amazonaws.com/a?x=1")
