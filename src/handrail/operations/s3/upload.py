"""`s3 upload`: files, folders or standard input into an own bucket, each proved by its checksum."""

import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO, cast

from handrail.aws.s3_compare import compare
from handrail.aws.s3_files import Meter, digest_of, read_exactly, read_head
from handrail.aws.s3_objects import Objects
from handrail.core.amounts import count, readable
from handrail.core.errors import HandrailError, Refused, Usage
from handrail.core.fields import Type, flag, text, texts
from handrail.core.plan import Claim, Facts, Hold, Plan, Result, facts_of
from handrail.core.resources import Bucket
from handrail.core.s3_rules import check_content_type, check_key_prefix, check_new_key
from handrail.core.secret_files import HEAD, beginning_of, begins_like, lies_in
from handrail.core.uploads import (
    PART,
    Filter,
    LocalFile,
    Progress,
    Shipment,
    check_filter,
    checksum_text,
    content_type,
    progress_text,
    sum_sizes,
)
from handrail.operations.kinds import ask_before, find_one, look_again_at, owners_of
from handrail.operations.needs import FIND_BUCKET, RECORD
from handrail.operations.s3.buckets import BUCKETS, OneBucket, OtherOwner, objects_of
from handrail.operations.s3.leftovers import find_leftovers, keeping
from handrail.operations.s3.local_files import Batch, find_doubles, gather
from handrail.operations.s3.meeting import is_being_opened
from handrail.operations.s3.recovery import bucket_change
from handrail.operations.s3.upload_report import Load, decided, finished
from handrail.session import Session

STDIN = "-"
SUMMED = 20


class UploadFiles(OtherOwner):
    """What an upload asks for."""

    bucket = OneBucket.bucket
    paths = texts(
        "files and folders; - is standard input", type=Type.FILE, positional=True, required=True, metavar="PATH"
    )
    prefix = text("put this before every key, literally", metavar="TEXT", check=check_key_prefix)
    key = text("the key of what comes from standard input", metavar="KEY", check=check_new_key)
    include = texts("of folders, only files that fit a pattern: *.html", metavar="PATTERN")
    exclude = texts("leave files and folders out that fit a pattern: .git", metavar="PATTERN")
    content_type = text("media type of all files (default: by their names)", metavar="TYPE", check=check_content_type)
    overwrite = flag("replace objects that have other content")


def upload_files(session: Session, values: UploadFiles) -> Plan:
    """Look at files and bucket and return the plan of what is to be sent. Raises Usage, NotManaged, Refused."""
    _check_words(values)
    chosen = check_filter(values.include, values.exclude)
    target = find_one(session, BUCKETS, values.bucket)
    bucket = target.one
    batches = _batches(session, values, chosen)
    claims = _check_secrets(session, bucket, batches)
    objects = objects_of(session, bucket)
    loads = _loads(session, bucket, objects, batches, values)
    files = [one.file for load in loads for one in load.having("planned")]

    def apply(hold: Hold) -> list[Result]:
        # Whose it is, and who may read it, may have changed while a question stood.
        now = look_again_at(session, BUCKETS, target)
        if is_being_opened(session, now.name):
            now = replace(now, access="public")
        _check_secrets(session, now, batches)
        sent = iter(_send(session, now, files, loads[0].request, values))
        done = [load.with_sent(sent) for load in loads]
        return [finished(load, _sweep(objects, load)) for load in done]

    acting = [target] if any(load.changes_something for load in loads) else []
    return Plan(
        title=f"upload {count(len(files), 'file')} to {bucket.name}",
        apply=apply,
        planned=[decided(load) for load in loads],
        many=True,
        claims=claims,
        owners=owners_of(acting),
        question=ask_before(acting, "upload to it"),
        facts=_facts(loads, files, is_stream=values.key is not None),
        resolved={load.request: _resolved(load, loads[0].request) for load in loads},
    )


