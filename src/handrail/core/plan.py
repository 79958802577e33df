"""What a change would do (Plan), what became of it (Result, Outcome), and what is asked of the person in between."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from handrail.core.errors import HandrailError
from handrail.core.resources import Owned, Resource

Facts = tuple[tuple[str, str], ...]


def facts_of(*lines: tuple[str, str | None]) -> Facts:
    """Return the lines that say something, each a label and its text."""
    return tuple((label, text) for label, text in lines if text)


@dataclass(frozen=True)
class Claim:
    """One thing that a plan wants and the policy judges: `key` is the policy key, `option` how the person said it.

    said: what a refusal calls it, where the value alone would not tell a person what is meant.
    """

    key: str
    value: Any
    option: str = ""
    said: str = ""


@dataclass(frozen=True)
class PlaceWish:
    """One place under a cap that a plan needs: for a new request, or for starting an instance (id and ClientToken).

    owner: whose instance it is, for the caps; empty for the caller's. begun: since when the request is on record,
    without an outcome, epoch seconds; None for a new one.
    """

    request: str
    name: str
    instance: str = ""
    token: str = ""
    owner: str = ""
    begun: float | None = None


@dataclass(frozen=True)
class Cap:
    """At most `limit` places in this scope (account, region, owner). key and source: where the policy says so."""

    scope: str
    limit: int
    key: str = ""
    source: str = ""


@dataclass(frozen=True)
class NameWish:
    """A name that a plan gives to an instance, which no other live one of its region may have."""

    region: str
    name: str
    instance: str


@dataclass(frozen=True)
class Places:
    """The places under a cap that a plan needs: those of new requests all or none, those of starts in their order.

    wait: whether it may wait for a place that is about to come free.
    """

    region: str
    owner: str
    wishes: tuple[PlaceWish, ...]
    wait: bool = True


class Ask(Enum):
    """How strongly a change is confirmed (PRODUCT.md section 4, promise 9)."""

    YES = "y/N"
    WORD = "type it"


@dataclass(frozen=True)
class Question:
    """A question before a change. text: what will happen; word: what must be typed (Ask.WORD); rows: what will go."""

    ask: Ask
    text: str
    word: str = ""
    prompt: str = "Go on?"
    rows: tuple[Resource, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()


class Status(Enum):
    """What became of one target."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    PLANNED = "planned"
    FAILED = "failed"


@dataclass(frozen=True)
class Result:
    """What became of one target. said: the line for people; current: the resource read back from AWS."""

    name: str | None
    id: str | None
    status: Status
    said: str = ""
    current: Resource | Mapping[str, Any] | None = None
    request: str | None = None
    region: str | None = None
    warnings: tuple[str, ...] = ()
    notes: Facts = ()
    error: HandrailError | None = None

    @classmethod
    def of(cls, one: Owned, status: Status, said: str, **rest: Any) -> "Result":
        """Return what became of a thing, as it is now."""
        return cls(one.name, one.id, status, said=said, current=one, region=one.region, **rest)

    @classmethod
    def failed(cls, target: str, error: HandrailError, *, id: str | None = None, **rest: Any) -> "Result":
        """Return the result of a target that could not be changed."""
        return cls(name=target, id=id, status=Status.FAILED, said=error.message, error=error, **rest)


@dataclass(frozen=True)
class Outcome:
    """What an operation gives back.

    rows: Resources or mappings of a read (may be a stream), Results of a change. many: JSON is an array, else one
    object. columns: (heading, key) pairs of the table and CSV. summary: one line for stderr, or what makes it where it
    takes a look that nobody else needs. empty: what to say instead of an empty table. text: a document to print as it
    is, instead of rows.
    """

    rows: Iterable[Any] = ()
    many: bool = True
    columns: tuple[tuple[str, str], ...] = ()
    summary: str | Callable[[], str] = ""
    empty: str = ""
    notes: Facts = ()
    text: str | None = None
    failures: tuple[HandrailError, ...] = ()
    warnings: tuple[str, ...] = ()
    targets: bool = False

    def sum_up(self) -> str:
        """Return the one line below the rows."""
        return self.summary if isinstance(self.summary, str) else self.summary()


class Listener(Protocol):
    """The person or program behind a door, as far as the road may speak to it."""

    def announce(self, plan: "Plan") -> None:
        """Tell the request of a plan before anything of it is sent: whatever happens then, it can be repeated."""

    def show_plan(self, plan: "Plan") -> None:
        """Show what is about to be done."""

    def confirm(self, question: Question) -> bool:
        """Ask, and return whether the answer was yes. Raises NotConfirmed where nobody can be asked."""

    def progress(self, text: str) -> None:
        """Say where a wait has got to; the next call replaces it."""

    def note(self, text: str) -> None:
        """Say something that stays."""


class Hold(Protocol):
    """The places that a change took under a cap, while it works in them. Keys are the requests of the wishes."""

    def refusal(self, request: str) -> HandrailError | None:
        """Return why this request got no place, or None if it has one."""

    def standing(self, request: str) -> str | None:
        """Return the instance that a repeated request has already, or None if its call is still to be made."""

    def fence(self, requests: Sequence[str]) -> Any:
        """Return what is asked on each signed request of a call that serves these places, or None."""

    def confirm(self, request: str, instance: str) -> HandrailError | None:
        """Say that the place belongs to this instance now; return what stands against it, if anything does."""

    def done(self, request: str) -> str | None:
        """Return the instance that was confirmed for this request, or None."""

    def give_back(self, request: str, error: HandrailError) -> HandrailError:
        """Say that the call failed; return the error with what that means for the place."""

    def naming(self, wish: NameWish) -> AbstractContextManager[Any]:
        """Take a name for the block that gives it; yields its call's fence, or None. Raises Conflict if it is taken."""

    def stopped(self, instance: str, token: str) -> str:
        """Say that an instance has stopped; return when its place is free, in words, empty if it is."""

    def gone(self, instance: str, token: str) -> None:
        """Say that an instance is shutting down or terminated."""


@dataclass(frozen=True)
class Plan:
    """What a change would do, found by looking only; `apply` does it and returns one Result per target, in order.

    claims: what the policy judges of what was found. owners: owners of what is touched, other than the caller's own new
    things. prepare: what must be waited for before places are taken. places: what it takes under a cap. facts:
    lines of the plan as shown.
    For the record: given, what belongs to the parameters as a person gave them (hashes of files); resolved, per
    request, what they became; digest of the inputs that a repeat must share; known, requests whose intent is on record
    already; again, the option with which a repeat of the command is the same request.
    planned: one Result per target, in the order named; those decided already (unchanged, not found) stand as they are.
    """

    title: str
    apply: Callable[[Hold], Sequence[Result]]
    planned: Sequence[Result]
    many: bool
    claims: tuple[Claim, ...] = ()
    owners: frozenset[str] = frozenset()
    prepare: Callable[[], None] | None = None
    places: Places | None = None
    question: Question | None = None
    facts: Facts = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    resolved: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    digest: str = ""
    known: frozenset[str] = frozenset()
    again: str = ""
    columns: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_one(cls, title: str, planned: Result, act: Callable[[], Result], **rest: Any) -> "Plan":
        """Return the plan of a change of one thing, which `act` makes."""
        return cls(title, lambda hold: [act()], [planned], many=False, **rest)

    @property
    def changes_something(self) -> bool:
        """Return whether any target would be changed."""
        return any(result.status is Status.PLANNED for result in self.planned)
