"""Buckets with Object Lock: made so in the creating call, shown, finished after a kill, and not half emptied."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from conftest import Handrail, Sandbox

Unique = Callable[[str], str]


def lock_a_version(sandbox: Sandbox, bucket: str, mode: str = "COMPLIANCE", seconds: float = 86_400) -> None:
    """Put a locked object as a stranger."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    s3 = sandbox.client("s3")
    s3.put_object(Bucket=bucket, Key="kept", Body=b"x", ObjectLockMode=mode, ObjectLockRetainUntilDate=until)


def test_a_bucket_is_made_with_object_lock(handrail: Handrail, sandbox: Sandbox, unique: Unique) -> None:
    name = unique("locked")
    done = handrail.ok("s3", "create", name, "--object-lock", "--dry-run")
    assert "object lock" in done.err
    assert "on for good" in done.err
    made = handrail.json("s3", "create", name, "--object-lock")
    assert (made["current"]["object_lock"], made["current"]["versioning"]) == ("on", "on")
    told = sandbox.client("s3").get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    assert told == {"ObjectLockEnabled": "Enabled"}
    assert handrail.json("s3", "show", name)["object_lock"] == "on"
    assert "object lock" in handrail.ok("s3", "show", name).out
    handrail.ok("s3", "delete", name, "--yes")


def test_object_lock_is_a_parameter_of_the_request(handrail: Handrail, unique: Unique) -> None:
    name, request = unique("locked"), unique("r")
    handrail.ok("s3", "create", name, "--object-lock", "--request-id", request)
    again = handrail.json("s3", "create", name, "--object-lock", "--request-id", request)
    assert (again["status"], again["current"]["object_lock"]) == ("unchanged", "on")
    assert handrail("s3", "create", name, "--request-id", request).code == 5
    plain = unique("plain")
    handrail.ok("s3", "create", plain)
    assert handrail.json("s3", "show", plain)["object_lock"] == "off"


def test_versioning_of_it_is_not_suspended(handrail: Handrail, sandbox: Sandbox, unique: Unique) -> None:
    name = unique("locked")
    handrail.ok("s3", "create", name, "--object-lock")
    for words in (("--dry-run",), ()):
        done = handrail("s3", "update", name, "--versioning", "off", *words)
        assert done.code == 5
        assert f"bucket {name} has Object Lock, and so it always keeps versions." in done.err
    assert sandbox.client("s3").get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    handrail.ok("s3", "update", name, "--versioning", "on")


@pytest.mark.parametrize("mode", ["COMPLIANCE", "GOVERNANCE"])
def test_it_is_not_emptied_while_something_is_locked(
    handrail: Handrail, sandbox: Sandbox, unique: Unique, mode: str
) -> None:
    name = unique("locked")
    s3 = sandbox.client("s3")
    handrail.ok("s3", "create", name, "--object-lock")
    s3.put_object(Bucket=name, Key="free", Body=b"x")
    lock_a_version(sandbox, name, mode)
    done = handrail("s3", "delete", name, "--empty", "--yes")
    assert done.code == 5
    assert "nothing was deleted" in done.err
    assert f"kept · {mode} until" in done.err
    assert len(s3.list_object_versions(Bucket=name)["Versions"]) == 2


def test_a_legal_hold_is_seen_too(handrail: Handrail, sandbox: Sandbox, unique: Unique) -> None:
    name = unique("locked")
    handrail.ok("s3", "create", name, "--object-lock")
    sandbox.client("s3").put_object(Bucket=name, Key="kept", Body=b"x", ObjectLockLegalHoldStatus="ON")
    done = handrail("s3", "delete", name, "--empty", "--yes")
    assert done.code == 5
    assert "legal hold" in done.err


def test_it_is_emptied_when_nothing_is_locked(handrail: Handrail, sandbox: Sandbox, unique: Unique) -> None:
    name = unique("locked")
    handrail.ok("s3", "create", name, "--object-lock")
    sandbox.client("s3").put_object(Bucket=name, Key="free", Body=b"x")
    handrail.ok("s3", "delete", name, "--empty", "--yes")


def test_what_is_locked_beyond_the_first_versions_is_said_and_stays(
    handrail: Handrail, sandbox: Sandbox, unique: Unique
) -> None:
    name = unique("locked")
    s3 = sandbox.client("s3")
    handrail.ok("s3", "create", name, "--object-lock")
    for number in range(20):
        s3.put_object(Bucket=name, Key=f"free-{number:02}", Body=b"x")
    lock_a_version(sandbox, name)
    done = handrail("s3", "delete", name, "--empty", "--yes")
    assert done.code == 5
    assert "S3 kept 1 object" in done.err
    assert "20 were deleted" in done.err
    assert [one["Key"] for one in s3.list_object_versions(Bucket=name)["Versions"]] == ["kept"]