def _resolved(load: Load, command: str) -> dict[str, Any]:
    """Return what a request became, for the record.

    command: by which its PATHs and what it begins are known; sums: by which a look tells that all of it is there.
    """
    bucket, files = load.bucket, [one.file for one in load.having("planned")]
    about = {"bucket": bucket.name, "made_by": bucket.request}
    return {**about, "files": len(files), "command": command, "sums": _sums(bucket, files)}


def _sums(bucket: Bucket, files: Sequence[LocalFile]) -> dict[str, str]:
    """Return the checksum of each file by its key, if they are few and small; no more fits into a row of the record."""
    if len(files) > SUMMED or sum_sizes(files) > PART or any(file.shown == STDIN for file in files):
        return {}
    try:
        return {file.key: checksum_text(digest_of(file, Meter(), bucket.name).crc) for file in files}
    except HandrailError:  # one of them changes just now: to send it will say so
        return {}


def _check_words(values: UploadFiles) -> None:
    if STDIN not in values.paths:
        if values.key is not None:
            raise Usage("--key names what comes from standard input.", hint="give - as the path, or leave --key out")
        return
    if values.key is None:
        raise Usage("what comes from standard input has no name.", hint="--key NAME")
    if len(values.paths) > 1:
        raise Usage("standard input can't be uploaded beside other files.", hint="upload them apart")


def _batches(session: Session, values: UploadFiles, chosen: Filter) -> list[Batch]:
    prefix = values.prefix or ""
    if values.key is not None:  # it names what comes from standard input
        session.machine.open_stdin()
        return [Batch(STDIN, files=[LocalFile("", STDIN, check_new_key(prefix + values.key), 0)])]
    batches = [gather(session.machine.cwd, path, prefix, chosen) for path in values.paths]
    find_doubles(batches)
    return batches


def _check_secrets(session: Session, bucket: Bucket, batches: Sequence[Batch]) -> tuple[Claim, ...]:
    """Return what the policy must let pass where files are to become public; none for a private bucket.

    A file is judged by the name given, its key, where it is in truth, and what it begins like. Raises Refused, with one
    reason per file.
    """
    if bucket.access == "private":
        return ()
    working = os.path.realpath(session.machine.cwd)
    ways = [_ways(file, working) for batch in batches for file in batch.files]
    claims = tuple(Claim("s3.secret_files", name) for name in dict.fromkeys(name for one in ways for name in one))
    try:
        session.rules.check(claims)
    except Refused as error:
        refused = {reason["value"] for reason in error.details["reasons"]}
        # Of each file the last of its ways that is refused: it says what the person knows best.
        worst = ((one, name) for one in ways for name in [name for name in one if name in refused][-1:])
        claims = tuple(Claim("s3.secret_files", name, said=one[name]) for one, name in worst) or claims
        session.rules.check(claims)
    return claims


def _ways(file: LocalFile, working: str) -> dict[str, str]:
    """Return by what a file is judged, each with the words in which a refusal names the file then.

    working: the working folder, without links. What is above both it and the file counts only if it is unmistakable.
    """
    ways = {}
    if file.path:
        if kind := beginning_of(read_head(file)):
            ways[begins_like(file.shown, kind)] = f"{file.shown}, which begins like {kind},"
        real = os.path.realpath(file.path)  # a link may stand anywhere in the path, also above the PATH given
        above = os.path.commonpath((working, real))
        ways[lies_in(os.path.relpath(real, above), above)] = f"{file.shown}, which is {real},"
    return {**ways, file.key: f"{file.shown}, which gets the key {file.key},", file.shown: file.shown}


