"""Whatever was cut off ends, however the world has moved on: every operation's open request x every later world.

A request is left open by Ctrl-C at its last change, with all that its intent says; its row is made old; the world is
changed by a stranger. Then a few commands of somebody else come by, and the request must have an outcome.
"""

import json
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from handrail.core.ownership import LEDGER_TABLE
from handrail.journal import GIVEN_UP_AFTER
from handrail.sandbox import launcher
from ledger.proxies import Dark, Exchange
from reliability.page import FULL
from wire import Reply

from .calls import LINES, Ground, Line, record
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


PART_OF = 5  # in the ordinary suite one world in so many, another for each operation


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


def open_to_all(ground: Ground, name: str) -> None:
    """A stranger has opened the bucket to everyone."""
    s3, read = _client(ground, "s3"), {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
    policy = {"Version": "2012-10-17", "Statement": [{**read, "Resource": f"arn:aws:s3:::{name}/*"}]}
    with suppress(ClientError):
        s3.delete_public_access_block(Bucket=name)
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))


def locked(ground: Ground, name: str) -> None:
    """A stranger has forbidden everybody to change the bucket: no time will help but the day after which it ends."""
    arns = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    forbid = {"Effect": "Deny", "Principal": "*", "Action": ["s3:Put*", "s3:Delete*"], "Resource": arns}
    with suppress(ClientError):
        policy = json.dumps({"Version": "2012-10-17", "Statement": [forbid]})
        _client(ground, "s3").put_bucket_policy(Bucket=name, Policy=policy)


def made_anew_by_another_owner(ground: Ground, name: str) -> None:
    """The thing is gone, and somebody else has made another of that name with Handrail: a bucket, an instance."""
    gone(ground, name)
    row_gone(ground, name)  # as `s3 delete` does
    made = [
        ground.handrail("s3", "create", name, "--tag", "team=theirs", **OTHER),
        ground.handrail("ec2", "create", "--name", name, "--tag", "team=theirs", **OTHER),
    ]
    assert not any(done.code for done in made), made
    _client(ground, "s3").put_object(Bucket=name, Key="old", Body=b"theirs\n")
    open_to_all(ground, name)  # `--public` waits for the upload that is cut off


def as_it_is(ground: Ground, name: str) -> Mapping[str, Any]:
    """Return all that a change could change of a bucket and of what runs under a name, and whose they are on record."""
    s3, at = _client(ground, "s3"), {"Bucket": name}
    table = _client(ground, "dynamodb").scan(TableName=LEDGER_TABLE, ConsistentRead=True)["Items"]
    places = next(json.loads(row["places"]["S"]) for row in table if row["pk"]["S"] == "lease")
    alive = {id: one for id, one in ground.sandbox.instances(Name=name).items() if one["State"]["Name"] == "running"}
    looks = {
        "tags": s3.get_bucket_tagging(**at)["TagSet"],
        "policy": s3.get_bucket_policy(**at)["Policy"],
        "block": _block(ground, name),
        "versioning": s3.get_bucket_versioning(**at).get("Status"),
        "encryption": s3.get_bucket_encryption(**at)["ServerSideEncryptionConfiguration"],
        "objects": [(one["Key"], one["ETag"]) for one in s3.list_objects_v2(**at)["Contents"]],
        "row": [row for row in table if (row["pk"]["S"], row["sk"]["S"]) == ("own#bucket", name)],
        "instances": alive,
        "places": [place for place in places.values() if place["instance"] in alive],
    }
    assert all(looks[part] for part in ("row", "instances", "places")), looks
    return looks


def _block(ground: Ground, name: str) -> Any:
    """Return what a bucket blocks of public access; None where nothing is set."""
    with suppress(ClientError):
        return _client(ground, "s3").get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    return None


OTHER = {"USER": "dev-2", "LOGNAME": "dev-2"}
WORLDS: Mapping[str, World] = {
    world.__name__: world
    for world in (
        as_it_was, gone, gone_with_its_row, made_anew, row_gone, tags_gone, versions_on, another_owner, open_to_all,
        locked,
    )
}  # fmt: skip
MAY_PASS = ("locked",)  # is tried again for a day, and given up then


def leave_open(ground: Ground, line: Line, name: str, call: Exchange) -> set[str]:
    """Leave a request open by Ctrl-C at a call, and return its id; of a release that of its create as well."""
    before = set(open_rows(ground))
    argv = line.make(ground, name)
    with ground.proxy.spoiling(call.call.name, 1, interrupted) as order:
        ground.run(argv)
    assert order.struck == 1
    mine = set(open_rows(ground)) - before
    assert len(mine) == 1 or line.operation == "lease release", f"{argv}: {mine}"
    assert mine
    return mine


def open_rows(ground: Ground) -> dict[str, Any]:
    """Return the rows of open requests, as they stand in the table."""
    rows = _client(ground, "dynamodb").query(
        TableName=LEDGER_TABLE,
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "open"}},
        ConsistentRead=True,
    )["Items"]
    return {row["sk"]["S"]: row for row in rows}


