"""The policy file: what is taken, what is refused and on which line, and the file that `policy init` writes."""

import re
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.core.errors import Usage
from handrail.core.policy.document import (
    MAX_BYTES,
    MAX_LINE,
    MAX_PROBLEMS,
    OPEN,
    STRICT,
    builtin,
    init_text,
    lines_of,
    parse_policy,
)
from handrail.core.policy.keys import KEYS, PRESETS

FILE = "handrail.toml"


def fault(text: str | bytes) -> Usage:
    with pytest.raises(Usage) as caught:
        parse_policy(text, FILE)
    return caught.value


def test_an_empty_file_says_what_strict_says() -> None:
    assert parse_policy(b"", FILE) == STRICT == parse_policy("\ufeffpreset = 'strict'\r\n".encode(), FILE)
    assert STRICT.source == "built-in strict"
    assert STRICT.origin("ec2.types") == "built-in strict"
    assert "ec2.types" not in repr(STRICT)
    assert hash(STRICT) is not None


def test_strict_is_what_the_contract_says() -> None:
    assert STRICT.value("ec2.types") == ("t3.nano", "t4g.nano")
    assert STRICT.value("ec2.max_running") == 2
    assert STRICT.value("ec2.images") == ("ubuntu", "amazon-linux")
    assert STRICT.value("ec2.regions") is None
    assert STRICT.value("s3.public") == "approval"
    assert STRICT.value("others") == "ask"
    assert {STRICT.value(f"{service}.manage") for service in ("ec2", "s3", "route53")} == {"own"}
    assert all(STRICT.value(f"ec2.{key}") is None for key in ("key_pairs", "security_groups", "subnets"))
    assert STRICT.value("ec2.user_data") is True


def test_open_has_no_cap_and_any_type() -> None:
    assert OPEN.value("ec2.types") == ("*",)
    assert OPEN.value("ec2.max_running") is None
    assert OPEN.value("ec2.manage") == "any"
    assert parse_policy('preset = "open"', FILE) == OPEN != STRICT


EVERYWHERE = """preset = "open"
accounts = [ # "]
  "111122223333",
]
[ec2]
names = ['[', "\\"=", '''
[s3]''']
"max_running" = 3
[ec2.required_tags]
team = "a*"
[s3]
versioning=true # [route53]

[  route53 ]
ttl_min = 5
"""


def test_values_stand_where_they_were_written() -> None:
    policy = parse_policy(EVERYWHERE, FILE)
    found = {key: policy.origin(key) for key in KEYS if policy.origin(key) != "built-in open"}
    assert found == {
        "preset": f"{FILE}:1",
        "accounts": f"{FILE}:2",
        "ec2.names": f"{FILE}:6",
        "ec2.max_running": f"{FILE}:8",
        "ec2.required_tags": f"{FILE}:9",
        "s3.versioning": f"{FILE}:12",
        "route53.ttl_min": f"{FILE}:15",
    }
    assert policy.value("ec2.required_tags") == (("team", "a*"),)
    assert policy.value("ec2.names") == ("[", '"=', "[s3]")


def test_lines_of_strings_with_many_lines_dotted_keys_and_inline_tables() -> None:
    text = 'a = """\n[x]\nb = 1""""\n[[t]]\n"q.r".s = \'\'\'\n=\n\'\'\'\n'
    text += 'u = { v = 1, w = [\n 1 ] }\n[x."y z"]\nlast.one.of.all=1'
    assert lines_of(text) == {
        ("a",): 1,
        ("t",): 4,
        ("t", "q.r"): 5,
        ("t", "q.r", "s"): 5,
        ("t", "u"): 8,
        ("x",): 10,
        ("x", "y z"): 10,
        ("x", "y z", "last"): 11,
    }


def test_inline_and_dotted_tables_are_the_same_policy() -> None:
    table = parse_policy('[ec2]\ntypes = ["t3.nano"]', FILE)
    assert table == parse_policy('ec2.types = ["t3.nano"]', FILE) == parse_policy('ec2={types=["t3.nano"]}', FILE)


