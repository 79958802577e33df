"""S3: what is in a bucket. Versions are listed from a place, not from an item; unfinished uploads; any key at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from handrail.sandbox.fidelity.registry import Patch, require_name, wrap

MOST_UPLOADS = 1000
ANY_LETTER = r"[\s\S]"  # moto's own patterns end at a line's end


def versions_of(bucket: Any) -> list[Any]:
    """Return every version and delete marker of a bucket as S3 orders them, each told whether it is the latest."""
    found = [
        version
        for _, versions in sorted(bucket.keys.iterlists(), key=lambda item: str(item[0]))
        for version in reversed(versions)
    ]
    for before, version in zip([None, *found], found, strict=False):
        version.is_latest = before is None or before.name != version.name
    return found


def after_markers(versions: list[Any], key: str | None, version_id: str | None) -> list[Any]:
    """Return what stands after a place in the order.

    The version that a listing ended with may be gone by the time that the next page is asked for: what is left of its
    key are then versions that were made since.
    """
    if key is None:
        return versions
    own = [version.version_id for version in versions if version.name == key]
    passed = len(own) if not version_id else own.index(version_id) + 1 if version_id in own else 0
    return [version for version in versions if version.name == key][passed:] + [
        version for version in versions if version.name > key
    ]


def folded(names: Iterator[Any], prefix: str, delimiter: str | None, after: str | None) -> Iterator[tuple[str, Any]]:
    """Yield (text, version) of what begins with a prefix; a folder once, as (its text, None), unless it is passed."""
    seen = after
    for version in names:
        name = str(version.name)
        end = name.find(delimiter, len(prefix)) if delimiter else -1
        if not name.startswith(prefix):
            continue
        if end < 0:
            yield name, version
        elif (folder := name[: end + len(delimiter or "")]) != seen:
            seen = folder
            yield folder, None


def patch_version_markers() -> None:
    """ListObjectVersions goes on from the place of its markers, also where the item of that place is gone."""
    from moto.s3.models import FakeDeleteMarker, S3Backend

    def list_object_versions(
        self: Any,
        bucket_name: str,
        delimiter: str | None = None,
        key_marker: str | None = None,
        max_keys: int | None = 1000,
        prefix: str = "",
        version_id_marker: str | None = None,
    ) -> tuple[list[Any], list[str], list[Any], str | None, str | None]:
        rest = after_markers(versions_of(self.get_bucket(bucket_name)), key_marker, version_id_marker)
        rows = list(folded(iter(rest), prefix, delimiter, key_marker))
        size = len(rows) if max_keys is None else max_keys
        page = rows[:size]
        shown = [version for _, version in page if version is not None]
        name, last = page[-1] if page and len(rows) > size else (None, None)
        return (
            [version for version in shown if not isinstance(version, FakeDeleteMarker)],
            [text for text, version in page if version is None],
            [version for version in shown if isinstance(version, FakeDeleteMarker)],
            name,
            last.version_id if last is not None else None,
        )

    wrap(S3Backend, "list_object_versions", lambda _: list_object_versions)


def patch_version_names() -> None:
    """ListObjectVersions gives keys as they were asked for: URL-encoded, they may have characters that XML has not."""
    from moto.core.responses import ActionResult
    from moto.s3.responses import S3Response

    def make(original: Any) -> Any:
        def list_object_versions(self: Any) -> Any:
            if self.querystring.get("encoding-type", [None])[0] != "url":
                return original(self)
            serialized = self.serialized
            self.serialized = lambda answer: serialized(ActionResult(in_url(answer.result)))
            try:
                return original(self)
            finally:
                del self.serialized

        return list_object_versions

    require_name(S3Response.list_object_versions, "serialized")
    wrap(S3Response, "list_object_versions", make)


def in_url(result: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of ListObjectVersions with its keys, and the parts of keys, URL-encoded."""
    parts = ("Prefix", "Delimiter", "KeyMarker", "NextKeyMarker")
    lists = {"Versions": "Key", "DeleteMarkers": "Key", "CommonPrefixes": "Prefix"}
    return {
        **result,
        **{name: quote(result[name]) for name in parts if result.get(name)},
        **{name: [{**one, key: quote(one[key])} for one in result.get(name, ())] for name, key in lists.items()},
        "EncodingType": "url",
    }


