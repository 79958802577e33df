"""What AWS says when it refuses, and what Handrail makes of it: one table from AWS error code to our own error.

Code, message and hint stand in the rows; a few codes need a look at the answer and have a function instead.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from handrail.aws.acting import SLOW, changes_something, is_definite
from handrail.core.errors import (
    NOT_AWS,
    Acted,
    AwsFailure,
    BadCredentials,
    Conflict,
    HandrailError,
    Internal,
    NotFound,
    NotSetUp,
    PermissionDenied,
    Throttled,
    Unreachable,
    Usage,
    WrongState,
)
from handrail.core.fields import show
from handrail.core.shell import target

Decode = Callable[[str], str]
NOT_YET = "not_known_yet"  # the slug of a change of an instance that AWS does not know yet


class Side(Protocol):
    """What an error says of the connection it came over; `aws.connect.Aws` is one."""

    @property
    def target(self) -> str:
        """Return `sandbox` or `aws`."""

    @property
    def endpoint(self) -> str:
        """Return the URL where it is not AWS's own, else an empty string."""

    @property
    def profile(self) -> str | None:
        """Return the profile in force."""

    @property
    def looked(self) -> str:
        """Return where the credentials were looked for."""

    @property
    def mend(self) -> str:
        """Return the command that renews them."""


@dataclass(frozen=True)
class Origin:
    """The connection, region and call that a failure came over: it travels along, so that no caller need say it."""

    side: Side
    region: str
    call: str = ""
    service: str = ""

    @property
    def is_change(self) -> bool:
        """Return whether the call changes something."""
        return changes_something(self.service, self.call)


class NotAwsError(Exception):
    """What came is no answer to the call; something between here and AWS put it there, or cut AWS's own short.

    call: as AWS names it. host: who was asked. came: what came, in words. lacks: what keeps it from being an answer.
    """

    def __init__(self, call: str, host: str, came: str, lacks: str) -> None:
        super().__init__(f"{call}: {lacks}")
        self.call, self.host, self.came, self.lacks = call, host, came, lacks


@dataclass(frozen=True)
class Row:
    """What becomes of one AWS error code.

    In message and hint: {thing} the value that AWS quotes, or the bucket, or the subject; {subject}; {region}; {text}
    AWS's own words; {operation} Handrail's; {mend} the command that renews the credentials.
    """

    error: type[HandrailError]
    message: str
    hint: str
    code: str | None = None


