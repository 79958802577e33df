"""What EC2 allows, judged offline: ids, names, types, tags, user data, states. Pure."""

import re
from dataclasses import dataclass

from handrail.core.errors import Usage
from handrail.core.fields import show
from handrail.core.resources import ENDED
from handrail.core.shell import option
from handrail.core.tags import MOST_TAGS, VALUE_LIMIT, TagRules

INSTANCE_ID = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})\Z")
_SUBNET_ID = re.compile(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})\Z")
# Sources: IAM API reference, GetInstanceProfile (names); IAM user guide, "IAM identifiers" (ARNs, paths).
_PROFILE = re.compile(r"(arn:aws[a-z-]*:iam::[0-9]{12}:instance-profile/([!-~]+/)?)?[A-Za-z0-9_+=,.@-]{1,128}\Z")
AMI_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})\Z")
_TYPE = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9-]+\Z")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\Z")
NAME_LIMIT = 63
USER_DATA_LIMIT = 16 * 1024
# The name and Handrail's own marks are six of its tags.
INSTANCE_TAGS = TagRules(MOST_TAGS - 6, name_hint="use --name (create) or --rename (update)")

IMAGE_ALIASES = ("amazon-linux", "ubuntu")
LOGIN_USERS = {"ubuntu": "ubuntu", "amazon-linux": "ec2-user"}


@dataclass(frozen=True)
class TypeFacts:
    """An instance type. memory in GiB."""

    name: str
    architecture: str
    vcpus: int
    memory: float

    @property
    def burstable(self) -> bool:
        """Return whether it runs on CPU credits (T types)."""
        return is_burstable(self.name)


# Source: EC2 user guide, "Burstable performance instances". These two families need no call to AWS.
_SIZES = (
    ("nano", 2, 0.5),
    ("micro", 2, 1.0),
    ("small", 2, 2.0),
    ("medium", 2, 4.0),
    ("large", 2, 8.0),
    ("xlarge", 4, 16.0),
    ("2xlarge", 8, 32.0),
)
KNOWN_TYPES = {
    f"{family}.{size}": TypeFacts(f"{family}.{size}", architecture, vcpus, memory)
    for family, architecture in (("t3", "x86_64"), ("t3a", "x86_64"), ("t4g", "arm64"))
    for size, vcpus, memory in _SIZES
}


def is_burstable(instance_type: str) -> bool:
    """Return whether a type is of a T family, which runs on CPU credits."""
    return re.match(r"t\d", instance_type) is not None


def name_from(owner: str, letters: str) -> str:
    """Return the made-up name of a new instance: its owner and a few letters, in characters that a name can have."""
    word = re.sub("[^A-Za-z0-9_.-]+", "-", owner)[: NAME_LIMIT - 8].strip(".-")
    # A name that begins with i- would be taken for an id.
    return re.sub(r"\A(i?[.-]+)+", "", f"{word}-{letters}")


def addressed_by(name: str, id: str) -> str:
    """Return the word by which a line finds an instance: its name where that means nothing else, otherwise its id.

    Others can give it any Name tag: one with commas would be several targets, one like an id another instance.
    """
    return name if re.fullmatch(r"(?!i-[0-9a-f]{8,17}$)[A-Za-z0-9][A-Za-z0-9_.-]*", name) else id


def check_name(value: str) -> str:
    """Return a name for a new instance.

    1 to 63 of A-Z a-z 0-9 . _ -, not ending in . or -, not shaped like an instance id. Raises Usage.
    """
    if not value:
        raise Usage("the name is empty.", hint="leave --name out for a made-up one, or give 1 to 63 letters and digits")
    if len(value) > NAME_LIMIT:
        raise Usage(
            f"the name {show(value, 24)} is too long: at most {NAME_LIMIT} characters.",
            hint=option("--name", value[:20]),
        )
    if value.startswith("i-"):
        raise Usage(f"the name {show(value)} looks like an instance id.", hint="choose one that does not begin with i-")
    if not _NAME.match(value):
        raise Usage(
            f"the name {show(value)} has characters that a name can't have.",
            hint="use letters, digits, dot, dash and underscore; begin and end with a letter or digit",
        )
    return value


