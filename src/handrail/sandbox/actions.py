"""Names the call that a request makes, and tells reads from writes."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from handrail.sandbox.exchange import Request

READS = ("Describe", "List", "Get", "Head", "Query", "Scan", "BatchGet", "TransactGet", "Lookup", "Search", "Simulate")
REST_READS = frozenset({"GET", "HEAD", "OPTIONS"})
S3CONTROL_PATH = "/v20180820/"


def form_of(request: Request) -> dict[str, list[str]]:
    """Return the parameters of a query-protocol call, from the URL or the body."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return parse_qs(request.query, keep_blank_values=True)


def is_dry_run(service: str, request: Request) -> bool:
    """Tell whether an EC2 call only asks whether it would succeed."""
    return service == "ec2" and form_of(request).get("DryRun", ["false"])[0].lower() == "true"


def name_action(service: str, request: Request, environ: dict[str, Any]) -> tuple[str, bool]:
    """Return the call's name and whether it may change anything."""
    if (target := request.headers.get("x-amz-target")) is not None:
        action = target.rpartition(".")[2]
        return action, not action.startswith(READS)
    if service != "s3" and (named := form_of(request).get("Action")):
        return named[0], not named[0].startswith(READS)
    return name_rest_action(service, request, environ), request.method not in REST_READS


def name_rest_action(service: str, request: Request, environ: dict[str, Any]) -> str:
    """Return the name that AWS's own model gives to this method and path."""
    from moto.core.request import Request as MotoRequest
    from moto.core.routing import get_service_router
    from werkzeug.exceptions import HTTPException

    if service == "s3" and request.path.startswith(S3CONTROL_PATH):
        service = "s3control"
    try:
        operation, _ = get_service_router(service).match(MotoRequest(environ.copy()))
    except (HTTPException, NotImplementedError, LookupError, ValueError):
        return f"{request.method} {request.path}"
    return str(operation.name)