@dataclass(frozen=True)
class Refusal:
    """One refusal of AWS, taken apart."""

    code: str
    text: str
    api: str
    status: int
    headers: Mapping[str, str]
    request_id: str
    words: Mapping[str, str]
    side: Side | None
    decode: Decode | None

    @property
    def details(self) -> dict[str, Any]:
        """Return what programs get to know of it."""
        return {"aws_code": self.code, "call": self.api, "request_id": self.request_id}

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return the line that says where the credentials came from."""
        return (("looked", self.side.looked),) if self.side else ()


_SLOW = Row(
    Throttled,
    "AWS asks to slow down, and the retries are used up: {text}",
    "wait a minute and repeat the command; others may be using the same account",
)
_BROKEN = Row(
    AwsFailure, "AWS had a fault of its own: {text}", "repeat the command in a minute; see health.aws.amazon.com"
)
_SANDBOX_BROKEN = Row(
    AwsFailure, "the sandbox had a fault of its own: {text}", "see server.log in the folder that sandbox status names"
)
_EXPIRED = Row(BadCredentials, "the credentials have expired.", "{mend}", "expired")
_UNKNOWN_KEY = Row(BadCredentials, "AWS does not know this access key.", "{mend}")
_BAD_VALUE = Row(
    Usage, "AWS does not take this value: {text}", "mend the value named here; --help says what the command takes"
)
_LIMIT = Row(
    AwsFailure,
    "the account has reached its limit of running instances or vCPUs in {region}: {text}",
    "stop an instance, use another region, or ask for more: https://console.aws.amazon.com/servicequotas",
    "limit_exceeded",
)
# Disks are encrypted, and where the account set no other key the region's own default one is used.
EBS_KEY_HINT = "aws ec2 get-ebs-default-kms-key-id --region {region}"
_NOT_KNOWN_YET = Row(
    AwsFailure,
    "AWS does not know {subject} in this call: not yet, or not any more.",
    "repeat the command in a moment; handrail ec2 show {thing} tells whether it is there",
    NOT_YET,
)
_NO_BUCKET = Row(NotFound, "there is no bucket {thing}.", "handrail s3 list")
_ELSEWHERE = Row(
    WrongState, "bucket {thing} is in another region than {region}.", "repeat the command with the bucket's --region"
)

_CREDENTIALS = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "UnauthorizedException": _EXPIRED,
    "InvalidToken": Row(BadCredentials, "AWS does not take this session token.", "{mend}"),
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "IncompleteSignature": _UNKNOWN_KEY,
    "MissingAuthenticationToken": _UNKNOWN_KEY,
    "InvalidIdentityToken": Row(BadCredentials, "AWS does not take the web identity token: {text}", "{mend}"),
    "IDPRejectedClaim": Row(BadCredentials, "AWS does not take the web identity token: {text}", "{mend}"),
}

_EC2 = {
    "VPCIdNotSpecified": Row(
        NotSetUp,
        "there is no default VPC in {region}, so AWS does not know in which network to put {subject}.",
        "name a subnet: --subnet subnet-…, or make one: aws ec2 create-default-vpc --region {region}",
        "no_default_vpc",
    ),
    # The only one that comes at 5xx and is a definite answer all the same: it is not tried again (aws/acting.py).
    "InsufficientInstanceCapacity": Row(
        AwsFailure,
        "AWS has no room for this instance type in this zone of {region} now; nothing was created.",
        "name a --subnet in another zone, or another --type",
        "no_capacity",
    ),
    "InstanceLimitExceeded": _LIMIT,
    "VcpuLimitExceeded": _LIMIT,
    "Unsupported": Row(
        AwsFailure,
        "AWS does not offer this in this zone of {region}: {text}",
        "name a --subnet in another zone, or another --type",
        "unsupported",
    ),
    "InvalidInstanceID.NotFound": Row(NotFound, "there is no instance {thing} in {region}.", "handrail ec2 list"),
    "InvalidInstanceID.Malformed": Row(
        Usage, "{thing} is no instance id.", "an instance id looks like i-0c1d2e3f4a5b6c7d8: handrail ec2 list"
    ),
    "InvalidAMIID.NotFound": Row(
        NotFound, "there is no image {thing} in {region}.", "--image amazon-linux, or an AMI id of {region}"
    ),
    "InvalidAMIID.Unavailable": Row(
        WrongState, "image {thing} can't be used now: {text}", "--image amazon-linux, or another AMI id"
    ),
    "InvalidAMIID.Malformed": Row(
        Usage, "{thing} is no image id.", "--image amazon-linux; an AMI id looks like ami-0a1b2c3d4e5f60718"
    ),
    "IdempotentParameterMismatch": Row(
        Conflict,
        "this request id was used before with other parameters, and may have made an instance.",
        "repeat the command with the parameters it had, or with another --request-id",
        "request_mismatch",
    ),
    "IdempotentInstanceTerminated": Row(
        Conflict,
        "the instance of this request id is gone.",
        "repeat the command with another --request-id",
        "request_gone",
    ),
    "OptInRequired": Row(
        NotSetUp,
        "this account is not signed up for that: {text}",
        "switch {region} or the image's subscription on in the AWS console",
        "opt_in_required",
    ),
    "InvalidKeyPair.NotFound": Row(
        NotFound, "there is no key pair {thing} in {region}.", "aws ec2 describe-key-pairs --region {region}"
    ),
    "InvalidGroup.NotFound": Row(
        NotFound,
        "there is no security group {thing} in {region}.",
        "aws ec2 describe-security-groups --region {region}",
    ),
    "InvalidSecurityGroupID.NotFound": Row(
        NotFound,
        "there is no security group {thing} in {region}.",
        "aws ec2 describe-security-groups --region {region}",
    ),
    "InvalidSubnetID.NotFound": Row(
        NotFound, "there is no subnet {thing} in {region}.", "aws ec2 describe-subnets --region {region}"
    ),
    "InvalidSubnet": Row(NotFound, "there is no such subnet: {text}", "aws ec2 describe-subnets --region {region}"),
    "InsufficientFreeAddressesInSubnet": Row(
        AwsFailure, "the subnet has no free address left.", "name another subnet: --subnet subnet-…"
    ),
    "OperationNotPermitted": Row(WrongState, "AWS does not permit this of {subject}: {text}", "handrail ec2 list"),
    "IncorrectInstanceState": Row(
        WrongState, "{subject} is in a state that does not allow this: {text}", "handrail ec2 show {thing}"
    ),
    "IncorrectState": Row(
        WrongState,
        "{subject} is in a state that does not allow this: {text}",
        "wait a minute and repeat the command; handrail ec2 show {thing} tells its state",
    ),
    "InvalidParameterValue": _BAD_VALUE,
    "InvalidParameterCombination": _BAD_VALUE,
    "MissingParameter": _BAD_VALUE,
    "Client.InvalidKMSKey.InvalidState": Row(
        NotSetUp, "the disk's KMS key, the region's default for EBS, can't be used: {text}", EBS_KEY_HINT
    ),
}

_S3 = {
    "NoSuchBucket": _NO_BUCKET,
    "NoSuchKey": Row(NotFound, "there is no object {thing}.", "handrail s3 objects BUCKET"),
    "NoSuchVersion": Row(NotFound, "there is no such version of {thing}.", "handrail s3 objects BUCKET"),
    "BucketAlreadyExists": Row(
        Conflict, "somebody else has the bucket name {thing}: names are taken world-wide.", "choose another name"
    ),
    "BucketAlreadyOwnedByYou": Row(Conflict, "this account has a bucket {thing} already.", "handrail s3 show {thing}"),
    "PreconditionFailed": Row(
        Conflict,
        "{thing} is there already, or was changed by somebody else.",
        "repeat the command; --overwrite replaces",
    ),
    "InvalidBucketName": Row(
        Usage, "{thing} is no bucket name.", "3 to 63 of a-z, 0-9, dots and hyphens, a letter or digit at both ends"
    ),
    "BucketNotEmpty": Row(WrongState, "bucket {thing} is not empty.", "handrail s3 delete --empty {thing}"),
    "InvalidBucketState": Row(
        WrongState,
        "the state of bucket {thing} does not allow that: {text}",
        "handrail s3 show {thing} tells whether it has Object Lock, which keeps versions",
    ),
    "OperationAborted": Row(
        WrongState,
        "AWS is still busy with another change of bucket {thing}.",
        "wait a minute and repeat the command; after a deletion it can take an hour",
        "busy",
    ),
    "TooManyBuckets": Row(
        AwsFailure, "the account has reached its limit of buckets.", "delete one: handrail s3 list", "limit_exceeded"
    ),
    "PermanentRedirect": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
}

_ROUTE53 = {
    "NoSuchHostedZone": Row(NotFound, "there is no zone {thing}.", "handrail route53 zone list"),
    "HostedZoneAlreadyExists": Row(Conflict, "a zone of this request was made already.", "handrail route53 zone list"),
    "HostedZoneNotEmpty": Row(
        WrongState, "the zone {thing} still has records.", "handrail route53 record list {subject}"
    ),
    "InvalidChangeBatch": Row(
        Conflict, "Route 53 does not take this change: {text}", "handrail route53 record list {subject}"
    ),
    "InvalidDomainName": Row(Usage, "{thing} is no domain name: {text}", "a name looks like example.org"),
    "ConflictingDomainExists": Row(
        Conflict, "the name {thing} conflicts with another zone: {text}", "handrail route53 zone list"
    ),
    "DelegationSetNotAvailable": Row(
        AwsFailure,
        "Route 53 has no name servers for {thing}: it or a parent of it is taken too often.",
        "choose another name",
    ),
    "PriorRequestNotComplete": _SLOW,
}

_DYNAMODB = {
    "ResourceNotFoundException": Row(
        NotSetUp,
        "the account's ledger was not found in {region}.",
        "handrail init, or set HANDRAIL_HOME_REGION",
        "no_ledger",
    ),
    "ResourceInUseException": Row(
        WrongState, "{subject} is being made or removed at this moment.", "repeat the command"
    ),
    "ConditionalCheckFailedException": Row(
        Conflict, "somebody else changed {subject} at the same time.", "repeat the command"
    ),
    "TransactionCanceledException": Row(
        Conflict, "somebody else changed {subject} at the same time.", "repeat the command"
    ),
    "TransactionConflictException": Row(
        Conflict, "somebody else changed {subject} at the same time.", "repeat the command"
    ),
    "ValidationException": Row(
        Usage,
        "the ledger does not take this value: {text}",
        "shorten it where you gave it; else it is that of a row of the ledger: handrail audit verify",
    ),
}

_BROKEN_CODES = (
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
    "RequestTimeout",
)

ROWS: Mapping[str, Row] = {
    **_CREDENTIALS,
    **_EC2,
    **_S3,
    **_ROUTE53,
    **_DYNAMODB,
    **dict.fromkeys(SLOW, _SLOW),
    **dict.fromkeys(_BROKEN_CODES, _BROKEN),
}

_CHANGES_OF_INSTANCES = (
    "StartInstances",
    "StopInstances",
    "RebootInstances",
    "TerminateInstances",
    "ModifyInstanceAttribute",
    "CreateTags",
    "DeleteTags",
)

# What a code means in one call only.
CALL_ROWS: Mapping[tuple[str, str], Row] = {
    ("404", "HeadBucket"): _NO_BUCKET,
    ("400", "HeadBucket"): Row(BadCredentials, "AWS does not take these credentials.", "{mend}"),
    ("301", "HeadBucket"): _ELSEWHERE,
    ("404", "HeadObject"): _S3["NoSuchKey"],
    ("412", "PutObject"): _S3["PreconditionFailed"],
    ("UnauthorizedException", "GetRoleCredentials"): Row(
        BadCredentials, "the sign-in has expired.", "{mend}", "expired"
    ),
    ("InsufficientInstanceCapacity", "StartInstances"): Row(
        AwsFailure,
        "AWS has no room for the type of {subject} in its zone now; it stays stopped.",
        "try again in some minutes, or: handrail ec2 update --type TYPE {subject}",
        "no_capacity",
    ),
    ("Unsupported", "StartInstances"): Row(
        AwsFailure,
        "AWS does not offer the type of {subject} in its zone; it stays stopped: {text}",
        "handrail ec2 update --type TYPE {subject}",
        "unsupported",
    ),
    ("Unsupported", "ModifyInstanceAttribute"): Row(
        AwsFailure,
        "AWS does not offer this type in the zone of {subject}: {text}",
        "give another --type",
        "unsupported",
    ),
    ("OperationNotPermitted", "TerminateInstances"): Row(
        WrongState,
        "{subject} is protected against being ended.",
        "aws ec2 modify-instance-attribute --instance-id {thing} --no-disable-api-termination --region {region}",
        "protected",
    ),
    ("OperationNotPermitted", "StopInstances"): Row(
        WrongState,
        "{subject} is protected against being stopped.",
        "aws ec2 modify-instance-attribute --instance-id {thing} --no-disable-api-stop --region {region}",
        "protected",
    ),
    # Only what a look has just shown is changed: what AWS then does not know, it does not know yet.
    **{("InvalidInstanceID.NotFound", call): _NOT_KNOWN_YET for call in _CHANGES_OF_INSTANCES},
}

# What a code means with these words only.
TEXT_ROWS: Sequence[tuple[str, str, Row]] = (
    (
        "InvalidParameterValue",
        "iamInstanceProfile",
        Row(NotFound, "there is no instance profile {thing}.", "aws iam list-instance-profiles"),
    ),
    (
        "MissingInput",
        "default VPC",
        Row(
            NotSetUp,
            "the default VPC of {region} has no subnet, so AWS does not know in which network to put {subject}.",
            "name a subnet: --subnet subnet-…; aws ec2 describe-subnets --region {region} lists them",
            "no_default_vpc",
        ),
    ),
)

# An answer without a code that the table knows: by its HTTP status.
STATUS_ROWS: Mapping[int, Row] = {
    404: Row(NotFound, "AWS does not find {thing}: {text}", "check the name or id, and --region"),
    409: Row(Conflict, "AWS sees a conflict: {text}", "see what is there now, and repeat the command"),
    429: _SLOW,
    500: _BROKEN,
    502: _BROKEN,
    503: _BROKEN,
    504: _BROKEN,
}
_UNKNOWN = Row(AwsFailure, "AWS refused {operation}: {text} ({code})", "repeat it with -vv, which shows each call")

_DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403")
_CLOCK = ("RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture")
_SIGNATURE = ("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure")
_SKEW_SECONDS = 240  # AWS allows five minutes


_ORIGIN = "HandrailOrigin"


def mark_origin(failed: Any, origin: Origin) -> None:
    """Note on an exception, or on the parsed answer that botocore is about to raise as one, where it came from."""
    if isinstance(failed, Exception):
        setattr(failed, _ORIGIN, origin)
    elif failed and "Error" in failed:
        failed.setdefault("ResponseMetadata", {})[_ORIGIN] = origin


def _origin(exc: Any) -> Origin | None:
    response = getattr(exc, "response", None)
    answered = response.get("ResponseMetadata", {}).get(_ORIGIN) if isinstance(response, dict) else None
    marked: Origin | None = getattr(exc, _ORIGIN, answered)
    return marked


@contextmanager
def aws_failures_explained(
    operation: str,
    *,
    subject: str = "",
    region: str = "",
    aws: Side | None = None,
    decode: Decode | None = None,
) -> Iterator[None]:
    """Raise what botocore raises inside as Handrail's own error; anything else passes. Parameters: see `translate`."""
    try:
        yield
    except HandrailError:
        raise
    except Exception as error:
        if not _is_botocore(error):
            raise
        raise translate(error, operation=operation, subject=subject, region=region, aws=aws, decode=decode) from error


