"""Near misses: what a slip was meant to be, and that nothing far off is advised."""

from collections.abc import Iterable

import pytest

from handrail.core.ec2_rules import KNOWN_TYPES
from handrail.core.nearest import nearest
from handrail.core.regions import REGIONS


@pytest.mark.parametrize(
    ("slip", "words", "meant"),
    [
        ("t3.naono", KNOWN_TYPES, "t3.nano"),
        ("zz9.plural", KNOWN_TYPES, ""),
        ("us-east1", REGIONS, "us-east-1"),
        (" US-EAST-1 ", REGIONS, "us-east-1"),
        ("???", REGIONS, ""),
        ("--tpye", ("--type", "--tag", "--timeout"), "--type"),
        ("--nonsense", ("--type", "--name", "--no-wait"), ""),
        ("craete", ("create", "list"), "create"),
        ("nonsense", ("create", "list"), ""),
        ("team-dve", ("Team-Dev", "default"), "Team-Dev"),
        ("x", (), ""),
    ],
)
def test_the_nearest(slip: str, words: Iterable[str], meant: str) -> None:
    assert nearest(slip, words) == meant
