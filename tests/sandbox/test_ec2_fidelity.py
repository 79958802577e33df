"""Each patch of moto's EC2 and STS; every test here fails on a server without its patch."""

from __future__ import annotations

import base64
import functools
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .playing import Client, Sandbox, describe, image_id, launch, refused, state_of, wait_until

UNKNOWN = "i-0123456789abcdef0"
EACH = "HANDRAIL_TEST_EACH_PATCH"  # set: each test runs on a sandbox without the one patch that it is marked for
Make = Callable[..., Sandbox]


def off(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of the sandbox that a test runs on."""
    mark = request.node.get_closest_marker("patch")
    return {"HANDRAIL_SANDBOX_PATCHES_OFF": mark.args[0]} if mark and EACH in os.environ else {}


@pytest.fixture(scope="session")
def spoilt(make_sandbox: Make) -> Make:
    """Make sandboxes without a patch, one for all the tests of that patch."""
    return functools.cache(lambda **settings: make_sandbox(**settings))


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, sandbox: Sandbox, spoilt: Make) -> Sandbox:
    """Return the shared sandbox, or the one without the patch of this test."""
    return spoilt(**off(request)) if off(request) else sandbox


@pytest.fixture
def ec2(sandbox: Sandbox) -> Client:
    """Return an EC2 client of this test's sandbox."""
    return sandbox.client("ec2")


@pytest.fixture
def running(ec2: Client) -> str:
    """Return an instance that runs."""
    instance_id = launch(ec2)
    wait_until(lambda: state_of(ec2, instance_id) == "running")
    return instance_id


@pytest.fixture
def stopped(ec2: Client, running: str) -> str:
    """Return an instance that is stopped."""
    ec2.stop_instances(InstanceIds=[running])
    wait_until(lambda: state_of(ec2, running) == "stopped")
    return running


@pytest.fixture
def terminated(ec2: Client, running: str) -> str:
    """Return an instance that is terminated."""
    ec2.terminate_instances(InstanceIds=[running])
    wait_until(lambda: state_of(ec2, running) == "terminated")
    return running


@pytest.mark.patch("sts-caller")
def test_caller_is_the_owner_of_the_key(sandbox: Sandbox) -> None:
    identities = {owner: sandbox.client("sts", owner=owner).get_caller_identity() for owner in ("alice", "bob")}
    assert identities["alice"]["Arn"] == "arn:aws:iam::123456789012:user/alice"
    assert identities["bob"]["Arn"] == "arn:aws:iam::123456789012:user/bob"
    assert identities["alice"]["UserId"] != identities["bob"]["UserId"]
    assert identities["bob"]["UserId"].startswith("AIDA")


@pytest.mark.patch("ec2-client-token")
def test_same_token_gives_the_same_instance(ec2: Client) -> None:
    first = launch(ec2, ClientToken="same")
    assert launch(ec2, ClientToken="same") == first
    found = ec2.describe_instances(Filters=[{"Name": "image-id", "Values": [image_id()]}])
    tokens = [i["ClientToken"] for r in found["Reservations"] for i in r["Instances"] if i["InstanceId"] == first]
    assert tokens == ["same"]


@pytest.mark.patch("ec2-client-token")
def test_same_token_in_another_region_is_another_launch(sandbox: Sandbox, ec2: Client) -> None:
    elsewhere = sandbox.client("ec2", "eu-west-1")
    there = launch(elsewhere, ClientToken="regional", ImageId=image_id(region="eu-west-1"))
    here = launch(ec2, ClientToken="regional")
    assert here != there
    assert launch(ec2, ClientToken="regional") == here


@pytest.mark.patch("ec2-client-token")
def test_token_with_other_parameters_is_refused(ec2: Client) -> None:
    launch(ec2, ClientToken="other")
    with refused("IdempotentParameterMismatch"):
        launch(ec2, ClientToken="other", InstanceType="t3.micro")


@pytest.mark.patch("ec2-client-token")
def test_token_of_an_ended_instance_is_refused(ec2: Client) -> None:
    instance_id = launch(ec2, ClientToken="ended")
    ec2.terminate_instances(InstanceIds=[instance_id])
    with refused("IdempotentInstanceTerminated"):
        launch(ec2, ClientToken="ended")


@pytest.mark.patch("ec2-filters")
def test_filter_client_token(ec2: Client) -> None:
    launch(ec2)
    instance_id = launch(ec2, ClientToken="filtered")
    found = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["filtered"]}])["Reservations"]
    assert [i["InstanceId"] for r in found for i in r["Instances"]] == [instance_id]


