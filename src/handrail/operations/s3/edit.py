"""What is to be changed of a bucket, and the steps that change it: what makes it less public first, each repeatable."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from handrail.core.resources import Bucket
from handrail.core.tags import tags_after
from handrail.operations.s3.access import make_private, make_public, patiently
from handrail.session import Session


@dataclass(frozen=True)
class Edit:
    """What is to be changed of a bucket. public, versioning: None leaves them; put, drop: tags."""

    public: bool | None = None
    put: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    versioning: bool | None = None

    @property
    def is_nothing(self) -> bool:
        """Return whether all is left as it is."""
        return self.public is None and self.versioning is None and not self.put and not self.drop

    def tags_after(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return tags as they will be."""
        return tags_after(tags, self.put, self.drop)


def carry_out_edit(session: Session, bucket: Bucket, edit: Edit) -> tuple[str, ...]:
    """Do an edit, and return what a person should know of it."""
    s3, name, region = session.aws.s3, bucket.name, bucket.region
    warnings = make_private(session, name, region) if edit.public is False else ()
    if edit.versioning is not None:
        patiently(session, name, lambda: s3.put_versioning(name, region, is_on=bool(edit.versioning)))
    if edit.put or edit.drop:
        tags = edit.tags_after(s3.tags(name, region))
        patiently(session, name, lambda: s3.put_tags(name, region, tags))
    if edit.public:
        make_public(session, name, region)
    return warnings
