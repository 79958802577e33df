"""A file that was merely found only narrows: whatever it says, nothing more is allowed, and nothing else is chosen."""

from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from handrail.core.errors import NotManaged, Refused, Usage
from handrail.core.plan import Claim
from handrail.core.policy.document import Policy, parse_policy
from handrail.core.policy.keys import KEYS, Found, Key
from handrail.core.policy.rules import Context, Rules, Touch

PLACES = ((Context("sandbox", "123456789012", "dev-1"), ""), (Context("aws", "111122223333", "dev-1"), "eu-west-1"))
PRINCIPALS = (
    ("arn:aws:sts::111122223333:assumed-role/handrail-console/x", "ci"),
    ("arn:aws:iam::1:user/dev-1", "dev-1"),
)

# Of every key, what a file may say and, where claims are about it, what may be wanted.
SAID: dict[str, list[str]] = {
    "preset": ['"strict"', '"open"'],
    "accounts": ['["111122223333"]', '["999988887777"]'],
    "home_region": ['"us-east-1"', '"eu-west-1"'],
    "others": ['"refuse"', '"ask"', '"allow"'],
    "job_servers": ["[]", '["ci"]', '["*"]', '["arn:*:assumed-role/handrail-console/*"]'],
    "ec2.types": ["[]", '["*"]', '["m5.large", "t3.nano"]', '["t4g.*"]', '["m5.24xlarge"]'],
    "ec2.default_type": ['"t3.nano"', '"t4g.nano"', '"m5.large"'],
    "ec2.images": ["[]", '["*"]', '["ami-0a1b2c3d"]', '["amazon-linux"]'],
    "ec2.regions": ["[]", '["*"]', '["eu-*"]', '["us-east-1"]'],
    "ec2.max_running": ["0", "1", "50", '"none"'],
    "ec2.max_running_per_region": ["0", "5", '"none"'],
    "ec2.max_running_per_owner": ["1", "9", '"none"'],
    "ec2.required_tags": ["[]", '["team"]', '{ team = "a" }'],
    "ec2.names": ["[]", '["*"]', '["{owner}-*"]', '["web"]'],
    "ec2.key_pairs": ["[]", '["*"]', '["team-*"]'],
    "ec2.security_groups": ["[]", '["*"]', '["web-*"]'],
    "ec2.subnets": ['["*"]', '["subnet-0a1b2c3d"]'],
    "ec2.instance_profiles": ["[]", '["*"]', '["web-*"]'],
    "ec2.user_data": ["true", "false"],
    "ec2.default_key_pair": ['"team-key"'],
    "ec2.default_security_groups": ['["web-1", "sg-0a1b2c3d"]'],
    "ec2.default_subnet": ['"subnet-0a1b2c3d"'],
    "ec2.credits": ['"standard"', '"unlimited"'],
    "ec2.manage": ['"own"', '"any"'],
    "s3.public": ['"never"', '"approval"', '"freely"'],
    "s3.names": ['["*"]', '["acme-{owner}-*"]'],
    "s3.regions": ['["*"]', '["eu-*"]'],
    "s3.versioning": ["true", "false"],
    "s3.required_tags": ["[]", '["team"]'],
    "s3.secret_files": ["[]", '[".env"]', '["*"]'],
    "s3.manage": ['"own"', '"any"'],
    "route53.zone_suffixes": ["[]", '["org"]', '["dev.example.org"]'],
    "route53.record_types": ["[]", '["A"]'],
    "route53.ttl_min": ["0", "60"],
    "route53.ttl_max": ["0", "86400"],
    "route53.manage": ['"own"', '"any"'],
}
WANTED: dict[str, list[Any]] = {
    "accounts": ["111122223333", "999988887777"],
    "ec2.types": ["t3.nano", "t4g.nano", "m5.large", "m5.24xlarge"],
    "ec2.images": ["ubuntu", "amazon-linux", "ami-0a1b2c3d"],
    "ec2.regions": ["us-east-1", "eu-west-1"],
    "ec2.required_tags": [{}, {"team": "a"}, {"team": "b"}],
    "ec2.names": ["web", "dev-1-web", "dev-2-web"],
    "ec2.key_pairs": ["team-key", "mine"],
    "ec2.security_groups": ["web-1", "sg-0a1b2c3d"],
    "ec2.subnets": ["subnet-0a1b2c3d", "subnet-99999999"],
    "ec2.instance_profiles": ["web-1", "admin"],
    "ec2.user_data": [True, False],
    "ec2.credits": ["standard", "unlimited"],
    "s3.public": [True, False],
    "s3.names": ["press", "acme-dev-1-x"],
    "s3.regions": ["us-east-1", "eu-west-1"],
    "s3.versioning": [True, False],
    "s3.required_tags": [{}, {"team": "a"}],
    "s3.secret_files": [".env", "a/key.pem", "index.html"],
    "route53.zone_suffixes": ["dev.example.org", "a.org", "b.net"],
    "route53.record_types": ["A", "TXT"],
    "route53.ttl_min": [0, 60],
    "route53.ttl_max": [0, 60, 100_000],
}


