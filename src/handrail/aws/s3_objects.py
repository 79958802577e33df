"""Objects of one bucket: listing them in bounded memory, looking at some, deleting many. Sends nothing up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import unquote_plus

from handrail.aws.answers import date_of
from handrail.aws.failures import ask
from handrail.aws.paging import PAGE, pages, stuck
from handrail.core.errors import NotFound, PermissionDenied
from handrail.core.resources import StoredObject
from handrail.core.uploads import fits_xml, xml_start


@dataclass(frozen=True)
class Unfinished:
    """A multipart upload that was neither completed nor aborted."""

    key: str
    id: str
    started_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return it as a row of a bucket's `unfinished`."""
        return {"key": self.key, "upload_id": self.id, "started_at": self.started_at}


@dataclass(frozen=True)
class Content:
    """How much is in a bucket, everything that stands in the way of its deletion counted.

    objects, bytes: what a listing shows; versions: older versions and delete markers; unfinished: uploads.
    """

    objects: int = 0
    bytes: int = 0
    versions: int = 0
    unfinished: int = 0

    @property
    def is_empty(self) -> bool:
        """Return whether nothing at all is in it."""
        return not (self.objects or self.versions or self.unfinished)


@dataclass
class Deleted:
    """What a deletion came to. failed: (key, code, message) of the first `KEPT` that S3 refused, to show."""

    KEPT = 100

    count: int = 0
    refused: int = 0
    failed: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, asked: int, errors: Sequence[Mapping[str, Any]]) -> None:
        """Count one batch."""
        self.count += asked - len(errors)
        self.refused += len(errors)
        room = max(0, self.KEPT - len(self.failed))
        self.failed += [(one["Key"], one.get("Code", ""), one.get("Message", "")) for one in errors[:room]]


