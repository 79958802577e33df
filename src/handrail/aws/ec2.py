"""EC2 and its images as Handrail's values: paging, lookups, the mutating calls. Judges nothing, prints nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from handrail.aws.ec2_failures import FAILURES
from handrail.aws.failures import ask, aws_failures_explained
from handrail.aws.fencing import Gate, fenced
from handrail.aws.paging import PAGE, pages
from handrail.aws.service import Answer, Service, tag_list
from handrail.aws.ssm import image_parameters
from handrail.aws.unanswered import NotAwsError, host_of
from handrail.core.ec2_rules import KNOWN_TYPES, LOGIN_USERS, TypeFacts
from handrail.core.errors import NotFound, Usage
from handrail.core.nearest import nearest
from handrail.core.ownership import IMAGE_TAG, MANAGED_BY, MANAGED_TAG, OWNER_TAG, REQUEST_TAG, is_managed_instance
from handrail.core.resources import Image, Instance

FILTER_VALUES = 200  # values that one filter of DescribeInstances takes
_ARCHITECTURES = ("x86_64", "arm64")
_OWNERS = {"099720109477": "ubuntu", "137112412989": "amazon-linux", "amazon": "amazon-linux"}

_INSTANCE = ("InstanceId", "State.Name", "ClientToken", "Tags[].Key")
_MOVED = "{0}[+].InstanceId {0}[+].CurrentState.Name"

# Sources: Amazon EC2 API reference; service authorization reference, Amazon EC2.
SERVICE = Service(
    "ec2",
    reads=("Describe", "Get"),
    root="{}Response",
    answers={
        "DescribeInstances": Answer(
            "Reservations Reservations[].Instances "
            + " ".join(f"Reservations[].Instances[].{name}" for name in _INSTANCE)
        ),
        "RunInstances": Answer(" ".join(f"Instances[+].{name}" for name in _INSTANCE)),
        "StartInstances": Answer(_MOVED.format("StartingInstances")),
        "StopInstances": Answer(_MOVED.format("StoppingInstances")),
        "TerminateInstances": Answer(_MOVED.format("TerminatingInstances")),
        "RebootInstances CreateTags DeleteTags ModifyInstanceAttribute": Answer(),
        "DescribeInstanceTypes": Answer(
            "InstanceTypes InstanceTypes[].ProcessorInfo.SupportedArchitectures[+] "
            "InstanceTypes[].VCpuInfo.DefaultVCpus InstanceTypes[].MemoryInfo.SizeInMiB"
        ),
        "DescribeImages": Answer("Images Images[].ImageId Images[].State Images[].Architecture"),
        "DescribeSecurityGroups": Answer("SecurityGroups SecurityGroups[].GroupId SecurityGroups[].GroupName"),
        "DescribeKeyPairs": Answer("KeyPairs KeyPairs[].KeyName"),
        "DescribeSubnets": Answer("Subnets Subnets[].SubnetId"),
        "DescribeRegions": Answer("Regions[+].RegionName"),
    },
    needs={
        "RunInstances": {
            "ec2:RunInstances": "",
            "ec2:CreateTags": "TagSpecifications",
            "iam:PassRole": "IamInstanceProfile",
        }
    },
    failures=FAILURES,
)


@dataclass(frozen=True)
class Launch:
    """Everything that one RunInstances call says. The same values give a byte-identical call, as a repeat must be."""

    token: str
    image_id: str
    type: str
    root_device: str
    tags: Mapping[str, str]
    credits: str | None = None
    key_pair: str | None = None
    security_groups: tuple[str, ...] = ()
    subnet: str | None = None
    instance_profile: str | None = None
    user_data: bytes | None = field(default=None, repr=False)

    def resolved(self) -> dict[str, Any]:
        """Return the call as the record keeps it: everything but the user data."""
        values = {name: value for name, value in vars(self).items() if name != "user_data" and value}
        return {**values, "tags": dict(self.tags), "security_groups": list(self.security_groups)}

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the call."""
        tags = tag_list(self.tags)
        call: dict[str, Any] = {
            "ClientToken": self.token,
            "ImageId": self.image_id,
            "InstanceType": self.type,
            "MinCount": 1,
            "MaxCount": 1,
            "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled"},
            "BlockDeviceMappings": [
                {"DeviceName": self.root_device, "Ebs": {"Encrypted": True, "DeleteOnTermination": True}}
            ],
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": tags},
                {"ResourceType": "volume", "Tags": tags},
            ],
        }
        optional: dict[str, Any] = {
            "CreditSpecification": {"CpuCredits": self.credits} if self.credits else None,
            "KeyName": self.key_pair,
            "SecurityGroupIds": list(self.security_groups),
            "SubnetId": self.subnet,
            "IamInstanceProfile": _profile(self.instance_profile),
            "UserData": self.user_data,  # botocore encodes it
        }
        call.update({key: value for key, value in optional.items() if value})
        return call