@pytest.mark.patch("ec2-filters")
def test_filters_take_wildcards(ec2: Client) -> None:
    instance_id = launch(ec2, ClientToken="wild-card")
    found = ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["wild-c*"]}])["Reservations"]
    assert [i["InstanceId"] for r in found for i in r["Instances"]] == [instance_id]


@pytest.mark.patch("ec2-filters")
@pytest.mark.parametrize("call", ["describe_instances", "describe_images", "describe_volumes"])
def test_unknown_filter_is_refused(ec2: Client, call: str) -> None:
    launch(ec2)
    with refused("InvalidParameterValue"):
        getattr(ec2, call)(Filters=[{"Name": "nonsense", "Values": ["x"]}])


@pytest.mark.patch("ec2-states")
def test_launch_is_pending_then_running(ec2: Client) -> None:
    instance_id = launch(ec2)
    assert state_of(ec2, instance_id) == "pending"
    wait_until(lambda: state_of(ec2, instance_id) == "running")
    assert "StateReason" not in describe(ec2, instance_id)


@pytest.mark.patch("ec2-states")
def test_stop_and_start_take_time_and_say_both_states(ec2: Client, running: str) -> None:
    address = describe(ec2, running)["PublicIpAddress"]
    change = ec2.stop_instances(InstanceIds=[running])["StoppingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    assert state_of(ec2, running) == "stopping"
    wait_until(lambda: state_of(ec2, running) == "stopped")
    assert "PublicIpAddress" not in describe(ec2, running)
    change = ec2.start_instances(InstanceIds=[running])["StartingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("stopped", "pending")
    wait_until(lambda: state_of(ec2, running) == "running")
    assert describe(ec2, running)["PublicIpAddress"] != address


@pytest.mark.patch("ec2-states")
def test_terminate_takes_time_and_may_be_repeated(ec2: Client, running: str) -> None:
    change = ec2.terminate_instances(InstanceIds=[running])["TerminatingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "shutting-down")
    assert state_of(ec2, running) == "shutting-down"
    wait_until(lambda: state_of(ec2, running) == "terminated")
    ended = describe(ec2, running)
    assert ended["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert "PublicIpAddress" not in ended
    assert ended["BlockDeviceMappings"] == []
    change = ec2.terminate_instances(InstanceIds=[running])["TerminatingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("terminated", "terminated")


@pytest.mark.patch("ec2-states")
@pytest.mark.parametrize("verb", ["start", "stop", "reboot"])
def test_a_terminated_instance_stays_so(ec2: Client, terminated: str, verb: str) -> None:
    with refused("IncorrectInstanceState"):
        getattr(ec2, f"{verb}_instances")(InstanceIds=[terminated])
    assert state_of(ec2, terminated) == "terminated"


@pytest.mark.patch("ec2-states")
def test_a_stopped_instance_cannot_be_rebooted(ec2: Client, stopped: str) -> None:
    with refused("IncorrectInstanceState"):
        ec2.reboot_instances(InstanceIds=[stopped])


@pytest.mark.patch("ec2-states")
def test_a_pending_instance_cannot_be_stopped(ec2: Client) -> None:
    with refused("IncorrectInstanceState"):
        ec2.stop_instances(InstanceIds=[launch(ec2)])


@pytest.mark.patch("ec2-states")
def test_nothing_to_do_is_no_error(ec2: Client, stopped: str) -> None:
    change = ec2.stop_instances(InstanceIds=[stopped])["StoppingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("stopped", "stopped")
    ec2.start_instances(InstanceIds=[stopped])
    change = ec2.start_instances(InstanceIds=[stopped])["StartingInstances"][0]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("pending", "pending")


@pytest.mark.patch("ec2-states")
def test_a_batch_is_done_whole_or_not_at_all(ec2: Client, running: str) -> None:
    pending = launch(ec2)
    with refused("IncorrectInstanceState"):
        ec2.stop_instances(InstanceIds=[running, pending])
    assert state_of(ec2, running) == "running"


@pytest.fixture
def late(request: pytest.FixtureRequest, make_sandbox: Make) -> Client:
    """Return a client of a sandbox whose Describe is always late."""
    settings = {"HANDRAIL_SANDBOX_LAG": "1.5", "HANDRAIL_SANDBOX_LAG_FIXED": "1", "HANDRAIL_SANDBOX_GONE": "4"}
    return make_sandbox(**settings, **off(request)).client("ec2")


@pytest.mark.patch("ec2-visibility")
def test_describe_lags_behind(late: Client) -> None:
    instance_id = launch(late, ClientToken="late")
    with refused("InvalidInstanceID.NotFound"):
        late.describe_instances(InstanceIds=[instance_id])
    assert late.describe_instances()["Reservations"] == []
    assert late.describe_instance_status(IncludeAllInstances=True)["InstanceStatuses"] == []
    assert launch(late, ClientToken="late") == instance_id
    wait_until(lambda: len(late.describe_instances()["Reservations"]) == 1)
    wait_until(lambda: state_of(late, instance_id) == "running")
    late.stop_instances(InstanceIds=[instance_id])
    assert state_of(late, instance_id) == "running"
    change = late.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert change["PreviousState"]["Name"] == "stopping"
    assert state_of(late, instance_id) == "running"
    wait_until(lambda: state_of(late, instance_id) == "shutting-down")
    wait_until(lambda: state_of(late, instance_id) == "terminated")
    wait_until(lambda: late.describe_instances()["Reservations"] == [])


@pytest.mark.patch("ec2-images")
@pytest.mark.parametrize("region", ["us-east-1", "eu-north-1"])
@pytest.mark.parametrize(
    ("release", "debian", "architecture"), [("24.04", "amd64", "x86_64"), ("26.04", "arm64", "arm64")]
)
def test_ubuntu_images(sandbox: Sandbox, region: str, release: str, debian: str, architecture: str) -> None:
    parameter = f"canonical/ubuntu/server/{release}/stable/current/{debian}/hvm/ebs-gp3/ami-id"
    check_image(sandbox, region, parameter, architecture, "099720109477", "/dev/sda1")


@pytest.mark.parametrize("region", ["us-east-1", "eu-north-1"])
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_amazon_linux_images(sandbox: Sandbox, region: str, architecture: str) -> None:
    parameter = f"ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
    check_image(sandbox, region, parameter, architecture, "137112412989", "/dev/xvda")


def check_image(sandbox: Sandbox, region: str, parameter: str, architecture: str, owner: str, device: str) -> None:
    """Follow a public parameter to its image."""
    value = sandbox.client("ssm", region).get_parameter(Name=f"/aws/service/{parameter}")["Parameter"]["Value"]
    image = sandbox.client("ec2", region).describe_images(ImageIds=[value])["Images"][0]
    assert (image["Architecture"], image["OwnerId"], image["RootDeviceName"]) == (architecture, owner, device)
    assert image["BlockDeviceMappings"][0]["DeviceName"] == device


@pytest.mark.patch("ec2-images")
def test_image_ids_differ_by_region_and_names_carry_the_release(sandbox: Sandbox) -> None:
    ids = []
    for region in ("us-east-1", "us-west-2"):
        pattern = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
        images = sandbox.client("ec2", region).describe_images(
            Owners=["099720109477"], Filters=[{"Name": "name", "Values": [pattern]}]
        )["Images"]
        assert [image["Name"] for image in images] == [pattern.replace("*", "20261103")]
        ids.append(images[0]["ImageId"])
    assert ids[0] != ids[1]


@pytest.mark.patch("ec2-images")
def test_parameters_by_path(sandbox: Sandbox) -> None:
    found = sandbox.client("ssm").get_parameters_by_path(
        Path="/aws/service/canonical/ubuntu/server/24.04/stable/current", Recursive=True
    )["Parameters"]
    assert len(found) == 2


@pytest.mark.patch("ec2-validation")
@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"ImageId": "ami-nonsense"}, "InvalidAMIID.Malformed"),
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "t9.nano"}, "InvalidParameterValue"),
        ({"InstanceType": "t4g.nano"}, "InvalidParameterValue"),
        ({"ImageId": image_id("arm64")}, "InvalidParameterValue"),
        ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
        ({"SecurityGroups": ["nowhere"]}, "InvalidGroup.NotFound"),
        ({"SecurityGroupIds": ["nonsense"]}, "InvalidGroupId.Malformed"),
        ({"SubnetId": "nonsense"}, "InvalidSubnetID.Malformed"),
        ({"MinCount": 3, "MaxCount": 2}, "InvalidParameterValue"),
        ({"UserData": "x" * (16 * 1024 + 1)}, "InvalidParameterValue"),
        ({"IamInstanceProfile": {"Name": "nope"}}, "InvalidParameterValue"),
        ({"IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/x"}}, "InvalidParameterValue"),
    ],
)
def test_unfit_launches_are_refused(ec2: Client, settings: dict[str, Any], code: str) -> None:
    with refused(code):
        launch(ec2, **settings)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
    ],
)
def test_unknown_references_leave_nothing_behind(sandbox: Sandbox, settings: dict[str, Any], code: str) -> None:
    ec2 = sandbox.client("ec2", "sa-east-1")
    with refused(code):
        launch(ec2, ImageId=image_id(region="sa-east-1"), **settings)
    assert ec2.describe_instances()["Reservations"] == []