@contextmanager
def credential_failures_explained(aws: Side) -> Iterator[None]:
    """Raise whatever goes wrong inside, while credentials are fetched, as Handrail's own error.

    What is not botocore's becomes BadCredentials too: botocore lets through what a missing file or program raises, and
    what it stumbles over in the answer of one. So does an endpoint that is no AWS service and can't be asked.
    """
    from botocore.exceptions import HTTPClientError

    try:
        yield
    except HandrailError:
        raise
    except Exception as error:
        of_a_service = _origin(error) is not None or not isinstance(error, HTTPClientError)
        if _is_botocore(error) and of_a_service:
            raise translate(error, operation="sign in", aws=aws) from error
        raise BadCredentials(
            _unusable(error, aws.looked), hint=aws.mend, facts=(("looked", aws.looked),), details={"looked": aws.looked}
        ) from error


def translate(
    exc: Exception,
    *,
    operation: str,
    subject: str = "",
    region: str = "",
    aws: Side | None = None,
    decode: Decode | None = None,
) -> HandrailError:
    """Return Handrail's error for what botocore raised.

    operation: Handrail's words (`ec2 create`) or the IAM action (`ec2:RunInstances`). subject: the name or id that it
    is about. region, aws: the connection, for where was looked and what mends it; a failure of a client of
    `aws.connect.Aws` brings them along. decode: makes EC2's encoded authorization message readable (STS
    DecodeAuthorizationMessage); what it raises is taken for a no. A HandrailError comes back as it is; what is not
    botocore's becomes Internal. Whether the call may have acted is said here and nowhere else (`acted`, docs/adr/0009).
    Source of the codes: EC2 API reference, "Error codes"; S3, Route 53 and DynamoDB alike.
    """
    if isinstance(exc, HandrailError):
        return exc
    error = _translated(exc, operation, subject, region, aws, decode)
    error.acted = _acted(exc, _origin(exc), operation)
    return error


