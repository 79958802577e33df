"""Tells which files are in a bucket already: by size first, then by the checksum that S3 has. Sends nothing."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from handrail.aws.s3_files import Meter, digest_of
from handrail.aws.s3_objects import Objects, batches
from handrail.aws.s3_upload import WORKERS, in_the_way
from handrail.core.errors import HandrailError, Interrupted
from handrail.core.resources import StoredObject
from handrail.core.uploads import LocalFile, Shipment, checksum_text


def compare(
    objects: Objects,
    files: Sequence[LocalFile],
    there: Mapping[str, StoredObject],
    tell: Callable[[int], None],
    *,
    overwrite: bool,
) -> list[Shipment]:
    """Return for each file, in order, what an upload would do: `planned`, `unchanged`, or `failed` with the reason.

    there: the objects that have one of the keys. tell: hears how many were compared.
    """
    meter = Meter()

    def judge(file: LocalFile) -> Shipment:
        stored = there.get(file.key)
        if stored is None:
            return Shipment(file, "planned")
        try:
            crc32 = _same(objects, file, stored, meter)
        except HandrailError as error:
            return Shipment(file, "failed", error=error)
        if crc32:
            return Shipment(file, "unchanged", crc32)
        return Shipment(file, "planned") if overwrite else Shipment(file, "failed", error=in_the_way(file))

    shipments = []
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="compare") as pool:
        try:
            for some in batches(files):  # a pool keeps a kilobyte for each file that it was handed
                for shipment in pool.map(judge, some):
                    shipments.append(shipment)
                    tell(len(shipments))
        except KeyboardInterrupt as stop:
            meter.stopping.set()
            raise Interrupted("interrupted; nothing was uploaded.", hint="repeat the command", by=stop) from None
    return shipments


def _same(objects: Objects, file: LocalFile, stored: StoredObject, meter: Meter) -> str:
    """Return the checksum that file and object share, or an empty text."""
    if stored.size != file.size:
        return ""
    head = objects.head(file.key)
    if head is None or head.crc32 is None:
        return ""
    ours = checksum_text(digest_of(file, meter, objects.bucket).crc)
    return ours if head.crc32 == ours else ""
