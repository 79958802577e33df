"""Imports moto fast: what it reads for every region of AWS at import is read once, or when it is first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

PRELOADED = ("ec2", "ssm", "sts")


def set_switches() -> None:
    """Set the switches which moto reads when it is imported."""
    os.environ |= {
        "MOTO_DISABLE_GLOBAL_CORS": "1",
        "MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS": "false",
        # moto asks botocore for regions; nothing of the person's own configuration may matter there.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Offerings(dict[str, Any]):
    """Instance types on offer by region, read from moto's files when a region is first looked at."""

    def __init__(self, loaders: dict[str, Callable[[], Any]]) -> None:
        super().__init__()
        self._loaders = loaders

    def __missing__(self, region: str) -> Any:
        self[region] = self._loaders[region]()
        return self[region]

    def get(self, region: str, default: Any = None) -> Any:
        """Return what a region offers, as `dict.get` does."""
        return self[region] if region in self._loaders else default


def read_offerings(load: Callable[[str], Any], path: str, location_type: str) -> list[Any]:
    """Read one region's file as moto does at import; moto searches it in order, so what people launch comes first."""
    offerings = [{**offering, "LocationType": location_type} for offering in load(path)]
    return sorted(offerings, key=lambda offering: not offering["InstanceType"].startswith(("t3.", "t4g.")))


def import_instance_types() -> None:
    """Import moto's instance types without the offerings of all regions (0.4 s)."""
    import moto.utilities.utils

    utils: Any = moto.utilities.utils
    original = utils.load_resource
    paths: list[str] = []

    def load_later(path: str) -> Any:
        if "instance_type_offerings" not in path:
            return original(path)
        paths.append(path)
        return []

    utils.load_resource = load_later
    try:
        instance_types: Any = import_module("moto.ec2.models.instance_types")
    finally:
        utils.load_resource = original
    instance_types.load_resource = original
    loaders: dict[str, dict[str, Callable[[], Any]]] = {}
    for path in paths:
        location_type, file_name = path.split("/")[-2:]
        loaders.setdefault(location_type, {})[file_name.split(".")[0]] = partial(
            read_offerings, original, path, location_type
        )
    for location_type, by_region in loaders.items():
        instance_types.INSTANCE_TYPE_OFFERINGS[location_type] = Offerings(by_region)


def share_data_files() -> None:
    """Let botocore's loaders share what they parsed: each session that moto opens reads EC2's model anew (0.6 s)."""
    from botocore.loaders import JSONFileLoader

    original = JSONFileLoader.load_file
    known: dict[str, Any] = {}

    def load_file(self: Any, file_path: str) -> Any:
        if file_path not in known:
            known[file_path] = original(self, file_path)
        return known[file_path]

    JSONFileLoader.load_file = load_file


def load_services(gate: Any) -> None:
    """Build the applications that nearly every command needs, so that the first call does not wait for them."""
    for service in PRELOADED:
        gate.load_application(service)
