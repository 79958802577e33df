"""EC2: what holds for its calls in general: ids, filters, paging, tags, dry runs, attributes."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from handrail.sandbox.fidelity.ec2_launch import refusal
from handrail.sandbox.fidelity.registry import Patch, wrap

INSTANCE_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # what XML, in which tags are given back, can't hold
MOST_TAGS = 50
LONGEST_TAG_KEY = 128
LONGEST_TAG_VALUE = 256
# Filters of DescribeInstances that moto lacks, and where their values are.
MORE_FILTERS = {
    "client-token": "client_token",
    "image-id": "image_id",
    "instance-lifecycle": "lifecycle",
    "instance-state-code": "state_code",
    "metadata-options.http-tokens": "metadata_options.http_tokens",
    "monitoring-state": "monitoring_state",
    "root-device-name": "root_device_name",
    "root-device-type": "root_device_type",
    "tenancy": "placement.tenancy",
    "virtualization-type": "virtualization_type",
}


def patch_instance_ids() -> None:
    """A malformed instance id is refused as such, and one named twice is one."""
    from moto.ec2.models.instances import InstanceBackend

    def make(original: Any) -> Any:
        def by_ids(self: Any, instance_ids: list[str], filters: Any = None) -> Any:
            for instance_id in instance_ids:
                if INSTANCE_ID.fullmatch(instance_id) is None:
                    raise refusal("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
            return original(self, list(dict.fromkeys(instance_ids)), filters)

        return by_ids

    wrap(InstanceBackend, "get_multi_instances_by_id", make)
    wrap(InstanceBackend, "get_reservations_by_instance_ids", make)


def values_of(instance: Any, path: str) -> list[str]:
    """Return the values that a filter compares, as AWS writes them."""
    from moto.ec2.utils import get_object_value

    value = get_object_value(instance, path)
    values = value if isinstance(value, list) else [value]
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in values if v is not None]


def passes(instance: Any, filters: dict[str, list[str]]) -> bool:
    """Tell whether an instance passes all filters; refuse one that is unknown."""
    from moto.ec2.utils import filter_dict_attribute_mapping, is_tag_filter, tag_filter_matches

    known = filter_dict_attribute_mapping | MORE_FILTERS
    for name, patterns in filters.items():
        if is_tag_filter(name):
            if not tag_filter_matches(instance, name, patterns):
                return False
        elif not any(fnmatch.fnmatchcase(v, p) for v in values_of(instance, known[name]) for p in patterns):
            return False
    return True


def check_filter_names(names: Iterator[str]) -> None:
    """Refuse a filter that DescribeInstances does not know, also where there is nothing to filter."""
    from moto.ec2.utils import filter_dict_attribute_mapping, is_tag_filter

    for name in names:
        if not is_tag_filter(name) and name not in filter_dict_attribute_mapping | MORE_FILTERS:
            raise refusal("InvalidParameterValue", f"The filter '{name}' is invalid")


def patch_filters() -> None:
    """DescribeInstances knows the filter client-token and wildcards; any unknown filter is refused, not a crash."""
    from moto.ec2 import utils
    from moto.ec2.exceptions import FilterNotImplementedError
    from moto.ec2.models.core import TaggedEC2Resource
    from moto.ec2.responses.instances import InstanceResponse

    def make_describe(original: Any) -> Any:
        def describe_instances(self: Any) -> Any:
            check_filter_names(iter(self._filters_from_querystring()))
            return original(self)

        return describe_instances

    def make_value(original: Any) -> Any:
        def get_filter_value(self: Any, filter_name: str, method_name: str | None = None) -> Any:
            try:
                return original(self, filter_name, method_name)
            except FilterNotImplementedError as error:
                raise refusal("InvalidParameterValue", f"The filter '{filter_name}' is invalid") from error

        return get_filter_value

    wrap(utils, "passes_filter_dict", lambda _: passes)
    wrap(InstanceResponse, "describe_instances", make_describe)
    wrap(TaggedEC2Resource, "get_filter_value", make_value)


def patch_paging() -> None:
    """A page token that EC2 never gave, and a page size out of bounds, are refused, not a crash."""
    from moto.ec2.responses.instances import InstanceResponse

    def make(original: Any) -> Any:
        def describe_instances(self: Any) -> Any:
            size = self._get_param("MaxResults")
            if size is not None and not 5 <= int(size) <= 1000:
                message = f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value from 5 to 1000."
                raise refusal("InvalidParameterValue", message)
            try:
                return original(self)
            except ValueError as error:
                raise refusal("InvalidNextToken", "The specified NextToken is not valid.") from error

        return describe_instances

    wrap(InstanceResponse, "describe_instances", make)


def check_tags(tags: list[Any]) -> None:
    """Refuse tags that AWS refuses."""
    keys = Counter(str(tag.get("Key", "")) for tag in tags)
    for key, count in keys.items():
        if key.lower().startswith("aws:"):
            message = (
                "Value ( {} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
            )
            raise refusal("InvalidParameterValue", message.format(key))
        if count > 1:
            raise refusal("InvalidParameterValue", f"Duplicate tag key '{key}' specified.")
        if not 0 < len(key) <= LONGEST_TAG_KEY:
            raise refusal("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters, or is empty")
    if any(CONTROL.search(f"{tag.get('Key', '')}{tag.get('Value') or ''}") for tag in tags):
        raise refusal("InvalidParameterValue", "Tags can't have control characters")
    if any(len(str(tag.get("Value") or "")) > LONGEST_TAG_VALUE for tag in tags):
        raise refusal("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
    if len(keys) > MOST_TAGS:
        raise refusal("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")


def patch_tags() -> None:
    """Reserved, repeated, too long and too many tags are refused, at launch and later; so are those of no instance."""
    from moto.ec2.responses._base_response import EC2BaseResponse
    from moto.ec2.responses.tags import TagResponse

    def make_specification(original: Any) -> Any:
        def parse_tag_specification(self: Any, expected_type: str | None = None) -> Any:
            for specification in self._get_param("TagSpecifications", []):
                check_tags(specification.get("Tags", []))
            return original(self, expected_type)

        return parse_tag_specification

    def make_create(original: Any) -> Any:
        def create_tags(self: Any) -> Any:
            check_tags(self._get_param("Tags", []))
            instance_ids = [name for name in self._get_param("Resources", []) if name.startswith("i-")]
            self.ec2_backend.get_multi_instances_by_id(instance_ids)
            return original(self)

        return create_tags

    wrap(EC2BaseResponse, "_parse_tag_specification", make_specification)
    wrap(TagResponse, "create_tags", make_create)


def patch_dry_run() -> None:
    """DryRun never changes anything, also in the calls for which moto ignores it."""
    from moto.ec2.exceptions import DryRunClientError
    from moto.ec2.responses import EC2Response

    checked_by_moto = {
        "RunInstances",
        "StartInstances",
        "StopInstances",
        "TerminateInstances",
        "RebootInstances",
        "CreateTags",
    }

    def make(original: Any) -> Any:
        def call_action(self: Any) -> Any:
            if self._get_action() in checked_by_moto or str(self._get_param("DryRun", "")).lower() != "true":
                return original(self)
            from moto.core.responses import ActionResult

            status, headers, body = self.serialized(ActionResult(DryRunClientError()))
            return status, headers, body

        return call_action

    wrap(EC2Response, "call_action", make)


def patch_attributes() -> None:
    """The type of an instance changes only while it is stopped, and only to a type that can run its image."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES
    from moto.ec2.models.instances import InstanceBackend

    def make(original: Any) -> Any:
        def modify_instance_attribute(self: Any, instance_id: str, key: str, value: Any) -> Any:
            if key == "instance_type":
                instance = self.get_multi_instances_by_id([instance_id])[0]
                if instance.state != "stopped":
                    message = f"The instance '{instance_id}' is not in the 'stopped' state."
                    raise refusal("IncorrectInstanceState", message)
                if value not in INSTANCE_TYPES:
                    raise refusal("InvalidParameterValue", f"Invalid value '{value}' for InstanceType.")
                if instance.architecture not in INSTANCE_TYPES[value]["ProcessorInfo"]["SupportedArchitectures"]:
                    message = (
                        f"The instance type '{value}' does not support the architecture '{instance.architecture}'."
                    )
                    raise refusal("InvalidParameterValue", message)
            return original(self, instance_id, key, value)

        return modify_instance_attribute

    wrap(InstanceBackend, "modify_instance_attribute", make)


PATCHES = (
    Patch("ec2-instance-ids", patch_instance_ids),
    Patch("ec2-filters", patch_filters),
    Patch("ec2-paging", patch_paging),
    Patch("ec2-tags", patch_tags),
    Patch("ec2-dry-run", patch_dry_run),
    Patch("ec2-attributes", patch_attributes),
)
