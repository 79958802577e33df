"""`audit verify`: whether the record holds, alone and against anchors, and in words what that shows and what not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from handrail.core.amounts import count
from handrail.core.errors import HandrailError, NotFound, Usage
from handrail.core.fields import Parameters, show, text
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Facts, Outcome
from handrail.core.resources import Resource
from handrail.core.s3_rules import check_bucket
from handrail.core.shell import command
from handrail.ledger.agreement import disagreements, story_of
from handrail.ledger.anchors import (
    SIZE_LIMIT,
    Anchor,
    NewerAnchor,
    anchor_of,
    contradictions,
    gone,
    newest_heads,
    pins_of,
)
from handrail.ledger.chain import NOTICE, Fault, alone, unlike, unlike_list, unlisted, verify
from handrail.ledger.ledger import Ledger
from handrail.operations.anchor_bucket import ACCOUNT, anchors_in, open_bucket
from handrail.operations.needs import READ_LOCKS
from handrail.session import Session

ALONE = "accidents and clumsy edits: an entry that was changed, removed or moved without new hashes after it"
FORGERY = "an edit by somebody who may write to the table and made all hashes after it anew, or a tail that was cut"
ANCHORED = "any change of the {known:,} entries that were there when the newest anchor was taken, new hashes or not"
AFTER = "what was forged or removed after that anchor ({after})"
TAKEN = "who took an anchor: who may write where they are kept can add one of a record that is forged already"
UNLOCKED = "anchors that were exchanged or taken away: {loose} not locked, and as good as the place where it is kept"
AWS = "whether AWS is as the record says: instances and buckets are not looked at"
NOT_COMPARED = "what an entry says that was a lie when it was written: whoever may write to the table can write one"


@dataclass(frozen=True)
class Proof(Resource):
    """What `audit verify` found: whether the record holds, what that shows, and what it can't show.

    holds: nothing is wrong, notices aside. anchors: those it was compared with, the oldest first.
    """

    KIND: ClassVar[str] = "audit proof"
    COLUMNS: ClassVar[tuple[tuple[str, str], ...]] = (("HOLDS", "holds"), ("ENTRIES", "entries"), ("CHAINS", "chains"))

    holds: bool
    entries: int
    chains: int
    anchored_entries: int
    shows: tuple[str, ...]
    does_not_show: tuple[str, ...]
    anchors: tuple[dict[str, Any], ...]
    faults: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Pass:
    """What one reading of the whole table came to. beside: where what stands beside the record does not agree."""

    faults: Sequence[Fault]
    beside: Sequence[Fault]
    lengths: dict[str, int]


class VerifyRecord(Parameters):
    """What `audit verify` asks for."""

    since_anchor = text(
        "an anchor that was exported before: it shows a cut tail, and edits with new hashes, up to then", metavar="FILE"
    )
    bucket = text("compare with every anchor in this bucket", metavar="NAME", check=check_bucket)
    bucket_account = ACCOUNT


def verify_record(session: Session, values: VerifyRecord) -> Outcome:
    """Check every chain of the record against itself, its copies, what stands beside it, and the anchors given."""
    ledger = session.stores.shared
    anchors, odd = _anchors(session, values)
    found = _read(ledger, anchors)
    beside = found.beside
    if beside:  # a command may have been at work between two pages: only what a second reading sees too is reported
        again = _read(ledger, anchors)
        beside = [fault for fault in again.beside if fault in set(found.beside)]
        found = again
    faults = [*contradictions(anchors), *found.faults, *odd, *beside]
    proof = _proof(found, anchors, faults)
    title = f"{count(proof.entries, 'entry', 'entries')} in {count(proof.chains, 'chain')} checked"
    wrong = sum(fault.severity != NOTICE for fault in faults)
    said = f"{title}, {count(wrong, 'fault') if wrong else 'nothing wrong'}"
    broken = HandrailError(
        f"the record does not hold: {count(wrong, 'fault')}.",
        hint="compare with a backup of the table (point-in-time recovery), and look who may write to it",
        details={"faults": proof.faults},
        code="record_broken",
    )
    return Outcome(
        rows=[proof],
        many=False,
        summary=said,
        notes=_notes(proof, faults),
        failures=() if proof.holds else (broken,),
    )


def _read(ledger: Ledger, anchors: Sequence[Anchor]) -> Pass:
    """Read the whole table once.

    What stands beside the record, and the copies, are read first: what wrote them is on record by then, and an entry
    and its copy are written together.
    """
    record = ledger.record
    survey = record.survey()
    copies = dict(survey.copies)
    principals = survey.principals
    faults = [*gone(anchors, survey.chains), *(unlisted(chain) for chain in sorted(survey.unlisted))]
    read, lengths = [], {}
    for chain in sorted(survey.chains):
        items = list(record.entries(chain))
        lengths[chain] = len(items)
        read += items
        faults += verify(chain, items, pins_of(chain, anchors))
        faults += unlike_list(chain, items, principals[chain]) if chain in principals else []
        for item in items:
            key = (str(item.get("request")), str(item.get("kind")))
            faults += unlike(chain, item, copies.pop(key, None) or record.copy_of(*key))
    faults += [alone(request, kind, copy) for (request, kind), copy in sorted(copies.items())]
    return Pass(faults, disagreements(story_of(read), survey.beside, record.now(), ledger.times), lengths)


def _anchors(session: Session, values: VerifyRecord) -> tuple[list[Anchor], list[Fault]]:
    """Return the anchors to compare with, the oldest first, and what in their bucket is none.

    Raises Usage on a file that is none, or another ledger's; NotFound where the bucket has none of this ledger.
    """
    found, odd = [], list[Fault]()
    if values.since_anchor:
        found.append(_of_file(session, values.since_anchor))
    if values.bucket:
        place = open_bucket(session, values.bucket, values.bucket_account)
        kept, odd = anchors_in(session, place)
        if not kept:
            raise NotFound(
                f"bucket {place.name} has no anchor of this ledger.",
                hint=command("audit anchor", bucket=place.name),
                details={"bucket": place.name, "faults": [fault.as_json() for fault in odd]},
            )
        found += kept
    elif values.bucket_account:
        raise Usage("--bucket-account says whose a bucket is, and none was named.", hint="add --bucket NAME")
    return found, odd


def _of_file(session: Session, path: str) -> Anchor:
    again = "handrail audit anchor anchor.json"
    try:
        anchor = anchor_of(session.machine.read_file(path, SIZE_LIMIT))
    except NewerAnchor:
        raise Usage(
            f"{show(path)} is an anchor of a newer Handrail, which this one can't read.",
            hint="update it: pip install --upgrade handrail",
        ) from None
    except ValueError:
        raise Usage(f"{show(path)} is not an anchor.", hint=again) from None
    theirs = {"account": anchor.account, "region": anchor.region}
    ours = {"account": session.caller.account, "region": session.stores.home_region}
    if theirs != ours:
        raise Usage(
            f"{show(path)} is an anchor of account {anchor.account} in {anchor.region}, "
            f"and this record is of account {ours['account']} in {ours['region']}.",
            hint=again,
            details={"anchor": theirs, "record": ours},
        )
    return anchor


# ---- words


def _proof(found: Pass, anchors: Sequence[Anchor], faults: Sequence[Fault]) -> Proof:
    newest = newest_heads(anchors)
    known = sum(min(newest.get(chain, 0), length) for chain, length in found.lengths.items())
    entries = sum(found.lengths.values())
    loose = sum(not anchor.is_locked for anchor in anchors)
    blind = [AFTER.format(after=count(entries - known, "entry", "entries"))] if any(newest.values()) else [FORGERY]
    if anchors:
        blind.append(TAKEN)
    if loose:
        blind.append(UNLOCKED.format(loose="1 is" if loose == 1 else f"{loose} are"))
    return Proof(
        holds=all(fault.severity == NOTICE for fault in faults),
        entries=entries,
        chains=len(found.lengths),
        anchored_entries=known,
        shows=(ALONE, *((ANCHORED.format(known=known),) if any(newest.values()) else ())),
        does_not_show=(*blind, NOT_COMPARED, AWS),
        anchors=tuple({"at": one.at, "source": one.source, "locked": one.is_locked} for one in anchors),
        faults=tuple(fault.as_json() for fault in faults),
    )


def _notes(proof: Proof, faults: Sequence[Fault]) -> Facts:
    lines: list[tuple[str, str]] = [(fault.severity, _told(fault)) for fault in faults]
    if proof.anchors:
        locked = sum(bool(one["locked"]) for one in proof.anchors)
        newest = _one_line(proof.anchors[-1]["at"])
        lines.append(("anchors", f"{count(len(proof.anchors), 'anchor')}, {locked} locked, the newest of {newest}"))
    lines += [("shows", "\n".join(proof.shows)), ("not shown", "\n".join(proof.does_not_show))]
    if not proof.anchored_entries:
        lines.append(("next", "handrail audit anchor --bucket NAME, then handrail audit verify --bucket NAME"))
    return tuple(lines)


def _told(fault: Fault) -> str:
    where = f"{fault.chain} entry {fault.seq}: " if fault.seq else "" if fault.chain == "-" else f"{fault.chain}: "
    return _one_line(f"{where}{fault.kind}: {fault.text}")


def _one_line(text: str) -> str:
    """Return words of others, such as ids of chains and names of rows, so that none of them begins a new line."""
    return text.replace("\n", "\\n")


VERIFY = Operation(
    "audit",
    "verify",
    "check the record for edits, as far as that can be seen; an anchor shows forged ones too",
    "handrail audit verify --since-anchor anchor.json",
    Effect.READ,
    verify_record,
    parameters=VerifyRecord,
    permissions=(
        *READ_LOCKS,
        "dynamodb:Query",
        "dynamodb:Scan",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:GetObject",
    ),
    noun=Proof.KIND,
)