class Ec2:
    """EC2 of one region."""

    def __init__(self, client: Any, ssm: Any, region: str) -> None:
        self._client, self._make_ssm, self.region = client, ssm, region

    def describe(self, filters: Mapping[str, Sequence[str]] | None = None) -> Iterator[Instance]:
        """Yield every instance that passes the filters, one page in memory."""
        for reservation in self._rows("DescribeInstances", "Reservations", filters, MaxResults=PAGE):
            yield from map(self._instance, reservation["Instances"])

    def _rows(
        self, api: str, items: str, filters: Mapping[str, Sequence[str]] | None = None, subject: str = "", **call: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Yield all that a Describe call lists."""
        if filters:
            call["Filters"] = [{"Name": name, "Values": list(values)} for name, values in filters.items()]
        for page in pages(partial(ask, self._client, f"ec2:{api}", subject), call, {"NextToken": "NextToken"}, items):
            yield from page[items]

    def managed(self, states: Sequence[str] = (), owner: str | None = None) -> list[Instance]:
        """Return what Handrail made here: filtered by AWS on the tag, then judged on each instance returned."""
        filters: dict[str, Sequence[str]] = {f"tag:{MANAGED_TAG}": [MANAGED_BY]}
        if states:
            filters["instance-state-name"] = states
        if owner:
            filters[f"tag:{OWNER_TAG}"] = [owner]
        return [instance for instance in self.describe(filters) if instance.managed]

    def by_ids(self, ids: Iterable[str]) -> dict[str, Instance]:
        """Return the instances of these ids that exist; a filter, because naming an unknown id fails the whole call."""
        return {found.id: found for chunk in _parts(ids) for found in self.describe({"instance-id": chunk})}

    def by_names(self, names: Iterable[str], states: Sequence[str]) -> list[Instance]:
        """Return the instances of these names in these states, whoever made them."""
        return [
            found
            for chunk in _parts(names)
            for found in self.describe({"tag:Name": chunk, "instance-state-name": states})
        ]

    def by_tokens(self, tokens: Iterable[str]) -> list[Instance]:
        """Return the instances that were launched with these ClientTokens, in any state."""
        return [found for chunk in _parts(tokens) for found in self.describe({"client-token": chunk})]

    def run(self, launch: Launch, fence: Gate | None = None) -> Instance:
        """Launch one instance and return it as the reply shows it. A repeat with the same token launches nothing.

        fence: asked at every attempt whether it may still be sent.
        """
        with self._asking("RunInstances", launch.type, fence) as asked:
            made = self._instance(asked(**launch.parameters())["Instances"][0])
            if made.client_token != launch.token:
                raise self._no_answer("RunInstances", "it is about another request")
            return made

    def start(self, ids: Sequence[str], fence: Gate | None = None, *, called: str = "") -> dict[str, str]:
        """Start instances: one call, all or none. Returns id -> state as the reply tells it.

        fence: asked at every attempt whether it may still be sent. called: what a person calls them, for what is said
        of a refusal, here and below.
        """
        return self._move("StartInstances", "StartingInstances", ids, called, fence)

    def stop(self, ids: Sequence[str], *, called: str = "") -> dict[str, str]:
        """Stop instances: one call, all or none. Returns id -> state as the reply tells it."""
        return self._move("StopInstances", "StoppingInstances", ids, called)

    def reboot(self, ids: Sequence[str], *, called: str = "") -> dict[str, str]:
        """Reboot instances: one call, all or none. Its reply tells no state."""
        ask(self._client, "ec2:RebootInstances", called or _subject(ids), InstanceIds=list(ids))
        return {}

    def terminate(self, ids: Sequence[str], *, called: str = "") -> dict[str, str]:
        """Terminate instances: one call, all or none. Returns id -> state as the reply tells it."""
        return self._move("TerminateInstances", "TerminatingInstances", ids, called)

    def _move(self, call: str, rows: str, ids: Sequence[str], called: str, fence: Gate | None = None) -> dict[str, str]:
        """Make the call and return id -> state as its reply tells it; one about other instances is no answer."""
        with self._asking(call, called or _subject(ids), fence) as asked:
            reply = asked(InstanceIds=list(ids))
            states = {row["InstanceId"]: row["CurrentState"]["Name"] for row in reply[rows]}
            if states.keys() != set(ids):  # judged under the fence: what can't be read is no answer
                raise self._no_answer(call, "it is about other instances")
            return states

    @contextmanager
    def _asking(self, call: str, subject: str, fence: Gate | None) -> Iterator[Any]:
        """Yield the method of a call, for a block that makes it under a fence and reads its reply."""
        from botocore import xform_name

        with aws_failures_explained(f"ec2:{call}", subject=subject), fenced(fence):
            yield getattr(self._client, xform_name(call))

    def _no_answer(self, call: str, lacks: str) -> NotAwsError:
        return NotAwsError(call, host_of(self._client.meta.endpoint_url), "", lacks)

    def retag(
        self,
        instance_id: str,
        *,
        put: Mapping[str, str],
        drop: Sequence[str],
        fence: Gate | None = None,
        called: str = "",
    ) -> None:
        """Remove and set tags of one instance, in this order: EC2 counts them. fence: asked at every attempt."""
        calls = (("DeleteTags", [{"Key": key} for key in drop]), ("CreateTags", tag_list(put)))
        for call, tags in calls:
            if tags:
                with self._asking(call, called or instance_id, fence) as asked:
                    asked(Resources=[instance_id], Tags=tags)

    def change_type(self, instance_id: str, instance_type: str, *, called: str = "") -> None:
        """Change the type of a stopped instance."""
        change: dict[str, Any] = {"InstanceId": instance_id, "InstanceType": {"Value": instance_type}}
        ask(self._client, "ec2:ModifyInstanceAttribute", called or instance_id, **change)

    def type_facts(self, name: str) -> TypeFacts:
        """Return a type's architecture, vCPUs and memory; the burstable families are known without a call.

        Raises Usage for a type that the region does not know.
        """
        if name in KNOWN_TYPES:
            return KNOWN_TYPES[name]
        # To its end: a listing that does not go on is no answer.
        found = list(self._rows("DescribeInstanceTypes", "InstanceTypes", {"instance-type": [name]}, name))
        if not found:
            near = nearest(name, KNOWN_TYPES)
            raise Usage(
                f"{self.region} has no instance type {name}.",
                hint=f"--type {near}" if near else "aws ec2 describe-instance-types lists them",
            )
        raw = found[0]
        architectures = raw["ProcessorInfo"]["SupportedArchitectures"]
        return TypeFacts(
            name=name,
            architecture=next((one for one in architectures if one in _ARCHITECTURES), architectures[0]),
            vcpus=raw["VCpuInfo"]["DefaultVCpus"],
            memory=raw["MemoryInfo"]["SizeInMiB"] / 1024,
        )

    def newest_image(self, alias: str, architecture: str) -> Image:
        """Return the newest image of `ubuntu` (an LTS) or `amazon-linux` for an architecture.

        The public SSM parameters say which id is current; the image itself is then looked at, because a parameter may
        name one that is gone. Raises NotFound if none exists.
        """
        names = image_parameters(alias, architecture)
        reply = ask(self._make_ssm(), "ssm:GetParameters", alias, Names=names)
        ids = {row["Name"]: row["Value"] for row in reply["Parameters"]}
        wanted = [ids[name] for name in names if name in ids]
        found = self._images(wanted) if wanted else {}
        for image_id in wanted:
            image = found.get(image_id)
            if image is not None and image.architecture == architecture:
                return image
        raise NotFound(
            f"no current {alias} image for {architecture} was found in {self.region}.",
            hint="try another --image, or another --region",
            details={"parameters": names},
        )

    def image(self, image_id: str) -> Image:
        """Return the image of an AMI id. Raises NotFound."""
        found = self._images([image_id])
        if image_id not in found:
            raise NotFound(
                f"{self.region} has no image {image_id}.", hint="images belong to one region: check --region"
            )
        return found[image_id]

    def security_groups(self, words: Sequence[str]) -> dict[str, list[str]]:
        """Return, per id or name of a security group, the ids that it stands for: none, one, or one in each VPC."""
        found: dict[str, list[str]] = {word: [] for word in words}
        for name, key, asked in (
            ("group-id", "GroupId", [word for word in words if word.startswith("sg-")]),
            ("group-name", "GroupName", [word for word in words if not word.startswith("sg-")]),
        ):
            if asked:
                for group in self._rows("DescribeSecurityGroups", "SecurityGroups", {name: asked}):
                    found.get(group[key], []).append(group["GroupId"])
        return found

    def has_key_pair(self, name: str) -> bool:
        """Return whether the region has a key pair of this name."""
        pairs = self._rows("DescribeKeyPairs", "KeyPairs", {"key-name": [name]})
        return any(pair["KeyName"] == name for pair in pairs)

    def has_subnet(self, subnet_id: str) -> bool:
        """Return whether the region has this subnet."""
        subnets = self._rows("DescribeSubnets", "Subnets", {"subnet-id": [subnet_id]})
        return any(subnet["SubnetId"] == subnet_id for subnet in subnets)  # a filter takes wildcards

    def ssh_is_let_in(self, security_groups: Sequence[str]) -> bool:
        """Return whether one of the groups lets TCP port 22 in from anywhere."""
        groups = self._rows("DescribeSecurityGroups", "SecurityGroups", GroupIds=list(security_groups))
        return any(_opens_ssh(rule) for group in groups for rule in group.get("IpPermissions", ()))

    def regions(self) -> list[str]:
        """Return the regions that are enabled for the account."""
        return sorted(row["RegionName"] for row in self._rows("DescribeRegions", "Regions"))

    def _images(self, ids: Sequence[str]) -> dict[str, Image]:
        rows = self._rows("DescribeImages", "Images", {"image-id": ids}, _subject(ids))
        return {raw["ImageId"]: _image(raw) for raw in rows if raw["State"] == "available"}

    def _instance(self, raw: Mapping[str, Any]) -> Instance:
        tags = {tag["Key"]: tag.get("Value", "") for tag in raw.get("Tags", ())}
        token = raw.get("ClientToken", "")
        managed = is_managed_instance(tags, token)
        own = tags if managed else {}  # what copied tags say of somebody else's instance is not believed
        return Instance(
            id=raw["InstanceId"],
            name=tags.get("Name", ""),
            type=raw.get("InstanceType", ""),
            state=raw["State"]["Name"],
            image=own.get(IMAGE_TAG) or raw.get("ImageId", ""),
            image_id=raw.get("ImageId", ""),
            architecture=raw.get("Architecture", ""),
            owner=own.get(OWNER_TAG, ""),
            created_at=_created_at(raw),
            started_at=raw.get("LaunchTime"),
            public_ip=raw.get("PublicIpAddress") or None,
            private_ip=raw.get("PrivateIpAddress") or None,
            availability_zone=raw.get("Placement", {}).get("AvailabilityZone", ""),
            region=self.region,
            managed=managed,
            tags=tags,
            key_pair=raw.get("KeyName") or None,
            security_groups=tuple(group["GroupId"] for group in raw.get("SecurityGroups", ()) if "GroupId" in group),
            subnet=raw.get("SubnetId"),
            vpc=raw.get("VpcId"),
            instance_profile=raw.get("IamInstanceProfile", {}).get("Arn"),
            volumes=tuple(
                disk["Ebs"]["VolumeId"]
                for disk in raw.get("BlockDeviceMappings", ())
                if "VolumeId" in disk.get("Ebs", {})
            ),
            state_reason=(raw.get("StateReason") or {}).get("Message", "") or raw.get("StateTransitionReason", ""),
            request=own.get(REQUEST_TAG, ""),
            client_token=token,
        )


def _created_at(raw: Mapping[str, Any]) -> Any:
    """Return when it was made: LaunchTime moves with every start, the root volume's attachment does not."""
    attached = [
        disk["Ebs"]["AttachTime"]
        for disk in raw.get("BlockDeviceMappings", ())
        if disk.get("DeviceName") == raw.get("RootDeviceName") and disk.get("Ebs", {}).get("AttachTime")
    ]
    return attached[0] if attached else raw.get("LaunchTime")


def _image(raw: Mapping[str, Any]) -> Image:
    name = raw.get("Name", "")
    alias = _OWNERS.get(raw.get("OwnerId", ""))
    return Image(
        id=raw["ImageId"],
        name=name,
        label=_label(name, alias),
        architecture=raw.get("Architecture", ""),
        created_at=raw.get("CreationDate", ""),
        root_device=raw.get("RootDeviceName") or "/dev/xvda",
        user=LOGIN_USERS.get(alias or ""),
        alias=alias,
        owner=raw.get("OwnerId", ""),
    )


def _label(name: str, alias: str | None) -> str:
    if alias == "ubuntu":
        version = next((word for word in name.replace("/", "-").split("-") if word.endswith(".04")), "")
        return f"Ubuntu {version} LTS".replace("  ", " ")
    if alias == "amazon-linux":
        return "Amazon Linux 2023" if "2023" in name else "Amazon Linux"
    return name or "an image without a name"


def _opens_ssh(rule: Mapping[str, Any]) -> bool:
    everything = rule.get("IpProtocol") == "-1"
    ssh = rule.get("IpProtocol") == "tcp" and rule.get("FromPort", 0) <= 22 <= rule.get("ToPort", -1)
    return (everything or ssh) and bool(rule.get("IpRanges") or rule.get("Ipv6Ranges") or rule.get("PrefixListIds"))


def _profile(name_or_arn: str | None) -> dict[str, str] | None:
    if not name_or_arn:
        return None
    return {"Arn" if name_or_arn.startswith("arn:") else "Name": name_or_arn}


def _subject(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def _parts(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield the values, each once, in lists that one filter takes."""
    rest = iter(dict.fromkeys(values))
    return iter(lambda: list(islice(rest, FILTER_VALUES)), [])
