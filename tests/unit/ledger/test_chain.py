"""The chain: every way of tampering with it, and what the check says."""

from typing import Any

import pytest

from handrail.ledger.chain import DOUBTFUL, EMPTY, Fault, Head, Pin, alone, digest, link, unlike, unlisted, verify


def chain(length: int) -> list[dict[str, Any]]:
    """Return a sound chain."""
    head, entries = EMPTY, []
    for number in range(length):
        entry = link(head, {"kind": "intent", "request": f"r{number}", "at": number})
        head = Head(entry["seq"], entry["hash"])
        entries.append(entry)
    return entries


def found(entries: list[dict[str, Any]], anchor: Head | None = None) -> list[tuple[int, str]]:
    """Return what is wrong, in short."""
    return [(fault.seq, fault.kind) for fault in verify("c", entries, [Pin(anchor)] if anchor else ())]


def test_a_sound_chain_holds() -> None:
    entries = chain(5)
    assert found(entries) == []
    assert found(entries, Head(5, entries[-1]["hash"])) == []
    assert found(entries, Head(3, entries[2]["hash"])) == []
    assert found(entries, EMPTY) == []
    assert found([]) == []


@pytest.mark.parametrize("at", range(5))
def test_an_edited_entry_is_found(at: int) -> None:
    entries = chain(5)
    entries[at] = {**entries[at], "request": "r9"}
    assert (at + 1, "edited") in found(entries)


def test_an_entry_edited_with_its_hash_is_found_by_the_next_one() -> None:
    entries = chain(5)
    changed = {**entries[2], "request": "r9"}
    entries[2] = {**changed, "hash": digest(changed)}
    assert found(entries) == [(4, "reordered")]


@pytest.mark.parametrize("at", [0, 2])
def test_a_removed_entry_is_found(at: int) -> None:
    entries = chain(5)
    del entries[at]
    assert found(entries) == [(at + 2, "removed")]


def test_several_removed_entries_are_counted() -> None:
    entries = chain(6)
    assert [fault.text for fault in verify("c", [entries[0], *entries[4:]])] == ["entry 2 to 4 is missing"]


def test_a_cut_tail_needs_an_anchor() -> None:
    entries = chain(5)
    anchor = Head(5, entries[-1]["hash"])
    assert found(entries[:4]) == []
    assert found(entries[:4], anchor) == [(5, "cut")]
    assert found([], anchor) == [(1, "cut")]


def test_two_swapped_entries_are_found() -> None:
    entries = chain(5)
    entries[1], entries[2] = entries[2], entries[1]
    kinds = found(entries)
    assert (2, "reordered") in kinds


def test_a_fork_is_found() -> None:
    entries = chain(4)
    other = link(Head(2, entries[1]["hash"]), {"kind": "intent", "request": "other", "at": 9})
    assert found([*entries[:3], other, entries[3]]) == [(3, "fork")]


def test_a_history_that_was_written_anew_needs_an_anchor() -> None:
    entries = chain(5)
    anchor = Head(5, entries[-1]["hash"])
    head, forged = Head(2, entries[1]["hash"]), entries[:2]
    for number in range(3):
        entry = link(head, {"kind": "intent", "request": f"forged{number}", "at": number})
        head, forged = Head(entry["seq"], entry["hash"]), [*forged, entry]
    assert found(forged) == []
    assert found(forged, anchor) == [(5, "edited")]


def test_a_hole_where_the_anchor_was_is_a_removed_entry() -> None:
    entries = chain(5)
    anchor = Head(3, entries[2]["hash"])
    del entries[2]
    assert found(entries, anchor) == [(4, "removed")]


def test_an_entry_without_a_number_is_found() -> None:
    entries = chain(2)
    entries[1] = {**entries[1], "seq": "two"}
    assert (0, "edited") in found(entries)


def test_a_copy_must_say_the_same() -> None:
    entry = chain(1)[0]
    copy = {**entry, "pk": "request#r0", "sk": "intent"}
    assert unlike("c", entry, copy) == []
    assert unlike("c", entry, {**copy, "at": 7})[0].text.endswith("says something else")
    assert unlike("c", entry, None)[0].text.endswith("is missing")
    assert alone("r0", "intent", copy) == Fault("-", 1, "unmatched", "the intent of request r0 stands in no chain")


def test_a_chain_that_is_not_listed_is_a_fault_of_the_whole_chain() -> None:
    fault = unlisted("c")
    assert (fault.chain, fault.seq, fault.kind, fault.severity) == ("c", 0, "unlisted", DOUBTFUL)
    assert "audit list does not show it" in fault.text


def test_a_fault_as_json() -> None:
    fault = Fault("c", 1, "edited", "x", about="y").as_json()
    assert fault == {"chain": "c", "seq": 1, "kind": "edited", "text": "x", "severity": "broken", "about": "y"}
