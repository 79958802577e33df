"""The regions of AWS as a list of its own, so that a misspelt one is caught without a call."""

import re

from handrail.core.errors import Usage
from handrail.core.fields import show
from handrail.core.nearest import nearest

DEFAULT_REGION = "us-east-1"

REGIONS = (
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "me-west-1",
    "mx-central-1",
    "sa-east-1",
    "sa-west-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
)

_ZONE = re.compile(r"([a-z]{2}(?:-gov)?-[a-z]+-[0-9])(?:[a-z]|-[a-z]{3}-[0-9]+[a-z]?|-wl[0-9]-.*)")


# What can be a part of a host name, as the SDK asks: a region that this list does not know may be new.
_NAME = re.compile(r"(?![0-9]+\Z)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\Z")


def may_be_region(word: str) -> bool:
    """Return whether a word can be a region's code, known or not: clients can be made for it."""
    return _NAME.match(word) is not None


def check_region(region: str, source: str = "") -> str:
    """Return `region` if it is a region code of the commercial, GovCloud or China partition.

    source: where it was said (`--region`, `AWS_REGION (environment)`), for the message. Raises Usage; an availability
    zone or local zone gets its region as the hint, a misspelt one the nearest.
    Source of the list: botocore's partitions.json and endpoints.json; compared by a test.
    """
    if region in REGIONS:
        return region
    said = f", said by {source}," if source else ""
    zone = _ZONE.fullmatch(region)
    if zone and zone[1] in REGIONS:
        raise Usage(
            f"{show(region)}{said} is a zone, not a region.", hint=f"--region {zone[1]}", details={"nearest": zone[1]}
        )
    near = nearest(region, REGIONS)
    raise Usage(
        f"{show(region)}{said} is not an AWS region.",
        hint=f"--region {near or DEFAULT_REGION}",
        details={"nearest": near or None},
    )
