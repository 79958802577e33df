"""S3 Control: what the account says of all its buckets."""

from handrail.aws.s3 import BLOCK
from handrail.aws.service import Service

# Sources: Amazon S3 API reference, S3 Control; service authorization reference, Amazon S3.
SERVICE = Service(
    "s3",
    reads=("Get", "List"),
    answers={"GetPublicAccessBlock": BLOCK},
    needs={"GetPublicAccessBlock": {"s3:GetAccountPublicAccessBlock": ""}},
)