def _acted(exc: Exception, origin: Origin | None, operation: str) -> Acted | None:
    """Return whether a call that failed may have acted; None of one that only reads, and of one that was not sent.

    A definite refusal that came at a later attempt tells nothing of those before it.
    """
    from botocore.exceptions import ClientError

    if isinstance(exc, ClientError):
        service = origin.service if origin else operation.partition(":")[0]
        if not changes_something(service, exc.operation_name):
            return None
        retried = exc.response.get("ResponseMetadata", {}).get("RetryAttempts")
        return Acted.NO if is_definite(exc.response) and not retried else Acted.UNKNOWN
    if _is_no_answer(exc) and (origin is None or origin.is_change):
        return Acted.UNKNOWN
    return None


def _translated(
    exc: Exception, operation: str, subject: str, region: str, aws: Side | None, decode: Decode | None
) -> HandrailError:
    from botocore.exceptions import ClientError

    origin = _origin(exc)
    if origin is not None:
        aws, region = aws or origin.side, region or origin.region
    words = {
        "operation": operation,
        "subject": subject or "it",
        "region": region or "this region",
        "mend": aws.mend if aws else "aws sts get-caller-identity",
        "looked": aws.looked if aws else "",
    }
    if isinstance(exc, ClientError):
        return _refused(_taken_apart(exc, words, aws, decode))
    no_answer = _no_answer(exc, aws, is_read=origin is not None and not origin.is_change)
    return no_answer or _no_credentials(exc, aws, words) or _other(exc, words)