def make_old(ground: Ground, request: str, ages: float = 2) -> None:
    """Make an open request, and a place that is taken for it, so many times as old as one that counts as cut off."""
    limits, row = ground.sandbox.running.limits, open_rows(ground)[request]
    seconds = int(ages * (limits.life + limits.work + limits.skew + limits.visibility))
    table = _client(ground, "dynamodb")
    table.put_item(TableName=LEDGER_TABLE, Item={**row, "at": {"N": str(int(row["at"]["N"]) - 1000 * seconds)}})
    for item in table.query(
        TableName=LEDGER_TABLE, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "lease"}}
    )["Items"]:
        places = json.loads(item["places"]["S"])
        for place in places.values():
            if request in place["requests"]:
                place["until"] -= seconds
        table.put_item(TableName=LEDGER_TABLE, Item={**item, "places": {"S": json.dumps(places)}})


def still_open(ground: Ground, requests: Collection[str], passing: Sequence[str] = (), **environ: str) -> set[str]:
    """Have somebody else's commands come by until these requests have ended, and return which have not."""
    environ = {**OTHER, **environ}
    for _ in range(8):  # each takes some of what is open, by chance
        if not set(requests) & set(open_rows(ground)):
            break
        ground.handrail.ok(*(passing or ("s3", "create", f"comes-by-{uuid.uuid4().hex[:8]}")), **environ)
    return set(requests) & set(open_rows(ground))


KEEPS_ITS_BUCKET = ("audit anchor --bucket",)  # what lies there is locked: the bucket can't be made anew


@pytest.mark.parametrize(
    "line", [line for line in CHANGING if line.name not in KEEPS_ITS_BUCKET], ids=lambda line: line.name
)
def test_what_was_made_anew_by_another_owner_is_not_touched(line: Line, ground: Ground) -> None:
    at = LINES.index(line)
    _, exchanges = record(ground, line, f"before-{at}")
    last = [exchange for exchange in exchanges if is_change(exchange)][-1]
    name = f"anew-{at}"
    left = leave_open(ground, line, name, last)
    made_anew_by_another_owner(ground, name)
    before = as_it_is(ground, name)
    for request in left & set(open_rows(ground)):
        make_old(ground, request)
    assert not still_open(ground, left, USER="dev-3", LOGNAME="dev-3")
    assert as_it_is(ground, name) == before


@pytest.mark.parametrize("line", CHANGING, ids=lambda line: line.name)
def test_whatever_was_cut_off_ends(line: Line, ground: Ground) -> None:
    at = LINES.index(line)
    _, exchanges = record(ground, line, f"whole-{at}")
    last = [exchange for exchange in exchanges if is_change(exchange)][-1]
    worlds = list(WORLDS) if FULL else list(WORLDS)[at % PART_OF :: PART_OF]
    left = {world: leave_open(ground, line, f"cut-{at}-{number}", last) for number, world in enumerate(worlds)}
    for number, (world, requests) in enumerate(left.items()):
        WORLDS[world](ground, f"cut-{at}-{number}")
        for request in requests & set(open_rows(ground)):  # a later command may have ended the create of a release
            make_old(ground, request, GIVEN_UP_AFTER + 1 if world in MAY_PASS else 2)
    still = still_open(ground, set().union(*left.values()))
    assert not still, f"{line.name}: {[world for world, requests in left.items() if requests & still]}"


def test_a_region_that_is_off_is_waited_for_a_day_and_its_places_stay(ground: Ground) -> None:
    """A place that can't be looked at counts as taken for what it held; its request ends once the region is back."""
    dark = Dark(ground.sandbox.running.endpoint)
    off = {"AWS_ENDPOINT_URL": dark.endpoint}
    left: dict[str, set[str]] = {}
    for line in CHANGING:
        if line.name in ("ec2 create", "ec2 stop", "ec2 delete", "ec2 update"):
            name = f"dark-{LINES.index(line)}"
            _, exchanges = record(ground, line, f"{name}-whole")
            last = [exchange for exchange in exchanges if is_change(exchange)][-1]
            left[line.name] = leave_open(ground, line, name, last)
    for request in set().union(*left.values()):
        make_old(ground, request, GIVEN_UP_AFTER + 1)
    dark.answers = {"us-east-1": (403, "OptInRequired")}
    assert still_open(ground, set().union(*left.values()), **off) == left["ec2 create"]
    dark.answers = {}
    assert not still_open(ground, left["ec2 create"], **off)
    dark.close()


def test_a_permission_that_is_gone_is_said_once_and_ends(ground: Ground) -> None:
    line = next(line for line in LINES if line.name == "s3 upload")
    _, exchanges = record(ground, line, "denied-whole")
    last = [exchange for exchange in exchanges if is_change(exchange)][-1]
    (request,) = leave_open(ground, line, "denied", last)
    make_old(ground, request)

    def refuse(exchange: Exchange) -> Reply:
        return exchange.reply.saying(status=403, body=b"")

    said = []
    for number in range(3):
        with ground.proxy.spoiling("s3:HeadBucket", 2, refuse):
            done = ground.run(["s3", "create", f"passes-by-{number}"])
        said.append("can't be settled now" in done.err)
    assert said == [True, False, False]
    assert request in open_rows(ground)
    row = open_rows(ground)[request]
    old = {**row, "at": {"N": "1000"}, "tried": {"N": "1000"}}
    _client(ground, "dynamodb").put_item(TableName=LEDGER_TABLE, Item=old)
    with ground.proxy.spoiling("s3:HeadBucket", 2, refuse):
        done = ground.run(["s3", "create", "passes-by-last"])
    assert "what became of it can't be told any more" in done.err
    assert request not in open_rows(ground)
