"""What makes a reply an answer of AWS: one row per call, and whatever is less is nobody's answer.

A captive portal, a proxy or a cut line replies as well, often with 200. A reply counts only if it is what that very
call is answered with: its root element or JSON object, *and* the members without which it means nothing. Readers in
`aws/` take for granted what the row of their call names; all else is optional. A refusal counts only in AWS's own form:
without that it says nothing of what exists, what is free, or who may do what. A new call is a new row.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from handrail.core.fields import show


@dataclass(frozen=True)
class Row:
    """What one call is answered with. The members are paths into what botocore parsed.

    roots: the names that the root element may have, AWS's own first; none: JSON, or no body at all. needs: members
    that must be there: `A.B`, `A[].B` in each of a list that may be left out, `A[+].B` in each of a list that is not
    empty, `A?.B` in what may be left out. truths: elements that must say true or false, in small letters or capitals;
    botocore takes all but `true` for no. bare: it has no body, so that a request id of AWS must stand in its headers.
    document: its body is a JSON document of a user's own, with that id. counted: `Count` is the length of this list.
    dated: a Date, and that id where there is no root.
    """

    roots: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    truths: tuple[str, ...] = ()
    bare: bool = False
    document: bool = False
    counted: str = ""
    dated: bool = False


def _ec2(call: str, *needs: str) -> Row:
    return Row((f"{call}Response",), needs)


_SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_BLOCK = Row(
    ("PublicAccessBlockConfiguration",),
    tuple(f"PublicAccessBlockConfiguration.{name}" for name in _SWITCHES),
    _SWITCHES,
)
_BARE = Row(bare=True)
_WRITTEN = Row(dated=True)  # DynamoDB answers a write with an empty object
_FOUND = Row(needs=("Items", "Count", "Items[].pk", "Items[].sk"), counted="Items", dated=True)  # its keys are its own
_INSTANCE = ("InstanceId", "State.Name", "ClientToken", "Tags[].Key")
_MOVED = ("InstanceId", "CurrentState.Name")
_VERSION = ("Key", "VersionId", "LastModified")
_KEYS = ("Credentials.AccessKeyId", "Credentials.SecretAccessKey", "Credentials.SessionToken")

# Sources: the response syntax of each call in the API references of EC2, STS, S3, S3 Control, DynamoDB and Systems
# Manager. A second root is what moto, and so the sandbox, writes.
ROWS: Mapping[tuple[str, str], Row] = {
    **{
        ("ec2", call): _ec2(call, *needs)
        for call, needs in {
            "DescribeInstances": (
                "Reservations",
                "Reservations[].Instances",
                *(f"Reservations[].Instances[].{name}" for name in _INSTANCE),
            ),
            "RunInstances": tuple(f"Instances[+].{name}" for name in _INSTANCE),
            "StartInstances": tuple(f"StartingInstances[+].{name}" for name in _MOVED),
            "StopInstances": tuple(f"StoppingInstances[+].{name}" for name in _MOVED),
            "TerminateInstances": tuple(f"TerminatingInstances[+].{name}" for name in _MOVED),
            "RebootInstances": (),
            "CreateTags": (),
            "DeleteTags": (),
            "ModifyInstanceAttribute": (),
            "DescribeInstanceTypes": (
                "InstanceTypes",
                "InstanceTypes[].ProcessorInfo.SupportedArchitectures[+]",
                "InstanceTypes[].VCpuInfo.DefaultVCpus",
                "InstanceTypes[].MemoryInfo.SizeInMiB",
            ),
            "DescribeImages": ("Images", "Images[].ImageId", "Images[].State", "Images[].Architecture"),
            "DescribeSecurityGroups": ("SecurityGroups", "SecurityGroups[].GroupId", "SecurityGroups[].GroupName"),
            "DescribeKeyPairs": ("KeyPairs", "KeyPairs[].KeyName"),
            "DescribeSubnets": ("Subnets", "Subnets[].SubnetId"),
            "DescribeRegions": ("Regions[+].RegionName",),
        }.items()
    },
    ("sts", "GetCallerIdentity"): Row(("GetCallerIdentityResponse",), ("Account", "Arn", "UserId")),
    ("sts", "DecodeAuthorizationMessage"): Row(("DecodeAuthorizationMessageResponse",), ("DecodedMessage",)),
    ("sts", "AssumeRole"): Row(("AssumeRoleResponse",), _KEYS),
    ("sts", "AssumeRoleWithWebIdentity"): Row(("AssumeRoleWithWebIdentityResponse",), _KEYS),
    ("ssm", "GetParameters"): Row(needs=("Parameters", "Parameters[].Name", "Parameters[].Value")),
    ("dynamodb", "GetItem"): Row(needs=("Item?.pk", "Item?.sk"), dated=True),  # no Item: there is none
    ("dynamodb", "PutItem"): _WRITTEN,
    ("dynamodb", "DeleteItem"): _WRITTEN,
    ("dynamodb", "TransactWriteItems"): _WRITTEN,
    ("dynamodb", "Query"): _FOUND,
    ("dynamodb", "Scan"): _FOUND,
    ("dynamodb", "DescribeTable"): Row(needs=("Table.TableStatus",)),
    ("dynamodb", "CreateTable"): Row(needs=("TableDescription",)),
    ("dynamodb", "UpdateTable"): Row(needs=("TableDescription",)),
    ("dynamodb", "DescribeContinuousBackups"): Row(needs=("ContinuousBackupsDescription.ContinuousBackupsStatus",)),
    ("dynamodb", "UpdateContinuousBackups"): Row(needs=("ContinuousBackupsDescription",)),
    ("dynamodb", "DescribeTimeToLive"): Row(needs=("TimeToLiveDescription.TimeToLiveStatus",)),
    ("dynamodb", "UpdateTimeToLive"): Row(needs=("TimeToLiveSpecification",)),
    ("s3", "ListBuckets"): Row(("ListAllMyBucketsResult",), ("Buckets", "Buckets[].Name")),
    ("s3", "HeadBucket"): _BARE,
    ("s3", "HeadObject"): Row(needs=("ContentLength",), bare=True),
    ("s3", "GetBucketTagging"): Row(("Tagging",), ("TagSet", "TagSet[].Key")),
    ("s3", "GetPublicAccessBlock"): _BLOCK,
    ("s3control", "GetPublicAccessBlock"): _BLOCK,
    ("s3", "GetBucketPolicyStatus"): Row(("PolicyStatus",), ("PolicyStatus.IsPublic",), ("IsPublic",)),
    ("s3", "GetBucketPolicy"): Row(document=True),
    ("s3", "GetBucketAcl"): Row(("AccessControlPolicy",), ("Grants", "Grants[].Grantee.Type")),
    ("s3", "GetBucketVersioning"): Row(("VersioningConfiguration", "GetBucketVersioningResponse")),
    ("s3", "GetBucketEncryption"): Row(
        ("ServerSideEncryptionConfiguration",), ("ServerSideEncryptionConfiguration.Rules[+]",)
    ),
    ("s3", "GetBucketOwnershipControls"): Row(("OwnershipControls",), ("OwnershipControls.Rules[+].ObjectOwnership",)),
    ("s3", "GetObjectLockConfiguration"): Row(("ObjectLockConfiguration",), ("ObjectLockConfiguration",)),
    ("s3", "GetObject"): _BARE,  # and then the content, which its reader takes as it comes
    ("s3", "ListObjectsV2"): Row(
        ("ListBucketResult",), ("IsTruncated", "Contents[].Key", "Contents[].Size"), ("IsTruncated",), dated=True
    ),
    ("s3", "ListObjectVersions"): Row(
        ("ListVersionsResult",),
        (
            "IsTruncated",
            *(f"{kind}[].{name}" for kind in ("Versions", "DeleteMarkers") for name in _VERSION),
            "Versions[].Size",
        ),
        ("IsTruncated",),
    ),
    ("s3", "ListMultipartUploads"): Row(
        ("ListMultipartUploadsResult",), ("IsTruncated", "Uploads[].Key", "Uploads[].UploadId"), ("IsTruncated",)
    ),
    ("s3", "ListParts"): Row(  # moto calls it a response
        ("ListPartsResult", "ListPartsResponse"), ("IsTruncated", "Parts[].LastModified"), ("IsTruncated",)
    ),
    ("s3", "DeleteObjects"): Row(("DeleteResult",), ("Errors[].Key",)),
    ("s3", "CreateMultipartUpload"): Row(("InitiateMultipartUploadResult",), ("UploadId",)),
    ("s3", "CompleteMultipartUpload"): Row(("CompleteMultipartUploadResult",), ("ETag",)),
    ("s3", "UploadPart"): Row(needs=("ETag",), bare=True),
    ("s3", "PutObject"): Row(needs=("ETag",), bare=True),
    **{
        ("s3", call): _BARE
        for call in (
            "CreateBucket",
            "DeleteBucket",
            "DeleteObject",
            "AbortMultipartUpload",
            "DeleteBucketPolicy",
            "PutBucketPolicy",
            "PutBucketTagging",
            "PutBucketVersioning",
            "PutBucketEncryption",
            "PutPublicAccessBlock",
        )
    },
}

_OURS = {service for service, _ in ROWS}
_MAY_BE_EMPTY = ("ClientToken",)
_REQUEST_IDS = ("x-amz-request-id", "x-amzn-requestid", "x-amzn-request-id", "x-amz-id-2")
_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?[^>]*\?>\s*|<!--.*?-->\s*)*<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL)
# What EC2 answers a change with that has nothing else to say; of one that was not made it sends an error.
_NOT_DONE = re.compile(rb"<return>\s*(?!true\b)", re.IGNORECASE)
_ERROR_ROOTS = ("Error", "Response", "ErrorResponse")


def lacks(service: str, call: str, reply: Any, parsed: Any, *, head: bool) -> str:
    """Return what keeps a reply from being AWS's answer to a call, in words; empty where nothing does.

    service, call: as botocore names them. reply: status_code, headers and content of what came. parsed: what botocore
    made of it; truth values that it misread are put right. head: it was a HEAD, which has no body.
    """
    if not isinstance(parsed, dict):
        return "it is no object"
    if reply.status_code >= 300:
        return _lacks_of_refusal(reply, parsed, head=head, ours=service in _OURS)
    row = ROWS.get((service, call))
    if row is None and service in _OURS:
        return "nothing here says what answers it"
    if row is None:  # of the clients that botocore makes by itself for credentials: they speak JSON
        return "" if _is_object(reply.content) else "it is no whole JSON object"
    return _lacks_of_form(row, reply) or _lacks_of_members(row, reply, parsed)


def lacks_of_stream(reply: Any) -> str:
    """Return, as `lacks` does, what keeps a reply from being AWS's whose body is read later."""
    return "" if _is_signed(reply) else "it has no request id of AWS"