class Objects:
    """The objects of one bucket, which must belong to `account` on every call."""

    def __init__(self, client: Any, bucket: str, account: str) -> None:
        self._client, self.bucket = client, bucket
        self._common = {"Bucket": bucket, "ExpectedBucketOwner": account}

    def ask(self, call: str, key: str = "", /, **parameters: Any) -> Any:
        """Make a call about the bucket (`s3:ListParts`) and return its reply. key: of the object that it is about."""
        return ask(self._client, call, key or self.bucket, **self._common, **parameters)

    def walk(self, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects whose keys begin with a prefix, in the order of their keys, one page in memory."""
        call = {"MaxKeys": PAGE, "Prefix": prefix, **({"StartAfter": after} if after else {})}
        look, tokens = partial(self.ask, "s3:ListObjectsV2"), {"NextContinuationToken": "ContinuationToken"}
        for page in pages(look, call, tokens, "Contents", truncated="IsTruncated"):
            yield from (_stored(raw) for raw in page.get("Contents", ()))

    def present(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of these keys that exist: by listing, with a leap over what lies between two of them.

        A folder of new files costs one call instead of one per file; at worst it is one call per key.
        """
        wanted = sorted(set(keys))
        found: dict[str, StoredObject] = {}
        at, after = 0, ""
        while at < len(wanted):
            after = max(after, _just_before(wanted[at]))
            page = self.ask("s3:ListObjectsV2", MaxKeys=PAGE, **({"StartAfter": after} if after else {}))
            there = {raw["Key"]: raw for raw in page.get("Contents", ())}
            found.update((key, _stored(there[key])) for key in islice(wanted, at, None) if key in there)
            if not page["IsTruncated"]:
                break
            if max(there, default="") <= after:
                raise stuck("more is to come, and it lies before what was asked for")
            after = max(there)
            while at < len(wanted) and wanted[at] <= after:
                at += 1
        return found

    def head(self, key: str) -> StoredObject | None:
        """Return an object with its full CRC32 where S3 has one; None if there is no such object."""
        try:
            reply = self.ask("s3:HeadObject", key, Key=key, ChecksumMode="ENABLED")
        except NotFound:
            return None
        whole = reply.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        return StoredObject(
            key=key,
            size=reply["ContentLength"],
            modified_at=reply.get("LastModified"),
            storage_class=reply.get("StorageClass", "STANDARD"),
            etag=reply.get("ETag", "").strip('"'),
            crc32=reply.get("ChecksumCRC32") if whole else None,
        )

    def now(self) -> datetime:
        """Return the time of day as S3 has it, whole seconds, by the date of a reply."""
        reply = self.ask("s3:ListObjectsV2", MaxKeys=1)
        return datetime.fromtimestamp(date_of(reply["ResponseMetadata"]["HTTPHeaders"]) or 0, UTC)

    def unfinished(self, prefix: str = "") -> Iterator[Unfinished]:
        """Yield the uploads that never ended.

        Keys are asked for as URLs write them, for XML can't write all; botocore sees to that in other listings only.
        """

        def look(**call: Any) -> Mapping[str, Any]:
            page = self.ask("s3:ListMultipartUploads", Prefix=prefix, EncodingType="url", **call)
            read = unquote_plus if page.get("EncodingType") == "url" else str
            return {
                **page,
                "NextKeyMarker": read(page.get("NextKeyMarker", "")),
                "Uploads": [{**raw, "Key": read(raw["Key"])} for raw in page.get("Uploads", ())],
            }

        tokens = {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}
        for page in pages(look, {}, tokens, "Uploads", truncated="IsTruncated"):
            for raw in page["Uploads"]:
                yield Unfinished(raw["Key"], raw["UploadId"], raw.get("Initiated"))

    def touched_at(self, upload: Unfinished) -> datetime | None:
        """Return when an unfinished upload was begun or last got a part. None: nobody knows. Raises NotFound: gone."""
        call = {"Key": upload.key, "UploadId": upload.id}
        times = [upload.started_at] if upload.started_at else []
        look, tokens = partial(self.ask, "s3:ListParts", upload.key), {"NextPartNumberMarker": "PartNumberMarker"}
        for page in pages(look, call, tokens, "Parts", truncated="IsTruncated"):
            times += [part["LastModified"] for part in page.get("Parts", ())]
        return max(times, default=None)

    def abort(self, upload: Unfinished) -> None:
        """Throw the parts of an unfinished upload away; one that is gone already is no error."""
        try:
            self.ask("s3:AbortMultipartUpload", upload.key, Key=upload.key, UploadId=upload.id)
        except NotFound:
            return

    def versions(self, prefix: str = "") -> Iterator[list[dict[str, Any]]]:
        """Yield pages of every version and delete marker: Key, VersionId, and whether it is the latest and its size."""
        look, call = partial(self.ask, "s3:ListObjectVersions"), {"Prefix": prefix} if prefix else {}
        tokens, more = {"NextKeyMarker": "KeyMarker", "NextVersionIdMarker": "VersionIdMarker"}, "IsTruncated"
        listed = ("Versions", "DeleteMarkers")
        for page in pages(look, call, tokens, *listed, truncated=more, optional=("NextVersionIdMarker",)):
            yield [
                *page.get("Versions", ()),
                *({**marker, "Size": 0, "IsMarker": True} for marker in page.get("DeleteMarkers", ())),
            ]

    def delete(self, keys: Sequence[Mapping[str, str]], tally: Deleted) -> list[Mapping[str, str]]:
        """Delete up to 1,000 keys (with VersionId: versions) in one call; return all that S3 refused, as it says it.

        A key that XML can't write is deleted in a call of its own: one of them makes a whole batch malformed.
        """
        named = [{name: one[name] for name in ("Key", "VersionId") if name in one} for one in keys]
        alone = [one for one in named if not fits_xml(one["Key"])]
        refused = [refusal for one in alone for refusal in self._delete_alone(one)]
        together = [one for one in named if fits_xml(one["Key"])]
        if together:
            reply = self.ask("s3:DeleteObjects", Delete={"Objects": together, "Quiet": True})
            refused += reply.get("Errors", ())
        tally.add(len(named), refused)
        return refused

    def _delete_alone(self, named: Mapping[str, str]) -> list[Mapping[str, str]]:
        """Delete one key, and return its refusal in the form of DeleteObjects, or nothing."""
        try:
            self.ask("s3:DeleteObject", named["Key"], **named)
        except PermissionDenied as error:
            return [{**named, "Code": str(error.details.get("aws_code", "")), "Message": error.message}]
        return []


def batches(items: Iterable[Any], size: int = PAGE) -> Iterator[list[Any]]:
    """Yield the items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _stored(raw: Mapping[str, Any]) -> StoredObject:
    return StoredObject(
        key=raw["Key"],
        size=raw["Size"],
        modified_at=raw.get("LastModified"),
        storage_class=raw.get("StorageClass", "STANDARD"),
        etag=raw.get("ETag", "").strip('"'),
    )


def _just_before(key: str) -> str:
    """Return a text that sorts before a key with little between the two; keys sort by their UTF-8 bytes.

    Text compares in Python as its UTF-8 bytes do in S3. What XML can't write is left out: S3 repeats the text in its
    reply, and not every service that is like S3 does so as URLs write it.
    """
    if not fits_xml(key):
        return xml_start(key)
    last = chr(ord(key[-1]) - 1)
    if not fits_xml(last) or "\ud800" <= last < "\ue000":  # half a character, which UTF-8 can't write
        return key[:-1]
    return key[:-1] + last + "\U0010fffd"
