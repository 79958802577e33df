"""Which rows of the record a filter lets pass."""

import pytest

from handrail.core.fields import validate
from handrail.ledger.record import Intent, Known, Verdict
from handrail.operations.audit import ListEntries, fits


@pytest.mark.parametrize(
    ("begun", "ended", "named", "found"),
    [
        ("press", "press", "press", True),
        ("press/site/index.html", "", "press", True),
        ("press/site/index.html", "", "press/", True),
        ("press/site/index.html", "", "press/site", True),
        ("press/site/index.html", "", "press/si", False),
        ("press/site/a,b", "", "b", False),
        ("press-2/site", "", "press", False),
        ("press", "", "press/", True),
        ("web", "i-1", "web", True),
        ("web", "i-1", "i-1", True),
        ("web", "i-1", "i", False),
        ("web,api", "web,api", "api", True),
        ("", "", "web", False),
    ],
)
def test_a_resource_is_found_whole_with_what_is_in_it(begun: str, ended: str, named: str, found: bool) -> None:
    known = Known(Intent("r1", "s3 upload", begun, "us-east-1", "sandbox"), Verdict("r1", "succeeded", resource=ended))
    assert fits(known, validate(ListEntries, {"resource": named})) is found
