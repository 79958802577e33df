"""What botocore gets hold of is handed over to be masked, from files and from answers."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest

from handrail.aws.hiding import hide_files, hide_what_comes
from handrail.core.redaction import MASK, Secrets

LONG = "Abcdefghijklmnop0123456789"


def test_files_are_hidden_as_they_stand(tmp_path: Path) -> None:
    folder = tmp_path / ".aws"
    (folder / "sso" / "cache").mkdir(parents=True)
    (folder / "credentials").write_text(f"[a]\naws_secret_access_key = {LONG}1\n")
    (folder / "config").mkdir()  # can't be read: whoever needs it says so
    (folder / "sso" / "cache" / "whole.json").write_text(json.dumps({"accessToken": f"{LONG}2"}))
    (folder / "sso" / "cache" / "torn.json").write_text(f'{{"refreshToken": "{LONG}3", "x')
    (tmp_path / "login").mkdir()
    (tmp_path / "login" / "a.json").write_text(json.dumps({"accessToken": {"sessionToken": f"{LONG}4"}}))
    (tmp_path / "keys").write_text(f"AWSSecretKey={LONG}5\n")
    hidden: list[str] = []
    environ = {"AWS_LOGIN_CACHE_DIRECTORY": str(tmp_path / "login"), "AWS_CREDENTIAL_FILE": str(tmp_path / "keys")}
    hide_files(lambda *values: hidden.extend(values), environ, tmp_path)
    assert sorted(hidden) == [f"{LONG}{number}" for number in range(1, 6)]


class Answering:
    """An HTTP session that answers with one text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def send(self, request: Any) -> Any:
        """Return the answer."""
        return SimpleNamespace(content=self.text.encode(), status_code=200)


@pytest.mark.parametrize("header", [f"{LONG}1", f"{LONG}1".encode()])
def test_the_questions_and_answers_of_a_metadata_service_are_hidden(header: str | bytes) -> None:
    session, secrets = botocore.session.Session(), Secrets()
    fetcher = session.get_component("credential_provider").get_provider("iam-role")._role_fetcher
    fetcher._session = Answering(f'{{"Token": "{LONG}2"')
    hide_what_comes(session, secrets.hide)
    fetcher._session.send(SimpleNamespace(headers={"authorization": header}, method="GET"))
    assert secrets.redact(f"{LONG}1 {LONG}2") == f"{MASK} {MASK}"
    fetcher._session._session.text = f"Z{LONG}"
    fetcher._session.send(SimpleNamespace(headers={}, method="PUT"))
    assert secrets.redact(f"Z{LONG}") == MASK


def test_what_a_source_has_and_a_call_brings_is_hidden() -> None:
    session, secrets = botocore.session.Session(), Secrets()
    provider = session.get_component("credential_provider").get_provider("env")
    provider.environ = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": f"{LONG}1"}
    hide_what_comes(session, secrets.hide)
    assert provider.load().secret_key == f"{LONG}1"
    provider.environ = {}
    assert provider.load() is None
    session.emit("provide-client-params.sts.AssumeRole", params={"WebIdentityToken": f"X{LONG}"})
    session.emit("after-call.sso.GetRoleCredentials", parsed={"roleCredentials": {"sessionToken": f"Y{LONG}"}})
    session.emit("after-call.ec2.RunInstances", parsed={"Token": f"V{LONG}"})
    assert secrets.redact(f"{LONG}1 X{LONG} Y{LONG} V{LONG[:9]}") == f"{MASK} {MASK} {MASK} V{LONG[:9]}"
