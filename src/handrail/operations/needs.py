"""The IAM permissions that several operations need, said once; what a verb needs of its own stands with the verb.

What a command settles that others left is not among them: it does that with what it may do, and leaves the rest.
"""

LEDGER = ("dynamodb:GetItem", "dynamodb:Query")  # what it takes to read the ledger
RECORD = (*LEDGER, "dynamodb:PutItem", "dynamodb:DeleteItem")  # of a change: its intent, what it came to, places, rows
# AWS encodes the reasons of a denial of EC2; without this one they stay so.
CHANGE_EC2 = (*RECORD, "ec2:DescribeInstances", "sts:DecodeAuthorizationMessage")
# A name that no look shows may be that of an instance that was just made, which the ledger tells.
FIND_INSTANCE = ("ec2:DescribeInstances", "dynamodb:GetItem")
# A condemned place ends what its request made, whoever meets it.
END_CONDEMNED = ("ec2:TerminateInstances",)

SEE_BUCKET = (  # what it takes to see whose a bucket is, and who may read it
    "s3:GetBucketTagging",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketAcl",
    "s3:GetAccountPublicAccessBlock",
)
FIND_BUCKET = ("s3:ListBucket", *SEE_BUCKET)
READ_SETTINGS = (
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketObjectLockConfiguration",
)
OPEN_BUCKET = (  # to let everyone read it, and to take that back
    "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketPolicy",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
)
READ_LOCKS = ("s3:GetObjectVersion", "s3:GetObjectRetention", "s3:GetObjectLegalHold")  # of versions by their ids
