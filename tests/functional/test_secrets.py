"""Secrets of every kind that botocore knows come to no eye: stdout, stderr, -vv, the log file; nor by a hostile answer.

A canned server plays everything that gives credentials, and then refuses the command, saying back all that it was told.
"""

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import botocore.credentials
import botocore.session
import pytest

from conftest import Done, Handrail, clean_environ

KEY = "AKIAIOSFODNN7EXAMPLE"
LATER = "2099-01-01T00:00:00Z"
ROLE = "arn:aws:iam::123456789012:role/dev"
ORDERS = "\x1b[31m\x07\u202e\u200b\x9b"  # what AWS's words must not say to a terminal


class Giver(ThreadingHTTPServer):
    """Gives credentials in every way that AWS has, and remembers the secrets in them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.given: list[str] = []
        self.breaks = self.lines = False
        self.answer: dict[str, Any] | None = None  # what it gives in the place of good credentials

    def secret(self, kind: str) -> str:
        """Return a new secret, in which signs are that URLs and JSON write in another way."""
        made = f"Mark{kind}/+=" + secrets.token_hex(12) + "Ab9"
        self.given.append(made)
        return made


class _Answers(BaseHTTPRequestHandler):
    server: Giver

    def _body(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def _say(self, text: str, status: int = 200, kind: str = "application/json") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        if self.path == "/latest/meta-data/iam/security-credentials/":
            return self._say("role", kind="text/plain")
        if self.server.answer is not None:
            return self._say(json.dumps(self.server.answer))
        if self.path.startswith("/federation/credentials"):
            keys = {"accessKeyId": KEY, "secretAccessKey": self.server.secret("S"), "expiration": 4070908800000}
            return self._say(json.dumps({"roleCredentials": {**keys, "sessionToken": self.server.secret("T")}}))
        keys = {"Code": "Success", "AccessKeyId": KEY, "SecretAccessKey": self.server.secret("S"), "Expiration": LATER}
        text = json.dumps({**keys, "Token": self.server.secret("T")})
        if self.server.lines:
            return self._say(re.sub('[{}"]', "", text).replace(", ", "\n"))
        return self._say(text[:-1] if self.server.breaks else text)

    def do_PUT(self) -> None:
        self._say(self.server.secret("I"), kind="text/plain")

    def do_POST(self) -> None:
        body = self._body()
        action = re.search(r"Action=(\w+)", body)
        if self.path == "/token":
            told = {"accessToken": self.server.secret("A"), "refreshToken": self.server.secret("R"), "expiresIn": 9999}
            return self._say(json.dumps(told))
        if action and action[1].startswith("AssumeRole"):
            name = action[1]
            return self._say(
                f"<{name}Response><{name}Result><Credentials><AccessKeyId>{KEY}</AccessKeyId>"
                f"<SecretAccessKey>{self.server.secret('S')}</SecretAccessKey>"
                f"<SessionToken>{self.server.secret('T')}</SessionToken><Expiration>{LATER}</Expiration></Credentials>"
                f"</{name}Result></{name}Response>",
                kind="text/xml",
            )
        echo = f"{ORDERS} {dict(self.headers)} {body}".replace("&", "&amp;").replace("<", "&lt;")
        echo = re.sub(r"[\x00-\x1f]", "", echo) + " " + " ".join(self.server.given)
        return self._say(
            f"<ErrorResponse><Error><Code>Whatever</Code><Message>{echo}</Message></Error></ErrorResponse>",
            400,
            "text/xml",
        )

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def giver() -> Iterator[Giver]:
    """Return a running server."""
    server = Giver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@dataclass
class Machine:
    """A home to set up with credentials. environ: what the program sees."""

    home: Path
    giver: Giver
    environ: dict[str, str] = field(default_factory=dict)

    def secret(self, kind: str) -> str:
        """Return a new secret that the machine has."""
        return self.giver.secret(kind)

    def write(self, name: str, text: str) -> Path:
        """Write a file below the home folder."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def config(self, text: str) -> None:
        """Write ~/.aws/config."""
        self.write(".aws/config", text)

    def program(self, text: str, *, err: str = "", code: int = 0) -> str:
        """Return a credential_process that prints a text."""
        path = self.write(
            "give.py", f"import sys\nprint({text!r})\nprint({err!r}, file=sys.stderr)\nsys.exit({code})\n"
        )
        return f"{sys.executable} {path}"


