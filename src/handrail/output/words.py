"""How measured amounts read: durations, byte sizes, money. Pure; ages and counts are core/amounts.py."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_WHOLE = 100


def duration(seconds: float) -> str:
    """Return a span in its two largest units: `0.4 s`, `5 s`, `4 min 10 s`, `2 h 5 min`."""
    if 0 < seconds < 1:
        return f"{seconds:.1f} s"
    total = max(0, int(seconds))
    if total < 60:
        return f"{total} s"
    minutes, rest = divmod(total, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def size(number: float) -> str:
    """Return bytes in binary units with at most one decimal: `512 B`, `1.2 GiB`, `118 MiB`."""
    value, unit = float(number), 0
    while _rounded(value) >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{_rounded(value):g} {_UNITS[unit]}"


def _rounded(value: float) -> float:
    return round(value) if value >= _WHOLE else round(value, 1)


def money(usd: float, per: str = "") -> str:
    """Return dollars, below one to a hundredth of a cent: `$8.09 per month`, `$0.0111 per hour`, `$0.50`."""
    text = f"{usd:,.4f}" if 0 < usd < 1 else f"{usd:,.2f}"
    whole, _, cents = text.partition(".")
    amount = f"${whole}.{cents.rstrip('0').ljust(2, '0')}"
    return f"{amount} per {per}" if per else amount
