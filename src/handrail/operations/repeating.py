"""Requests that are made again: which of `ID`, `ID.2` … is the newest on record, and what it made (promise 4)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol

from handrail.core.errors import Conflict
from handrail.core.fields import Parameters, text
from handrail.core.operation import Operation
from handrail.core.ownership import GIVEN_TAG, check_request_id
from handrail.core.plan import Plan, Result, Status
from handrail.core.shell import option
from handrail.ledger.record import Intent, Known, digest_of
from handrail.operations.kinds import Kind, R, called
from handrail.session import Session

Find = Callable[[str], Known | None]
_OTHER_ID = "choose another --request-id"


class Repeatable(Parameters):
    """What makes a create one that can be repeated."""

    request_id = text(
        "makes the create repeatable: the same id never makes a second one",
        check=check_request_id,
        metavar="ID",
        part_of_identity=False,
    )


class Wish(Protocol):
    """What is asked of what is to be made.

    names: of each thing. counted: whether there were to be several. request_id: as given. digest: of what was given.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name of each."""

    @property
    def counted(self) -> bool:
        """Return whether several may be made, each under a number."""

    @property
    def request_id(self) -> str | None:
        """Return the id that was given."""

    @property
    def digest(self) -> str:
        """Return the digest of what was given."""


@dataclass(frozen=True)
class Making(Generic[R]):
    """One thing to make. request: its own. known: on record and open, to be carried on. found: it was made already."""

    kind: Kind[R]
    name: str
    request: str
    known: Known | None = None
    found: R | None = None

    @property
    def begun(self) -> float | None:
        """Return since when it is on record, epoch seconds, if it is to be carried on."""
        return self.known.intent.at if self.known else None

    def to_be_made(self, would: str, would_be: Mapping[str, Any], id: str | None = None) -> Result:
        """Return the result of one that is to be made. would_be: as it will be, its region among it."""
        said = f"{self.name} {would}; nothing was changed"
        return Result(self.name, id, Status.PLANNED, said, would_be, self.request, would_be["region"])

    def made_before(self) -> Result:
        """Return the result of one that was made already."""
        assert self.found is not None  # noqa: S101  asked for only where there is one
        said = f"{called(self.found)} was made by this request before and is {self.kind.state_of(self.found)}"
        known_by_more = "" if self.found.id == self.found.name else f" · {self.found.id}"
        return Result.of(self.found, Status.UNCHANGED, said + known_by_more, request=self.request)


def first_tries(kind: Kind[R], wish: Wish, base: str) -> list[Making[R]]:
    """Return what a wish makes, each with its request: the id itself, or with a count `ID-1`, `ID-2` …"""
    if not wish.counted:
        return [Making(kind, wish.names[0], base)]
    return [Making(kind, name, f"{base}-{number}") for number, name in enumerate(wish.names, 1)]


def repeat(kind: Kind[R], session: Session, operation: Operation, wish: Wish) -> list[Making[R]]:
    """Return what a wish makes, with what the same request made before (docs/lease.md, rule 13).

    One whose outcome is a refusal or failure is tried anew under the next number: `ID.2`, a new token. Raises Conflict
    on a request of another, with other parameters, or of which the thing is gone.
    """
    wanted = first_tries(kind, wish, wish.request_id or session.new_request())
    if wish.request_id is None:
        return wanted
    _check_whole(session.stores.request_on_record, wish.request_id, counted=wish.counted)
    return [_known(session, operation, wish, one) for one in wanted]


def _known(session: Session, operation: Operation, wish: Wish, one: Making[R]) -> Making[R]:
    kind = one.kind
    request, known = _newest_try(session.stores.request_on_record, one.request)
    if known is not None:
        _check_same(session, operation, wish, known.intent)
        if known.verdict is None:
            return Making(kind, kind.name_in(known.intent), request, known=known)
    found = kind.made_by(session, request, known, one.name)
    if found is not None:
        if not found.managed or found.owner != session.caller.owner:
            raise Conflict(f"the request id {request} was used by somebody else.", hint=_OTHER_ID)
        if known is None and found.tags.get(GIVEN_TAG) != wish.digest:
            raise _other_parameters(request, f"{called(found)} ({found.id})")
        if not found.is_gone:
            return Making(kind, found.name, request, found=found)
    elif known is None:
        return replace(one, request=request)
    elif was_in_vain(known):
        return replace(one, request=_next_try(one.request, request))
    raise gone(request, found.id if found else known.verdict.resource if known and known.verdict else "")


def nothing_to_do(ones: Sequence[Making[Any]], *, many: bool) -> Plan:
    """Return the plan of a repeat of which all is made."""
    planned = [one.made_before() for one in ones]
    return Plan(title="create", apply=lambda hold: planned, planned=planned, many=many)


def gone(request: str, what: str) -> Conflict:
    """Return the error of a request whose thing is not there any more. what: its id, if it is known."""
    return Conflict(
        f"the request id {request} made {what or 'something'}, which is gone.",
        hint=_OTHER_ID,
        details={"id": what, "request": request},
    )


def _check_same(session: Session, operation: Operation, wish: Wish, intent: Intent) -> None:
    """Raise Conflict unless a request on record is of this very command: its owner, parameters and chosen id.

    `web-2` is also the second of `web`, and `web.2` its second try: two commands never share a request.
    """
    if intent.owner != session.caller.owner:
        raise Conflict(
            f"the request id {intent.request} is {intent.owner}'s.",
            hint=_OTHER_ID,
            details={"request": intent.request, "owner": intent.owner},
        )
    # A digest by which an earlier version told inputs apart is no reason to take the same ones for others.
    digests = (intent.digest, digest_of(operation.parameters, intent.given, intent.region))
    if intent.operation != operation.name or wish.digest not in digests:
        raise _other_parameters(intent.request, f"{intent.operation} {intent.resource}")
    chosen = intent.given.get("request_id")
    if chosen not in (None, wish.request_id):  # without one the program chose: whoever repeats it has copied the id
        raise Conflict(
            f"the request id {intent.request} was made of {chosen}, by another command.",
            hint=f"repeat that one with {option('--request-id', str(chosen))}, or {_OTHER_ID}",
            details={"request": intent.request, "chosen": chosen},
        )


def _other_parameters(request: str, made: str) -> Conflict:
    return Conflict(
        f"the request id {request} was used with other parameters, for {made}.",
        hint=f"repeat it with the same parameters, or {_OTHER_ID}",
        details={"request": request},
    )


def _check_whole(find: Find, chosen: str, *, counted: bool) -> None:
    """Raise Conflict if an id was used the other way: for one thing, or for several as `ID-1`, `ID-2` …"""
    other = find(chosen if counted else f"{chosen}-1")
    if other is not None and other.intent.given.get("request_id") == chosen:
        raise Conflict(
            f"the request id {chosen} was used {'without' if counted else 'with'} --count.",
            hint=f"repeat that command as it was, or {_OTHER_ID}",
            details={"request": chosen},
        )


def was_in_vain(known: Known) -> bool:
    """Return whether a request ended as refused or failed, so that nothing of it is there."""
    return known.verdict is not None and known.verdict.result not in ("succeeded", "unchanged")


def _newest_try(find: Find, base: str) -> tuple[str, Known | None]:
    """Return the newest request of an id, and what is on record of it; the id itself and None where nothing is.

    A request is tried anew under the next number only after a refusal or failure, so the numbers have no gap, and the
    newest of many is found in few reads.
    """
    first = find(base)
    if first is None or not was_in_vain(first):
        return base, first
    there = {1: first}

    def known(number: int) -> bool:
        found = find(_numbered(base, number))
        if found is not None:
            there[number] = found
        return found is not None

    low, high = 1, 2
    while known(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if known(middle) else (low, middle)
    return _numbered(base, low), there[low]


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}.{number}"


def _next_try(base: str, request: str) -> str:
    return _numbered(base, 2 if request == base else int(request.removeprefix(f"{base}.")) + 1)
