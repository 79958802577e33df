"""EC2 and SSM: the images that people start from, in every region, for both architectures.

moto knows no Ubuntu after 16.04 and none for arm64; ids follow from region and name, so they are the same everywhere.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from handrail.sandbox.fidelity.registry import Patch, wrap

CANONICAL = "099720109477"
AMAZON = "137112412989"
ROOT_GIB = 8
PARAMETER_ROOTS = ("/aws/service/canonical", "/aws/service/ami-amazon-linux-latest")


@dataclass(frozen=True)
class Seed:
    """One public image and the SSM parameter that names it as the latest."""

    name: str
    parameter: str
    architecture: str
    owner: str
    description: str
    created: datetime.datetime
    root_device: str

    def image_id(self, region: str) -> str:
        """The image's id in a region."""
        return "ami-" + hashlib.sha256(f"{region}:{self.name}".encode()).hexdigest()[:17]


def ubuntu(release: str, codename: str, day: str, hour: int) -> Iterator[Seed]:
    """Yield Canonical's images of one release."""
    for minute, (debian, architecture) in enumerate((("amd64", "x86_64"), ("arm64", "arm64"))):
        yield Seed(
            f"ubuntu/images/hvm-ssd-gp3/ubuntu-{codename}-{release}-{debian}-server-{day}",
            f"/aws/service/canonical/ubuntu/server/{release}/stable/current/{debian}/hvm/ebs-gp3/ami-id",
            architecture,
            CANONICAL,
            f"Canonical, Ubuntu, {release}, {debian} {codename} image",
            datetime.datetime.strptime(f"{day}{hour:02}{minute:02}", "%Y%m%d%H%M"),
            "/dev/sda1",
        )


def amazon_linux(day: str) -> Iterator[Seed]:
    """Yield Amazon's images of Amazon Linux 2023."""
    for minute, architecture in enumerate(("x86_64", "arm64")):
        yield Seed(
            f"al2023-ami-2023.9.{day}.0-kernel-6.12-{architecture}",
            f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}",
            architecture,
            AMAZON,
            f"Amazon Linux 2023 AMI 2023.9.{day}.0 {architecture} HVM kernel-6.12",
            datetime.datetime.strptime(f"{day}21{minute:02}", "%Y%m%d%H%M"),
            "/dev/xvda",
        )


SEEDS = (
    *ubuntu("24.04", "noble", "20261103", 4),
    *ubuntu("26.04", "resolute", "20261103", 6),
    *amazon_linux("20261102"),
)


def make_image(backend: Any, seed: Seed) -> Any:
    """Return moto's object for a seeded image."""
    from moto.ec2.models.amis import Ami

    return Ami(
        backend,
        seed.image_id(backend.region_name),
        name=seed.name,
        description=seed.description,
        owner_id=seed.owner,
        owner_alias="amazon" if seed.owner == AMAZON else None,
        public=True,
        virtualization_type="hvm",
        architecture=seed.architecture,
        creation_date=seed.created,
        image_location=f"{seed.owner}/{seed.name}",
        hypervisor="xen",
        root_device_type="ebs",
        root_device_name=seed.root_device,
        region_name=f"{backend.region_name}a",
        boot_mode="uefi-preferred",
    )


def make_parameter(account_id: str, region: str, seed: Seed) -> Any:
    """Return moto's object for the parameter that names a seeded image."""
    from moto.ssm import models

    make: Any = models.Parameter
    return make(
        account_id=account_id,
        name=seed.parameter,
        value=seed.image_id(region),
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=seed.created,
        version=1,
        data_type="aws:ec2:image",
    )


def patch_images() -> None:
    """Every region starts with Ubuntu and Amazon Linux images, and SSM names the latest of them."""
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.amis import Ami
    from moto.ssm.models import ParameterDict

    def make_init(original: Any) -> Any:
        def init(self: Any, region_name: str, account_id: str) -> None:
            original(self, region_name, account_id)
            for seed in SEEDS:
                image = make_image(self, seed)
                self.amis[image.id] = image

        return init

    def make_check(original: Any) -> Any:
        def check_loading_status(self: Any, key: str) -> None:
            if not str(key or "").startswith(PARAMETER_ROOTS):
                original(self, key)
            elif not self.latest_amis_loaded:
                self.latest_amis_loaded = True
                for seed in SEEDS:
                    dict.__setitem__(self, seed.parameter, [make_parameter(self.account_id, self.region_name, seed)])

        return check_loading_status

    def block_device_mappings(self: Any) -> list[dict[str, Any]]:
        ebs = {
            "SnapshotId": self.ebs_snapshot.id,
            "VolumeSize": ROOT_GIB,
            "DeleteOnTermination": True,
            "VolumeType": "gp3",
            "Encrypted": False,
        }
        return [{"DeviceName": self.root_device_name, "Ebs": ebs}]

    wrap(EC2Backend, "__init__", make_init)
    wrap(ParameterDict, "_check_loading_status", make_check)
    wrap(Ami, "block_device_mappings", lambda _: property(block_device_mappings))


PATCHES = (Patch("ec2-images", patch_images),)