@pytest.mark.parametrize(
    ("text", "line", "said", "hint"),
    [
        ("preset = 'lax'", 1, "preset can't be \"lax\".", "one of"),
        ("preset = 'opne'", 1, 'preset can\'t be "opne".', 'did you mean "open"?'),
        ("preset = 3", 1, "preset can't be 3.", 'preset is one of "strict", "open", such as "strict"'),
        ("\n[ec2]\ntyps = []", 3, "ec2.typs is not a policy key.", "did you mean ec2.types?"),
        ("types = ['t3.nano']", 1, "types is not a policy key.", "did you mean ec2.types?"),
        ("names = ['x']", 1, "names is not a policy key.", "did you mean ec2.names or s3.names?"),
        ("'ec2.types' = ['t3.nano']", 1, '"ec2.types" is not a policy key.', "did you mean ec2.types?"),
        ("[ec2]\nhome_region='us-east-1'", 2, "ec2.home_region is not a policy key.", "home_region stands at the top"),
        ("[ec2]\nttl_mim=1", 2, "ec2.ttl_mim is not a policy key.", "did you mean route53.ttl_min?"),
        ("acounts=[]", 1, "acounts is not a policy key.", "did you mean accounts?"),
        ("[s3]\nqqqqqqqq=1", 2, "s3.qqqqqqqq is not a policy key.", "the keys here are public, names"),
        ("qqqqqqqq=1", 1, "qqqqqqqq is not a policy key.", "the keys here are preset, accounts"),
        ("[ec3]\nx=1", 1, "[ec3] is not a table of the policy.", "did you mean [ec2]?"),
        ("\n[billing]", 2, "[billing] is not a table of the policy.", "the tables are [ec2], [s3], [route53]"),
        ("\nec2 = { typs = 1 }", 2, "ec2.typs is not a policy key.", "did you mean ec2.types?"),
        ("[ec2.types]\nx=1", 1, "ec2.types can't be a table.", "ec2.types is a list of"),
        ("ec2 = 5", 1, "ec2 can't be 5.", "write [ec2], its keys below it"),
        ("[[ec2]]\ntypes=1", 1, "ec2 can't be a list.", "write [ec2]"),
        ("[ec2]\ntypes='t3.nano'", 2, 'ec2.types can\'t be "t3.nano".', "ec2.types is a list of instance types"),
        ("[ec2]\ntypes=[1]", 2, "ec2.types can't hold 1.", "such as"),
        ("[ec2]\ntypes=['t3 nano']", 2, 'ec2.types can\'t hold "t3 nano".', "such as"),
        ("[ec2]\ntypes=['']", 2, 'ec2.types can\'t hold "".', "such as"),
        ("[ec2]\nimages=['ubunto']", 2, 'ec2.images can\'t hold "ubunto".', 'did you mean "ubuntu"?'),
        ("[ec2]\nregions=['us-esat-1']", 2, 'ec2.regions can\'t hold "us-esat-1".', 'did you mean "us-'),
        ("home_region='eu-*'", 1, 'home_region can\'t hold "eu-*".', ""),
        ("home_region=1979-05-27", 1, "home_region can't be 1979-05-27.", ""),
        ("accounts=[111122223333]", 1, "accounts can't hold 111122223333.", "as text"),
        ("accounts=['1111']", 1, 'accounts can\'t hold "1111".', "account numbers"),
        ("accounts=[]", 1, "accounts can't be an empty list.", "leave accounts out"),
        ("[ec2]\nmax_running=-1", 2, "ec2.max_running can't be -1.", 'a whole number or "none"'),
        ("[ec2]\nmax_running=true", 2, "ec2.max_running can't be true.", ""),
        ("[ec2]\nmax_running='two'", 2, 'ec2.max_running can\'t be "two".', ""),
        ("[route53]\nttl_min='none'", 2, 'route53.ttl_min can\'t be "none".', ""),
        ("[ec2]\nuser_data='no'", 2, 'ec2.user_data can\'t be "no".', "true or false"),
        ("[ec2]\nnames=['{user}-*']", 2, 'ec2.names can\'t hold "{user}-*".', "the only placeholder is {owner}"),
        ("[ec2]\nkey_pairs=[\"a\\u0007\"]", 2, 'ec2.key_pairs can\'t hold "a\\x07".', ""),
        ("[ec2]\nrequired_tags=7", 2, "ec2.required_tags can't be 7.", ""),
        ("[ec2]\nrequired_tags={team=1}", 2, 'ec2.required_tags can\'t hold 1 for "team".', ""),
        ("[ec2]\nrequired_tags=['managed-by']", 2, "ec2.required_tags can't require", "no tag that a person may give"),
        (f"[ec2]\nrequired_tags=['{'x' * 129}']", 2, "ec2.required_tags can't hold", "128 characters"),
        ("[route53]\nrecord_types=['AAA']", 2, 'route53.record_types can\'t hold "AAA".', 'did you mean "AAAA"?'),
        ("[route53]\nzone_suffixes=['*.a.org']", 2, "route53.zone_suffixes can't hold", 'write "a.org"'),
        ("[route53]\nzone_suffixes=['a..b']", 2, "route53.zone_suffixes can't hold", ""),
        ("[route53]\nttl_min=60\nttl_max=9", 3, "route53.ttl_max can't be 9", "lower ttl_min"),
        ("[ec2]\ndefault_type='m5.large'", 2, "ec2.types forbids it", "ec2.types lists t3.nano, t4g.nano"),
        ("[ec2]\nsubnets=[]\ndefault_subnet='subnet-0a1b2c3d'", 3, "ec2.subnets forbids it", "lists nothing"),
        ("[ec2]\nsecurity_groups=['a*']\ndefault_security_groups=['ab','b']", 3, 'can\'t be "b"', ""),
        ("a = \n", 1, "this is not TOML: Invalid value.", "text stands in quotes"),
        ("a = 1\n\nb = [\n1,", 4, "this is not TOML", ""),
        ("preset='open'\npreset='open'", 2, "this is not TOML", ""),
        ("a=" + "[" * 3000, 1, "too deeply nested", ""),
        ("a=" + "9" * (MAX_LINE - 10), 1, "a is not a policy key", ""),
        ("\n\na='" + "9" * MAX_LINE + "'", 3, "characters.", "4000 at most"),
        ("#\n" * MAX_BYTES, 1, "64 KiB at most", ""),
    ],
)  # fmt: skip
def test_a_fault_names_file_line_key_and_way_out(text: str, line: int, said: str, hint: str) -> None:
    error = fault(text)
    assert error.message.startswith(f"{FILE}:{line}: ")
    assert said in error.message
    assert hint in error.hint
    assert error.exit_code == 2


