"""`s3 upload`: files, folders or standard input into an own bucket, each proved by its checksum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.aws.s3_compare import compare
from handrail.aws.s3_objects import Objects, Unfinished
from handrail.aws.s3_upload import Terms, Uploader
from handrail.core.errors import Usage
from handrail.core.fields import Field, Kind, Values
from handrail.core.objects import (
    Filter,
    LocalFile,
    Progress,
    Shipment,
    check_filter,
    content_type,
    progress_text,
    sum_sizes,
)
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Claim, Facts, Hold, Plan, Result
from handrail.core.s3_rules import check_content_type, check_key
from handrail.core.words import count, readable
from handrail.ledger.record import given_of
from handrail.operations.s3.gathering import Batch, find_doubles, gather
from handrail.operations.s3.recovering import recover
from handrail.operations.s3.targets import (
    BUCKET,
    LOOK,
    OWNER,
    Target,
    find_one,
    foreign_question,
    objects_of,
    owners_of,
)
from handrail.operations.s3.uploaded import decided, finished
from handrail.session import Session

STDIN = "-"


@dataclass(frozen=True)
class Load:
    """One PATH with what an upload would do to each of its files. request: of its own row in the record."""

    batch: Batch
    shipments: tuple[Shipment, ...]
    request: str

    @property
    def to_send(self) -> list[LocalFile]:
        """Return the files that are to be sent."""
        return [one.file for one in self.shipments if one.status == "planned"]


def upload_files(session: Session, values: Values) -> Plan:
    """Look at files and bucket and return the plan of what is to be sent. Raises Usage, NotManaged, Refused."""
    _check_words(values)
    chosen = check_filter(values["include"], values["exclude"])
    target = find_one(session, values["bucket"])
    batches = _batches(session, values, chosen)
    claims = _secrets(batches) if target.one.access != "private" else ()
    session.check_claims(claims)
    objects = objects_of(session, target.one)
    loads = _loads(session, objects, batches, overwrite=values["overwrite"])

    def apply(hold: Hold) -> list[Result]:
        find_one(session, target.name)  # whose it is may have changed while a question stood
        return _apply(session, target, objects, loads, values)

    files = [file for load in loads for file in load.to_send]
    return Plan(
        title=f"upload {count(len(files), 'file')} to {target.name}",
        apply=apply,
        planned=[decided(target, load.batch, load.shipments, load.request) for load in loads],
        many=True,
        claims=claims,
        owners=owners_of([target] if files else []),
        question=foreign_question([target], "upload to it") if files else None,
        facts=_facts(loads, files),
        given=given_of(UPLOAD, values),
        resolved={load.request: {"bucket": target.name, "files": len(load.to_send)} for load in loads},
    )


def _check_words(values: Values) -> None:
    if STDIN not in values["paths"]:
        if values["key"] is not None:
            raise Usage("--key names what comes from standard input.", hint="give - as the path, or leave --key out")
        return
    if values["key"] is None:
        raise Usage("what comes from standard input has no name.", hint="--key NAME")
    if len(values["paths"]) > 1:
        raise Usage("standard input can't be uploaded beside other files.", hint="upload them apart")


def _batches(session: Session, values: Values, chosen: Filter) -> list[Batch]:
    prefix = values["prefix"] or ""
    if values["paths"] == (STDIN,):
        return [Batch(STDIN, files=[LocalFile("", STDIN, check_key(prefix + values["key"]), 0)])]
    batches = [gather(session.cwd, path, prefix, chosen) for path in values["paths"]]
    find_doubles(batches)
    return batches


def _secrets(batches: Sequence[Batch]) -> tuple[Claim, ...]:
    """Return a claim per file that is to become public: by the name given, its key, and where a link leads."""
    names = dict.fromkeys(
        name for batch in batches for file in batch.files for name in (file.shown, file.key, file.real) if name
    )
    return tuple(Claim("s3.secret_files", name) for name in names)


def _loads(session: Session, objects: Objects, batches: Sequence[Batch], *, overwrite: bool) -> list[Load]:
    files = [file for batch in batches for file in batch.files if batch.shown != STDIN]
    there = objects.present(file.key for file in files) if files else {}

    def tell(number: int) -> None:
        session.listener.progress(f"{number:,} of {len(files):,} files compared with what is there")

    judged = iter(compare(objects, files, there, tell, overwrite=overwrite))
    loads = []
    for batch in batches:
        if batch.shown == STDIN:
            own = [Shipment(file, "planned") for file in batch.files]
        else:
            own = [next(judged) for _ in batch.files]
        loads.append(Load(batch, (*own, *batch.faults), session.new_request()))
    return loads


def _apply(session: Session, target: Target, objects: Objects, loads: Sequence[Load], values: Values) -> list[Result]:
    left = list(objects.unfinished())
    terms = Terms(target.name, session.s3.account, _type_of(values["content_type"]), values["overwrite"])
    uploader = Uploader(session.s3.client(target.one.region), terms)

    def tell(progress: Progress) -> None:
        session.listener.progress(progress_text(progress))

    files = [file for load in loads for file in load.to_send]
    if values["paths"] == (STDIN,):
        sent = [uploader.send_stream(session.open_stdin(), files[0], tell)]
    else:
        sent = uploader.send(files, tell)
    removed = _sweep(objects, left, {one.file.key for one in sent if one.status == "uploaded"})
    by_file = {id(file): one for file, one in zip(files, sent, strict=True)}
    return [
        finished(target, load.batch, [by_file.get(id(one.file), one) for one in load.shipments], load.request, removed)
        for load in loads
    ]


def _type_of(given: str | None) -> Any:
    return lambda file: given or content_type(file.key)


def _sweep(objects: Objects, left: Sequence[Unfinished], keys: set[str]) -> int:
    """Throw away what an earlier, killed upload left of the keys that are there now; return how many there were."""
    mine = [one for one in left if one.key in keys]
    for one in mine:
        objects.abort(one)
    return len(mine)


def _facts(loads: Sequence[Load], files: Sequence[LocalFile]) -> Facts:
    statuses = [one.status for load in loads for one in load.shipments]
    is_stream = any(load.batch.shown == STDIN for load in loads)
    lines: Mapping[str, str] = {
        "send": "standard input" if is_stream else f"{count(len(files), 'file')} · {readable(sum_sizes(files))}",
        "there": f"{count(statuses.count('unchanged'), 'file')} with the same content",
        "not": count(statuses.count("failed"), "file"),
    }
    shown = {"send": True, "there": "unchanged" in statuses, "not": "failed" in statuses}
    return tuple((label, text) for label, text in lines.items() if shown[label])


UPLOAD = Operation(
    resource="s3",
    verb="upload",
    kind="object",
    help="upload files and folders to an own bucket; what is there already is not sent again",
    example="handrail s3 upload team-assets ./site",
    effect=Effect.CHANGE,
    handler=upload_files,
    recover=recover,
    fields=(
        BUCKET,
        Field(
            "paths",
            "files and folders; - is standard input",
            Kind.FILE,
            positional=True,
            many=True,
            required=True,
            metavar="PATH",
        ),
        Field("prefix", "put this before every key, literally", metavar="TEXT"),
        Field("key", "the key of what comes from standard input", metavar="KEY", check=check_key),
        Field("include", "of folders, only files that fit a pattern: *.html", many=True, metavar="PATTERN"),
        Field("exclude", "leave files and folders out that fit a pattern: .git", many=True, metavar="PATTERN"),
        Field(
            "content_type",
            "media type of all files (default: by their names)",
            metavar="TYPE",
            check=check_content_type,
        ),
        Field("overwrite", "replace objects that have other content", Kind.FLAG, default=False),
        OWNER,
    ),
    permissions=(
        *LOOK,
        "s3:PutObject",
        "s3:GetObject",
        "s3:ListBucketMultipartUploads",
        "s3:AbortMultipartUpload",
    ),
    many=True,
)