@pytest.mark.patch("ec2-validation")
def test_the_architecture_mismatch_is_named(ec2: Client) -> None:
    with pytest.raises(
        ClientError, match="architecture 'arm64' of the specified instance type does not match the arch"
    ):
        launch(ec2, InstanceType="t4g.nano")


@pytest.mark.patch("ec2-validation")
def test_as_many_as_the_maximum_are_launched(ec2: Client) -> None:
    reservation = ec2.run_instances(ImageId=image_id(), InstanceType="t3.nano", MinCount=1, MaxCount=3)
    assert len(reservation["Instances"]) == 3


@pytest.mark.patch("ec2-volumes")
def test_the_root_volume_is_the_images_own(ec2: Client) -> None:
    mapping = {"DeviceName": "/dev/sda1", "Ebs": {"Encrypted": True, "VolumeType": "gp3"}}
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "owner", "Value": "alice"}]}]
    instance = describe(ec2, launch(ec2, BlockDeviceMappings=[mapping], TagSpecifications=tags))
    ebs = instance["BlockDeviceMappings"][0]["Ebs"]
    volume = ec2.describe_volumes(VolumeIds=[ebs["VolumeId"]])["Volumes"][0]
    assert ebs["DeleteOnTermination"] is True
    assert (volume["Encrypted"], volume["VolumeType"], volume["Size"]) == (True, "gp3", 8)
    assert volume["Tags"] == [{"Key": "owner", "Value": "alice"}]


