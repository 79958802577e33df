"""What a hostile or broken server sends is not read to its end, and what came is done without nowhere."""

import re
import time
from collections.abc import Iterator, Sequence

import pytest

from handrail.aws.wire import LARGEST
from handrail.core.ownership import LEDGER_TABLE
from ledger.proxies import Exchange
from wire import Reply

from .calls import Ground

PAGE = Reply(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")
IN_FLIGHT = 16 << 20  # bytes that sockets on both sides may hold
MEBIBYTE = 1 << 20


@pytest.mark.parametrize("length", [{}, {"Content-Length": str(1 << 30)}], ids=["endless", "1 GiB"])
@pytest.mark.parametrize(
    ("argv", "call"),
    [
        (("ec2", "list"), "ec2:DescribeInstances"),
        (("s3", "list"), "s3:ListBuckets"),
        (("audit", "list"), "dynamodb:Query"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_gigabyte_is_not_read(ground: Ground, argv: Sequence[str], call: str, length: dict[str, str]) -> None:
    sent = []

    def body() -> Iterator[bytes]:
        for _ in range(1024):
            yield b" " * MEBIBYTE
            sent.append(MEBIBYTE)

    with ground.proxy.spoiling(
        call, 1, lambda _exchange: Reply(200, {"Content-Type": "text/xml", **length}, parts=body())
    ):
        done = ground.run(argv)
    assert done.code == 1
    assert "does not end within 32 MiB" in done.err
    assert sum(sent) <= LARGEST + IN_FLIGHT


@pytest.mark.parametrize(
    ("argv", "call"),
    [
        ((), "dynamodb:Query"),
        ((), "dynamodb:GetItem"),
        (("ec2", "list"), "dynamodb:GetItem"),
        (("s3", "list"), "s3:GetBucketTagging"),
        (("s3", "list", "--size"), "s3:ListObjectsV2"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_nothing_is_shown_without_what_somebody_else_answered(ground: Ground, argv: Sequence[str], call: str) -> None:
    """A part that can't be told may be left out; not where somebody else tells it."""
    ground.bucket(f"looked-at-{time.monotonic_ns()}")
    with ground.proxy.spoiling(call, 1, lambda _exchange: PAGE, every=True) as order:
        done = ground.run(argv)
    assert order.struck
    assert done.code == 1
    assert f"answered {call.partition(':')[2]}" in done.err


def test_a_row_that_is_nested_without_end_can_be_listed(ground: Ground) -> None:
    """What somebody has written into the ledger, of any depth, stops no look at it."""
    table = ground.sandbox.client("dynamodb", owner="dev-1")
    made = ground.handrail.json("s3", "create", "nested-row")
    rows = table.scan(TableName=LEDGER_TABLE)["Items"]
    mine = [row for row in rows if any(made["name"] in str(value) for value in row.values()) and "resolved" in row]
    assert mine
    for row in mine:
        table.put_item(TableName=LEDGER_TABLE, Item={**row, "resolved": {"S": "[" * 100_000}})
    try:
        for argv in (("audit", "list"), ("audit", "list", "--entries"), ("s3", "list"), ()):
            done = ground.run(argv)
            assert (done.code, re.findall("itself failed|Traceback", done.out + done.err)) == (0, []), argv
        assert ground.run(["audit", "verify"]).code == 1
    finally:
        for row in mine:
            table.put_item(TableName=LEDGER_TABLE, Item=row)


def test_a_batch_is_not_split_where_somebody_else_answers(ground: Ground) -> None:
    """One call for all, and not one for each half of them: nobody is asked again who is not AWS."""
    ids = [ground.instance(f"batch-{number}", "running") for number in range(3)]
    calls: list[Exchange] = []

    def how(exchange: Exchange) -> Reply:
        calls.append(exchange)
        return PAGE

    with ground.proxy.spoiling("ec2:StopInstances", 1, how, every=True):
        done = ground.run(["ec2", "stop", *ids])
    assert (done.code, len(calls)) == (1, 1)
