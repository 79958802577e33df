"""The words about a bucket: who may read it, what is in it, what to type next."""

from collections.abc import Mapping
from typing import Any

from handrail.aws.s3_objects import Content
from handrail.core.amounts import age, count, made, readable
from handrail.core.plan import Facts, facts_of
from handrail.core.resources import Bucket
from handrail.core.s3_rules import read_url
from handrail.core.shell import command
from handrail.session import Session


def said(session: Session, bucket: Bucket) -> str:
    """Return the line for people: `press is public · us-east-1 · made by you`."""
    parts = [f"{bucket.name} is {bucket.access}", bucket.region, whose(session, bucket)]
    return " · ".join(part for part in parts if part)


def whose(session: Session, bucket: Bucket) -> str:
    """Return who made a bucket."""
    if not bucket.managed:
        return "not made by Handrail"
    return f"made by {'you' if bucket.owner == session.caller.owner else bucket.owner}"


def notes(session: Session, bucket: Bucket) -> Facts:
    """Return what a person wants to know next about a bucket that was just made or changed."""
    if bucket.access == "public":
        url = read_url(bucket.name, bucket.region, session.aws.s3.partition, session.aws.s3.endpoint)
        return (("read", url), ("undo", command("s3 update", bucket.name, private=True)))
    return (("next", command("s3 upload", bucket.name, "PATH")),)


def content_text(content: Content) -> str:
    """Return what is in a bucket: `3 objects · 1.2 MiB · 2 older versions · 1 unfinished upload`."""
    parts = [count(content.objects, "object"), readable(content.bytes)]
    if content.versions:
        both = "older versions and delete markers"
        parts.append(count(content.versions, "older version or delete marker", both))
    if content.unfinished:
        parts.append(count(content.unfinished, "unfinished upload"))
    return " · ".join(parts)


def full_notes(session: Session, bucket: Bucket, content: Content) -> Facts:
    """Return everything that a person asks about a bucket, line by line."""
    unfinished = [f"{one['key']} · begun {age(one['started_at'])} ago" for one in bucket.unfinished]
    lines = facts_of(
        ("access", _access(bucket)),
        ("region", bucket.region),
        ("owner", whose(session, bucket)),
        ("made", made(bucket.created_at)),
        ("content", content_text(content)),
        ("versions", bucket.versioning or "not allowed to read"),
        ("encryption", bucket.encryption or "not allowed to read"),
        ("ownership", bucket.ownership or "not allowed to read"),
        ("object lock", bucket.object_lock or "not allowed to read"),
        ("unfinished", "\n".join(unfinished)),
        ("tags", "\n".join(f"{key}={value}" for key, value in sorted(bucket.tags.items()))),
        ("note", bucket.note),
    )
    return (*lines, *(notes(session, bucket) if bucket.managed else ()))


def _access(bucket: Bucket) -> str:
    return {
        "public": "public: anyone can read every object",
        "private": "private",
    }.get(bucket.access, "not known: it could not be read")


# ---- command lines


def finishing_line(name: str, request: str, region: str, given: Mapping[str, Any]) -> str:
    """Return the line that finishes an open create: the same words, the same region, the same request id.

    given: as the record has it. The region is among what a repeat must share (PRODUCT.md section 4, promise 4), so it
    is named.
    """
    return command(
        "s3 create",
        name,
        public=bool(given.get("public")),
        private=not given.get("public"),
        tag=tuple(given.get("tag", ())),
        versioning=bool(given.get("versioning")),
        object_lock=bool(given.get("object_lock")),
        region=region,
        request_id=given.get("request_id") or request,
    )