@pytest.mark.patch("ec2-volumes")
def test_the_root_volume_has_the_images_device(ec2: Client) -> None:
    amazon_linux = ec2.describe_images(Filters=[{"Name": "name", "Values": ["al2023-*x86_64"]}])["Images"][0]["ImageId"]
    instance = describe(ec2, launch(ec2, ImageId=amazon_linux))
    assert [mapping["DeviceName"] for mapping in instance["BlockDeviceMappings"]] == ["/dev/xvda"]


@pytest.mark.patch("ec2-default-network")
def test_a_launch_without_subnet_is_in_the_default_network(ec2: Client) -> None:
    instance = describe(ec2, launch(ec2))
    subnet = ec2.describe_subnets(SubnetIds=[instance["SubnetId"]])["Subnets"][0]
    assert subnet["DefaultForAz"] is True
    assert instance["PrivateIpAddress"].startswith("172.31.")
    assert instance["PublicIpAddress"]
    assert [group["GroupName"] for group in instance["SecurityGroups"]] == ["default"]
    assert instance["NetworkInterfaces"][0]["Attachment"]["DeleteOnTermination"] is True


@pytest.mark.patch("ec2-launch-settings")
def test_termination_protection_at_launch(ec2: Client) -> None:
    instance_id = launch(ec2, DisableApiTermination=True)
    with refused("OperationNotPermitted"):
        ec2.terminate_instances(InstanceIds=[instance_id])
    ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": False})
    assert ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"]


@pytest.mark.patch("ec2-states")
def test_protection_against_stopping_is_named(ec2: Client, running: str) -> None:
    ec2.modify_instance_attribute(InstanceId=running, DisableApiStop={"Value": True})
    with pytest.raises(ClientError, match=r"may not be stopped\. Modify its 'disableApiStop' instance attribute"):
        ec2.stop_instances(InstanceIds=[running])
    ec2.modify_instance_attribute(InstanceId=running, DisableApiStop={"Value": False})
    assert ec2.stop_instances(InstanceIds=[running])["StoppingInstances"]


@pytest.mark.patch("ec2-launch-settings")
def test_credit_mode(ec2: Client) -> None:
    standard = launch(ec2, CreditSpecification={"CpuCredits": "standard"})
    default = launch(ec2)
    found = ec2.describe_instance_credit_specifications(InstanceIds=[standard, default])["InstanceCreditSpecifications"]
    assert {row["InstanceId"]: row["CpuCredits"] for row in found} == {standard: "standard", default: "unlimited"}


@pytest.mark.patch("ec2-instance-ids")
@pytest.mark.parametrize("call", ["describe_instances", "terminate_instances", "start_instances"])
def test_malformed_instance_ids(ec2: Client, call: str) -> None:
    with refused("InvalidInstanceID.Malformed"):
        getattr(ec2, call)(InstanceIds=["nonsense"])


def test_unknown_instance_id(ec2: Client) -> None:
    with refused("InvalidInstanceID.NotFound"):
        ec2.terminate_instances(InstanceIds=[UNKNOWN])