def _lacks_of_refusal(reply: Any, parsed: Mapping[str, Any], *, head: bool, ours: bool) -> str:
    if reply.status_code < 400 and not (
        reply.headers.get("x-amz-bucket-region") or parsed.get("Error", {}).get("Region")
    ):
        return "it sends elsewhere, and does not say where"
    if head:
        return "" if _is_signed(reply) else "it has no request id of AWS"
    code = str(parsed.get("Error", {}).get("Code") or "")
    if not code or code == str(reply.status_code):
        return "it has no error code of AWS"
    root = _ROOT.match(reply.content)
    if root is not None:
        return "" if root[1].decode() in _ERROR_ROOTS else f"it is a <{_word(root[1])}>, and no error of AWS"
    return "" if not ours or _is_signed(reply) or "amz-json" in _kind(reply) else "it has no request id of AWS"


def _lacks_of_form(row: Row, reply: Any) -> str:
    if row.roots:
        root = _ROOT.match(reply.content)
        name = _word(root[1]) if root else ""
        if name not in row.roots:
            return f"it is {f'a <{name}>' if name else 'no XML'}, and no <{row.roots[0]}>"
        return "it says that it was not done" if _NOT_DONE.search(reply.content) else ""
    if (row.bare or row.document or row.dated) and not _is_signed(reply):
        return "it has no request id of AWS"
    if row.bare:
        return "it is a page" if reply.content.lstrip()[:1] == b"<" else ""
    if row.document:
        return "" if _is_object(reply.content, "Statement") else "it is no policy document"
    return "" if "json" in _kind(reply) and _is_object(reply.content) else "it is no whole JSON object"


