"""The matrix as a whole: which changes are in it, how many cells it has, and that none of them was lost."""

from handrail.catalog import every_operation
from handrail.core.operation import Effect

from .page import NONE, ends_of, every_cell, sums_of, written_figures
from .verbs import VERBS

ENDS = (
    "done",
    "done, with a warning",
    "failed, nothing done",
    "open",
    "done, can't be watched",
    "nothing done, nothing on record",
    "nothing done, found by a later command",
    "done, found by a later command",
    "made private by a later command",
    "done before it froze",
    "nothing done",
    "running",
    "terminated",
)
ELSEWHERE = {
    "audit anchor": "puts one new object; tests/s3/test_s3_anchors.py cuts it off",
    "ec2 update": "sets tags, which a repeat sets again",
    "ec2 reboot": "leaves nothing behind that a look could tell",
    "lease release": "test_kills.py kills whoever cleans up",
    "init": "makes the ledger itself, which a repeat goes on with",
}


def test_every_cell_ends_well() -> None:
    for name, cells in every_cell().items():
        if name not in ("fifty at once", "calls per create"):
            odd = {end for text in cells.values() for end in ends_of(text) if end not in (*ENDS, NONE)}
            assert not {end for end in odd if not end.startswith("exit ")}, f"{name}: {odd}"


def test_the_page_counts_its_cells() -> None:
    assert written_figures("sums") == sums_of(every_cell())


def test_every_change_of_the_account_is_in_the_matrix() -> None:
    changes = {one.name for one in every_operation() if one.effect is not Effect.READ and one.permissions}
    assert changes - {verb.operation for verb in VERBS.values()} == set(ELSEWHERE)
