"""The refusal of a full cap: who holds each place, since when, and until when at the latest."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from handrail.core.amounts import age, columns, count
from handrail.core.ec2_rules import addressed_by
from handrail.core.errors import CapReached, HandrailError, NotSetUp, Refused
from handrail.core.plan import Cap
from handrail.core.resources import TAKES_A_PLACE
from handrail.core.shell import command
from handrail.ledger.places import Fate, Place, Seen, Shortage, State, Times, Versioned, Wanted, is_anothers
from handrail.ledger.shapes import Odd, check_schema, unreadable

FATES = {
    Fate.MADE: "it was done",
    Fate.ADOPTED: "its instance runs",
    Fate.GONE: "its instance was found terminated",
    Fate.CANCELLED: "it was undone",
    Fate.NOTHING: "nothing was made, and nothing can be any more",
    Fate.NOT_RUNNING: "its instance was found not running",
    Fate.REFUSED: "AWS refused it, or it was never sent",
    Fate.LET_GO: "its place was let go without a look; what became of it is not known",
}


def cap_reached(
    short: Shortage,
    state: Versioned,
    looks: Mapping[str, Seen],
    others: Collection[Seen],
    times: Times,
    wanted: Wanted,
    unseen: Mapping[str, HandrailError] | None = None,
) -> CapReached:
    """Return the refusal (rule 2). looks: the instance of each place by the place's key; others: without a place.

    wanted: the first place that found no room; only what counts under the same cap is shown. unseen: regions that can't
    be looked at.
    """
    rows = [row for row in holder_rows(state, looks, others, times, unseen) if _counts(short.cap, row, wanted)]
    cap, you = short.cap, wanted.by
    running = sum(_runs(row) for row in rows) == len(rows) == short.count
    rule = f"{cap.key or 'cap'} = {cap.limit} for this {cap.scope}" + (f" ({cap.source})" if cap.source else "")
    lines = columns([_line(row, state.date, you) for row in rows]) if rows else ""
    return CapReached(
        _message(short, running=running),
        limit=cap.limit,
        count=short.count,
        facts=(("rule", rule), *((("running" if running else "held by", lines),) if rows else ()), *_let_go(rows)),
        hint=_hint(rows, wanted),
        details={"key": cap.key, "scope": cap.scope, "holders": rows},
    )


def _message(short: Shortage, *, running: bool) -> str:
    if not short.cap.limit:
        return "the policy allows no running instance here."
    whose = f" for {short.owner}" if short.cap.scope == "owner" else ""
    taken = f"{count(short.count, 'instance' if running else 'place')} {'is' if short.count == 1 else 'are'} "
    more = f"; {short.wanted} more do not fit" if short.wanted > 1 else ""
    return f"{taken}{'running' if running else 'taken'}, and the policy allows {short.cap.limit}{whose}{more}."


def _let_go(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return why places count that nobody can look at, and how each is let go."""
    notes = list(dict.fromkeys(row["note"] for row in rows if row["note"]))
    lines = [command("lease release", row["key"], now=True) for row in rows if row["note"]]
    return [*(("unseen", note) for note in notes), *(("let go", line) for line in lines)]


def _counts(cap: Cap, row: Mapping[str, Any], wanted: Wanted) -> bool:
    if row["state"] == State.UNREADABLE:
        return True
    if cap.scope == "region":
        return bool(row["region"] == wanted.region)
    return cap.scope != "owner" or row["owner"] == wanted.owner


def _hint(rows: Sequence[Mapping[str, Any]], wanted: Wanted) -> str:
    """Return the line that frees a place: stopping one of the caller's own, if there is one."""
    running = sorted((row for row in rows if _runs(row)), key=lambda row: row["owner"] != wanted.by)
    if not running:
        return "handrail lease list" if rows else "ask whoever keeps the policy"
    row = running[0]
    same_name = sum(one["name"] == row["name"] and one["region"] == row["region"] for one in running) > 1
    return command(
        "ec2 stop",
        row["instance"] if same_name else addressed_by(row["name"], row["instance"]),
        region=row["region"] if row["region"] != wanted.region else None,
        owner=row["owner"] if row["owner"] not in (wanted.by, "") else None,
    )


def with_cap(refused: Refused, full: CapReached) -> Refused:
    """Return the refusal of a policy's keys and of a full cap as one error that tells all reasons."""
    reasons = refused.details.get("reasons", [])
    several = len({reason["message"] for reason in reasons}) if reasons else 1
    facts = refused.facts if several > 1 else (("refused", refused.message), *refused.facts)
    return Refused(
        f"the policy refuses {several + 1} things here.",
        hint=full.hint,
        facts=(*facts, ("refused", full.message), *full.facts),
        details={**refused.details, "cap": {"message": full.message, **full.details}},
    )


