"""S3: what Object Lock keeps: retention that only grows, versions that stay kept, and dates that are to come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from handrail.sandbox import moment
from handrail.sandbox.fidelity.registry import Patch, wrap
from handrail.sandbox.fidelity.s3_access import access_denied, s3_error

PAST = "The retain until date must be in the future!"
KEPT = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."


def until_of(text: str | None) -> datetime | None:
    """Return a retain-until date, None where none is written. Raises S3's refusal of what is no date."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise s3_error("InvalidArgument", "The retain until date must be provided in ISO 8601 format") from error
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def check_to_come(text: str | None) -> None:
    """Raise S3's refusal of a retain-until date that has passed."""
    until = until_of(text)
    if until is not None and until.timestamp() <= moment.now():
        raise s3_error("InvalidArgument", PAST)


def patch_retention() -> None:
    """A retention date is one to come; COMPLIANCE is only prolonged, GOVERNANCE weakened only with the bypass."""
    from moto.s3.responses import S3Response

    def make_lock(original: Any) -> Any:
        def lock_details(self: Any, *args: Any, **kwargs: Any) -> Any:
            check_to_come(self.headers.get("x-amz-object-lock-retain-until-date"))
            return original(self, *args, **kwargs)

        return lock_details

    def make_put(original: Any) -> Any:
        def put_object_retention(self: Any) -> Any:
            mode, until = self._mode_until_from_body()
            check_to_come(until)
            version = self._get_param("versionId")
            key = self.backend.get_object(self.bucket_name, self.parse_key_name(), version_id=version)
            bypass = self.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"
            if key is not None and is_weaker(key, mode, until) and key.is_locked(bypass):
                raise access_denied()
            return original(self)

        return put_object_retention

    wrap(S3Response, "_get_lock_details", make_lock)
    wrap(S3Response, "put_object_retention", make_put)


def is_weaker(key: Any, mode: str | None, until: str | None) -> bool:
    """Tell whether a retention keeps an object for less long, or less well, than it is kept now."""
    now, wanted = until_of(key.lock_until), until_of(until)
    shorter = now is not None and (wanted is None or wanted < now)
    return shorter or (key.lock_mode == "COMPLIANCE" and mode != "COMPLIANCE")


def patch_get_retention() -> None:
    """GetObjectRetention tells mode and date; without a retention it says that there is none."""
    from moto.core.responses import ActionResult
    from moto.s3.responses import S3Response

    def make(original: Any) -> Any:
        def key_response_get(self: Any, query: dict[str, Any], key_name: str) -> Any:
            if "retention" not in query:
                return original(self, query, key_name)
            key, _ = self._get_key()
            if not key.lock_mode:
                raise s3_error("NoSuchObjectLockConfiguration", "The specified object does not have a retention")
            self.data["Action"] = "GetObjectRetention"
            told = {"Mode": key.lock_mode, "RetainUntilDate": until_of(key.lock_until)}
            return self.serialized(ActionResult({"Retention": told}))

        return key_response_get

    wrap(S3Response, "_key_response_get", make)


def patch_versioning() -> None:
    """Versioning of a bucket with Object Lock can't be suspended."""
    from moto.s3.models import S3Backend

    def make(original: Any) -> Any:
        def put_bucket_versioning(self: Any, bucket_name: str, status: str) -> Any:
            if status != "Enabled" and self.get_bucket(bucket_name).object_lock_enabled:
                raise s3_error("InvalidBucketState", KEPT)
            return original(self, bucket_name, status)

        return put_bucket_versioning

    wrap(S3Backend, "put_bucket_versioning", make)


PATCHES = (
    Patch("s3-lock-retention", patch_retention),
    Patch("s3-lock-get-retention", patch_get_retention),
    Patch("s3-lock-versioning", patch_versioning),
)
