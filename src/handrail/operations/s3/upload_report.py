"""What an upload came to, one Result per PATH: its line, its report, and the list of what did not go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.core.amounts import count, readable
from handrail.core.errors import Acted, HandrailError, PartlyFailed, exit_code_of
from handrail.core.plan import Result, Status, facts_of
from handrail.core.resources import Bucket, Resource
from handrail.core.shell import command
from handrail.core.uploads import Shipment
from handrail.operations.s3.leftovers import NOTHING, Leftovers
from handrail.operations.s3.local_files import Batch

LISTED = 20


@dataclass(frozen=True)
class Load(Resource):
    """One PATH with what an upload would do, or did, to each of its files. Its JSON is made only where it is asked for.

    request: of its own row in the record. left: what unfinished uploads of its keys were found, of those files that are
    not to fail.
    """

    bucket: Bucket
    batch: Batch
    request: str
    shipments: tuple[Shipment, ...]
    left: Leftovers = NOTHING

    def having(self, status: str) -> list[Shipment]:
        """Return the files with a status."""
        return [one for one in self.shipments if one.status == status]

    @property
    def keys(self) -> Iterator[str]:
        """Return the keys that are there, or are to be."""
        return (one.file.key for one in self.shipments if one.status != "failed")

    def with_sent(self, sent: Iterator[Shipment]) -> "Load":
        """Return it with the next of what was sent in the place of each file that was to be."""
        shipments = tuple(next(sent) if one.status == "planned" else one for one in self.shipments)
        return replace(self, shipments=shipments)

    @property
    def changes_something(self) -> bool:
        """Return whether a file is to be sent, or something that was left is to be removed."""
        return bool(self.left.dead) or any(one.status == "planned" for one in self.shipments)

    def as_json(self) -> dict[str, Any]:
        """Return the counts, and a row per file."""
        return {
            "bucket": self.bucket.name,
            "path": self.batch.shown,
            "files": len(self.shipments),
            "bytes": sum(one.file.size for one in self.shipments),
            **{status: len(self.having(status)) for status in ("uploaded", "unchanged", "failed")},
            "empty_folders": self.batch.empty_folders,
            "objects": [one.as_json() for one in self.shipments],
        }

    def result(self, status: Status, said: str, *warnings: str, error: HandrailError | None = None) -> Result:
        """Return what became of it, with what was left, for somebody may be at work on that.

        The record calls it by the key of its one file, or the folder as it was named.
        """
        batch, number = self.batch, self.batch.empty_folders
        is_one = len(batch.files) == 1 and not batch.is_folder
        doubts = (
            f"an unfinished upload of {one.key} was left, for it may be under way: "
            f"{command('s3 show', self.bucket.name)}"
            for one in self.left.doubtful[:LISTED]
        )
        return Result(
            batch.shown,
            f"{self.bucket.name}/{batch.files[0].key if is_one else batch.shown}",
            status,
            said=said,
            current=self,
            request=self.request,
            region=self.bucket.region,
            warnings=(*warnings, *doubts),
            notes=facts_of(("left out", f"{count(number, 'empty folder')}: S3 keeps files only" if number else "")),
            error=error,
        )


def decided(load: Load) -> Result:
    """Return the result of a PATH as planned; one with nothing to do stands as it is."""
    if not load.changes_something:
        return finished(load)
    faults = (one.error.message for one in load.having("failed")[:LISTED] if one.error is not None)
    return load.result(Status.PLANNED, _would(load), *faults)


def finished(load: Load, swept: int = 0) -> Result:
    """Return the result of a PATH. swept: unfinished uploads of before that were removed."""
    removed = [f"{count(swept, 'unfinished upload')} of before removed"] if swept else []
    if failed := load.having("failed"):
        error = _failure(load, failed)
        return load.result(Status.FAILED, error.message, *removed, error=error)
    done = Status.SUCCEEDED if swept or load.having("uploaded") else Status.UNCHANGED
    return load.result(done, _said(load), *removed)


def _would(load: Load) -> str:
    to_send = load.having("planned")
    if not to_send:
        what = count(len(load.left.dead), "unfinished upload")
        return f"{what} of {load.batch.shown} would be removed from {load.bucket.name}; nothing was changed"
    size = readable(sum(one.file.size for one in to_send))
    return f"{count(len(to_send), 'file')} of {load.batch.shown} would be uploaded to {load.bucket.name} · {size}"


def _said(load: Load) -> str:
    uploaded, unchanged = load.having("uploaded"), load.having("unchanged")
    if not load.shipments:
        return f"nothing to upload in {load.batch.shown}; unchanged"
    if len(load.shipments) == 1 and not load.batch.is_folder:
        one = load.shipments[0]
        where = "is in" if uploaded else "was there already: unchanged in"
        return f"{one.file.key} {where} {load.bucket.name} · {readable(one.file.size)} · CRC32 {one.crc32}"
    parts = []
    if uploaded:
        size = readable(sum(one.file.size for one in uploaded))
        parts.append(f"{count(len(uploaded), 'file')} uploaded to {load.bucket.name} · {size} · checksums match")
    if unchanged:
        verb = "was" if len(unchanged) == 1 else "were"
        parts.append(f"{count(len(unchanged), 'file')} {verb} there already")
    return " · ".join(parts)


def _failure(load: Load, failed: Sequence[Shipment]) -> HandrailError:
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
        f"{len(failed):,} of {len(load.shipments):,} files in {load.batch.shown} are not in {load.bucket.name}"
        + (f"; {there:,} are." if there else "."),
        facts=(("not", "\n".join(lines)),),
        hint="mend what the list names, and repeat the command: what is there is not sent again",
        details={"errors": [one.as_json() for one in failed]},
        acted=doubts[0] or Acted.UNKNOWN if doubts else Acted.NO,
    )