@pytest.mark.patch("ec2-instance-ids")
def test_an_id_named_twice_is_one(ec2: Client) -> None:
    instance_id = launch(ec2)
    found = ec2.describe_instances(InstanceIds=[instance_id, instance_id])["Reservations"]
    assert len(found) == 1


@pytest.mark.patch("ec2-paging")
def test_bad_pages_are_refused(ec2: Client) -> None:
    with refused("InvalidNextToken"):
        ec2.describe_instances(NextToken="nonsense", MaxResults=5)
    with refused("InvalidParameterValue"):
        ec2.describe_instances(MaxResults=4)


BAD_TAGS = [
    ([{"Key": "aws:x", "Value": "1"}], "InvalidParameterValue"),
    ([{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}], "InvalidParameterValue"),
    ([{"Key": "x" * 129, "Value": "1"}], "InvalidParameterValue"),
    ([{"Key": "x", "Value": "1" * 257}], "InvalidParameterValue"),
    ([{"Key": "x", "Value": "a\x1bb"}], "InvalidParameterValue"),
    ([{"Key": f"k{n}", "Value": "1"} for n in range(51)], "TagLimitExceeded"),
]


@pytest.mark.patch("ec2-tags")
@pytest.mark.parametrize(("tags", "code"), BAD_TAGS)
def test_bad_tags_at_launch(sandbox: Sandbox, tags: list[dict[str, str]], code: str) -> None:
    ec2 = sandbox.client("ec2", "ca-central-1")
    with refused(code):
        launch(
            ec2, ImageId=image_id(region="ca-central-1"), TagSpecifications=[{"ResourceType": "instance", "Tags": tags}]
        )
    assert ec2.describe_instances()["Reservations"] == []


@pytest.mark.patch("ec2-tags")
@pytest.mark.parametrize(("tags", "code"), BAD_TAGS[:5])
def test_bad_tags_later(ec2: Client, tags: list[dict[str, str]], code: str) -> None:
    instance_id = launch(ec2)
    with refused(code):
        ec2.create_tags(Resources=[instance_id], Tags=tags)


@pytest.mark.patch("ec2-tags")
def test_what_does_not_exist_gets_no_tags(ec2: Client) -> None:
    with refused("InvalidInstanceID.NotFound"):
        ec2.create_tags(Resources=[UNKNOWN], Tags=[{"Key": "x", "Value": "1"}])


@pytest.mark.patch("ec2-dry-run")
def test_a_dry_run_changes_and_logs_nothing(sandbox: Sandbox, ec2: Client) -> None:
    instance_id = launch(ec2)
    before = len(sandbox.log())
    with refused("DryRunOperation"):
        ec2.modify_instance_metadata_options(InstanceId=instance_id, HttpTokens="required", DryRun=True)
    assert describe(ec2, instance_id)["MetadataOptions"]["HttpTokens"] == "optional"
    with refused("DryRunOperation"):
        ec2.create_key_pair(KeyName="dry", DryRun=True)
    with refused("DryRunOperation"):
        launch(ec2, DryRun=True, ClientToken="dry")
    assert len(sandbox.log()) == before
    with refused("InvalidKeyPair.NotFound"):
        ec2.describe_key_pairs(KeyNames=["dry"])
    assert ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["dry"]}])["Reservations"] == []


@pytest.mark.patch("ec2-attributes")
def test_the_type_changes_only_while_stopped(ec2: Client, running: str) -> None:
    with refused("IncorrectInstanceState"):
        ec2.modify_instance_attribute(InstanceId=running, InstanceType={"Value": "t3.micro"})


@pytest.mark.patch("ec2-attributes")
def test_the_type_must_fit_the_image(ec2: Client, stopped: str) -> None:
    ec2.modify_instance_attribute(InstanceId=stopped, InstanceType={"Value": "t3.micro"})
    assert describe(ec2, stopped)["InstanceType"] == "t3.micro"
    for unfit in ("t4g.micro", "t9.micro"):
        with refused("InvalidParameterValue"):
            ec2.modify_instance_attribute(InstanceId=stopped, InstanceType={"Value": unfit})


def test_what_a_launch_was_told_is_shown(ec2: Client) -> None:
    data = "#!/bin/sh\n"
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]
    instance_id = launch(ec2, MetadataOptions={"HttpTokens": "required"}, TagSpecifications=tags, UserData=data)
    instance = describe(ec2, instance_id)
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["Tags"] == [{"Key": "Name", "Value": "web"}]
    shown = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")["UserData"]["Value"]
    assert base64.b64decode(shown).decode() == data
    assert abs(instance["LaunchTime"].timestamp() - time.time()) < 10
