"""Which of some keys exist, where the listing does not go on."""

from types import SimpleNamespace
from typing import Any

import pytest

from handrail.aws.s3_objects import Objects, _just_before
from handrail.core.errors import AwsFailure


@pytest.mark.parametrize("there", [[], ["a"]])
def test_a_listing_that_stays_where_it_is_ends(there: list[str]) -> None:
    calls: list[dict[str, Any]] = []

    def list_objects_v2(**call: Any) -> dict[str, Any]:
        calls.append(call)
        row = {"Size": 1, "ETag": '"e"', "LastModified": None}
        return {"IsTruncated": True, "Contents": [{"Key": key, **row} for key in there]}

    objects = Objects(SimpleNamespace(list_objects_v2=list_objects_v2), "press", "123456789012")
    with pytest.raises(AwsFailure, match="the listing does not go on"):
        objects.present(["b", "c"])
    assert len(calls) == 1


def test_where_a_listing_begins_is_text_that_a_reply_can_repeat() -> None:
    befores = {"b": "a\U0010fffd", "a ": "a", "a\t": "a", "\ue000": "", "x\U00010000": "x"}
    assert {key: _just_before(key) for key in befores} == befores
