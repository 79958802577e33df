"""No secret gets through, however it is written, and what is no secret stays readable."""

import base64
import json
import re
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from handrail.core.redaction import (
    SHORTEST,
    Secrets,
    redact,
    secrets_in,
    secrets_in_environment,
    secrets_in_ini,
    secrets_in_text,
    secrets_in_url,
)

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


@pytest.mark.parametrize(
    "text",
    [
        f"{{'x-amz-sso_bearer_token': '{TOKEN}'}}",
        f"x-aws-ec2-metadata-token: {TOKEN}",
        f'{{"Token": "{TOKEN}", "Code": "Success"',
        f'"{{\\"Token\\": \\"{TOKEN}\\"}}"',
        f"Action=AssumeRoleWithWebIdentity&WebIdentityToken={TOKEN}",
        f"Authorization: Bearer {TOKEN}",
        f"aws_session_token  {TOKEN}",
        f"http://dev:{SECRET.replace('/', '')}@proxy:3128",
        f"http://dev:{SECRET}@proxy:3128",
        f"password={SECRET}",
        f"GET /?X-Amz-Security-Token={TOKEN}&X-Amz-Date=1",
    ],
)
def test_what_others_call_a_secret_is_masked(text: str) -> None:
    masked = redact(text)
    assert "***" in masked
    assert not {TOKEN, SECRET, SECRET.replace("/", "")} & set(re.split(r"[\s'\"\\=&:@]", masked))


@pytest.mark.parametrize(
    "text", ['"NextToken": "abc"', "ClientToken=hr-0123", "x-aws-ec2-metadata-token-ttl-seconds: 21600", "a://b:c d@e"]
)
def test_a_token_that_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text(min_size=SHORTEST, max_size=90), st.text(max_size=9), st.text(max_size=9))
def test_a_value_in_hand_is_masked_in_every_form(value: str, before: str, after: str) -> None:
    hidden = Secrets()
    hidden.hide(value)
    if len(value.encode()) < SHORTEST or any("\ud800" <= char <= "\udfff" for char in value):
        return
    forms = (value, quote(value), quote(value, safe=""), json.dumps(value)[1:-1], repr(value)[1:-1])
    for form in forms:
        assert "***" in hidden.redact(before + form + after)
    inside = base64.b64encode((before + value + after).encode()).decode()
    assert len(value) < SHORTEST + 4 or "***" in hidden.redact(inside)


def test_a_value_that_was_cut_short_is_masked_as_far_as_it_goes() -> None:
    hidden = Secrets()
    hidden.hide(SECRET, TOKEN)
    hidden.hide(SECRET)
    assert hidden.redact(f'"{SECRET[:30]}…" {TOKEN}{SECRET}') == '"***…" ******'
    assert hidden.redact(f"{SECRET[:12]} stays") == f"{SECRET[:12]} stays"
    assert Secrets().redact("nothing in hand") == "nothing in hand"


def test_short_values_are_no_secrets() -> None:
    hidden = Secrets()
    hidden.hide("secret", "")
    assert hidden.redact("the secret key") == "the secret key"


def test_where_secrets_are_found() -> None:
    found = {"Credentials": {"SecretAccessKey": "a", "AccessKeyId": "b"}, "keys": [{"token": "c"}], "NextToken": "d"}
    assert list(secrets_in(found)) == ["a", "c"]
    environ = {
        "AWS_SECRET_ACCESS_KEY": "a",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/b",
        "AWS_BEARER_TOKEN_BEDROCK": "c",
        "https_proxy": "http://u:p%2F@h",
        "AWS_ENDPOINT_URL_S3": "http://h",
        "GITHUB_TOKEN": "d",
    }
    assert list(secrets_in_environment(environ)) == ["a", "c", "p%2F", "p/", "p%2F", "u:p%2F@h", "u:p%2F"]
    long = "x" * 16
    text = f"[a]\n# {long}1\naws_secret_access_key = k=v\naws_secret_access_key {long}2\nregion us-east-1\n\n{long}3\n"
    assert list(secrets_in_ini(text)) == ["k=v", f"{long}2", f"{long}3"]
    assert list(secrets_in_text('{"Token": "a\\"b", "Code": "c", "SecretAccessKey": "d')) == ['a\\"b', "d"]
    assert list(secrets_in_text("Token: a\nexport AWS_SECRET_ACCESS_KEY=b\nToken=c&Code=d")) == ["a", "b", "c"]
    assert list(secrets_in_text("<a><SecretAccessKey>b</SecretAccessKey><Code>c</Code></a>")) == ["b"]


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://usr:password1@h", ["password1"]),
        (" usr:password1@h:9", ["password1"]),
        ("https://password1@h", ["password1"]),
        ("usr:password1/word@1@h", ["password1/word@1", "password1"]),
        ("http://usr:Mk3/z@h:9", ["Mk3/z", "Mk3", "usr:Mk3/z@h:9", "usr:Mk3"]),
        ("usr:Mk3/z@h:9", ["Mk3/z", "Mk3", "usr:Mk3/z@h:9", "usr:Mk3"]),
        ("http://h/?token=a&b=c", ["token=a&b=c", "token=a", "b=c"]),
        ("http://h:9/", []),
        ("h:9", []),
    ],
)
def test_what_is_secret_in_a_url(url: str, found: list[str]) -> None:
    assert list(dict.fromkeys(secrets_in_url(url))) == found
    hidden = Secrets()
    hidden.hide(*secrets_in_url(url))
    assert found[:1] == [] or found[0] not in hidden.redact(f"the URL {url.strip()} is off")


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"])
def test_a_password_without_a_scheme_is_found_where_a_url_belongs(name: str) -> None:
    assert "password1" in list(secrets_in_environment({name: "usr:password1@h"}))
    assert list(secrets_in_environment({"MAIL": "usr:password1@h", "AWS_PROFILE": "first.last@h"})) == []


@pytest.mark.parametrize(
    "line",
    [
        "endpoint_url = usr:password1@h",
        "  endpoint_url=http://password1@h",
        "s3 = http://usr:password1@h",
        "http://usr:password1@h",
        "credential_process = give --from https://usr:password1@h --to x",
    ],
)
def test_a_password_in_a_url_of_a_file_is_found(line: str) -> None:
    assert set(secrets_in_ini(f"[default]\n{line}\n")) == {"password1"}
    assert list(secrets_in_ini("[a]\nrole_session_name = first.last@example.com\n# proxy\n[proxy\n")) == []


def test_what_is_no_text_where_a_secret_belongs_is_hidden_with_all_in_it() -> None:
    found = {"accessToken": {"a": ["b", 5], "accessKeyId": "c", "expiresAt": "d", "secretAccessKey": "e"}}
    assert list(secrets_in(found)) == ["b", "5", "e"]
    for text in ('{"secretAccessKey": {"a": "Marker"}, "b": 1}', "{'accessToken': ['x', 'Marker']}"):
        assert "Marker" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "AWS_SECRET_ACCESS_KEY is missing: .env has another.",
        "AWS_SESSION_TOKEN (.env)",
        "looked AWS_SECRET_ACCESS_KEY (environment)",
        '{"looked": "AWS_SECRET_ACCESS_KEY (environment)"}',
    ],
)
def test_words_behind_the_name_of_a_key_are_kept(text: str) -> None:
    assert redact(text) == text
