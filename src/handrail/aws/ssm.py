"""Systems Manager: its public parameters tell which image is the newest."""

from datetime import date

from handrail.aws.service import Answer, Service

# Source of the answers: AWS Systems Manager API reference.
SERVICE = Service(
    "ssm",
    reads=("Describe", "Get", "List"),
    answers={"GetParameters": Answer("Parameters Parameters[].Name Parameters[].Value")},
)

_AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{arch}"
_UBUNTU = "/aws/service/canonical/ubuntu/server/{version}/stable/current/{arch}/hvm/ebs-{disk}/ami-id"
_UBUNTU_ARCH = {"x86_64": "amd64", "arm64": "arm64"}


def image_parameters(alias: str, architecture: str) -> list[str]:
    """Return the names of the parameters that tell the image of `ubuntu` (an LTS) or `amazon-linux`, the newest first.

    Sources: EC2 user guide, "Reference AMIs using Systems Manager parameters"; Canonical, "Find Ubuntu images on AWS".
    """
    if alias == "amazon-linux":
        return [_AMAZON_LINUX.format(arch=architecture)]
    years = range(date.today().year // 2 * 2, 2020, -2)
    disks = {year: "gp3" if year >= 2024 else "gp2" for year in years}
    return [
        _UBUNTU.format(version=f"{year % 100}.04", arch=_UBUNTU_ARCH[architecture], disk=disks[year]) for year in years
    ]
