"""The verbs whose every call is disturbed: how a cell is prepared, called, and judged by a stranger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from handrail.core.ownership import ownership_tags
from handrail.sandbox.log import read_content
from ledger.proxies import Call

from .conftest import Ground

SHUT = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
CONTENT = b"what is to be uploaded\n"
IN_PARTS = (8 << 20) + 1  # bytes of a file that goes in two parts


@dataclass(frozen=True)
class Verb:
    """One verb. A thing is what a cell is about: an instance, a bucket, or the request id of a create.

    before, goal: its states as `found` names them. prepare: makes so many things. only: the calls to disturb, where the
    others are another verb's. gone: a repeat may find that the thing is not there any more. approved: it may be public.
    """

    name: str
    argv: Callable[[str], list[str]]
    before: str
    goal: str
    prepare: Callable[[Ground, str, int], list[str]]
    found: Callable[[Ground, str], str]
    only: Sequence[str] = ()
    gone: bool = False
    approved: bool = False

    def cells_of(self, calls: Sequence[Call]) -> list[Call]:
        """Return the calls of a recording to disturb; of the looks of one wait only the first."""
        known = [call for call in calls if call.is_ours]
        picked = [
            call for at, call in enumerate(known) if at == 0 or call.name != known[at - 1].name or "Query" in call.name
        ]
        return [call for call in picked if not self.only or call.name.partition(":")[2] in self.only]

    @property
    def operation(self) -> str:
        """Return it as the record has it: `s3 create` of `s3 create --public`."""
        return self.name.partition(" --")[0]

    @property
    def says_what_is_left(self) -> bool:
        """Return whether a look can't tell if it was done: what arrived is whole, and the rest is said to be left."""
        return self.name == "s3 upload --parts"  # of what is large the record has no checksum

    @property
    def takes_places(self) -> bool:
        """Return whether what it makes must have a place."""
        return self.operation in ("ec2 create", "ec2 start")

    def rows(self, rows: Sequence[Mapping[str, Any]], thing: str) -> list[Mapping[str, Any]]:
        """Return the rows of the record that are about a thing."""
        option = self.name.partition(" --")[2]
        mine = [row for row in rows if row["operation"] == self.operation]
        if self.operation == "s3 update":  # one may have been made ready by another update
            mine = [row for row in mine if row["given"].get(option)]
        return [
            row for row in mine if thing in (row["request"].partition(".")[0], str(row["resource"]).partition("/")[0])
        ]


def rehearse(ground: Ground, verb: Verb, name: str) -> list[Call]:
    """Return the calls to disturb, from a run of the command that goes well."""
    thing = verb.prepare(ground, name, 1)[0]
    return verb.cells_of(ground.record_calls(verb.argv(thing), thing))


# ---- instances


