"""EC2: a launch is judged as AWS judges it, and keeps everything it was told."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from handrail.sandbox.fidelity.ec2_images import ROOT_GIB
from handrail.sandbox.fidelity.registry import Patch, wrap

LARGEST_USER_DATA = 16 * 1024
IMAGE_ID = re.compile(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})")
GROUP_ID = re.compile(r"sg-(?:[0-9a-f]{8}|[0-9a-f]{17})")
SUBNET_ID = re.compile(r"subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})")


def refusal(code: str, message: str) -> Exception:
    """Return an error of EC2."""
    from moto.ec2.exceptions import EC2ClientError

    error: Exception = EC2ClientError(code, message)
    return error


def check_image(response: Any) -> Any:
    """Return the image to launch, None where a launch template names it."""
    image_id = response._get_param("ImageId")
    if not image_id:
        if response._get_param("LaunchTemplate"):
            return None
        raise refusal("MissingParameter", "The request must contain the parameter ImageId")
    if IMAGE_ID.fullmatch(image_id) is None:
        raise refusal("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
    image = response.ec2_backend.amis.get(image_id)
    if image is None:
        raise refusal("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    return image


def check_type(response: Any, image: Any) -> None:
    """Refuse an unknown type, and one whose processor cannot run the image."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    name = response._get_param("InstanceType")
    if not name:
        return
    if name not in INSTANCE_TYPES:
        raise refusal("InvalidParameterValue", f"Invalid value '{name}' for InstanceType.")
    supported = INSTANCE_TYPES[name]["ProcessorInfo"]["SupportedArchitectures"]
    if image is not None and image.architecture and image.architecture not in supported:
        own = next((architecture for architecture in supported if architecture != "i386"), supported[0])
        raise refusal(
            "InvalidParameterValue",
            f"The architecture '{own}' of the specified instance type does not match the architecture "
            f"'{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching "
            "architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the "
            "architecture of the instance type or AMI.",
        )


