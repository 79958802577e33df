"""What S3 allows and what a bucket is: names, keys, tags, access, the public policy. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handrail.core.errors import Usage
from handrail.core.fields import show
from handrail.core.tags import MOST_TAGS, TagRules
from handrail.core.uploads import fits_xml

NAME_SHORTEST, NAME_LONGEST = 3, 63
KEY_LIMIT = 1024  # bytes of UTF-8
BUCKET_TAGS = TagRules(MOST_TAGS - 5)  # four of its tags are Handrail's own marks, and one is to spare
PUBLIC_STATEMENT = "HandrailPublicRead"

_LETTERS = re.compile(r"[a-z0-9.-]+\Z")
_ENDS = re.compile(r"[a-z0-9](?:.*[a-z0-9])?\Z")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+\Z")
_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;\s*[\w.-]+=(?:[\w.+-]+|\"[^\"]*\"))*\Z", re.ASCII)

RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_SUFFIXES = {
    "-s3alias": "access point aliases",
    "--ol-s3": "Object Lambda access points",
    ".mrap": "Multi-Region Access Points",
    "--x-s3": "directory buckets",
    "--table-s3": "table buckets",
    "-an": "account regional namespaces",
}


def check_bucket_name(value: str) -> str:
    """Return the name of a new bucket as it is. Raises Usage with the reason.

    Source: Amazon S3 user guide, "General purpose bucket naming rules".
    """
    reason = name_fault(value)
    if reason:
        raise Usage(
            f"{show(value)} can't be a bucket name: {reason}.",
            hint="3 to 63 of a-z, 0-9, dots and hyphens, with a letter or digit at both ends",
            details={"name": value, "reason": reason},
            code="bucket_name",
        )
    return value


def name_fault(name: str) -> str:
    """Return why S3 would not take a bucket name, or an empty text."""
    faults = (*_shape_faults(name), *_reserved_faults(name))
    return next(faults_text for is_so, faults_text in (*faults, (True, "")) if is_so)


def _shape_faults(name: str) -> tuple[tuple[bool, str], ...]:
    bad = next((letter for letter in name if not _LETTERS.match(letter)), "")
    return (
        (len(name) < NAME_SHORTEST, f"it has {len(name)} characters, and {NAME_SHORTEST} are the least"),
        (len(name) > NAME_LONGEST, f"it has {len(name)} characters, and {NAME_LONGEST} are the most"),
        (bad.isupper(), "it has capitals, and only small letters are allowed"),
        (bad == "_", "it has an underscore; a hyphen would do"),
        (bool(bad), f"it has {show(bad)}, and only a-z, 0-9, dots and hyphens are allowed"),
        (not _ENDS.match(name), "it must begin and end with a letter or digit"),
        (".." in name, "it has two dots in a row"),
        (bool(_ADDRESS.match(name)), "it looks like an IP address"),
    )


def _reserved_faults(name: str) -> tuple[tuple[bool, str], ...]:
    prefixes = ((name.startswith(one), f"names beginning with {one} are reserved") for one in RESERVED_PREFIXES)
    suffixes = (
        (name.endswith(one), f"names ending with {one} are reserved for {what}")
        for one, what in RESERVED_SUFFIXES.items()
    )
    return (*prefixes, *suffixes)


def check_bucket(value: str) -> str:
    """Return the name of a bucket that may exist. Raises Usage on what no bucket can be called.

    Looser than for a new one: old buckets of us-east-1 have capitals, underscores and up to 255 characters.
    """
    value = value.strip().removeprefix("s3://").removesuffix("/")
    if not re.match(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}\Z", value):
        raise Usage(f"{show(value)} is not the name of a bucket.", hint="handrail s3 list")
    return value


def check_key(value: str) -> str:
    """Return an object key. Raises Usage.

    1 to 1024 bytes of UTF-8; `..` never climbs above the start. Source: Amazon S3 user guide, "Naming Amazon S3
    objects" (objects with relative path elements).
    """
    reason = key_fault(value)
    if reason:
        raise Usage(f"{show(value)} can't be an object key: {reason}.", hint="name another key", code="object_key")
    return value


def check_new_key(value: str) -> str:
    """Return the key of an object that is to be made. Raises Usage."""
    check_key(value)
    reason = new_key_fault(value)
    if reason:
        raise Usage(f"{show(value)} can't be an object key: {reason}.", hint="name another key", code="object_key")
    return value


def new_key_fault(key: str) -> str:
    """Return why a file can't get an object key, or an empty text. Stricter than `key_fault`: there may be such keys.

    S3 takes control characters, but its replies are XML 1.0, which can't write most of them: the id of a multipart
    upload of such a key never arrives. Source: Amazon S3 user guide, "Naming Amazon S3 objects" (characters to avoid).
    """
    return key_fault(key) or ("" if fits_xml(key) else "it has a control character that S3's own answers can't name")


def check_key_prefix(value: str) -> str:
    """Return what is to stand before keys. Raises Usage where no key that begins so could be one."""
    reason = new_key_fault(value + "x")
    if reason:
        raise Usage(f"no object key can begin with {show(value)}: {reason}.", hint="--prefix v1/", code="object_key")
    return value


def key_fault(key: str) -> str:
    """Return why S3 would not take an object key, or an empty text."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "it is not UTF-8"
    if not key:
        return "it is empty"
    if size > KEY_LIMIT:
        return f"it has {size:,} bytes, and S3 takes {KEY_LIMIT:,}"
    depth = 0
    for part in key.split("/"):
        depth += -1 if part == ".." else (part not in ("", "."))
        if depth < 0:
            return "its .. leads out of the bucket"
    return "a lone dot names nothing" if key in (".", "./") else ""


