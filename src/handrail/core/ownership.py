"""What makes a thing Handrail's own. An instance: its tags and its immutable ClientToken together."""

from collections.abc import Mapping

from handrail.core.resources import MANAGED_BY, MANAGED_TAG, OWNER_TAG, REQUEST_TAG, TOKEN_PREFIX

IMAGE_TAG = "handrail:image"
GIVEN_TAG = "handrail:given"
LEDGER_TABLE = "handrail-ledger"


def token_of(request: str) -> str:
    """Return the ClientToken of a request id: at most 64 characters, as EC2 takes them."""
    return TOKEN_PREFIX + request


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
