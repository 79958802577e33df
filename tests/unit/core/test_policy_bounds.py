"""Caps, home region, defaults, job servers, and whose things may be touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.core.errors import NotManaged, Refused
from handrail.core.policy import (
    OPEN,
    STRICT,
    Caps,
    Home,
    Policy,
    Touch,
    caps,
    default,
    home_region,
    ignored,
    is_job_server,
    may_touch,
    narrowest,
    parse_policy,
)


def policy(text: str, source: str = "handrail.toml") -> Policy:
    return parse_policy(text, source)


def test_the_tightest_cap_of_each_scope_holds() -> None:
    assert caps((STRICT,)) == Caps(account=2)
    assert caps((STRICT,)).rules == {"account": "ec2.max_running = 2 for this account (built-in strict)"}
    assert not caps((OPEN,))
    near = policy("[ec2]\nmax_running=5\nmax_running_per_owner=1\nmax_running_per_region=0")
    found = caps((near, STRICT))
    assert found == Caps(account=2, per_region=0, per_owner=1)
    assert found
    assert found.rules["per_owner"] == "ec2.max_running_per_owner = 1 for each owner (handrail.toml:3)"


@given(st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=4))
def test_another_policy_never_raises_a_cap(limits: list[int | None]) -> None:
    rules = tuple(policy(f"ec2.max_running = {n if n is not None else repr('none')}") for n in limits)
    stated = [limit for limit in limits if limit is not None]
    assert caps(rules).account == (min(stated) if stated else None)


def test_the_narrowest_word_holds() -> None:
    assert narrowest((OPEN,), "ec2.manage") == "any"
    assert narrowest((OPEN, STRICT), "ec2.manage") == "own"
    assert narrowest((policy("others='refuse'"), policy("others='allow'")), "others") == "refuse"
    assert narrowest((policy("s3.public='freely'"), STRICT), "s3.public") == "approval"


def test_the_default_of_the_policy_that_holds_is_taken() -> None:
    near, far = policy("ec2.default_subnet='subnet-0a1b2c3d'"), policy("ec2.default_subnet='subnet-99999999'")
    assert default((near, far), "ec2.default_subnet") == "subnet-99999999"
    assert default((near, STRICT), "ec2.default_subnet") is None
    assert ignored((near, STRICT), "ec2.default_subnet") == ("handrail.toml:1",)
    assert ignored((STRICT, near), "ec2.default_subnet") == ()
    assert ignored((policy("ec2.types=['t3.nano']"), STRICT), "ec2.types") == ()
    assert default((STRICT, far), "ec2.default_subnet") == "subnet-99999999"
    assert default((STRICT,), "ec2.default_subnet") is None


def test_the_home_region_and_who_says_so() -> None:
    west = policy("home_region='eu-west-1'")
    assert home_region((STRICT,)) == Home("us-east-1", "default")
    assert home_region((STRICT,), "eu-west-1") == Home("eu-west-1", "HANDRAIL_HOME_REGION")
    assert home_region((STRICT, west)) == Home("eu-west-1", "handrail.toml:1")
    assert home_region((west, STRICT), "eu-west-1") == Home("eu-west-1", "HANDRAIL_HOME_REGION")
    assert home_region((policy("home_region='us-east-1'"), STRICT)) == Home("us-east-1", "default")


def test_a_file_that_was_found_can_not_move_the_home_region() -> None:
    west, east = policy("home_region='eu-west-1'"), policy("home_region='us-east-1'", "/etc/policy.toml")
    with pytest.raises(
        Refused, match=r"the home region is us-east-1 by /etc/policy.toml:1, and eu-west-1 by"
    ) as caught:
        home_region((west, east))
    assert caught.value.hint.endswith("take the line out of it")
    assert [fact[1] for fact in caught.value.facts] == [
        "home_region = us-east-1 (/etc/policy.toml:1)",
        "home_region = eu-west-1 (handrail.toml:1)",
    ]
    assert {reason["key"] for reason in caught.value.details["reasons"]} == {"home_region"}
    with pytest.raises(Refused, match=r"us-east-1 by default, and eu-west-1 by handrail\.toml:1") as caught:
        home_region((west, STRICT))
    assert caught.value.hint.endswith("or export HANDRAIL_HOME_REGION=eu-west-1")


def test_two_home_regions_are_refused() -> None:
    with pytest.raises(Refused, match="by HANDRAIL_HOME_REGION") as caught:
        home_region((policy("home_region='eu-west-1'"),), "us-east-1")
    assert "make them agree" in caught.value.hint


ARN = "arn:aws:sts::111122223333:assumed-role/console/box-1"


def test_a_job_server_is_believed_only_by_the_outermost_policy() -> None:
    listing, other = policy("job_servers=['arn:*:assumed-role/console/*', 'ci']"), policy("job_servers=['x']")
    assert is_job_server((listing,), ARN, "box-1")
    assert is_job_server((listing,), "arn:other", "ci")
    assert is_job_server((STRICT, listing), ARN, "box-1")
    assert not is_job_server((listing, STRICT), ARN, "box-1")
    assert not is_job_server((other, listing), ARN, "box-1")
    assert not is_job_server((STRICT,), ARN, "box-1")
    assert not is_job_server((listing,), "arn:other", "dev-1")


def touch(rules: tuple[Policy, ...], *, managed: bool = True, owner: str = "dev-1", service: str = "ec2") -> Touch:
    return may_touch(rules, service, name="i-1", managed=managed, owner=owner, caller="dev-1")


@pytest.mark.parametrize("service", ["ec2", "s3", "route53"])
def test_ones_own_things_may_be_touched_freely(service: str) -> None:
    assert touch((STRICT,), service=service) is Touch.FREELY


@pytest.mark.parametrize(("service", "listing"), [("ec2", "ec2"), ("s3", "s3"), ("route53", "route53 zone")])
def test_what_handrail_did_not_make_is_left_alone(service: str, listing: str) -> None:
    with pytest.raises(NotManaged) as caught:
        touch((OPEN, STRICT), managed=False, service=service)
    assert caught.value.message == "i-1 is not managed by Handrail; nothing was changed."
    assert caught.value.hint == f"handrail {listing} list --all"
    assert caught.value.exit_code == 4


def test_open_touches_any_instance_after_asking() -> None:
    assert touch((OPEN,), managed=False, owner="") is Touch.ASK_FOREIGN


def test_another_owners_things() -> None:
    assert touch((STRICT,), owner="dev-2") is Touch.ASK_OWNER
    assert touch((policy("others='allow'"),), owner="dev-2") is Touch.FREELY
    assert touch((policy("others='allow'"), STRICT), owner="dev-2") is Touch.ASK_OWNER
    with pytest.raises(Refused) as caught:
        touch((STRICT, policy("others='refuse'", "p.toml")), owner="dev-2")
    error = caught.value
    assert error.message == "i-1 belongs to dev-2, and the policy lets nobody change what another owner has."
    assert error.facts == (("rule", "others = refuse (p.toml:1)"),)
    assert error.hint == "ask dev-2 to do it"
    assert error.details["reasons"][0]["key"] == "others"
