"""Which credentials are taken, and what is said where they are half there or over."""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from handrail.aws.identity import Identity, check_profile, check_sendable, choose_identity
from handrail.core.errors import BadCredentials
from handrail.core.redaction import redact
from handrail.settings import NO_DOTENV, Dotenv, Settings

KEY, SECRET, TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
PAIR = {KEY: "AKIAIOSFODNN7EXAMPLE", SECRET: "wJalrXUtnFEMI"}
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def named(profile: str, source: str) -> Settings:
    return Settings(profile=profile, sources={"profile": source})


def test_a_named_profile_is_handed_over_and_one_of_the_environment_left_to_botocore() -> None:
    flag = choose_identity(named("team", "--profile"), PAIR, NO_DOTENV)
    assert (flag.profile, flag.named, flag.keys) == ("team", True, ())
    assert flag.facts == (("looked", "--profile → profile team"),)
    assert flag.mend == "aws configure --profile team"
    assert not choose_identity(named("team", "AWS_PROFILE (environment)"), {}, NO_DOTENV).named
    assert choose_identity(Settings(), {}, Dotenv(values={"AWS_PROFILE": "team"})).named


def test_keys_of_the_environment_put_those_of_dotenv_aside_as_a_whole() -> None:
    dotenv = Dotenv(values={KEY: "AKIAOTHER", SECRET: "other", TOKEN: "other"})
    identity = choose_identity(Settings(), PAIR, dotenv)
    assert (identity.keys, identity.looked) == ((), "AWS_ACCESS_KEY_ID (environment)")


