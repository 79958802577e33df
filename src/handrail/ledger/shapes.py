"""What a stored row must look like to be read: the types and bounds of its members, the schema that wrote it. Pure.

Members that this version does not know are nobody's business here: whoever rewrites a row keeps them.
"""

import re
from collections.abc import Mapping
from typing import Any

from handrail.aws.dynamodb import Foreign
from handrail.core.errors import NotSetUp
from handrail.core.regions import may_be_region

SCHEMA = 2  # of the rows that this version writes; 0.1 wrote none
LATEST = 2**33  # epoch seconds: the year 2242; no time of a row is later
DAY = 86_400  # seconds: nothing that a row says will happen is later than that after it was written
_REQUEST = re.compile(r"[A-Za-z0-9._-]{1,61}")  # also derived from others (web-2): with hr- what a ClientToken takes
_INSTANCE = re.compile(r"i-[0-9a-f]{1,32}")


class Odd(ValueError):
    """A row or a part of one is not as any Handrail wrote it, or needs a newer one. newer: the second."""

    def __init__(self, why: str, *, newer: bool = False) -> None:
        super().__init__(why)
        self.newer = newer


def check_schema(values: Mapping[str, Any]) -> None:
    """Raise Odd if a row needs a newer Handrail. `schema` says who wrote it, `needs` who may read it."""
    for name in ("schema", "needs"):
        if name in values and not is_whole(values[name]):
            raise Odd(f"{name} is no whole number")
    if values.get("needs", 0) > SCHEMA:
        raise Odd("it was written by a newer Handrail", newer=True)


def is_newer(values: Mapping[str, Any]) -> bool:
    """Return whether a row says that it needs a newer Handrail."""
    needs = values.get("needs", 0)
    return is_whole(needs) and needs > SCHEMA


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number from 0 that a row may have."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a value that must be a map. Raises Odd."""
    if not isinstance(value, Mapping):
        raise Odd("it is no map")
    return value


def text(values: Mapping[str, Any], name: str, default: Any = None) -> str:
    """Return a text of a row. default: where it may be missing. Raises Odd."""
    value = values.get(name, default)
    if not isinstance(value, str) or isinstance(value, Foreign) or not _is_unicode(value):
        raise Odd(f"{name} is {'missing' if name not in values else 'no text'}")
    return value


def _is_unicode(value: str) -> bool:
    """Return whether a text can be written and printed: JSON may hold half a character, a lone surrogate."""
    return not any("\ud800" <= char <= "\udfff" for char in value)


def is_request(value: str) -> bool:
    """Return whether a text has the form of a request id."""
    return _REQUEST.fullmatch(value) is not None


def instance(values: Mapping[str, Any], default: Any = None) -> str:
    """Return the instance of a row. Raises Odd."""
    found = text(values, "instance", default)
    if found != default and not _INSTANCE.fullmatch(found):
        raise Odd("instance is no instance id")
    return found


def region(values: Mapping[str, Any]) -> str:
    """Return the region of a row. Raises Odd."""
    found = text(values, "region")
    if not may_be_region(found):
        raise Odd("its region can't be one")
    return found


def moment(values: Mapping[str, Any], name: str) -> int:
    """Return a time of a row, epoch seconds. Raises Odd."""
    value = values.get(name)
    if value is None or not is_whole(value) or value > LATEST:
        raise Odd(f"{name} is {'missing' if name not in values else 'no time'}")
    return int(value)


def texts(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a list of texts of a row. Raises Odd."""
    value = values.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) and _is_unicode(one) for one in value):
        raise Odd(f"{name} is no list of texts")
    return tuple(value)


def requests(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the request ids of a row. Raises Odd."""
    found = texts(values, "requests")
    if not all(map(is_request, found)):
        raise Odd("requests is no list of request ids")
    return found


def unreadable(row: str, odd: Odd, hint: str = "") -> NotSetUp:
    """Return the error of a row that can't be read. row: its keys in the table, `lease/holders`."""
    if odd.newer:
        return NotSetUp(
            f"the row {row} of the ledger was written by a newer Handrail, which this one can't read.",
            hint="update it: pip install --upgrade handrail",
            details={"row": row},
            code="newer_row",
        )
    return NotSetUp(
        f"the row {row} of the ledger can't be read: {odd}.",
        hint=hint or "ask whoever keeps the account to restore that row of the table handrail-ledger from a backup",
        details={"row": row},
        code="unreadable_row",
    )
