"""What HeadBucket says of a name, where it says nothing."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handrail.aws.s3 import S3
from handrail.core.errors import AwsFailure


def test_a_fault_of_s3_says_nothing_of_the_name() -> None:
    def head_bucket(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "500"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "HeadBucket")

    caller = SimpleNamespace(account="123456789012", arn="arn:aws:iam::123456789012:user/me")
    connection: Any = SimpleNamespace(
        endpoint="", caller=lambda: caller, client=lambda *_: SimpleNamespace(head_bucket=head_bucket)
    )
    with pytest.raises(AwsFailure):
        S3(connection, "us-east-1").standing("press", "us-east-1")
