"""The things people own, as frozen values. Their fields are the JSON; `COLUMNS` are the table and CSV."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from handrail.core.amounts import readable

LIVE_STATES = ("pending", "running", "stopping", "stopped")
ENDED = ("shutting-down", "terminated")
STATES = (*LIVE_STATES, *ENDED)
COUNTED = ("pending", "running")  # these count against a cap without a place as well
TAKES_A_PLACE = (*COUNTED, "stopping")  # a place is kept until its instance has stopped


@dataclass(frozen=True)
class Resource:
    """A thing in AWS as it was when looked at."""

    KIND: ClassVar[str] = ""
    COLUMNS: ClassVar[tuple[tuple[str, str], ...]] = ()

    @classmethod
    def json_keys(cls) -> tuple[str, ...]:
        """Return the names of the public fields: the keys of its JSON."""
        return tuple(item.name for item in fields(cls) if not item.metadata.get("private"))

    def as_json(self) -> dict[str, Any]:
        """Return the public fields, snake_case, times still datetime (the writer makes them ISO 8601 UTC)."""
        return {name: getattr(self, name) for name in self.json_keys()}

    @classmethod
    def kinds(cls) -> "Iterator[type[Resource]]":
        """Yield each kind of resource that is loaded."""
        for one in cls.__subclasses__():
            if one.KIND:
                yield one
            yield from one.kinds()


class Owned(Resource):
    """A thing that is somebody's, and that Handrail made or did not make.

    id: what AWS knows it by. name: what people call it; may be empty. owner, request: whose it is, and the request that
    made it, by which it is told from another of its name; empty where it is not `managed`: made by Handrail, proved.
    is_gone: nothing is left of it but its trace. ASKED: the columns of a question about it, where not those of a list.
    """

    ASKED: ClassVar[tuple[tuple[str, str], ...]] = ()

    if TYPE_CHECKING:  # fields or properties of the values below, in an order of their own

        @property
        def id(self) -> str: ...
        @property
        def name(self) -> str: ...
        @property
        def region(self) -> str: ...
        @property
        def owner(self) -> str: ...
        @property
        def request(self) -> str: ...
        @property
        def managed(self) -> bool: ...
        @property
        def tags(self) -> dict[str, str]: ...
        @property
        def is_gone(self) -> bool: ...


@dataclass(frozen=True)
class Instance(Owned):
    """An EC2 instance. `managed` is judged from its tags and its immutable ClientToken together."""

    KIND: ClassVar[str] = "instance"
    COLUMNS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("NAME", "name"),
        ("ID", "id"),
        ("TYPE", "type"),
        ("STATE", "state"),
        ("PUBLIC", "public_ip"),
        ("PRIVATE", "private_ip"),
        ("IMAGE", "image"),
        ("AGE", "created_at"),
        ("OWNER", "owner"),
    )
    ASKED: ClassVar[tuple[tuple[str, str], ...]] = (
        ("NAME", "name"),
        ("ID", "id"),
        ("TYPE", "type"),
        ("STATE", "state"),
        ("AGE", "created_at"),
        ("OWNER", "owner"),
        ("PUBLIC", "public_ip"),
        ("PRIVATE", "private_ip"),
    )

    id: str
    name: str
    type: str
    state: str
    image: str
    image_id: str
    architecture: str
    owner: str
    created_at: datetime | None
    public_ip: str | None
    private_ip: str | None
    availability_zone: str
    region: str
    managed: bool
    tags: dict[str, str]
    started_at: datetime | None = None
    key_pair: str | None = None
    security_groups: tuple[str, ...] = ()
    subnet: str | None = None
    vpc: str | None = None
    instance_profile: str | None = None
    volumes: tuple[str, ...] = ()
    state_reason: str = ""
    request: str = ""
    client_token: str = field(default="", metadata={"private": True})
    root_device: str = field(default="", metadata={"private": True})

    @property
    def system(self) -> str:
        """Return the image as short as a table needs it: `Ubuntu 26.04`, `Amazon Linux`."""
        return "Amazon Linux" if self.image.startswith("Amazon Linux") else self.image.removesuffix(" LTS")

    @property
    def is_gone(self) -> bool:
        """Return whether it has ended, or is ending, for good."""
        return self.state in ENDED

    @property
    def takes_a_place(self) -> bool:
        """Return whether it counts against a cap: pending, running and stopping do."""
        return self.state in TAKES_A_PLACE


@dataclass(frozen=True)
class Image:
    """A machine image: what `--image` became."""

    id: str
    name: str
    label: str
    architecture: str
    created_at: str
    root_device: str
    user: str | None
    alias: str | None = None
    owner: str = ""


@dataclass(frozen=True)
class Bucket(Owned):
    """An S3 bucket. `managed` is judged from its tags and its ledger row together.

    access: `private`, `public`, `unknown`, or `gone` where only its row is left. objects, bytes: counted only where
    asked for. unfinished: uploads that never ended. note: what kept something from being read.
    """

    KIND: ClassVar[str] = "bucket"
    COLUMNS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("NAME", "name"),
        ("REGION", "region"),
        ("ACCESS", "access"),
        ("AGE", "created_at"),
        ("OWNER", "owner"),
    )

    name: str
    region: str
    access: str
    owner: str
    created_at: datetime | None
    managed: bool
    tags: dict[str, str]
    versioning: str | None = None
    encryption: str | None = None
    ownership: str | None = None
    object_lock: str | None = None
    objects: int | None = None
    bytes: int | None = None
    unfinished: tuple[dict[str, Any], ...] = ()
    request: str = ""
    note: str = ""
    exposure: Any = field(default=None, metadata={"private": True})  # s3_rules.Exposure, which few commands load

    @property
    def id(self) -> str:
        """Return its name, by which S3 knows it."""
        return self.name

    @property
    def is_gone(self) -> bool:
        """Return whether only its row is left."""
        return self.access == "gone"

    @property
    def readable_size(self) -> str:
        """Return the bytes in it as people read them."""
        return readable(self.bytes)


@dataclass(frozen=True)
class StoredObject(Resource):
    """An object in a bucket. size in bytes; crc32 as S3 writes it, where it was asked for."""

    KIND: ClassVar[str] = "object"
    COLUMNS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("KEY", "key"),
        ("SIZE", "readable_size"),
        ("AGE", "modified_at"),
    )

    key: str
    size: int
    modified_at: datetime | None
    storage_class: str = ""
    etag: str = ""
    crc32: str | None = None

    @property
    def readable_size(self) -> str:
        """Return the size as people read it."""
        return readable(self.size)
