"""Keys that moto itself gave out, by STS AssumeRole or IAM CreateAccessKey: they sign as those of the owners do."""

from __future__ import annotations

import datetime
import sys
from typing import Any

from handrail.sandbox.signing import Holder


def find_holder(access_key_id: str) -> Holder | None:
    """Return who holds a key that moto gave out, None where it gave out none such."""
    iam = sys.modules.get("moto.iam.models")
    if iam is None:
        return None
    for account_id, partitions in list(iam.iam_backends.items()):
        for partition, backend in list(partitions.items()):
            key = backend.access_keys.get(access_key_id)
            if key is not None and key.status == "Active":
                return make_holder(key, account_id, partition)
    return None


def make_holder(key: Any, account_id: str, partition: str) -> Holder:
    """Return a user, or a role's session with its token and end."""
    from moto.sts.models import sts_backends

    role = sts_backends[account_id][partition].get_assumed_role_from_access_key(key.access_key_id)
    if role is None:
        return Holder(key.user_name or "", key.secret_access_key)
    expires = role.expiration.replace(tzinfo=datetime.UTC).timestamp()
    return Holder(role.session_name, key.secret_access_key, role.session_token, expires)