def test_a_number_that_python_does_not_read() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert fault("a=" + "9" * 700).message == f"{FILE}:1: this is not TOML: a number has too many digits."
    finally:
        sys.set_int_max_str_digits(before)


def test_bytes_that_are_no_text() -> None:
    error = fault(b"preset='open'\n\x89PNG\r\n")
    assert error.message == f"{FILE}:2: this is not UTF-8 text."
    assert "TOML" in error.hint
    assert fault(b"\0").message.startswith(f"{FILE}:1: this is not TOML")


def test_all_faults_are_told_at_once_in_order() -> None:
    error = fault("[s3]\npublic='nver'\n[ec2]\ntyps=[]\nmax_running='two'")
    assert error.message == f'{FILE}:2: s3.public can\'t be "nver".'
    assert [fact[0] for fact in error.facts] == ["line 4", "line 5"]
    assert error.facts[0][1] == "ec2.typs is not a policy key. did you mean ec2.types?"
    assert [(each["line"], each["key"]) for each in error.details["problems"]] == [
        (2, "s3.public"),
        (4, "ec2.typs"),
        (5, "ec2.max_running"),
    ]
    assert error.details["source"] == FILE


def test_a_flood_of_faults_is_cut() -> None:
    assert len(fault("\n".join(f"x{n}=1" for n in range(500))).details["problems"]) == MAX_PROBLEMS


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_usage(data: bytes) -> None:
    with suppress(Usage):
        parse_policy(data, FILE)


SCRAPS = st.sampled_from(
    ["[", "]", "[[", "]]", "ec2", "s3", "types", "required_tags", ".", "=", '"', "'''", '"""', "\n", "{", "}", ",", "#",
     "1", "true", "t3.nano", " ", "\\", "preset", "\r\n", "1979-05-27", "nan"]
)  # fmt: skip


