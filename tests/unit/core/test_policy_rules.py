"""Caps, home region, defaults, job servers, and whose things may be touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.core.errors import NotManaged, Refused
from handrail.core.plan import Cap
from handrail.core.policy.document import OPEN, STRICT, Policy, parse_policy
from handrail.core.policy.rules import Context, Home, Rules, Touch


def policy(text: str, source: str = "handrail.toml") -> Policy:
    return parse_policy(text, source)


def over(*policies: Policy, home: str = "") -> Rules:
    """Return the rules of these policies, as dev-1 meets them in the sandbox."""
    return Rules(lambda: policies, lambda: Context("sandbox", owner="dev-1"), home)


def test_the_tightest_cap_of_each_scope_holds() -> None:
    assert over(STRICT).caps == [Cap("account", 2, "ec2.max_running", "built-in strict")]
    assert over(STRICT).account_cap == 2
    assert over(OPEN).caps == []
    assert over(OPEN).account_cap is None
    near = policy("[ec2]\nmax_running=5\nmax_running_per_owner=1\nmax_running_per_region=0")
    assert over(near, STRICT).caps == [
        Cap("account", 2, "ec2.max_running", "built-in strict"),
        Cap("region", 0, "ec2.max_running_per_region", "handrail.toml:4"),
        Cap("owner", 1, "ec2.max_running_per_owner", "handrail.toml:3"),
    ]


@given(st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=4))
def test_another_policy_never_raises_a_cap(limits: list[int | None]) -> None:
    policies = [policy(f"ec2.max_running = {n if n is not None else repr('none')}") for n in limits]
    stated = [limit for limit in limits if limit is not None]
    assert over(*policies).account_cap == (min(stated) if stated else None)


def test_the_narrowest_word_holds() -> None:
    assert over(OPEN).narrowest("ec2.manage") == "any"
    assert over(OPEN, STRICT).narrowest("ec2.manage") == "own"
    assert over(policy("others='refuse'"), policy("others='allow'")).narrowest("others") == "refuse"
    assert over(policy("s3.public='freely'"), STRICT).narrowest("s3.public") == "approval"


def test_the_default_of_the_policy_that_holds_is_taken_and_one_that_was_found_is_told() -> None:
    key, said = "ec2.default_subnet", list[str]()
    near, far = policy("ec2.default_subnet='subnet-0a1b2c3d'"), policy("ec2.default_subnet='subnet-99999999'")

    def default(*policies: Policy) -> object:
        return Rules(lambda: policies, lambda: Context("sandbox"), note=said.append).default(key)

    assert default(STRICT, far) == "subnet-99999999"
    assert default(STRICT) is None
    assert said == []
    assert default(near, far) == "subnet-99999999"
    assert default(near, STRICT) is None
    sentence = f"{key} is ignored: handrail.toml:1 was only found, and such a file chooses no defaults"
    assert said == [sentence, sentence]


def test_where_instances_may_run_without_a_place() -> None:
    named = policy("ec2.regions=['us-east-1', 'eu-*', 'eu-west-1']")
    assert over(STRICT, named).watched("eu-west-1") == ["eu-west-1", "us-east-1"]
    assert over(named, STRICT).watched("eu-west-1") == ["eu-west-1"]


def test_the_home_region_and_who_says_so() -> None:
    west = policy("home_region='eu-west-1'")
    assert over(STRICT).home == Home("us-east-1", "default")
    assert over(STRICT, home="eu-west-1").home == Home("eu-west-1", "HANDRAIL_HOME_REGION")
    assert over(STRICT, west).home == Home("eu-west-1", "handrail.toml:1")
    assert over(west, STRICT, home="eu-west-1").home == Home("eu-west-1", "HANDRAIL_HOME_REGION")
    assert over(policy("home_region='us-east-1'"), STRICT).home == Home("us-east-1", "default")


def test_a_file_that_was_found_can_not_move_the_home_region() -> None:
    west, east = policy("home_region='eu-west-1'"), policy("home_region='us-east-1'", "/etc/policy.toml")
    with pytest.raises(
        Refused, match=r"the home region is us-east-1 by /etc/policy.toml:1, and eu-west-1 by"
    ) as caught:
        _ = over(west, east).home
    assert caught.value.hint.endswith("take the line out of it")
    assert [fact[1] for fact in caught.value.facts] == [
        "home_region = us-east-1 (/etc/policy.toml:1)",
        "home_region = eu-west-1 (handrail.toml:1)",
    ]
    assert {reason["key"] for reason in caught.value.details["reasons"]} == {"home_region"}
    with pytest.raises(Refused, match=r"us-east-1 by default, and eu-west-1 by handrail\.toml:1") as caught:
        _ = over(west, STRICT).home
    assert caught.value.hint.endswith("or export HANDRAIL_HOME_REGION=eu-west-1")


def test_two_home_regions_are_refused() -> None:
    with pytest.raises(Refused, match="by HANDRAIL_HOME_REGION") as caught:
        _ = over(policy("home_region='eu-west-1'"), home="us-east-1").home
    assert "make them agree" in caught.value.hint


ARN = "arn:aws:sts::111122223333:assumed-role/console/box-1"


def test_a_job_server_is_believed_only_by_the_outermost_policy() -> None:
    listing, other = policy("job_servers=['arn:*:assumed-role/console/*', 'ci']"), policy("job_servers=['x']")
    assert over(listing).believes(ARN, "box-1")
    assert over(listing).believes("arn:other", "ci")
    assert over(STRICT, listing).believes(ARN, "box-1")
    assert not over(listing, STRICT).believes(ARN, "box-1")
    assert not over(other, listing).believes(ARN, "box-1")
    assert not over(STRICT).believes(ARN, "box-1")
    assert not over(listing).believes("arn:other", "dev-1")


def touch(rules: tuple[Policy, ...], *, managed: bool = True, owner: str = "dev-1", service: str = "ec2") -> Touch:
    return over(*rules).touch(service, name="i-1", managed=managed, owner=owner)


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
