"""`audit anchor`: the heads of the record, to a file or into a bucket from which nobody can take them away."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from handrail.aws.s3_locks import COMPLIANCE, Lock
from handrail.core.amounts import count
from handrail.core.errors import AwsFailure, NotFound, PermissionDenied, Usage, WrongState
from handrail.core.fields import Parameters, flag, number, text
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Facts, Plan, Question, Result, Status, facts_of
from handrail.core.policy.rules import Touch
from handrail.core.resources import Bucket
from handrail.core.s3_rules import check_bucket
from handrail.core.shell import command
from handrail.files import in_the_way
from handrail.ledger import shapes
from handrail.ledger.anchors import FORMAT, Anchor, key_of, text_of
from handrail.ledger.record import Intent
from handrail.operations.anchor_bucket import ACCOUNT, Place, lies_there, open_bucket
from handrail.operations.kinds import Target, ask_before, find_one, look_again_at, owners_of
from handrail.operations.needs import FIND_BUCKET, READ_LOCKS, RECORD
from handrail.operations.s3.buckets import BUCKETS, OtherOwner
from handrail.operations.settling import Settled, asking_once, finished, reading, undone
from handrail.session import Session

RETAIN_DAYS = 365
MOST_DAYS = 36_500  # S3 takes a hundred years. Source: S3 user guide, "Object Lock considerations"
WEAK = (
    "whoever may delete objects in {name} (s3:DeleteObject, s3:DeleteObjectVersion, the owner of its account) can take "
    "this anchor away or exchange it, and then edit the record unseen"
)


class KeepAnchor(Parameters):
    """What `audit anchor` asks for."""

    file = text("a file to write it to", positional=True, metavar="[FILE]")
    bucket = text(
        "put it into this bucket, locked against deletion by anybody (Object Lock, COMPLIANCE)",
        metavar="NAME",
        check=check_bucket,
    )
    retain_days = number(
        f"for how many days it is locked ({RETAIN_DAYS} by default)", minimum=1, maximum=MOST_DAYS, metavar="DAYS"
    )
    weak = flag("also into a bucket without Object Lock, where who may delete objects can take it away")
    bucket_account = ACCOUNT
    owner = OtherOwner.owner


def anchor(session: Session, values: KeepAnchor) -> Plan:
    """Return the plan of keeping the heads of all chains. Raises Usage, NotManaged, WrongState."""
    file, bucket = values.file, values.bucket
    if file and not bucket:
        return _to_file(session, values, file)
    if bucket and not file:
        return _to_bucket(session, values, bucket)
    raise Usage(
        "where to keep the anchor is to be said once: a file, or a bucket.",
        hint="handrail audit anchor --bucket NAME, or handrail audit anchor anchor.json",
    )


def _heads(session: Session, now: datetime) -> Anchor:
    heads = session.stores.shared.record.heads()
    return Anchor(session.caller.account, session.stores.home_region, f"{now:%Y-%m-%dT%H:%M:%SZ}", heads)


def _current(anchor: Anchor, **more: Any) -> dict[str, Any]:
    heads = {chain: {"seq": head.seq, "hash": head.hash} for chain, head in sorted(anchor.heads.items())}
    place = {"account": anchor.account, "region": anchor.region, "at": anchor.at}
    return {"handrail_anchor": FORMAT, **place, "heads": heads, **more}


# ---- a file


def _to_file(session: Session, values: KeepAnchor, file: str) -> Plan:
    given = [name for name in ("bucket_account", "retain_days", "weak", "owner") if values[name]]
    if given:
        option = "--" + given[0].replace("_", "-")
        raise Usage(f"{option} is about a bucket, and a file was named.", hint="give --bucket NAME instead of the file")
    taken = _heads(session, session.clock.now())
    path = session.machine.cwd / file

    def write() -> Result:
        session.machine.write_file(path, text_of(taken))
        said = f"{path} has the heads of {count(len(taken.heads), 'chain')}"
        next_line = (
            ("next", command("audit verify", since_anchor=file)),
            ("keep", "where nobody who may write to the ledger can change it"),
        )
        return Result(path.name, None, Status.SUCCEEDED, said=said, current=_current(taken), notes=next_line)

    planned = Result(path.name, None, Status.PLANNED, said=f"{path} would be written")
    there = in_the_way(path)
    question = Question(Ask.YES, there) if there else None
    return Plan.of_one(f"write {path.name}", planned, write, question=question)


# ---- a bucket


def _to_bucket(session: Session, values: KeepAnchor, name: str) -> Plan:
    targets, question = _judged(session, name, values.bucket_account)
    place = open_bucket(session, name, values.bucket_account)
    lock = _lock(session, place, values)
    taken = _heads(session, session.clock.now())
    key, request = key_of(taken, session.clock.now()), session.new_request()
    about = {"bucket": name, "bucket_account": place.account, "key": key}
    current = _current(taken, **about, locked_until=lock.until)

    def tell(status: Status, said: str, current: Mapping[str, Any], **rest: Any) -> Result:
        rest |= {"current": current, "request": request, "region": place.region}
        return Result(key, f"{name}/{key}", status, said, **rest)

    def put() -> Result:
        for target in targets:
            look_again_at(session, BUCKETS, target)  # it may have changed while the question stood
        version = place.vault.put(key, text_of(taken).encode(), lock)
        kept = _kept(place, key, version, lock)
        whose = None if place.account == taken.account else place.account
        return tell(
            Status.SUCCEEDED,
            f"{name} has the heads of {count(len(taken.heads), 'chain')} · {kept.words}",
            {**current, "version": version, "locked_until": kept.until},
            warnings=() if kept.mode else (f"it is not locked: {WEAK.format(name=name)}",),
            notes=(("next", command("audit verify", bucket=name, bucket_account=whose)),),
        )

    return Plan.of_one(
        f"put an anchor into {name}",
        tell(Status.PLANNED, f"an anchor would be put into {name}; nothing was changed", current),
        put,
        owners=owners_of(targets),
        question=question,
        facts=_facts(place, taken, lock),
        resolved={request: {**about, "locked_until": str(lock.until)}},
    )


def _judged(session: Session, name: str, account: str | None) -> tuple[list[Target[Bucket]], Question | None]:
    """Return the bucket, where it is one of this account, and what to ask. Raises NotManaged, Refused.

    A bucket of another account is nothing that Handrail made here, so `strict` leaves it alone.
    """
    if account in (None, session.caller.account):
        targets = [find_one(session, BUCKETS, name)]
        return targets, ask_before(targets, "put an anchor into it")
    touch = session.rules.touch("s3", name=name, managed=False, owner="")
    text = f"{name} belongs to account {account}; put an anchor into it anyway?"
    return [], Question(Ask.YES, text) if touch is Touch.ASK_FOREIGN else None


def _lock(session: Session, place: Place, values: KeepAnchor) -> Lock:
    """Return the lock that an anchor gets. Raises WrongState where there is none to get, and that was not said."""
    if place.vault.has_lock():
        days = values.retain_days or RETAIN_DAYS
        until = (session.clock.now() + timedelta(days=days)).replace(microsecond=0)
        return Lock(COMPLIANCE, until)
    if values.weak:
        return Lock()
    raise WrongState(
        f"bucket {place.name} has no Object Lock: {WEAK.format(name=place.name)}.",
        hint="handrail s3 create NAME --object-lock, and give that one; or add --weak",
        details={"bucket": place.name},
        code="no_object_lock",
    )


def _facts(place: Place, taken: Anchor, lock: Lock) -> Facts:
    return facts_of(
        ("bucket", place.name),
        ("chains", f"{len(taken.heads):,}"),
        ("locked", f"{lock.words}: nobody can delete it before, nor the bucket" if lock.mode else ""),
        ("weak", "" if lock.mode else WEAK.format(name=place.name)),
    )


def _kept(place: Place, key: str, version: str, wanted: Lock) -> Lock:
    """Return the lock of an anchor that was put, as S3 shows it. Raises AwsFailure where one of both is not there."""
    lies = [one for one in place.vault.versions(key) if one.id == version]
    if not lies:
        raise AwsFailure(f"S3 took the anchor and does not show it in {place.name}.", hint="repeat the command")
    lock = place.vault.lock_of(lies[0])
    if wanted.until is not None and lock.mode != COMPLIANCE:
        raise AwsFailure(
            f"S3 took the anchor and does not show that it is locked in {place.name}.",
            hint="look at the bucket, and whether s3:GetObjectRetention is allowed; then repeat the command",
        )
    return lock


def recover(session: Session, intent: Intent) -> Settled:
    """Return whether an anchor was put that was cut off, by a look; nothing hangs on it, so it ends in any case."""
    with reading(intent):
        name, account, key = (shapes.text(intent.resolved, member) for member in ("bucket", "bucket_account", "key"))
    try:
        with asking_once(session, session.aws.silent["s3"], intent):
            place = open_bucket(session, name, account)
            lies, message = lies_there(place, key), "it was cut off, and was not put"
    except (NotFound, PermissionDenied) as error:
        lies, message = False, f"it was cut off, and can't be seen: {error.message}"
    return finished(intent, said="it was cut off; the anchor is there") if lies else undone(intent, message)


ANCHOR = Operation(
    "audit",
    "anchor",
    "keep the heads of the record where who writes to the ledger can't change them",
    "handrail audit anchor anchor.json",
    Effect.CHANGE,
    anchor,
    parameters=KeepAnchor,
    permissions=(
        *RECORD,
        *FIND_BUCKET,
        *READ_LOCKS,
        "dynamodb:Scan",
        "s3:GetBucketObjectLockConfiguration",
        "s3:PutObject",
        "s3:PutObjectRetention",
        "s3:ListBucketVersions",
        "s3:GetObject",
    ),
    noun="anchor",
    recover=recover,
    stays_here=lambda values: not values.bucket,
)