def holder_rows(
    state: Versioned,
    looks: Mapping[str, Seen],
    others: Collection[Seen],
    times: Times,
    unseen: Mapping[str, HandrailError] | None = None,
) -> list[dict[str, Any]]:
    """Return every place, then every instance that runs without one, as JSON-ready rows.

    until: when the place is free at the latest if nothing runs in it then; None: as long as its instance runs, or as
    nobody can look. note: why nobody can. unseen: regions that can't be looked at.
    """
    places = sorted(state.places.values(), key=lambda place: (place.since, place.name, place.key))
    rows = [_place_row(place, looks.get(place.key), state, times, unseen or {}) for place in places]
    return rows + [_outside_row(one) for one in others]


def unreadable_place(place: Place) -> NotSetUp:
    """Return the error of a command that needs a place that can't be read."""
    hint = f"once you know what runs in it: {command('lease release', place.handle, now=True)}"
    return unreadable(f"lease/holders (place {place.handle})", _oddity(place), hint)


def _oddity(place: Place) -> Odd:
    try:
        check_schema(place.rest if isinstance(place.rest, Mapping) else {})
    except Odd as odd:
        return odd
    return Odd("it is not as Handrail writes a place")


def unseen_note(region: str, error: HandrailError) -> str:
    """Return that a region can't be looked at, and why."""
    return f"{region} can't be looked at: {error.message.rstrip('.')}"


def _place_row(
    place: Place, seen: Seen | None, state: Versioned, times: Times, unseen: Mapping[str, HandrailError]
) -> dict[str, Any]:
    if not place.is_readable:
        newer = "was written by a newer Handrail" if _oddity(place).newer else "can't be read"
        return {
            **_NO_ROW,
            "key": place.handle,
            "place": place.handle,
            "state": place.state.value,
            "note": f"the place {place.handle} {newer}",
        }
    why = unseen.get(place.region)
    trusted = times.trusted(place.until, state.date)
    waits = (place.state is State.RESERVED and not why) or (place.state is not State.ENDING and not trusted)
    return {
        "key": place.known_as,
        "place": place.key,
        "instance": place.instance or (seen.instance if seen else "") or None,
        "name": seen.name if seen else place.name,
        "owner": place.owner,
        "by": place.by,
        "region": place.region,
        "state": place.state.value,
        "instance_state": seen.state if seen else "unknown" if why else None,
        "since": _moment(place.since),
        "until": _moment(times.free_at(place.until)) if waits else None,
        "note": unseen_note(place.region, why) if why else _odd_note(place, seen, state),
    }


def _odd_note(place: Place, seen: Seen | None, state: Versioned) -> str | None:
    if not is_anothers(place, seen, state.places):
        return None
    return f"the place {place.key} would end {place.instance or 'an instance'}, which is not its own"


_NO_ROW: dict[str, Any] = {
    "key": None,
    "place": None,
    "instance": None,
    "name": "",
    "owner": "",
    "by": None,
    "region": "",
    "state": "outside",
    "instance_state": "unknown",
    "since": None,
    "until": None,
    "note": None,
}


def _outside_row(seen: Seen) -> dict[str, Any]:
    return {
        **_NO_ROW,
        "instance": seen.instance,
        "name": seen.name,
        "owner": seen.owner,
        "region": seen.region,
        "instance_state": seen.state,
    }


def _runs(row: Mapping[str, Any]) -> bool:
    """Return whether an instance is in the place, as far as was looked."""
    return bool(row["instance"]) and row["instance_state"] in (None, *TAKES_A_PLACE)


def _line(row: Mapping[str, Any], date: int, you: str) -> tuple[str, ...]:
    since = datetime.fromisoformat(row["since"]) if row["since"] else None
    state = row["state"] if row["instance_state"] in (None, "unknown") else row["instance_state"]
    state = f"{state}, can't be looked at" if row["instance_state"] == "unknown" else state
    until = f", free by {row['until'][11:19]} UTC at the latest" if row["until"] else ""
    return (
        row["name"] or "-",
        row["instance"] or row["key"],
        age(since, datetime.fromtimestamp(date, UTC)),
        "you" if row["owner"] == you else row["owner"] or "-",
        row["region"],
        "" if _runs(row) else f"{state}{until}",
    )


def _moment(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