# ---- answers


def _taken_apart(exc: Any, words: Mapping[str, str], aws: Side | None, decode: Decode | None) -> Refusal:
    error: Mapping[str, Any] = exc.response.get("Error", {})
    metadata: Mapping[str, Any] = exc.response.get("ResponseMetadata", {})
    text = _plain(str(error.get("Message") or "no reason given"))
    thing = _quoted(text) or str(error.get("BucketName") or error.get("Key") or words["subject"])
    code = str(error.get("Code") or "unknown")
    return Refusal(
        code=code,
        text=text,
        api=exc.operation_name,
        status=int(metadata.get("HTTPStatusCode") or 0),
        headers=metadata.get("HTTPHeaders", {}),
        request_id=str(metadata.get("RequestId") or ""),
        words={**words, "thing": thing, "text": _without_code(text), "code": code},
        side=aws,
        # A connection can ask STS; whether the caller may is found out by asking.
        decode=decode or getattr(aws, "decode", None),
    )


def _plain(text: str) -> str:
    return show(" ".join(text.split()), limit=2000)[1:-1]


def _without_code(text: str) -> str:
    """Return AWS's words without the encoded message, which no person can read, and of a bearable length."""
    words = text.partition("Encoded authorization failure message:")[0].strip()
    return words if len(words) <= 300 else words[:299] + "…"


