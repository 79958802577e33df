"""What EC2 allows, judged offline."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.core import ec2_rules as rules
from handrail.core.errors import Usage
from handrail.core.ownership import check_request_id

ID, SHORT_ID = "0c1d2e3f4a5b6c7d8", "0c1d2e3f"


@pytest.mark.parametrize(
    ("check", "good"),
    [
        (rules.check_name, "web-1.dev_2"),
        (rules.check_name, "x" * 63),
        (rules.check_type, "t3.nano"),
        (rules.check_type, "u-6tb1.112xlarge"),
        (rules.check_image, "ubuntu"),
        (rules.check_image, f"ami-{ID}"),
        (rules.check_image, f"ami-{SHORT_ID}"),
        (check_request_id, "ci-7.2_A"),
        (rules.check_subnet, f"subnet-{ID}"),
        (rules.check_instance_profile, "team+web@a.b,c=d-e_f"),
        (rules.check_instance_profile, "arn:aws-cn:iam::123456789012:instance-profile/web/team"),
        (rules.check_target, f"i-{ID}"),
        (rules.check_target, "any name: it may be anybody's"),
        (rules.INSTANCE_TAGS.check_key, "team/größe"),
    ],
)
def test_good_values_stay(check: Callable[[str], str], good: str) -> None:
    assert check(good) == good


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        *(
            (rules.check_name, bad)
            for bad in ("", "x" * 64, "-a", "a-", "a.", "i-1", "a b", "a\n", "a,b", "$(id)", "é")
        ),
        *((rules.check_type, bad) for bad in ("", "nano", "t3.", ".nano", "t3.nano\n;", "t3 nano")),
        *((rules.check_image, bad) for bad in ("", "Ubuntu", "ami-", "ami-xyz", f"ami-{ID}0")),
        *((rules.check_subnet, bad) for bad in ("", "*", "subnet-*", "subnet-1", f"subnet-{ID}\n")),
        *((rules.check_instance_profile, bad) for bad in ("", "*", "a b", "a\n", "a" * 129, "arn:aws:iam::1:role/a")),
        *((check_request_id, bad) for bad in ("", "x" * 49, "a b", "a\n", "ä", f"I-{SHORT_ID}")),
        *((rules.check_target, bad) for bad in ("", "  ", "i-", "i-12345", f"i-{ID.upper()}", "x" * 257)),
        *(
            (rules.INSTANCE_TAGS.check_key, bad)
            for bad in ("", "k" * 129, "a\n", "a*", "aws:x", "AWS:x", "Name", "managed-by", "handrail:owner")
        ),
    ],
)
def test_bad_values_are_refused_with_a_hint(check: Callable[[str], str], bad: str) -> None:
    with pytest.raises(Usage) as caught:
        check(bad)
    assert caught.value.hint


def test_types_are_lower_case() -> None:
    assert rules.check_type(" T3.Nano ") == "t3.nano"


def test_tags() -> None:
    assert rules.INSTANCE_TAGS.parse(("a=1", "b=x=y", "c=", "a=1")) == {"a": "1", "b": "x=y", "c": ""}
    most = tuple(f"k{n}=v" for n in range(rules.INSTANCE_TAGS.most))
    assert len(rules.INSTANCE_TAGS.parse(most)) == 44
    for bad in (("a",), ("a=1", "a=2"), (f"a={'x' * 257}",), ("a=\t",), (*most, "more=x")):
        with pytest.raises(Usage):
            rules.INSTANCE_TAGS.parse(bad)


def test_user_data_has_a_limit() -> None:
    assert rules.check_user_data(b"x" * 16384, "boot.sh") == b"x" * 16384
    with pytest.raises(Usage, match="more than the 16,384 bytes"):
        rules.check_user_data(b"x" * 16385, "boot.sh")


@given(owner=st.text(st.characters(codec="utf-8"), max_size=80))
def test_a_made_up_name_is_always_a_name(owner: str) -> None:
    name = rules.name_from(owner, "abcd")
    assert rules.check_name(name) == name
    assert name.endswith("abcd")


@pytest.mark.parametrize(
    ("owner", "name"),
    [("dev-1", "dev-1-abcd"), ("jane@example.org", "jane-example.org-abcd"), ("i-i", "abcd"), ("+++", "abcd")],
)
def test_the_owner_is_in_the_name(owner: str, name: str) -> None:
    assert rules.name_from(owner, "abcd") == name


def test_burstable_types_run_on_credits() -> None:
    assert rules.KNOWN_TYPES["t4g.nano"].burstable
    assert not rules.is_burstable("trn1.2xlarge")


@pytest.mark.parametrize("move", rules.MOVES.values(), ids=lambda move: move.verb)
def test_a_state_means_one_thing_to_a_move(move: rules.Move) -> None:
    groups = (move.arriving, move.settles, move.impossible)
    named = [state for group in groups for state in group]
    assert len(named) == len(set(named))
    assert move.verb == "reboot" or move.goal not in named
