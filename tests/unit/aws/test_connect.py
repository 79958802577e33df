"""Connections to a stand-in of AWS on this machine: who signs, what is sent, what is said where it can't be."""

import hashlib
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fast_models import hurry_retries
from handrail import __version__
from handrail.aws.connect import Aws, Timeouts, connect
from handrail.aws.failures import aws_failures_explained
from handrail.aws.fencing import HeldUp, fenced
from handrail.aws.identity import Patience, Person
from handrail.aws.launching import Launcher, sandbox_owner
from handrail.aws.retries import RETRY_BUDGET
from handrail.aws.unanswered import NotAwsError
from handrail.core.caller import Caller
from handrail.core.errors import AwsFailure, BadCredentials, HandrailError, NotSetUp, Unreachable, Usage
from handrail.files import Folders
from handrail.sandbox.launcher import FolderError, Limits, MissingExtra, SandboxError, SettingError
from handrail.settings import NO_DOTENV, Dotenv, Settings, TargetChoice

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
AWS, SANDBOX = TargetChoice("aws", "test"), TargetChoice("sandbox", "test")
QUICK = Timeouts(connect=1, read=1, attempts=1)

IDENTITY = (
    200,
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::123456789012:user/dev-1</Arn><UserId>AIDA1</UserId><Account>123456789012</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>",
)
ROLE = (
    200,
    '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
    "<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
)
BUSY = (503, "<ErrorResponse><Error><Code>Unavailable</Code><Message>later</Message></Error></ErrorResponse>")
EXPIRED = (
    403,
    "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request is expired"
    "</Message></Error></ErrorResponse>",
)
HANG = (0, "")


