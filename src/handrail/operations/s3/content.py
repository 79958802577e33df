"""What is in a bucket: how much, versions and unfinished uploads included; and taking it out."""

from collections.abc import Callable

from handrail.aws.s3_objects import Content, Deleted, Objects, batches
from handrail.core.amounts import count
from handrail.core.errors import Acted, AwsFailure

Mark = tuple[str, str]  # a key, and the id of a version or upload of it
NOT_DELETED = "not_deleted"  # the slug of what S3 kept
ROUNDS = 1000  # whoever writes to a bucket without end does not keep its deletion going


def count_content(objects: Objects, tell: Callable[[int], None]) -> Content:
    """Return how much is in a bucket, versions and unfinished uploads included; `tell` hears how far it is."""
    current = older = size = 0
    for page in objects.versions():
        for one in page:
            if one.get("IsLatest") and not one.get("IsMarker"):
                current, size = current + 1, size + one["Size"]
            else:
                older += 1
        tell(current + older)
    return Content(current, size, older, sum(1 for _ in objects.unfinished()))


def make_empty(objects: Objects, tell: Callable[[str], None], rounds: int = ROUNDS) -> None:
    """Delete every version, marker and unfinished upload, in batches. Raises AwsFailure naming what S3 kept.

    It starts again from the top until nothing is found, or the same again: what somebody put behind the place of a
    listing is seen then, and what a service skips whose listings go on from an item, which is gone by then.
    """
    tally = Deleted()
    before: Mark | None = None
    for _ in range(rounds):
        first = _empty_once(objects, tally, tell)
        raise_refused(objects.bucket, tally)
        if first in (None, before):
            return
        before = first


def _empty_once(objects: Objects, tally: Deleted, tell: Callable[[str], None]) -> Mark | None:
    """Delete what is found by one walk from the top; return the first of it."""
    first: Mark | None = None
    for upload in objects.unfinished():
        objects.abort(upload)
        first = first or (upload.key, upload.id)
    for page in objects.versions():
        for batch in batches(page):
            objects.delete(batch, tally)
            first = first or (batch[0]["Key"], batch[0].get("VersionId", ""))
            tell(f"{objects.bucket}: {tally.count:,} objects and versions deleted")
    return first


def raise_refused(name: str, tally: Deleted) -> None:
    """Raise AwsFailure where S3 did not delete something, naming the first of it."""
    if not tally.refused:
        return
    shown = "\n".join(f"{key}: {code} {message}".rstrip() for key, code, message in tally.failed[:10])
    raise AwsFailure(
        f"S3 kept {count(tally.refused, 'object')} in {name}; {tally.count:,} were deleted.",
        facts=(("kept", shown),),
        hint="see what protects them: object lock, or the permission s3:DeleteObjectVersion",
        details={"kept": [{"key": key, "code": code} for key, code, _ in tally.failed], "deleted": tally.count},
        acted=Acted.NO,
        code=NOT_DELETED,
    )
