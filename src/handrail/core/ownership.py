"""What makes a thing Handrail's own: the marks of who had it made by which request, and the proof beside them.

An instance: its tags and its immutable ClientToken together. A bucket: its tags and its row of the ledger.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from handrail.core.errors import Usage
from handrail.core.fields import show

MANAGED_TAG = "managed-by"
MANAGED_BY = "handrail"
OWNER_TAG = "handrail:owner"
REQUEST_TAG = "handrail:request"
IMAGE_TAG = "handrail:image"
GIVEN_TAG = "handrail:given"
LEDGER_TABLE = "handrail-ledger"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,48}\Z")
_LIKE_AN_ID = re.compile(r"i-[0-9a-f]{8,}", re.IGNORECASE)


def check_request_id(value: str) -> str:
    """Return a request id: 1 to 48 of A-Z a-z 0-9 . _ - (PRODUCT, promise 4), no instance id. Raises Usage."""
    if not _REQUEST_ID.match(value):
        raise Usage(f"{show(value)} is not a request id.", hint="1 to 48 letters, digits, dots, dashes or underscores")
    if _LIKE_AN_ID.match(value):
        raise Usage(
            f"the request id {show(value)} looks like an instance id.", hint="choose one that does not begin like that"
        )
    return value


def token_of(request: str) -> str:
    """Return the ClientToken of a request id: at most 64 characters, as EC2 takes them."""
    return f"hr-{request}"


def ownership_tags(owner: str, request: str) -> dict[str, str]:
    """Return the tags of the creating call that say whose an instance is and which request made it."""
    return {MANAGED_TAG: MANAGED_BY, OWNER_TAG: owner, REQUEST_TAG: request}


def is_managed_instance(tags: Mapping[str, str], client_token: str) -> bool:
    """Return whether Handrail made the instance.

    The tags can be copied by anyone; the ClientToken was fixed when the instance was launched. Only both together, and
    agreeing, count (PRODUCT.md section 4, promise 2).
    """
    request = tags.get(REQUEST_TAG, "")
    return (
        tags.get(MANAGED_TAG) == MANAGED_BY
        and bool(tags.get(OWNER_TAG))
        and bool(request)
        and client_token == token_of(request)
    )


class OnRecord(Protocol):
    """What the ledger says of a bucket; `handrail.ledger.rows.Row` is one."""

    @property
    def name(self) -> str:
        """Return the bucket's name."""

    @property
    def owner(self) -> str:
        """Return whose it is."""

    @property
    def request(self) -> str:
        """Return the request that made it."""


def is_managed_bucket(name: str, tags: Mapping[str, str], row: OnRecord | None) -> bool:
    """Return whether Handrail made the bucket.

    Tags can be copied by anyone who may tag; a row alone may be of a bucket that is gone and was made anew by somebody
    else. Only both together, and agreeing on name, owner and request, count (PRODUCT.md section 4, promise 2).
    """
    return (
        row is not None
        and row.name == name
        and tags.get(MANAGED_TAG) == MANAGED_BY
        and bool(row.owner)
        and tags.get(OWNER_TAG) == row.owner
        and bool(row.request)
        and tags.get(REQUEST_TAG) == row.request
    )
