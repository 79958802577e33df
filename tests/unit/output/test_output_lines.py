"""Safe characters, widths, wrapping and blocks."""

from hypothesis import given
from hypothesis import strategies as st

from handrail.output.lines import CONTROL, block, ends, escape, fit, hang, pad, sentence, width, wrap

ANY_TEXT = st.text(st.characters(), max_size=40)  # lone surrogates too: file names and arguments can hold them


@given(ANY_TEXT)
def test_no_control_character_survives(text: str) -> None:
    assert not CONTROL.search(escape(text))
    assert not CONTROL.search(sentence(text))


def test_control_characters_are_written_out() -> None:
    assert escape("a\x1b[31mred\u202e\ud800\n") == "a\\x1b[31mred\\u202e\\ud800\\n"
    assert sentence("AWS said:\nno\x07") == "AWS said: no\\x07"


def test_scripts_keep_their_joiners_and_accents() -> None:
    assert escape("naïve \u0928\u094d\u200d") == "naïve \u0928\u094d\u200d"


def test_width_counts_columns() -> None:
    assert [width(text) for text in ("web", "データ", "e\u0301", "é·…")] == [3, 6, 1, 3]
    assert pad("東", 4) == "東  "


def test_fit_cuts_to_columns() -> None:
    assert fit("short", 5) == "short"
    assert fit("much longer", 6) == "much …"
    assert fit("データベース", 6) == "デー…"
    assert fit("東京", 1) == "…"


@given(st.text(st.sampled_from("ab 東"), max_size=80), st.integers(2, 30))
def test_wrapping_loses_no_word(text: str, columns: int) -> None:
    parts = wrap(text, columns)
    assert " ".join(parts).split() == text.split()
    assert all(width(part) <= columns or " " not in part.strip() for part in parts)


def test_hang_indents_what_goes_on() -> None:
    assert list(hang("error: ", "one two three four five six", 27)) == ["error: one two three four", "       five six"]
    assert list(hang("error: ", "one two three four five six", None)) == ["error: one two three four five six"]


def test_block_aligns_labels_and_lines() -> None:
    facts = [("rule", "ec2.max_running = 2"), ("running", "web  3 h\napi  2 d"), ("", ""), ("try", "x")]
    assert "\n".join(block(facts)) == (
        "  rule      ec2.max_running = 2\n  running   web  3 h\n            api  2 d\n\n  try       x"
    )


def test_a_long_label_widens_the_block() -> None:
    assert list(block([("a", "1"), ("availability zone", "2")])) == [
        "  a                  1",
        "  availability zone  2",
    ]


def test_block_wraps_texts_but_never_commands() -> None:
    facts = [("cost", "one two three four five"), ("try", "handrail ec2 create --type t3.nano")]
    assert list(block(facts, 32)) == [
        "  cost      one two three four",
        "            five",
        "  try       handrail ec2 create --type t3.nano",
    ]


def test_block_breaks_what_is_copied_between_its_parts() -> None:
    facts = [("log in", "ssh ubuntu@54.214.141.28 · no key pair was given: create with --key-pair to log in")]
    assert list(block(facts, 80)) == [
        "  log in    ssh ubuntu@54.214.141.28",
        "            no key pair was given: create with --key-pair to log in",
    ]
    assert list(block(facts, 45)) == [
        "  log in    ssh ubuntu@54.214.141.28",
        "            no key pair was given: create",
        "            with --key-pair to log in",
    ]
    assert [len(list(block(facts, room))) for room in (None, 100)] == [1, 1]


def test_ends_of_a_line() -> None:
    assert ends("left", "right", 14) == "left     right"
    assert ends("too long", "right", 10) == "too long  right"
    assert ends("alone", "", 80) == "alone"
