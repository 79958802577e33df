"""The chain of hashes that makes the record tamper-evident, and the check of it. Pure.

Each principal has a chain. An entry's hash covers its content and the hash of the entry before, so that an edited,
removed or reordered entry shows; a tail that was cut shows against an anchor taken before.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

START = "0" * 64
_HASHED_OUT = ("pk", "sk", "hash")


@dataclass(frozen=True)
class Head:
    """The end of a chain: the number of its last entry and that entry's hash."""

    seq: int
    hash: str


EMPTY = Head(0, START)
BROKEN = "broken"  # an entry was changed, removed, moved or forged: the record does not say what happened
DOUBTFUL = "doubtful"  # what stands beside the record does not agree with it: a command that goes by it may be wrong
NOTICE = "notice"  # worth to know, and no fault


@dataclass(frozen=True)
class Pin:
    """An entry that an anchor knows. source: which anchor, in words."""

    head: Head
    source: str = "the anchor"


@dataclass(frozen=True)
class Fault:
    """What is wrong with a chain, or with what stands beside the record (then the chain is `-`).

    kind: edited, removed, reordered, fork, cut, unmatched, unlisted, moved, contradiction, or one of agreement.py. seq:
    where; 0 is the chain as a whole. severity: broken, doubtful, notice. about: the row that does not agree.
    """

    chain: str
    seq: int
    kind: str
    text: str
    severity: str = BROKEN
    about: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as `audit verify` lists it."""
        return dict(vars(self))


def digest(entry: Mapping[str, Any]) -> str:
    """Return the hash of an entry: SHA-256 over its canonical JSON, `prev` included, its place in the table not."""
    content = {key: value for key, value in entry.items() if key not in _HASHED_OUT}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def link(head: Head, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry that follows `head`: the content with seq, prev and hash."""
    entry = {**content, "seq": head.seq + 1, "prev": head.hash}
    return {**entry, "hash": digest(entry)}


def verify(chain: str, entries: Sequence[Mapping[str, Any]], pins: Sequence[Pin] = ()) -> list[Fault]:
    """Return what is wrong with a chain, its entries in the order of the table; nothing if it holds.

    pins: what anchors know of it. Without any, neither a tail that was cut nor new hashes after an edit can be seen.
    """
    return [*_contents(chain, entries), *_links(chain, entries), *_against(chain, entries, pins)]


def _contents(chain: str, entries: Sequence[Mapping[str, Any]]) -> Iterable[Fault]:
    for entry in entries:
        if entry.get("hash") != digest(entry):
            yield Fault(chain, _seq(entry), "edited", "its content does not fit its hash")


def _links(chain: str, entries: Sequence[Mapping[str, Any]]) -> Iterable[Fault]:
    before = EMPTY
    for entry in entries:
        seq = _seq(entry)
        if seq == before.seq:
            yield Fault(chain, seq, "fork", "two entries follow the same one")
            continue
        if seq != before.seq + 1:
            kind = "removed" if seq > before.seq else "reordered"
            missing = f"{before.seq + 1}" if seq == before.seq + 2 else f"{before.seq + 1} to {seq - 1}"
            text = f"entry {missing} is missing" if kind == "removed" else f"it stands after entry {before.seq}"
            yield Fault(chain, seq, kind, text)
        elif entry.get("prev") != before.hash:
            yield Fault(chain, seq, "reordered", f"it does not follow entry {before.seq} as that one is now")
        before = Head(seq, str(entry.get("hash")))


def _against(chain: str, entries: Sequence[Mapping[str, Any]], pins: Sequence[Pin]) -> Iterable[Fault]:
    last = max((_seq(entry) for entry in entries), default=0)
    cut = [pin for pin in pins if pin.head.seq > last]
    if cut:
        known = cut[-1]
        yield Fault(chain, last + 1, "cut", f"it ends at {last}, and {known.source} knew {known.head.seq}")
    hashes: dict[int, set[Any]] = {}
    for entry in entries if pins else ():
        hashes.setdefault(_seq(entry), set()).add(entry.get("hash"))
    for pin in pins:
        found = hashes.get(pin.head.seq, ()) if pin.head.seq else ()
        if found and pin.head.hash not in found:
            yield Fault(chain, pin.head.seq, "edited", f"it is not the entry that {pin.source} knew")


def unlike(chain: str, entry: Mapping[str, Any], copy: Mapping[str, Any] | None) -> list[Fault]:
    """Return the fault of an entry whose copy under its request, by which the program decides, is not the same."""
    if copy is not None and _content(copy) == _content(entry):
        return []
    what = "is missing" if copy is None else "says something else"
    text = f"the copy of its {entry.get('kind')} under request {entry.get('request')} {what}"
    return [Fault(chain, _seq(entry), "unmatched", text)]


def alone(request: str, kind: str, copy: Mapping[str, Any]) -> Fault:
    """Return the fault of a copy that no entry of any chain stands for: the entry was removed, or never was."""
    return Fault("-", _seq(copy), "unmatched", f"the {kind} of request {request} stands in no chain")


def unlisted(chain: str) -> Fault:
    """Return the fault of a chain that was taken off the list of chains: what reads the list is blind to it."""
    text = "it is not on the list, so audit list does not show it; the next change of its principal puts it there again"
    return Fault(chain, 0, "unlisted", text, DOUBTFUL)


def unlike_list(chain: str, entries: Sequence[Mapping[str, Any]], actor: object) -> list[Fault]:
    """Return the fault of a chain that is on the list of chains, and has no entry, or none that its principal wrote.

    actor: whose the list says that it is. An entry of that principal was written in one call with that.
    """
    if not entries:
        return [Fault(chain, 0, "cut", f"the list of chains says that it is {actor}'s, and it has no entry left")]
    if any(actor in (entry.get("actor"), entry.get("by")) for entry in entries):
        return []
    return [Fault(chain, 0, "moved", f"the list of chains says that it is {actor}'s, and others wrote all its entries")]


def _content(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("pk", "sk")}


def _seq(entry: Mapping[str, Any]) -> int:
    seq = entry.get("seq")
    return seq if isinstance(seq, int) else 0
