"""`handrail` alone: where you are, what you have, what you may make, and what to type next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from handrail.core.errors import HandrailError, is_no_answer
from handrail.core.fields import Parameters, validate
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome, facts_of
from handrail.core.resources import LIVE_STATES, STATES, Instance
from handrail.core.shell import command
from handrail.operations.needs import LEDGER, SEE_BUCKET

if TYPE_CHECKING:
    from handrail.session import Session

LOOKED_AT = 50  # buckets; of more, only their number is told
NOT_SEEN = "can't be seen now"


def overview(session: Session, values: Parameters) -> Outcome:
    """Return what a person sees who types `handrail` alone."""
    where = session.where
    mine = session.aws.ec2.managed(LIVE_STATES)
    taken, limit = session.stores.places_taken(mine), session.rules.account_cap
    states = [one.state for one in mine]
    counts = {state: states.count(state) for state in ("running", *STATES) if state in states}
    buckets = _buckets(session)
    row = {
        "target": where.target,
        "account": where.account,
        "region": where.region,
        "region_source": where.region_source,
        "owner": session.caller.owner,
        "instances": counts,
        "places_used": taken,
        "places": limit,
        "buckets": buckets,
        "policy": [policy.source for policy in session.rules.policies],
    }
    notes = facts_of(
        ("where", f"{where.target} · {where.account} · {where.region} ({where.region_source})"),
        ("you are", session.caller.owner if session.caller.owner != "you" else ""),
        ("policy", " and ".join(policy.source for policy in session.rules.policies)),
        ("instances", _instances(counts, taken, limit)),
        ("buckets", _bucket_words(buckets)),
        ("may make", _may_make(session)),
        ("make", _make(mine, full=limit is not None and taken is not None and taken >= limit)),
        ("see", "handrail ec2 list · handrail s3 list · handrail policy show · handrail --help"),
        ("real AWS", "handrail use aws" if where.target == "sandbox" else ""),
    )
    return Outcome(rows=(row,), many=False, summary="Handrail", notes=notes)


def _instances(counts: Mapping[str, int], taken: int | None, limit: int | None) -> str:
    words = ", ".join(f"{number} {state}" for state, number in counts.items()) or "none"
    if limit is None:
        return words
    return f"{words} · " + (f"places used: {NOT_SEEN}" if taken is None else f"{taken} of {limit} places used")


def _buckets(session: Session) -> dict[str, Any] | None:
    """Return how many buckets Handrail has made, and how many of them are public; None where nothing tells."""
    from handrail.operations.s3.buckets import KIND
    from handrail.operations.s3.look import ListBuckets, list_buckets

    ledger = session.stores.found
    if ledger is None:
        return {"count": 0, "public": 0}
    if ledger.rows is None:
        return None
    try:
        number = sum(len(part) for part in ledger.rows.list(KIND))
        if number > LOOKED_AT:
            return {"count": number, "public": None}
        found = list_buckets(session, validate(ListBuckets, {})).rows if number else ()
    except HandrailError as error:
        if is_no_answer(error):
            raise
        return None
    access = [bucket.access for bucket in found]
    return {"count": len(access), "public": access.count("public")}


def _bucket_words(buckets: Mapping[str, Any] | None) -> str:
    if buckets is None:
        return NOT_SEEN
    words = f"{buckets['count']:,}" if buckets["count"] else "none"
    return f"{words}, of them {buckets['public']} public" if buckets["public"] else words


def _may_make(session: Session) -> str:
    """Return the instance types and images that the policy allows, where it lists them."""
    types, images = session.rules.allowed("ec2.types"), session.rules.allowed("ec2.images")
    lists = [", ".join(items[:8]) + (" …" if len(items) > 8 else "") for items in (types, images) if items]
    return " · ".join(lists)


def _make(mine: Sequence[Instance], *, full: bool) -> str:
    bucket = "handrail s3 create NAME"
    if not full:
        return f"{command('ec2 create')} · {bucket}"
    from handrail.operations.ec2.instances import INSTANCES

    running = [INSTANCES.addressed(one) for one in mine if one.takes_a_place]
    free = command("ec2 stop", running[0]) if running else "handrail lease list"
    return f"{bucket} · for an instance, free a place: {free}"


OVERVIEW = Operation(
    "",
    "",
    "where you are, what you have, what to type next",
    "handrail",
    Effect.READ,
    overview,
    permissions=(*LEDGER, *SEE_BUCKET, "ec2:DescribeInstances", "s3:ListAllMyBuckets"),
)
