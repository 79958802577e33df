"""STS: a key is its owner's, not everybody's dummy user."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from handrail.sandbox import moment
from handrail.sandbox.fidelity.registry import Patch, wrap


def patch_caller_identity() -> None:
    """GetCallerIdentity names the owner of the key that signed."""
    from moto.iam.models import iam_backends
    from moto.sts.models import STSBackend

    def make(original: Any) -> Any:
        def get_caller_identity(self: Any, access_key_id: str, region: str) -> tuple[str, str, str]:
            owner = moment.current.owner
            if access_key_id in iam_backends[self.account_id][self.partition].access_keys:
                known: tuple[str, str, str] = original(self, access_key_id, region)
                return known
            unique = base64.b32encode(hashlib.sha256(owner.encode()).digest()).decode()[:17]
            return f"AIDA{unique}", f"arn:{self.partition}:iam::{self.account_id}:user/{owner}", self.account_id

        return get_caller_identity

    wrap(STSBackend, "get_caller_identity", make)


PATCHES = (Patch("sts-caller", patch_caller_identity),)