def check_type(value: str) -> str:
    """Return an instance type as written (`t3.nano`), lower case. Raises Usage on another shape."""
    value = value.strip().lower()
    if not _TYPE.match(value):
        raise Usage(f"{show(value)} is not an instance type.", hint="a type reads like t3.nano")
    return value


def check_image(value: str) -> str:
    """Return an image alias or AMI id. Raises Usage on anything else."""
    if value in IMAGE_ALIASES or AMI_ID.match(value):
        return value
    if value.startswith("ami-"):
        raise Usage(f"{show(value)} is not an AMI id.", hint="ami- and 8 or 17 hexadecimal digits")
    raise Usage(f"{show(value)} is not an image.", hint=f"--image {' or '.join(IMAGE_ALIASES)}, or an AMI id")


def check_subnet(value: str) -> str:
    """Return a subnet id. Raises Usage."""
    if not _SUBNET_ID.match(value):
        raise Usage(f"{show(value)} is not a subnet id.", hint="subnet- and 8 or 17 hexadecimal digits")
    return value


def check_instance_profile(value: str) -> str:
    """Return the name or the ARN of an instance profile. Raises Usage."""
    if not _PROFILE.match(value):
        raise Usage(
            f"{show(value)} is not an instance profile.", hint="1 to 128 of A-Z a-z 0-9 _ + = , . @ -, or an ARN"
        )
    return value


def check_target(value: str) -> str:
    """Return an instance id or a name as given. Raises Usage on a malformed id."""
    value = value.strip()
    if not value:
        raise Usage("a target is empty.", hint="give an instance id or a name")
    if len(value) > VALUE_LIMIT:
        raise Usage(f"the name {show(value, 24)} is too long for a target.", hint="give an instance id or a name")
    if value.startswith("i-") and not INSTANCE_ID.match(value):
        raise Usage(f"{show(value)} is not an instance id.", hint="i- and 8 or 17 hexadecimal digits, or a name")
    return value


def check_user_data(data: bytes, source: str) -> bytes:
    """Return user data as read from a file: at most 16 KiB before encoding. Raises Usage.

    Source: EC2 user guide, "Run commands on your Linux instance at launch" (limit in raw form).
    """
    if len(data) > USER_DATA_LIMIT:
        raise Usage(
            f"the user data in {show(source)} has more than the {USER_DATA_LIMIT:,} bytes that EC2 takes.",
            hint="make it smaller, or have it fetch the rest from a bucket",
        )
    return data


@dataclass(frozen=True)
class Move:
    """A change of state.

    goal: the state that it ends in. arriving: states that lead there by themselves. settles: states that must pass
    before the call is possible. impossible: states from which it can never be. stray: states that end a wait.
    """

    verb: str
    goal: str
    done: str
    arriving: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    impossible: tuple[str, ...] = ()
    stray: tuple[str, ...] = ()

    def is_under_way(self, state: str) -> bool:
        """Return whether an instance in a state is at the goal, or gets there by itself; one can always be rebooted."""
        return state in self.arriving or (state == self.goal and self.verb != "reboot")


# Source: EC2 user guide, "Instance lifecycle".
MOVES = {
    "create": Move("create", "running", "running", stray=(*ENDED, "stopping", "stopped")),
    "start": Move(
        "start", "running", "running", arriving=("pending",), settles=("stopping",), impossible=ENDED, stray=ENDED
    ),
    "stop": Move(
        "stop", "stopped", "stopped", arriving=("stopping",), settles=("pending",), impossible=ENDED, stray=ENDED
    ),
    "reboot": Move("reboot", "running", "rebooting", settles=("pending",), impossible=("stopping", "stopped", *ENDED)),
    "delete": Move("delete", "terminated", "terminated", arriving=("shutting-down",)),
}
SETTLED = {"pending": "running", "stopping": "stopped", "shutting-down": "terminated"}
