"""Versions under Object Lock over a wire that refuses or breaks: what is looked at, and what is made of no answer."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from test_s3_wire import client_of

from conftest import Handrail, Sandbox
from handrail.aws.s3_locks import COMPLIANCE, GOVERNANCE, Lock, Vault
from handrail.core.errors import PermissionDenied, Unreachable
from handrail.sandbox.keys import ACCOUNT
from wire import Forward, Reply, Request, Wire

NOW = datetime.now(UTC)


@pytest.fixture
def locked(sandbox: Sandbox) -> str:
    """Return a new bucket with Object Lock."""
    name = f"locked-{uuid.uuid4().hex[:8]}"
    sandbox.client("s3").create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[Wire]:
    """Return a wire to the sandbox that spoils nothing yet."""
    with Wire(sandbox.running.endpoint) as wire:
        yield wire


def test_what_a_lock_keeps() -> None:
    ahead, past = NOW + timedelta(days=1), NOW - timedelta(days=1)
    assert Lock(COMPLIANCE, ahead).keeps(NOW)
    assert not Lock(COMPLIANCE, past).keeps(NOW)
    assert not Lock(GOVERNANCE, ahead).keeps(NOW)
    assert Lock(GOVERNANCE, ahead).hinders(NOW)
    assert not Lock().hinders(NOW)
    assert Lock(held=True).hinders(NOW)
    assert (Lock().words, Lock(held=True).words) == ("not locked", "legal hold")


def test_a_version_that_may_not_be_looked_at_counts_as_not_seen(sandbox: Sandbox, wire: Wire, locked: str) -> None:
    vault = Vault(client_of(sandbox, wire.endpoint), locked, ACCOUNT)
    assert vault.has_lock()
    assert vault.first_locked(5) is None
    vault.put("before", b"x", Lock())
    vault.put("k", b"x", Lock(COMPLIANCE, NOW + timedelta(days=1)))
    found = vault.first_locked(5)
    assert found is not None
    assert found[0] == "k"
    wire.hook = lambda request, forward: Reply(403) if request.method == "HEAD" else forward(request)
    assert vault.first_locked(5) is None


def test_without_the_right_to_ask_the_deletion_goes_on(
    handrail: Handrail, sandbox: Sandbox, wire: Wire, locked: str
) -> None:
    handrail.ok("s3", "create", f"{locked}-own")
    sandbox.client("s3").put_object(Bucket=f"{locked}-own", Key="k", Body=b"x")
    denied = Reply(403, {}, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
    wire.hook = lambda request, forward: denied if "object-lock" in request.query else forward(request)
    words = ("--target", "sandbox", "s3", "delete", f"{locked}-own", "--empty", "--yes")
    assert handrail(*words, AWS_ENDPOINT_URL=wire.endpoint).code == 0
    vault = Vault(client_of(sandbox, wire.endpoint), locked, ACCOUNT)
    with pytest.raises(PermissionDenied, match="s3:GetBucketObjectLockConfiguration"):
        vault.has_lock()


def test_an_answer_that_breaks_off_is_none(sandbox: Sandbox, wire: Wire, locked: str) -> None:
    vault = Vault(client_of(sandbox, wire.endpoint), locked, ACCOUNT)
    vault.put("k", b"x" * 1000, Lock())
    (version,) = vault.versions("k")

    def cut(request: Request, forward: Forward) -> Reply | None:
        reply = forward(request)
        assert reply is not None
        return Reply(reply.status, reply.headers, reply.body[:10]) if request.method == "GET" else reply

    assert vault.read(version, 2000)[0] == b"x" * 1000
    assert len(vault.read(version, 500)[0]) == 501
    wire.hook = cut
    with pytest.raises(Unreachable):
        vault.read(version, 2000)