@dataclass
class Endpoint:
    """A server that answers from a script, its last answer for ever, and keeps what it was sent."""

    url: str = ""
    kind: str = "text/xml"
    answers: list[tuple[int, str]] = field(default_factory=lambda: [IDENTITY])
    seen: list[tuple[dict[str, str], str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self) -> tuple[int, str]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    @property
    def keys(self) -> list[str]:
        """Return the access key ids that signed."""
        return [headers["Authorization"].partition("Credential=")[2].partition("/")[0] for headers, _ in self.seen]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    played = Endpoint()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            played.seen.append((dict(self.headers), body))
            status, text = played.answer()
            if status == 0:
                played.over.wait(10)
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("Content-Type", played.kind)
            self.send_header("x-amzn-RequestId", "3f1c")
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    played.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield played
    played.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Machine:
    """A home, an environment and its folders. botocore reads the process's environment, so this is one."""

    home: Path
    environ: dict[str, str]
    patch: pytest.MonkeyPatch

    @property
    def folders(self) -> Folders:
        return Folders(self.home / "c", self.home / "s", self.home / "k", self.home / "box", self.home)

    def export(self, **variables: str) -> None:
        for name, value in variables.items():
            self.environ[name] = value
            self.patch.setenv(name, value)

    def config(self, text: str, name: str = "config") -> None:
        (self.home / ".aws").mkdir(exist_ok=True)
        (self.home / ".aws" / name).write_text(text)

    def aws(self, settings: Settings | None = None, dotenv: Dotenv = NO_DOTENV, **rest: Any) -> Aws:
        rest = {"timeouts": QUICK, "folders": self.folders, **rest}
        return connect(settings or Settings(region="eu-west-1"), AWS, self.environ, dotenv, **rest)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    import os

    for name in [name for name in os.environ if name.startswith(("AWS_", "HANDRAIL_", "BOTO"))]:
        monkeypatch.delenv(name)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    machine = Machine(tmp_path, {}, monkeypatch)
    # Nothing listens on port 1: no test may find the instance metadata of the machine that it runs on.
    machine.export(HOME=str(tmp_path), AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:1")
    return machine


def profile(name: str) -> Settings:
    return Settings(profile=name, region="eu-west-1", sources={"profile": "--profile"})


# ---- the target aws


def test_keys_of_the_environment_sign_and_the_caller_is_told(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    aws = machine.aws()
    assert aws.caller() == Caller("123456789012", "arn:aws:iam::123456789012:user/dev-1", "AIDA1", "dev-1")
    assert aws.caller() is aws.caller()
    assert endpoint.keys == [KEY]
    headers, _ = endpoint.seen[0]
    assert headers["User-Agent"].endswith(f"handrail/{__version__}")
    assert "/eu-west-1/sts/" in headers["Authorization"]
    assert (aws.target, aws.endpoint, aws.sandbox) == ("aws", endpoint.url, None)
    assert aws.identity.looked == "AWS_ACCESS_KEY_ID (environment)"
    (call,) = aws.calls
    assert (call.service, call.operation, call.attempts) == ("sts", "GetCallerIdentity", 1)
    assert call.ms >= 0


def test_without_a_region_it_is_the_default(machine: Machine) -> None:
    machine.export(**KEYS)
    assert machine.aws(Settings()).region == "us-east-1"
    assert machine.aws(folders=None).client("sts").meta.region_name == "eu-west-1"


def test_keys_of_dotenv_are_handed_over(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(AWS_ENDPOINT_URL=endpoint.url)
    machine.config("[default]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n")
    aws = machine.aws(dotenv=Dotenv(values={**KEYS, "AWS_SESSION_TOKEN": "token"}))
    aws.caller()
    assert endpoint.keys == [KEY]
    assert endpoint.seen[0][0]["X-Amz-Security-Token"] == "token"
    assert aws.identity.looked == "AWS_ACCESS_KEY_ID (.env)"


def test_a_named_profile_comes_before_keys_of_the_environment(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    machine.config("[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = x\n", "credentials")
    machine.aws(profile("team")).caller()
    assert endpoint.keys == ["AKIATEAM"]


def test_a_profile_of_the_environment_signs(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(AWS_PROFILE="team", AWS_ENDPOINT_URL=endpoint.url)
    machine.config("[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = x\n", "credentials")
    settings = Settings(profile="team", sources={"profile": "AWS_PROFILE (environment)"})
    aws = machine.aws(settings)
    aws.caller()
    assert (endpoint.keys, aws.identity.profile) == (["AKIATEAM"], "team")


def test_expired_keys_say_so_and_what_renews_them(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_SESSION_TOKEN="t", AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = [EXPIRED]
    with pytest.raises(BadCredentials, match="the credentials have expired") as caught:
        machine.aws().caller()
    assert caught.value.hint == "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_SESSION_TOKEN=…"
    assert caught.value.facts == (("looked", "AWS_ACCESS_KEY_ID (environment)"),)


def test_keys_that_say_themselves_that_they_are_over(machine: Machine) -> None:
    machine.export(**KEYS, AWS_CREDENTIAL_EXPIRATION="2020-01-01T00:00:00Z")
    with pytest.raises(BadCredentials, match="the credentials have expired"):
        machine.aws()


def test_a_retry_is_counted(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = [BUSY, IDENTITY]
    aws = machine.aws(timeouts=Timeouts(connect=1, read=5, attempts=3))
    aws.caller()
    assert [call.attempts for call in aws.calls] == [2]


def test_an_endpoint_that_refuses_is_named(machine: Machine) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    aws = machine.aws()
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:1 does not answer") as caught:
        aws.caller()
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:1" in caught.value.hint
    assert [call.operation for call in aws.calls] == ["GetCallerIdentity"]


def test_an_endpoint_that_hangs_is_left(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = [HANG]
    started = time.monotonic()
    with pytest.raises(Unreachable, match=r"took the call and does not answer\.$"):
        machine.aws(timeouts=Timeouts(connect=1, read=0.3, attempts=1)).caller()
    assert time.monotonic() - started < 5


def test_of_a_change_that_got_no_answer_it_is_said_that_it_may_have_taken_effect(
    machine: Machine, endpoint: Endpoint
) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = [HANG]
    client = machine.aws(timeouts=Timeouts(connect=1, read=0.3, attempts=1)).client("ec2")
    with pytest.raises(Unreachable, match="whether it took effect is unknown"), aws_failures_explained("ec2 stop"):
        client.stop_instances(InstanceIds=["i-0123456789abcdef0"])


def test_a_call_that_takes_long_says_once_who_is_waited_for(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = [HANG]
    said: list[str] = []
    person = Person(say=said.append, patience=Patience(call=0.05))
    aws = machine.aws(timeouts=Timeouts(connect=1, read=0.5, attempts=1), person=person)
    for _ in range(2):
        with pytest.raises(Unreachable):
            aws.caller()
    assert said == [f"waiting for {endpoint.url} to answer GetCallerIdentity; given up after 1.5 s"]


def test_a_call_that_is_answered_and_an_upload_say_nothing(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    said: list[str] = []
    quick = Timeouts(connect=1, read=0.3, attempts=1)
    aws = machine.aws(timeouts=quick, person=Person(say=said.append, patience=Patience(call=0.2)))
    aws.caller()
    endpoint.answers = [HANG]
    with pytest.raises(Unreachable), aws_failures_explained("s3 upload"):
        aws.client("s3").put_object(Bucket="press", Key="a", Body=b"x")
    assert said == []


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_SQS"])
@pytest.mark.parametrize(
    "url",
    ["localhost:4566", "foo", "ftp://x", "http://", "http://h:99999", "http://h:0", "http://h:x", "http://[::1"],
)
def test_an_endpoint_that_is_no_url_is_refused(machine: Machine, variable: str, url: str) -> None:
    machine.export(**{**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:1", variable: url})
    with pytest.raises(Usage, match=f"^{variable} is no URL") as caught:
        machine.aws()
    assert (caught.value.hint, caught.value.details) == (f"unset {variable}", {"variable": variable})


def test_an_endpoint_of_the_config_that_is_no_url_is_refused(machine: Machine) -> None:
    machine.config("[profile team]\nendpoint_url = foo\naws_access_key_id = A\naws_secret_access_key = x\n")
    with pytest.raises(Usage, match=r"^the endpoint_url that profile team takes is no URL") as caught:
        machine.aws(profile("team"))
    assert caught.value.hint.startswith("mend it in the section of team")


@pytest.mark.parametrize("keys", ["\n  endpoint_url = foo", "http://127.0.0.1:1"])
def test_an_endpoint_of_a_section_of_services_that_is_no_url_is_refused(machine: Machine, keys: str) -> None:
    machine.config(
        "[profile team]\nservices = here\naws_access_key_id = A\naws_secret_access_key = x\n"
        f"[services here]\nec2 = {keys}\n"
    )
    with pytest.raises(Usage, match=r"^the endpoint_url of ec2 that profile team takes is no URL"):
        machine.aws(profile("team"))


def test_an_endpoint_of_the_metadata_in_the_config_that_is_no_url_is_refused(machine: Machine) -> None:
    machine.config("[default]\nec2_metadata_service_endpoint = usr:secret@h\n")
    machine.environ.pop("AWS_EC2_METADATA_SERVICE_ENDPOINT")
    machine.patch.delenv("AWS_EC2_METADATA_SERVICE_ENDPOINT")
    machine.export(**KEYS, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    with pytest.raises(Usage, match=r"^the ec2_metadata_service_endpoint that profile default takes is no URL"):
        machine.aws()


@pytest.mark.parametrize(
    "variables", [{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}]
)
def test_an_endpoint_that_is_not_taken_is_not_checked(machine: Machine, variables: dict[str, str]) -> None:
    machine.config("[profile team]\nendpoint_url = foo\naws_access_key_id = A\naws_secret_access_key = x\n")
    machine.export(**variables)
    assert machine.aws(profile("team")).client("sts").meta.endpoint_url.startswith("http")


@pytest.mark.parametrize("url", ["http://[::1]:4566", "https://aws.example.com"])
def test_an_endpoint_that_is_a_url_is_taken(machine: Machine, url: str) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=url, AWS_ENDPOINT_URL_S3="")
    assert machine.aws().client("sts").meta.endpoint_url == url


def test_a_failure_of_a_client_brings_its_connection_along(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = [EXPIRED]
    aws = machine.aws()
    with (
        pytest.raises(BadCredentials) as caught,
        aws_failures_explained("sts:GetCallerIdentity"),
    ):
        aws.client("sts").get_caller_identity()
    assert (caught.value.hint, caught.value.facts) == (aws.identity.mend, aws.identity.facts)
    endpoint.answers = [HANG]
    with (
        pytest.raises(Unreachable) as unreachable,
        aws_failures_explained("sts:GetCallerIdentity"),
    ):
        machine.aws(timeouts=Timeouts(read=0.3, attempts=1)).client("sts").get_caller_identity()
    assert f"AWS_ENDPOINT_URL={endpoint.url}" in unreachable.value.hint


# ---- credentials that are not there, within 3 s


def refused(machine: Machine, settings: Settings | None = None, **rest: Any) -> HandrailError:
    import botocore.session  # noqa: F401  its import is not what is timed

    started = time.monotonic()
    with pytest.raises(BadCredentials) as caught:
        machine.aws(settings, **rest)
    assert time.monotonic() - started < 3
    assert caught.value.exit_code == 7
    assert caught.value.details["looked"] == dict(caught.value.facts)["looked"]
    return caught.value


def test_no_credentials_at_all(machine: Machine) -> None:
    failure = refused(machine)
    assert failure.message == "no AWS credentials were found."
    assert failure.facts == (("looked", "environment → .env → profile default → instance metadata"),)
    assert failure.hint.startswith("aws configure")


def test_no_credentials_and_a_metadata_service_that_hangs(machine: Machine, endpoint: Endpoint) -> None:
    endpoint.answers = [HANG]
    machine.export(
        AWS_EC2_METADATA_SERVICE_ENDPOINT=endpoint.url,
        AWS_METADATA_SERVICE_TIMEOUT="60",
        AWS_METADATA_SERVICE_NUM_ATTEMPTS="9",
    )
    assert refused(machine).message == "no AWS credentials were found."


def test_an_unknown_profile(machine: Machine) -> None:
    machine.config("[profile team-dev]\nregion = eu-west-1\n")
    failure = refused(machine, profile("team-de"))
    assert failure.message == "there is no profile team-de in ~/.aws."
    assert failure.hint == "--profile team-dev, or aws configure --profile team-de"


def test_a_profile_without_credentials(machine: Machine) -> None:
    machine.config("[profile team-dev]\nregion = eu-west-1\n")
    failure = refused(machine, profile("team-dev"))
    assert failure.message == "profile team-dev has no credentials."
    assert failure.hint == "aws configure --profile team-dev"


def test_half_a_key_of_a_profile(machine: Machine) -> None:
    machine.config("[team]\naws_access_key_id = AKIATEAM\n", "credentials")
    failure = refused(machine, profile("team"))
    assert failure.message == "aws_secret_access_key is missing in shared-credentials-file."
    assert failure.hint == "aws configure --profile team"


def test_half_a_key_of_the_environment(machine: Machine) -> None:
    machine.export(AWS_ACCESS_KEY_ID=KEY)
    assert refused(machine).hint == "export AWS_SECRET_ACCESS_KEY=…"


def test_a_sign_in_that_is_missing(machine: Machine) -> None:
    machine.config(
        "[profile team-dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = dev\n"
        "[sso-session corp]\nsso_start_url = https://corp\nsso_region = eu-west-1\n"
    )
    failure = refused(machine, profile("team-dev"))
    assert failure.message == "profile team-dev is not signed in."
    assert failure.hint == "aws sso login --profile team-dev"


def test_a_broken_config(machine: Machine) -> None:
    machine.config("region = eu-west-1\n")
    assert "can't be understood" in refused(machine).message


def test_a_process_that_gives_no_credentials(machine: Machine) -> None:
    machine.config("[profile team]\ncredential_process = false\n")
    assert refused(machine, profile("team")).message == "no credentials came from custom-process: no reason given"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("/nope/prog", "/nope/prog can't be used for credentials: no such file or directory."),
        ("/bin/echo hello", "credential_process gave no credentials: its answer is not the JSON"),
        ("/bin/echo []", "credential_process gave no credentials: its answer is not the JSON"),
        ("/bin/true", "credential_process gave no credentials: its answer is not the JSON"),
        ('"', "the credentials can't be had: No closing quotation"),
    ],
)
def test_a_process_that_is_off_says_how(machine: Machine, program: str, message: str) -> None:
    machine.config(f"[profile team]\ncredential_process = {program}\n")
    failure = refused(machine, profile("team"))
    assert failure.message.startswith(message)
    assert failure.facts == (("looked", "--profile → profile team → credential_process"),)
    assert failure.hint == "aws configure set credential_process PROGRAM --profile team"


@pytest.mark.parametrize(
    "config",
    [
        "[profile team]\ncredential_process = sleep 30\n",
        "[profile team]\nrole_arn = arn:aws:iam::1:role/dev\nsource_profile = base\n"
        "[profile base]\ncredential_process = sleep 30\n",
    ],
)
def test_a_process_that_hangs_is_told_and_given_up(machine: Machine, config: str) -> None:
    machine.config(config)
    said: list[str] = []
    person = Person(say=said.append, patience=Patience(source=0.05, limit=0.5))
    failure = refused(machine, profile("team"), person=person)
    assert failure.message == "credential_process gave nothing within 0.5 s, and was ended."
    looked = "--profile → profile team → credential_process"
    assert said == [f"waiting for credentials ({looked}); given up after 0.5 s"]


def test_a_process_that_takes_its_time_is_waited_for(machine: Machine, endpoint: Endpoint) -> None:
    program = machine.home / "program"
    program.write_text(
        '#!/bin/sh\nsleep 0.3\necho \'{"Version": 1, "AccessKeyId": "AKIASLOW", "SecretAccessKey": "x"}\'\n'
    )
    program.chmod(0o700)
    machine.config(f"[profile team]\ncredential_process = {program}\n")
    machine.export(AWS_ENDPOINT_URL=endpoint.url)
    machine.aws(profile("team"), person=Person(patience=Patience(source=0.05))).caller()
    assert endpoint.keys == ["AKIASLOW"]


def test_a_token_file_that_is_not_there(machine: Machine) -> None:
    role = "arn:aws:iam::123456789012:role/dev"
    machine.config(f"[profile team]\nrole_arn = {role}\nweb_identity_token_file = /nope\n")
    failure = refused(machine, profile("team"))
    assert failure.message == "/nope can't be used for credentials: no such file or directory."
    assert failure.facts == (("looked", "--profile → profile team → web_identity_token_file"),)
    assert failure.hint == "aws configure set web_identity_token_file FILE --profile team"
    machine.export(AWS_WEB_IDENTITY_TOKEN_FILE="/gone", AWS_ROLE_ARN=role)
    failure = refused(machine)
    assert failure.message == "/gone can't be used for credentials: no such file or directory."
    assert failure.facts == (("looked", "AWS_WEB_IDENTITY_TOKEN_FILE (environment)"),)
    assert failure.hint == "export AWS_WEB_IDENTITY_TOKEN_FILE=…, or unset AWS_WEB_IDENTITY_TOKEN_FILE"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:1/", "no credentials came from container-role"),
        ("http://evil.example/", "the credentials can't be had: Unsupported host"),
        ("http://127.0.0.1:99999/", "the credentials can't be had: An HTTP Client raised"),
    ],
)
def test_a_container_that_gives_no_credentials(machine: Machine, url: str, message: str) -> None:
    machine.export(AWS_CONTAINER_CREDENTIALS_FULL_URI=url)
    failure = refused(machine)
    assert failure.message.startswith(message)
    assert failure.hint.startswith("export AWS_CONTAINER_CREDENTIALS_FULL_URI=…")


def test_a_container_that_hangs(machine: Machine, endpoint: Endpoint) -> None:
    endpoint.answers = [HANG]
    machine.export(AWS_CONTAINER_CREDENTIALS_FULL_URI=endpoint.url)
    assert "Read timeout" in refused(machine).message


def test_a_container_that_leaves_a_key_out(machine: Machine, endpoint: Endpoint) -> None:
    endpoint.answers = [(200, '{"AccessKeyId": "AKIA"}')]
    machine.export(AWS_CONTAINER_CREDENTIALS_FULL_URI=endpoint.url)
    assert refused(machine).message.startswith("AWS_CONTAINER_CREDENTIALS_FULL_URI (environment) gave no credentials")


def test_a_service_that_is_asked_for_credentials_and_does_not_answer_is_no_bad_credential(machine: Machine) -> None:
    machine.config(MFA)
    machine.export(AWS_ENDPOINT_URL="http://127.0.0.1:1")
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:1 does not answer"):
        machine.aws(profile("team"), person=Person(ask=lambda _: "123456"))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('{"AccessKeyId": 1, "SecretAccessKey": "s", "Token": "t"}', "its access key id is no text."),
        ('{"AccessKeyId": "A", "SecretAccessKey": {"a": "s"}, "Token": "t"}', "its secret key is no text."),
        ('{"AccessKeyId": "A", "SecretAccessKey": null, "Token": "t"}', "its secret key is empty."),
        ('{"AccessKeyId": "A", "SecretAccessKey": "", "Token": "t"}', "its secret key is empty."),
        ('{"AccessKeyId": "A", "SecretAccessKey": "s", "Token": ["t"]}', "its token is no text."),
    ],
)
def test_credentials_that_are_no_text_are_none(machine: Machine, endpoint: Endpoint, keys: str, message: str) -> None:
    endpoint.answers = [(200, keys[:-1] + ', "Expiration": "2099-01-01T00:00:00Z"}')]
    machine.export(AWS_CONTAINER_CREDENTIALS_FULL_URI=endpoint.url)
    source = "AWS_CONTAINER_CREDENTIALS_FULL_URI (environment)"
    assert refused(machine).message == f"{source} gave no credentials: {message}"


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("credentials", "[default]\n", "profile default in ~/.aws/credentials"),
        ("config", "[default]\n", "profile default in ~/.aws/config"),
        ("../.boto", "[Credentials]\n", "the file of boto"),
    ],
)
def test_a_stray_sign_names_the_file(machine: Machine, name: str, text: str, place: str) -> None:
    machine.config(f"{text}aws_access_key_id = AKIA\naws_secret_access_key = a b\n", name)
    assert refused(machine).message == f"the secret key that {place} gives has a space in it, which no key has."


# ---- roles and MFA

MFA = """[profile team]
role_arn = arn:aws:iam::1:role/dev
source_profile = base
mfa_serial = arn:aws:iam::1:mfa/me
[profile base]
aws_access_key_id = AKIABASE
aws_secret_access_key = x
"""


def test_a_role_with_mfa_asks_and_takes_the_role(machine: Machine, endpoint: Endpoint) -> None:
    machine.config(MFA)
    machine.export(AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = [ROLE, IDENTITY]
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "123456"

    aws = machine.aws(profile("team"), person=Person(ask=ask))
    aws.caller()
    assert asked == ["Enter MFA code for arn:aws:iam::1:mfa/me: "]
    assert endpoint.keys == ["AKIABASE", "ASIAROLE"]
    assert "TokenCode=123456" in endpoint.seen[0][1]


@pytest.mark.parametrize("ask", [None, lambda _: "123456"])
def test_where_nobody_can_be_asked_mfa_is_refused(machine: Machine, ask: Callable[[str], str] | None) -> None:
    machine.config(MFA)
    settings = Settings(profile="team", no_input=ask is not None, sources={"profile": "--profile"})
    failure = refused(machine, settings, person=Person(ask=ask))
    assert failure.message == "profile team needs an MFA code, and nobody can be asked."
    assert "export-credentials --profile team" in failure.hint


def test_a_role_of_the_default_profile_that_needs_mfa_is_named(machine: Machine) -> None:
    machine.config(MFA.replace("profile team", "default"))
    assert refused(machine).message == "profile default needs an MFA code, and nobody can be asked."


SIGN_IN = """
import os
from handrail.aws.connect import connect
from handrail.core.errors import HandrailError
from handrail.settings import Settings, TargetChoice
try:
    settings = Settings(profile="team", sources={"profile": "--profile"})
    aws = connect(settings, TargetChoice("aws", ""), os.environ)
    print(aws.caller().owner, aws.identity.looked)
except HandrailError as error:
    print(error.message, error.hint, sep=" | ")
"""
ROLE_OF_SSO = (
    200,
    '{"roleCredentials": {"accessKeyId": "ASIASSO", "secretAccessKey": "s", "sessionToken": "t",'
    ' "expiration": 4070908800000}}',
)
NO_LONGER = (401, '{"__type": "UnauthorizedException", "message": "Session token not found or invalid"}')


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([ROLE_OF_SSO, IDENTITY], "dev-1 --profile → profile team → SSO cache\n"),
        ([NO_LONGER], "the sign-in of profile team is over. | aws sso login --profile team\n"),
    ],
)
def test_a_sign_in_is_used_or_told_to_be_over(
    machine: Machine, endpoint: Endpoint, answers: list[tuple[int, str]], said: str
) -> None:
    """In a process of its own: botocore fixes the place of the SSO cache when it is imported."""
    machine.config(
        "[profile team]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = dev\n"
        "[sso-session corp]\nsso_start_url = https://corp\nsso_region = eu-west-1\n"
    )
    cache = machine.home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = '{"accessToken": "token", "expiresAt": "2099-01-01T00:00:00Z"}'
    (cache / f"{hashlib.sha1(b'corp').hexdigest()}.json").write_text(token)
    machine.export(AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = answers
    done = subprocess.run(
        [sys.executable, "-c", SIGN_IN], env=machine.environ, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == (said, "")


# ---- clients


def test_one_client_per_service_and_region_whoever_asks(machine: Machine) -> None:
    machine.export(**KEYS)
    aws = machine.aws()
    with ThreadPoolExecutor(8) as pool:
        clients = set(pool.map(lambda _: id(aws.client("sts")), range(16)))
    assert len(clients) == 1
    assert aws.client("sts", "eu-west-1") is aws.client("sts")
    assert aws.client("sts", "us-east-1") is not aws.client("sts")
    with aws.briefly():
        assert aws.client("sts") is not aws.client("sts", "us-east-1")
        assert aws.client("sts").meta.config.retries["total_max_attempts"] == 2
    assert aws.client("sts").meta.config.retries["total_max_attempts"] == QUICK.attempts


class Gate:
    """A fence that lets so many attempts through, and keeps the dates of all."""

    def __init__(self, attempts: int) -> None:
        self.left, self.dates = attempts, list[float]()

    def before_send(self, x_amz_date: float) -> None:
        """Count."""
        self.dates.append(x_amz_date)
        if len(self.dates) > self.left:
            raise Unreachable("the lease is over")

    def answered(self) -> None:
        """Do nothing."""

    carried_out = answered


def test_the_fence_sees_every_attempt_and_can_stop_it(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = [BUSY, IDENTITY]
    gate, aws = Gate(2), machine.aws(timeouts=Timeouts(attempts=3))
    with fenced(gate):
        aws.client("sts").get_caller_identity()
    assert len(gate.dates) == 2
    with pytest.raises(Unreachable, match="the lease is over"), fenced(gate):
        aws.client("sts").get_caller_identity()
    assert len(endpoint.seen) == 2
    assert aws.calls[-1].attempts == 1


ZONES = (
    200,
    '<ListHostedZonesResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HostedZones/><Marker></Marker>'
    "<IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>",
)
CHANGE = {
    "Action": "UPSERT",
    "ResourceRecordSet": {"Name": "a.example.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]},
}


def test_a_command_that_was_held_up_changes_nothing_of_any_service(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    aws = machine.aws()
    route53, sqs = aws.client("route53"), aws.client("sqs")
    aws.deadline.until = time.time() - 60
    with pytest.raises(HeldUp, match="s too late to change anything"):
        route53.change_resource_record_sets(HostedZoneId="Z1", ChangeBatch={"Changes": [CHANGE]})
    with pytest.raises(HeldUp):
        sqs.list_queues()  # of a service that nothing is known of, every call is a change
    assert (endpoint.seen, aws.deadline.sent) == ([], 0)
    endpoint.answers = [ZONES]
    assert route53.list_hosted_zones()["HostedZones"] == []
    aws.deadline.until = time.time() + 60
    with pytest.raises(NotAwsError):  # that is no answer to this one, but it was sent
        route53.change_resource_record_sets(HostedZoneId="Z1", ChangeBatch={"Changes": [CHANGE]})
    assert (len(endpoint.seen), aws.deadline.sent) == (2, 1)


def test_a_client_that_can_not_be_made_says_so(machine: Machine) -> None:
    machine.export(**KEYS)
    with pytest.raises(AwsFailure, match="Unknown service: 'nonesuch'"):
        machine.aws().client("nonesuch")


def test_awscrt_is_not_imported_even_where_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "awscrt").mkdir()
    (tmp_path / "awscrt" / "__init__.py").write_text("raise SystemExit('awscrt was imported')")
    program = (
        "import handrail.aws.connect, botocore.session as s; s.Session(); import botocore.compat as c; print(c.HAS_CRT)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(tmp_path), "PATH": "/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_importing_it_loads_no_botocore() -> None:
    program = "import sys, handrail.aws.connect; print([name for name in sys.modules if name.startswith('botocore')])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# ---- the sandbox


@dataclass(frozen=True)
class Running:
    """A sandbox as the launcher tells it."""

    endpoint: str
    state_dir: Path
    pid: int = 1
    id: str = "sb-1"
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Keys:
    """Keys that the launcher made."""

    access_key_id: str
    secret_access_key: str = "made"


@dataclass
class Box:
    """A launcher whose sandbox runs already, at an endpoint of the test's."""

    endpoint: str
    proxies: tuple[str, ...] = ()
    owners: dict[str, str] = field(default_factory=dict)
    broken: Exception | None = None
    ended: bool = False

    def ensure(self, state_dir: Path, environ: Any) -> Running:
        if self.broken:
            raise self.broken
        return Running(self.endpoint, state_dir)

    def probe(self, running: Running, endpoint: str) -> bool:
        return endpoint in self.proxies

    def check_serving(self, running: Running) -> None:
        if self.ended:
            raise SandboxError("it ended.", "start it")

    def keys_for(self, state_dir: Path, owner: str) -> Keys:
        return Keys(f"AKIA{owner.upper()}")

    def owner_of(self, state_dir: Path, access_key_id: str) -> str | None:
        return self.owners.get(access_key_id)


def boxed(machine: Machine, box: Launcher | None) -> Aws:
    settings = Settings(region="eu-west-1")
    dotenv = Dotenv(values={"AWS_ACCESS_KEY_ID": "AKIADOTENV", "AWS_SECRET_ACCESS_KEY": "x", "AWS_PROFILE": "none"})
    return connect(settings, SANDBOX, machine.environ, dotenv, folders=machine.folders, timeouts=QUICK, launcher=box)


def test_the_sandbox_gets_its_own_keys_and_nothing_of_anybodys_aws(machine: Machine, endpoint: Endpoint) -> None:
    machine.config("[default]\nendpoint_url = http://127.0.0.1:1\naws_access_key_id = AKIAREAL\nregion = x\n")
    machine.config("[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n", "credentials")
    machine.export(
        **KEYS,
        AWS_SESSION_TOKEN="real",
        AWS_PROFILE="nobody",
        AWS_ENDPOINT_URL="https://aws.example.com",
        AWS_CA_BUNDLE="/none",
        AWS_USE_FIPS_ENDPOINT="true",
        HTTP_PROXY="http://127.0.0.1:1",
        HANDRAIL_TARGET="sandbox",
        LOGNAME="dev",
    )
    aws = boxed(machine, Box(endpoint.url))
    assert aws.caller().owner == "dev-1"
    assert endpoint.keys == ["AKIADEV"]
    assert "X-Amz-Security-Token" not in endpoint.seen[0][0]
    assert (aws.target, aws.endpoint, aws.identity.looked) == ("sandbox", endpoint.url, "sandbox")
    assert aws.sandbox is not None
    assert aws.sandbox.state_dir == machine.folders.sandbox
    assert aws.client("s3").list_buckets


def test_keys_of_sandbox_env_play_another_person(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, HANDRAIL_TARGET="sandbox", AWS_ENDPOINT_URL=endpoint.url)
    aws = boxed(machine, Box(endpoint.url, owners={KEY: "dev-2"}))
    aws.caller()
    assert (endpoint.keys, aws.identity.looked) == ([KEY], "AWS_ACCESS_KEY_ID (environment)")


def test_keys_that_the_sandbox_did_not_make_are_not_sent(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, HANDRAIL_TARGET="sandbox", USER="o'hara smith")
    boxed(machine, Box(endpoint.url)).caller()
    assert endpoint.keys == ["AKIAO-HARA-SMITH"]


def test_keys_of_a_sandbox_before_its_reset_are_told(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(**KEYS, HANDRAIL_TARGET="sandbox", AWS_ENDPOINT_URL="http://localhost:4566")
    with pytest.raises(BadCredentials, match="a key of another sandbox") as caught:
        boxed(machine, Box(endpoint.url))
    assert caught.value.hint == 'eval "$(handrail sandbox env)"'


@pytest.mark.parametrize("used", [True, False])
def test_a_proxy_before_the_same_sandbox_is_used(machine: Machine, endpoint: Endpoint, used: bool) -> None:
    proxy = "http://127.0.0.1:7777"
    machine.export(AWS_ENDPOINT_URL=proxy)
    aws = boxed(machine, Box(endpoint.url, proxies=(proxy,) if used else ()))
    assert aws.endpoint == (proxy if used else endpoint.url)


def test_nothing_is_sent_to_who_took_the_port_of_a_sandbox_that_ended(machine: Machine, endpoint: Endpoint) -> None:
    box = Box(endpoint.url)
    aws = boxed(machine, box)
    box.ended = True
    with pytest.raises(AwsFailure, match="it ended") as caught:
        aws.caller()
    assert (caught.value.slug, caught.value.hint, endpoint.seen) == ("sandbox", "start it", [])


def test_an_endpoint_that_is_no_url_is_none_of_the_sandbox(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(AWS_ENDPOINT_URL="http://[::1")
    assert boxed(machine, Box(endpoint.url)).endpoint == endpoint.url


@pytest.mark.parametrize(
    ("broken", "kind", "slug", "hint"),
    [
        (MissingExtra("moto"), NotSetUp, "missing_extra", "pip install 'handrail[sandbox]'"),
        (FolderError("no folder.", "name another"), NotSetUp, "sandbox_folder", "name another"),
        (SettingError("no number.", "unset it"), Usage, "usage", "unset it"),
        (SandboxError("it died.", "see the log"), AwsFailure, "sandbox", "see the log"),
        (OSError(28, "No space left on device"), AwsFailure, "sandbox", "make room on that disk"),
        (OSError(13, "Permission denied"), AwsFailure, "sandbox", "name another with HANDRAIL_STATE_DIR"),
    ],
)
def test_a_sandbox_that_does_not_start_says_why(
    machine: Machine, broken: Exception, kind: type[HandrailError], slug: str, hint: str
) -> None:
    with pytest.raises(kind) as caught:
        boxed(machine, Box("", broken=broken))
    assert type(caught.value) is kind
    assert caught.value.slug == slug
    assert hint in caught.value.hint


def test_without_a_stand_in_it_is_the_real_launcher(machine: Machine) -> None:
    (machine.home / "box").write_text("a file in the sandbox's place")
    with pytest.raises(NotSetUp, match=r"[Tt]he sandbox") as caught:
        boxed(machine, None)
    assert caught.value.hint.startswith('export HANDRAIL_STATE_DIR="$HOME/handrail-sandbox"')


@pytest.mark.parametrize(
    ("environ", "owner"),
    [
        ({"LOGNAME": "dev-1", "USER": "x"}, "dev-1"),
        ({"USER": "a.b@c"}, "a.b@c"),
        ({"USER": "Zoë Müller"}, "Zo-M-ller"),
        ({"USER": "漢字"}, "you"),
        ({"USER": "x" * 90}, "x" * 64),
        ({}, "you"),
    ],
)
def test_the_owner_is_the_user_as_iam_would_take_it(environ: dict[str, str], owner: str) -> None:
    assert sandbox_owner(environ) == owner


# ---- retries, and replies that were cut


def test_all_calls_of_a_command_share_one_budget_of_retries(machine: Machine, endpoint: Endpoint) -> None:
    hurry_retries()
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers = [BUSY]
    aws = machine.aws(timeouts=Timeouts(connect=1, read=5, attempts=3))
    for _ in range(8):
        with pytest.raises(HandrailError), aws_failures_explained("x"):
            aws.client("sts").get_caller_identity()
    assert aws.retries.spent == aws.retries.limit == RETRY_BUDGET
    assert [call.attempts for call in aws.calls] == [3, 3, 3, 3, 3, 1, 1, 1]
    assert len(endpoint.seen) == 8 + RETRY_BUDGET


@pytest.mark.parametrize(
    ("answer", "whole"),
    [((200, '{"Item": {"pk"'), False), ((200, "{}"), True), ((400, '{"__type": "Thrott'), False), ((200, ""), False)],
)
def test_a_json_reply_that_was_cut_is_no_empty_one(
    machine: Machine, endpoint: Endpoint, answer: tuple[int, str], whole: bool
) -> None:
    machine.export(**KEYS, AWS_ENDPOINT_URL=endpoint.url)
    endpoint.answers, endpoint.kind = [answer], "application/x-amz-json-1.0"
    client = machine.aws().client("dynamodb")
    if whole:
        assert "Item" not in client.get_item(TableName="tab", Key={"pk": {"S": "a"}})
        return
    with pytest.raises(Unreachable, match="cut the answer short"), aws_failures_explained("x"):
        client.get_item(TableName="tab", Key={"pk": {"S": "a"}})


def test_the_read_timeout_on_the_sandbox_can_be_shorter(machine: Machine, endpoint: Endpoint) -> None:
    machine.export(HANDRAIL_SANDBOX_READ_TIMEOUT="0.2")
    endpoint.answers = [HANG]
    settings = Settings(region="eu-west-1")
    aws = connect(settings, SANDBOX, machine.environ, folders=machine.folders, launcher=Box(endpoint.url))
    hurry_retries()
    started = time.monotonic()
    with pytest.raises(Unreachable, match="does not answer"):
        aws.caller()
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("value", ["0", "soon", "-1", "9999"])
def test_a_read_timeout_that_is_none(machine: Machine, endpoint: Endpoint, value: str) -> None:
    machine.export(HANDRAIL_SANDBOX_READ_TIMEOUT=value)
    with pytest.raises(Usage, match="takes seconds"):
        connect(Settings(), SANDBOX, machine.environ, folders=machine.folders, launcher=Box(endpoint.url))


def test_an_encoded_message_is_decoded_by_sts() -> None:
    sts = SimpleNamespace(decode_authorization_message=lambda **call: {"DecodedMessage": call["EncodedMessage"][::-1]})
    assert Aws.decode(cast(Aws, SimpleNamespace(client=lambda _service: sts)), "abc") == "cba"
