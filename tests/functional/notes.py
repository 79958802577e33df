"""A small kind of resource, as a test of what every kind gets: notes in a bucket, owned by their marks and a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from handrail.aws.s3_objects import Deleted
from handrail.core.errors import HandrailError
from handrail.core.fields import Parameters, text, texts
from handrail.core.operation import Effect, Operation
from handrail.core.ownership import GIVEN_TAG, is_managed_bucket, ownership_tags
from handrail.core.plan import Plan, Result, Status
from handrail.core.resources import Owned
from handrail.ledger.record import Known, digest_of, given_of
from handrail.ledger.rows import Row
from handrail.operations.kinds import Course, Kind, Verb, carry_out, find, judged, plan_for
from handrail.operations.repeating import Making, repeat
from handrail.operations.settling import by_look
from handrail.session import Session


@dataclass(frozen=True)
class Note(Owned):
    """A note: an object of the bucket that the variable SHELF names."""

    id: str
    name: str
    region: str
    owner: str
    request: str
    managed: bool
    tags: dict[str, str]
    is_gone: bool = False


class Notes(Kind[Note]):
    """Notes, by key or name."""

    noun, resource, service = "note", "note", "s3"

    def look(self, session: Session, words: Sequence[str]) -> Mapping[str, Sequence[Note] | HandrailError]:
        """Return what each word may mean."""
        return {word: _read(session, word.removeprefix("notes/")) for word in words}

    def state_of(self, one: Note) -> str:
        """Return the only state that there is."""
        return "there"

    def made_by(self, session: Session, request: str, known: Known | None, name: str) -> Note | None:
        """Return the note of a request."""
        return next((one for one in _read(session, name) if one.request == request), None)


NOTES = Notes()


def _place(session: Session, name: str) -> dict[str, str]:
    return {"Bucket": session.environ["SHELF"], "Key": f"notes/{name}"}


def _read(session: Session, name: str) -> list[Note]:
    place, s3 = _place(session, name), session.aws.client("s3", session.region)
    if not s3.list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"])["KeyCount"]:
        return []
    tags = {key.replace("handrail-", "handrail:"): value for key, value in s3.head_object(**place)["Metadata"].items()}
    row = session.stores.rows.get("note", name)
    mine = row if is_managed_bucket(name, tags, row) else None
    owner, request = (mine.owner, mine.request) if mine else ("", "")
    return [Note(place["Key"], name, session.region, owner, request, mine is not None, tags)]


class MakeNote(Parameters):
    """What a create asks for."""

    name = text("its name", positional=True, required=True)
    request_id = text("its request", part_of_identity=False)


@dataclass(frozen=True)
class Wish:
    """A note to make."""

    names: tuple[str, ...]
    request_id: str | None
    digest: str
    counted: bool = False


def wish_of(session: Session, values: MakeNote) -> Wish:
    """Return the wish."""
    return Wish((values.name,), values.request_id, digest_of(MakeNote, given_of(values), session.region))


def create(session: Session, wish: Wish, ones: Sequence[Making[Note]]) -> Plan:
    """Return the plan of making one."""
    (one,) = ones

    def apply(_: Any) -> list[Result]:
        owner = session.caller.owner
        marks = {**ownership_tags(owner, one.request), GIVEN_TAG: wish.digest}
        data = {key.replace(":", "-"): value for key, value in marks.items()}  # a header has no colon
        session.stores.rows.own(Row("note", one.name, owner, one.request, session.region, 1))
        session.aws.client("s3", session.region).put_object(**_place(session, one.name), Metadata=data, Body=b"x")
        (made,) = find(session, NOTES, [one.name])
        return [Result.of(made.one, Status.SUCCEEDED, "made", request=one.request)]

    planned = Result(one.name, None, Status.PLANNED, request=one.request)
    return Plan("create", apply, [planned], many=False, digest=wish.digest)


class DropNotes(Parameters):
    """What a deletion asks for."""

    notes = texts("which", positional=True, required=True)
    owner = text("whose")


VERB = Verb[Course[Note]]("delete", lambda _: "would be deleted")


def delete(session: Session, values: DropNotes) -> Plan:
    """Return the plan of deleting some."""
    courses = judged(session, Course[Note], find(session, NOTES, values.notes), partial(Course, acts=True))

    def act(course: Course[Note], now: Note) -> Result:
        session.aws.s3.objects(session.environ["SHELF"], session.region).delete([{"Key": now.id}], Deleted())
        session.stores.rows.drop("note", now.name, now.request)
        return course.result(Status.SUCCEEDED, "deleted", replace(now, is_gone=True))

    return plan_for(session, NOTES, courses, VERB, apply=lambda _: carry_out(session, NOTES, courses, VERB, act))


_RECOVER = partial(by_look, NOTES)
CREATE = Operation("note", "create", "h", "e", Effect.CHANGE, create, MakeNote, wish=wish_of,
                   repeat=partial(repeat, NOTES), recover=_RECOVER)  # fmt: skip
DELETE = Operation("note", "delete", "h", "e", Effect.DESTROY, delete, DropNotes, recover=_RECOVER, many=True)