def _lacks_of_members(row: Row, reply: Any, parsed: dict[str, Any]) -> str:
    for name in row.truths:
        said = re.findall(rb"<%b>\s*(\w*)\s*</%b>" % (name.encode(), name.encode()), reply.content)
        if len(said) != 1 or said[0].lower() not in (b"true", b"false"):
            return f"{name} says neither true nor false"
        holder = next((one for one in (parsed, *parsed.values()) if isinstance(one, dict) and name in one), parsed)
        holder[name] = said[0].lower() == b"true"
    for path in row.needs:
        if any(value is None or (value == "" and not path.endswith(_MAY_BE_EMPTY)) for value in _at(parsed, path)):
            return f"{re.sub('[^A-Za-z.]', '', path)} is missing"
    if row.counted and parsed["Count"] != len(parsed[row.counted]):
        return f"Count says {parsed['Count']}, and {len(parsed[row.counted])} came"
    return "its Date can't be read" if row.dated and date_of(reply.headers) is None else ""


def _at(value: Any, path: str) -> Iterator[Any]:
    """Yield what stands at a path, None where something is missing on the way."""
    name, _, rest = path.partition(".")
    inner = value.get(name.partition("[")[0].rstrip("?")) if isinstance(value, dict) else None
    if name.endswith("?"):
        yield from _at(inner, rest) if inner is not None else ()
    elif name.endswith("[]"):
        for one in inner or ():
            yield from _at(one, rest)
    elif name.endswith("[+]") and not rest:
        yield inner or None
    elif name.endswith("[+]"):
        for one in inner or (None,):
            yield from _at(one, rest)
    elif rest:
        yield from _at(inner, rest)
    else:
        yield inner


