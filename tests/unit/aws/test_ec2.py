"""EC2 as Handrail's values, on a client whose answers are played: pages, and what refusals are told of."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from handrail.aws.ec2 import Ec2
from handrail.core.errors import AwsFailure, NotFound
from handrail.core.resources import LIVE_STATES


class Client:
    """A client that plays pages, and keeps what it was asked."""

    def __init__(self, *pages: Sequence[str]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._pages = pages

    def describe_instances(self, **call: Any) -> dict[str, Any]:
        """Return the page that the token names, the first without one."""
        self.asked.append(dict(call))
        number = int(call.get("NextToken", "0"))
        instances = [{"InstanceId": id, "State": {"Name": "running"}} for id in self._pages[number]]
        more = {"NextToken": str(number + 1)} if number + 1 < len(self._pages) else {}
        return {"Reservations": [{"Instances": instances}], **more}


def test_every_page_is_read_also_behind_an_empty_one() -> None:
    client = Client(["i-1", "i-2"], [], ["i-3"])
    assert [one.id for one in Ec2(client, None, "us-east-1").describe()] == ["i-1", "i-2", "i-3"]
    assert [call.get("NextToken") for call in client.asked] == [None, "1", "2"]


@pytest.mark.parametrize("filters", [{}, {"instance-state-name": LIVE_STATES}])
def test_each_page_is_asked_for_with_the_same_filters(filters: dict[str, Sequence[str]]) -> None:
    client = Client(["i-1"], ["i-2"])
    list(Ec2(client, None, "us-east-1").describe(filters))
    assert {str(call.get("Filters")) for call in client.asked} == {str(client.asked[0].get("Filters"))}
    assert ("Filters" in client.asked[0]) == bool(filters)


def test_more_ids_than_a_filter_takes_are_asked_for_in_parts() -> None:
    client = Client(["i-1"])
    ids = [f"i-{number}" for number in range(450)]
    assert list(Ec2(client, None, "us-east-1").by_ids([*ids, *ids])) == ["i-1"]
    assert [len(call["Filters"][0]["Values"]) for call in client.asked] == [200, 200, 50]


def test_one_owners_instances_are_asked_for_by_tag() -> None:
    client = Client(["i-1"])
    Ec2(client, None, "us-east-1").managed(LIVE_STATES, owner="ann")
    assert {"Name": "tag:handrail:owner", "Values": ["ann"]} in client.asked[0]["Filters"]


def test_an_alias_without_an_image() -> None:
    ssm = SimpleNamespace(get_parameters=lambda **_: {"Parameters": []})
    with pytest.raises(NotFound, match="no current ubuntu image for arm64 was found in us-east-1"):
        Ec2(None, lambda: ssm, "us-east-1").newest_image("ubuntu", "arm64")


def test_an_image_without_a_name() -> None:
    client = SimpleNamespace(
        describe_images=lambda **_: {"Images": [{"ImageId": "ami-1", "Architecture": "x86_64", "State": "available"}]}
    )
    assert Ec2(client, None, "us-east-1").image("ami-1").label == "an image without a name"


def test_an_image_of_another_architecture_is_passed_over() -> None:
    names = iter(["ami-arm", "ami-none", "ami-x86"])
    ssm = SimpleNamespace(
        get_parameters=lambda **call: {
            "Parameters": [{"Name": name, "Value": next(names, "ami-none")} for name in call["Names"]]
        }
    )
    client = SimpleNamespace(
        describe_images=lambda **_: {
            "Images": [
                {"ImageId": "ami-arm", "Architecture": "arm64", "State": "available", "Name": "a"},
                {"ImageId": "ami-x86", "Architecture": "x86_64", "State": "available", "Name": "b"},
            ]
        }
    )
    assert Ec2(client, lambda: ssm, "us-east-1").newest_image("ubuntu", "x86_64").id == "ami-x86"


def test_everything_that_handrail_made_whatever_its_state() -> None:
    client = Client(["i-1"])
    Ec2(client, None, "us-east-1").managed()
    assert [one["Name"] for one in client.asked[0]["Filters"]] == ["tag:managed-by"]


def test_a_reply_about_other_instances_is_no_answer() -> None:
    rows = [{"InstanceId": "i-9", "CurrentState": {"Name": "stopping"}}]
    client = SimpleNamespace(
        meta=SimpleNamespace(endpoint_url="https://ec2.us-east-1.amazonaws.com"),
        stop_instances=lambda **_: {"StoppingInstances": rows},
    )
    with pytest.raises(AwsFailure, match="something between you and AWS answered StopInstances"):
        Ec2(client, None, "us-east-1").stop(["i-1"])
