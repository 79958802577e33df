"""Makes botocore quick for tests: models are parsed once per process, and a wait before a retry is a tenth as long."""

import time
from types import SimpleNamespace
from typing import Any

import botocore.endpoint


def hurry_retries() -> None:
    """Make botocore wait a tenth of what it would before it tries again."""
    botocore.endpoint.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 10), time=time.time)


def share_models(loader: Any) -> None:
    """Make botocore's JSONFileLoader parse each file once per process."""
    original = loader.load_file
    known: dict[str, Any] = {}

    def load_file(self: Any, path: str) -> Any:
        if path not in known:
            known[path] = original(self, path)
        return known[path]

    loader.load_file = load_file
