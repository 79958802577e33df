"""The sums of docs/reliability.md: how many cells were tried, and that none of them says that something was lost."""

from .page import every_cell, write_figures, written_figures

KINDS = ("faults of", "lasting faults of", "kills of", "frozen")
ENDS = (
    "done",
    "done, with a warning",
    "failed, nothing done",
    "open",
    "done, can't be watched",
    "finished by the repeat",
    "nothing done, nothing on record",
    "nothing done, found by a later command",
    "done, found by a later command",
    "made private by a later command",
    "done before it froze",
    "nothing done",
    "running",
    "terminated",
)


def test_every_cell_ends_well_and_the_page_counts_them() -> None:
    tables = every_cell()
    counts = dict.fromkeys(KINDS, 0)
    for name, cells in tables.items():
        kind = next((kind for kind in KINDS if name.startswith(kind)), None)
        if kind is None:
            continue
        counts[kind] += len(cells)
        odd = {end for end in cells.values() if end not in ENDS and not end.startswith("exit ")}
        assert not odd, f"{name}: {odd}"
    assert all(counts.values()), counts
    words = ", ".join(f"{number:,} {kind.removesuffix(' of')}" for kind, number in counts.items())
    text = f"{sum(counts.values()):,} cells were tried: {words}. Lost: 0. Made twice: 0. Public without approval: 0."
    write_figures("sums", text)
    assert written_figures("sums") == text
