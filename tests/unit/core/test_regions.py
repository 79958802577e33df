"""The list of regions is botocore's, and a slip is answered with what was meant."""

import botocore.loaders
import pytest

from handrail.core.errors import Usage
from handrail.core.regions import REGIONS, check_region

PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


def test_the_list_is_what_botocore_knows() -> None:
    loader = botocore.loaders.create_loader()
    endpoints = loader.load_data("endpoints")
    known = {
        region for part in endpoints["partitions"] if part["partition"] in PARTITIONS for region in part["regions"]
    }
    partitions = loader.load_data("partitions")
    known |= {
        region
        for part in partitions["partitions"]
        if part["id"] in PARTITIONS
        for region in part["regions"]
        if not region.endswith("-global")
    }
    assert set(REGIONS) == known
    assert list(REGIONS) == sorted(REGIONS)


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1"])
def test_a_region_passes(region: str) -> None:
    assert check_region(region) == region


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("us-west-2a", "us-west-2"),
        ("us-gov-west-1b", "us-gov-west-1"),
        ("us-west-2-lax-1a", "us-west-2"),
        ("us-east-1-wl1-bos-wlz-1", "us-east-1"),
    ],
)
def test_a_zone_gets_its_region(zone: str, region: str) -> None:
    with pytest.raises(Usage, match="is a zone, not a region") as caught:
        check_region(zone, "AWS_REGION (environment)")
    assert caught.value.hint == f"--region {region}"
    assert "AWS_REGION (environment)" in caught.value.message


@pytest.mark.parametrize(
    ("slip", "region"),
    [
        ("us-wst-2", "us-west-2"),
        ("US-EAST-1", "us-east-1"),
        ("eu-central1", "eu-central-1"),
        ("us-west-9a", "us-west-2"),
    ],
)
def test_a_slip_gets_the_nearest(slip: str, region: str) -> None:
    with pytest.raises(Usage, match="is not an AWS region") as caught:
        check_region(slip)
    assert caught.value.hint == f"--region {region}"


def test_what_is_like_nothing_gets_the_default() -> None:
    with pytest.raises(Usage) as caught:
        check_region("???")
    assert caught.value.hint == "--region us-east-1"
    assert caught.value.details == {"nearest": None}
