"""The two answers of EC2 that mean more to the lease than "no" reach it under the names that it knows (rule 16)."""

import pytest

from handrail.aws.ec2_failures import FAILURES
from handrail.ledger.lease import INSTANCE_GONE, TOKEN_MISMATCH


@pytest.mark.parametrize(
    ("aws_code", "slug"),
    [("IdempotentInstanceTerminated", INSTANCE_GONE), ("IdempotentParameterMismatch", TOKEN_MISMATCH)],
)
def test_the_lease_knows_what_ec2_says_of_a_token(aws_code: str, slug: str) -> None:
    assert FAILURES[aws_code].code == slug
