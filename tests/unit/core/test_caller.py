"""Who owns what these credentials make."""

import pytest

from handrail.core.caller import caller_of
from handrail.core.errors import BadCredentials, Unreachable, is_no_answer

STS, IAM = "arn:aws:sts::111122223333", "arn:aws:iam::111122223333"


@pytest.mark.parametrize(
    ("arn", "owner"),
    [
        (f"{IAM}:user/dev-1", "dev-1"),
        (f"{IAM}:user/teams/blue/dev-1", "dev-1"),
        (f"{IAM}:root", "root"),
        (f"{STS}:assumed-role/AWSReservedSSO_Dev_0a1b/jane@example.org", "jane@example.org"),
        (f"{STS}:assumed-role/ci/i-0c1d2e3f4a5b6c7d8", "ci"),
        (f"{STS}:assumed-role/ci/i-1c2d3e4f", "ci"),
        (f"{STS}:assumed-role/ci/botocore-session-1700000000", "ci"),
        (f"{STS}:assumed-role/ci/1700000000000", "ci"),
        (f"{STS}:assumed-role/dev/i-am-jane", "i-am-jane"),
        (f"{STS}:federated-user/jane", "jane"),
        ("arn:aws-us-gov:iam::111122223333:user/dev-1", "dev-1"),
    ],
)
def test_the_owner(arn: str, owner: str) -> None:
    caller = caller_of("111122223333", arn, "AIDA1")
    assert (caller.owner, caller.account, caller.arn, caller.id) == (owner, "111122223333", arn, "AIDA1")


@pytest.mark.parametrize("account", ["", "abc", "11112222333", "1111222233334", "１１１１２２２２３３３３"])
def test_an_account_has_twelve_digits(account: str) -> None:
    with pytest.raises(Unreachable, match="no number of twelve digits") as caught:
        caller_of(account, f"{IAM}:user/dev-1", "AIDA1")
    assert is_no_answer(caught.value)


@pytest.mark.parametrize("arn", ["", f"{IAM}:user/", f"{STS}:assumed-role/only", f"{STS}:federated-user/", "x:y"])
def test_nobody_is_no_owner(arn: str) -> None:
    with pytest.raises(BadCredentials) as caught:
        caller_of("111122223333", arn, "x")
    assert caught.value.hint == "sign in as a user or a role"
