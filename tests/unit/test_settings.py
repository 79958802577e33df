"""Who may say a setting, in which order, and what is answered to a bad one."""

from pathlib import Path

import pytest

from handrail.core.errors import Usage
from handrail.files import Folders
from handrail.settings import Settings, check_lease_times, load, read_user_file, remember


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    home = tmp_path / "home"
    return Folders(config=home / "config", state=home / "state", cache=home / "cache", sandbox=home / "box", home=home)


def user_file(folders: Folders, text: str) -> None:
    folders.config.mkdir(parents=True, exist_ok=True)
    folders.settings.write_text(text)


def test_nothing_said_gives_the_defaults(folders: Folders, tmp_path: Path) -> None:
    settings = load({}, {}, tmp_path, folders)
    assert settings == Settings()
    assert settings.source("region") == "default"


def test_folders_come_from_the_environment_where_none_are_given(tmp_path: Path) -> None:
    (tmp_path / "handrail").mkdir()
    (tmp_path / "handrail" / "settings.toml").write_text('target = "aws"')
    settings = load({}, {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}, tmp_path)
    assert settings.target == "aws"


def test_flag_before_environment_before_user_file(folders: Folders, tmp_path: Path) -> None:
    user_file(folders, 'output = "csv"')
    environ = {"HANDRAIL_OUTPUT": "json"}
    said = [
        load({"output": "yaml"}, environ, tmp_path, folders),
        load({"output": None}, environ, tmp_path, folders),
        load({}, {}, tmp_path, folders),
    ]
    assert [(settings.output, settings.source("output")) for settings in said] == [
        ("yaml", "--output"),
        ("json", "HANDRAIL_OUTPUT (environment)"),
        ("csv", f"output in {folders.settings}"),
    ]


def test_every_global_option_has_its_variable(folders: Folders, tmp_path: Path) -> None:
    environ = {
        "HANDRAIL_OUTPUT": "json",
        "HANDRAIL_QUERY": "[].id",
        "HANDRAIL_TARGET": "sandbox",
        "HANDRAIL_PROFILE": "team",
        "HANDRAIL_REGION": "eu-west-1",
        "HANDRAIL_POLICY": "team.toml",
        "HANDRAIL_YES": "Yes",
        "HANDRAIL_NO_INPUT": "1",
        "HANDRAIL_QUIET": "on",
        "HANDRAIL_VERBOSE": "2",
        "HANDRAIL_LOG_FILE": "/var/log/handrail",
        "HANDRAIL_NO_COLOR": "true",
        "HANDRAIL_HOME_REGION": "eu-central-1",
    }
    settings = load({}, environ, tmp_path, folders)
    assert settings == Settings(
        output="json",
        query="[].id",
        target="sandbox",
        profile="team",
        region="eu-west-1",
        policy=tmp_path / "team.toml",
        yes=True,
        no_input=True,
        quiet=True,
        verbose=2,
        log_file=Path("/var/log/handrail"),
        color=False,
        home_region="eu-central-1",
        sources=settings.sources,
    )
    assert settings.source("home_region") == "HANDRAIL_HOME_REGION (environment)"


def test_flags_of_every_kind(folders: Folders, tmp_path: Path) -> None:
    flags = {"yes": True, "no_color": True, "verbose": 3, "policy": Path("p.toml"), "quiet": False, "no_input": None}
    settings = load(flags, {"HANDRAIL_QUIET": "yes", "HANDRAIL_NO_INPUT": "off"}, tmp_path, folders)
    assert (settings.yes, settings.color, settings.verbose, settings.quiet, settings.no_input) == (
        True,
        False,
        2,
        True,
        False,
    )
    assert settings.policy == tmp_path / "p.toml"
    assert settings.source("color") == "--no-color"


@pytest.mark.parametrize(
    ("environ", "color"),
    [
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"HANDRAIL_NO_COLOR": "no", "NO_COLOR": "1"}, True),
    ],
)
def test_no_color(environ: dict[str, str], color: bool, folders: Folders, tmp_path: Path) -> None:
    assert load({}, environ, tmp_path, folders).color is color


def test_region_and_profile_have_the_variables_of_aws(folders: Folders, tmp_path: Path) -> None:
    environ = {"AWS_DEFAULT_REGION": "eu-west-2", "AWS_PROFILE": "team"}
    settings = load({}, environ, tmp_path, folders)
    assert (settings.region, settings.source("region")) == ("eu-west-2", "AWS_DEFAULT_REGION (environment)")
    assert (settings.profile, settings.source("profile")) == ("team", "AWS_PROFILE (environment)")
    settings = load({}, {**environ, "AWS_REGION": "eu-west-1"}, tmp_path, folders)
    assert settings.source("region") == "AWS_REGION (environment)"


