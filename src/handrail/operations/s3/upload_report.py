"""What an upload came to, one Result per PATH: its line, its report, and the list of what did not go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handrail.core.amounts import count, readable
from handrail.core.errors import Acted, HandrailError, PartlyFailed, exit_code_of
from handrail.core.plan import Facts, Result, Status
from handrail.core.resources import Bucket, Resource
from handrail.core.shell import command
from handrail.core.uploads import Shipment
from handrail.operations.s3.leftovers import NOTHING, Leftovers
from handrail.operations.s3.local_files import Batch

LISTED = 20


@dataclass(frozen=True)
class Load:
    """One PATH with what an upload would do, or did, to each of its files.

    request: of its own row in the record. left: what unfinished uploads of its keys were found, of those files that are
    not to fail.
    """

    batch: Batch
    shipments: tuple[Shipment, ...]
    request: str
    left: Leftovers = NOTHING

    def having(self, status: str) -> list[Shipment]:
        """Return the files with a status."""
        return [one for one in self.shipments if one.status == status]

    @property
    def changes_something(self) -> bool:
        """Return whether a file is to be sent, or something that was left is to be removed."""
        return bool(self.left.dead) or any(one.status == "planned" for one in self.shipments)


@dataclass(frozen=True)
class Report(Resource):
    """What the JSON of a PATH says of its files; made only where it is asked for, for they may be many."""

    bucket: Bucket
    load: Load

    def as_json(self) -> dict[str, Any]:
        """Return the counts, and a row per file."""
        load = self.load
        return {
            "bucket": self.bucket.name,
            "path": load.batch.shown,
            "files": len(load.shipments),
            "bytes": sum(one.file.size for one in load.shipments),
            **{status: len(load.having(status)) for status in ("uploaded", "unchanged", "failed")},
            "empty_folders": load.batch.empty_folders,
            "objects": [one.as_json() for one in load.shipments],
        }


def decided(bucket: Bucket, load: Load) -> Result:
    """Return the result of a PATH as planned; one with nothing to do stands as it is."""
    if not load.changes_something:
        return finished(bucket, load)
    return Result(
        load.batch.shown,
        _id(bucket, load.batch),
        Status.PLANNED,
        said=_would(bucket, load),
        current=Report(bucket, load),
        request=load.request,
        region=bucket.region,
        warnings=(
            *(one.error.message for one in load.having("failed")[:LISTED] if one.error is not None),
            *_doubts(bucket, load),
        ),
        notes=_notes(load),
    )


def finished(bucket: Bucket, load: Load, swept: int = 0) -> Result:
    """Return the result of a PATH. swept: unfinished uploads of before that were removed."""
    failed = load.having("failed")
    error = _failure(bucket, load, failed) if failed else None
    done = Status.SUCCEEDED if swept or load.having("uploaded") else Status.UNCHANGED
    return Result(
        load.batch.shown,
        _id(bucket, load.batch),
        Status.FAILED if error else done,
        said=error.message if error else _said(bucket, load),
        current=Report(bucket, load),
        request=load.request,
        region=bucket.region,
        warnings=(
            *([f"{count(swept, 'unfinished upload')} of before removed"] if swept else ()),
            *_doubts(bucket, load),
        ),
        notes=_notes(load),
        error=error,
    )


def _id(bucket: Bucket, batch: Batch) -> str:
    """Return what the record calls a PATH: the bucket, and the key of its one file or the folder as it was named."""
    is_one = len(batch.files) == 1 and not batch.is_folder
    return f"{bucket.name}/{batch.files[0].key if is_one else batch.shown}"


def _would(bucket: Bucket, load: Load) -> str:
    to_send = load.having("planned")
    if not to_send:
        what = count(len(load.left.dead), "unfinished upload")
        return f"{what} of {load.batch.shown} would be removed from {bucket.name}; nothing was changed"
    size = readable(sum(one.file.size for one in to_send))
    return f"{count(len(to_send), 'file')} of {load.batch.shown} would be uploaded to {bucket.name} · {size}"


def _doubts(bucket: Bucket, load: Load) -> list[str]:
    """Return what is said of unfinished uploads that were left, for somebody may be at work on them."""
    return [
        f"an unfinished upload of {one.key} was left, for it may be under way: {command('s3 show', bucket.name)}"
        for one in load.left.doubtful[:LISTED]
    ]


def _notes(load: Load) -> Facts:
    number = load.batch.empty_folders
    return (("left out", f"{count(number, 'empty folder')}: S3 keeps files only"),) if number else ()


def _said(bucket: Bucket, load: Load) -> str:
    uploaded, unchanged = load.having("uploaded"), load.having("unchanged")
    if not load.shipments:
        return f"nothing to upload in {load.batch.shown}; unchanged"
    if len(load.shipments) == 1 and not load.batch.is_folder:
        one = load.shipments[0]
        where = "is in" if uploaded else "was there already: unchanged in"
        return f"{one.file.key} {where} {bucket.name} · {readable(one.file.size)} · CRC32 {one.crc32}"
    parts = []
    if uploaded:
        size = readable(sum(one.file.size for one in uploaded))
        parts.append(f"{count(len(uploaded), 'file')} uploaded to {bucket.name} · {size} · checksums match")
    if unchanged:
        verb = "was" if len(unchanged) == 1 else "were"
        parts.append(f"{count(len(unchanged), 'file')} {verb} there already")
    return " · ".join(parts)


def _failure(bucket: Bucket, load: Load, failed: Sequence[Shipment]) -> HandrailError:
    """Return the one error of a PATH: that of its only file, else a list; exit 8 unless all failed for one cause."""
    errors = [one.error for one in failed if one.error is not None]
    if len(load.shipments) == 1:
        return errors[0]
    lines = [error.message for error in errors[:LISTED]]
    if len(errors) > LISTED:
        lines.append(f"and {len(errors) - LISTED:,} more")
    there = len(load.shipments) - len(failed)
    alike = exit_code_of(errors, len(load.shipments)) != PartlyFailed.exit_code
    kind = type(errors[0]) if alike else PartlyFailed
    doubts = [error.acted for error in errors if error.acted is not Acted.NO]
    return kind(
        f"{len(failed):,} of {len(load.shipments):,} files in {load.batch.shown} are not in {bucket.name}"
        + (f"; {there:,} are." if there else "."),
        facts=(("not", "\n".join(lines)),),
        hint="mend what the list names, and repeat the command: what is there is not sent again",
        details={"errors": [one.as_json() for one in failed]},
        acted=doubts[0] or Acted.UNKNOWN if doubts else Acted.NO,
    )
