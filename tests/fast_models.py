"""Makes botocore quick for tests: what it reads and builds for each client it does once per process, and it waits less.

A wait before a retry is a tenth as long.
"""

import time
from types import SimpleNamespace
from typing import Any

import botocore.client
import botocore.endpoint
import botocore.session
from botocore.loaders import JSONFileLoader


def hurry_retries() -> None:
    """Make botocore wait a tenth of what it would before it tries again."""
    botocore.endpoint.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 10), time=time.time)


def share_methods() -> None:
    """Make botocore build the methods of a service once per process, and not for every client: EC2 has 700."""
    make = botocore.client.ClientCreator._create_methods
    known: dict[tuple[str, str], dict[str, Any]] = {}

    def create_methods(self: Any, service_model: Any) -> dict[str, Any]:
        key = (service_model.service_name, service_model.api_version)
        if key not in known:
            known[key] = make(self, service_model)
        return dict(known[key])

    botocore.client.ClientCreator._create_methods = create_methods


def share_models(loader: Any) -> None:
    """Make botocore's JSONFileLoader parse each file once per process."""
    original = loader.load_file
    known: dict[str, Any] = {}

    def load_file(self: Any, path: str) -> Any:
        if path not in known:
            known[path] = original(self, path)
        return known[path]

    loader.load_file = load_file


def load_models() -> None:
    """Have this process, and all that it forks, know the models of the services that commands call."""
    share_models(JSONFileLoader)
    session = botocore.session.Session()
    session.set_credentials("none", "none")
    for service in ("sts", "ec2", "ssm", "dynamodb", "s3", "s3control"):
        session.create_client(service, region_name="us-east-1")
