"""What a narrowing file says in vain: wider than the policy that holds too, or so that nothing passes."""

import pytest

from handrail.core.policy.document import OPEN, STRICT, Policy, parse_policy
from handrail.core.policy.keys import KEYS, Found
from handrail.core.policy.rules import Context, Rules


def policy(text: str, source: str = "handrail.toml") -> Policy:
    return parse_policy(text, source)


def over(policies: tuple[Policy, ...], home: str = "") -> Rules:
    return Rules(lambda: policies, lambda: Context("no matter"), home)


def found(near: str, outer: str | Policy = STRICT, target: str = "aws", home: str = "") -> tuple[str, ...]:
    holding = policy(outer, "team.toml") if isinstance(outer, str) else outer
    return over((policy(near), holding), home).without_effect(target)


def test_what_goes_beyond_is_named_with_both_rules() -> None:
    assert found("[ec2]\ntypes = ['t3.nano', 't4g.*']\nmax_running = 5") == (
        "ec2.types = t4g.* (handrail.toml:2) has no effect beyond ec2.types = t3.nano, t4g.nano (built-in strict)",
        "ec2.max_running = 5 (handrail.toml:3) has no effect beyond ec2.max_running = 2 (built-in strict)",
    )


@pytest.mark.parametrize(
    ("near", "outer", "part"),
    [
        ("accounts=['111122223333', '444455556666']", "accounts=['111122223333']", "444455556666"),
        ("others='allow'", "", "allow"),
        ("job_servers=['ci']", "", "ci"),
        ("ec2.images=['ubuntu', 'ami-*']", "", "ami-*"),
        ("ec2.default_type='m5.large'\nec2.types=['m5.large', 't3.nano']", "", "m5.large"),
        ("ec2.default_security_groups=['a', 'b']", "ec2.security_groups=['a']", "a, b"),
        ("ec2.max_running='none'", "", "no cap"),
        ("ec2.max_running_per_owner=3", "ec2.max_running_per_owner=1", "3"),
        ("ec2.regions=['us-east-1', 'eu-west-1']", "", "eu-west-1"),
        ("ec2.key_pairs=['*']", "ec2.key_pairs=['team-*']", "*"),
        ("ec2.user_data=true", "ec2.user_data=false", "true"),
        ("ec2.credits='unlimited'", "", "unlimited"),
        ("ec2.manage='any'", "", "any"),
        ("s3.public='freely'", "", "freely"),
        ("s3.versioning=false", "s3.versioning=true", "false"),
        ("s3.secret_files=['.env']", "s3.secret_files=['.env', '*.pem']", "*.pem"),
        ("ec2.required_tags=[]", "ec2.required_tags={team='a*'}", "team=a*"),
        ("ec2.required_tags={team='*'}", "ec2.required_tags={team='a*'}", "team=a*"),
        ("route53.zone_suffixes=['a.org', 'b.org']", "route53.zone_suffixes=['a.org']", "b.org"),
        ("ec2.names=['team-*', '{owner}-*']", "ec2.names=['{owner}-*']", "team-*"),
        ("route53.ttl_min=1", "route53.ttl_min=60", "1"),
        ("route53.ttl_max=90", "route53.ttl_max=60", "90"),
    ],
)
def test_a_key_that_is_wider(near: str, outer: str, part: str) -> None:
    (first, *_) = [one for one in found(near, outer) if f"{part} (handrail.toml:" in one]
    assert "has no effect" in first


@pytest.mark.parametrize(
    ("near", "outer"),
    [
        ("", ""),
        ("preset='strict'", "ec2.types=['t3.nano']"),
        ("ec2.types=['t3.nano']\nec2.max_running=1\nothers='refuse'\nec2.regions=['us-east-1']", ""),
        ("ec2.types=['t3.nano', 't3.large']", "ec2.types=['t3.*']"),
        ("ec2.names=['{owner}-web']", "ec2.names=['{owner}-*']"),
        ("ec2.required_tags={team='a1', stage='x'}", "ec2.required_tags={team='a*'}"),
        ("s3.secret_files=['.env', 'x']", "s3.secret_files=['.env']"),
        ("route53.zone_suffixes=['x.a.org']", "route53.zone_suffixes=['a.org']"),
        ("ec2.user_data=false\ns3.versioning=true", ""),
        ("ec2.max_running='none'", "preset='open'"),
        ("ec2.key_pairs=[]", ""),
    ],
)
def test_what_narrows_or_says_the_same_is_fine(near: str, outer: str) -> None:
    assert found(near, outer) == ()


def test_on_the_sandbox_every_region_holds() -> None:
    near = "ec2.regions=['us-east-1', 'eu-west-1']"
    assert found(near, target="sandbox") == ()
    assert len(found(near)) == 1
    assert "eu-west-1 (built-in strict)" in found(near, home="eu-west-1")[0]


def test_the_preset_open_is_said_once() -> None:
    assert found("\npreset = 'open'") == (
        "preset = open (handrail.toml:2) has no effect where built-in strict allows less",
    )
    assert found("preset='open'", OPEN) == ()
    assert found("preset='open'", "preset='open'\nroute53.zone_suffixes=['a.org']") != ()
    assert over((policy("preset='open'"),)).without_effect("aws") == ()


@pytest.mark.parametrize(
    ("near", "outer", "rules"),
    [
        ("ec2.types=[]", "", "ec2.types = nothing (handrail.toml:1)"),
        ("ec2.types=['t3.large']", "",
         "ec2.types = t3.large (handrail.toml:1) and ec2.types = t3.nano, t4g.nano (built-in strict)"),
        ("s3.names=['a-*']", "s3.names=['b-*']", "s3.names = a-* (handrail.toml:1) and s3.names = b-* (team.toml:1)"),
    ],
)  # fmt: skip
def test_a_key_that_nothing_passes(near: str, outer: str, rules: str) -> None:
    assert found(near, outer) == (f"nothing passes {rules}",)


def test_every_key_that_can_narrow_can_be_compared() -> None:
    assert {key.name for key in KEYS.values() if not key.judge and not key.ranks} == {
        "home_region",
        *(key.name for key in KEYS.values() if key.found is Found.IGNORED),
    }