@given(st.lists(SCRAPS, max_size=40))
def test_random_scraps_of_toml_raise_nothing_but_usage(scraps: list[str]) -> None:
    with suppress(Usage):
        parse_policy("".join(scraps), FILE).as_rows()


@pytest.mark.parametrize("preset", PRESETS)
def test_the_file_of_init_says_what_its_preset_says(preset: str) -> None:
    text = init_text(preset)
    assert parse_policy(text, FILE) == builtin(preset)
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"{key.word} = " in text for key in KEYS.values())


@pytest.mark.parametrize("preset", PRESETS)
def test_every_line_of_the_file_of_init_may_be_uncommented(preset: str) -> None:
    lines = init_text(preset).split("\n")
    text = "\n".join(line[1:] if line.startswith("#") and not re.match("# [^ ]", line) else line for line in lines)
    policy = parse_policy(text, FILE)
    for key in KEYS.values():
        default = key.default(preset) if key.name != "preset" else preset
        if default is not None:
            assert policy.value(key.name) == default
        number = int(policy.origin(key.name).rpartition(":")[2])
        assert text.split("\n")[number - 1].startswith(f"{key.word} =")


@pytest.mark.parametrize("key", list(KEYS.values()), ids=list(KEYS))
def test_every_key_is_explained_and_its_example_holds(key: Any) -> None:
    assert key.help.endswith(".")
    assert key.kind
    assert parse_policy(f"{key.name} = {key.example}", FILE).value(key.name) is not None
    assert key.judge or not key.is_claimed


def test_no_cap_is_said_in_a_word() -> None:
    policy = parse_policy("ec2.max_running = 'none'", FILE)
    assert policy.value("ec2.max_running") is None
    assert policy.origin("ec2.max_running") == f"{FILE}:1"
    assert KEYS["ec2.max_running"].toml(None) == '"none"'


def test_rows_for_policy_show() -> None:
    text = "[ec2]\nrequired_tags={team='a*'}\nsubnets=[]\n[s3]\nrequired_tags=['x', 'y']\n"
    rows = {row["key"]: row for row in parse_policy(text, FILE).as_rows()}
    assert list(rows) == list(KEYS)
    assert rows["ec2.types"] == {
        "key": "ec2.types",
        "value": ["t3.nano", "t4g.nano"],
        "text": "t3.nano, t4g.nano",
        "origin": "built-in strict",
        "help": KEYS["ec2.types"].help,
    }
    assert rows["ec2.required_tags"]["value"] == {"team": "a*"}
    assert rows["ec2.required_tags"]["text"] == "team=a*"
    assert rows["s3.required_tags"]["value"] == {"x": "*", "y": "*"}
    assert rows["ec2.subnets"]["text"] == "nothing"
    assert rows["ec2.subnets"]["value"] == []
    assert rows["ec2.user_data"]["text"] == "true"
    assert rows["ec2.max_running"]["text"] == "2"
    assert rows["ec2.max_running_per_owner"]["text"] == "no cap"


WORDS = st.text("abc", min_size=1, max_size=3)
GAPS = st.sampled_from(["", "\n", "# [ec2]\n", "\n# x = '''\n"])
VALUES = st.sampled_from(["1", "[\n1,\n]", "'#'", '"""\n[a]\nb = 1\n"""', "{ x = [\n'}' ] }", "'''\n\"'''", '"\\""'])


@given(st.lists(st.tuples(GAPS, st.booleans(), WORDS, VALUES), max_size=12))
def test_lines_are_right_for_generated_text(parts: list[tuple[str, bool, str, str]]) -> None:
    text, table = "", ""
    wanted: dict[tuple[str, ...], int] = {}
    for number, (gap, header, word, value) in enumerate(parts):
        name = f"{word}{number}"
        text += gap
        line = text.count("\n") + 1
        if header:
            table = name
            text += f"[{name}]\n"
            wanted[(name,)] = line
        else:
            text += f'"{name}" = {value} # = [\n'
            wanted[(table, name) if table else (name,)] = line
    assert lines_of(text) == wanted