def _keys(machine: Machine) -> str:
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": KEY,
            "SecretAccessKey": machine.secret("S"),
            "SessionToken": machine.secret("T"),
            "Expiration": LATER,
        }
    )


def environment(machine: Machine) -> None:
    """Set a triple in the environment."""
    machine.environ |= {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": machine.secret("S"),
        "AWS_SESSION_TOKEN": machine.secret("T"),
    }


def role(machine: Machine) -> None:
    """Take a role with the keys of another profile, whose own come by a role too."""
    machine.config(
        f"[default]\nrole_arn = {ROLE}\nsource_profile = middle\n[profile middle]\nrole_arn = {ROLE}\n"
        f"source_profile = base\n[profile base]\naws_access_key_id = {KEY}\n"
        f"aws_secret_access_key = {machine.secret('S')}\n"
    )


def web_identity(machine: Machine) -> None:
    """Take a role with the token of a file."""
    path = machine.write("token", machine.secret("W"))
    machine.environ |= {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": str(path)}


def sso(machine: Machine) -> None:
    """Be signed in, the token in the cache to be renewed."""
    machine.config(
        "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = dev\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://start\n"
    )
    token = {
        "startUrl": "https://start",
        "region": "us-east-1",
        "accessToken": machine.secret("A"),
        "expiresAt": "2020-01-01T00:00:00Z",
        "clientId": "client",
        "clientSecret": machine.secret("C"),
        "refreshToken": machine.secret("R"),
        "registrationExpiresAt": LATER,
    }
    machine.write(f".aws/sso/cache/{hashlib.sha1(b's').hexdigest()}.json", json.dumps(token))


def old_sso(machine: Machine) -> None:
    """Be signed in as it was before there were sessions."""
    machine.config(
        "[default]\nsso_start_url = https://start\nsso_region = us-east-1\nsso_account_id = 123456789012\n"
        "sso_role_name = dev\n"
    )
    token = {"accessToken": machine.secret("A"), "expiresAt": LATER}
    machine.write(f".aws/sso/cache/{hashlib.sha1(b'https://start').hexdigest()}.json", json.dumps(token))


def shared_file(machine: Machine) -> None:
    """Have keys in ~/.aws/credentials."""
    machine.write(
        ".aws/credentials",
        f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {machine.secret('S')}\n"
        f"aws_session_token = {machine.secret('T')}\n",
    )


def broken_file(machine: Machine) -> None:
    """Have keys in a file with faults: a sign is missing, a value stands alone."""
    machine.write(
        ".aws/credentials",
        f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key  {machine.secret('S')}\n{machine.secret('U')}\n",
    )


def login(machine: Machine) -> None:
    """Be signed in by `aws login`, which botocore alone can't use."""
    session = "arn:aws:iam::123456789012:user/dev"
    machine.config(f"[default]\nlogin_session = {session}\n")
    keys = {"accessKeyId": KEY, "secretAccessKey": machine.secret("S"), "sessionToken": machine.secret("T")}
    token = {
        "accessToken": {**keys, "expiresAt": LATER},
        "refreshToken": machine.secret("R"),
        "idToken": machine.secret("N"),
    }
    machine.write(f".aws/login/cache/{hashlib.sha256(session.encode()).hexdigest()}.json", json.dumps(token))


def process(machine: Machine) -> None:
    """Have a program that prints keys."""
    machine.config(f"[default]\ncredential_process = {machine.program(_keys(machine))}\n")


def failing_process(machine: Machine) -> None:
    """Have a program that fails, and says what it must not, with a name and without."""
    words = f"token: {machine.secret('X')} and {machine.secret('Y')}; the password of dev is correct-horse-battery"
    machine.giver.given.append("correct-horse-battery")
    machine.config(f"[default]\ncredential_process = {machine.program(_keys(machine), err=words, code=3)}\n")


def babbling_process(machine: Machine) -> None:
    """Have a program that prints keys, and something else before them."""
    machine.config(f"[default]\ncredential_process = {machine.program('hello ' + _keys(machine))}\n")


def config_file(machine: Machine) -> None:
    """Have keys in ~/.aws/config."""
    machine.config(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {machine.secret('S')}\n")


def ec2_file(machine: Machine) -> None:
    """Have the file of the first EC2 tools."""
    path = machine.write("ec2keys", f"AWSAccessKeyId={KEY}\nAWSSecretKey={machine.secret('S')}\n")
    machine.environ["AWS_CREDENTIAL_FILE"] = str(path)


def boto_file(machine: Machine) -> None:
    """Have the file of boto 2."""
    machine.write(".boto", f"[Credentials]\naws_access_key_id = {KEY}\naws_secret_access_key = {machine.secret('S')}\n")


def container(machine: Machine) -> None:
    """Be in a container that names its source by a URL and a token."""
    machine.environ |= {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{machine.giver.url}/creds",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": machine.secret("Z"),
    }


def broken_container(machine: Machine) -> None:
    """Be in a container whose answer was cut short, its token in a file."""
    machine.giver.breaks = True
    machine.environ |= {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{machine.giver.url}/creds",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(machine.write("auth", machine.secret("Z"))),
    }


def odd_container(machine: Machine) -> None:
    """Be in a container whose answer is not JSON."""
    container(machine)
    machine.giver.lines = True


def instance(machine: Machine) -> None:
    """Be on an instance with a role."""
    machine.environ |= {"AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.giver.url, "AWS_EC2_METADATA_DISABLED": "false"}


def split_token(machine: Machine) -> None:
    """Have a token with a line end in it."""
    environment(machine)
    machine.environ["AWS_SESSION_TOKEN"] = f"{machine.secret('T')}\n{machine.secret('U')}"


def password_in_endpoint(machine: Machine) -> None:
    """Have a password in the URL of the endpoint."""
    environment(machine)
    machine.environ["AWS_ENDPOINT_URL"] = machine.giver.url.replace(
        "://", f"://dev:{quote(machine.secret('P'), safe='')}@"
    )


def password_in_proxy(machine: Machine) -> None:
    """Have a password in the URL of a proxy."""
    environment(machine)
    machine.environ["HTTP_PROXY"] = machine.giver.url.replace("://", "://dev:Mark0dd-Pass@")
    machine.giver.given.append("Mark0dd-Pass")


def dotenv(machine: Machine) -> None:
    """Have keys in .env."""
    machine.write(
        ".env",
        f"AWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={machine.secret('S')}\nAWS_SESSION_TOKEN={machine.secret('T')}\n",
    ).chmod(0o600)


# By the method of botocore's provider; further ways that fail, or are ours.
KINDS: Mapping[str, tuple[Callable[[Machine], None], ...]] = {
    "env": (environment, split_token, password_in_endpoint, password_in_proxy, dotenv),
    "assume-role": (role,),
    "assume-role-with-web-identity": (web_identity,),
    "sso": (sso, old_sso),
    "shared-credentials-file": (shared_file, broken_file),
    "login": (login,),
    "custom-process": (process, failing_process, babbling_process),
    "config-file": (config_file,),
    "ec2-credentials-file": (ec2_file,),
    "boto-config": (boto_file,),
    "container-role": (container, broken_container, odd_container),
    "iam-role": (instance,),
}
UNUSABLE = (broken_file, login, failing_process, babbling_process, broken_container, odd_container, split_token)


def test_every_kind_that_botocore_knows_is_here() -> None:
    chain = botocore.credentials.create_credential_resolver(botocore.session.Session())
    assert [provider.METHOD for provider in chain.providers] == list(KINDS)


def _leaks(text: str, given: list[str]) -> list[str]:
    """Return which secrets a text holds, in whole or most of it."""
    flat = re.sub(r"[\\\s]", "", text)
    return [one for one in given if one in flat or one[:20] in flat or one[-20:] in flat]


ALL = [kind for kinds in KINDS.values() for kind in kinds]


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        *((kind, "log") for kind in ALL),
        *((kind, "vv") for kind in (environment, sso, failing_process, broken_container)),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_no_secret_comes_to_an_eye(tmp_path: Path, giver: Giver, kind: Callable[[Machine], None], how: str) -> None:
    machine = Machine(
        tmp_path, giver, clean_environ(tmp_path, AWS_ENDPOINT_URL=giver.url, AWS_EC2_METADATA_DISABLED="true")
    )
    kind(machine)
    words = ["-vv", "-o", "json"] if how == "vv" else ["--log-file", "log"]
    done = subprocess.run(
        [sys.executable, "-m", "handrail", "ec2", "list", "--target", "aws", *words],
        env=machine.environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    log = (tmp_path / "log").read_text() if how == "log" else done.stderr
    assert giver.given
    assert done.returncode == (7 if kind in UNUSABLE else 1), done.stderr
    assert _leaks(done.stdout + done.stderr + log, giver.given) == []
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]", done.stderr + log)
    assert "Traceback" not in done.stderr or how == "vv"
    assert "DEBUG" in log


PLACES: Mapping[str, Callable[[Machine, str], Any]] = {
    "AWS_SECRET_ACCESS_KEY": lambda machine, value: machine.environ.update(
        AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=value
    ),
    "AWS_ACCESS_KEY_ID": lambda machine, value: machine.environ.update(
        AWS_ACCESS_KEY_ID=value, AWS_SECRET_ACCESS_KEY="a" * 40
    ),
    "AWS_SESSION_TOKEN": lambda machine, value: machine.environ.update(
        AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY="a" * 40, AWS_SESSION_TOKEN=value
    ),
    "AWS_SECRET_ACCESS_KEY in .env": lambda machine, value: machine.write(
        ".env", f"AWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={json.dumps(value)}\n"
    ).chmod(0o600),
    "credential_process": lambda machine, value: machine.config(
        "[default]\ncredential_process = "
        + machine.program(json.dumps({"Version": 1, "AccessKeyId": KEY, "SecretAccessKey": value}))
    ),
    "profile default": lambda machine, value: machine.config(
        f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = a{value}b\n"
    ),
}


@pytest.mark.parametrize(
    ("place", "value", "what"),
    [
        ("AWS_SECRET_ACCESS_KEY", "abcdefgh\r", "a line end"),
        ("AWS_SECRET_ACCESS_KEY", "abcdefgh ", "a space"),
        ("AWS_ACCESS_KEY_ID", f"{KEY}\n", "a line end"),
        ("AWS_SESSION_TOKEN", "abcd\tefgh", "a tab"),
        ("AWS_SESSION_TOKEN", "abcdéfgh", "not printable ASCII"),
        ("AWS_SECRET_ACCESS_KEY in .env", "abcdefgh\n", "a line end"),
        ("credential_process", "abcdefgh\n", "a line end"),
        ("profile default", "abcd efgh", "a space"),
    ],
)
def test_a_stray_sign_in_a_key_is_told_with_its_place(
    tmp_path: Path, giver: Giver, place: str, value: str, what: str
) -> None:
    machine = Machine(
        tmp_path, giver, clean_environ(tmp_path, AWS_ENDPOINT_URL=giver.url, AWS_EC2_METADATA_DISABLED="true")
    )
    PLACES[place](machine, value)
    done = subprocess.run(
        [sys.executable, "-m", "handrail", "ec2", "list", "--target", "aws"],
        env=machine.environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    said = done.stderr.partition("\n")[0]
    assert (done.returncode, what in said) == (7, True), done.stderr
    assert place.partition(" in ")[0] in done.stderr
    assert "efgh" not in done.stderr


# ---- what is no credential, and what is no URL

MARKER, SHORT = "Mark0dd-Pass", "Mk3/z"
SIGNED_IN = "[default]\nsso_start_url = https://s\nsso_region = us-east-1\nsso_account_id = 1\nsso_role_name = dev\n"


@pytest.fixture
def machine(tmp_path: Path, giver: Giver, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine for runs in this process, where no endpoint is named yet."""
    cache = str(tmp_path / ".aws/sso/cache")  # which botocore looks up once, when it is loaded
    monkeypatch.setattr(botocore.credentials.SSOProvider, "_SSO_TOKEN_CACHE_DIR", cache)
    monkeypatch.setattr(os, "environ", environ := clean_environ(tmp_path, AWS_EC2_METADATA_DISABLED="true"))
    return Machine(tmp_path, giver, environ)


def _told(machine: Machine, *words: str) -> tuple[Done, str]:
    """Return what a command came to, and all that it told an eye."""
    done = Handrail(machine.environ, machine.home)("ec2", "list", "--target", "aws", "--log-file", "log", *words)
    log = machine.home / "log"
    return done, done.out + done.err + (log.read_text() if log.exists() else "")


def _in_variable(machine: Machine, url: str) -> None:
    environment(machine)
    machine.environ["AWS_ENDPOINT_URL"] = url


def _of_one_service(machine: Machine, url: str) -> None:
    environment(machine)
    machine.environ["AWS_ENDPOINT_URL_EC2"] = url


def _in_config(machine: Machine, url: str) -> None:
    environment(machine)
    machine.config(f"[default]\nendpoint_url = {url}\n")


def _in_services(machine: Machine, url: str) -> None:
    environment(machine)
    machine.config(f"[default]\nservices = here\n[services here]\nec2 =\n  endpoint_url = {url}\n")


def _in_a_chain(machine: Machine, url: str) -> None:
    role(machine)
    machine.config((machine.home / ".aws/config").read_text().replace("[default]", f"[default]\nendpoint_url = {url}"))


def _of_metadata(machine: Machine, url: str) -> None:
    environment(machine)
    machine.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = url


@pytest.mark.parametrize("place", [_in_variable, _of_one_service, _in_config, _in_services, _in_a_chain, _of_metadata])
@pytest.mark.parametrize(
    "url",
    [
        f"usr:{MARKER}@127.0.0.1:9",
        f"usr:{SHORT}@127.0.0.1:9",
        f"http://usr:{SHORT}@127.0.0.1:9",
        f"http://usr:{MARKER}@127.0.0.1:{MARKER}",
        f"{MARKER}@127.0.0.1:9",
    ],
)
def test_an_endpoint_that_is_no_url_is_not_shown(
    machine: Machine, place: Callable[[Machine, str], None], url: str
) -> None:
    place(machine, url)
    for words in ([], ["-vv"], ["-o", "json"]):
        done, told = _told(machine, *words)
        assert (done.code, "is no URL" in done.err) == (2, True), done.err
        assert _leaks(told, [MARKER, SHORT, *machine.giver.given]) == []


@pytest.mark.parametrize("place", [_in_variable, _in_config])
@pytest.mark.parametrize(
    ("userinfo", "query"),
    [(f"usr:{MARKER}@", ""), (f"{MARKER}@", ""), ("usr:Mk3z!@", ""), ("Mk3z!@", ""), ("", f"/?key={MARKER}")],
)
def test_what_is_secret_in_a_url_is_not_shown(
    machine: Machine, place: Callable[[Machine, str], None], userinfo: str, query: str
) -> None:
    place(machine, machine.giver.url.replace("://", f"://{userinfo}") + query)
    done, told = _told(machine, "-vv")
    assert done.code == 1, done.err
    assert "DEBUG" in told
    assert _leaks(told, [MARKER, "Mk3z!", *machine.giver.given]) == []


@pytest.mark.parametrize("password", [MARKER, "Mk3z!", SHORT])
@pytest.mark.parametrize("scheme", ["", "http://", "//"])
def test_the_password_of_a_proxy_is_not_shown(machine: Machine, password: str, scheme: str) -> None:
    environment(machine)
    machine.environ |= {"AWS_ENDPOINT_URL": "http://h.invalid", "HTTP_PROXY": f"{scheme}usr:{password}@127.0.0.1:1"}
    done, told = _told(machine, "-vv")
    assert (done.code, "itself failed" in done.err) == (1, False), done.err
    assert _leaks(told, [password, *machine.giver.given]) == []


ODD: Mapping[str, Any] = {"a number": 1234567890, "a list": [MARKER], "a mapping": {"a": MARKER}, "nothing": None}


def _by_process(machine: Machine, secret: Any) -> None:
    keys = {"Version": 1, "AccessKeyId": KEY, "SecretAccessKey": secret, "Expiration": LATER}
    path = machine.write("keys.json", json.dumps(keys))
    machine.config(f"[default]\ncredential_process = cat {path}\n")


def _by_container(machine: Machine, secret: Any) -> None:
    machine.giver.answer = {"AccessKeyId": KEY, "SecretAccessKey": secret, "Token": MARKER, "Expiration": LATER}
    machine.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{machine.giver.url}/creds"


def _by_instance(machine: Machine, secret: Any) -> None:
    machine.giver.answer = {"AccessKeyId": KEY, "SecretAccessKey": secret, "Token": MARKER, "Expiration": LATER}
    machine.environ |= {"AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.giver.url, "AWS_EC2_METADATA_DISABLED": "false"}


def _signed_in(machine: Machine, token: Any) -> None:
    machine.config(SIGNED_IN)
    name = hashlib.sha1(b"https://s").hexdigest()
    machine.write(f".aws/sso/cache/{name}.json", json.dumps({"accessToken": token, "expiresAt": LATER}))


def _by_sso(machine: Machine, secret: Any) -> None:
    keys = {"accessKeyId": KEY, "secretAccessKey": secret, "sessionToken": MARKER, "expiration": 4070908800000}
    machine.giver.answer = {"roleCredentials": keys}
    machine.environ["AWS_ENDPOINT_URL"] = machine.giver.url
    _signed_in(machine, machine.secret("A"))


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("source", [_by_process, _by_container, _by_instance, _by_sso])
def test_credentials_that_are_no_text_are_none(
    machine: Machine, source: Callable[[Machine, Any], None], odd: str
) -> None:
    source(machine, ODD[odd])
    done, told = _told(machine, "-vv")
    assert done.code == 7, done.err
    assert "gave no credentials: its " in done.err  # null in an answer of SSO is as if it were left out
    assert _leaks(told, [MARKER, "1234567890", *machine.giver.given]) == []


@pytest.mark.parametrize("odd", [*ODD, "two lines"])
def test_a_sign_in_that_holds_no_token_is_none(machine: Machine, odd: str) -> None:
    _signed_in(machine, {**ODD, "two lines": f"{MARKER}\n{MARKER}"}[odd])
    done, told = _told(machine, "-vv")
    assert done.code == 7, done.err
    assert "the sign-in of profile default can't be used: its accessToken is no token." in done.err
    assert _leaks(told, [MARKER, "1234567890"]) == []


def test_where_a_key_is_missing_its_place_is_said(machine: Machine) -> None:
    machine.environ["AWS_ACCESS_KEY_ID"] = KEY
    assert "AWS_SECRET_ACCESS_KEY (environment)" in _told(machine)[0].err