def _requests(ground: Ground, prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


def _instances(state: str) -> Callable[[Ground, str, int], list[str]]:
    return lambda ground, prefix, count: ground.make(count, state)


def _made(ground: Ground, request: str) -> str:
    """Return the state of what a request has made, under whatever number of its; never two."""
    tokens = [f"hr-{request}", *(f"hr-{request}.{number}" for number in range(2, 6))]
    states = [one["State"]["Name"] for one in ground.instances(client_token=tokens)]
    assert len(states) <= 1, f"{request} was made twice: {states}"
    return str(states[0]) if states else "nothing"


# ---- buckets


def _path(ground: Ground, thing: str) -> Path:
    return ground.folder / f"{thing}.bin"


def _buckets(*steps: Callable[[Ground, str], None]) -> Callable[[Ground, str, int], list[str]]:
    """Return a maker of buckets as Handrail makes them, each then changed in steps."""

    def make(ground: Ground, prefix: str, count: int) -> list[str]:
        names = [f"{prefix}-{number}" for number in range(count)]
        for name in names:
            ground.handrail.ok("s3", "create", name)
            for step in steps:
                step(ground, name)
        return names

    return make


def _opened(ground: Ground, name: str) -> None:
    ground.handrail.ok("s3", "update", name, "--public", "--yes")


def _filled(ground: Ground, name: str) -> None:
    ground.sandbox.client("s3").put_object(Bucket=name, Key="old", Body=CONTENT)


def _with_file(size: int) -> Callable[[Ground, str], None]:
    def step(ground: Ground, name: str) -> None:
        _path(ground, name).write_bytes(CONTENT if not size else bytes(size))

    return step


def bucket_state(ground: Ground, name: str) -> str:
    """Return what a stranger sees of a bucket: nothing, private (shut in every way, no policy), public, or between."""
    s3 = ground.sandbox.client("s3")
    try:
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "nothing" if code == "NoSuchBucket" else "bare"
    try:
        open_to_all = s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"]
    except ClientError:
        open_to_all = False
    if block == SHUT:
        return "private"
    return "public" if open_to_all and not block["RestrictPublicBuckets"] else "between"


def _whole(ground: Ground, name: str) -> str:
    """Return a bucket made by `s3 create`: `private` or `public` only if it has all that was promised."""
    state = bucket_state(ground, name)
    if state in ("private", "public"):
        s3 = ground.sandbox.client("s3")
        tags = {one["Key"]: one["Value"] for one in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
        expected = ownership_tags("dev-1", tags.get("handrail:request", ""))
        assert expected.items() <= tags.items(), f"{name}: {tags}"
        assert s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    return state


def _object(ground: Ground, name: str) -> str:
    """Return whether a cell's file is in its bucket, byte for byte, with nothing unfinished beside it."""
    s3 = ground.sandbox.client("s3")
    try:
        body = s3.get_object(Bucket=name, Key=f"{name}.bin")["Body"].read()
    except ClientError:
        return "nothing"
    assert body == _path(ground, name).read_bytes(), f"{name}: other bytes"
    return "uploaded"


def _old(ground: Ground, name: str) -> str:
    """Return whether the object that was there is."""
    found = ground.sandbox.client("s3").list_objects_v2(Bucket=name)
    return "there" if found["KeyCount"] else "removed"


def unfinished(ground: Ground, name: str) -> int:
    """Return how many uploads of a bucket are neither finished nor aborted."""
    return len(ground.sandbox.client("s3").list_multipart_uploads(Bucket=name).get("Uploads", []))


def never_public(ground: Ground, names: Sequence[str]) -> None:
    """Assert, from the sandbox's log of every write, that no call was ever made that could open one of these."""
    wanted = {f"/{name}" for name in names}
    for entry in read_content(ground.sandbox.state_dir).entries:
        if entry.get("service") != "s3" or str(entry["target"]).partition("?")[0] not in wanted:
            continue
        assert entry["action"] not in ("PutBucketPolicy", "PutBucketAcl", "DeletePublicAccessBlock"), entry
        if entry["action"] == "PutPublicAccessBlock":
            assert str(entry["text"]).count("true") == 4, entry


def _upload(thing: str) -> list[str]:
    return ["s3", "upload", thing, f"{thing}.bin"]


VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb(
            "ec2 create",
            lambda thing: ["ec2", "create", "--name", f"of-{thing}", "--request-id", thing],
            "nothing",
            "running",
            _requests,
            _made,
        ),
        Verb(
            "ec2 start",
            lambda thing: ["ec2", "start", thing],
            "stopped",
            "running",
            _instances("stopped"),
            Ground.state_of,
        ),
        Verb(
            "ec2 stop",
            lambda thing: ["ec2", "stop", thing],
            "running",
            "stopped",
            _instances("running"),
            Ground.state_of,
        ),
        Verb(
            "ec2 delete",
            lambda thing: ["ec2", "delete", thing, "--yes"],
            "running",
            "terminated",
            _instances("running"),
            Ground.state_of,
        ),
        Verb(
            "s3 create",
            lambda thing: ["s3", "create", thing, "--request-id", thing],
            "nothing",
            "private",
            _requests,
            _whole,
        ),
        Verb(
            "s3 create --public",
            lambda thing: ["s3", "create", thing, "--public", "--yes", "--request-id", thing],
            "nothing",
            "public",
            _requests,
            _whole,
            only=("GetPublicAccessBlock", "PutPublicAccessBlock", "PutBucketPolicy", "GetBucketPolicyStatus"),
            approved=True,
        ),
        Verb(
            "s3 update --public",
            lambda thing: ["s3", "update", thing, "--public", "--yes"],
            "private",
            "public",
            _buckets(),
            bucket_state,
            approved=True,
        ),
        Verb(
            "s3 update --private",
            lambda thing: ["s3", "update", thing, "--private"],
            "public",
            "private",
            _buckets(_opened),
            bucket_state,
            approved=True,
        ),
        Verb(
            "s3 upload",
            _upload,
            "nothing",
            "uploaded",
            _buckets(_with_file(0)),
            _object,
        ),
        Verb(
            "s3 upload --parts",
            _upload,
            "nothing",
            "uploaded",
            _buckets(_with_file(IN_PARTS)),
            _object,
            only=("CreateMultipartUpload", "UploadPart"),  # tests/s3 cuts off the completion: microburst knows it not
        ),
        Verb(
            "s3 remove",
            lambda thing: ["s3", "remove", thing, "old", "--yes"],
            "there",
            "removed",
            _buckets(_filled),
            _old,
            gone=True,
        ),
        Verb(
            "s3 delete --empty",
            lambda thing: ["s3", "delete", thing, "--empty", "--yes"],
            "private",
            "nothing",
            _buckets(_filled),
            bucket_state,
            gone=True,
        ),
    )
}
