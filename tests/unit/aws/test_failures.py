"""Real error bodies through botocore's own parser, and what Handrail makes of them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import botocore.exceptions as boto
import botocore.session
import pytest
from botocore.parsers import ResponseParserError, create_parser

from handrail.aws.failures import (
    COMMON,
    STATUS_ROWS,
    Origin,
    aws_failures_explained,
    credential_failures_explained,
    mark_origin,
    translate,
)
from handrail.aws.service import find_service
from handrail.aws.unanswered import Side, host_of
from handrail.core.errors import (
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

SESSION = botocore.session.Session()
REQUEST_ID = "59dbff89-35bd-4eac-99ed-be587EXAMPLE"


TEAM = Side("AWS_PROFILE (environment) → profile team-dev", "aws sso login --profile team-dev", "team-dev")


def side(**changes: Any) -> Side:
    """Return a connection as errors tell of it."""
    return replace(TEAM, **changes)


def real(service: str, call: str, status: int, body: str, headers: Mapping[str, str] | None = None) -> boto.ClientError:
    """Return what botocore raises for an answer of AWS: status, body and headers as they come over the wire."""
    model = SESSION.get_service_model(service)
    answer = {"status_code": status, "headers": dict(headers or {}), "body": body.encode()}
    parsed = create_parser(model.resolved_protocol).parse(answer, model.operation_model(call).output_shape)
    error = boto.ClientError(parsed, call)
    error.add_note(f"{service} create")
    return error


def ec2(code: str, text: str, call: str = "RunInstances", status: int = 400, **headers: str) -> boto.ClientError:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        f"<Code>{code}</Code><Message>{text}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    )
    return real("ec2", call, status, body, headers)


def s3(code: str, text: str, call: str, status: int, more: str = "") -> boto.ClientError:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{text}</Message>{more}<RequestId>4442587FB7D0A2F9</RequestId></Error>"
    )
    return real("s3", call, status, body)


def route53(code: str, text: str, call: str, status: int = 400) -> boto.ClientError:
    body = (
        '<?xml version="1.0"?>\n<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error>'
        f"<Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
        f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    )
    return real("route53", call, status, body)


def dynamodb(code: str, text: str, call: str = "PutItem", status: int = 400) -> boto.ClientError:
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": text})
    return real("dynamodb", call, status, body)


def sts(code: str, text: str, call: str = "GetCallerIdentity", status: int = 403, **headers: str) -> boto.ClientError:
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{text}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    )
    return real("sts", call, status, body, headers)


def told(error: Exception, operation: str = "", subject: str = "web", aws: Side | None = None) -> HandrailError:
    operation = operation or getattr(error, "__notes__", ["ec2 create"])[0]
    return translate(error, operation=operation, subject=subject, region="us-east-1", aws=aws or side())


EC2_CASES = [
    (
        ec2("VPCIdNotSpecified", "No default VPC for this user"),
        NotSetUp,
        "there is no default VPC in us-east-1",
        "aws ec2 create-default-vpc --region us-east-1",
    ),
    (
        ec2(
            "InsufficientInstanceCapacity",
            "We currently do not have sufficient t3.nano capacity in the Availability Zone you requested (us-east-1e).",
            status=500,
        ),
        AwsFailure,
        "no room for this instance type",
        "--subnet in another zone, or another --type",
    ),
    (
        ec2("InstanceLimitExceeded", "You have requested more instances (21) than your current instance limit of 20"),
        AwsFailure,
        "the account has reached its limit",
        "servicequotas",
    ),
    (
        ec2("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of 32 allows"),
        AwsFailure,
        "current vCPU limit of 32",
        "servicequotas",
    ),
    (
        ec2(
            "Unsupported",
            "Your requested instance type (t4g.nano) is not supported in your requested Availability Zone.",
        ),
        AwsFailure,
        "does not offer this in this zone",
        "another zone",
    ),
    (
        ec2("InvalidInstanceID.NotFound", "The instance ID 'i-0abc' does not exist", "DescribeInstances"),
        NotFound,
        "there is no instance i-0abc in us-east-1.",
        "handrail ec2 list",
    ),
    (
        ec2("InvalidInstanceID.Malformed", 'Invalid id: "i-xyz"', "DescribeInstances"),
        Usage,
        "web is no instance id.",
        "i-0c1d2e3f4a5b6c7d8",
    ),
    (
        ec2("InvalidAMIID.NotFound", "The image id '[ami-0abc]' does not exist"),
        NotFound,
        "no image ami-0abc in",
        "amazon-linux",
    ),
    (
        ec2("InvalidAMIID.Unavailable", "The image ID 'ami-0abc' is not available"),
        WrongState,
        "ami-0abc",
        "another AMI",
    ),
    (ec2("InvalidAMIID.Malformed", "Invalid id: 'x' (expecting 'ami-...')"), Usage, "x is no image id.", "ami-0a1b"),
    (
        ec2("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used"),
        Conflict,
        "used before with other parameters",
        "another --request-id",
    ),
    (ec2("IdempotentInstanceTerminated", "The instance is terminated"), Conflict, "is gone", "--request-id"),
    (
        ec2("OptInRequired", "In order to use this AWS Marketplace product you need to accept terms", status=401),
        NotSetUp,
        "not signed up",
        "switch us-east-1",
    ),
    (ec2("InvalidKeyPair.NotFound", "The key pair 'mine' does not exist"), NotFound, "key pair mine", "key-pairs"),
    (
        ec2("InvalidGroup.NotFound", "The security group 'sg-1' does not exist"),
        NotFound,
        "group sg-1",
        "security-groups",
    ),
    (
        ec2("InvalidSubnetID.NotFound", "The subnet ID 'subnet-1' does not exist"),
        NotFound,
        "there is no subnet subnet-1",
        "describe-subnets --region us-east-1",
    ),
    (
        ec2(
            "OperationNotPermitted",
            "The instance 'i-0abc' may not be terminated. Modify its 'disableApiTermination' instance attribute",
            "TerminateInstances",
        ),
        WrongState,
        "web is protected against being ended.",
        "aws ec2 modify-instance-attribute --instance-id i-0abc --no-disable-api-termination --region us-east-1",
    ),
    (
        ec2(
            "OperationNotPermitted",
            "The instance 'i-0abc' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.",
            "StopInstances",
        ),
        WrongState,
        "web is protected against being stopped.",
        "aws ec2 modify-instance-attribute --instance-id i-0abc --no-disable-api-stop --region us-east-1",
    ),
    (
        ec2("OperationNotPermitted", "Not in this account", "RebootInstances"),
        WrongState,
        "AWS does not permit this of web: Not in this account",
        "handrail ec2 list",
    ),
    (
        ec2(
            "InsufficientInstanceCapacity",
            "Insufficient capacity.",
            "StartInstances",
            status=500,
        ),
        AwsFailure,
        "AWS has no room for the type of web in its zone now; it stays stopped.",
        "try again in some minutes, or: handrail ec2 update --type TYPE web",
    ),
    (
        ec2("Unsupported", "The requested configuration is currently not supported.", "StartInstances"),
        AwsFailure,
        "does not offer the type of web in its zone; it stays stopped: The requested configuration",
        "handrail ec2 update --type TYPE web",
    ),
    (
        ec2("Unsupported", "The requested configuration is currently not supported.", "ModifyInstanceAttribute"),
        AwsFailure,
        "does not offer this type in the zone of web",
        "another --type",
    ),
    (
        ec2(
            "VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit", "StartInstances"
        ),
        AwsFailure,
        "the account has reached its limit",
        "stop an instance",
    ),
    *(
        (
            ec2("InvalidInstanceID.NotFound", "The instance ID 'i-0abc' does not exist", call),
            AwsFailure,
            "AWS does not know web in this call: not yet, or not any more.",
            "repeat the command in a moment; handrail ec2 show i-0abc",
        )
        for call in ("StartInstances", "StopInstances", "RebootInstances", "TerminateInstances", "CreateTags")
    ),
    (
        ec2("InvalidSubnet", "No default subnet for availability zone: 'us-east-1e'."),
        NotFound,
        "there is no such subnet: No default subnet",
        "aws ec2 describe-subnets --region us-east-1",
    ),
    (
        ec2("InvalidSecurityGroupID.NotFound", "The security group 'sg-1' does not exist"),
        NotFound,
        "there is no security group sg-1 in us-east-1.",
        "aws ec2 describe-security-groups --region us-east-1",
    ),
    (
        ec2(
            "InsufficientFreeAddressesInSubnet",
            "There are not enough free addresses in subnet 'subnet-1' to satisfy the requested number of instances.",
        ),
        AwsFailure,
        "the subnet has no free address left.",
        "--subnet subnet-",
    ),
    (
        ec2("Client.InvalidKMSKey.InvalidState", "The KMS key provided is in an incorrect state"),
        NotSetUp,
        "the disk's KMS key, the region's default for EBS, can't be used: The KMS key provided",
        "aws ec2 get-ebs-default-kms-key-id --region us-east-1",
    ),
    (
        ec2(
            "InvalidParameterValue",
            "Value (nope) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
        ),
        NotFound,
        "there is no instance profile nope.",
        "aws iam list-instance-profiles",
    ),
    (
        ec2(
            "InvalidParameterValue",
            "Value (arn:aws:iam::1:instance-profile/nope) for parameter iamInstanceProfile.arn is invalid. Invalid IAM "
            "Instance Profile ARN",
        ),
        NotFound,
        "there is no instance profile arn:aws:iam::1:instance-profile/nope.",
        "aws iam list-instance-profiles",
    ),
    (
        ec2("MissingInput", "No subnets found for the default VPC 'vpc-1'. Please specify a subnet."),
        NotSetUp,
        "the default VPC of us-east-1 has no subnet",
        "--subnet subnet-",
    ),
    (
        ec2("IncorrectState", "The volume 'vol-1' is not in the right state.", "StartInstances"),
        WrongState,
        "web is in a state that does not allow this",
        "wait a minute and repeat the command",
    ),
    (
        ec2("IncorrectInstanceState", "The instance 'i-0abc' is not in a state from which it can be started."),
        WrongState,
        "web is in a state",
        "handrail ec2 show i-0abc",
    ),
    (ec2("RequestLimitExceeded", "Request limit exceeded.", status=503), Throttled, "slow down", "wait a minute"),
    (ec2("InternalError", "An internal error has occurred", status=500), AwsFailure, "a fault of its own", "health"),
    (ec2("Unavailable", "Try later", status=503), AwsFailure, "a fault of its own", "repeat"),
    (ec2("InvalidParameterValue", "Invalid value 'x' for y"), Usage, "Invalid value 'x' for y", "help"),
]

OTHER_CASES = [
    (
        s3(
            "NoSuchBucket",
            "The specified bucket does not exist",
            "ListObjectsV2",
            404,
            "<BucketName>press</BucketName>",
        ),
        NotFound,
        "there is no bucket press.",
        "handrail s3 list",
    ),
    (
        s3("BucketAlreadyExists", "The requested bucket name is not available.", "CreateBucket", 409),
        Conflict,
        "somebody else has the bucket name web",
        "another name",
    ),
    (
        s3(
            "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded", "CreateBucket", 409
        ),
        Conflict,
        "has a bucket web already",
        "handrail s3 show web",
    ),
    (
        s3("NoSuchKey", "The specified key does not exist.", "GetObject", 404, "<Key>a/b</Key>"),
        NotFound,
        "there is no object a/b.",
        "s3 objects",
    ),
    (
        s3("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", "PutObject", 412),
        Conflict,
        "there already",
        "--overwrite",
    ),
    (
        s3("InvalidBucketName", "The specified bucket is not valid.", "CreateBucket", 400),
        Usage,
        "no bucket name",
        "3 to 63",
    ),
    (
        s3("BucketNotEmpty", "The bucket you tried to delete is not empty", "DeleteBucket", 409),
        WrongState,
        "bucket web is not empty",
        "handrail s3 delete --empty web",
    ),
    (
        s3("OperationAborted", "A conflicting conditional operation is currently in progress", "CreateBucket", 409),
        WrongState,
        "still busy",
        "an hour",
    ),
    (s3("SlowDown", "Please reduce your request rate.", "PutObject", 503), Throttled, "slow down", "wait"),
    (
        s3("PermanentRedirect", "The bucket you are attempting to access must be addressed", "GetObject", 301),
        WrongState,
        "in another region than us-east-1",
        "--region",
    ),
    (real("s3", "HeadBucket", 404, ""), NotFound, "there is no bucket web", "s3 list"),
    (real("s3", "HeadObject", 404, ""), NotFound, "there is no object web", "s3 objects"),
    (real("s3", "HeadBucket", 400, ""), BadCredentials, "does not take these credentials", "aws sso login"),
    (
        route53("NoSuchHostedZone", "No hosted zone found with ID: Z1", "GetHostedZone", 404),
        NotFound,
        "there is no zone web",
        "zone list",
    ),
    (
        route53(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets",
            "DeleteHostedZone",
        ),
        WrongState,
        "still has records",
        "record list web",
    ),
    (
        route53(
            "PriorRequestNotComplete",
            "The request was rejected because Route 53 was still processing",
            "ChangeResourceRecordSets",
        ),
        Throttled,
        "still processing",
        "wait",
    ),
    (route53("Throttling", "Rate exceeded", "ListHostedZones"), Throttled, "Rate exceeded", "wait"),
    (
        dynamodb("ResourceNotFoundException", "Requested resource not found"),
        NotSetUp,
        "ledger was not found in us-east-1",
        "handrail init",
    ),
    (
        dynamodb("ConditionalCheckFailedException", "The conditional request failed"),
        Conflict,
        "somebody else changed web",
        "repeat",
    ),
    (
        dynamodb("ValidationException", "Size of hashkey has exceeded the maximum size limit of 2048 bytes"),
        Usage,
        "the ledger does not take this value: Size of hashkey has exceeded",
        "shorten it where you gave it; else it is that of a row of the ledger",
    ),
    (dynamodb("ProvisionedThroughputExceededException", "The level of"), Throttled, "slow down", "wait"),
    (
        dynamodb("UnrecognizedClientException", "The security token included is invalid"),
        BadCredentials,
        "know",
        "login",
    ),
    (
        sts("ExpiredToken", "The security token included in the request is expired"),
        BadCredentials,
        "the credentials have expired.",
        "aws sso login --profile team-dev",
    ),
    (sts("InvalidClientTokenId", "The security token included is invalid."), BadCredentials, "does not know", "login"),
]


@pytest.mark.parametrize(
    ("error", "kind", "message", "hint"),
    EC2_CASES + OTHER_CASES,
    ids=lambda value: getattr(value, "operation_name", ""),
)
def test_a_refusal_has_its_own_message_and_hint(
    error: boto.ClientError, kind: type[HandrailError], message: str, hint: str
) -> None:
    failure = told(error)
    assert type(failure) is kind
    assert message in failure.message
    assert hint in failure.hint
    assert failure.details["aws_code"] == error.response["Error"]["Code"]
    assert failure.details["call"] == error.operation_name


SERVICES = (COMMON, *map(find_service, ("ec2", "s3", "s3control", "ssm", "sts", "dynamodb", "route53")))
EVERY_ROW = (*STATUS_ROWS.values(), *(row for one in SERVICES for row in one.failures.values()))


def test_every_row_says_what_to_do() -> None:
    assert [row.message for row in EVERY_ROW if not row.hint.strip()] == []


def test_words_tell_a_code_apart_only_where_they_are_said() -> None:
    other = told(ec2("InvalidParameterValue", "Value (4) for parameter maxResults is invalid."))
    assert (type(other), "maxResults" in other.message) == (Usage, True)
    assert told(ec2("MissingInput", "Nothing was given.")).message.startswith("AWS refused ec2 create")


def test_every_row_can_be_said() -> None:
    words = dict.fromkeys(("thing", "subject", "region", "text", "operation", "mend", "code"), "x")
    for row in EVERY_ROW:
        assert "{" not in row.message.format_map(words) + row.hint.format_map(words)
        assert row.message[0].islower() or row.message.startswith(("AWS", "Route 53", "{"))


def test_credentials_say_where_was_looked_and_others_do_not() -> None:
    expired = told(sts("ExpiredToken", "expired"))
    assert expired.facts == (("looked", side().looked),)
    assert expired.details["looked"] == side().looked
    assert "looked" not in told(ec2("InvalidKeyPair.NotFound", "x")).details
    assert told(ec2("InvalidKeyPair.NotFound", "x")).facts == ()
    assert translate(sts("ExpiredToken", "x"), operation="status").facts == ()


def test_the_request_id_is_kept_for_support() -> None:
    assert told(ec2("InvalidKeyPair.NotFound", "x")).details["request_id"] == REQUEST_ID


def test_with_no_subject_the_sentence_still_reads() -> None:
    failure = translate(s3("BucketNotEmpty", "not empty", "DeleteBucket", 409), operation="s3 delete")
    assert failure.message == "bucket it is not empty."


# ---- not allowed

ENCODED = "8GmBzzNXZLpHoA"


def asking(answer: str | Exception) -> Side:
    """Return a connection that can ask STS, which answers so."""

    def decode(encoded: str) -> str:
        assert encoded == ENCODED
        if isinstance(answer, Exception):
            raise answer
        return answer

    return side(decode=decode)


def unauthorized() -> boto.ClientError:
    text = f"You are not authorized to perform this operation. Encoded authorization failure message: {ENCODED}"
    return ec2("UnauthorizedOperation", text, status=403)


def test_an_encoded_refusal_is_decoded_where_allowed() -> None:
    decoded = {
        "allowed": False,
        "explicitDeny": True,
        "context": {"action": "ec2:RunInstances", "resource": "arn:aws:ec2:us-east-1:1:subnet/subnet-1"},
    }
    failure = translate(unauthorized(), operation="ec2 create", aws=asking(json.dumps(decoded)))
    assert type(failure) is PermissionDenied
    assert failure.message == "these credentials may not do ec2:RunInstances."
    assert dict(failure.facts) == {
        "looked": side().looked,
        "resource": "arn:aws:ec2:us-east-1:1:subnet/subnet-1",
        "reason": "a policy forbids it outright",
    }
    assert failure.details["explicit_deny"] is True


@pytest.mark.parametrize(
    "aws",
    [
        None,
        side(),
        asking("not json"),
        asking("[]"),
        asking(PermissionDenied("no")),
        asking(boto.ReadTimeoutError(endpoint_url="https://sts")),
    ],
)
def test_else_the_missing_action_is_named(aws: Side | None) -> None:
    failure = translate(unauthorized(), operation="ec2 create", aws=aws)
    assert failure.message == "these credentials may not do ec2:RunInstances."
    assert "ec2:RunInstances" in failure.hint
    assert ENCODED not in str(failure.facts)
    assert failure.details["resource"] is None


def test_a_defect_of_the_decoder_is_not_swallowed() -> None:
    with pytest.raises(KeyError):
        translate(unauthorized(), operation="ec2 create", aws=asking(KeyError("x")))


@pytest.mark.parametrize(
    ("error", "operation", "action", "resource"),
    [
        (
            dynamodb(
                "AccessDeniedException",
                "User: arn:aws:iam::1:user/dev is not authorized to perform: dynamodb:PutItem on resource: "
                "arn:aws:dynamodb:us-east-1:1:table/handrail because no identity-based policy allows it",
            ),
            "ec2 create",
            "dynamodb:PutItem",
            "arn:aws:dynamodb:us-east-1:1:table/handrail",
        ),
        (s3("AccessDenied", "Access Denied", "ListBuckets", 403), "s3 list", "s3:ListAllMyBuckets", None),
        (s3("AccessDenied", "Access Denied", "PutBucketPolicy", 403), "s3 update", "s3:PutBucketPolicy", None),
        (real("s3", "HeadBucket", 403, ""), "s3 show", "s3:ListBucket", None),
        (sts("AccessDenied", "Not allowed", "AssumeRole"), "sign in", "AssumeRole", None),
        (sts("AccessDenied", "Not allowed", "GetCallerIdentity"), "sts create", "GetCallerIdentity", None),
        (route53("SomethingNew", "No", "ListHostedZones", 403), "route53 zone", "route53:ListHostedZones", None),
        (dynamodb("AccessDeniedException", "No"), "dynamodb:PutItem", "dynamodb:PutItem", None),
        (ec2("AuthFailure", "Not authorized for images: [ami-1]", status=401), "ec2 create", "ec2:RunInstances", None),
    ],
)
def test_what_is_not_allowed_names_the_action(
    error: boto.ClientError, operation: str, action: str, resource: str | None
) -> None:
    failure = told(error, operation)
    assert type(failure) is PermissionDenied
    assert failure.exit_code == 7
    assert (failure.details["action"], failure.details["resource"]) == (action, resource)


def test_an_explicit_deny_is_told_from_the_text() -> None:
    text = "User: x is not authorized to perform: ec2:RunInstances with an explicit deny in a service control policy"
    assert told(ec2("UnauthorizedOperation", text, status=403)).details["explicit_deny"] is True


def test_a_failure_brings_its_connection_along_and_what_is_said_wins() -> None:
    error = ec2("InvalidKeyPair.NotFound", "The key pair 'mine' does not exist")
    mark_origin(error, Origin(side(), "eu-west-1", service="ec2"))
    assert "in eu-west-1" in translate(error, operation="ec2 create").message
    assert "in us-east-1" in translate(error, operation="ec2 create", region="us-east-1").message
    gone = boto.NoCredentialsError()
    mark_origin(gone, Origin(side(), "eu-west-1"))
    assert translate(gone, operation="x").hint == side().mend
    assert translate(gone, operation="x", aws=side(mend="other")).hint == "other"


@pytest.mark.parametrize("answer", [None, {}, {"Reservations": []}])
def test_a_good_answer_is_not_marked(answer: dict[str, Any] | None) -> None:
    mark_origin(answer, Origin(side(), "eu-west-1"))
    assert answer in (None, {}, {"Reservations": []})


def test_a_bad_answer_is_marked_where_botocore_keeps_its_own_notes() -> None:
    answer: dict[str, Any] = {"Error": {}}
    origin = Origin(side(), "eu-west-1")
    mark_origin(answer, origin)
    assert list(answer["ResponseMetadata"].values()) == [origin]


# ---- clock and signature


def at(seconds_ahead: int) -> str:
    return format_datetime(datetime.now(UTC) - timedelta(seconds=seconds_ahead), usegmt=True)


@pytest.mark.parametrize(("ahead", "words"), [(900, " s ahead of AWS's"), (-900, " s behind AWS's")])
@pytest.mark.parametrize("code", ["RequestExpired", "SignatureDoesNotMatch", "AuthFailure"])
def test_a_wrong_clock_is_told_with_its_seconds(code: str, ahead: int, words: str) -> None:
    failure = told(ec2(code, "Request has expired.", date=at(ahead)))
    assert type(failure) is NotSetUp
    assert failure.slug == "clock_skew"
    assert words in failure.message
    assert abs(failure.details["seconds_ahead"] - ahead) < 5
    assert "timedatectl" in failure.hint


def test_a_date_without_a_zone_is_utc() -> None:
    date = (datetime.now(UTC) - timedelta(seconds=600)).strftime("%a, %d %b %Y %H:%M:%S -0000")
    assert told(ec2("RequestExpired", "x", date=date)).slug == "clock_skew"


@pytest.mark.parametrize("date", [None, "now", 3])
def test_a_right_clock_and_a_wrong_signature_is_a_wrong_secret(date: str | int | None) -> None:
    headers = {} if date is None else {"date": at(date) if isinstance(date, int) else date}
    for error in (
        sts("SignatureDoesNotMatch", "The request signature does not match", "GetCallerIdentity", 403, **headers),
        ec2("AuthFailure", "AWS was not able to validate the provided access credentials", status=401, **headers),
    ):
        failure = told(error)
        assert type(failure) is BadCredentials
        assert failure.message == "AWS does not take this key: the secret does not fit it."


def test_the_clock_of_s3_is_judged_by_its_code_alone() -> None:
    error = s3("RequestTimeTooSkewed", "The difference between the request time and", "ListBuckets", 403)
    assert told(error).slug == "clock_skew"


# ---- codes that nobody knows yet


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, AwsFailure), (404, NotFound), (409, Conflict), (429, Throttled), (503, AwsFailure), (403, PermissionDenied)],
)
def test_an_unknown_code_goes_by_its_status(status: int, kind: type[HandrailError]) -> None:
    failure = told(ec2("BrandNew", "Something new.", status=status))
    assert type(failure) is kind


def test_an_unknown_code_is_named() -> None:
    assert told(ec2("BrandNew", "Something new.")).message == "AWS refused ec2 create: Something new. (BrandNew)"


def test_a_long_or_odd_text_is_made_bearable() -> None:
    failure = told(boto.ClientError({"Error": {"Code": "X", "Message": "a\x1b[31m\nb" + "c" * 900}}, "RunInstances"))
    assert "\x1b" not in failure.message
    assert len(failure.message) < 400
    assert told(boto.ClientError({}, "RunInstances")).message == "AWS refused ec2 create: no reason given (unknown)"


# ---- no answer

ENDPOINT = "https://ec2.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (boto.EndpointConnectionError(endpoint_url=ENDPOINT + "/?X-Amz-Signature=1"), "refused, or no such name"),
        (boto.ConnectTimeoutError(endpoint_url=ENDPOINT), "no connection in time"),
        (boto.ReadTimeoutError(endpoint_url=ENDPOINT), "whether it took effect is unknown"),
        (boto.ConnectionClosedError(endpoint_url=ENDPOINT), "cut the connection"),
        (boto.SSLError(endpoint_url=ENDPOINT, error="x"), "by its certificate"),
        (boto.ConnectionError(error="x", endpoint_url=ENDPOINT), "can't be reached"),
        (boto.HTTPClientError(error="x", endpoint_url=ENDPOINT), "can't be reached"),
    ],
)
def test_no_answer_names_the_endpoint(error: Exception, message: str) -> None:
    failure = told(error)
    assert type(failure) is Unreachable
    assert failure.exit_code == 1
    assert message in failure.message
    assert failure.message.startswith(ENDPOINT + " ")
    assert "Signature" not in failure.message
    assert failure.hint
    assert failure.details == {"endpoint": ENDPOINT}


def test_a_proxy_is_named_without_its_password() -> None:
    failure = told(boto.ProxyConnectionError(proxy_url="http://me:secret@proxy.corp:3128"))
    assert failure.message == "the proxy http://proxy.corp:3128 does not answer."
    failure = told(boto.ProxyConnectionError(proxy_url="http://socks5://me:secret@proxy.corp:3128"))
    assert failure.message == "the proxy is no http:// and no https:// one."


@pytest.mark.parametrize(
    ("side", "hint"),
    [
        (side(target="sandbox", endpoint="http://127.0.0.1:4566"), "handrail sandbox status"),
        (side(endpoint="http://127.0.0.1:4566"), "AWS_ENDPOINT_URL=http://127.0.0.1:4566"),
        (side(), "check the network"),
        (None, "check the network"),
    ],
)
def test_what_to_check_depends_on_where(side: Side | None, hint: str) -> None:
    error = boto.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/")
    assert hint in translate(error, operation="ec2 list", aws=side).hint


@pytest.mark.parametrize(
    ("service", "call", "open"),
    [
        ("ec2", "DescribeInstances", False),
        ("dynamodb", "GetItem", False),
        ("sts", "AssumeRole", False),
        ("ec2", "RunInstances", True),
        ("", "", True),
        ("unheard-of", "GetItem", True),
    ],
)
@pytest.mark.parametrize("kind", [boto.ReadTimeoutError, boto.ConnectionClosedError])
def test_only_of_a_change_it_is_said_that_it_may_have_taken_effect(
    kind: type[boto.HTTPClientError], service: str, call: str, open: bool
) -> None:
    silent = kind(endpoint_url=ENDPOINT)
    mark_origin(silent, Origin(side(), "us-east-1", call, service))
    assert told(silent).acted is (Acted.UNKNOWN if open else None)
    message = told(silent).message
    assert ("took effect" in message) is open
    assert message.endswith(("unknown." if open else "does not answer.", "unknown." if open else "connection."))


@pytest.mark.parametrize(
    ("operation", "call", "code", "status", "retries", "acted"),
    [
        ("ec2:StopInstances", "StopInstances", "UnsupportedOperation", 400, 0, Acted.NO),
        ("ec2:StopInstances", "StopInstances", "UnsupportedOperation", 400, 1, Acted.UNKNOWN),
        ("s3:PutObject", "PutObject", "BadDigest", 400, 0, Acted.NO),
        ("s3:PutObject", "PutObject", "NotImplemented", 501, 0, Acted.NO),
        ("s3:PutObject", "PutObject", "InternalError", 500, 0, Acted.UNKNOWN),
        ("s3:GetBucketTagging", "GetBucketTagging", "AccessDenied", 403, 0, None),
    ],
)
def test_whether_a_call_that_failed_may_have_acted(
    operation: str, call: str, code: str, status: int, retries: int, acted: Acted | None
) -> None:
    metadata = {"HTTPStatusCode": status, "RetryAttempts": retries}
    answer = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": metadata}
    error = translate(boto.ClientError(answer, call), operation=operation)
    assert error.acted is acted


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://user:secret@h.example:8443/a?Signature=x", "https://h.example:8443"),
        ("http://[::1]:1/", "http://[::1]:1"),
        ("http://h:99999", ""),
        ("http://[::1", ""),
        ("nonsense", ""),
    ],
)
def test_of_an_address_only_the_host_is_shown(url: str, host: str) -> None:
    assert host_of(url) == host


def test_an_endpoint_that_botocore_does_not_name_is_the_connections_own() -> None:
    error = boto.HTTPClientError(error="x")
    assert translate(error, operation="x", aws=side(endpoint="http://h:1")).message == "http://h:1 can't be reached."
    assert translate(error, operation="x").message == "AWS can't be reached."


def test_an_answer_that_is_not_of_aws() -> None:
    with pytest.raises(ResponseParserError) as caught:
        real("ec2", "DescribeInstances", 200, "<html>Sign in to the hotel<br></html>")
    failure = told(caught.value)
    assert type(failure) is Unreachable
    assert "does not come from AWS" in failure.message


# ---- no credentials


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (boto.NoCredentialsError(), "no AWS credentials were found."),
        (boto.PartialCredentialsError(provider="env", cred_var="X"), "X is missing in env."),
        (boto.ProfileNotFound(profile="p"), "there is no profile p in ~/.aws."),
        (boto.ConfigParseError(path="/c"), "/c can't be understood"),
        (boto.UnauthorizedSSOTokenError(), "the sign-in of profile team-dev is over."),
        (boto.SSOTokenLoadError(error_msg="none"), "the sign-in of profile team-dev is over."),
        (boto.TokenRetrievalError(provider="sso", error_msg="x"), "the sign-in of profile team-dev is over."),
        (boto.RefreshWithMFAUnsupportedError(), "the sign-in of profile team-dev is over."),
        (boto.LoginTokenLoadError(error_msg="gone"), "can't be used: Error loading login session token: gone"),
        (boto.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"), "from custom-process: exit 1"),
        (boto.MetadataRetrievalError(error_msg="no route"), "from the metadata service: no route"),
        (boto.InvalidConfigError(error_msg="loop"), "the settings of profile team-dev are off: loop"),
    ],
)
def test_missing_credentials_name_what_and_where_and_the_command(error: Exception, message: str) -> None:
    failure = told(error)
    assert type(failure) is BadCredentials
    assert message in failure.message
    assert failure.hint == "aws sso login --profile team-dev"
    assert failure.facts == (("looked", side().looked),)
    assert failure.details == {"looked": side().looked}


@pytest.mark.parametrize(("said", "shown"), [("", "no reason given"), ("one\ntwo\n", "one two")])
def test_what_a_program_says_is_one_line(said: str, shown: str) -> None:
    failure = told(boto.CredentialRetrievalError(provider="custom-process", error_msg=said))
    assert failure.message == f"no credentials came from custom-process: {shown}"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(2, "No such file or directory", "/t"), "/t can't be used for credentials: no such file"),
        (OSError("odd"), "the credentials can't be had: odd"),
        (json.JSONDecodeError("x", "y", 0), "profile team-dev gave no credentials: its answer is not the JSON"),
        (KeyError("AccessKeyId"), "profile team-dev gave no credentials: its answer is not the JSON"),
        (ValueError("Unsupported host"), "the credentials can't be had: Unsupported host"),
        (RuntimeError("still expired"), "the credentials have expired."),
        (AssertionError(), "the credentials can't be had: AssertionError"),
        (boto.HTTPClientError(error="Failed to parse"), "the credentials can't be had: An HTTP Client raised"),
        (boto.InvalidConfigError(error_msg="loop"), "the settings of profile team-dev are off: loop"),
    ],
)
def test_whatever_stops_credentials_is_about_credentials(error: Exception, message: str) -> None:
    with pytest.raises(BadCredentials) as caught, credential_failures_explained(side()):
        raise error
    assert caught.value.message.startswith(message)
    assert caught.value.hint == side().mend
    assert caught.value.facts == (("looked", side().looked),)
    assert caught.value.details == {"looked": side().looked}
    assert caught.value.__cause__ is error


def test_but_a_service_that_does_not_answer_is_not_and_ours_stay() -> None:
    silent = boto.EndpointConnectionError(endpoint_url=ENDPOINT)
    mark_origin(silent, Origin(side(), "us-east-1", "AssumeRole"))
    with pytest.raises(Unreachable), credential_failures_explained(side()):
        raise silent
    own = NotFound("x")
    with pytest.raises(NotFound) as caught, credential_failures_explained(side()):
        raise own
    assert caught.value is own
    with credential_failures_explained(side()):
        pass


def test_without_a_connection_nothing_is_claimed_of_it() -> None:
    failure = translate(boto.UnauthorizedSSOTokenError(), operation="sign in")
    assert failure.message == "the sign-in of these credentials is over."
    assert (failure.facts, failure.hint) == ((), "aws sts get-caller-identity")


# ---- the rest


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (boto.ParamValidationError(report="Invalid bucket name"), Usage),
        (boto.DataNotFoundError(data_path="x"), AwsFailure),
        (KeyError("x"), Internal),
    ],
)
def test_the_rest(error: Exception, kind: type[HandrailError]) -> None:
    assert type(told(error)) is kind


def test_our_own_errors_stay_as_they_are() -> None:
    own = NotFound("x")
    assert told(own) is own


def raised(error: Exception) -> Any:
    with aws_failures_explained("ec2 list", subject="web", region="us-east-1", aws=side()):
        raise error


@pytest.mark.parametrize("error", [NotFound("mine"), KeyError("a defect"), KeyboardInterrupt()])
def test_the_context_lets_pass_what_is_not_botocores(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        raised(error)
    assert caught.value is error


def test_the_context_raises_ours_and_keeps_the_cause() -> None:
    cause = ec2("InvalidKeyPair.NotFound", "The key pair 'mine' does not exist")
    with pytest.raises(NotFound, match="key pair mine in us-east-1") as caught:
        raised(cause)
    assert caught.value.__cause__ is cause
    with aws_failures_explained("ec2 list"):
        pass


def test_an_error_whose_body_was_cut_short_says_nothing_of_what_aws_meant() -> None:
    metadata = {"HTTPStatusCode": 404}
    answer: Any = {"Error": {"Code": "404", "Message": "Not Found"}, "ResponseMetadata": metadata}
    assert type(translate(boto.ClientError(answer, "GetBucketPolicy"), operation="s3:GetBucketPolicy")) is Unreachable
    assert isinstance(translate(boto.ClientError(answer, "HeadBucket"), operation="s3:HeadBucket"), NotFound)


@pytest.mark.parametrize(
    ("code", "text"), [("RequestExpired", "Request has expired."), ("SignatureDoesNotMatch", "Signature expired: …")]
)
def test_a_command_that_was_held_up_is_not_told_of_its_clock(code: str, text: str) -> None:
    failure = told(ec2(code, text, date=at(2)))
    assert (failure.slug, failure.exit_code) == ("held_up", 1)
    assert failure.hint == "repeat the command"


def test_a_fault_of_the_sandbox_is_not_laid_at_the_door_of_aws() -> None:
    failure = told(ec2("InternalError", "The sandbox cannot do that.", status=500), aws=side(target="sandbox"))
    assert failure.message.startswith("the sandbox had a fault of its own")
    assert "server.log" in failure.hint


def test_a_full_account_is_no_doubtful_answer() -> None:
    assert told(s3("TooManyBuckets", "too many", "CreateBucket", 400)).slug == "limit_exceeded"
