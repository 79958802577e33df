"""S3: Block Public Access is on and holds, anonymous callers get only what is public, owners are checked."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from handrail.sandbox import moment
from handrail.sandbox.fidelity import s3_policy
from handrail.sandbox.fidelity.registry import Patch, wrap

FLAGS = ("block_public_acls", "ignore_public_acls", "block_public_policy", "restrict_public_buckets")
PUBLIC_ACLS = frozenset({"public-read", "public-read-write", "authenticated-read"})
NO_ACL = frozenset({"bucket-owner-full-control"})
ENFORCED = "BucketOwnerEnforced"
# What an anonymous GET or HEAD of a bucket or object asks for, by the part of S3 that its query names.
BUCKET_READS = {"versions": "s3:ListBucketVersions", "uploads": "s3:ListBucketMultipartUploads"}
OBJECT_READS = {"acl": "s3:GetObjectAcl", "tagging": "s3:GetObjectTagging", "versionId": "s3:GetObjectVersion"}
# Everything else that a query can name of a bucket; nobody but its owner reads that.
SUBRESOURCES = frozenset(
    {
        *("accelerate", "acl", "analytics", "cors", "encryption", "intelligent-tiering", "inventory", "lifecycle"),
        *("location", "logging", "metrics", "notification", "object-lock", "ownershipControls", "policy"),
        *("policyStatus", "publicAccessBlock", "replication", "requestPayment", "tagging", "versioning", "website"),
    }
)


def s3_error(code: str, message: str) -> Exception:
    """Return an error of S3."""
    from moto.s3.exceptions import S3ClientError

    error: Exception = S3ClientError(code, message)
    return error


def access_denied() -> Exception:
    """Return the refusal that says no more than it must."""
    return s3_error("AccessDenied", "Access Denied")


def is_blocked(bucket: Any, flag: str) -> bool:
    """Tell whether a Block Public Access setting holds for a bucket, by its own or its account's configuration."""
    blocks = [bucket.public_access_block]
    control = sys.modules.get("moto.s3control.models")
    if control is not None:
        blocks.append(control.s3control_backends[bucket.account_id][bucket.partition].public_access_block)
    return any(bool(getattr(block, flag)) for block in blocks if block is not None)


def find_bucket(response: Any) -> Any:
    """Return the bucket that a request names, in whichever account; None where there is none."""
    from moto.s3.models import s3_backends

    name = response.bucket_name
    if name not in s3_backends.bucket_accounts:
        return None
    partition, account_id = s3_backends.bucket_accounts[name]
    return s3_backends[account_id][partition].buckets.get(name)


def patch_block_public_access() -> None:
    """A new bucket is private, its ACLs are off and its objects encrypted; public policies and ACLs are refused."""
    from moto.s3.models import FakeBucket, PublicAccessBlock, S3Backend
    from moto.s3.responses import S3Response

    def make_init(original: Any) -> Any:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self.public_access_block = PublicAccessBlock(True, True, True, True)
            self.ownership_rule = ENFORCED
            self.encryption = default_encryption()

        return init

    def make_delete(original: Any) -> Any:
        def delete_bucket_encryption(self: Any, bucket_name: str) -> None:
            self.get_bucket(bucket_name).encryption = default_encryption()

        return delete_bucket_encryption

    def make_policy(original: Any) -> Any:
        def put_bucket_policy(self: Any, bucket_name: str, policy: bytes) -> None:
            bucket = self.get_bucket(bucket_name)
            if is_blocked(bucket, "block_public_policy") and is_public_text(policy):
                raise access_denied()
            original(self, bucket_name, policy)

        return put_bucket_policy

    def make_response(original: Any) -> Any:
        def respond(self: Any, request: Any, full_url: str) -> Any:
            check_acl(self)
            return original(self, request, full_url)

        return respond

    wrap(FakeBucket, "__init__", make_init)
    wrap(S3Backend, "delete_bucket_encryption", make_delete)
    wrap(S3Backend, "put_bucket_policy", make_policy)
    wrap(S3Response, "_bucket_response", make_response)
    wrap(S3Response, "_key_response", make_response)


def default_encryption() -> dict[str, Any]:
    """Return the encryption that every bucket has since 2023, as moto keeps it."""
    return {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}}


def check_acl(response: Any) -> None:
    """Refuse ACLs where ACLs are off, and public ones where they are blocked."""
    acl = response.headers.get("x-amz-acl")
    grants = any(name.lower().startswith("x-amz-grant-") for name in dict(response.headers))
    is_put_acl = response.method == "PUT" and "acl" in response.querystring
    if acl is None and not grants and not is_put_acl:
        return
    bucket = find_bucket(response)
    if bucket is None:
        ownership = response.headers.get("x-amz-object-ownership", ENFORCED)
        if ownership == ENFORCED and acl != "private":
            message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
            raise s3_error("InvalidBucketAclWithObjectOwnership", message)
    elif bucket.ownership_rule == ENFORCED:
        if is_put_acl or acl not in NO_ACL:
            raise s3_error("AccessControlListNotSupported", "The bucket does not allow ACLs")
    elif is_blocked(bucket, "block_public_acls") and (acl in PUBLIC_ACLS or b"AllUsers" in (response.body or b"")):
        raise access_denied()


def is_public_text(text: bytes) -> bool:
    """Tell whether a policy gives anything to everybody; a malformed one gives nothing."""
    try:
        return s3_policy.is_public(json.loads(text))
    except (ValueError, TypeError, LookupError, AttributeError):
        return False


