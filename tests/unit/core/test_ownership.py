"""What makes an instance Handrail's own: tags and ClientToken together, nothing less."""

import pytest

from handrail.core.ownership import is_managed_instance, ownership_tags, token_of

TAGS = ownership_tags("dev-1", "r1")


def test_tags_and_token_together() -> None:
    assert is_managed_instance(TAGS, token_of("r1"))


@pytest.mark.parametrize("missing", TAGS)
def test_no_tag_may_be_missing_or_empty(missing: str) -> None:
    assert not is_managed_instance({key: value for key, value in TAGS.items() if key != missing}, token_of("r1"))
    assert not is_managed_instance({**TAGS, missing: ""}, token_of("r1"))


@pytest.mark.parametrize("token", ["", "r1", "hr-r2", "hr-r1 ", "HR-r1"])
def test_copied_tags_are_not_enough(token: str) -> None:
    assert not is_managed_instance(TAGS, token)


def test_a_token_without_a_request_is_nobodys() -> None:
    assert not is_managed_instance({**TAGS, "handrail:request": ""}, "hr-")
