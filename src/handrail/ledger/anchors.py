"""Anchors: the heads of all chains at one moment, as text to be kept elsewhere; read again, and compared. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from handrail.ledger.chain import BROKEN, Fault, Head, Pin

PREFIX = "handrail-anchors"
SIZE_LIMIT = 16 * 1024 * 1024  # bytes of an anchor; a chain takes about 100 of them


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
        "handrail_anchor": 1,
        "account": anchor.account,
        "region": anchor.region,
        "at": anchor.at,
        "heads": {chain: {"seq": head.seq, "hash": head.hash} for chain, head in sorted(anchor.heads.items())},
    }
    return json.dumps(document, indent=2) + "\n"


def anchor_of(text: bytes) -> Anchor:
    """Return the anchor that a text is. Raises ValueError where it is none."""
    try:
        document = json.loads(text)
        heads = {str(chain): Head(int(head["seq"]), str(head["hash"])) for chain, head in document["heads"].items()}
        return Anchor(str(document["account"]), str(document["region"]), str(document.get("at", "")), heads)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError("no anchor") from error


def folder_of(account: str, region: str) -> str:
    """Return how the keys of all anchors of one ledger begin."""
    return f"{PREFIX}/{account}/{region}/"


def key_of(anchor: Anchor, now: datetime) -> str:
    """Return the key of an anchor in a bucket: its moment, and the SHA-256 of its text."""
    return f"{folder_of(anchor.account, anchor.region)}{now:%Y%m%dT%H%M%SZ}-{_digest(text_of(anchor).encode())}.json"


def found_at(key: str, text: bytes, folder: str) -> Anchor:
    """Return the anchor that stands under a key. Raises ValueError where the text is none, or not that of the key."""
    anchor = anchor_of(text)
    if not key.endswith(f"-{_digest(text)}.json") or folder_of(anchor.account, anchor.region) != folder:
        raise ValueError("not the anchor of this key")
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

    anchors: the oldest first, by the time of who keeps them. What one knows and the ledger does not shows in the chain.
    """
    known: dict[tuple[str, int], tuple[str, str]] = {}
    faults = []
    for anchor in anchors:
        for chain, head in sorted(anchor.heads.items()):
            hash, source = known.setdefault((chain, head.seq), (head.hash, anchor.source))
            if hash != head.hash:
                text = f"{anchor.source} knows another entry than {source}, which is older: one of them is forged"
                faults.append(Fault(chain, head.seq, "contradiction", text, BROKEN))
    return faults


def newest_heads(anchors: Iterable[Anchor]) -> dict[str, int]:
    """Return, per chain, the number of the last entry that any anchor knows."""
    newest: dict[str, int] = {}
    for anchor in anchors:
        for chain, head in anchor.heads.items():
            newest[chain] = max(newest.get(chain, 0), head.seq)
    return newest
