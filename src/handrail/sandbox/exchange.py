"""One HTTP request and reply as the gate sees them, and the refusals in each of AWS's wire formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.sax.saxutils import escape

REST_XML = frozenset({"route53", "cloudfront", "s3control"})


@dataclass(frozen=True)
class Request:
    """A request as it arrived; header names in lower case, repeated ones joined."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path as sent, still percent-encoded."""
        return self.target.partition("?")[0] or "/"

    @property
    def query(self) -> str:
        """The query string as sent."""
        return self.target.partition("?")[2]

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query's names and values, decoded."""
        return [
            (unquote(name), unquote(value))
            for name, _, value in (pair.partition("=") for pair in self.query.split("&") if pair)
        ]

    def parameter(self, name: str) -> str | None:
        """Return one value of the query, None where it is absent."""
        return next((value for key, value in self.parameters if key == name), None)


@dataclass(frozen=True)
class Reply:
    """What goes back; of a body too large to hold, the rest comes as it is sent."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    rest: Iterator[bytes] | None = None


class RefusalError(Exception):
    """A request that is refused before moto sees it: AWS's code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def json_reply(status: int, value: object) -> Reply:
    """Return a plain JSON reply."""
    return Reply(status, [("Content-Type", "application/json")], json.dumps(value).encode())


def protocol_of(service: str, request: Request) -> str:
    """Return the wire format in which the caller of a service reads errors."""
    if "x-amz-target" in request.headers:
        return "json"
    if service in ("ec2", "s3"):
        return service
    if service in REST_XML:
        return "rest-xml"
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "query" if is_form or request.parameter("Action") else "rest-json"


def refuse(refusal: RefusalError, service: str, request: Request) -> Reply:
    """Return a refusal as AWS writes it for the service."""
    protocol = protocol_of(service, request)
    code, message = escape(refusal.code), escape(refusal.message)
    error = f"<Code>{code}</Code><Message>{message}</Message>"
    request_id = "00000000-0000-0000-0000-000000000000"
    if protocol in ("json", "rest-json"):
        content_type = (
            request.headers.get("content-type", "application/json") if protocol == "json" else "application/json"
        )
        body = json.dumps({"__type": refusal.code, "message": refusal.message}).encode()
        return Reply(refusal.status, [("Content-Type", content_type), ("x-amzn-ErrorType", refusal.code)], body)
    if protocol == "ec2":
        text = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    elif protocol == "s3":
        text = f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
    else:
        error = f"<Error><Type>Sender</Type>{error}</Error>"
        text = f"<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>"
    body = b"" if request.method == "HEAD" else f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return Reply(refusal.status, [("Content-Type", "text/xml")], body)
