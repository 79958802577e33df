"""Judging: every policy must let a plan pass; a refusal tells all reasons, where they stand, and what would do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.core.command_line import NO_LINE, Line, Said
from handrail.core.errors import HandrailError, Internal, Refused, Usage
from handrail.core.plan import Claim
from handrail.core.policy.document import OPEN, STRICT, Policy, parse_policy
from handrail.core.policy.reasons import Reason, refusal
from handrail.core.policy.rules import Context, Rules
from handrail.core.secret_files import SECRET_FILES

SANDBOX = Context("sandbox", "000000000000", "dev-1")
AWS = Context("aws", "111122223333", "dev-1")


def policy(text: str, source: str = "handrail.toml") -> Policy:
    return parse_policy(text, source)


def over(policies: tuple[Policy, ...], context: Context = SANDBOX, home: str = "", line: Line = NO_LINE) -> Rules:
    """Return the rules of these policies for a context; home: what HANDRAIL_HOME_REGION says."""
    return Rules(lambda: policies, lambda: context, home, line)


def refused(policies: tuple[Policy, ...], *claims: Claim, context: Context = SANDBOX) -> Refused:
    with pytest.raises(Refused) as caught:
        over(policies, context, line=typed(*claims)).check(claims)
    return caught.value


def typed(*claims: Claim, command: str = "handrail ec2 create") -> Line:
    """Return the line that a person typed who makes these claims."""
    return Line(command, tuple(said(claim) for claim in claims))


def said(claim: Claim) -> Said:
    if isinstance(claim.value, dict):
        return Said(claim.option, tuple(f"{key}={value}" for key, value in claim.value.items()), many=True)
    return Said(claim.option, (str(claim.value),))


def passes(rules: Rules, key: str, value: Any) -> bool:
    return not rules.judge([Claim(key, value)])


def test_a_refused_type_reads_as_promised() -> None:
    error = refused((STRICT,), Claim("ec2.types", "t3.lrge", "--type"))
    assert error.message == "t3.lrge is not an instance type that the policy allows."
    assert error.facts == (("rule", "ec2.types = t3.nano, t4g.nano (built-in strict)"),)
    assert error.hint == "handrail ec2 create --type t3.nano"
    assert error.exit_code == 3
    assert error.details["reasons"] == [
        {
            "key": "ec2.types",
            "value": "t3.lrge",
            "option": "--type",
            "rule": "ec2.types = t3.nano, t4g.nano",
            "source": "built-in strict",
            "passes": False,
            "message": error.message,
            "would_pass": ["t3.nano", "t4g.nano"],
        }
    ]


def test_the_nearest_allowed_value_is_offered() -> None:
    assert refused((STRICT,), Claim("ec2.types", "t4g.nao", "--type")).hint == "handrail ec2 create --type t4g.nano"


TEAM = """[ec2]
types = ["t4g.*"]
names = ["{owner}-*"]
user_data = false
required_tags = { team = "a*", stage = "test" }
[route53]
zone_suffixes = ["dev.example.org"]
ttl_min = 60
"""


def test_all_reasons_come_at_once_with_one_line_that_would_work() -> None:
    error = refused(
        (policy(TEAM),),
        Claim("ec2.types", "m5.large", "--type"),
        Claim("ec2.names", "we b", "--name"),
        Claim("ec2.user_data", True, "--user-data"),
        Claim("ec2.required_tags", {"team": "b"}, "--tag"),
        Claim("route53.zone_suffixes", "foo.test.", "DOMAIN"),
        Claim("route53.ttl_min", 30, "--ttl"),
        Claim("ec2.images", "ubuntu", "--image"),
    )
    assert error.message == "the policy refuses 7 things here."
    assert error.hint == (
        "handrail ec2 create --type t4g.large --name dev-1-we-b --tag team=ab --tag stage=test "
        "foo.dev.example.org --ttl 60 --image ubuntu"
    )
    assert error.facts[:6] == (
        ("refused", "m5.large is not an instance type that the policy allows."),
        ("rule", "ec2.types = t4g.* (handrail.toml:2)"),
        ("refused", '"we b" is not an instance name that the policy allows.'),
        ("rule", "ec2.names = dev-1-* (handrail.toml:3)"),
        ("refused", "user data may not be given under this policy."),
        ("rule", "ec2.user_data = false (handrail.toml:4)"),
    )
    assert [reason["value"] for reason in error.details["reasons"]] == [
        "m5.large", "we b", True, "team", "stage", "foo.test.", 30,
    ]  # fmt: skip


def test_two_policies_that_refuse_the_same_are_one_message_with_two_rules() -> None:
    near = policy('ec2.types = ["t3.micro", "t4g.nano"]')
    error = refused((near, STRICT), Claim("ec2.types", "t3.large", "--type"))
    assert error.message == "t3.large is not an instance type that the policy allows."
    assert [fact[1] for fact in error.facts] == [
        "ec2.types = t3.micro, t4g.nano (handrail.toml:1)",
        "ec2.types = t3.nano, t4g.nano (built-in strict)",
    ]
    assert error.hint == "handrail ec2 create --type t4g.nano"


def test_the_same_rule_is_told_once() -> None:
    assert len(refused((policy(""), STRICT), Claim("ec2.types", "t3.large", "--type")).facts) == 1


def test_many_reasons_and_long_rules_are_cut() -> None:
    many = policy(f"ec2.types = {[f'm5.{n}large' for n in range(12)]}")
    error = refused((many,), *(Claim("ec2.types", f"t3.x{n}", "--type") for n in range(10)))
    assert error.facts[-1] == ("refused", "and 2 more")
    assert error.facts[-2][1].endswith("m5.7large, and 4 more (handrail.toml:1)")
    assert len(error.details["reasons"]) == 10


@pytest.mark.parametrize(
    ("rules", "claim", "hint"),
    [
        ("ec2.types=[]", Claim("ec2.types", "t3.nano", "--type"), "no value passes: whoever keeps handrail.toml must"),
        ("ec2.images=['ami-*']", Claim("ec2.images", "ubuntu", ""), "give a value as the rule says"),
        ("ec2.types=['t3.n*']", Claim("ec2.types", "t4g.nano", "--type"), "give --type as the rule says"),
        ("ec2.types=['m5.*']", Claim("ec2.types", "m4.lrge", "--type"), "x --type m5.large"),
        ("ec2.names=['a?-*']", Claim("ec2.names", "web", "--name"), "x --name ax-web"),
        ("ec2.names=['[ab]*']", Claim("ec2.names", "web", "--name"), "x --name aweb"),
        ("ec2.names=['[!w]']", Claim("ec2.names", "web", "--name"), "give --name as the rule says"),
        ("ec2.key_pairs=[]", Claim("ec2.key_pairs", "mine", "--key-pair"), "x"),
        ("ec2.key_pairs=['team key']", Claim("ec2.key_pairs", "mine", "--key-pair"), "x --key-pair 'team key'"),
        ("ec2.credits='standard'", Claim("ec2.credits", "unlimited", "--credits"), "x --credits standard"),
        ("s3.public='never'", Claim("s3.public", True, "--public"), "x"),
        ("s3.versioning=true", Claim("s3.versioning", False, "--versioning"), "x"),
        ("s3.secret_files=['.env']", Claim("s3.secret_files", "a/.ENV", "PATH"), "leave it out, or use a private"),
        ("route53.ttl_max=9", Claim("route53.ttl_max", 10, "--ttl"), "x --ttl 9"),
        ("route53.record_types=['TXT']", Claim("route53.record_types", "A", "TYPE"), "x TXT"),
        ("s3.regions=['eu-west-1']", Claim("s3.regions", "us-east-1", "--region"), "x --region eu-west-1"),
        ("ec2.required_tags={a='[xy]'}", Claim("ec2.required_tags", {}, "--tag"), "x --tag a=x"),
        ("ec2.required_tags={a='cc-*'}", Claim("ec2.required_tags", {}, "--tag"), "x --tag a=cc-VALUE"),
        ("ec2.required_tags={a='cc-*'}", Claim("ec2.required_tags", {"a": "7", "b": "8"}, "--tag"),
         "x --tag a=cc-7 --tag b=8"),
        ("ec2.required_tags={a='[!b]c'}", Claim("ec2.required_tags", {}, "--tag"), "give --tag as the rule says"),
    ],
)  # fmt: skip
def test_the_hint_is_a_line_that_works_or_says_what_to_do(rules: str, claim: Claim, hint: str) -> None:
    reasons = over((policy(rules),)).judge([claim])
    assert reasons
    found = refusal(reasons, typed(claim, command="x")).hint
    assert found.startswith(hint)
    if hint.startswith("x"):
        assert found == hint


@pytest.mark.parametrize(
    ("rules", "claim"),
    [
        ("", Claim("ec2.key_pairs", "anything", "--key-pair")),
        ("ec2.types=['t3.*']", Claim("ec2.types", "t3.large")),
        ("ec2.required_tags=['team']", Claim("ec2.required_tags", {"team": "x", "more": ""})),
        ("", Claim("ec2.required_tags", {})),
        ("ec2.credits='unlimited'", Claim("ec2.credits", "unlimited")),
        ("ec2.user_data=false", Claim("ec2.user_data", False)),
        ("s3.public='never'", Claim("s3.public", False)),
        ("s3.versioning=true", Claim("s3.versioning", True)),
        ("", Claim("s3.versioning", False)),
        ("", Claim("s3.secret_files", "site/index.html")),
        ("route53.zone_suffixes=['Example.org.']", Claim("route53.zone_suffixes", "A.EXAMPLE.org.")),
        ("route53.zone_suffixes=['example.org']", Claim("route53.zone_suffixes", "example.org")),
        ("", Claim("route53.zone_suffixes", "example.org")),
        ("route53.ttl_min=60", Claim("route53.ttl_min", 60)),
        ("", Claim("route53.ttl_max", 60)),
    ],
)
def test_what_passes(rules: str, claim: Claim) -> None:
    assert over((policy(rules),)).judge([claim]) == []


@pytest.mark.parametrize("name", ["notexample.org", "org", "example.org.evil.com"])
def test_a_suffix_is_of_whole_labels(name: str) -> None:
    assert not passes(over((policy("route53.zone_suffixes=['example.org']"),)), "route53.zone_suffixes", name)


@pytest.mark.parametrize(
    "path",
    [".env", "site/.env", ".ENV", "a/.env.local", "keys/ID_RSA", "x.pem", "home/.ssh/config", ".docker/config.json",
     "a/.docker/config.json", r"a\.aws\config", "terraform.tfstate", "repo/.git/config"],
)  # fmt: skip
def test_files_that_look_like_secrets(path: str) -> None:
    assert [reason.key for reason in over((OPEN,)).judge([Claim("s3.secret_files", path)])] == ["s3.secret_files"]


@pytest.mark.parametrize("path", ["environment.html", "docker/config.json", "assets/key.svg", "gitignore.txt"])
def test_files_that_do_not(path: str) -> None:
    assert len(SECRET_FILES) > 30
    assert over((OPEN,)).judge([Claim("s3.secret_files", path)]) == []


def test_case_matters_in_names_and_the_owner_is_no_pattern() -> None:
    rules = (policy('ec2.names = ["{owner}-*", "Web"]'),)
    assert passes(over(rules), "ec2.names", "Web")
    assert not passes(over(rules), "ec2.names", "web")
    assert not passes(over(rules, Context("sandbox", owner="*")), "ec2.names", "anybody-x")
    assert passes(over(rules, Context("sandbox", owner="*")), "ec2.names", "*-x")


def test_only_the_home_region_on_aws_every_region_in_the_sandbox() -> None:
    claim = [Claim("ec2.regions", "eu-west-1", "--region")]
    assert over((STRICT,)).judge(claim) == []
    (reason,) = over((STRICT,), AWS).judge(claim)
    assert reason.rule == "ec2.regions = us-east-1, the home region"
    assert reason.would_pass == ("us-east-1",)
    assert over((STRICT,), Context("aws"), "eu-west-1").judge(claim) == []
    assert over((policy("home_region='eu-west-1'"),), AWS).judge(claim) == []
    assert over((policy("ec2.regions=['eu-*']"),), AWS).judge(claim) == []
    assert over((policy("ec2.regions=['us-*']"),)).judge(claim)
    assert over((OPEN,), AWS).judge(claim) == []


def test_a_nearer_policy_does_not_move_the_home_region_under_an_outer_one() -> None:
    claim = [Claim("ec2.regions", "eu-west-1")]
    near = policy("home_region='eu-west-1'")
    assert [reason.source for reason in over((near, STRICT), AWS).judge(claim)] == ["built-in strict"]
    # Without a word of its own, the nearer one takes that of the outer.
    assert over((STRICT, near), AWS).judge(claim) == []


def test_accounts_are_judged_unasked_on_aws_and_never_in_the_sandbox() -> None:
    rules = (policy("accounts=['999988887777']"),)
    (reason,) = over(rules, AWS).judge([])
    assert (reason.key, reason.value, reason.would_pass) == ("accounts", "111122223333", ("999988887777",))
    assert refusal([reason]).hint == "sign in to an account that the rule lists"
    assert over(rules).judge([]) == []
    assert over(rules, Context("aws")).judge([]) == []
    assert over((STRICT,), AWS).judge([]) == []
    over(rules, AWS).check([])  # where nothing is claimed nothing is judged


@pytest.mark.parametrize("key", ["ec2.typs", "ec2.max_running", "ec2.manage", "preset", ""])
def test_a_claim_that_no_policy_judges_is_a_defect(key: str) -> None:
    with pytest.raises(Internal, match="which no policy judges"):
        over((STRICT,)).judge([Claim(key, "x")])


def test_explain_tells_what_passes_too() -> None:
    rules = (policy("ec2.required_tags={team='a', stage='b'}"), STRICT)
    found = over(rules).explain([Claim("ec2.required_tags", {"team": "a"}), Claim("ec2.types", "t3.nano")])
    assert [(each.value, each.passes, each.rule) for each in found] == [
        ("team", True, "ec2.required_tags = team=a"),
        ("stage", False, "ec2.required_tags = stage=b"),
        ("", True, "ec2.required_tags = none"),
        ("t3.nano", True, "ec2.types = t3.nano, t4g.nano"),
    ]


def test_explain_tells_each_rule_of_two_files_once() -> None:
    team = policy("ec2.types=['t3.*']", "policy.toml")
    found = over((policy(""), team)).explain([Claim("ec2.types", "t3.nano"), Claim("ec2.names", "web")])
    assert [(each.rule, each.source) for each in found] == [
        ("ec2.types = t3.nano, t4g.nano", "built-in strict"),
        ("ec2.types = t3.*", "policy.toml:1"),
        ("ec2.names = any", "built-in strict"),
    ]


def test_a_tag_value_is_offered_that_all_policies_take() -> None:
    rules = (policy("ec2.required_tags={team='a*'}"), policy("ec2.required_tags={team='ab'}"))
    assert refused(rules, Claim("ec2.required_tags", {}, "--tag")).hint == "handrail ec2 create --tag team=ab"
    ends = (policy("ec2.required_tags={team='a*'}"), policy("ec2.required_tags={team='*z'}"))
    assert (
        refused(ends, Claim("ec2.required_tags", {"team": "x"}, "--tag")).hint == "handrail ec2 create --tag team=axz"
    )


NEAR = "ec2.types=['t3.large']"


@pytest.mark.parametrize(
    ("near", "outer", "claim", "rules"),
    [
        (NEAR, "", Claim("ec2.types", "t3.large", "--type"), ("t3.large", "t3.nano, t4g.nano")),
        (NEAR, "", Claim("ec2.types", "t3.nano", "--type"), ("t3.large", "t3.nano, t4g.nano")),
        ("ec2.types=['m5.*']", "", Claim("ec2.types", "m5.large", "--type"), ("m5.*", "t3.nano, t4g.nano")),
        ("ec2.types=['*.nano']", "ec2.types=['*.large']", Claim("ec2.types", "t3.x", "--type"), ("*.nano", "*.large")),
        ("ec2.names=['a-*']", "ec2.names=['b-*']", Claim("ec2.names", "c", "--name"), ("a-*", "b-*")),
        ("ec2.required_tags={t='a*'}", "ec2.required_tags={t='b'}", Claim("ec2.required_tags", {}, "--tag"),
         ("t=a*", "t=b")),
        ("route53.zone_suffixes=['a.org']", "route53.zone_suffixes=['b.org']",
         Claim("route53.zone_suffixes", "x.a.org", "DOMAIN"), ("a.org", "b.org")),
    ],
)  # fmt: skip
def test_where_no_value_passes_both_rules_are_shown_and_whose_must_change(
    near: str, outer: str, claim: Claim, rules: tuple[str, str]
) -> None:
    error = refused((policy(near), policy(outer, "policy.toml")), claim)
    assert error.hint == (
        f"no value passes both: whoever keeps handrail.toml must set {claim.key} to what policy.toml allows"
    )
    assert [(label, text.partition(" = ")[2].rpartition(" (")[0]) for label, text in error.facts] == [
        ("rule", rule) for rule in rules
    ]


def test_rules_that_may_have_something_in_common_are_not_at_odds() -> None:
    rules = (policy("ec2.names=['a*']"), policy("ec2.names=['*b']"))
    assert refused(rules, Claim("ec2.names", "c", "--name")).hint.startswith("give --name as the rule says")
    files = (policy("s3.secret_files=[]"), policy("s3.secret_files=['x']"))
    assert refused(files, Claim("s3.secret_files", "x")).hint.startswith("leave it out")


def test_a_default_that_is_refused_can_not_be_left_out() -> None:
    claim = Claim("ec2.key_pairs", "mine", "--key-pair")
    reasons = over((policy("ec2.key_pairs=['ops-*']"),)).judge([claim])
    assert refusal(reasons, Line("handrail ec2 create")).hint.startswith("give --key-pair as the rule says")


def no_default_type(*policies: Policy) -> HandrailError:
    with pytest.raises((Refused, Usage)) as caught:
        over(policies, line=Line("handrail ec2 create")).default_type()
    return caught.value


def test_without_a_type_that_passes_the_refusal_says_whose_rule_must_change() -> None:
    error = no_default_type(policy(NEAR), STRICT)
    assert (error.exit_code, error.message) == (3, "the policies allow no instance type.")
    assert "whoever keeps handrail.toml must set ec2.types to what built-in strict allows" in error.hint
    assert [text for _, text in error.facts] == [
        "ec2.types = t3.large (handrail.toml:1)",
        "ec2.types = t3.nano, t4g.nano (built-in strict)",
    ]
    assert no_default_type(policy("ec2.types=[]"), STRICT).hint == (
        "no value passes: whoever keeps handrail.toml must list one in ec2.types"
    )


def test_without_a_default_among_patterns_a_type_is_offered() -> None:
    error = no_default_type(policy("ec2.types=['m5.*']"))
    assert isinstance(error, Usage)
    assert error.hint == "handrail ec2 create --type m5.large"
    assert error.facts == (("rule", "ec2.types = m5.* (handrail.toml:1)"),)


def test_allowed_is_what_every_policy_takes() -> None:
    near = policy("ec2.types=['m5.large', 't4g.*', '[t]3.*']")
    assert over((near,)).allowed("ec2.types") == ("m5.large", "t4g.*", "[t]3.*")
    assert over((near, STRICT)).allowed("ec2.types") == ("t3.nano", "t4g.nano")
    assert over((STRICT,)).allowed("ec2.key_pairs") is None
    assert over((STRICT,), AWS).allowed("ec2.regions") == ("us-east-1",)
    assert over((near, policy("ec2.types=['c5.large']"))).allowed("ec2.types") == ()


@pytest.mark.parametrize(
    ("rules", "type_"),
    [
        ((STRICT,), "t3.nano"),
        ((OPEN,), "t3.nano"),
        ((policy("ec2.types=['t4g.*']"),), "t4g.nano"),
        ((policy("ec2.types=['m5.*', 'c5.large']"),), "c5.large"),
        ((policy("preset='open'\nec2.default_type='m5.large'"), STRICT), "t3.nano"),
        ((policy("ec2.default_type='t4g.nano'"), STRICT), "t3.nano"),
        ((STRICT, policy("ec2.default_type='t4g.nano'")), "t4g.nano"),
        ((policy("ec2.types=['t4g.nano', 't3.nano']"), STRICT), "t3.nano"),
        ((policy("ec2.types=['t4g.nano']"), STRICT), "t4g.nano"),
        ((policy("ec2.types=['m5.large', 't3.nano']"), OPEN), "t3.nano"),
        ((policy("ec2.types=['m5.large']"), OPEN), "m5.large"),
    ],
)
def test_the_default_type(rules: tuple[Policy, ...], type_: str) -> None:
    assert over(rules).default_type() == type_


# Properties.

PATTERNS = {
    "ec2.types": ["t3.nano", "t3.*", "t4g.nano", "t?.nano", "*", "m5.large"],
    "ec2.images": ["ubuntu", "amazon-linux", "*", "ami-0*", "ami-0a1b2c3d"],
    "ec2.regions": ["us-east-1", "eu-west-1", "eu-*", "*"],
    "ec2.names": ["{owner}-*", "web", "*", "w?b", "[vw]eb"],
    "route53.zone_suffixes": ["example.org", "dev.example.org", "org"],
    "route53.record_types": ["A", "TXT", "MX"],
}
WANTED: dict[str, list[Any]] = {
    "ec2.types": ["t3.nano", "t3.large", "t4g.nano", "t2.nano", "m5.large", "t3.lrge", "*"],
    "ec2.images": ["ubuntu", "amazon-linux", "ami-0a1b2c3d", "ami-12345678"],
    "ec2.regions": ["us-east-1", "eu-west-1", "ap-east-1"],
    "ec2.names": ["dev-1-web", "web", "wob", "dev-2-web", "x y"],
    "route53.zone_suffixes": ["example.org", "a.dev.example.org", "b.org", "c.net"],
    "route53.record_types": ["A", "TXT", "MX", "NS"],
    "route53.ttl_min": [0, 60, 300],
    "route53.ttl_max": [0, 60, 300],
    "ec2.user_data": [True, False],
    "s3.public": [True, False],
    "ec2.required_tags": [{}, {"team": "a"}, {"team": "b", "x": ""}],
}


LINES = (
    "home_region = 'eu-west-1'",
    "route53.ttl_min = 60",
    "route53.ttl_max = 100",
    "s3.public = 'never'",
    "ec2.user_data = false",
    "ec2.required_tags = { team = 'a' }",
    "ec2.required_tags = ['x']",
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    lines = [f"preset = '{draw(st.sampled_from(['strict', 'open']))}'"]
    for key, patterns in PATTERNS.items():
        if draw(st.booleans()):
            lines.append(f"{key} = {draw(st.lists(st.sampled_from(patterns), max_size=3))}")
    for line in LINES:
        name = line.partition(" ")[0]
        if draw(st.booleans()) and not any(other.startswith(f"{name} ") for other in lines):
            lines.append(line)
    return policy("\n".join(lines))


CLAIMS = st.sampled_from([Claim(key, value, "--x") for key, found in WANTED.items() for value in found])
PLACES = st.sampled_from([(SANDBOX, ""), (AWS, ""), (Context("aws", owner="dev-1"), "eu-west-1")])


@given(policies(), policies(), st.lists(CLAIMS, max_size=4), PLACES)
def test_a_nearer_policy_only_narrows(
    near: Policy, outer: Policy, claims: list[Claim], place: tuple[Context, str]
) -> None:
    both = over((near, outer), *place).judge(claims)
    alone = over((outer,), *place).judge(claims)
    assert {(each.key, str(each.value), each.rule) for each in alone} <= {
        (each.key, str(each.value), each.rule) for each in both
    }
    if not both:
        assert alone == []


@given(policies(), policies(), CLAIMS, PLACES)
def test_judging_and_explaining_agree(near: Policy, outer: Policy, claim: Claim, place: tuple[Context, str]) -> None:
    rules = (near, outer)
    reasons = over(rules, *place).judge([claim])
    assert [each for each in over(rules, *place).explain([claim]) if not each.passes] == list(dict.fromkeys(reasons))


@given(policies(), policies(), CLAIMS, PLACES)
def test_what_is_offered_would_pass(near: Policy, outer: Policy, claim: Claim, place: tuple[Context, str]) -> None:
    rules = (near, outer)
    for reason in over(rules, *place).judge([claim]):
        offers: list[Any] = list(reason.would_pass)
        if claim.key == "ec2.required_tags":
            assert all(offer.partition("=")[0] == reason.value for offer in offers)
        else:
            kind = type(claim.value)
            assert all(passes(over(rules, *place), claim.key, kind(offer)) for offer in offers)
        assert isinstance(refusal([reason], typed(claim)), Refused)


@given(policies(), policies(), st.sampled_from(sorted(PATTERNS)), PLACES)
def test_what_is_allowed_passes(near: Policy, outer: Policy, key: str, place: tuple[Context, str]) -> None:
    for item in over((near, outer), *place).allowed(key) or ():
        if not set(item) & set("*?["):
            assert passes(over((near, outer), *place), key, item)


def test_a_reason_is_json() -> None:
    assert Reason("k", 1, "--o", "r", "s").as_json()["would_pass"] == []


def test_what_one_rule_refuses_stands_together_and_is_called_what_a_person_knows() -> None:
    error = refused(
        (policy('s3.secret_files=[".env"]'),), *(Claim("s3.secret_files", ".env", said=f"link-{n}") for n in "ab")
    )
    assert [label for label, _ in error.facts] == ["refused", "refused", "rule"]
    assert error.facts[0][1].startswith("link-a looks like a secret")
    assert {reason["value"] for reason in error.details["reasons"]} == {".env"}