def check_content_type(value: str) -> str:
    """Return a media type (`text/css; charset=utf-8`). Raises Usage."""
    if not _CONTENT_TYPE.match(value):
        raise Usage(f"{show(value)} is not a content type.", hint="--content-type text/html")
    return value


# ---- who may read a bucket


@dataclass(frozen=True)
class Block:
    """Block Public Access of a bucket or an account: its four switches, all off where nothing is set."""

    block_acls: bool = False
    ignore_acls: bool = False
    block_policy: bool = False
    restrict: bool = False

    @property
    def bars_public(self) -> tuple[str, ...]:
        """Return the names of the switches that keep a bucket with a public policy from being public."""
        switches = (("BlockPublicPolicy", self.block_policy), ("RestrictPublicBuckets", self.restrict))
        return tuple(name for name, is_on in switches if is_on)


SHUT = Block(True, True, True, True)
OPEN_TO_POLICY = Block(True, True, False, False)
TAKES_POLICY = Block(True, True, False, True)  # a public policy may be put, and opens nothing yet


@dataclass(frozen=True)
class Exposure:
    """What decides who may read a bucket. None: it could not be read.

    policy, acl: whether bucket policy or ACL are public by themselves; acl is False where it was not looked at because
    a block makes it moot. bucket, account: Block Public Access at the two levels.
    """

    policy: bool | None
    bucket: Block | None
    account: Block | None
    acl: bool | None = False


def evaluate(exposure: Exposure) -> str:
    """Return the access as it works out: `private`, `public`, or `unknown` where it can't be told.

    Public is what policy or ACL open and neither level of Block Public Access shuts; what can't be read never makes a
    bucket private. Source: Amazon S3 user guide, "Blocking public access" (the most restrictive of both levels holds).
    """
    ways = (
        _open_by(exposure.policy, _switch(exposure.bucket, "restrict"), _switch(exposure.account, "restrict")),
        _open_by(exposure.acl, _switch(exposure.bucket, "ignore_acls"), _switch(exposure.account, "ignore_acls")),
    )
    if True in ways:
        return "public"
    return "unknown" if None in ways else "private"


def _switch(block: Block | None, name: str) -> bool | None:
    return None if block is None else bool(getattr(block, name))


def _open_by(opened: bool | None, *shut: bool | None) -> bool | None:
    """Return whether one way in is open: True, False, or None for not known."""
    if opened is False or True in shut:
        return False
    return None if opened is None or None in shut else True


# ---- the policy that makes a bucket public


def public_statement(name: str, partition: str) -> dict[str, Any]:
    """Return the one statement that lets anyone read objects, and nothing else: no listing, no writing."""
    return {
        "Sid": PUBLIC_STATEMENT,
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:{partition}:s3:::{name}/*",
    }


def with_public_read(policy: Mapping[str, Any] | None, name: str, partition: str) -> dict[str, Any]:
    """Return a bucket policy with the public statement in it; what else it says stays."""
    kept = without_public_read(policy) or {"Version": "2012-10-17", "Statement": []}
    return {**kept, "Statement": [*kept["Statement"], public_statement(name, partition)]}


def without_public_read(policy: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a bucket policy without the public statement, or None if nothing else is in it."""
    statements = _statements(policy)
    kept = [one for one in statements if one.get("Sid") != PUBLIC_STATEMENT]
    return {**(policy or {}), "Statement": kept} if kept else None


def has_public_read(policy: Mapping[str, Any] | None) -> bool:
    """Return whether a bucket policy has the public statement."""
    return any(one.get("Sid") == PUBLIC_STATEMENT for one in _statements(policy))


def foreign_public(policy: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return what else in a bucket policy could let everyone do something: `Sid: actions` of each such statement.

    On the safe side: every Allow of which the principal has a `*`, or is all but somebody; conditions do not count.
    Source: Amazon S3 user guide, "The meaning of public" (a condition narrows only with fixed values).
    """
    return tuple(_label(one) for one in _statements(policy) if _is_foreign_public(one))


def _is_foreign_public(statement: Mapping[str, Any]) -> bool:
    allows = statement.get("Effect") == "Allow" and statement.get("Sid") != PUBLIC_STATEMENT
    return allows and ("NotPrincipal" in statement or _has_star(statement.get("Principal")))


def _has_star(principal: Any) -> bool:
    """Return whether a principal, in whichever form, could be anyone."""
    if isinstance(principal, Mapping):
        return any(_has_star(one) for one in principal.values())
    if isinstance(principal, list):
        return any(_has_star(one) for one in principal)
    return "*" in str(principal)


def _label(statement: Mapping[str, Any]) -> str:
    actions = statement.get("Action", statement.get("NotAction", "?"))
    listed = ", ".join(str(one) for one in actions) if isinstance(actions, list) else str(actions)
    but = "all but " if "NotAction" in statement else ""
    return f"{statement.get('Sid') or 'a statement without a Sid'}: {but}{listed}"


def _statements(policy: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    found = (policy or {}).get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def read_url(name: str, region: str, partition: str, endpoint: str = "") -> str:
    """Return where anyone reads an object of a public bucket; KEY stands for its key.

    A name with dots has no certificate of its own, so its URL names the bucket in the path.
    """
    if endpoint:
        return f"{endpoint.rstrip('/')}/{name}/KEY"
    suffix = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}.get(partition, "amazonaws.com")
    host = f"s3.{region}.{suffix}"
    return f"https://{host}/{name}/KEY" if "." in name else f"https://{name}.{host}/KEY"