def policies(source: str) -> st.SearchStrategy[Policy]:
    """Return policies that say some keys in one of the ways of SAID."""
    some = st.dictionaries(st.sampled_from(sorted(SAID)), st.integers(0, 9), max_size=8)
    return some.map(lambda keys: _parsed(keys, source))


def _parsed(keys: dict[str, int], source: str) -> Policy:
    try:
        return parse_policy("\n".join(f"{key} = {SAID[key][n % len(SAID[key])]}" for key, n in keys.items()), source)
    except Usage:  # a default that its own list forbids, or bounds the wrong way round
        reject()


def test_every_key_says_what_it_does_in_a_found_file_and_is_tried_here() -> None:
    assert SAID.keys() == KEYS.keys()
    assert WANTED.keys() == {key.name for key in KEYS.values() if key.is_claimed}
    for key in KEYS.values():
        assert isinstance(key.found, Found)
        assert (key.found is Found.IGNORED) == bool(key.default_of)
        if key.found is Found.JUDGES:
            assert key.is_claimed, key.name
        assert not (key.found is Found.TIGHTENS and not key.ranks) or key.name in _CAPS


_CAPS = ("ec2.max_running", "ec2.max_running_per_region", "ec2.max_running_per_owner")


def _over(*policies: Policy, place: tuple[Context, str] = PLACES[0]) -> Rules:
    context, home = place
    return Rules(lambda: policies, lambda: context, home)


def _claims(key: Key) -> list[Claim]:
    return [Claim(key.name, value) for value in WANTED[key.name]]


@given(policies("handrail.toml"), policies("team.toml"), st.sampled_from(PLACES))
def test_a_found_file_allows_nothing_that_is_not_allowed_without_it(
    near: Policy, outer: Policy, place: tuple[Context, str]
) -> None:
    both, alone = _over(near, outer, place=place), _over(outer, place=place)
    for key in KEYS.values():
        if key.is_claimed:
            for claim in _claims(key):
                if not both.judge([claim]):
                    assert not alone.judge([claim]), claim
        if key.ranks and key.name != "preset":
            rank = key.ranks.index
            assert rank(both.narrowest(key.name)) <= rank(alone.narrowest(key.name))
        if key.found is Found.IGNORED:
            assert both.default(key.name) == alone.default(key.name)
    for mine, limit in zip(_caps(both), _caps(alone), strict=True):
        assert mine <= limit
    for arn, owner in PRINCIPALS:
        assert not both.believes(arn, owner) or alone.believes(arn, owner)


def _caps(rules: Rules) -> list[float]:
    found = {cap.scope: float(cap.limit) for cap in rules.caps}
    return [found.get(scope, float("inf")) for scope in ("account", "region", "owner")]


@given(policies("handrail.toml"), policies("team.toml"), st.sampled_from(PLACES))
def test_a_found_file_chooses_no_type_that_would_not_be_chosen_or_allowed_without_it(
    near: Policy, outer: Policy, place: tuple[Context, str]
) -> None:
    def takes(policy: Policy, type: str) -> bool:
        reasons = _over(policy, place=place).judge([Claim("ec2.types", type)])
        return all(reason.key != "ec2.types" for reason in reasons)  # which account it is, is judged with any claim

    def chosen(*policies: Policy) -> str | None:
        try:
            return _over(*policies, place=place).default_type()
        except (Refused, Usage):
            return None

    mine, without = chosen(near, outer), chosen(outer)
    if mine is not None:
        assert takes(outer, mine)
        if without is not None and takes(near, without):
            assert mine == without


@given(policies("handrail.toml"), policies("team.toml"), st.sampled_from(["", "us-east-1", "eu-west-1"]))
def test_a_found_file_never_moves_the_home_region(near: Policy, outer: Policy, chosen: str) -> None:
    try:
        mine = _over(near, outer, place=(PLACES[0][0], chosen)).home
    except Refused:
        assume(False)
    assert mine == _over(outer, place=(PLACES[0][0], chosen)).home


_EASE = [Touch.FREELY, Touch.ASK_OWNER, Touch.ASK_FOREIGN]


@given(policies("handrail.toml"), policies("team.toml"), st.booleans(), st.sampled_from(["dev-1", "dev-2"]))
@pytest.mark.parametrize("service", ["ec2", "s3", "route53"])
def test_a_found_file_never_makes_it_easier_to_touch_a_thing(
    service: str, near: Policy, outer: Policy, managed: bool, owner: str
) -> None:
    def ease(*policies: Policy) -> int:
        try:
            return _EASE.index(_over(*policies).touch(service, name="x", managed=managed, owner=owner))
        except (NotManaged, Refused):
            return len(_EASE)

    assert ease(near, outer) >= ease(outer)