@pytest.mark.parametrize("variable", ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"])
def test_so_do_those_that_a_machine_has_of_its_own(variable: str) -> None:
    identity = choose_identity(Settings(), {variable: "x"}, Dotenv(values=PAIR))
    assert (identity.keys, identity.looked) == ((), f"{variable} (environment)")


def test_so_does_a_profile_of_the_environment() -> None:
    identity = choose_identity(named("team", "AWS_PROFILE (environment)"), {}, Dotenv(values={KEY: "half"}))
    assert (identity.keys, identity.profile) == ((), "team")


@pytest.mark.parametrize("token", ["", "token"])
def test_the_triple_of_dotenv_is_handed_over(token: str) -> None:
    values = {**PAIR, **({TOKEN: token} if token else {})}
    identity = choose_identity(Settings(), {}, Dotenv(values=values))
    assert identity.keys == (PAIR[KEY], PAIR[SECRET], token or None)
    assert identity.mend == "put fresh keys into .env"
    assert PAIR[SECRET] not in repr(identity)


def test_with_nothing_said_botocore_looks_everywhere() -> None:
    identity = choose_identity(Settings(), {}, NO_DOTENV)
    assert identity.whole_chain
    assert identity.looked == "environment → .env → profile default → instance metadata"


@pytest.mark.parametrize(
    ("values", "missing", "message"),
    [
        ({KEY: "AKIA"}, SECRET, "has AWS_ACCESS_KEY_ID only"),
        ({SECRET: "x"}, KEY, "has AWS_SECRET_ACCESS_KEY only"),
        ({TOKEN: "x"}, KEY, "has AWS_SESSION_TOKEN only"),
        ({KEY: "AKIA", TOKEN: "x"}, SECRET, "has AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN only"),
        ({KEY: "ASIA1", SECRET: "x"}, TOKEN, "is a temporary key"),
        ({KEY: "your-access-key-id", SECRET: "x"}, KEY, "placeholder of .env.example"),
        ({KEY: "AKIA", SECRET: "your-secret-access-key"}, SECRET, "placeholder of .env.example"),
    ],
)
def test_half_a_triple_names_the_other_half_and_the_fix(values: dict[str, str], missing: str, message: str) -> None:
    for environ, dotenv, place, fix in (
        (values, {}, "environment", f"export {missing}=…"),
        ({}, values, ".env", f"write {missing}=… into .env"),
    ):
        with pytest.raises(BadCredentials) as caught:
            choose_identity(Settings(), environ, Dotenv(values=dotenv))
        assert message in caught.value.message
        assert missing in caught.value.message
        assert caught.value.hint == fix
        assert caught.value.facts == (("looked", f"{missing} ({place})"),)
        assert caught.value.details == {"missing": missing, "looked": f"{missing} ({place})"}
        assert caught.value.exit_code == 7


def test_the_old_name_of_the_token_counts() -> None:
    environ = {KEY: "ASIA1", SECRET: "x", "AWS_SECURITY_TOKEN": "t"}
    assert choose_identity(Settings(), environ, NO_DOTENV).keys == ()


# ---- profiles and the SSO cache

TEAM = Identity(looked="AWS_PROFILE (environment) → profile team-dev", mend="configure", profile="team-dev")
SSO = {"sso_session": "corp", "sso_account_id": "1", "sso_role_name": "dev"}
LEGACY = {"sso_start_url": "https://corp", "sso_account_id": "1", "sso_role_name": "dev"}


def cached(home: Path, name: str, token: object) -> None:
    path = home / ".aws" / "sso" / "cache" / (hashlib.sha1(name.encode()).hexdigest() + ".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(token if isinstance(token, str) else json.dumps(token))


def checked(profiles: dict[str, Any], home: Path, identity: Identity = TEAM) -> Identity:
    return check_profile(identity, {"profiles": profiles}, home, NOW)


def iso(**ago: int) -> str:
    return (NOW - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_profile_without_sso_is_left_to_botocore(tmp_path: Path) -> None:
    assert checked({"team-dev": {"region": "eu-west-1"}}, tmp_path) is TEAM


@pytest.mark.parametrize(
    ("known", "hint", "near"),
    [(("team-dex", "x"), "--profile team-dex, or configure", "team-dex"), ((), "configure", None)],
)
def test_an_unknown_profile_gets_the_nearest(
    known: tuple[str, ...], hint: str, near: str | None, tmp_path: Path
) -> None:
    with pytest.raises(BadCredentials, match="there is no profile team-dev") as caught:
        checked({name: {} for name in known}, tmp_path)
    assert (caught.value.hint, caught.value.details) == (hint, {"nearest": near, "looked": TEAM.looked})


@pytest.mark.parametrize(("profile", "cache_name"), [(SSO, "corp"), (LEGACY, "https://corp")])
def test_a_sign_in_that_is_over_says_since_when(profile: dict[str, str], cache_name: str, tmp_path: Path) -> None:
    cached(tmp_path, cache_name, {"accessToken": "t", "expiresAt": iso(hours=2)})
    with pytest.raises(BadCredentials) as caught:
        checked({"team-dev": profile}, tmp_path)
    assert caught.value.message == "the sign-in of profile team-dev expired 2 h ago."
    assert caught.value.hint == "aws sso login --profile team-dev"
    assert caught.value.facts == (("looked", "AWS_PROFILE (environment) → profile team-dev → SSO cache"),)
    assert caught.value.details["looked"] == "AWS_PROFILE (environment) → profile team-dev → SSO cache"


@pytest.mark.parametrize(
    "token", [None, "{broken", "[]", {"accessToken": "t"}, {"expiresAt": "soon"}, {"expiresAt": iso(hours=-2)}]
)
def test_no_sign_in_says_so(token: object, tmp_path: Path) -> None:
    if token is not None:
        cached(tmp_path, "corp", token)
    with pytest.raises(BadCredentials, match="profile team-dev is not signed in") as caught:
        checked({"team-dev": SSO}, tmp_path)
    assert caught.value.hint == "aws sso login --profile team-dev"


@pytest.mark.parametrize("key", ["accessToken", "refreshToken", "clientId", "clientSecret"])
@pytest.mark.parametrize("value", [None, 5, "", "a\nb", ["Marker"], {"a": "Marker"}])
def test_a_sign_in_whose_tokens_are_none_can_not_be_used(key: str, value: object, tmp_path: Path) -> None:
    cached(tmp_path, "corp", {"accessToken": "t", **RENEWABLE, "expiresAt": iso(hours=-2), key: value})
    with pytest.raises(BadCredentials, match=r"^the sign-in of profile team-dev can't be used: its ") as caught:
        checked({"team-dev": SSO}, tmp_path)
    assert caught.value.message.endswith(f"its {key} is no token.")
    assert caught.value.hint == "aws sso login --profile team-dev"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_cache_that_can_not_be_read_is_no_sign_in(make: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / ".aws" / "sso" / "cache"
    folder.mkdir(parents=True)
    make(folder / (hashlib.sha1(b"corp").hexdigest() + ".json"))
    with pytest.raises(BadCredentials, match="is not signed in") as caught:
        checked({"team-dev": SSO}, tmp_path)
    assert caught.value.details == {"looked": "AWS_PROFILE (environment) → profile team-dev → SSO cache"}


@pytest.mark.parametrize("expires", [iso(hours=-2), "2026-11-22T13:00:00UTC", "2026-11-22T13:00:00"])
def test_a_good_sign_in_passes_and_is_named(expires: str, tmp_path: Path) -> None:
    cached(tmp_path, "corp", {"accessToken": "t", "expiresAt": expires})
    identity = checked({"team-dev": SSO}, tmp_path)
    assert identity.looked == "AWS_PROFILE (environment) → profile team-dev → SSO cache"
    assert identity.mend == "aws sso login --profile team-dev"


RENEWABLE = {"refreshToken": "r", "clientId": "c", "clientSecret": "s"}


@pytest.mark.parametrize(
    ("token", "passes"),
    [
        ({**RENEWABLE, "registrationExpiresAt": iso(days=-9)}, True),
        ({**RENEWABLE, "registrationExpiresAt": iso(days=9)}, False),
        (RENEWABLE, False),
        ({"registrationExpiresAt": iso(days=-9)}, False),
    ],
)
def test_a_sign_in_that_botocore_can_renew_is_left_to_it(token: dict[str, str], passes: bool, tmp_path: Path) -> None:
    cached(tmp_path, "corp", {"accessToken": "t", "expiresAt": iso(hours=2), **token})
    if passes:
        assert checked({"team-dev": SSO}, tmp_path).mend.startswith("aws sso login")
    else:
        with pytest.raises(BadCredentials, match="expired 2 h ago"):
            checked({"team-dev": SSO}, tmp_path)


def test_a_role_on_top_of_sso_names_the_profile_to_sign_in(tmp_path: Path) -> None:
    profiles = {"team-dev": {"role_arn": "arn", "source_profile": "base"}, "base": SSO}
    with pytest.raises(BadCredentials, match="profile base is not signed in") as caught:
        checked(profiles, tmp_path)
    assert caught.value.hint == "aws sso login --profile base"


@pytest.mark.parametrize(
    ("profiles", "key", "mend"),
    [
        (
            {"team-dev": {"credential_process": "helper"}},
            "credential_process",
            "aws configure set credential_process PROGRAM --profile team-dev",
        ),
        (
            {"team-dev": {"source_profile": "base"}, "base": {"credential_process": "helper"}},
            "credential_process",
            "aws configure set credential_process PROGRAM --profile base",
        ),
        (
            {"team-dev": {"web_identity_token_file": "/t", **SSO}},
            "web_identity_token_file",
            "aws configure set web_identity_token_file FILE --profile team-dev",
        ),
    ],
)
def test_a_profile_whose_credentials_come_from_elsewhere_says_so(
    profiles: dict[str, dict[str, str]], key: str, mend: str, tmp_path: Path
) -> None:
    identity = checked(profiles, tmp_path)
    assert (identity.looked, identity.mend) == (f"{TEAM.looked} → {key}", mend)


def test_keys_of_a_profile_come_before_its_program(tmp_path: Path) -> None:
    assert checked({"team-dev": {"credential_process": "helper", "aws_access_key_id": "AKIA"}}, tmp_path) is TEAM


def test_where_the_default_profile_has_a_source_the_metadata_are_not_looked_at(tmp_path: Path) -> None:
    identity = choose_identity(Settings(), {}, NO_DOTENV)
    found = checked({"default": {"credential_process": "helper"}}, tmp_path, identity)
    assert found.looked == "environment → .env → profile default → credential_process"


def test_every_command_that_mends_survives_redaction(tmp_path: Path) -> None:
    """What stands for a secret in an advised command is no secret: masked, nobody could follow the advice."""
    advised = [
        choose_identity(settings, environ, dotenv).mend
        for settings, environ, dotenv in (
            (Settings(), PAIR, NO_DOTENV),
            (Settings(), {}, Dotenv(values=PAIR)),
            (Settings(), {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}, NO_DOTENV),
            (named("team", "--profile"), {}, NO_DOTENV),
            (Settings(), {}, NO_DOTENV),
        )
    ]
    for values in ({KEY: "AKIA"}, {SECRET: "x"}, {KEY: "ASIA1", SECRET: "x"}):
        for environ, dotenv in ((values, {}), ({}, values)):
            with pytest.raises(BadCredentials) as caught:
                choose_identity(Settings(), environ, Dotenv(values=dotenv))
            advised.append(caught.value.hint)
    for source in ({"credential_process": "helper"}, {"web_identity_token_file": "/t"}):
        advised.append(checked({"team-dev": source}, tmp_path).mend)
    with pytest.raises(BadCredentials) as caught:
        checked({"team-dex": SSO}, tmp_path)
    advised.append(caught.value.hint)
    for hint in advised:
        assert redact(hint) == hint
        assert json.loads(redact(json.dumps({"hint": hint}, ensure_ascii=False))) == {"hint": hint}


def test_profiles_that_name_each_other_end(tmp_path: Path) -> None:
    assert checked({"team-dev": {"source_profile": "team-dev"}}, tmp_path) is TEAM


def test_the_default_profile_counts_only_where_nothing_was_named(tmp_path: Path) -> None:
    chain = Identity(looked="environment", mend="configure", whole_chain=True)
    with pytest.raises(BadCredentials, match="profile default is not signed in"):
        checked({"default": SSO}, tmp_path, chain)
    assert checked({}, tmp_path, chain) is chain
    keys = Identity(looked="AWS_ACCESS_KEY_ID (environment)", mend="export")
    assert checked({"default": SSO}, tmp_path, keys) is keys


@pytest.mark.parametrize(
    ("stray", "what"),
    [("\r", "a line end"), ("\t", "a tab"), (" ", "a space"), ("\u2011", "a character that is not printable ASCII")],
)
def test_a_key_that_no_request_could_say_is_named_and_not_shown(stray: str, what: str) -> None:
    values = {**PAIR, SECRET: PAIR[SECRET] + stray}
    with pytest.raises(BadCredentials, match=f"{SECRET} in .env has {what} in it") as refused:
        choose_identity(Settings(), {}, Dotenv(values=values))
    assert PAIR[SECRET] not in str(refused.value)
    fine = choose_identity(named("team", "--profile"), {}, NO_DOTENV)
    check_sendable(fine, SimpleNamespace(access_key="AKIA", secret_key="s", token=None), "profile team")
    with pytest.raises(BadCredentials, match=f"the token that profile team gives has {what} in it"):
        check_sendable(fine, SimpleNamespace(access_key="AKIA", secret_key="s", token=f"to{stray}ken"), "profile team")
