"""How amounts read."""

from datetime import UTC, datetime, timedelta

import pytest

from handrail.core.amounts import age, columns, count, readable, span

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86399, "23 h"), (86400, "1 d")],
)
def test_ages(seconds: int, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


def test_spans() -> None:
    assert [span(seconds) for seconds in (-1, 0.9, 59.9, 90, 7200, 200_000)] == [
        "0 s",
        "0 s",
        "59 s",
        "1 min",
        "2 h",
        "2 d",
    ]


def test_an_unknown_age() -> None:
    assert age(None) == "-"
    assert age(datetime.now(UTC)) == "0 s"


def test_counts_and_columns() -> None:
    assert (count(1, "instance"), count(2, "instance"), count(1204, "file")) == (
        "1 instance",
        "2 instances",
        "1,204 files",
    )
    assert columns([("a", "bb", ""), ("ccc", "d", "e")]) == "a    bb\nccc  d   e"


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, ""), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1288490189, "1.2 GiB"), (2**60, "1048576.0 TiB")],
)
def test_sizes(size: int | None, text: str) -> None:
    assert readable(size) == text
