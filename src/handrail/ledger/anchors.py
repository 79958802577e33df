"""Anchors: the heads of all chains at one moment, as text to be kept elsewhere; read again, and compared. Pure."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from handrail.ledger.chain import BROKEN, Fault, Head, Pin
from handrail.ledger.shapes import is_whole

PREFIX = "handrail-anchors"
FORMAT = 1
SIZE_LIMIT = 16 * 1024 * 1024  # bytes of an anchor; a chain takes about 100 of them


class NewerAnchor(ValueError):
    """An anchor of a format that this version does not know."""


@dataclass(frozen=True)
class Anchor:
    """The heads of one ledger. at: the moment, as text; source: where it was found, in words.

    is_locked: whether nobody can delete it where it is kept.
    """

    account: str
    region: str
    at: str
    heads: Mapping[str, Head] = field(default_factory=dict)
    source: str = "the anchor"
    is_locked: bool = False


def text_of(anchor: Anchor) -> str:
    """Return an anchor as it is kept."""
    document = {
        "handrail_anchor": FORMAT,
        "account": anchor.account,
        "region": anchor.region,
        "at": anchor.at,
        "heads": {chain: {"seq": head.seq, "hash": head.hash} for chain, head in sorted(anchor.heads.items())},
    }
    return json.dumps(document, indent=2) + "\n"


def anchor_of(text: bytes) -> Anchor:
    """Return the anchor that a text is. Raises NewerAnchor, ValueError where it is none."""
    try:
        document = json.loads(text)
        known = document["handrail_anchor"]
        if not is_whole(known) or known < FORMAT:
            raise ValueError("no format")
        if known > FORMAT:
            raise NewerAnchor(f"an anchor of format {known}")
        heads = {chain: _head(head["seq"], head["hash"]) for chain, head in document["heads"].items()}
        words = [document["account"], document["region"], document.get("at", "")]
    except NewerAnchor:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("no anchor") from error
    if not all(isinstance(word, str) for word in words):
        raise ValueError("no anchor")
    account, region, at = words
    return Anchor(account, region, at, heads)


def _head(seq: object, hash: object) -> Head:
    if not isinstance(seq, int) or not is_whole(seq) or not isinstance(hash, str):
        raise ValueError("no head of a chain")
    return Head(seq, hash)


def folder_of(account: str, region: str) -> str:
    """Return how the keys of all anchors of one ledger begin."""
    return f"{PREFIX}/{account}/{region}/"


def key_of(anchor: Anchor, now: datetime) -> str:
    """Return the key of an anchor in a bucket: its moment, and the SHA-256 of its text."""
    return f"{folder_of(anchor.account, anchor.region)}{now:%Y%m%dT%H%M%SZ}-{_digest(text_of(anchor).encode())}.json"


def found_at(key: str, text: bytes, folder: str) -> Anchor:
    """Return the anchor that stands under a key.

    Raises NewerAnchor, ValueError where the text is none, or not that of the key.
    """
    if not key.endswith(f"-{_digest(text)}.json"):
        raise ValueError("not the anchor of this key")
    anchor = anchor_of(text)
    if folder_of(anchor.account, anchor.region) != folder:
        raise ValueError("not an anchor of this ledger")
    return replace(anchor, source=f"the anchor {key.removeprefix(folder)}")


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def pins_of(chain: str, anchors: Iterable[Anchor]) -> list[Pin]:
    """Return what the anchors know of a chain, each entry and hash once, the lowest number first."""
    known: dict[Head, str] = {}
    for anchor in anchors:
        if chain in anchor.heads and anchor.heads[chain].seq > 0:
            known.setdefault(anchor.heads[chain], anchor.source)
    return [Pin(head, known[head]) for head in sorted(known, key=lambda one: (one.seq, one.hash))]


def contradictions(anchors: Sequence[Anchor]) -> list[Fault]:
    """Return where two anchors know two different entries under one number: one of them is forged.

    One fault per anchor, of the first such entry: who may add to the anchors can invent any number of them. What one
    knows and the ledger does not shows in the chain. anchors: the oldest first, by the time of who keeps them.
    """
    known: dict[tuple[str, int], tuple[str, str]] = {}
    faults = []
    for anchor in anchors:
        against = []
        for chain, head in sorted(anchor.heads.items()):
            hash, source = known.setdefault((chain, head.seq), (head.hash, anchor.source))
            if hash != head.hash:
                against.append((chain, head.seq, source))
        if against:
            chain, seq, source = against[0]
            more = f" (and so of {len(against) - 1:,} more)" if against[1:] else ""
            text = f"{anchor.source} knows another entry than {source}, which is older{more}: one of them is forged"
            faults.append(Fault(chain, seq, "contradiction", text, BROKEN))
    return faults


def gone(anchors: Iterable[Anchor], chains: Collection[str]) -> list[Fault]:
    """Return what anchors know of chains that are not in the table: one fault per anchor. chains: those that are."""
    last: dict[str, tuple[int, str]] = {}
    for anchor in anchors:
        for chain, head in anchor.heads.items():
            if chain not in chains and head.seq > last.get(chain, (0, ""))[0]:
                last[chain] = head.seq, anchor.source
    by_source = defaultdict(list)
    for chain, (_, source) in sorted(last.items()):
        by_source[source].append(chain)
    return [_gone(source, missing, last[missing[0]][0]) for source, missing in by_source.items()]


def _gone(source: str, chains: Sequence[str], seq: int) -> Fault:
    if len(chains) == 1:
        return Fault(chains[0], 1, "cut", f"it has no entry, and {source} knew {seq}")
    return Fault(
        "-", 0, "cut", f"{len(chains):,} chains that {source} knew have no entry, the first of them {chains[0]}"
    )


def newest_heads(anchors: Iterable[Anchor]) -> dict[str, int]:
    """Return, per chain, the number of the last entry that any anchor knows."""
    newest: dict[str, int] = {}
    for anchor in anchors:
        for chain, head in anchor.heads.items():
            newest[chain] = max(newest.get(chain, 0), head.seq)
    return newest
