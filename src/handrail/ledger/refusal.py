"""The refusal of a full cap: who holds each place, since when, and until when at the latest."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from handrail.core.errors import CapReached
from handrail.core.resources import TAKES_A_PLACE
from handrail.core.words import age, columns, count
from handrail.ledger.holders import Place, Seen, Shortage, State, Times, Versioned


def cap_reached(
    short: Shortage,
    state: Versioned,
    looks: Mapping[str, Seen],
    others: Collection[Seen],
    times: Times,
    you: str = "",
) -> CapReached:
    """Return the refusal (rule 2). looks: the instance of each place by the place's key; others: without a place.

    you: the owner who is refused.
    """
    rows = holder_rows(state, looks, others, times)
    cap = short.cap
    running = sum(_runs(row) for row in rows) == len(rows) == short.count
    taken = f"{count(short.count, 'instance' if running else 'place')} {'is' if short.count == 1 else 'are'} "
    more = f"; {short.wanted} more do not fit" if short.wanted > 1 else ""
    rule = f"{cap.key or 'cap'} = {cap.limit} for this {cap.scope}" + (f" ({cap.source})" if cap.source else "")
    lines = columns([_line(row, state.date, you) for row in rows]) if rows else ""
    return CapReached(
        f"{taken}{'running' if running else 'taken'}, and the policy allows {cap.limit}{more}.",
        limit=cap.limit,
        count=short.count,
        facts=(("rule", rule), *((("running" if running else "held by", lines),) if rows else ())),
        hint=_hint(rows, you),
        details={"key": cap.key, "scope": cap.scope, "holders": rows},
    )


def _hint(rows: Sequence[Mapping[str, Any]], you: str) -> str:
    """Return the line that frees a place: stopping one of the caller's own, if there is one."""
    running = sorted((row for row in rows if _runs(row)), key=lambda row: row["owner"] != you)
    if not running:
        return "handrail lease list"
    return f"handrail ec2 stop {running[0]['name'] or running[0]['instance']}"


def holder_rows(
    state: Versioned, looks: Mapping[str, Seen], others: Collection[Seen], times: Times
) -> list[dict[str, Any]]:
    """Return every place, then every instance that runs without one, as JSON-ready rows.

    until: when the place is free at the latest if nothing runs in it then; None: as long as its instance runs.
    """
    places = sorted(state.places.values(), key=lambda place: (place.since, place.key))
    rows = [_place_row(place, looks.get(place.key), state.date, times) for place in places]
    return rows + [_outside_row(one) for one in others]


def _place_row(place: Place, seen: Seen | None, date: int, times: Times) -> dict[str, Any]:
    waits = place.state is State.RESERVED or (place.state is State.HELD and not times.trusted(place.until, date))
    return {
        "key": place.key,
        "instance": place.instance or (seen.instance if seen else "") or None,
        "name": place.name,
        "owner": place.owner,
        "by": place.by,
        "region": place.region,
        "state": place.state.value,
        "instance_state": seen.state if seen else None,
        "since": _moment(place.since),
        "until": _moment(times.free_at(place.until)) if waits else None,
    }


def _outside_row(seen: Seen) -> dict[str, Any]:
    return {
        "key": None,
        "instance": seen.instance,
        "name": seen.name,
        "owner": seen.owner,
        "by": None,
        "region": seen.region,
        "state": "outside",
        "instance_state": seen.state,
        "since": None,
        "until": None,
    }


def _runs(row: Mapping[str, Any]) -> bool:
    """Return whether an instance is in the place, as far as was looked."""
    return bool(row["instance"]) and row["instance_state"] in (None, *TAKES_A_PLACE)


def _line(row: Mapping[str, Any], date: int, you: str) -> tuple[str, ...]:
    since = datetime.fromisoformat(row["since"]) if row["since"] else None
    state = row["instance_state"] or row["state"]
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
