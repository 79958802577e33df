"""S3 sends a call elsewhere, as a bucket of another region has it, or a captive portal: without end for nobody."""

from collections.abc import Mapping

import pytest

from conftest import Handrail, Sandbox
from ledger.proxies import Watched, instead
from wire import Reply

SIGNED = {"x-amz-request-id": "0123456789ABCDEF"}


@pytest.mark.parametrize(
    ("status", "headers", "lacks"),
    [
        (301, SIGNED, "it sends the call elsewhere, and names no region"),
        (302, {"Location": "http://portal.invalid/"}, "it sends the call elsewhere, and names no region"),
        (307, SIGNED, "it sends the call elsewhere, and names no region"),
        (301, {**SIGNED, "x-amz-bucket-region": "../portal"}, "it sends the call to a region that is none"),
        (400, {**SIGNED, "x-amz-bucket-region": "a b"}, "it sends the call to a region that is none"),
    ],
)
def test_a_look_at_a_bucket_that_is_sent_nowhere_is_one_look(
    handrail: Handrail, sandbox: Sandbox, status: int, headers: Mapping[str, str], lacks: str
) -> None:
    with Watched(sandbox.running.endpoint, instead("s3:HeadBucket", Reply(status, headers))) as proxy:
        through = {"HANDRAIL_TARGET": "sandbox", "AWS_ENDPOINT_URL": proxy.endpoint}
        done = handrail("s3", "create", "sent-elsewhere", "--dry-run", "-o", "json", **through)
    assert (done.code, done.error["code"]) == (1, "not_aws")
    assert done.error["details"]["lacks"] == lacks
    assert proxy.count("s3:HeadBucket") == 1
