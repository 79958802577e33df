"""What the JSON is made of: core values as plain dicts, lists, texts and numbers, in a stable order."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from handrail.core.caller import Where
from handrail.core.errors import HandrailError
from handrail.core.plan import Result
from handrail.core.resources import Resource

SCHEMA = 1
MUTATION_KEYS = (
    *("schema", "action", "resource", "id", "name", "status"),
    *("target", "account", "region", "request", "current", "warnings", "error"),
)

# Looked up by exact type, for speed: nearly every value of a long list is one of these.
_ATOMS = frozenset({type(None), bool, int, float, str})


def moment(when: datetime) -> str:
    """Return a time as ISO 8601 in UTC, with Z; a time without a zone is UTC already."""
    aware = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: times as text, sequences as lists, resources as objects."""
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    return _plain_value(value)


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Resource | HandrailError):
        return plain(value.as_json())
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    return str(value)


def redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """Return a plain value with every text in it redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item, redact) for item in value]
    return value


def failure(error: HandrailError, redact: Callable[[str], str]) -> dict[str, Any]:
    """Return an error as its public object: code, message, hint, details."""
    return {key: redacted(item, redact) for key, item in plain(error).items()}


def mutation(result: Result, where: Where, action: str, kind: str, redact: Callable[[str], str]) -> dict[str, Any]:
    """Return the public object of what became of one target (PRODUCT.md section 5); `error` only if it failed."""
    row = {
        "schema": SCHEMA,
        "action": action,
        "resource": kind,
        "id": result.id,
        "name": result.name,
        "status": result.status.value,
        "target": where.target,
        "account": where.account,
        "region": result.region or where.region,
        "request": result.request,
        "current": plain(result.current),
        "warnings": [redact(warning) for warning in result.warnings],
    }
    return row if result.error is None else {**row, "error": failure(result.error, redact)}
