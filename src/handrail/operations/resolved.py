"""What a request became, as its intent on record says it: read member by member, and what can't be read is said."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from handrail.ledger.record import Intent
from handrail.ledger.shapes import Odd, region, text, unreadable


@contextmanager
def reading(intent: Intent) -> Iterator[None]:
    """Raise NotSetUp, naming the row of the intent, where what is read inside is not as a Handrail wrote it (Odd)."""
    try:
        yield
    except Odd as odd:
        raise unreadable(f"request#{intent.request}/intent", odd, "handrail audit verify") from None


def region_of(intent: Intent) -> str:
    """Return where a request is about something. Raises NotSetUp where that can't be a region."""
    with reading(intent):
        return region(vars(intent))


def flag(values: Mapping[str, Any], name: str) -> bool | None:
    """Return a member that is true, false, or null: left as it is. Raises Odd."""
    value = values.get(name, 0)
    if value is not None and not isinstance(value, bool):
        raise Odd(f"{name} is neither true nor false")
    return value


def labels(values: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return a member that is a map of texts. Raises Odd."""
    found = values.get(name)
    if not isinstance(found, dict):
        raise Odd(f"{name} is no map")
    return {key: text(found, key) for key in found}
