"""What the JSON is made of."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum, IntEnum
from pathlib import PurePosixPath

from output_streams import AWS, SANDBOX, instance

from handrail.core.errors import NotFound
from handrail.core.plan import Result, Status
from handrail.output.values import MUTATION_KEYS, moment, mutation, plain, redacted


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@dataclass(frozen=True)
class Part:
    name: str
    hourly_usd: float


def test_times_are_utc_with_z() -> None:
    assert moment(datetime(2026, 11, 3, 14, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-03T12:00:00Z"
    assert moment(datetime(2026, 11, 3, 12, 0)) == "2026-11-03T12:00:00Z"


def test_plain_values() -> None:
    value = {
        1: (True, None, 1.5, "x"),
        "day": date(2026, 11, 3),
        "at": datetime(2026, 11, 3, tzinfo=UTC),
        "set": frozenset({"b", "a"}),
        "colour": Colour.RED,
        "level": Level.HIGH,
        "part": Part("instance", 0.0052),
        "path": PurePosixPath("/tmp/x"),
    }
    assert plain(value) == {
        "1": [True, None, 1.5, "x"],
        "day": "2026-11-03",
        "at": "2026-11-03T00:00:00Z",
        "set": ["a", "b"],
        "colour": "red",
        "level": 3,
        "part": {"name": "instance", "hourly_usd": 0.0052},
        "path": "/tmp/x",
    }


def test_a_resource_keeps_its_private_fields() -> None:
    data = plain(instance(client_token="hr-1", security_groups=("sg-1",)))
    assert "client_token" not in data
    assert data["security_groups"] == ["sg-1"]
    assert data["created_at"] == "2026-11-05T09:00:00Z"


def test_redaction_reaches_every_text() -> None:
    assert redacted({"a": ["pw", 1, {"b": "pw"}]}, lambda text: text.replace("pw", "***")) == {
        "a": ["***", 1, {"b": "***"}]
    }


def test_a_mutation_has_exactly_the_public_keys() -> None:
    result = Result("web", "i-1", Status.SUCCEEDED, current=instance(), request="r-1", warnings=("pw",))
    row = mutation(result, AWS, "create", "instance", lambda text: text.replace("pw", "***"))
    assert tuple(row) == MUTATION_KEYS[:-1]
    assert row["schema"] == 1
    assert row["region"] == "eu-west-1"
    assert row["warnings"] == ["***"]
    assert row["current"]["id"] == "i-0c1d2e3f4a5b6c7d8"


def test_a_failed_mutation_carries_its_error() -> None:
    result = Result.failed("web", NotFound("no web", hint="look", details={"ids": ("a",)}), region="us-west-2")
    row = mutation(result, SANDBOX, "stop", "instance", str)
    assert tuple(row) == MUTATION_KEYS
    assert row["region"] == "us-west-2"
    assert row["current"] is None
    assert row["error"] == {"code": "not_found", "message": "no web", "hint": "look", "details": {"ids": ["a"]}}
