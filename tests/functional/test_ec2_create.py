"""`ec2 create`: what the instance is, what may be named, repeats by request id, counts."""

import base64

import pytest

from conftest import Handrail, Sandbox


def policy(handrail: Handrail, text: str) -> str:
    """Write a policy beside the working folder and return its path."""
    path = handrail.cwd.parent / "policy.toml"
    path.write_text(text)
    return str(path)


def test_everything_that_is_given_reaches_the_instance(handrail: Handrail, sandbox: Sandbox) -> None:
    ec2 = sandbox.client("ec2")
    ec2.create_key_pair(KeyName="team-key")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="web-in", Description="web", VpcId=vpc)["GroupId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    (handrail.cwd / "boot.sh").write_text("#!/bin/sh\necho hello\n")
    try:
        made = handrail.json(
            "ec2", "create", "--name", "web", "--key-pair", "team-key", "--security-group", "web-in",
            "--subnet", subnet, "--user-data", "boot.sh", "--tag", "team=blue", "--type", "t4g.nano",
        )  # fmt: skip
        seen = sandbox.instances()[made["id"]]
        assert (seen["KeyName"], seen["SubnetId"]) == ("team-key", subnet)
        assert [one["GroupId"] for one in seen["SecurityGroups"]] == [group]
        assert seen["Architecture"] == "arm64"
        tags = {tag["Key"]: tag["Value"] for tag in seen["Tags"]}
        assert tags["team"] == "blue"
        assert made["request"] == tags["handrail:request"] == seen["ClientToken"].removeprefix("hr-")
        data = ec2.describe_instance_attribute(InstanceId=made["id"], Attribute="userData")["UserData"]["Value"]
        assert base64.b64decode(data) == b"#!/bin/sh\necho hello\n"
        shut = handrail.ok("ec2", "show", "web").out
        assert "ssh -i team-key.pem ec2-user@" in shut
        assert "let no SSH in" in shut
        rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        assert "let no SSH in" not in handrail.ok("ec2", "show", "web").out
        by_id = handrail.json("ec2", "create", "--name", "api", "--security-group", group)
        assert by_id["current"]["security_groups"] == [group]
    finally:
        ec2.delete_key_pair(KeyName="team-key")


def test_what_the_region_does_not_have_is_said_before_the_call(handrail: Handrail, sandbox: Sandbox) -> None:
    before = sandbox.writes()
    for option, value, said in (
        ("--key-pair", "nope", "no key pair nope in us-east-1"),
        ("--security-group", "nope", "no security group nope in us-east-1"),
        ("--security-group", "sg-0123456789abcdef0", "no security group sg-0123456789abcdef0"),
        ("--subnet", "subnet-0123456789abcdef0", "no subnet subnet-0123456789abcdef0"),
    ):
        done = handrail("ec2", "create", option, value)
        assert (done.code, said in done.err, "aws ec2 describe-" in done.err) == (4, True, True), done.err
    assert sandbox.writes() == before


def test_an_instance_profile_that_is_none_is_named(handrail: Handrail, sandbox: Sandbox) -> None:
    done = handrail("ec2", "create", "--instance-profile", "nope")
    assert (done.code, "error: there is no instance profile nope." in done.err) == (4, True), done.err
    assert "aws iam list-instance-profiles" in done.err
    assert sandbox.instances(state="pending,running") == {}
    iam = sandbox.client("iam")
    iam.create_instance_profile(InstanceProfileName="team")
    try:
        made = handrail.json("ec2", "create", "--instance-profile", "team")
        assert made["current"]["instance_profile"].endswith("instance-profile/team")
    finally:
        iam.delete_instance_profile(InstanceProfileName="team")


def test_a_group_name_of_several_networks_is_ambiguous(handrail: Handrail, sandbox: Sandbox) -> None:
    ec2 = sandbox.client("ec2", "eu-west-1")
    ids = [
        ec2.create_security_group(
            GroupName="twice", Description="x", VpcId=ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        )["GroupId"]
        for _ in range(2)
    ]
    done = handrail("ec2", "create", "--security-group", "twice", "--region", "eu-west-1")
    assert done.code == 2
    assert f"--security-group {min(ids)}" in done.err


def test_the_foreign_client_sees_a_safe_instance(handrail: Handrail, sandbox: Sandbox) -> None:
    made = handrail.json("ec2", "create")
    ec2 = sandbox.client("ec2")
    seen = sandbox.instances()[made["id"]]
    assert seen["MetadataOptions"]["HttpTokens"] == "required"
    volume = ec2.describe_volumes(VolumeIds=[seen["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"][0]
    assert volume["Encrypted"]
    credit = ec2.describe_instance_credit_specifications(InstanceIds=[made["id"]])
    assert credit["InstanceCreditSpecifications"][0]["CpuCredits"] == "standard"


def test_a_count_makes_all_or_none(handrail: Handrail, sandbox: Sandbox) -> None:
    three = handrail("ec2", "create", "--name", "web", "--count", "3", "-o", "json")
    assert (three.code, three.error["code"]) == (3, "cap_reached")
    assert sandbox.instances(state="pending,running") == {}
    two = handrail.json("ec2", "create", "--name", "web", "--count", "2", "--request-id", "ci-7")
    assert [(row["name"], row["request"]) for row in two] == [("web-1", "ci-7-1"), ("web-2", "ci-7-2")]
    again = handrail.json("ec2", "create", "--name", "web", "--count", "2", "--request-id", "ci-7")
    assert [row["status"] for row in again] == ["unchanged"] * 2
    assert [row["id"] for row in again] == [row["id"] for row in two]


def test_a_request_id_makes_one_instance(handrail: Handrail, sandbox: Sandbox) -> None:
    command = ("ec2", "create", "--request-id", "build-1", "--tag", "a=1", "--tag", "b=2")
    first = handrail.json(*command)
    before = sandbox.writes()
    swapped = ("ec2", "create", "--request-id", "build-1", "--tag", "b=2", "--tag", "a=1")
    again = handrail.json(*swapped)
    assert (again["status"], again["id"], again["name"]) == ("unchanged", first["id"], first["name"])
    assert "was made by this request before" in handrail.ok(*command).out
    other = handrail(*command, "--type", "t4g.nano")
    assert (other.code, "other parameters" in other.err) == (5, True)
    theirs = handrail.owner("dev-2")(*command)
    assert (theirs.code, "another --request-id" in theirs.err) == (5, True)
    assert sandbox.writes() == before
    handrail.ok("ec2", "delete", first["name"], "--yes")
    gone = handrail(*command)
    assert (gone.code, "gone" in gone.err) == (5, True)
    assert len(sandbox.instances(state="pending,running")) == 0


def test_a_repeat_is_known_before_the_rules_judge(handrail: Handrail, sandbox: Sandbox) -> None:
    command = ("ec2", "create", "--name", "web", "--type", "t4g.nano", "--request-id", "ci-8")
    first = handrail.json(*command)
    handrail.ok("ec2", "create", "--name", "api")
    tighter = policy(handrail, '[ec2]\ntypes = ["t3.nano"]\nnames = ["team-*"]\n[ec2.required_tags]\nteam = "*"\n')
    before = sandbox.writes()
    for more in ((), ("--dry-run",)):
        again = handrail.json(*command, "--policy", tighter, *more)
        assert (again["status"], again["id"]) == ("unchanged", first["id"])
    anew = handrail(*command[:-1], "ci-9", "--policy", tighter, "-o", "json")
    assert (anew.code, anew.error["message"]) == (3, "the policy refuses 4 things here.")
    reasons = anew.error["details"]["reasons"]
    assert {reason["key"] for reason in reasons} == {"ec2.types", "ec2.names", "ec2.required_tags"}
    assert anew.error["details"]["cap"]["key"] == "ec2.max_running"
    assert handrail(*command, "--tag", "team=blue", "--policy", tighter).code == 5, "it is another request"
    assert sandbox.writes() == before


def test_a_request_id_that_made_nothing_is_its_owners_still(handrail: Handrail) -> None:
    handrail.ok("ec2", "create", "--name", "web", "--count", "2")
    command = ("ec2", "create", "--request-id", "build-2")
    assert handrail.owner("dev-2")(*command).code == 3
    theirs = handrail(*command)
    assert (theirs.code, "the request id build-2 is dev-2's" in theirs.err) == (5, True), theirs.err


def test_a_request_id_with_another_script_is_refused(handrail: Handrail) -> None:
    (handrail.cwd / "boot.sh").write_text("one")
    command = ("ec2", "create", "--request-id", "boot-1", "--user-data", "boot.sh")
    handrail.ok(*command)
    (handrail.cwd / "boot.sh").write_text("two")
    assert handrail(*command).code == 5


def test_a_name_that_lives_is_taken(handrail: Handrail, sandbox: Sandbox) -> None:
    handrail.ok("ec2", "create", "--name", "web")
    taken = handrail("ec2", "create", "--name", "web", "-o", "json")
    assert (taken.code, taken.error["code"]) == (5, "conflict")
    assert handrail.owner("dev-2")("ec2", "create", "--name", "web").code == 5
    handrail.ok("ec2", "delete", "web", "--yes")
    handrail.ok("ec2", "create", "--name", "web")
    sandbox.launch("twin")
    handrail.ok("ec2", "create", "--name", "twin")


def test_names_of_a_count_are_judged_one_by_one(handrail: Handrail) -> None:
    rules = policy(handrail, 'preset = "strict"\n[ec2]\nnames = ["web-*"]\n')
    assert handrail("ec2", "create", "--name", "web", "--policy", rules).code == 3
    handrail.ok("ec2", "create", "--name", "web", "--count", "1", "--policy", rules)
    assert handrail("ec2", "create", "--name", "w" * 63, "--count", "1").code == 2


def test_a_nearer_policy_cannot_buy_unlimited_credits(handrail: Handrail, sandbox: Sandbox) -> None:
    (handrail.cwd / "handrail.toml").write_text('[ec2]\ncredits = "unlimited"\n')
    made = handrail.json("ec2", "create")
    credit = sandbox.client("ec2").describe_instance_credit_specifications(InstanceIds=[made["id"]])
    assert credit["InstanceCreditSpecifications"][0]["CpuCredits"] == "standard"


def test_the_owner_makes_the_name(handrail: Handrail) -> None:
    made = handrail.owner("jane@example.org").json("ec2", "create")
    assert made["name"].startswith("jane-example.org-")
    assert made["current"]["owner"] == "jane@example.org"


def test_open_takes_any_type_and_image(handrail: Handrail, sandbox: Sandbox) -> None:
    rules = ("--policy", policy(handrail, 'preset = "open"\n'))
    images = sandbox.client("ec2").describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"]
    made = handrail.json("ec2", "create", "--type", "m5.large", "--ami", images[0]["ImageId"], *rules)
    assert (made["current"]["type"], made["current"]["image_id"]) == ("m5.large", images[0]["ImageId"])
    wrong = handrail("ec2", "create", "--type", "t4g.nano", "--image", images[0]["ImageId"], *rules)
    assert (wrong.code, "made for x86_64" in wrong.err) == (2, True)
    none = handrail("ec2", "create", "--image", "ami-0123456789abcdef0", *rules)
    assert (none.code, "check --region" in none.err) == (4, True)
    unknown = handrail("ec2", "create", "--type", "t3.naono", *rules)
    assert (unknown.code, "--type t3.nano" in unknown.err) == (2, True)
    far = handrail("ec2", "create", "--type", "zz9.plural", *rules)
    assert (far.code, "describe-instance-types" in far.err) == (2, True)


@pytest.mark.parametrize("option", ["--wait", "--no-wait"])
def test_waiting_is_a_choice(handrail: Handrail, option: str) -> None:
    made = handrail.json("ec2", "create", option)
    assert made["current"]["state"] in (("running",) if option == "--wait" else ("pending", "running"))