def upload_times() -> None:
    """Let an upload remember when it was begun."""
    from moto.core.utils import iso_8601_datetime_with_milliseconds, utcnow
    from moto.s3.models import FakeMultipart

    def make(original: Any) -> Any:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self.initiated = iso_8601_datetime_with_milliseconds(utcnow())

        return init

    wrap(FakeMultipart, "__init__", make)


def patch_list_uploads() -> None:
    """ListMultipartUploads tells when each was begun, in the order of keys, in pages."""
    from moto.core.responses import ActionResult
    from moto.s3.responses import S3Response

    def list_multipart_uploads(self: Any) -> Any:
        values = {name: self.querystring.get(name, [None])[0] for name in self.querystring}
        prefix, key_marker = values.get("prefix") or "", values.get("key-marker") or ""
        marker = (key_marker, values.get("upload-id-marker") or "\U0010ffff")
        size = min(int(values.get("max-uploads") or MOST_UPLOADS), MOST_UPLOADS)
        uploads = sorted(
            (
                one
                for one in self.backend.list_multipart_uploads(self.bucket_name).values()
                if one.key_name.startswith(prefix) and (not key_marker or (one.key_name, one.id) > marker)
            ),
            key=lambda one: (one.key_name, one.id),
        )
        page = uploads[:size]
        said = quote if values.get("encoding-type") == "url" else str
        result: dict[str, Any] = {
            "Bucket": self.bucket_name,
            "KeyMarker": key_marker,
            "UploadIdMarker": values.get("upload-id-marker") or "",
            "MaxUploads": size,
            "IsTruncated": len(uploads) > size,
            "EncodingType": values.get("encoding-type"),
            "Uploads": [describe_upload(one, said) for one in page],
        }
        if page and len(uploads) > size:
            result |= {"NextKeyMarker": said(page[-1].key_name), "NextUploadIdMarker": page[-1].id}
        self.data["Action"] = "ListMultipartUploads"
        return self.serialized(ActionResult(result))

    upload_times()
    wrap(S3Response, "list_multipart_uploads", lambda _: list_multipart_uploads)


def describe_upload(upload: Any, said: Callable[[str], str]) -> dict[str, Any]:
    """Return an unfinished upload as ListMultipartUploads shows it, its key as it was asked for."""
    return {
        "Key": said(upload.key_name),
        "UploadId": upload.id,
        "Initiated": upload.initiated,
        "StorageClass": "STANDARD",
        "ChecksumAlgorithm": upload.metadata.get("x-amz-checksum-algorithm"),
        "ChecksumType": upload.metadata.get("x-amz-checksum-type"),
    }


def patch_ended_uploads() -> None:
    """A part for an upload that was aborted or completed, and its completion, are refused: moto stumbles over them."""
    from moto.s3.exceptions import NoSuchUpload
    from moto.s3.models import S3Backend

    def make(original: Any) -> Any:
        def call(self: Any, bucket_name: str, multipart_id: str, *args: Any, **kwargs: Any) -> Any:
            if multipart_id not in self.get_bucket(bucket_name).multiparts:
                raise NoSuchUpload(upload_id=multipart_id)
            return original(self, bucket_name, multipart_id, *args, **kwargs)

        return call

    for name in ("upload_part", "upload_part_copy", "complete_multipart_upload", "abort_multipart_upload"):
        wrap(S3Backend, name, make)


def patch_keys() -> None:
    """A key may have any character in it, line ends too."""
    from moto.core.routing import GreedyLabelConverter
    from moto.s3.models import S3Backend

    def make(original: Any) -> Any:
        def flask_paths(self: Any) -> dict[str, Any]:
            paths = original.fget(self)
            mended = {
                path.replace('(".+")', f'("{ANY_LETTER}+")').replace("/.*", f"/{ANY_LETTER}*"): paths[path]
                for path in paths
            }
            if sum(ANY_LETTER in path for path in mended) != 2:
                raise RuntimeError("moto's paths of S3 keys have changed: the sandbox's patch must be revised")
            return mended

        return property(flask_paths)

    wrap(S3Backend, "flask_paths", make)
    wrap(GreedyLabelConverter, "regex", lambda _: f"{ANY_LETTER}+?")


PATCHES = (
    Patch("s3-version-markers", patch_version_markers),
    Patch("s3-version-names", patch_version_names),
    Patch("s3-list-uploads", patch_list_uploads),
    Patch("s3-ended-uploads", patch_ended_uploads),
    Patch("s3-keys", patch_keys),
)
