"""Signature Version 4, as a server checks it: header and presigned requests.

Source: AWS General Reference, "Create a signed AWS API request".
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import time
from dataclasses import dataclass
from urllib.parse import quote, unquote

from handrail.sandbox.exchange import RefusalError, Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNRESERVED = "-_.~"


@dataclass(frozen=True)
class Claim:
    """What a signed request says of itself, before it is believed."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    expires: int | None = None  # seconds, of a presigned request

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True)
class Holder:
    """Who holds a key, with what it takes to check a signature; a session's key has a token and an end."""

    owner: str
    secret_access_key: str
    session_token: str | None = None
    expires: float | None = None


def read_claim(request: Request) -> Claim | None:
    """Return the claim of a signed request, None of an anonymous one; raise RefusalError where it is malformed."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return read_header_claim(request, authorization)
    if request.parameter("X-Amz-Credential") is not None:
        return read_query_claim(request)
    if request.parameter("AWSAccessKeyId") is not None:
        raise RefusalError("InvalidRequest", f"The authorization mechanism is not supported. Please use {ALGORITHM}.")
    return None


def read_header_claim(request: Request, authorization: str) -> Claim:
    """Read the Authorization header."""
    algorithm, _, rest = authorization.partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if algorithm != ALGORITHM:
        raise RefusalError("IncompleteSignature", f"The sandbox knows {ALGORITHM} signatures only.")
    timestamp = request.headers.get("x-amz-date", "")
    return make_claim(
        fields.get("Credential", ""), fields.get("SignedHeaders", ""), fields.get("Signature", ""), timestamp
    )


def read_query_claim(request: Request) -> Claim:
    """Read the signature of a presigned URL."""
    values = dict(request.parameters)
    expires = values.get("X-Amz-Expires", "")
    return make_claim(
        values["X-Amz-Credential"],
        values.get("X-Amz-SignedHeaders", ""),
        values.get("X-Amz-Signature", ""),
        values.get("X-Amz-Date", ""),
        int(expires) if expires.isdigit() else None,
    )


def make_claim(
    credential: str, signed_headers: str, signature: str, timestamp: str, expires: int | None = None
) -> Claim:
    """Put a claim together; raise RefusalError where a part is missing."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request" or not signed_headers or not signature or not timestamp:
        raise RefusalError("IncompleteSignature", "The request's signature is incomplete.")
    key, date, region, service, _ = parts
    return Claim(key, date, region, service.lower(), tuple(signed_headers.split(";")), signature, timestamp, expires)


def signed_at(claim: Claim) -> float:
    """Return when the request was signed, in seconds since 1970."""
    try:
        return calendar.timegm(time.strptime(claim.timestamp, "%Y%m%dT%H%M%SZ"))
    except ValueError as error:
        raise RefusalError("IncompleteSignature", "The request's date is malformed.") from error


def payload_hash(request: Request, claim: Claim) -> str:
    """Return what the signature says of the body."""
    if claim.service == "s3":
        stated = request.headers.get("x-amz-content-sha256")
        return stated or ("UNSIGNED-PAYLOAD" if claim.expires is not None else hashlib.sha256(request.body).hexdigest())
    return hashlib.sha256(request.body).hexdigest()


def signs_body(request: Request, claim: Claim) -> bool:
    """Tell whether the signature covers the body itself, so that it can be checked only when that is there.

    Of S3 it covers the hash that a header states, or none: the head alone shows whether it is right.
    """
    return claim.service != "s3" or not (request.headers.get("x-amz-content-sha256") or claim.expires is not None)


def canonical_path(request: Request, service: str) -> str:
    """Return the path as it is signed: S3 takes it as sent, the others normalise and encode it once more."""
    if service == "s3":
        return quote(unquote(request.path), safe=f"/{UNRESERVED}")
    segments: list[str] = []
    for segment in request.path.split("/"):
        if segment == "..":
            segments[-1:] = []
        elif segment not in ("", "."):
            segments.append(segment)
    end = "/" if request.path.endswith("/") and segments else ""
    return quote("/" + "/".join(segments) + end, safe=f"/{UNRESERVED}")