def read_policy(text: bytes, bucket_name: str) -> dict[str, Any]:
    """Return a policy; raise S3's refusal of a malformed one."""
    try:
        return s3_policy.parse(text, bucket_name)
    except ValueError as error:
        raise s3_error("MalformedPolicy", str(error)) from error


def patch_policies() -> None:
    """A malformed policy is refused, a well-formed one judged by its principals; its status says if it is public."""
    from moto.iam.access_control import PermissionResult
    from moto.s3 import responses
    from moto.s3.models import FakeBucket, S3Backend

    results = {
        "allow": PermissionResult.PERMITTED,
        "deny": PermissionResult.DENIED,
        "neutral": PermissionResult.NEUTRAL,
    }

    def make_put(original: Any) -> Any:
        def put_bucket_policy(self: Any, bucket_name: str, policy: bytes) -> None:
            self.get_bucket(bucket_name)
            read_policy(policy, bucket_name)
            original(self, bucket_name, policy)

        return put_bucket_policy

    def get_permission(self: Any, action: str, resource: str) -> Any:
        asked = {"s3:HeadObject": "s3:GetObject", "s3:PostObject": "s3:PutObject"}.get(action, action)
        return results[judge_policy(self, asked, resource)]

    wrap(S3Backend, "put_bucket_policy", make_put)
    wrap(FakeBucket, "get_permission", lambda _: get_permission)
    wrap(responses, "bucket_policy_is_public", lambda _: is_public_text)


def judge_policy(bucket: Any, action: str, resource: str) -> s3_policy.Verdict:
    """Return what a bucket's policy says of a call of whoever asks now."""
    if bucket.policy is None:
        return "neutral"
    current = moment.current
    caller = f"arn:aws:iam::{bucket.account_id}:user/{current.owner}" if current.access_key_id else None
    return s3_policy.judge(s3_policy.parse(bucket.policy, bucket.name), action, resource, caller)


def may_anybody(bucket: Any, action: str, resource: str, acl: Any) -> bool:
    """Tell whether an anonymous caller may do something: by a public policy or ACL that nothing blocks."""
    verdict = judge_policy(bucket, action, resource)
    if verdict == "deny":
        return False
    if verdict == "allow" and not is_blocked(bucket, "restrict_public_buckets"):
        return True
    acls_count = bucket.ownership_rule != ENFORCED and not is_blocked(bucket, "ignore_public_acls")
    return bool(acls_count and acl is not None and acl.public_read and action in ("s3:GetObject", "s3:ListBucket"))


def check_anonymous_bucket(response: Any) -> None:
    """Let an anonymous caller list a public bucket, and nothing else of it."""
    bucket = find_bucket(response)
    if bucket is None:
        if not response.bucket_name:
            raise access_denied()
        return
    named = set(response.querystring)
    action = next((BUCKET_READS[name] for name in BUCKET_READS if name in named), "s3:ListBucket")
    if named & SUBRESOURCES or not may_anybody(bucket, action, f"arn:aws:s3:::{bucket.name}", bucket.acl):
        raise access_denied()


def check_anonymous_object(response: Any) -> None:
    """Let an anonymous caller read a public object; whether one exists is told to those who may list only."""
    bucket = find_bucket(response)
    if bucket is None:
        return
    key_name = response.parse_key_name()
    key = response.backend.get_object(bucket.name, key_name)
    action = next((OBJECT_READS[name] for name in OBJECT_READS if name in response.querystring), "s3:GetObject")
    if not may_anybody(bucket, action, f"arn:aws:s3:::{bucket.name}/{key_name}", key.acl if key else None):
        raise access_denied()
    if key is None and not may_anybody(bucket, "s3:ListBucket", f"arn:aws:s3:::{bucket.name}", bucket.acl):
        raise access_denied()


def patch_anonymous() -> None:
    """Without a signature only what is public can be read, listings included."""
    from moto.s3.responses import S3Response

    def make(check: Any) -> Any:
        def make_response(original: Any) -> Any:
            def respond(self: Any, request: Any, full_url: str) -> Any:
                if not moment.current.access_key_id:
                    check(self)
                return original(self, request, full_url)

            return respond

        return make_response

    wrap(S3Response, "_bucket_response", make(check_anonymous_bucket))
    wrap(S3Response, "_key_response", make(check_anonymous_object))


def check_expected_owner(response: Any) -> None:
    """Refuse a request that expects another owner of the bucket it names, or of the one it copies from."""
    from moto.s3.models import s3_backends

    source = response.headers.get("x-amz-copy-source", "").lstrip("/").partition("/")[0]
    expected = {
        response.bucket_name: response.headers.get("x-amz-expected-bucket-owner"),
        source: response.headers.get("x-amz-source-expected-bucket-owner"),
    }
    for name, owner in expected.items():
        if owner is None:
            continue
        if re.fullmatch(r"\d{12}", owner) is None:
            message = "The value of the expected bucket owner parameter must be an AWS account id."
            raise s3_error("InvalidBucketOwnerAWSAccountID", message)
        if name in s3_backends.bucket_accounts and s3_backends.bucket_accounts[name][1] != owner:
            raise access_denied()


def patch_expected_owner() -> None:
    """ExpectedBucketOwner is enforced."""
    from moto.s3.responses import S3Response

    def make(original: Any) -> Any:
        def respond(self: Any, request: Any, full_url: str) -> Any:
            check_expected_owner(self)
            return original(self, request, full_url)

        return respond

    wrap(S3Response, "_bucket_response", make)
    wrap(S3Response, "_key_response", make)


PATCHES = (
    Patch("s3-block-public-access", patch_block_public_access),
    Patch("s3-policies", patch_policies),
    Patch("s3-anonymous", patch_anonymous),
    Patch("s3-expected-owner", patch_expected_owner),
)
