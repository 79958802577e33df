"""S3: bucket names, tags given at creation, and listing buckets in pages."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from importlib import import_module
from typing import Any

from handrail.sandbox.fidelity.registry import Patch, wrap
from handrail.sandbox.fidelity.s3_access import find_bucket, s3_error

BUCKET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]")
IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
MOST_TAGS = 50
MOST_BUCKETS = 10_000


def is_bucket_name(name: str) -> bool:
    """Tell whether AWS takes a name for a general purpose bucket."""
    return (
        BUCKET_NAME.fullmatch(name) is not None
        and ".." not in name
        and IP_ADDRESS.fullmatch(name) is None
        and not name.startswith(RESERVED_PREFIXES)
        and not name.endswith(RESERVED_SUFFIXES)
    )


def patch_bucket_names() -> None:
    """A name that breaks AWS's rules is refused."""
    from moto.s3.exceptions import InvalidBucketName
    from moto.s3.models import S3Backend

    def make(original: Any) -> Any:
        def create_bucket(self: Any, bucket_name: str, *args: Any, **kwargs: Any) -> Any:
            if not is_bucket_name(bucket_name):
                raise InvalidBucketName
            return original(self, bucket_name, *args, **kwargs)

        return create_bucket

    wrap(S3Backend, "create_bucket", make)


def read_tags(body: bytes) -> dict[str, str]:
    """Return the tags in a CreateBucketConfiguration; raise S3's refusal of bad ones."""
    if not body:
        return {}
    xmltodict: Any = import_module("xmltodict")
    configuration = xmltodict.parse(body).get("CreateBucketConfiguration") or {}
    tags = (configuration.get("Tags") or {}).get("Tag") or []
    tags = tags if isinstance(tags, list) else [tags]
    pairs = [(tag.get("Key") or "", tag.get("Value") or "") for tag in tags]
    if any(count > 1 for count in Counter(key for key, _ in pairs).values()):
        raise s3_error("InvalidTag", "Cannot provide multiple Tags with the same key")
    if any(key.lower().startswith("aws:") for key, _ in pairs):
        raise s3_error("InvalidTag", "System tags cannot be added/updated by requester")
    if any(not 0 < len(key) <= 128 or len(value) > 256 for key, value in pairs):
        raise s3_error("InvalidTag", "The TagKey or TagValue you have provided is invalid")
    if len(pairs) > MOST_TAGS:
        raise s3_error("BadRequest", "Bucket tag count cannot be greater than 50")
    return dict(pairs)


def patch_bucket_tags() -> None:
    """Tags given to CreateBucket are kept; a bucket that exists keeps its own, and is taken where it is another's."""
    from moto.s3.exceptions import BucketAlreadyExists
    from moto.s3.models import get_canned_acl
    from moto.s3.responses import S3Response

    def make(original: Any) -> Any:
        def bucket_response_put(self: Any, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
            if querystring:
                return original(self, request, bucket_name, querystring)
            tags = read_tags(self.body or b"")
            existing = find_bucket(self)
            if existing is not None and existing.account_id != self.current_account:
                raise BucketAlreadyExists(bucket=bucket_name)
            result = original(self, request, bucket_name, querystring)
            if existing is not None:
                existing.acl = get_canned_acl("private")
            elif tags:
                self.backend.put_bucket_tagging(bucket_name, tags)
            return result

        return bucket_response_put

    wrap(S3Response, "_bucket_response_put", make)


def patch_delete_bucket() -> None:
    """With a bucket its tags go, and those of what was in it: who makes it anew gets none of them."""
    from moto.s3.models import S3Backend

    def make(original: Any) -> Any:
        def delete_bucket(self: Any, bucket_name: str) -> Any:
            deleted = original(self, bucket_name)
            if deleted is not None:
                for arn in [arn for arn in self.tagger.tags if f"{arn}/".startswith(f"{deleted.arn}/")]:
                    self.tagger.delete_all_tags_for_resource(arn)
            return deleted

        return delete_bucket

    wrap(S3Backend, "delete_bucket", make)


def read_page_size(text: str | None) -> int:
    """Return how many buckets a page may have."""
    if text is None:
        return MOST_BUCKETS
    if not text.isdigit() or not 1 <= int(text) <= MOST_BUCKETS:
        raise s3_error("InvalidArgument", "max-buckets must be between 1 and 10000")
    return int(text)


def read_token(token: str | None) -> str:
    """Return the name of the last bucket of the page before."""
    try:
        return base64.b64decode(token, validate=True).decode() if token else ""
    except (binascii.Error, UnicodeDecodeError) as error:
        raise s3_error("InvalidArgument", "The continuation token provided is incorrect") from error


def patch_list_buckets() -> None:
    """ListBuckets is sorted and paged whole, and tells regions."""
    from moto.core.responses import ActionResult
    from moto.s3.responses import S3Response

    def all_buckets(self: Any) -> Any:
        values = {name: self.querystring.get(name, [None])[0] for name in self.querystring}
        size, after = read_page_size(values.get("max-buckets")), read_token(values.get("continuation-token"))
        prefix, region = values.get("prefix") or "", values.get("bucket-region")
        found = sorted(
            (
                bucket
                for name, bucket in self.backend.buckets.items()
                if name > after and name.startswith(prefix) and region in (None, bucket.region_name)
            ),
            key=lambda bucket: str(bucket.name),
        )
        asked = any(name in values for name in ("max-buckets", "continuation-token", "prefix", "bucket-region"))
        result: dict[str, Any] = {
            "Owner": {"ID": "bcaf1ffd86f41161ca5fb16fd081034f", "DisplayName": "webfile"},
            "Buckets": [describe_bucket(bucket, asked) for bucket in found[:size]],
        }
        if prefix:
            result["Prefix"] = prefix
        if len(found) > size:
            result["ContinuationToken"] = base64.b64encode(found[size - 1].name.encode()).decode()
        self.data["Action"] = "ListBuckets"
        return self.serialized(ActionResult(result))

    wrap(S3Response, "all_buckets", lambda _: all_buckets)


def describe_bucket(bucket: Any, with_region: bool) -> dict[str, Any]:
    """Return a bucket as ListBuckets shows it; the region only where the request had a parameter."""
    shown = {"Name": bucket.name, "CreationDate": bucket.creation_date_ISO8601}
    return {**shown, "BucketRegion": bucket.region_name} if with_region else shown


PATCHES = (
    Patch("s3-bucket-names", patch_bucket_names),
    Patch("s3-bucket-tags", patch_bucket_tags),
    Patch("s3-delete-bucket", patch_delete_bucket),
    Patch("s3-list-buckets", patch_list_buckets),
)