@pytest.mark.parametrize(
    ("flags", "environ", "message", "hint"),
    [
        (
            {},
            {"HANDRAIL_OUTPUT": "xml"},
            'HANDRAIL_OUTPUT (environment) can\'t be "xml".',
            "takes table, json, csv, yaml",
        ),
        ({}, {"HANDRAIL_OUTPUT": "jsn"}, 'can\'t be "jsn"', "did you mean json?"),
        ({}, {"HANDRAIL_YES": "maybe"}, 'HANDRAIL_YES (environment) can\'t be "maybe".', "takes 1, true, yes, on, 0"),
        ({}, {"HANDRAIL_VERBOSE": "9"}, "HANDRAIL_VERBOSE (environment)", "takes 0, 1, 2"),
        ({"target": "prod"}, {}, '--target can\'t be "prod".', "takes sandbox, aws"),
        ({"region": "us-west-2a"}, {}, '"us-west-2a", said by --region, is a zone', "--region us-west-2"),
        (
            {},
            {"AWS_REGION": "us-wst-2"},
            "said by AWS_REGION (environment), is not an AWS region",
            "--region us-west-2",
        ),
        ({"query": 3}, {}, "--query takes text", "quotes"),
        (
            {},
            {"HANDRAIL_HOME_REGION": "eu-wst-1"},
            "said by HANDRAIL_HOME_REGION (environment), is not an AWS region",
            "export HANDRAIL_HOME_REGION=eu-west-1",
        ),
        ({}, {"HANDRAIL_HOME_REGION": "eu-west-1a"}, "is a zone", "export HANDRAIL_HOME_REGION=eu-west-1"),
        ({}, {"HANDRAIL_HOME_REGION": "!"}, "is not an AWS region", "export HANDRAIL_HOME_REGION=us-east-1"),
    ],
)
def test_a_bad_value_names_who_said_it_and_what_would_do(
    flags: dict[str, object], environ: dict[str, str], message: str, hint: str, folders: Folders, tmp_path: Path
) -> None:
    with pytest.raises(Usage) as caught:
        load(flags, environ, tmp_path, folders)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            'output = "csv"\nregon = "x"',
            'line 2: "regon" is not a setting',
            "settings.toml takes output, target, profile",
        ),
        ('# targt\n"targt" = "aws"', 'line 2: "targt" is not a setting', "did you mean target?"),
        ("[profile]\n[targets]", 'line 2: "targets" is not a setting', "did you mean target?"),
        ("target = ", "is not valid TOML", "mend that line"),
        ("output = 3", "output in", "takes table, json"),
        ("profile = 3", "takes text", "quotes"),
    ],
)
def test_a_bad_user_file_names_the_line(text: str, message: str, hint: str, folders: Folders, tmp_path: Path) -> None:
    user_file(folders, text)
    with pytest.raises(Usage) as caught:
        load({}, {}, tmp_path, folders)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_binary_user_file_is_refused(folders: Folders, tmp_path: Path) -> None:
    user_file(folders, "")
    folders.settings.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Usage, match="is not a text file"):
        load({}, {}, tmp_path, folders)


def test_an_unreadable_user_file_is_refused(folders: Folders, tmp_path: Path) -> None:
    folders.settings.mkdir(parents=True)
    with pytest.raises(Usage, match="is not a file: it is a folder"):
        load({}, {}, tmp_path, folders)


def test_a_target_is_remembered_and_other_lines_stay(folders: Folders, tmp_path: Path) -> None:
    user_file(folders, '# mine\noutput = "csv"\ntarget = "aws"\nprofile = "old"\n')
    assert remember(folders, "aws", 'te"am') == folders.settings
    assert folders.settings.read_text() == 'target = "aws"\nprofile = "te\\"am"\n# mine\noutput = "csv"\n'
    settings = load({}, {}, tmp_path, folders)
    assert (settings.target, settings.profile, settings.output) == ("aws", 'te"am', "csv")
    remember(folders, "sandbox")
    assert read_user_file(folders.settings).values == {"target": "sandbox", "output": "csv"}


def test_the_first_memory_makes_the_file(folders: Folders, tmp_path: Path) -> None:
    remember(folders, "sandbox")
    settings = load({}, {}, tmp_path, folders)
    assert (settings.target, settings.source("target")) == ("sandbox", f"target in {folders.settings}")


def test_lease_times_are_for_the_sandbox_only() -> None:
    environ = {"HANDRAIL_LEASE_L": "5", "HANDRAIL_LEASE_E": "0.25", "HANDRAIL_LEASE_V": "", "OTHER": "x"}
    check_lease_times(environ, True)
    check_lease_times({"HANDRAIL_LEASE_W": ""}, False)
    with pytest.raises(Usage, match="HANDRAIL_LEASE_E works on the sandbox only") as caught:
        check_lease_times(environ, False)
    assert caught.value.hint == "unset HANDRAIL_LEASE_E, or say --target sandbox"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("HANDRAIL_LEASE_X", "5", 'HANDRAIL_LEASE_ can\'t be "X"'),
        ("HANDRAIL_LEASE_L", "soon", "HANDRAIL_LEASE_L takes seconds"),
        ("HANDRAIL_LEASE_L", "-1", "HANDRAIL_LEASE_L takes seconds"),
    ],
)
def test_a_bad_lease_time_is_refused(variable: str, value: str, message: str) -> None:
    with pytest.raises(Usage, match=message):
        check_lease_times({variable: value}, True)