def _quoted(text: str) -> str:
    match = re.search(r"(?<!\w)'([^']+)'|^Value \( ?([^)]+?) ?\)", text)
    return (match[1] or match[2]).strip("[]") if match else ""


def _refused(refusal: Refusal) -> HandrailError:
    if refusal.code in (*_CLOCK, *_SIGNATURE):
        return _signature_refused(refusal)
    if refusal.code.isdigit() and refusal.status in (400, 404, 409, 412) and not refusal.api.startswith("Head"):
        return _not_understood(refusal.side)  # only a HEAD has no body: this one was cut short, and its code is lost
    if refusal.status >= 500 and refusal.side and refusal.side.target == "sandbox" and refusal.code in _BROKEN_CODES:
        return _from_row(_SANDBOX_BROKEN, refusal)
    row = _row_of_text(refusal) or CALL_ROWS.get((refusal.code, refusal.api)) or ROWS.get(refusal.code)
    if row is None and (refusal.code in _DENIED or refusal.status == 403):
        return _denied(refusal)
    return _from_row(row or STATUS_ROWS.get(refusal.status, _UNKNOWN), refusal)


def _row_of_text(refusal: Refusal) -> Row | None:
    return next((row for code, words, row in TEXT_ROWS if refusal.code == code and words in refusal.text), None)


def _as_targets(words: Mapping[str, str]) -> dict[str, str]:
    """Return what AWS or a person named, as the last word of a command line: no part of a shell, and no option."""
    return {name: target(words[name]) for name in ("thing", "subject") if words.get(name)}


def _from_row(row: Row, refusal: Refusal) -> HandrailError:
    facts = refusal.facts if issubclass(row.error, BadCredentials) else ()
    return row.error(
        row.message.format_map(refusal.words),
        hint=row.hint.format_map({**refusal.words, **_as_targets(refusal.words)}),
        facts=facts,
        details={**refusal.details, **dict(facts)},
        code=row.code,
    )


def _signature_refused(refusal: Refusal) -> HandrailError:
    """Tell a wrong clock from a wrong secret: AWS answers both with the same codes, and its Date header decides."""
    ahead = _seconds_ahead(refusal.headers)
    expired = refusal.code == "RequestExpired" or "Signature expired" in refusal.text
    if expired and abs(ahead) < _SKEW_SECONDS:
        return AwsFailure(
            "the request was signed too long ago: this command was held up.",
            hint="repeat the command",
            details=refusal.details,
            code="held_up",
        )
    if refusal.code in _CLOCK or abs(ahead) >= _SKEW_SECONDS:
        way = "ahead of" if ahead >= 0 else "behind"
        return NotSetUp(
            f"your clock is {abs(ahead)} s {way} AWS's, and AWS takes no request that far off.",
            hint="set the clock by the network: sudo timedatectl set-ntp true",
            details={**refusal.details, "seconds_ahead": ahead},
            code="clock_skew",
        )
    if refusal.code == "AuthFailure" and "validate" not in refusal.text:
        return _denied(refusal)
    return _from_row(Row(BadCredentials, "AWS does not take this key: the secret does not fit it.", "{mend}"), refusal)


def _seconds_ahead(headers: Mapping[str, str]) -> int:
    try:
        server = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return 0
    server = server if server.tzinfo else server.replace(tzinfo=UTC)
    return round((datetime.now(UTC) - server).total_seconds())


