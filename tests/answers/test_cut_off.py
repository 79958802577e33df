"""Whatever was cut off ends, however the world has moved on: every operation's open request x every later world.

A request is left open by Ctrl-C at its last change, with all that its intent says; its row is made old; the world is
changed by a stranger. Then a few commands of somebody else come by, and the request must have an outcome.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conftest import Handrail
from handrail.core.managed import LEDGER_TABLE
from handrail.sandbox import launcher
from reliability.page import FULL

from .calls import LINES, Exchange, Ground, Line, Reply, record
from .conftest import make_ground
from .test_open import CHANGING, interrupted, is_change

World = Callable[[Ground, str], None]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Return a ground of its own: what other tests leave open would be settled in between."""
    ground = make_ground(tmp_path_factory.mktemp("cut-off"))
    yield ground
    ground.proxy.close()
    launcher.stop(ground.sandbox.state_dir)


PART_OF = 4  # in the ordinary suite one world in so many, another for each operation


def _client(ground: Ground, service: str) -> Any:
    return ground.sandbox.client(service, owner="dev-1")


def as_it_was(_ground: Ground, _name: str) -> None:
    """Nothing has happened."""


def gone(ground: Ground, name: str) -> None:
    """The thing is gone: an instance terminated, a bucket emptied and deleted."""
    for id in ground.sandbox.instances(Name=name):
        _client(ground, "ec2").terminate_instances(InstanceIds=[id])
    s3 = _client(ground, "s3")
    with suppress(ClientError):
        for one in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=one["Key"], UploadId=one["UploadId"])
        found = s3.list_object_versions(Bucket=name)
        for one in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
            s3.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
        s3.delete_bucket(Bucket=name)


def gone_with_its_row(ground: Ground, name: str) -> None:
    """The thing is gone, and so is what the ledger says of whose it was."""
    gone(ground, name)
    row_gone(ground, name)


def made_anew(ground: Ground, name: str) -> None:
    """The thing is gone, and a stranger has made another of that name."""
    gone(ground, name)
    with suppress(ClientError):
        ground.sandbox.client("s3").create_bucket(Bucket=name)


def row_gone(ground: Ground, name: str) -> None:
    """What the ledger says of whose it was is gone."""
    table = _client(ground, "dynamodb")
    for row in table.scan(TableName=LEDGER_TABLE)["Items"]:
        if row["pk"]["S"].startswith("own#") and name in (row["sk"]["S"], row["pk"]["S"].partition("#")[2]):
            table.delete_item(TableName=LEDGER_TABLE, Key={"pk": row["pk"], "sk": row["sk"]})


def tags_gone(ground: Ground, name: str) -> None:
    """A stranger has taken the tags off."""
    for id, one in ground.sandbox.instances(Name=name).items():
        _client(ground, "ec2").delete_tags(Resources=[id], Tags=[{"Key": tag["Key"]} for tag in one["Tags"]])
    with suppress(ClientError):
        _client(ground, "s3").delete_bucket_tagging(Bucket=name)


def versions_on(ground: Ground, name: str) -> None:
    """A stranger has switched versions on."""
    with suppress(ClientError):
        _client(ground, "s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def another_owner(ground: Ground, name: str) -> None:
    """A stranger has given it to somebody else by its tags."""
    for id in ground.sandbox.instances(Name=name):
        _client(ground, "ec2").create_tags(Resources=[id], Tags=[{"Key": "handrail:owner", "Value": "dev-9"}])
    with suppress(ClientError):
        tags = [{"Key": "managed-by", "Value": "handrail"}, {"Key": "handrail:owner", "Value": "dev-9"}]
        _client(ground, "s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})


WORLDS: Mapping[str, World] = {
    world.__name__: world
    for world in (
        as_it_was, gone, gone_with_its_row, made_anew, row_gone, tags_gone, versions_on, another_owner
    )
}  # fmt: skip


def leave_open(ground: Ground, line: Line, name: str, call: Exchange) -> str:
    """Leave a request open by Ctrl-C at a call, and return its id; of a release that of the release."""
    argv = line.make(ground, name)
    before = set(open_rows(ground))
    with ground.proxy.spoil(call.call.name, 1, interrupted) as order:
        ground.run(argv)
    assert order.struck == 1
    mine = set(open_rows(ground)) - before
    assert len(mine) == 1, f"{argv}: {mine}"
    return mine.pop()


def open_rows(ground: Ground) -> dict[str, Any]:
    """Return the rows of open requests, as they stand in the table."""
    rows = _client(ground, "dynamodb").query(
        TableName=LEDGER_TABLE,
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "open"}},
        ConsistentRead=True,
    )["Items"]
    return {row["sk"]["S"]: row for row in rows}


def make_old(ground: Ground, request: str) -> None:
    """Make an open request as old as one that is given up, but not so old that nobody looks."""
    row = open_rows(ground)[request]
    at = int(row["at"]["N"]) - 1000 * 200
    _client(ground, "dynamodb").put_item(TableName=LEDGER_TABLE, Item={**row, "at": {"N": str(at)}})


SETTLED = [line for line in CHANGING if line.operation not in ("ec2 create", "ec2 start", "lease release")]


@pytest.mark.parametrize("line", SETTLED, ids=lambda line: line.name)
def test_whatever_was_cut_off_ends(line: Line, ground: Ground) -> None:
    at = LINES.index(line)
    _, exchanges = record(ground, line, f"whole-{at}")
    last = [exchange for exchange in exchanges if is_change(exchange)][-1]
    worlds = list(WORLDS) if FULL else list(WORLDS)[at % PART_OF :: PART_OF]
    left = {leave_open(ground, line, f"cut-{at}-{number}", last): world for number, world in enumerate(worlds)}
    for number, (request, world) in enumerate(left.items()):
        WORLDS[world](ground, f"cut-{at}-{number}")
        make_old(ground, request)
    other = Handrail({**ground.handrail.environ, "USER": "dev-2", "LOGNAME": "dev-2"}, ground.handrail.cwd)
    said, number = "", 0
    while (still := {world for request, world in left.items() if request in open_rows(ground)}) and number < 8:
        number += 1  # each takes some of what is open, by chance
        said += other.ok("s3", "create", f"comes-by-{at}-{number}").err
    assert not still, f"{line.name}: {still}\n{said}"


def test_a_permission_that_is_gone_is_said_once_and_ends(ground: Ground) -> None:
    line = next(line for line in LINES if line.name == "s3 upload")
    _, exchanges = record(ground, line, "denied-whole")
    last = [exchange for exchange in exchanges if is_change(exchange)][-1]
    request = leave_open(ground, line, "denied", last)
    make_old(ground, request)

    def refuse(exchange: Exchange) -> Reply:
        return exchange.reply.saying(status=403, body=b"")

    said = []
    for number in range(3):
        with ground.proxy.spoil("s3:HeadBucket", 2, refuse):
            done = ground.run(["s3", "create", f"passes-by-{number}"])
        said.append("can't be settled now" in done.err)
    assert said == [True, False, False]
    assert request in open_rows(ground)
    row = open_rows(ground)[request]
    old = {**row, "at": {"N": "1000"}, "tried": {"N": "1000"}}
    _client(ground, "dynamodb").put_item(TableName=LEDGER_TABLE, Item=old)
    with ground.proxy.spoil("s3:HeadBucket", 2, refuse):
        done = ground.run(["s3", "create", "passes-by-last"])
    assert "what became of it can't be told any more" in done.err
    assert request not in open_rows(ground)
