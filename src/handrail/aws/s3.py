"""S3 buckets as Handrail's values: looking at them, making, opening, shutting and deleting them. Judges nothing."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from handrail.aws.failures import ask, aws_failures_explained
from handrail.aws.paging import pages
from handrail.aws.s3_failures import FAILURES
from handrail.aws.s3_objects import Objects
from handrail.aws.service import Answer, Service, tag_list
from handrail.core.errors import (
    AwsFailure,
    HandrailError,
    NotFound,
    PermissionDenied,
    Throttled,
    Unreachable,
)
from handrail.core.s3_rules import Block, Exposure, evaluate

if TYPE_CHECKING:
    from handrail.aws.connect import Aws
    from handrail.aws.s3_locks import Vault
    from handrail.aws.s3_upload import Uploader

T = TypeVar("T")
LOOKERS = 8  # looks at buckets at once; botocore keeps ten connections to a host
DEFAULT_REGION = "us-east-1"
_SWITCHES = {
    "BlockPublicAcls": "block_acls",
    "IgnorePublicAcls": "ignore_acls",
    "BlockPublicPolicy": "block_policy",
    "RestrictPublicBuckets": "restrict",
}

BLOCK = Answer(
    " ".join(f"PublicAccessBlockConfiguration.{name}" for name in _SWITCHES),
    "PublicAccessBlockConfiguration",
    truths=" ".join(_SWITCHES),
)
_NO_BLOCK = "NoSuchPublicAccessBlockConfiguration"
_VERSIONS = " ".join(
    f"{kind}[].{name}" for kind in ("Versions", "DeleteMarkers") for name in ("Key", "VersionId", "LastModified")
)
# Sources: Amazon S3 API reference (a second root is what moto, and so the sandbox, writes); Amazon S3 user guide,
# "Required permissions for Amazon S3 API operations"; service authorization reference, Amazon S3.
SERVICE = Service(
    "s3",
    reads=("Get", "Head", "List"),
    answers={
        "ListBuckets": Answer("Buckets Buckets[].Name", "ListAllMyBucketsResult"),
        "HeadObject": Answer("ContentLength", bare=True),
        "GetBucketTagging": Answer("TagSet TagSet[].Key", "Tagging"),
        "GetPublicAccessBlock": BLOCK,
        "GetBucketPolicyStatus": Answer("PolicyStatus.IsPublic", "PolicyStatus", truths="IsPublic"),
        "GetBucketPolicy": Answer(document=True),
        "GetBucketAcl": Answer("Grants Grants[].Grantee.Type", "AccessControlPolicy"),
        "GetBucketVersioning": Answer(roots="VersioningConfiguration GetBucketVersioningResponse"),
        "GetBucketEncryption": Answer(
            "ServerSideEncryptionConfiguration.Rules[+]", "ServerSideEncryptionConfiguration"
        ),
        "GetBucketOwnershipControls": Answer("OwnershipControls.Rules[+].ObjectOwnership", "OwnershipControls"),
        "GetObjectLockConfiguration": Answer("ObjectLockConfiguration", "ObjectLockConfiguration"),
        "ListObjectsV2": Answer(
            "IsTruncated Contents[].Key Contents[].Size", "ListBucketResult", "IsTruncated", dated=True
        ),
        "ListObjectVersions": Answer(f"IsTruncated {_VERSIONS} Versions[].Size", "ListVersionsResult", "IsTruncated"),
        "ListMultipartUploads": Answer(
            "IsTruncated Uploads[].Key Uploads[].UploadId", "ListMultipartUploadsResult", "IsTruncated"
        ),
        # moto calls it a response
        "ListParts": Answer("IsTruncated Parts[].LastModified", "ListPartsResult ListPartsResponse", "IsTruncated"),
        "DeleteObjects": Answer("Errors[].Key", "DeleteResult"),
        "CreateMultipartUpload": Answer("UploadId", "InitiateMultipartUploadResult"),
        "CompleteMultipartUpload": Answer("ETag", "CompleteMultipartUploadResult"),
        "UploadPart PutObject": Answer("ETag", bare=True),
        # GetObject: and then the content, which its reader takes as it comes
        "GetObject HeadBucket CreateBucket DeleteBucket DeleteObject AbortMultipartUpload PutBucketPolicy "
        "DeleteBucketPolicy PutBucketTagging PutBucketVersioning PutBucketEncryption PutPublicAccessBlock": Answer(
            bare=True
        ),
    },
    needs={
        "ListBuckets": {"s3:ListAllMyBuckets": ""},
        "HeadBucket ListObjectsV2": {"s3:ListBucket": ""},
        "ListObjectVersions": {"s3:ListBucketVersions": ""},
        "ListMultipartUploads": {"s3:ListBucketMultipartUploads": ""},
        "ListParts": {"s3:ListMultipartUploadParts": ""},
        "CreateBucket": {
            "s3:CreateBucket": "",
            "s3:TagResource": "CreateBucketConfiguration.Tags",
            "s3:PutBucketOwnershipControls": "ObjectOwnership",
            "s3:PutBucketObjectLockConfiguration": "ObjectLockEnabledForBucket",
            "s3:PutBucketVersioning": "ObjectLockEnabledForBucket",
        },
        "GetPublicAccessBlock": {"s3:GetBucketPublicAccessBlock": ""},
        "PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock": ""},
        "GetBucketEncryption": {"s3:GetEncryptionConfiguration": ""},
        "PutBucketEncryption": {"s3:PutEncryptionConfiguration": ""},
        "GetObjectLockConfiguration": {"s3:GetBucketObjectLockConfiguration": ""},
        # Of a version that is named the lock is read as well, which S3 leaves out where that is not allowed.
        "HeadObject GetObject": {
            "s3:GetObject": "!VersionId",
            "s3:GetObjectVersion": "VersionId",
            "s3:GetObjectRetention": "VersionId",
            "s3:GetObjectLegalHold": "VersionId",
        },
        "PutObject CreateMultipartUpload": {"s3:PutObject": "", "s3:PutObjectRetention": "ObjectLockMode"},
        "UploadPart CompleteMultipartUpload": {"s3:PutObject": ""},
        "DeleteObject": {"s3:DeleteObject": "!VersionId", "s3:DeleteObjectVersion": "VersionId"},
        "DeleteObjects": {
            "s3:DeleteObject": "!Delete.Objects[].VersionId",
            "s3:DeleteObjectVersion": "Delete.Objects[].VersionId",
        },
    },
    failures=FAILURES,
)
_EVERYONE = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)


@dataclass(frozen=True)
class Listed:
    """A bucket as ListBuckets shows it. region: empty where the service does not say it."""

    name: str
    region: str
    created_at: datetime | None


@dataclass(frozen=True)
class Standing:
    """What HeadBucket says of a name: free; ours (this account reaches it); or taken by somebody else."""

    is_free: bool
    is_reachable: bool = False
    region: str = ""


@dataclass(frozen=True)
class Settings:
    """How a bucket is set up. None: it could not be read."""

    versioning: str | None = None
    encryption: str | None = None
    ownership: str | None = None
    object_lock: str | None = None


@dataclass(frozen=True)
class View:
    """What could be seen of one bucket. denied: the actions that were not allowed."""

    tags: Mapping[str, str]
    exposure: Exposure
    denied: tuple[str, ...] = ()

    @property
    def access(self) -> str:
        """Return the access as it works out."""
        return evaluate(self.exposure)


class S3:
    """The buckets of one account."""

    def __init__(self, aws: "Aws", region: str) -> None:
        self._aws, self.region = aws, region
        self._lock, self._account_block = threading.Lock(), list[Block | None]()

    @cached_property
    def account(self) -> str:
        """Return the number of the account that every bucket is expected to belong to."""
        return self._aws.caller().account

    @cached_property
    def partition(self) -> str:
        """Return the partition: aws, aws-cn, aws-us-gov …"""
        return self._aws.caller().arn.split(":")[1]

    @property
    def endpoint(self) -> str:
        """Return the URL of the service where it is not AWS's own, else an empty text."""
        return self._aws.endpoint

    def client(self, region: str) -> Any:
        """Return the botocore client of a bucket's region."""
        return self._aws.client("s3", region or self.region)

    # ---- what is in a bucket

    def objects(self, name: str, region: str) -> Objects:
        """Return the objects of a bucket."""
        return Objects(self.client(region), name, self.account)

    def vault(self, name: str, region: str, account: str = "") -> "Vault":
        """Return the versions in a bucket. account: the one that it must belong to, where it is not this one."""
        from handrail.aws.s3_locks import Vault

        return Vault(self.client(region), name, account or self.account)

    def uploader(self, name: str, region: str, **terms: Any) -> "Uploader":
        """Return what uploads to a bucket. terms: the rest of `s3_upload.Terms`."""
        from handrail.aws.s3_upload import Terms, Uploader

        return Uploader(self.client(region), Terms(name, self.account, **terms))

    # ---- which buckets there are

    def list_buckets(self) -> list[Listed]:
        """Return every bucket of the account, all pages, by name."""

        look, token = partial(ask, self.client(self.region), "s3:ListBuckets"), "ContinuationToken"
        found = [
            Listed(raw["Name"], raw.get("BucketRegion", ""), raw.get("CreationDate"))
            for page in pages(look, {"MaxBuckets": 1000}, {token: token}, "Buckets")
            for raw in page["Buckets"]
        ]
        return sorted(found, key=lambda one: one.name)

    def standing(self, name: str, region: str = "", account: str = "") -> Standing:
        """Return whether a bucket name is free, and whether the bucket can be reached if it is not.

        account: the one that it must belong to, where it is not this one.
        """
        from botocore.exceptions import ClientError

        with aws_failures_explained("s3:HeadBucket", subject=name):
            try:
                reply = self.client(region).head_bucket(Bucket=name, ExpectedBucketOwner=account or self.account)
            except ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status == 404:
                    return Standing(is_free=True)
                if status in (301, 403):
                    return Standing(is_free=False, region=_region_of(error.response))
                raise
        return Standing(is_free=False, is_reachable=True, region=_region_of(reply) or region or self.region)

    # ---- one bucket

    def create(self, name: str, tags: Mapping[str, str], *, object_lock: bool = False) -> None:
        """Make a bucket in this region: private, tagged in the creating call, without ACLs.

        object_lock: with Object Lock, which versions every object and can't be taken off again.
        """
        place = {} if self.region == DEFAULT_REGION else {"LocationConstraint": self.region}
        made: dict[str, Any] = {
            "ObjectOwnership": "BucketOwnerEnforced",
            "CreateBucketConfiguration": {"Tags": tag_list(tags), **place},
            **({"ObjectLockEnabledForBucket": True} if object_lock else {}),
        }
        ask(self.client(self.region), "s3:CreateBucket", name, Bucket=name, **made)

    def view(self, name: str, region: str) -> View:
        """Return tags and access of a bucket; what is not allowed to be read is named. Raises NotFound."""
        denied: list[str] = []
        at = (name, region, denied)
        tags, block = self._seen(self.tags, *at) or {}, self._seen(self.block, *at)
        public = self._seen(self.is_policy_public, *at)
        shut = block is not None and block.restrict and block.ignore_acls
        account = None if shut else self.account_block_if_allowed()  # what the bucket shuts, no account opens
        moot = any(level is not None and level.ignore_acls for level in (block, account))
        acl = False if moot else self._seen(self.is_acl_public, *at)
        return View(tags, Exposure(public, block, account, acl), tuple(dict.fromkeys(denied)))

    def _seen(self, read: Callable[[str, str], T], name: str, region: str, denied: list[str]) -> T | None:
        """Return what a look at a bucket shows; None where it is not allowed, which joins what was denied."""
        try:
            return read(name, region)
        except PermissionDenied as error:
            denied.append(str(error.details.get("action") or error.message))
            return None

    def views(self, places: Sequence[tuple[str, str]]) -> list[View | HandrailError]:
        """Return the view of each (name, region), in order, several at once; an error stands for its bucket only."""

        def look(place: tuple[str, str]) -> View | HandrailError:
            try:
                return self.view(*place)
            except HandrailError as error:
                return error

        with ThreadPoolExecutor(LOOKERS, thread_name_prefix="look") as pool:
            return list(pool.map(look, places))

    def tags(self, name: str, region: str) -> dict[str, str]:
        """Return a bucket's tags."""
        reply = self._read("s3:GetBucketTagging", "NoSuchTagSet", name, region)
        return {tag["Key"]: tag.get("Value", "") for tag in reply.get("TagSet", ())}

    def put_tags(self, name: str, region: str, tags: Mapping[str, str]) -> None:
        """Set all tags of a bucket."""
        self._write("s3:PutBucketTagging", name, region, Tagging={"TagSet": tag_list(tags)})

    def block(self, name: str, region: str) -> Block:
        """Return a bucket's Block Public Access; nothing set is all off."""
        return _block(self._read("s3:GetPublicAccessBlock", _NO_BLOCK, name, region))

    def put_block(self, name: str, region: str, block: Block) -> None:
        """Set a bucket's Block Public Access."""
        switches = {theirs: getattr(block, ours) for theirs, ours in _SWITCHES.items()}
        self._write("s3:PutPublicAccessBlock", name, region, PublicAccessBlockConfiguration=switches)

    def is_policy_public(self, name: str, region: str) -> bool:
        """Return whether S3 judges the bucket's policy to be public."""
        reply = self._read("s3:GetBucketPolicyStatus", "NoSuchBucketPolicy", name, region)
        return bool(reply.get("PolicyStatus", {}).get("IsPublic", False))

    def is_acl_public(self, name: str, region: str) -> bool:
        """Return whether the bucket's ACL grants anything to everyone."""
        reply = self._read("s3:GetBucketAcl", "AccessControlListNotSupported", name, region)
        grantees = [grant["Grantee"] for grant in reply.get("Grants", ())]
        return any(one["Type"] == "Group" and one.get("URI", _EVERYONE[0]) in _EVERYONE for one in grantees)

    def policy(self, name: str, region: str) -> dict[str, Any] | None:
        """Return a bucket's policy, or None."""
        reply = self._read("s3:GetBucketPolicy", "NoSuchBucketPolicy", name, region)
        return json.loads(reply["Policy"]) if reply.get("Policy") else None

    def put_policy(self, name: str, region: str, policy: Mapping[str, Any] | None) -> None:
        """Set a bucket's policy; None takes it away."""
        if policy is None:
            self._write("s3:DeleteBucketPolicy", name, region)
        else:
            self._write("s3:PutBucketPolicy", name, region, Policy=json.dumps(policy))

    def settings(self, name: str, region: str, *, lock: bool = False) -> Settings:
        """Return versioning, encryption, ownership and, where asked for, Object Lock; None where not allowed."""
        at = (name, region, list[str]())
        locking = self._seen(self.object_lock, *at) if lock else None
        versioning, encryption = self._seen(self.versioning, *at), self._seen(self.encryption, *at)
        return Settings(versioning, encryption, self._seen(self.ownership, *at), locking)

    def versioning(self, name: str, region: str) -> str:
        """Return `on`, `off` or `suspended`."""
        reply = self._read("s3:GetBucketVersioning", "", name, region)
        return {"Enabled": "on", "Suspended": "suspended"}.get(reply.get("Status", ""), "off")

    def put_versioning(self, name: str, region: str, *, is_on: bool) -> None:
        """Switch versioning on, or suspend it."""
        status = "Enabled" if is_on else "Suspended"
        self._write("s3:PutBucketVersioning", name, region, VersioningConfiguration={"Status": status})

    def encryption(self, name: str, region: str) -> str:
        """Return the algorithm of the default encryption, or `none`.

        A rule may say nothing of it, but which kinds are blocked; S3 then encrypts by its own keys, as ever.
        Source: S3 user guide, "Setting default server-side encryption behavior".
        """
        reply = self._read("s3:GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError", name, region)
        rules = reply.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
        defaults = (rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules)
        return next((str(default.get("SSEAlgorithm", "AES256")) for default in defaults), "none")

    def put_encryption(self, name: str, region: str) -> None:
        """Encrypt every new object with S3's own keys (SSE-S3)."""
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        self._write("s3:PutBucketEncryption", name, region, ServerSideEncryptionConfiguration={"Rules": [rule]})

    def ownership(self, name: str, region: str) -> str:
        """Return the object ownership, or `ObjectWriter` where none is set (AWS's default of old buckets)."""
        reply = self._read("s3:GetBucketOwnershipControls", "OwnershipControlsNotFoundError", name, region)
        rules = reply.get("OwnershipControls", {}).get("Rules", ())
        return next((str(rule["ObjectOwnership"]) for rule in rules), "ObjectWriter")

    def object_lock(self, name: str, region: str) -> str:
        """Return `on` where versions of objects can be locked in the bucket, else `off`."""
        return "on" if self.vault(name, region).has_lock() else "off"

    def delete(self, name: str, region: str) -> None:
        """Delete an empty bucket. Raises WrongState where it is not empty, NotFound where it is gone."""
        self._write("s3:DeleteBucket", name, region)

    # ---- the account

    def account_block(self) -> Block:
        """Return the account's Block Public Access; nothing set is all off. Raises PermissionDenied."""
        client, whose = self._aws.client("s3control", self.region), f"account {self.account}"
        client.meta.events.register_first("before-sign.s3-control", self._straighten, unique_id="handrail-straighten")
        call = "s3control:GetPublicAccessBlock"
        try:
            reply = ask(client, call, whose, excused=_NO_BLOCK, AccountId=self.account)
        except PermissionDenied as error:
            action = "s3:GetAccountPublicAccessBlock"
            raise PermissionDenied(
                f"whether the account blocks public buckets can't be read: these credentials may not do {action}.",
                facts=error.facts,
                hint=f"ask the owner of the account to allow {action}",
                details={**error.details, "action": action},
            ) from error
        return _block(reply)

    def account_block_if_allowed(self) -> Block | None:
        """Return the account's Block Public Access, asked once; None where it may not be, or can't be, read.

        An AWS-compatible service that has no such setting is no reason to show nothing at all.
        """
        with self._lock:
            if not self._account_block:
                try:
                    self._account_block = [self.account_block()]
                except (Unreachable, Throttled):
                    raise
                except (PermissionDenied, NotFound, AwsFailure):
                    self._account_block = [None]
            return self._account_block[0]

    def _straighten(self, request: Any, **_: Any) -> None:
        """Take the account number off the host where the endpoint is no AWS: an address has no names below it."""
        parts = urlsplit(request.url)
        if self.endpoint and parts.netloc == f"{self.account}.{urlsplit(self.endpoint).netloc}":
            request.url = urlunsplit(parts._replace(netloc=urlsplit(self.endpoint).netloc))

    # ---- calls

    def _read(self, call: str, unset: str, name: str, region: str) -> Mapping[str, Any]:
        whose = {"Bucket": name, "ExpectedBucketOwner": self.account}
        reply: Mapping[str, Any] = ask(self.client(region), call, name, excused=unset, **whose)
        return reply

    def _write(self, call: str, name: str, region: str, **parameters: Any) -> None:
        ask(self.client(region), call, name, Bucket=name, ExpectedBucketOwner=self.account, **parameters)


def _region_of(reply: Mapping[str, Any]) -> str:
    headers = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(reply.get("BucketRegion") or headers.get("x-amz-bucket-region") or "")


def _block(reply: Mapping[str, Any]) -> Block:
    switches = reply.get("PublicAccessBlockConfiguration", {})
    return Block(**{ours: bool(switches.get(theirs, False)) for theirs, ours in _SWITCHES.items()})