class _SecretsStop:
    """Standard input on its way to a bucket that others may read: it ends before the first byte of a secret is sent."""

    def __init__(self, session: Session, stream: BinaryIO, file: LocalFile) -> None:
        self._session, self._stream, self._file = session, stream, file
        self._head: bytes | None = None

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes. Raises Refused where the first ones are those of a secret."""
        if self._head is None:
            self._head = read_exactly(self._stream, HEAD)
            if kind := beginning_of(self._head):
                said = f"{STDIN}, which begins like {kind},"
                self._session.rules.check([Claim("s3.secret_files", begins_like(self._file.key, kind), said=said)])
        if self._head:
            given = self._head if size < 0 else self._head[:size]
            self._head = self._head[len(given) :]
            return given
        return self._stream.read(size)


def _loads(
    session: Session, bucket: Bucket, objects: Objects, batches: Sequence[Batch], values: UploadFiles
) -> list[Load]:
    """Return what would be done with each file, and what earlier uploads left of those keys."""
    judged = iter(_judged(session, objects, [file for batch in batches for file in batch.files], values))
    loads = [
        Load(bucket, batch, session.new_request(), (*islice(judged, len(batch.files)), *batch.faults))
        for batch in batches
    ]
    left = find_leftovers(session, objects, (key for load in loads for key in load.keys))
    return [replace(load, left=left.of(load.keys)) for load in loads]


def _judged(session: Session, objects: Objects, files: Sequence[LocalFile], values: UploadFiles) -> Sequence[Shipment]:
    """Return for each file, in order, what is to be done with it; standard input is sent without a comparison."""
    if values.key is not None:
        return [Shipment(file, "planned") for file in files]
    there = objects.present(file.key for file in files) if files else {}

    def tell(number: int) -> None:
        session.listener.progress(f"{number:,} of {count(len(files), 'file')} compared with what is there")

    return compare(objects, files, there, tell, overwrite=values.overwrite)


def _send(
    session: Session, bucket: Bucket, files: Sequence[LocalFile], command: str, values: UploadFiles
) -> Sequence[Shipment]:
    """Send the files, and return what became of each, in order."""

    def tell(progress: Progress) -> None:
        session.listener.progress(progress_text(progress))

    def type_of(file: LocalFile) -> str:
        return values.content_type or content_type(file.key)

    with keeping(session, command) as begun:
        terms = {"type_of": type_of, "overwrite": values.overwrite, "begun": begun}
        uploader = session.aws.s3.uploader(bucket.name, bucket.region, **terms)
        if values.key is None:
            return uploader.send(files, tell)
        stream = session.machine.open_stdin()
        if bucket.access != "private":
            stream = cast("BinaryIO", _SecretsStop(session, stream, files[0]))
        return [uploader.send_stream(stream, files[0], tell)]


def _sweep(objects: Objects, load: Load) -> int:
    """Throw away what killed uploads left of the keys that are there now; return how many there were."""
    dead = load.left.of(load.keys).dead
    for one in dead:
        objects.abort(one)
    return len(dead)


def _facts(loads: Sequence[Load], files: Sequence[LocalFile], *, is_stream: bool) -> Facts:
    statuses = [one.status for load in loads for one in load.shipments]
    there, failed = statuses.count("unchanged"), statuses.count("failed")
    dead = sum(len(load.left.dead) for load in loads)
    return facts_of(
        ("send", "standard input" if is_stream else f"{count(len(files), 'file')} · {readable(sum_sizes(files))}"),
        ("there", f"{count(there, 'file')} with the same content" if there else ""),
        ("not", count(failed, "file") if failed else ""),
        ("remove", f"{count(dead, 'unfinished upload')} of before" if dead else ""),
    )


UPLOAD = bucket_change(
    verb="upload",
    noun="object",
    help="upload files and folders to an own bucket; what is there already is not sent again",
    example="handrail s3 upload team-assets ./site",
    handler=upload_files,
    parameters=UploadFiles,
    fits=lambda one: not one.is_gone,
    permissions=(
        *RECORD,
        *FIND_BUCKET,
        "s3:PutObject",
        "s3:GetObject",
        "s3:ListBucketMultipartUploads",
        "s3:ListMultipartUploadParts",
        "s3:AbortMultipartUpload",
    ),
    many=True,
)
