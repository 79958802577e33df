"""How amounts read."""

import pytest

from handrail.output.words import duration, money, size


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (0.42, "0.4 s"),
        (1.9, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (250, "4 min 10 s"),
        (7200, "2 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_duration(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1024 * 1024 - 1, "1 MiB"),
        (1288490189, "1.2 GiB"),
        (118 * 1024**2, "118 MiB"),
        (512 * 1024**2, "512 MiB"),
        (2**60, "1024 PiB"),
    ],
)
def test_size(number: int, said: str) -> None:
    assert size(number) == said


def test_money_shows_what_a_small_price_is() -> None:
    assert money(0.0111, "hour") == "$0.0111 per hour"
    assert money(8.0947, "month") == "$8.09 per month"
    assert (money(0.5), money(0), money(1234.5), money(3)) == ("$0.50", "$0.00", "$1,234.50", "$3.00")
