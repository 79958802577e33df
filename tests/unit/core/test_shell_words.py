"""Words of printed lines: a shell reads back what went in, and no word becomes an option."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.core.shell import command, line, option, target, word

HOSTILE = (
    "my web; id", "--all", "-", "$(id)", "`id`", "it's", '"', "a\nb", "a\rb", "*", "~", "~root", "#x", "=ls", "a=b", "",
    " ", "\u202egnp", "\x1b[2J",
    "\udcff\udc80", "a,b", "\\", "\\'\n", "é", "{a,b}", "!!", "\u00a0", "a\t1", "\x007"[1:],
)  # fmt: skip


def words_of(text: str) -> list[str]:
    """Return the words of a line as a shell reads them."""
    read = subprocess.run(["bash", "-c", f"printf '%s\\0' {text}"], capture_output=True, check=True).stdout
    return [one.decode("utf-8", "surrogateescape") for one in read.split(b"\0")[:-1]]


def test_hostile_words_come_back_as_they_were() -> None:
    written = line(*HOSTILE)
    assert words_of(written) == list(HOSTILE)
    assert written.isprintable()


@settings(max_examples=60)
@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12), min_size=1, max_size=12))
def test_any_words_come_back_as_they_were(words: list[str]) -> None:
    written = line(*words)
    assert words_of(written) == words
    assert written.isprintable()


def test_plain_words_stay_plain() -> None:
    assert [word(one) for one in ("web-1", "a/b.c", "k=v", 7, "=ls")] == ["web-1", "a/b.c", "k=v", "7", "'=ls'"]


def test_a_target_never_becomes_an_option() -> None:
    assert target("web") == "web"
    assert target("--all") == "-- --all"
    assert target("-") == "-"
    assert (
        command("ec2 stop", "web", "--all", region="eu-west-1") == "handrail ec2 stop --region eu-west-1 -- web --all"
    )


def test_a_command_is_written_as_people_write_it() -> None:
    assert command("") == "handrail"
    assert command("s3 show", "press") == "handrail s3 show press"
    said = command("s3 update", "press", private=True, tag=("a=b", "c=d e"), key_pair="-x", region=None, public=False)
    assert said == "handrail s3 update press --private --tag a=b --tag 'c=d e' --key-pair=-x"


@pytest.mark.parametrize(("value", "said"), [("web", "--name web"), ("-x", "--name=-x"), ("a b", "--name 'a b'")])
def test_an_option(value: str, said: str) -> None:
    assert option("--name", value) == said
