"""What an operation declares that IAM must allow is what its calls need: each is run, and the log tells what it is."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from answers.calls import LINES, Ground, Line
from answers.conftest import started
from conftest import start_sandbox
from handrail.catalog import every_operation, overview
from handrail.sandbox import launcher

TESTS = Path(__file__).parents[1]
OPERATIONS = {one.name: one for one in (overview(), *every_operation())}


# ---- more ways to call operations than answers/calls.py has


def opened(*words: str, objects: Sequence[str] = ()) -> Callable[[Ground, str], list[str]]:
    """Return a maker of a command line about a bucket whose Block Public Access somebody has taken away."""

    def make(ground: Ground, name: str) -> list[str]:
        ground.bucket(name)
        ground.sandbox.client("s3").delete_public_access_block(Bucket=name)
        for key in objects:
            ground.put(name, key)
        return [word.format(name=name) for word in words]

    return make


def bucket(*words: str, options: Sequence[str] = (), objects: Sequence[str] = ()) -> Callable[[Ground, str], list[str]]:
    """Return a maker of a command line about a bucket."""

    def make(ground: Ground, name: str) -> list[str]:
        ground.bucket(name, *options)
        for key in objects:
            ground.put(name, key)
        return [word.format(name=name) for word in words]

    return make


def with_profile(ground: Ground, name: str) -> list[str]:
    """Make an instance profile, and return the words of a create with it."""
    ground.sandbox.client("iam").create_instance_profile(InstanceProfileName=name)
    return ["ec2", "create", "--instance-profile", name]


def tagged(ground: Ground, name: str) -> list[str]:
    """Return an update that takes a tag away."""
    ground.handrail.ok("ec2", "create", "--name", name, "--tag", "team=blue")
    return ["ec2", "update", name, "--untag", "team"]


def keyed(verb: str, state: str) -> Callable[[Ground, str], list[str]]:
    """Return a maker of a command line about an instance with a key pair."""

    def make(ground: Ground, name: str) -> list[str]:
        ground.sandbox.client("ec2").create_key_pair(KeyName=name)
        ground.handrail.ok("ec2", "create", "--name", name, "--key-pair", name)
        if state == "stopped":
            ground.handrail.ok("ec2", "stop", name)
        return ["ec2", verb, name]

    return make


def left_over(ground: Ground, name: str) -> list[str]:
    """Return an upload of a file whose last upload never ended."""
    file = ground.file(f"{name}.bin")
    ground.bucket(name)
    s3 = ground.sandbox.client("s3", owner="dev-1")
    begun = s3.create_multipart_upload(Bucket=name, Key=file)
    s3.upload_part(Bucket=name, Key=file, UploadId=begun["UploadId"], PartNumber=1, Body=b"x")
    return ["s3", "upload", name, file]


def again(ground: Ground, name: str) -> list[str]:
    """Return an upload of a file that is there already."""
    file = ground.file(f"{name}.bin")
    ground.bucket(name)
    ground.handrail.ok("s3", "upload", name, file)
    return ["s3", "upload", name, file]


def anchored(ground: Ground, name: str) -> list[str]:
    """Return a check of the record against an anchor."""
    ground.bucket(name, "--object-lock")
    ground.handrail.ok("audit", "anchor", "--bucket", name)
    return ["audit", "verify", "--bucket", name]


def create_again(ground: Ground, name: str) -> list[str]:
    """Return a create that was made before, of a bucket that somebody has opened since."""
    ground.bucket(name, "--request-id", name)
    ground.sandbox.client("s3").delete_public_access_block(Bucket=name)
    return ["s3", "create", name, "--request-id", name]


def anchored_weakly(ground: Ground, name: str) -> list[str]:
    """Return a check of the record against an anchor in a bucket that keeps no versions."""
    ground.bucket(name)
    ground.handrail.ok("audit", "anchor", "--bucket", name, "--weak")
    return ["audit", "verify", "--bucket", name]


def since_anchor(ground: Ground, name: str) -> list[str]:
    """Return a check of the record against an anchor in a file."""
    ground.handrail.ok("audit", "anchor", f"{name}.json")
    return ["audit", "verify", "--since-anchor", f"{name}.json"]


def said(text: str) -> Callable[[Ground, str], list[str]]:
    """Return a maker of a command line as it stands; `{name}` is new each time."""
    return lambda _ground, name: text.format(name=name).split()


OF_INSTANCES = ("show", "wait", "start", "stop", "reboot", "delete", "update")
MORE = (
    Line("ec2 create", said("ec2 create --type m5.large --dry-run"), "of a type that is not known by heart"),
    Line("ec2 create", with_profile, "--instance-profile"),
    Line("ec2 update", tagged, "--untag"),
    Line("ec2 show", keyed("show", "running"), "with a key pair"),
    Line("ec2 start", keyed("start", "stopped"), "with a key pair"),
    *(Line(f"ec2 {verb}", said(f"ec2 {verb} {{name}}"), "nobody") for verb in OF_INSTANCES[:-1]),
    Line("ec2 update", said("ec2 update {name} --tag a=b"), "nobody"),
    Line("s3 list", opened("s3", "list"), "opened"),
    Line("s3 show", opened("s3", "show", "{name}"), "opened"),
    Line("s3 objects", opened("s3", "objects", "{name}"), "opened"),
    Line("s3 update", opened("s3", "update", "{name}", "--tag", "a=b"), "opened"),
    Line("s3 update", bucket("s3", "update", "{name}", "--versioning", "on"), "--versioning"),
    Line(
        "s3 update",
        bucket("s3", "update", "{name}", "--versioning", "off", options=["--object-lock"]),
        "versioning of a locked one",
    ),
    Line("s3 upload", opened("s3", "upload", "{name}", "a.txt"), "opened"),
    Line("s3 upload", left_over, "left over"),
    Line("s3 upload", again, "again"),
    Line("s3 remove", opened("s3", "remove", "{name}", "a", "--yes", objects=["a"]), "opened"),
    Line("s3 delete", opened("s3", "delete", "{name}", "--yes"), "opened"),
    Line(
        "s3 delete",
        bucket("s3", "delete", "{name}", "--empty", "--yes", options=["--object-lock"], objects=["a"]),
        "locked",
    ),
    Line("audit verify", anchored, "--bucket"),
    Line("audit anchor", bucket("audit", "anchor", "--bucket", "{name}", "--weak"), "--weak"),
    Line("s3 create", create_again, "again, opened"),
    Line("audit verify", anchored_weakly, "--bucket, weak"),
    Line("audit verify", since_anchor, "--since-anchor"),
    Line("audit anchor", opened("audit", "anchor", "--bucket", "{name}", "--weak"), "opened"),
    Line("", said(""), "with buckets"),
)
ENDS_OTHERWISE = {"nobody": 4, "versioning of a locked one": 5}


@dataclass(frozen=True)
class Rare:
    """What no line here needs, though it is declared. test: what comes to it, and why only that does."""

    actions: str
    operations: str
    test: str


RARE = (
    # A denial of AWS itself.
    Rare(
        "sts:DecodeAuthorizationMessage",
        "ec2 (create|update|start|stop|reboot|delete)|lease release",
        "unit/aws/test_failures.py::test_an_encoded_refusal_is_decoded_where_allowed",
    ),
    # A create that was to be undone, and was cut off.
    Rare(
        "ec2:TerminateInstances|dynamodb:(PutItem|DeleteItem)",
        "ec2 create|ec2 start|lease list",
        "functional/test_odd_rows.py::test_a_condemned_place_ends_only_what_its_own_request_made",
    ),
    # A bucket that could not be set up as it was to be.
    Rare("s3:DeleteBucket", "s3 create", "s3/test_s3_faults.py::test_a_create_that_can_not_be_completed_is_undone"),
    Rare(
        "s3:DeleteBucketPolicy",
        "s3 create",
        "s3/test_s3_faults.py::test_a_bucket_that_does_not_become_public_falls_back",
    ),
    # An upload that was cut off long ago, on this machine.
    Rare(
        "s3:AbortMultipartUpload",
        "s3 upload",
        "s3/test_s3_leftovers.py::test_what_nothing_came_for_is_removed_also_beside_a_file_that_is_there",
    ),
    # A table that somebody else has made; regions that are enabled, which the sandbox's log tells by itself.
    Rare("dynamodb:UpdateTable", "init", "unit/aws/test_ledger_table.py::test_a_table_is_made_and_completed"),
    Rare("ec2:DescribeRegions", "init", "unit/operations/test_init_regions.py::test_all_regions_were_looked_at"),
)


def needs_of_all(folder: Path, caplog: pytest.LogCaptureFixture) -> Mapping[str, set[str]]:
    """Return what the calls of each operation needed."""
    caplog.set_level(logging.DEBUG, "handrail.aws")
    found: dict[str, set[str]] = {name: set() for name in OPERATIONS}
    (folder / "ground").mkdir()
    with started(folder / "ground") as ground:
        ground.file("a.txt")
        for number, line in enumerate([*LINES, *MORE]):
            argv = line.make(ground, f"permissions-{number}")
            caplog.clear()
            done = ground.run(argv)
            assert done.code == ENDS_OTHERWISE.get(line.variant, 0), f"{line.name}: {done.err}"
            assert needs_in(caplog), f"{line.name} asks nothing of AWS"
            found[line.operation] |= needs_in(caplog)
        fresh = start_sandbox(folder / "fresh")
        caplog.clear()
        ground.handrail.ok("init", HANDRAIL_STATE_DIR=str(fresh.state_dir))
        found["init"] |= needs_in(caplog)
        launcher.stop(fresh.state_dir)
    return found


def needs_in(caplog: pytest.LogCaptureFixture) -> set[str]:
    """Return the IAM actions that calls needed, as the log says it of each."""
    said = (message.partition(" needs ")[2] for message in caplog.messages)
    return {action for actions in said for action in re.findall(r"[\w-]+:\w+", actions)}


def rare(operation: str) -> set[str]:
    """Return what an operation declares and no line here needs."""
    of = [one for one in RARE if re.fullmatch(one.operations, operation)]
    return {action for action in OPERATIONS[operation].permissions for one in of if re.fullmatch(one.actions, action)}


def test_what_is_declared_is_what_is_needed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    needed = needs_of_all(tmp_path, caplog)
    declared = {name: set(one.permissions) for name, one in OPERATIONS.items()}
    missing = {name: sorted(needed[name] - declared[name]) for name in OPERATIONS}
    idle = {name: sorted(declared[name] - needed[name] - rare(name)) for name in OPERATIONS}
    assert {name: actions for name, actions in missing.items() if actions} == {}, "needed, and not declared"
    assert {name: actions for name, actions in idle.items() if actions} == {}, "declared, and never needed"


def test_nothing_is_declared_twice() -> None:
    assert [name for name, one in OPERATIONS.items() if len(set(one.permissions)) < len(one.permissions)] == []


@pytest.mark.parametrize("one", RARE, ids=lambda one: one.actions)
def test_what_is_rare_has_its_test(one: Rare) -> None:
    file, _, name = one.test.partition("::")
    assert f"def {name}(" in (TESTS / file).read_text()
