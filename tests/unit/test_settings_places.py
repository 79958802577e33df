"""`.env`, the choice of target and region, and where policies are found: each file in a folder of its own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.utils import is_valid_uri

from handrail.core.errors import BadCredentials, NotSetUp, Usage
from handrail.files import Folders
from handrail.settings import (
    BUILT_IN,
    NO_DOTENV,
    Dotenv,
    Settings,
    TargetChoice,
    TargetNotChosen,
    check_configured_endpoints,
    check_endpoints,
    choose_region,
    choose_target,
    find_policies,
    has_keys,
    is_url,
    load,
    profile_of,
    read_dotenv,
)

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "deep"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def folders(home: Path) -> Folders:
    return Folders(config=home / "config", state=home / "state", cache=home / "cache", sandbox=home / "box", home=home)


def write(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


# ---- .env


def test_no_dotenv(cwd: Path) -> None:
    assert read_dotenv(cwd) is NO_DOTENV
    (cwd / ".env").mkdir()
    with pytest.raises(Usage, match=r"\.env is not a file: it is a folder"):
        read_dotenv(cwd)
    write(cwd / ".env" / "pyvenv.cfg", "")
    assert read_dotenv(cwd) is NO_DOTENV


def test_dotenv_is_read_for_six_variables_only(cwd: Path) -> None:
    path = write(
        cwd / ".env",
        "AWS_ACCESS_KEY_ID=AKIA\nexport AWS_SECRET_ACCESS_KEY='a$HOME${HOME}'\nAWS_SESSION_TOKEN=\n"
        "AWS_PROFILE=team\nAWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-2\nDATABASE_URL=x\nEMPTY\n",
    )
    assert read_dotenv(cwd) == Dotenv(
        path=path,
        values={
            "AWS_ACCESS_KEY_ID": "AKIA",
            "AWS_SECRET_ACCESS_KEY": "a$HOME${HOME}",
            "AWS_PROFILE": "team",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-2",
        },
    )


def test_what_would_redirect_is_ignored_and_said(cwd: Path) -> None:
    write(cwd / ".env", "AWS_ENDPOINT_URL=http://evil\nHANDRAIL_TARGET=aws\n")
    dotenv = read_dotenv(cwd)
    assert dotenv.values == {}
    assert dotenv.ignored == ("AWS_ENDPOINT_URL", "HANDRAIL_TARGET")
    assert dotenv.warnings == (
        "AWS_ENDPOINT_URL, HANDRAIL_TARGET in .env are ignored: only the environment and options can say that",
    )
    write(cwd / ".env", "AWS_ENDPOINT_URL_S3=http://evil\n")
    assert "AWS_ENDPOINT_URL_S3 in .env is ignored" in read_dotenv(cwd).warnings[0]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_dotenv_open_to_others_is_warned_of(cwd: Path, mode: int) -> None:
    write(cwd / ".env", "", mode)
    assert read_dotenv(cwd).warnings == ("others can read .env: chmod 600 .env",)


def test_a_broken_line_is_said_and_the_rest_read(cwd: Path) -> None:
    write(cwd / ".env", "AWS_PROFILE=team\nwhat is this\nAWS_REGION=eu-west-1\n")
    dotenv = read_dotenv(cwd)
    assert dotenv.values == {"AWS_PROFILE": "team", "AWS_REGION": "eu-west-1"}
    assert dotenv.warnings == (".env, line 2: not NAME=value, ignored",)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"A\x00=b"])
def test_a_binary_dotenv_is_refused(cwd: Path, data: bytes) -> None:
    write(cwd / ".env", data)
    with pytest.raises(NotSetUp, match="is not a text file") as caught:
        read_dotenv(cwd)
    assert caught.value.hint == "write it anew: cp .env.example .env"


def test_a_dotenv_that_can_not_be_read_is_refused(cwd: Path) -> None:
    (cwd / ".env").symlink_to("/proc/self/mem")  # no file mode stops root; this one can't be read by anybody
    with pytest.raises(Usage, match=r"\.env can't be read"):
        read_dotenv(cwd)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [fifo, endless])
def test_a_dotenv_that_is_no_file_is_refused_and_never_waited_for(cwd: Path, make: Callable[[Path], None]) -> None:
    make(cwd / ".env")
    with pytest.raises(Usage, match=r"\.env is not a file") as caught:
        read_dotenv(cwd)
    assert caught.value.hint


def test_a_dotenv_without_end_is_refused(cwd: Path) -> None:
    write(cwd / ".env", b"A=1\n" * 300_000)
    with pytest.raises(Usage, match=r"\.env is longer than 1 MiB"):
        read_dotenv(cwd)


def test_a_dotenv_hidden_behind_the_null_device_says_nothing(cwd: Path) -> None:
    (cwd / ".env").symlink_to(os.devnull)
    assert read_dotenv(cwd) == Dotenv(path=cwd / ".env")


# ---- the target


def test_a_chosen_target_stands(home: Path) -> None:
    settings = Settings(target="aws", sources={"target": "--target"})
    assert choose_target(settings, {}, NO_DOTENV, home) == TargetChoice("aws", "--target")


def test_what_sandbox_env_prints_chooses_the_sandbox(home: Path, cwd: Path, folders: Folders) -> None:
    environ = {"HANDRAIL_TARGET": "sandbox", "AWS_ENDPOINT_URL": "http://127.0.0.1:4", **KEYS}
    settings = load({}, environ, cwd, folders)
    choice = choose_target(settings, environ, NO_DOTENV, home)
    assert choice == TargetChoice("sandbox", "HANDRAIL_TARGET (environment)")


def test_with_nothing_of_aws_in_sight_it_is_the_sandbox(home: Path) -> None:
    write(home / ".aws" / "config", "# nothing\n")
    environ = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "", "PATH": "/bin"}
    dotenv = Dotenv(values={"AWS_DEFAULT_REGION": "eu-west-1"}, ignored=("HANDRAIL_TARGET",))
    assert choose_target(Settings(), environ, dotenv, home).target == "sandbox"


@pytest.mark.parametrize(
    "variable",
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_EC2",
    ],
)
def test_a_variable_of_aws_and_no_target_asks(variable: str, home: Path, cwd: Path, folders: Folders) -> None:
    environ = {variable: "x"}
    with pytest.raises(TargetNotChosen) as caught:
        choose_target(load({}, environ, cwd, folders), environ, NO_DOTENV, home)
    assert caught.value.seen == (f"{variable} (environment)",)
    assert caught.value.exit_code == 2
    assert "--target sandbox" in caught.value.hint
    assert dict(caught.value.facts)["seen"] == f"{variable} (environment)"


@pytest.mark.parametrize(
    ("dotenv", "seen"),
    [
        (Dotenv(values=KEYS), ("AWS_ACCESS_KEY_ID (.env)", "AWS_SECRET_ACCESS_KEY (.env)")),
        (Dotenv(values={"AWS_PROFILE": "team"}), ("AWS_PROFILE (.env)",)),
        (Dotenv(ignored=("AWS_ENDPOINT_URL",)), ("AWS_ENDPOINT_URL (.env)",)),
    ],
)
def test_a_dotenv_of_aws_and_no_target_asks(dotenv: Dotenv, seen: tuple[str, ...], home: Path) -> None:
    with pytest.raises(TargetNotChosen) as caught:
        choose_target(Settings(), {}, dotenv, home)
    assert caught.value.seen == seen


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({}, ".aws/config"),
        ({}, ".aws/credentials"),
        ({"AWS_CONFIG_FILE": "~/other"}, "other"),
        ({"AWS_SHARED_CREDENTIALS_FILE": "~/other"}, "other"),
    ],
)
def test_files_of_aws_and_no_target_ask(environ: dict[str, str], path: str, home: Path) -> None:
    write(home / path, "# mine\n [default]\nregion = eu-west-1\n")
    with pytest.raises(TargetNotChosen) as caught:
        choose_target(Settings(), environ, NO_DOTENV, home)
    assert caught.value.seen == (str(home / path),)


def test_files_of_aws_behind_the_null_device_say_nothing(home: Path) -> None:
    environ = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    assert choose_target(Settings(), environ, NO_DOTENV, home).target == "sandbox"
    assert region(Settings(), "aws", environ, NO_DOTENV, home) == ("ca-central-1", "policy")


def test_an_endless_file_of_aws_counts_as_seen(home: Path) -> None:
    with pytest.raises(TargetNotChosen):
        choose_target(Settings(), {"AWS_CONFIG_FILE": "/dev/zero"}, NO_DOTENV, home)


def test_a_file_of_aws_that_can_not_be_read_counts_as_seen(home: Path) -> None:
    (home / ".aws" / "config").mkdir(parents=True)
    with pytest.raises(TargetNotChosen):
        choose_target(Settings(), {}, NO_DOTENV, home)


def test_a_file_of_aws_that_can_not_be_read_is_a_sign_in_that_is_not_set_up(home: Path) -> None:
    (home / ".aws" / "config").mkdir(parents=True)
    with pytest.raises(NotSetUp, match="config is not a file: it is a folder"):
        region(Settings(), "aws", {}, NO_DOTENV, home)


def test_an_absolute_file_is_taken_as_it_is(home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "elsewhere", "[default]\n")
    with pytest.raises(TargetNotChosen) as caught:
        choose_target(Settings(), {"AWS_CONFIG_FILE": str(path)}, NO_DOTENV, home)
    assert caught.value.seen == (str(path),)


# ---- the endpoints

URLS = ("http://h", "https://a.b-c.example.:443/x", "http://127.0.0.1:4566", "http://[::1]:1", "http://localhost")
NO_URLS = ("foo", "h:1", "ftp://h", "http://", "http://h:99999", "http://h:0", "http://h:x", "http://[::1", "http://[x:]",
           "http://a_b", "http://-h", "http://h\n", "http://" + "h." * 130 + "h")  # fmt: skip


@pytest.mark.parametrize("url", [*URLS, *NO_URLS])
def test_a_url_is_what_botocore_takes_and_can_be_connected_to(url: str) -> None:
    assert is_url(url) is (url in URLS)
    if url in URLS:
        assert is_valid_uri(url)


@pytest.mark.parametrize(
    "variable",
    ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SQS", "AWS_EC2_METADATA_SERVICE_ENDPOINT"],
)
def test_every_variable_of_an_endpoint_is_checked(variable: str) -> None:
    check_endpoints({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_EC2": ""})
    with pytest.raises(Usage, match=f"^{variable} is no URL") as caught:
        check_endpoints({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", variable: "foo"})
    assert "foo" not in caught.value.message
    assert (caught.value.hint, caught.value.details) == (f"unset {variable}", {"variable": variable})


@pytest.mark.parametrize("url", ["foo", "usr:secret@127.0.0.1:9", "http://usr:Mk3/z@127.0.0.1:9", {"a": "b"}])
def test_an_endpoint_of_a_profile_is_checked(url: object) -> None:
    good = {"endpoint_url": "http://127.0.0.1:1", "endpoint_url of s3": None}
    check_configured_endpoints("team", good)
    with pytest.raises(Usage, match=r"^the endpoint_url of ec2 that profile team takes is no URL") as caught:
        check_configured_endpoints("team", {**good, "endpoint_url of ec2": url})
    assert (str(url) in caught.value.message, caught.value.details) == (False, {"profile": "team"})


# ---- the profile


@pytest.mark.parametrize(
    ("flags", "environ", "dotenv", "expected"),
    [
        ({"profile": "a"}, {**KEYS, "AWS_PROFILE": "b"}, {"AWS_PROFILE": "c"}, ("a", "--profile")),
        ({}, {**KEYS, "HANDRAIL_PROFILE": "h"}, {}, ("h", "HANDRAIL_PROFILE (environment)")),
        ({}, {**KEYS, "AWS_PROFILE": "b"}, {"AWS_PROFILE": "c"}, (None, "")),
        ({}, {"AWS_SESSION_TOKEN": "x"}, {"AWS_PROFILE": "c"}, (None, "")),
        ({}, {"AWS_PROFILE": "b"}, KEYS, ("b", "AWS_PROFILE (environment)")),
        ({}, {"AWS_PROFILE": "b", "AWS_DEFAULT_PROFILE": "d"}, {}, ("d", "AWS_DEFAULT_PROFILE (environment)")),
        ({}, {"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}, {"AWS_PROFILE": "c"}, (None, "")),
        ({}, {}, {**KEYS, "AWS_PROFILE": "c"}, (None, "")),
        ({}, {}, {"AWS_PROFILE": "c"}, ("c", "AWS_PROFILE (.env)")),
        ({}, {}, {}, (None, "default")),
    ],
)
def test_the_profile_in_force(
    flags: dict[str, object],
    environ: dict[str, str],
    dotenv: dict[str, str],
    expected: tuple[str | None, str],
    cwd: Path,
    folders: Folders,
) -> None:
    assert profile_of(load(flags, environ, cwd, folders), environ, Dotenv(values=dotenv)) == expected


def test_a_remembered_profile_comes_last(cwd: Path, folders: Folders) -> None:
    write(folders.settings, 'profile = "team"')
    settings = load({}, {}, cwd, folders)
    assert profile_of(settings, {}, NO_DOTENV) == ("team", f"profile in {folders.settings}")
    assert profile_of(settings, {}, Dotenv(values=KEYS)) == (None, "")
    assert has_keys(KEYS)


# ---- the region

CONFIG = "[default]\nregion = eu-west-1\n[profile team]\nregion = eu-west-2\n"


def region(settings: Settings, target: str, environ: dict[str, str], dotenv: Dotenv, home: Path) -> tuple[str, str]:
    chosen = choose_region(settings, target, environ, dotenv, home, fallback="ca-central-1")
    return str(chosen.region), chosen.source("region")


def test_the_order_of_regions(home: Path) -> None:
    write(home / ".aws" / "config", CONFIG)
    said = Settings(region="sa-east-1", sources={"region": "--region"})
    team = Settings(profile="team", sources={"profile": "--profile", "output": "--output"})
    dotenv = Dotenv(values={"AWS_DEFAULT_REGION": "ap-south-1"})
    assert region(said, "aws", {}, dotenv, home) == ("sa-east-1", "--region")
    assert region(team, "aws", {}, dotenv, home) == ("ap-south-1", ".env")
    assert region(team, "aws", {}, Dotenv(values={"AWS_REGION": "ap-south-2"}), home) == ("ap-south-2", ".env")
    assert region(team, "aws", {}, NO_DOTENV, home) == ("eu-west-2", "profile team")
    assert region(Settings(), "aws", {}, NO_DOTENV, home) == ("eu-west-1", "profile default")
    assert region(Settings(), "aws", {"AWS_CONFIG_FILE": "/none"}, NO_DOTENV, home) == ("ca-central-1", "policy")
    assert choose_region(team, "aws", {}, NO_DOTENV, home).source("output") == "--output"


def test_the_sandbox_looks_at_no_file_of_aws(home: Path) -> None:
    write(home / ".aws" / "config", CONFIG)
    dotenv = Dotenv(values={"AWS_REGION": "ap-south-1"})
    assert region(Settings(), "sandbox", {}, dotenv, home) == ("ca-central-1", "policy")
    chosen = choose_region(Settings(), "sandbox", {}, dotenv, home)
    assert (chosen.region, chosen.source("region")) == ("us-east-1", "default")


def test_a_region_of_the_credentials_file_counts(home: Path) -> None:
    write(home / ".aws" / "credentials", "[team]\nregion = eu-west-3\n")
    settings = Settings(profile="team", sources={"profile": "--profile"})
    assert region(settings, "aws", {}, NO_DOTENV, home) == ("eu-west-3", "profile team")


def test_a_bad_region_names_where_it_stands(home: Path) -> None:
    with pytest.raises(Usage, match=r'"us-west-2b", said by \.env, is a zone'):
        region(Settings(), "aws", {}, Dotenv(values={"AWS_REGION": "us-west-2b"}), home)


@pytest.mark.parametrize("data", ["region = x", b"[default]\nregion = \xff"])
def test_a_broken_config_names_the_file(home: Path, data: str | bytes) -> None:
    path = write(home / ".aws" / "config", data)
    with pytest.raises(BadCredentials, match="can't be understood") as caught:
        region(Settings(), "aws", {}, NO_DOTENV, home)
    assert str(path) in caught.value.hint
    assert caught.value.details == {"looked": str(path)}


# ---- the policy's files


def test_without_any_file_the_built_in_policy_holds(cwd: Path, folders: Folders) -> None:
    assert find_policies(Settings(), cwd, folders) == (BUILT_IN,)


def test_a_named_policy_is_the_only_one(cwd: Path, folders: Folders) -> None:
    path = write(cwd / "mine.toml", "[ec2]")
    write(cwd / "handrail.toml", "")
    (only,) = find_policies(Settings(policy=path), cwd, folders)
    assert (only.data, only.label, only.path, only.narrows) == (b"[ec2]", str(path), path, False)


@pytest.mark.parametrize("name", ["policy.toml", "handrail.toml"])
def test_the_users_policy(cwd: Path, folders: Folders, name: str) -> None:
    path = write(folders.config / name, "x")
    assert [(policy.path, policy.narrows) for policy in find_policies(Settings(), cwd, folders)] == [(path, False)]


def test_a_project_file_only_narrows_what_holds_without_it(cwd: Path, folders: Folders) -> None:
    near = write(cwd.parent / "handrail.toml", "near")
    narrowing, holding = find_policies(Settings(), cwd, folders)
    assert (narrowing.path, narrowing.data, narrowing.narrows, holding) == (near, b"near", True, BUILT_IN)
    own = write(folders.config / "policy.toml", "own")
    assert [policy.path for policy in find_policies(Settings(), cwd, folders)] == [near, own]


def test_the_users_policy_found_twice_is_one(folders: Folders) -> None:
    own = write(folders.config / "handrail.toml", "own")
    assert [policy.path for policy in find_policies(Settings(), folders.config, folders)] == [own]


def test_a_named_policy_that_is_not_there_is_refused(cwd: Path, folders: Folders) -> None:
    settings = Settings(policy=cwd / "no.toml", sources={"policy": "HANDRAIL_POLICY (environment)"})
    with pytest.raises(Usage, match="does not exist") as caught:
        find_policies(settings, cwd, folders)
    assert "HANDRAIL_POLICY (environment)" in caught.value.hint


def test_a_policy_that_can_not_be_read_is_refused(cwd: Path, folders: Folders) -> None:
    with pytest.raises(Usage, match=r"the policy .* is not a file: it is a folder"):
        find_policies(Settings(policy=cwd, sources={"policy": "--policy"}), cwd, folders)


def test_a_policy_without_end_is_refused(cwd: Path, folders: Folders) -> None:
    named = Settings(policy=Path("/dev/zero"), sources={"policy": "--policy"})
    with pytest.raises(Usage, match=r"the policy /dev/zero is longer than 1 MiB\.") as caught:
        find_policies(named, cwd, folders)
    assert "--policy" in caught.value.hint
    found = write(cwd / "handrail.toml", b"#" * (1024 * 1024 + 1))
    with pytest.raises(Usage, match=f"the policy {found} is longer than 1 MiB"):
        find_policies(Settings(), cwd, folders)


def test_a_named_policy_may_come_through_a_pipe_and_a_found_one_not(cwd: Path, folders: Folders) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"[ec2]")
    os.close(writer)
    try:
        (only,) = find_policies(Settings(policy=Path(f"/dev/fd/{reader}")), cwd, folders)
    finally:
        os.close(reader)
    assert only.data == b"[ec2]"
    os.mkfifo(cwd / "handrail.toml")
    with pytest.raises(Usage, match=r"handrail\.toml is not a file: it is a pipe"):
        find_policies(Settings(), cwd, folders)