def _denied(refusal: Refusal) -> HandrailError:
    decoded = _decoded(refusal)
    context = decoded.get("context", {})
    action = context.get("action") or _action(refusal)
    resource = context.get("resource") or _found(r"on resource:? (arn:\S+)", refusal.text)
    explicit = bool(decoded.get("explicitDeny")) or "explicit deny" in refusal.text
    facts = [("looked", refusal.side.looked)] if refusal.side else []
    if resource:
        facts.append(("resource", resource))
    facts.append(("reason", "a policy forbids it outright" if explicit else refusal.words["text"]))
    return PermissionDenied(
        f"these credentials may not do {action}.",
        facts=facts,
        hint=f"ask the owner of the account to allow {action}, or use another --profile",
        details={**refusal.details, "action": action, "resource": resource or None, "explicit_deny": explicit},
    )


def _decoded(refusal: Refusal) -> dict[str, Any]:
    encoded = _found(r"Encoded authorization failure message: (\S+)", refusal.text)
    if not encoded or refusal.decode is None:
        return {}
    try:
        decoded = json.loads(refusal.decode(encoded))
    except Exception as error:
        if isinstance(error, (HandrailError, ValueError, RecursionError)) or _is_botocore(error):
            return {}
        raise
    return decoded if isinstance(decoded, dict) else {}


# Calls whose IAM action has another name than the call. Source: service authorization reference, Amazon S3.
_ACTIONS = {
    "ListBuckets": "s3:ListAllMyBuckets",
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "ListObjectVersions": "s3:ListBucketVersions",
}
_SERVICES = ("ec2", "s3", "route53", "dynamodb", "ssm", "sts", "pricing")


def _action(refusal: Refusal) -> str:
    named = _found(r"perform:? ([\w-]+:\w+)", refusal.text)
    service = re.split("[ :]", refusal.words["operation"])[0]
    guessed = f"{service}:{refusal.api}" if service in _SERVICES else refusal.api
    return named or _ACTIONS.get(refusal.api) or guessed


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1].rstrip(".,") if match else ""


# ---- no answer


def _is_botocore(error: Exception) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return isinstance(error, (BotoCoreError, ClientError, ResponseParserError, NotAwsError))


def _is_no_answer(error: Exception) -> bool:
    from botocore.exceptions import ConnectionError, HTTPClientError
    from botocore.parsers import ResponseParserError

    return isinstance(error, (ConnectionError, HTTPClientError, ResponseParserError))


def _not_aws(error: NotAwsError, aws: Side | None) -> Unreachable:
    sandbox = aws is not None and aws.target == "sandbox"
    facts = (("asked", f"{error.host} for {error.call}"), ("came", error.came), ("but", error.lacks))
    other = "the sandbox" if sandbox else "AWS"
    return Unreachable(
        f"something between you and {other} answered {error.call}, or cut the answer short.",
        hint=_check(aws, "") if sandbox else "look for a proxy (HTTPS_PROXY), or a network that wants a sign-in first",
        facts=[(label, text) for label, text in facts if text],
        details={"endpoint": error.host or None, "call": error.call, "came": error.came, "lacks": error.lacks},
        code=NOT_AWS,
    )


def _not_understood(aws: Side | None) -> Unreachable:
    return Unreachable(
        "the answer can't be understood: it does not come from AWS, or was cut short.", hint=_check(aws, "")
    )


def _no_answer(exc: Exception, aws: Side | None, *, is_read: bool) -> HandrailError | None:
    from botocore import exceptions as boto
    from botocore.parsers import ResponseParserError

    if isinstance(exc, NotAwsError):
        return _not_aws(exc, aws)
    if isinstance(exc, ResponseParserError):
        return _not_understood(aws)
    values = getattr(exc, "kwargs", {})
    # botocore writes http:// before whatever it does not know.
    is_proxy = str(values.get("proxy_url")).count("://") < 2
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (
            boto.ProxyConnectionError,
            "the proxy {endpoint} does not answer." if is_proxy else "the proxy is no http:// and no https:// one.",
        ),
        (boto.SSLError, "{endpoint} does not prove by its certificate that it is AWS."),
        (boto.ConnectTimeoutError, "{endpoint} does not answer: no connection in time."),
        (boto.ReadTimeoutError, "{endpoint} took the call and does not answer: whether it took effect is unknown."),
        (boto.ConnectionClosedError, "{endpoint} cut the connection: whether the call took effect is unknown."),
        (boto.EndpointConnectionError, "{endpoint} does not answer: refused, or no such name."),
        (boto.ConnectionError, "{endpoint} can't be reached."),
        (boto.HTTPClientError, "{endpoint} can't be reached."),
    )
    message = next((text for kind, text in kinds if isinstance(exc, kind)), None)
    if message is None:
        return None
    endpoint = host_of(values.get("proxy_url") or values.get("endpoint_url") or (aws.endpoint if aws else ""))
    if is_read:  # nobody need ask whether it took effect
        message = message.partition(": whether")[0].removesuffix(".") + "."
    return Unreachable(
        message.format(endpoint=endpoint or "AWS"),
        hint=_certificate_hint() if isinstance(exc, boto.SSLError) else _check(aws, endpoint),
        details={"endpoint": endpoint or None},
    )


