"""Versions of objects under Object Lock: putting one that nobody can delete, and reading versions as they stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from handrail.aws.s3_objects import Objects
from handrail.core.errors import NotFound, PermissionDenied, Unreachable

COMPLIANCE, GOVERNANCE = "COMPLIANCE", "GOVERNANCE"


@dataclass(frozen=True)
class Lock:
    """What keeps a version. mode: empty where nothing does, or where that may not be read."""

    mode: str = ""
    until: datetime | None = None
    held: bool = False

    @property
    def words(self) -> str:
        """Return it for people."""
        parts = [f"{self.mode} until {self.until:%Y-%m-%d %H:%M} UTC" if self.mode and self.until else ""]
        return " · ".join(part for part in [*parts, "legal hold" if self.held else ""] if part) or "not locked"

    def keeps(self, now: datetime) -> bool:
        """Return whether the version can't be deleted now, whoever asks to."""
        return self.mode == COMPLIANCE and self.until is not None and self.until > now

    def hinders(self, now: datetime) -> bool:
        """Return whether a plain deletion of the version is refused now."""
        return self.held or (bool(self.mode) and self.until is not None and self.until > now)


@dataclass(frozen=True)
class Version:
    """One version of an object, or a delete marker over it. at: when S3 took it, by its own clock."""

    key: str
    id: str
    at: datetime
    is_marker: bool = False
    is_latest: bool = False

    @property
    def named(self) -> dict[str, str]:
        """Return how a call names it: the latest without an id has none where the bucket keeps no versions."""
        is_plain = self.id == "null" and self.is_latest
        return {"Key": self.key, **({} if is_plain else {"VersionId": self.id})}


class Vault:
    """The versions in one bucket, which must belong to `account` on every call."""

    def __init__(self, client: Any, bucket: str, account: str) -> None:
        self.bucket, self._objects = bucket, Objects(client, bucket, account)

    def has_lock(self) -> bool:
        """Return whether versions can be locked in the bucket. Raises NotFound, PermissionDenied."""
        reply = self._objects.ask("s3:GetObjectLockConfiguration", excused="ObjectLockConfigurationNotFoundError")
        return bool(reply.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

    def put(self, key: str, body: bytes, lock: Lock) -> str:
        """Put an object, S3 checking its SHA-256, under a lock where one is given; return the id of the version."""
        locking = {"ObjectLockMode": lock.mode, "ObjectLockRetainUntilDate": lock.until} if lock.mode else {}
        checked = {"ContentType": "application/json", "ChecksumAlgorithm": "SHA256"}
        reply = self._objects.ask("s3:PutObject", key, Key=key, Body=body, **checked, **locking)
        return str(reply.get("VersionId") or "null")

    def versions(self, prefix: str) -> Iterator[Version]:
        """Yield every version and delete marker of the keys that begin so."""
        for page in self._objects.versions(prefix):
            for one in page:
                yield Version(
                    one["Key"],
                    one["VersionId"],
                    one["LastModified"],
                    is_marker=bool(one.get("IsMarker")),
                    is_latest=bool(one.get("IsLatest")),
                )

    def lock_of(self, version: Version) -> Lock:
        """Return what keeps a version. Raises NotFound."""
        return _lock(self._objects.ask("s3:HeadObject", version.key, **version.named))

    def read(self, version: Version, limit: int) -> tuple[bytes, Lock]:
        """Return the content of a version, at most one byte more than `limit`, and what keeps it. Raises NotFound."""
        from botocore.exceptions import BotoCoreError

        reply = self._objects.ask("s3:GetObject", version.key, **version.named)
        try:
            body = reply["Body"].read(limit + 1)
            if len(body) <= limit:
                reply["Body"].read(1)  # the end is where length and checksum are compared
        except (BotoCoreError, OSError) as error:
            raise Unreachable(f"the answer for {version.key} broke off.", hint="repeat the command") from error
        return body, _lock(reply)

    def first_locked(self, probed: int) -> tuple[str, Lock] | None:
        """Return the key and lock of the first version that is locked, among so many; None where none is seen."""
        now = datetime.now(UTC)
        for version in islice((one for one in self.versions("") if not one.is_marker), probed):
            try:
                lock = self.lock_of(version)
            except (NotFound, PermissionDenied):
                return None
            if lock.hinders(now):
                return version.key, lock
        return None


def _lock(reply: Mapping[str, Any]) -> Lock:
    """Return the lock that a reply tells. Source: S3 API reference, HeadObject, `x-amz-object-lock-*`."""
    held = reply.get("ObjectLockLegalHoldStatus") == "ON"
    return Lock(str(reply.get("ObjectLockMode", "")), reply.get("ObjectLockRetainUntilDate"), held)