def check_references(response: Any) -> None:
    """Refuse a key pair, security group or subnet that does not exist."""
    backend = response.ec2_backend
    key_name = response._get_param("KeyName")
    if key_name:
        backend.describe_key_pairs(key_names=[key_name])
    for group_id in response._get_param("SecurityGroupIds", []):
        if GROUP_ID.fullmatch(group_id) is None:
            raise refusal("InvalidGroupId.Malformed", f'Invalid id: "{group_id}" (expecting "sg-...")')
        if backend.get_security_group_from_id(group_id) is None:
            raise refusal("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
    for name in response._get_param("SecurityGroups", []):
        if backend.get_security_group_by_name_or_id(name) is None:
            raise refusal("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
    subnet_id = response._get_param("SubnetId")
    if subnet_id:
        if SUBNET_ID.fullmatch(subnet_id) is None:
            raise refusal("InvalidSubnetID.Malformed", f'Invalid id: "{subnet_id}" (expecting "subnet-...")')
        backend.get_subnet(subnet_id)


def check_profile(response: Any) -> None:
    """Refuse an instance profile that does not exist."""
    from moto.ec2.utils import filter_iam_instance_profiles
    from moto.iam.exceptions import NotFoundException

    for option, said in (("Name", "name"), ("Arn", "ARN")):
        asked = response._get_param(f"IamInstanceProfile.{option}")
        by = {"iam_instance_profile_arn": None, "iam_instance_profile_name": None}
        by[f"iam_instance_profile_{option.lower()}"] = asked
        try:
            filter_iam_instance_profiles(response.current_account, response.ec2_backend.partition, **by)
        except NotFoundException as error:
            message = f"Value ({asked}) for parameter iamInstanceProfile.{option.lower()} is invalid. "
            raise refusal("InvalidParameterValue", f"{message}Invalid IAM Instance Profile {said}") from error


def check_user_data(response: Any) -> None:
    """Refuse user data that is not Base64, or too much of it."""
    encoded = response._get_param("UserData")
    if not encoded:
        return
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise refusal("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from error
    if len(decoded) > LARGEST_USER_DATA:
        raise refusal("InvalidParameterValue", "User data is limited to 16384 bytes")


def check_count(response: Any) -> int:
    """Return how many instances to launch."""
    least = int(response._get_param("MinCount", 1))
    most = int(response._get_param("MaxCount", least))
    if least < 1 or most < 1:
        raise refusal("InvalidParameterValue", f"Value ({min(least, most)}) for the instance count must be at least 1.")
    if least > most:
        message = f"The maximum instance count ({most}) must not be smaller than the minimum ({least})."
        raise refusal("InvalidParameterValue", message)
    return most


def patch_validation() -> None:
    """A launch with anything unknown, malformed or unfit is refused; MaxCount instances are launched."""
    from moto.ec2.responses.instances import InstanceResponse

    def make(original: Any) -> Any:
        def run_instances(self: Any) -> Any:
            count = check_count(self)
            image = check_image(self)
            check_type(self, image)
            check_references(self)
            check_profile(self)
            check_user_data(self)
            self.params["MinCount"] = count
            return original(self)

        return run_instances

    wrap(InstanceResponse, "run_instances", make)


def root_mapping(image: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the root volume to make: what was asked for, over what the image brings."""
    ebs = dict(asked.get("Ebs") or {})
    defaults = {
        "SnapshotId": image.ebs_snapshot.id,
        "VolumeSize": ROOT_GIB,
        "VolumeType": "gp3",
        "DeleteOnTermination": True,
        "Encrypted": False,
    }
    return {"DeviceName": image.root_device_name, "Ebs": defaults | {k: v for k, v in ebs.items() if v is not None}}


def complete_mappings(image: Any, asked: list[Any]) -> list[Any]:
    """Return the volumes to make: the image's root volume, and whatever else was asked for."""
    by_name = {mapping.get("DeviceName"): mapping for mapping in asked}
    root = root_mapping(image, by_name.pop(image.root_device_name, {}))
    return [root, *by_name.values()]


def patch_volumes() -> None:
    """The root volume is the image's, changed by what was asked for; it ends with the instance."""
    from moto.ec2.responses.instances import InstanceResponse

    def make(original: Any) -> Any:
        def parse_block_device_mapping(self: Any) -> Any:
            image = self.ec2_backend.amis.get(self._get_param("ImageId"))
            if image is not None:
                asked = self._get_param("BlockDeviceMappings", [])
                self.params["BlockDeviceMappings"] = complete_mappings(image, asked)
            return original(self)

        return parse_block_device_mapping

    wrap(InstanceResponse, "_parse_block_device_mapping", make)


def patch_launch_settings() -> None:
    """Termination protection and the CPU credit mode, given at launch, are kept and shown."""
    from moto.core.responses import ActionResult
    from moto.ec2.responses.instances import InstanceResponse

    def make_run(original: Any) -> Any:
        def run_instances(self: Any) -> Any:
            result = original(self)
            for instance in result.result.instances:
                instance.disable_api_termination = bool(self._get_param("DisableApiTermination", False))
                instance.handrail_credits = self._get_param("CreditSpecification.CpuCredits")
            return result

        return run_instances

    def make_describe(original: Any) -> Any:
        def describe_instance_credit_specifications(self: Any) -> Any:
            instances = self.ec2_backend.describe_instance_credit_specifications(self._get_param("InstanceIds", []))
            rows = [{"InstanceId": instance.id, "CpuCredits": credits_of(instance)} for instance in instances]
            return ActionResult({"InstanceCreditSpecifications": rows})

        return describe_instance_credit_specifications

    wrap(InstanceResponse, "run_instances", make_run)
    wrap(InstanceResponse, "describe_instance_credit_specifications", make_describe)


def credits_of(instance: Any) -> str:
    """Return the credit mode of an instance: as asked for, else its family's default."""
    asked: str | None = getattr(instance, "handrail_credits", None)
    return asked or ("standard" if instance.instance_type.startswith("t2.") else "unlimited")


def choose_network(response: Any) -> None:
    """Give a launch that names no subnet the default one of its zone, and the default group where it names none."""
    backend = response.ec2_backend
    if response._get_param("NetworkInterfaces") or response._get_param("LaunchTemplate"):
        return
    if not response._get_param("SubnetId") and (vpc := backend.get_default_vpc()) is not None:
        zone = response._get_param("Placement.AvailabilityZone") or f"{backend.region_name}a"
        subnet = backend.get_default_subnets().get(zone)
        if subnet is not None:
            response.params["SubnetId"] = subnet.id
        if not response._get_param("SecurityGroups") and not response._get_param("SecurityGroupIds"):
            response.params["SecurityGroupIds"] = [backend.get_security_group_by_name_or_id("default", vpc.id).id]


def patch_default_network() -> None:
    """A launch without a subnet is in the default VPC: address, subnet and group; its interface ends with it."""
    from moto.ec2.responses.instances import InstanceResponse

    def make(original: Any) -> Any:
        def run_instances(self: Any) -> Any:
            choose_network(self)
            result = original(self)
            if not self._get_param("NetworkInterfaces"):
                for instance in result.result.instances:
                    for nic in instance.nics.values():
                        nic.delete_on_termination = True
            return result

        return run_instances

    wrap(InstanceResponse, "run_instances", make)


PATCHES = (
    Patch("ec2-default-network", patch_default_network),
    Patch("ec2-validation", patch_validation),
    Patch("ec2-volumes", patch_volumes),
    Patch("ec2-launch-settings", patch_launch_settings),
)
