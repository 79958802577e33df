"""Notes, a kind in a few lines (notes.py), get what instances and buckets have: found, owned, asked about,
repeated and settled like them."""

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import notes
import pytest

from conftest import Handrail, Sandbox
from handrail.core.errors import Conflict, HandrailError, NotConfirmed, NotFound, NotManaged, WrongState
from handrail.core.operation import Operation
from handrail.core.plan import Outcome, Question, Status
from handrail.ledger.record import Intent
from handrail.runner import run
from handrail.session import Door, Session
from stage import Quiet

OPERATIONS = {"note create": notes.CREATE, "note delete": notes.DELETE}


class Person(Quiet):
    """Somebody who says yes, and does something before. asked: the questions."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.meanwhile, self.asked = meanwhile, list[Question]()

    def confirm(self, question: Question) -> bool:
        """Say yes, once it is done."""
        self.asked.append(question)
        self.meanwhile()
        return True


def session(handrail: Handrail, person: Person) -> Session:
    """Return what one command runs in, on a door that knows the kind."""
    return handrail.session(person, door=Door(operation_named=OPERATIONS.get))


def do(handrail: Handrail, operation: Operation, person: Person | None = None, **given: Any) -> Outcome:
    """Run an operation on the one road."""
    return run(operation, given, session(handrail, person or Person()))


def make(handrail: Handrail, name: str, **given: Any) -> Any:
    """Make a note and return its result."""
    (result,) = do(handrail, notes.CREATE, name=name, **given).rows
    return result


@pytest.fixture
def shelf(handrail: Handrail, sandbox: Sandbox) -> Iterator[str]:
    """Make the bucket of the notes, as a stranger; what is in it goes at the end."""
    name, s3 = f"shelf-{uuid.uuid4().hex}", sandbox.client("s3")
    s3.create_bucket(Bucket=name)
    handrail.environ["SHELF"] = name
    yield name
    for key in names(sandbox, name):
        s3.delete_object(Bucket=name, Key=f"notes/{key}")
    s3.delete_bucket(Bucket=name)


def names(sandbox: Sandbox, shelf: str) -> set[str]:
    """Return what a foreign client sees."""
    return {one["Key"][6:] for one in sandbox.client("s3").list_objects_v2(Bucket=shelf).get("Contents", ())}


def marks_of(made: Any) -> dict[str, str]:
    """Return the marks of a note as a header has them."""
    return {key.replace(":", "-"): value for key, value in made.current.tags.items()}


def failed(outcome: Outcome) -> HandrailError:
    """Return the one error."""
    (error,) = outcome.failures
    return error


def test_an_id_and_a_name_are_one_and_it_is_deleted_for_good(handrail: Handrail, sandbox: Sandbox, shelf: str) -> None:
    made = make(handrail, "web")
    assert made.current.owner == "dev-1"
    (gone,) = do(handrail, notes.DELETE, notes=["web", made.id]).rows
    assert (gone.status, names(sandbox, shelf)) == (Status.SUCCEEDED, set())


def test_what_handrail_did_not_make_is_left_alone(handrail: Handrail, sandbox: Sandbox, shelf: str) -> None:
    marks = marks_of(make(handrail, "web"))
    sandbox.client("s3").put_object(Bucket=shelf, Key="notes/theirs", Metadata=marks)
    assert isinstance(failed(do(handrail, notes.DELETE, notes=["theirs"])), NotManaged)
    assert isinstance(failed(do(handrail, notes.DELETE, notes=["nobodys"])), NotFound)
    assert names(sandbox, shelf) == {"web", "theirs"}


def test_another_owners_is_asked_about(handrail: Handrail, sandbox: Sandbox, shelf: str) -> None:
    make(handrail.owner("dev-2"), "db")
    make(handrail, "web")
    person = Person()
    do(handrail, notes.DELETE, person, notes=["db", "web"])
    assert [one.text for one in person.asked] == ["db belongs to dev-2, not to you."]
    assert names(sandbox, shelf) == set()


def test_one_that_changes_hands_meanwhile_is_left_alone(handrail: Handrail, sandbox: Sandbox, shelf: str) -> None:
    other = handrail.owner("dev-2")
    marks = marks_of(make(other, "db"))
    change = partial(sandbox.client("s3").put_object, Bucket=shelf, Key="notes/db")

    def make_anew() -> None:
        do(other, notes.DELETE, notes=["db"])
        make(other, "db")

    for meanwhile, kind, slug in ((change, NotManaged, "not_managed"), (make_anew, WrongState, "made_anew")):
        change(Metadata=marks)
        error = failed(do(handrail, notes.DELETE, Person(meanwhile), notes=["db"]))
        assert isinstance(error, kind)
        assert error.slug == slug
    assert names(sandbox, shelf) == {"db"}


def test_a_repeat_makes_nothing(handrail: Handrail, sandbox: Sandbox, shelf: str) -> None:
    first = make(handrail, "web", request_id="r1")
    again = make(handrail, "web", request_id="r1")
    assert (again.status, again.id) == (Status.UNCHANGED, first.id)
    for other, who in (("api", handrail), ("web", handrail.owner("dev-2"))):
        with pytest.raises(Conflict):
            make(who, other, request_id="r1")
    do(handrail, notes.DELETE, notes=["web"])
    with pytest.raises(Conflict, match="which is gone"):
        make(handrail, "web", request_id="r1")
    assert names(sandbox, shelf) == set()


def test_what_was_cut_off_is_told_by_a_look(handrail: Handrail, sandbox: Sandbox, shelf: str) -> None:
    made, begun = make(handrail, "web"), session(handrail, Person())
    cut = [("c1", "create", "nothing"), ("d1", "delete", made.id), ("d2", "delete", "notes/none")]
    begun.stores.record.intend([Intent(r, f"note {verb}", on, "us-east-1", "sandbox") for r, verb, on in cut])
    for request, _, _ in cut:  # whose commands said long ago that they live
        sandbox.client("dynamodb").update_item(
            TableName="handrail-ledger",
            Key={"pk": {"S": "open"}, "sk": {"S": request}},
            UpdateExpression="ADD #at :less",
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":less": {"N": str(-10_000_000)}},
        )
    person = Person()
    do(handrail, notes.CREATE, person, name="api")
    told = {one.partition("(request ")[2][:2]: one.rpartition(": ")[2] for one in person.said if "settled" in one}
    assert told == {
        "c1": "it was cut off, and nothing was made",
        "d1": "it was cut off; found there",
        "d2": "it was cut off; found gone",
    }


def test_nothing_of_another_owner_goes_without_a_yes(handrail: Handrail, sandbox: Sandbox, shelf: str) -> None:
    make(handrail.owner("dev-2"), "db")
    with pytest.raises(NotConfirmed):
        run(notes.DELETE, {"notes": ["db"]}, handrail.session(Quiet()))
    assert names(sandbox, shelf) == {"db"}