def host_of(url: object) -> str:
    """Return scheme, host and port only: a path or query may hold a signature, and a proxy's URL a password.

    Empty where it is no URL.
    """
    try:
        parts = urlsplit(str(url))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}" if host else ""


def _certificate_hint() -> str:
    return "behind a company proxy: export AWS_CA_BUNDLE=/path/to/its-certificate.pem"


def _check(aws: Side | None, endpoint: str) -> str:
    if aws is not None and aws.target == "sandbox":
        return "handrail sandbox status"
    if aws is not None and aws.endpoint and host_of(aws.endpoint) == endpoint:
        return f"check that something answers at AWS_ENDPOINT_URL={endpoint}, or unset it"
    return "check the network, the proxy (HTTPS_PROXY) and --region"


# ---- no credentials


def _no_credentials(exc: Exception, aws: Side | None, words: Mapping[str, str]) -> HandrailError | None:
    from botocore import exceptions as boto

    profile = f"profile {aws.profile}" if aws and aws.profile else "these credentials"
    kinds: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
        ((boto.NoCredentialsError, boto.NoAuthTokenError), "no AWS credentials were found."),
        ((boto.PartialCredentialsError,), "{cred_var} is missing in {provider}."),
        ((boto.ProfileNotFound,), "there is no profile {profile} in ~/.aws."),
        ((boto.ConfigParseError,), "{path} can't be understood: it is not the INI format of the AWS tools."),
        (
            (boto.SSOError, boto.TokenRetrievalError, boto.LoginRefreshRequired, boto.RefreshWithMFAUnsupportedError),
            f"the sign-in of {profile} is over.",
        ),
        ((boto.LoginError, boto.MissingDependencyException), f"the sign-in of {profile} can't be used: {{error}}"),
        (
            (boto.CredentialRetrievalError, boto.MetadataRetrievalError),
            "no credentials came from {provider}: {error_msg}",
        ),
        ((boto.InvalidConfigError, boto.UnknownCredentialError), f"the settings of {profile} are off: {{error}}"),
    )
    message = next((text for kind, text in kinds if isinstance(exc, kind)), None)
    if message is None:
        return None
    told = {"provider": "the metadata service", "error": str(exc), **getattr(exc, "kwargs", {})}
    place = words["looked"] or told.get("path", "")
    looked = (("looked", str(place)),) if place else ()
    return BadCredentials(
        # A program that has the credentials may have said several lines on stderr, or nothing.
        message.format_map({key: _plain(str(value)) or "no reason given" for key, value in told.items()}),
        hint=words["mend"],
        facts=looked,
        details=dict(looked),
    )


def _unusable(error: Exception, looked: str) -> str:
    if isinstance(error, RuntimeError):  # botocore: "credentials were refreshed, but the refreshed ones are expired"
        return "the credentials have expired."
    if isinstance(error, OSError) and error.filename:
        return f"{show(error.filename, limit=500)[1:-1]} can't be used for credentials: {_lowered(error)}."
    # A program or an endpoint answered with something else than credentials.
    if isinstance(error, (json.JSONDecodeError, UnicodeError, LookupError, TypeError, AttributeError)):
        return f"{looked.rpartition(' → ')[2]} gave no credentials: its answer is not the JSON that the AWS tools take."
    return f"the credentials can't be had: {_plain(str(error)) or type(error).__name__}"


def _lowered(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _other(exc: Exception, words: Mapping[str, str]) -> HandrailError:
    from botocore import exceptions as boto

    text = _plain(str(exc))
    if isinstance(exc, (boto.ParamValidationError, boto.ValidationError, boto.InvalidRegionError)):
        return Usage(f"AWS would not take this value: {text}", hint="mend the value named here")
    if _is_botocore(exc):
        return AwsFailure(f"{words['operation']} failed: {text}", hint="repeat it with -vv, which shows each call")
    return Internal(f"{words['operation']} failed: {text}", hint="-vv logs the details; please report this")
