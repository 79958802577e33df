"""What an upload came to, one Result per PATH: its line, its report, and the list of what did not go."""

from collections.abc import Sequence
from typing import Any

from handrail.core.errors import HandrailError, PartlyFailed, exit_code_of
from handrail.core.objects import Shipment
from handrail.core.plan import Result, Status
from handrail.core.words import count, readable
from handrail.operations.s3.gathering import Batch
from handrail.operations.s3.targets import Target

LISTED = 20


def decided(target: Target, batch: Batch, shipments: Sequence[Shipment], request: str) -> Result:
    """Return the result of a PATH as planned; one with nothing to send stands as it is."""
    to_send = _with(shipments, "planned")
    if not to_send:
        return finished(target, batch, shipments, request)
    size = readable(sum(one.file.size for one in to_send))
    return Result(
        batch.shown,
        batch.shown,
        Status.PLANNED,
        said=f"{count(len(to_send), 'file')} of {batch.shown} would be uploaded to {target.name} · {size}",
        current=_report(target, batch, shipments),
        request=request,
        region=target.one.region,
        warnings=tuple(one.error.message for one in _with(shipments, "failed")[:LISTED] if one.error is not None),
    )


def finished(target: Target, batch: Batch, shipments: Sequence[Shipment], request: str, swept: int = 0) -> Result:
    """Return the result of a PATH. swept: unfinished uploads of before that were removed."""
    uploaded, failed = _with(shipments, "uploaded"), _with(shipments, "failed")
    current = _report(target, batch, shipments)
    if failed:
        error = _failure(target, batch, shipments, failed)
        return Result.failed(
            batch.shown, error, id=batch.shown, current=current, request=request, region=target.one.region
        )
    return Result(
        batch.shown,
        batch.shown,
        Status.SUCCEEDED if uploaded else Status.UNCHANGED,
        said=_said(target, batch, shipments),
        current=current,
        request=request,
        region=target.one.region,
        warnings=(f"{count(swept, 'unfinished upload')} of before removed",) if swept and uploaded else (),
    )


def _with(shipments: Sequence[Shipment], status: str) -> list[Shipment]:
    return [one for one in shipments if one.status == status]


def _said(target: Target, batch: Batch, shipments: Sequence[Shipment]) -> str:
    uploaded, unchanged = _with(shipments, "uploaded"), _with(shipments, "unchanged")
    if not shipments:
        return f"nothing to upload in {batch.shown}; unchanged"
    if len(shipments) == 1 and not batch.is_folder:
        one = shipments[0]
        where = "is in" if uploaded else "was there already: unchanged in"
        return f"{one.file.key} {where} {target.name} · {readable(one.file.size)} · CRC32 {one.crc32}"
    parts = []
    if uploaded:
        size = readable(sum(one.file.size for one in uploaded))
        parts.append(f"{count(len(uploaded), 'file')} uploaded to {target.name} · {size} · checksums match")
    if unchanged:
        verb = "was" if len(unchanged) == 1 else "were"
        parts.append(f"{count(len(unchanged), 'file')} {verb} there already")
    return " · ".join(parts)


def _report(target: Target, batch: Batch, shipments: Sequence[Shipment]) -> dict[str, Any]:
    return {
        "bucket": target.name,
        "path": batch.shown,
        "files": len(shipments),
        "bytes": sum(one.file.size for one in shipments),
        "uploaded": len(_with(shipments, "uploaded")),
        "unchanged": len(_with(shipments, "unchanged")),
        "failed": len(_with(shipments, "failed")),
        "objects": [one.as_json() for one in shipments],
    }


def _failure(target: Target, batch: Batch, shipments: Sequence[Shipment], failed: Sequence[Shipment]) -> HandrailError:
    """Return the one error of a PATH: that of its only file, else a list; exit 8 unless all failed for one cause."""
    errors = [one.error for one in failed if one.error is not None]
    if len(shipments) == 1:
        return errors[0]
    lines = [error.message for error in errors[:LISTED]]
    if len(errors) > LISTED:
        lines.append(f"and {len(errors) - LISTED:,} more")
    there = len(shipments) - len(failed)
    alike = exit_code_of(errors, len(shipments)) != PartlyFailed.exit_code
    kind = type(errors[0]) if alike else PartlyFailed
    return kind(
        f"{len(failed):,} of {len(shipments):,} files in {batch.shown} are not in {target.name}"
        + (f"; {there:,} are." if there else "."),
        facts=(("not", "\n".join(lines)),),
        hint="mend what the list names, and repeat the command: what is there is not sent again",
        details={"errors": [one.as_json() for one in failed]},
    )
