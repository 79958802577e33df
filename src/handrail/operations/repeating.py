"""Requests that are made again: which of `ID`, `ID.2` … is the newest on record (PRODUCT.md section 4, promise 4)."""

from collections.abc import Callable

from handrail.core.errors import Conflict
from handrail.core.shell import option
from handrail.ledger.record import Intent, Known

Find = Callable[[str], Known | None]


def newest_try(find: Find, base: str) -> tuple[str, Known | None]:
    """Return the newest request of an id, and what is on record of it; the id itself and None where nothing is.

    find: reads one request. A request is tried anew under the next number only after a refusal or failure, so the
    numbers have no gap, and the newest of many is found in few reads.
    """
    first = find(base)
    if first is None or not was_in_vain(first):
        return base, first
    there = {1: first}

    def known(number: int) -> bool:
        found = find(numbered(base, number))
        if found is not None:
            there[number] = found
        return found is not None

    low, high = 1, 2
    while known(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if known(middle) else (low, middle)
    return numbered(base, low), there[low]


def numbered(base: str, number: int) -> str:
    """Return the id of a try: `ID`, `ID.2`, `ID.3` …"""
    return base if number == 1 else f"{base}.{number}"


def next_try(base: str, request: str) -> str:
    """Return the id that comes after a try's."""
    return numbered(base, 2 if request == base else int(request.removeprefix(f"{base}.")) + 1)


def check_chosen(intent: Intent, chosen: str) -> None:
    """Raise Conflict unless a request on record comes from the id that was chosen: itself, its count or its tries.

    `web-2` is also the second of `web`, and `web.2` its second try: two commands never share a request.
    """
    said = intent.given.get("request_id")
    if said in (None, chosen):  # without one the program chose: whoever repeats it has copied the id
        return
    raise Conflict(
        f"the request id {intent.request} was made of {said}, by another command.",
        hint=f"repeat that one with {option('--request-id', str(said))}, or choose another --request-id",
        details={"request": intent.request, "chosen": said},
    )


def check_whole(find: Find, chosen: str, *, counted: bool) -> None:
    """Raise Conflict if an id was used the other way: for one thing, or for several as `ID-1`, `ID-2` …

    find: reads one request. counted: whether it is used for several now.
    """
    other = find(chosen if counted else f"{chosen}-1")
    if other is not None and other.intent.given.get("request_id") == chosen:
        raise Conflict(
            f"the request id {chosen} was used {'without' if counted else 'with'} --count.",
            hint="repeat that command as it was, or choose another --request-id",
            details={"request": chosen},
        )


def was_in_vain(known: Known) -> bool:
    """Return whether a request ended as refused or failed, so that nothing of it is there."""
    return known.verdict is not None and known.verdict.result not in ("succeeded", "unchanged")
