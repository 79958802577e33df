"""Anchors as text: what is one, what it is called in a bucket, and where two contradict each other."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from handrail.ledger.anchors import (
    Anchor,
    NewerAnchor,
    anchor_of,
    contradictions,
    folder_of,
    found_at,
    gone,
    key_of,
    pins_of,
    text_of,
)
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


GOOD = {"handrail_anchor": 1, "account": "1", "region": "here", "at": "", "heads": {"a": {"seq": 3, "hash": "x"}}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("handrail_anchor", value) for value in (None, 0, -1, True, 1.0, "1")),
        *(("heads", {"a": {"seq": value, "hash": "x"}}) for value in (2.9, True, "2", -5, None, 2**63)),
        ("heads", {"a": {"seq": 3, "hash": None}}),
        ("heads", {"a": {"seq": 3}}),
        ("account", 1),
        ("region", None),
        ("at", [1]),
    ],
)
def test_a_member_that_no_handrail_has_written(name: str, value: Any) -> None:
    assert anchor_of(json.dumps(GOOD).encode()).heads == {"a": Head(3, "x")}
    with pytest.raises(ValueError, match="no anchor"):
        anchor_of(json.dumps({**GOOD, name: value}).encode())
    if name == "handrail_anchor":
        without = {key: one for key, one in GOOD.items() if key != name}
        with pytest.raises(ValueError, match="no anchor"):
            anchor_of(json.dumps(without).encode())


def test_an_anchor_of_a_newer_version_says_so() -> None:
    with pytest.raises(NewerAnchor):
        anchor_of(b'{"handrail_anchor": 2, "tree": []}')


def test_another_text_or_ledger_is_not_the_anchor_of_a_key() -> None:
    one, other = anchor(a=Head(3, "x")), anchor(a=Head(3, "y"))
    elsewhere = anchor(region="there")
    for key, text in ((key_of(one, NOW), text_of(other)), (key_of(elsewhere, NOW), text_of(elsewhere))):
        with pytest.raises(ValueError, match=r"not (the|an) anchor"):
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


def test_invented_heads_are_one_fault_per_anchor() -> None:
    many = {f"c{n:04}": Head(1, "x") for n in range(3000)}
    other = {chain: Head(1, "y") for chain in many}
    (fault,) = contradictions([Anchor("1", "here", "", many, "one"), Anchor("1", "here", "", other, "two")])
    assert (fault.chain, fault.seq) == ("c0000", 1)
    assert "which is older (and so of 2,999 more): one of them is forged" in fault.text
    (fault,) = gone([Anchor("1", "here", "", many, "one")], {"a"})
    assert (fault.chain, fault.kind, fault.severity) == ("-", "cut", "broken")
    assert fault.text == "3,000 chains that one knew have no entry, the first of them c0000"


def test_chains_that_are_gone_are_told_by_the_anchor_that_knew_most() -> None:
    anchors = [
        anchor("one", a=Head(3, "x"), b=Head(0, "")),
        anchor("two", a=Head(5, "x")),
        anchor("three", a=Head(5, "x")),
    ]
    (fault,) = gone(anchors, set())
    assert (fault.chain, fault.seq, fault.text) == ("a", 1, "it has no entry, and two knew 5")
    assert gone(anchors, {"a"}) == []
