"""Which calls change something, and which answers say for certain that nothing was changed: the one judge of both."""

import re
from collections.abc import Mapping
from typing import Any

from handrail.aws.service import find_service

# Source: EC2 API reference, "Error codes", server error codes: the request was taken, judged and turned down.
DEFINITE = ("InsufficientInstanceCapacity",)

# Turned away for now, at whatever status: an attempt that a server between took on may still be carried out.
SLOW = (
    "Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException RequestLimitExceeded "
    "TooManyRequestsException BandwidthLimitExceeded ProvisionedThroughputExceededException LimitExceededException "
    "EC2ThrottledException SlowDown"
)
_LATE = "RequestTimeout RequestTimeoutException PriorRequestNotComplete"
_NOT_NOW = (408, 429)
_NOT_OFFERED = 501  # the one status from 500 on that judges the request itself


def changes_something(service: str, operation: str) -> bool:
    """Return whether a call changes something. service: as botocore's events name it (`s3-control`)."""
    return find_service(service).changes(operation)


def is_definite(response: Mapping[str, Any]) -> bool:
    """Return whether a parsed answer is a definite refusal: AWS's own code, at a status that judges the request.

    No answer, a fault of AWS, throttling and what bears no code of AWS's leave in doubt whether the call took effect.
    """
    code = str(response.get("Error", {}).get("Code") or "")
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
    if code in DEFINITE:
        return True
    if (
        not re.match(r"[A-Z][A-Za-z]", code)
        or code == "Unknown"
        or "Throttl" in code
        or code in f"{SLOW} {_LATE}".split()
    ):
        return False  # botocore puts the status for a code, or `Unknown`, where an answer has none
    return (400 <= status < 500 and status not in _NOT_NOW) or status == _NOT_OFFERED
