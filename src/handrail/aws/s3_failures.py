"""What S3 refuses, in our words: one row per error code. Source: Amazon S3 API reference, "Error responses"."""

from handrail.aws.service import Failure
from handrail.core.errors import AwsFailure, BadCredentials, Conflict, NotFound, Usage, WrongState

_NO_BUCKET = Failure(NotFound, "there is no bucket {thing}.", "handrail s3 list")
_NO_KEY = Failure(NotFound, "there is no object {thing}.", "handrail s3 objects BUCKET")
_IN_THE_WAY = Failure(
    Conflict, "{thing} is there already, or was changed by somebody else.", "repeat the command; --overwrite replaces"
)
_ELSEWHERE = Failure(
    WrongState, "bucket {thing} is in another region than {region}.", "repeat the command with the bucket's --region"
)

FAILURES = {
    "NoSuchBucket": _NO_BUCKET,
    "NoSuchKey": _NO_KEY,
    "NoSuchVersion": Failure(NotFound, "there is no such version of {thing}.", "handrail s3 objects BUCKET"),
    "BucketAlreadyExists": Failure(
        Conflict, "somebody else has the bucket name {thing}: names are taken world-wide.", "choose another name"
    ),
    "BucketAlreadyOwnedByYou": Failure(
        Conflict, "this account has a bucket {thing} already.", "handrail s3 show {thing}"
    ),
    "PreconditionFailed": _IN_THE_WAY,
    "InvalidBucketName": Failure(
        Usage, "{thing} is no bucket name.", "3 to 63 of a-z, 0-9, dots and hyphens, a letter or digit at both ends"
    ),
    "BucketNotEmpty": Failure(WrongState, "bucket {thing} is not empty.", "handrail s3 delete --empty {thing}"),
    "InvalidBucketState": Failure(
        WrongState,
        "the state of bucket {thing} does not allow that: {text}",
        "handrail s3 show {thing} tells whether it has Object Lock, which keeps versions",
    ),
    "OperationAborted": Failure(
        WrongState,
        "AWS is still busy with another change of bucket {thing}.",
        "wait a minute and repeat the command; after a deletion it can take an hour",
        "busy",
    ),
    "TooManyBuckets": Failure(
        AwsFailure,
        "the account has reached its limit of buckets.",
        "delete one: handrail s3 list",
        "limit_exceeded",
    ),
    "PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException": _ELSEWHERE,
    "404 @HeadBucket": _NO_BUCKET,
    "400 @HeadBucket": Failure(BadCredentials, "AWS does not take these credentials.", "{mend}"),
    "301 @HeadBucket": _ELSEWHERE,
    "404 @HeadObject": _NO_KEY,
    "412 @PutObject": _IN_THE_WAY,
}
