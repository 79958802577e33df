"""S3: what arrives is compared with every checksum that came with it, and the checksum is kept.

CRC32, SHA-1, SHA-256 and Content-MD5 are computed; CRC32C and CRC64NVME have no fast implementation in Python without
an extension, so they are kept as sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable
from typing import Any

from handrail.sandbox.fidelity.registry import Patch, wrap
from handrail.sandbox.fidelity.s3_access import s3_error

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
COMPUTED: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}


def stated_checksum(headers: Any) -> tuple[str, str] | None:
    """Return the algorithm and value of the checksum that came with a request."""
    for algorithm in ALGORITHMS:
        value = headers.get(f"x-amz-checksum-{algorithm.lower()}")
        if value:
            return algorithm, str(value)
    return None


def bad_digest(algorithm: str) -> Exception:
    """Return the refusal of a body that is not the one that was sent."""
    return s3_error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def compute(algorithm: str, body: bytes) -> str:
    """Return a checksum as headers carry it."""
    return base64.b64encode(COMPUTED[algorithm](body)).decode()


def check_md5(stated: str, body: bytes) -> None:
    """Refuse a body whose Content-MD5 is another one."""
    try:
        digest = base64.b64decode(stated, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 16:
        raise s3_error("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if digest != hashlib.md5(body, usedforsecurity=False).digest():
        raise bad_digest("Content-MD5")


def check_body(response: Any) -> None:
    """Refuse a body that does not have the checksums that came with it."""
    body = response.body or b""
    stated_md5 = response.headers.get("Content-MD5")
    if stated_md5 is not None:
        check_md5(stated_md5, body)
    if response.method == "POST" and "uploadId" in response.querystring:
        return  # there the checksum is the whole object's
    stated = stated_checksum(response.headers)
    if stated is not None and stated[0] in COMPUTED and compute(stated[0], body) != stated[1]:
        raise bad_digest(stated[0])


def patch_body_checksums() -> None:
    """A body that changed on its way is refused."""
    from moto.s3.responses import S3Response

    def make(original: Any) -> Any:
        def respond(self: Any, request: Any, full_url: str) -> Any:
            check_body(self)
            return original(self, request, full_url)

        return respond

    wrap(S3Response, "_bucket_response", make)
    wrap(S3Response, "_key_response", make)


def checksum_headers(key: Any) -> dict[str, str]:
    """Return the headers that tell an object's checksum."""
    if not key.checksum_algorithm or not key.checksum_value:
        return {}
    value = key.checksum_value
    if key.checksum_type == "COMPOSITE":
        value = f"{value}-{key.checksum_parts}"
    headers = {f"x-amz-checksum-{key.checksum_algorithm.lower()}": value}
    return {**headers, "x-amz-checksum-type": key.checksum_type} if key.checksum_type else headers


def patch_stored_checksums() -> None:
    """An object keeps the checksum it came with, and its type; HeadObject tells both."""
    from moto.s3.responses import S3Response

    def make_get(original: Any) -> Any:
        def get_checksum(self: Any, response_headers: dict[str, Any]) -> tuple[str, str | None]:
            stated = stated_checksum(self.headers)
            if stated is None:
                computed: tuple[str, str | None] = original(self, response_headers)
                return computed
            response_headers[f"x-amz-checksum-{stated[0].lower()}"] = stated[1]
            return stated

        return get_checksum

    def make_put(original: Any) -> Any:
        def put_object(self: Any) -> Any:
            status, headers, body = original(self)
            key = self.backend.get_object(self.bucket_name, self.parse_key_name())
            if key is not None and key.checksum_algorithm:
                key.checksum_type = "FULL_OBJECT"
                headers |= checksum_headers(key)
            return status, headers, body

        return put_object

    def make_head(original: Any) -> Any:
        def head_object(self: Any, bucket_name: str, query: Any, key_name: str, headers: Any) -> Any:
            status, answered, body = original(self, bucket_name, query, key_name, headers)
            if status == 200 and headers.get("x-amz-checksum-mode") == "ENABLED" and "partNumber" not in query:
                key = self.backend.get_object(bucket_name, key_name, version_id=query.get("versionId", [None])[0])
                answered |= checksum_headers(key)
            return status, answered, body

        return head_object

    wrap(S3Response, "_get_checksum", make_get)
    wrap(S3Response, "put_object", make_put)
    wrap(S3Response, "head_object", make_head)


def check_whole(headers: Any, size: int, checksum: tuple[str, str, int] | None) -> None:
    """Refuse to complete an upload whose parts are not the whole that the client means."""
    stated_size = headers.get("x-amz-mp-object-size")
    if stated_size is not None and stated_size != str(size):
        message = "The provided 'x-amz-mp-object-size' header value does not match what was computed."
        raise s3_error("InvalidRequest", message)
    stated = stated_checksum(headers)
    if stated is None or stated[0] not in COMPUTED or checksum is None:
        return
    kind, value, parts = checksum
    if stated[1] != (f"{value}-{parts}" if kind == "COMPOSITE" else value):
        raise bad_digest(stated[0])


def patch_multipart_checksums() -> None:
    """Completing an upload compares the whole object with the checksum and size that the client states."""
    from flask import request as current_request
    from moto.s3.models import FakeMultipart
    from moto.s3.responses import S3Response

    def make_complete(original: Any) -> Any:
        def complete(self: Any, body: Any) -> Any:
            value, etag, checksum = original(self, body)
            check_whole(current_request.headers, len(value), checksum)
            return value, etag, checksum

        return complete

    def make_post(original: Any) -> Any:
        def key_response_post(self: Any, request: Any, body: bytes, bucket_name: str, query: Any, key_name: str) -> Any:
            status, headers, answer = original(self, request, body, bucket_name, query, key_name)
            if status != 200 or "uploadId" not in query:
                return status, headers, answer
            told = checksum_headers(self.backend.get_object(bucket_name, key_name))
            names = {name: name.removeprefix("x-amz-checksum-") for name in told}
            elements = "".join(
                f"<Checksum{'Type' if name == 'type' else name.upper()}>{told[header]}"
                f"</Checksum{'Type' if name == 'type' else name.upper()}>"
                for header, name in names.items()
            )
            end = "</CompleteMultipartUploadResult>"
            text = answer.decode() if isinstance(answer, bytes) else answer
            return status, headers, text.replace(end, elements + end)

        return key_response_post

    wrap(FakeMultipart, "complete", make_complete)
    wrap(S3Response, "_key_response_post", make_post)


PATCHES = (
    Patch("s3-body-checksums", patch_body_checksums),
    Patch("s3-stored-checksums", patch_stored_checksums),
    Patch("s3-multipart-checksums", patch_multipart_checksums),
)
