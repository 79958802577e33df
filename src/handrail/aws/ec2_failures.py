"""What EC2 refuses, in our words: one row per error code. Source: EC2 API reference, "Error codes"."""

from handrail.aws.service import Failure
from handrail.core.errors import AwsFailure, Conflict, NotFound, NotSetUp, Usage, WrongState

NOT_YET = "not_known_yet"  # the slug of a change of an instance that AWS does not know yet
# Disks are encrypted, and where the account set no other key the region's own default one is used.
EBS_KEY_HINT = "aws ec2 get-ebs-default-kms-key-id --region {region}"

_NO_ROOM, _NOT_OFFERED, _PROTECTED = "no_capacity", "unsupported", "protected"
_ANOTHER_ZONE = "name a --subnet in another zone, or another --type"
_ANOTHER_TYPE = "handrail ec2 update --type TYPE {subject}"
_UNPROTECT = "aws ec2 modify-instance-attribute --instance-id {thing} --no-disable-api-%s --region {region}"


def _none(what: str, hint: str) -> Failure:
    return Failure(NotFound, f"there is no {what} {{thing}} in {{region}}.", hint)


FAILURES = {
    "VPCIdNotSpecified": Failure(
        NotSetUp,
        "there is no default VPC in {region}, so AWS does not know in which network to put {subject}.",
        "name a subnet: --subnet subnet-…, or make one: aws ec2 create-default-vpc --region {region}",
        "no_default_vpc",
    ),
    # The only one that comes at 5xx and is a definite answer all the same: it is not tried again (aws/acting.py).
    "InsufficientInstanceCapacity": Failure(
        AwsFailure,
        "AWS has no room for this instance type in this zone of {region} now; nothing was created.",
        _ANOTHER_ZONE,
        _NO_ROOM,
    ),
    "InstanceLimitExceeded VcpuLimitExceeded": Failure(
        AwsFailure,
        "the account has reached its limit of running instances or vCPUs in {region}: {text}",
        "stop an instance, use another region, or ask for more: https://console.aws.amazon.com/servicequotas",
        "limit_exceeded",
    ),
    "Unsupported": Failure(
        AwsFailure, "AWS does not offer this in this zone of {region}: {text}", _ANOTHER_ZONE, _NOT_OFFERED
    ),
    "InvalidInstanceID.NotFound": _none("instance", "handrail ec2 list"),
    "InvalidInstanceID.Malformed": Failure(
        Usage, "{thing} is no instance id.", "an instance id looks like i-0c1d2e3f4a5b6c7d8: handrail ec2 list"
    ),
    "InvalidAMIID.NotFound": _none("image", "--image amazon-linux, or an AMI id of {region}"),
    "InvalidAMIID.Unavailable": Failure(
        WrongState, "image {thing} can't be used now: {text}", "--image amazon-linux, or another AMI id"
    ),
    "InvalidAMIID.Malformed": Failure(
        Usage, "{thing} is no image id.", "--image amazon-linux; an AMI id looks like ami-0a1b2c3d4e5f60718"
    ),
    "IdempotentParameterMismatch": Failure(
        Conflict,
        "this request id was used before with other parameters, and may have made an instance.",
        "repeat the command with the parameters it had, or with another --request-id",
        "request_mismatch",
    ),
    "IdempotentInstanceTerminated": Failure(
        Conflict,
        "the instance of this request id is gone.",
        "repeat the command with another --request-id",
        "request_gone",
    ),
    "OptInRequired": Failure(
        NotSetUp,
        "this account is not signed up for that: {text}",
        "switch {region} or the image's subscription on in the AWS console",
        "opt_in_required",
    ),
    "InvalidKeyPair.NotFound": _none("key pair", "aws ec2 describe-key-pairs --region {region}"),
    "InvalidGroup.NotFound InvalidSecurityGroupID.NotFound": _none(
        "security group", "aws ec2 describe-security-groups --region {region}"
    ),
    "InvalidSubnetID.NotFound": _none("subnet", "aws ec2 describe-subnets --region {region}"),
    "InvalidSubnet": Failure(NotFound, "there is no such subnet: {text}", "aws ec2 describe-subnets --region {region}"),
    "InsufficientFreeAddressesInSubnet": Failure(
        AwsFailure, "the subnet has no free address left.", "name another subnet: --subnet subnet-…"
    ),
    "OperationNotPermitted": Failure(WrongState, "AWS does not permit this of {subject}: {text}", "handrail ec2 list"),
    "IncorrectInstanceState": Failure(
        WrongState, "{subject} is in a state that does not allow this: {text}", "handrail ec2 show {thing}"
    ),
    "IncorrectState": Failure(
        WrongState,
        "{subject} is in a state that does not allow this: {text}",
        "wait a minute and repeat the command; handrail ec2 show {thing} tells its state",
    ),
    "Client.InvalidKMSKey.InvalidState": Failure(
        NotSetUp, "the disk's KMS key, the region's default for EBS, can't be used: {text}", EBS_KEY_HINT
    ),
    "InsufficientInstanceCapacity @StartInstances": Failure(
        AwsFailure,
        "AWS has no room for the type of {subject} in its zone now; it stays stopped.",
        f"try again in some minutes, or: {_ANOTHER_TYPE}",
        _NO_ROOM,
    ),
    "Unsupported @StartInstances": Failure(
        AwsFailure,
        "AWS does not offer the type of {subject} in its zone; it stays stopped: {text}",
        _ANOTHER_TYPE,
        _NOT_OFFERED,
    ),
    "Unsupported @ModifyInstanceAttribute": Failure(
        AwsFailure,
        "AWS does not offer this type in the zone of {subject}: {text}",
        "give another --type",
        _NOT_OFFERED,
    ),
    "OperationNotPermitted @TerminateInstances": Failure(
        WrongState, "{subject} is protected against being ended.", _UNPROTECT % "termination", _PROTECTED
    ),
    "OperationNotPermitted @StopInstances": Failure(
        WrongState, "{subject} is protected against being stopped.", _UNPROTECT % "stop", _PROTECTED
    ),
    # Only what a look has just shown is changed: what AWS then does not know, it does not know yet.
    "InvalidInstanceID.NotFound @StartInstances @StopInstances @RebootInstances @TerminateInstances "
    "@ModifyInstanceAttribute @CreateTags @DeleteTags": Failure(
        AwsFailure,
        "AWS does not know {subject} in this call: not yet, or not any more.",
        "repeat the command in a moment; handrail ec2 show {thing} tells whether it is there",
        NOT_YET,
    ),
    "InvalidParameterValue": Failure(
        NotFound,
        "there is no instance profile {thing}.",
        "aws iam list-instance-profiles",
        says="iamInstanceProfile",
    ),
    "MissingInput": Failure(
        NotSetUp,
        "the default VPC of {region} has no subnet, so AWS does not know in which network to put {subject}.",
        "name a subnet: --subnet subnet-…; aws ec2 describe-subnets --region {region} lists them",
        "no_default_vpc",
        says="default VPC",
    ),
}