def date_of(headers: Mapping[str, str]) -> int | None:
    """Return the Date of a reply (RFC 9110, 6.6.1) in epoch seconds, None where it has none that can be read."""
    try:
        return int(parsedate_to_datetime(headers.get("date", "")).timestamp())
    except (ValueError, OverflowError):
        return None


def _is_signed(reply: Any) -> bool:
    return any(reply.headers.get(name) for name in _REQUEST_IDS)


def _is_object(content: bytes, member: str = "") -> bool:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and (not member or member in found)


def _kind(reply: Any) -> str:
    return str(reply.headers.get("content-type", "")).lower()


def _word(root: bytes) -> str:
    return root.decode(errors="replace")[:40]


def words_of(reply: Any) -> str:
    """Return what came in a few words, for a person: status, media type, and how the text begins.

    The text of a page only: of a reply that is nearly AWS's it may hold a credential.
    """
    kind = _kind(reply).partition(";")[0]
    text = re.sub(r"<[^>]*>?", " ", reply.content[:2000].decode(errors="replace")) if kind in _PAGES else ""
    begins = " ".join(text.split())[:60]
    return f"{reply.status_code}, {show(kind or 'no content type')[1:-1]}" + (f", {show(begins)}" if begins else "")


_PAGES = ("text/html", "text/plain", "application/xhtml+xml")
