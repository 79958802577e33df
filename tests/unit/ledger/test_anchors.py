"""Anchors as text: what is one, what it is called in a bucket, and where two contradict each other."""

from datetime import UTC, datetime

import pytest

from handrail.ledger.anchors import Anchor, anchor_of, contradictions, folder_of, found_at, key_of, pins_of, text_of
from handrail.ledger.chain import Head

NOW = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)
FOLDER = folder_of("1", "here")


def anchor(source: str = "one", region: str = "here", **heads: Head) -> Anchor:
    """Return an anchor."""
    return Anchor("1", region, "2026-11-27T01:02:03Z", heads, source)


def test_an_anchor_is_read_as_it_was_written() -> None:
    one = anchor("the anchor", a=Head(3, "x"))
    assert anchor_of(text_of(one).encode()) == one
    key = key_of(one, NOW)
    assert key.startswith(f"{FOLDER}20261127T010203Z-")
    assert found_at(key, text_of(one).encode(), FOLDER).heads == {"a": Head(3, "x")}


@pytest.mark.parametrize("text", [b"", b"5", b"\xff", b"[" * 100_000, b'{"heads": {"a": {"seq": 1e999, "hash": ""}}}'])
def test_what_is_no_anchor(text: bytes) -> None:
    with pytest.raises(ValueError, match="no anchor"):
        anchor_of(text)


def test_another_text_or_ledger_is_not_the_anchor_of_a_key() -> None:
    one, other = anchor(a=Head(3, "x")), anchor(a=Head(3, "y"))
    elsewhere = anchor(region="there")
    for key, text in ((key_of(one, NOW), text_of(other)), (key_of(elsewhere, NOW), text_of(elsewhere))):
        with pytest.raises(ValueError, match="not the anchor"):
            found_at(key, text.encode(), FOLDER)


def test_what_anchors_know_of_a_chain() -> None:
    anchors = [
        anchor("one", a=Head(3, "x")),
        anchor("two", a=Head(3, "x"), b=Head(0, "")),
        anchor("three", a=Head(1, "z")),
    ]
    assert [(pin.head.seq, pin.source) for pin in pins_of("a", anchors)] == [(1, "three"), (3, "one")]
    assert pins_of("b", anchors) == []
    assert contradictions(anchors) == []


def test_two_anchors_that_contradict_each_other() -> None:
    (fault,) = contradictions([anchor("one", a=Head(3, "x")), anchor("two", a=Head(3, "y"))])
    assert (fault.chain, fault.seq, fault.kind, fault.severity) == ("a", 3, "contradiction", "broken")
    assert fault.text == "two knows another entry than one, which is older: one of them is forged"