def canonical_query(request: Request) -> str:
    """Return the query as it is signed."""
    pairs = sorted(
        (quote(name, safe=UNRESERVED), quote(value, safe=UNRESERVED))
        for name, value in request.parameters
        if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def expected_signature(request: Request, claim: Claim, secret_key: str) -> str:
    """Return the signature that the key's holder would have made."""
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in claim.signed_headers)
    canonical = "\n".join(
        (
            request.method,
            canonical_path(request, claim.service),
            canonical_query(request),
            headers,
            ";".join(claim.signed_headers),
            payload_hash(request, claim),
        )
    )
    # Headers were decoded as latin-1; encoded back they are the bytes that the client signed.
    digest = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    text = f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{digest}"
    key = signing_key(secret_key, claim)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def signing_key(secret_key: str, claim: Claim) -> bytes:
    """Return the key derived for one day, region and service."""
    key = f"AWS4{secret_key}".encode()
    for part in (claim.date, claim.region, claim.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def service_of(request: Request) -> str:
    """Return the service that a request says it is for, for the wording of a refusal."""
    try:
        claim = read_claim(request)
    except RefusalError:
        claim = None
    return claim.service if claim else "s3"


def verify(request: Request, claim: Claim, holder: Holder | None) -> Holder:
    """Return the key's holder; raise RefusalError unless a key of this sandbox signed exactly this request."""
    holder = check_holder(request, claim, holder)
    expected = expected_signature(request, claim, holder.secret_access_key)
    if "host" not in claim.signed_headers or not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise wrong_signature(request, claim.service)
    if holder.expires is not None and time.time() > holder.expires:
        is_json = "x-amz-target" in request.headers
        code = "ExpiredTokenException" if is_json else "RequestExpired" if claim.service == "ec2" else "ExpiredToken"
        raise RefusalError(code, "The security token included in the request is expired", 400 if is_json else 403)
    return holder


def check_holder(request: Request, claim: Claim, holder: Holder | None) -> Holder:
    """Return the holder of a key; raise RefusalError for one that this sandbox never gave out."""
    token = request.headers.get("x-amz-security-token") or request.parameter("X-Amz-Security-Token")
    if holder is None or (holder.session_token is not None and holder.session_token != token):
        raise unknown_key(request, claim.service)
    return holder


def unknown_key(request: Request, service: str) -> RefusalError:
    """The refusal of a key that this sandbox never gave out."""
    if service == "ec2":
        message = "AWS was not able to validate the provided access credentials: not a key of this sandbox."
        return RefusalError("AuthFailure", message, 401)
    if service == "s3":
        message = "The AWS Access Key Id you provided is not one of this sandbox."
        return RefusalError("InvalidAccessKeyId", message, 403)
    message = "The security token included in the request is invalid: not a key of this sandbox."
    if "x-amz-target" in request.headers:
        return RefusalError("UnrecognizedClientException", message, 400)
    return RefusalError("InvalidClientTokenId", message, 403)


def wrong_signature(request: Request, service: str) -> RefusalError:
    """The refusal of a signature that the key did not make."""
    message = "The request signature we calculated does not match the signature you provided."
    if "x-amz-target" in request.headers:
        return RefusalError("InvalidSignatureException", message, 400)
    return RefusalError("SignatureDoesNotMatch", message, 403)


def check_age(request: Request, claim: Claim, now: float, life: float) -> None:
    """Raise RefusalError for a request signed too long ago, or too far in the future."""
    age = now - signed_at(claim)
    if claim.expires is not None and age > claim.expires:
        raise RefusalError("AccessDenied" if claim.service == "s3" else "RequestExpired", "Request has expired.", 403)
    if -life <= age <= (life if claim.expires is None else claim.expires):
        return
    message = f"Request has expired. It was signed {age:.1f} s ago; the limit is {life:g} s."
    if claim.service == "s3":
        raise RefusalError("RequestTimeTooSkewed", message, 403)
    if "x-amz-target" in request.headers:
        raise RefusalError("InvalidSignatureException", f"Signature expired: {message}", 400)
    raise RefusalError("RequestExpired", message, 400)


def check_body(request: Request) -> None:
    """Raise RefusalError where an S3 body is not the one whose hash was signed."""
    stated = request.headers.get("x-amz-content-sha256", "")
    is_hash = stated and not stated.startswith(("UNSIGNED-", "STREAMING-"))
    if is_hash and stated.lower() != hashlib.sha256(request.body).hexdigest():
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise RefusalError("XAmzContentSHA256Mismatch", message, 400)
