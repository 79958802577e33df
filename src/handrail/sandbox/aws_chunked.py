"""Decodes bodies sent as `aws-chunked`, with the checksum trailers that AWS's clients add.

Source: Amazon S3 API Reference, "Signature calculations for trailing headers". Chunk signatures are not checked; the
seed signature, the decoded length and the trailing checksum are.
"""

from __future__ import annotations

from dataclasses import replace

from handrail.sandbox.exchange import RefusalError, Request


def is_chunked(request: Request) -> bool:
    """Tell whether the body is framed in chunks of AWS's own."""
    return request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")


def decode(request: Request) -> Request:
    """Return the request as if its body had been sent plain, trailers as headers."""
    body, trailers = split(request.body)
    headers = {name: value for name, value in request.headers.items() if name not in ("x-amz-trailer",)}
    stated = headers.pop("x-amz-decoded-content-length", None)
    if stated is not None and stated != str(len(body)):
        raise RefusalError("IncompleteBody", "The request body is not as long as x-amz-decoded-content-length says.")
    encodings = [part.strip() for part in headers.pop("content-encoding", "").split(",")]
    kept = ",".join(part for part in encodings if part and part != "aws-chunked")
    headers |= trailers | {"content-length": str(len(body)), "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    if kept:
        headers["content-encoding"] = kept
    return replace(request, headers=headers, body=body)


def split(framed: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the body inside the chunks and the trailers behind them."""
    parts: list[bytes] = []
    position = 0
    while True:
        end = framed.find(b"\r\n", position)
        try:
            size = int(framed[position:end].split(b";")[0], 16) if end >= 0 else -1
        except ValueError:
            size = -1
        start = end + 2
        if size < 0 or len(framed) < start + size:
            raise RefusalError("IncompleteBody", "The request body ends in the middle of a chunk.")
        if size == 0:
            return b"".join(parts), read_trailers(framed[start:])
        parts.append(framed[start : start + size])
        position = start + size + 2


def read_trailers(text: bytes) -> dict[str, str]:
    """Return the trailing headers."""
    pairs = (line.partition(b":") for line in text.split(b"\r\n") if b":" in line)
    return {name.decode("latin-1").strip().lower(): value.decode("latin-1").strip() for name, _, value in pairs}
