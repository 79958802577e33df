"""Puts every change on record: an intent before the first call, an outcome after; refused and failed ones too."""

import random
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from handrail.core.errors import (
    Acted,
    AwsFailure,
    HandrailError,
    Internal,
    Interrupted,
    NotFound,
    NotSetUp,
    PermissionDenied,
    Refused,
    Throttled,
    Unreachable,
    WrongState,
    defect,
)
from handrail.core.fields import Parameters
from handrail.core.operation import Operation
from handrail.core.plan import Hold, Plan, Result, Status
from handrail.ledger.pulse import beating
from handrail.ledger.record import Intent, Unfinished, Verdict, given_of
from handrail.operations.settling import Settled, whose_request

if TYPE_CHECKING:
    from handrail.session import Session

RECORDED_CODES = (3, 4, 5, 8)  # refused, not found or not managed, wrong state, a part of these: what the rails stopped
RECOVERED_AT_ONCE = 20
GIVEN_UP_AFTER = 72  # times the age at which a request counts as cut off: a day on AWS
_NEWER_OPERATION = "newer_operation"
_OPEN = ("open", "whether it took effect is not known; a later command finds out by a look")


class Entries:
    """The requests of one change that are on record without an outcome, until they are settled."""

    def __init__(self, session: "Session", operation: Operation, plan: Plan, intents: Sequence[Intent]) -> None:
        self._session, self._operation, self._plan = session, operation, plan
        self._started, self._sent = session.clock.monotonic(), session.aws.changes_sent
        self._waiting = {intent.request: intent for intent in intents}
        self.hold: Hold | None = None

    def settle(self, results: Sequence[Result]) -> list[Result]:
        """Put the outcome of each result on record, and return the results; what nobody knows yet stays open."""
        return [self._settled(result) if result.request in self._waiting else result for result in results]

    def _settled(self, result: Result) -> Result:
        request, error = result.request or "", result.error
        if error is None:
            self._put(request, None, result.id, result.status)
            return result
        acted = self._acted(request, error)
        if acted is Acted.NO:
            self._put(request, error, result.id, result.status)
        elif acted is Acted.YES or self._done(request) is not None:  # it was done, and can't be watched
            self._put(request, None, result.id, Status.SUCCEEDED, error.message)
        else:
            return replace(result, error=self._left_open(error))
        return result

    def fail(self, error: HandrailError) -> HandrailError:
        """Put the failure of all that is left on record, and return what to raise."""
        return self._left_open(error) if self._fail(error) else error

    def interrupt(self, by: BaseException) -> Interrupted:
        """Put what is known after Ctrl-C, or being told to end, on record, and return what to raise."""
        listing = f"handrail {self._operation.resource} list"
        left = self._fail(Interrupted("interrupted.", by=by))
        return Interrupted(
            "interrupted.",
            hint=self._again if left else listing,
            facts=(_OPEN,) if left else (),
            details={"open": left},
            by=by,
        )

    def _fail(self, error: HandrailError) -> bool:
        """Put the failure of all that is left on record; return whether something stays open.

        An error that ends several requests at once tells of one of them; what others had sent it does not know.
        """
        for request in list(self._waiting):
            done = self._done(request)
            if done is not None:
                self._put(request, None, done, Status.SUCCEEDED)
        if len(self._waiting) == 1 or not self._has_sent:
            for request in list(self._waiting):
                acted = self._acted(request, error)
                if acted is Acted.NO:
                    self._put(request, error, None, Status.FAILED)
                elif acted is Acted.YES:
                    self._put(request, None, None, Status.SUCCEEDED, error.message)
        return bool(self._waiting)

    def _acted(self, request: str, error: HandrailError) -> Acted:
        """Return whether a request may have acted when an error came: as the error says, else if anything was sent.

        One that was on record before may have been sent then. Where nobody could ever find out, it has not.
        """
        if self._operation.recover is None and error.acted is not Acted.YES:
            return Acted.NO
        if request in self._plan.known and self.hold is None and not isinstance(error, Refused):
            return Acted.UNKNOWN  # its place was not taken over: whoever settles it looks
        if error.acted is not None:
            return error.acted
        return Acted.UNKNOWN if request in self._plan.known or self._has_sent else Acted.NO

    @property
    def _has_sent(self) -> bool:
        return self._session.aws.changes_sent > self._sent

    @property
    def _again(self) -> str:
        return f"repeat the command with {self._plan.again}" if self._plan.again else "repeat the command"

    def _left_open(self, error: HandrailError) -> HandrailError:
        """Return an error with what it leaves open, and the line that finishes it; one that says both stands as it is.

        So does one that says who has the request in hand. One of Ctrl-C says itself how to go on.
        """
        if error.details.get("open") and isinstance(error, WrongState):
            return error
        if not any(label == "open" for label, _ in error.facts):
            error.facts = (*error.facts, _OPEN)
        error.hint = error.hint if isinstance(error, Interrupted) else self._again
        error.details["open"] = True
        return error

    def _done(self, request: str) -> str | None:
        return self.hold.done(request) if self.hold else None

    def _put(self, request: str, error: HandrailError | None, id: str | None, status: Status, said: str = "") -> None:
        """Put an outcome on record. Where that fails the change stands; its request stays open, and that is said."""
        intent = self._waiting.pop(request)
        spent = self._session.clock.monotonic() - self._started
        verdict = Verdict(
            request=request,
            result=_result(error, status),
            code=error.exit_code if error else 0,
            resource=id or intent.resource,
            message=self._session.redact(error.message if error else said),
            instance=id or "",
            duration_ms=round(spent * 1000),
        )
        try:
            stayed = self._session.stores.record.settle(verdict)
        except HandrailError as failed:
            self._session.listener.note(
                f"warning: what became of {intent.operation} {intent.resource} could not be put on record: "
                f"{failed.message} It stays open there until a later command settles it."
            )
        else:
            if not stayed:
                self._say_what_stands(intent, verdict)

    def _say_what_stands(self, intent: Intent, verdict: Verdict) -> None:
        """Say that somebody took this command for dead and has put another outcome on record, which stays."""
        known = self._session.stores.record.find(intent.request)
        there = known.verdict if known is not None else None
        if there is not None and there.result != verdict.result:
            self._session.listener.note(
                f"warning: {intent.operation} {intent.resource} is on record as {there.result}, settled by {there.by} "
                f"while this command was held up; it is {verdict.result}"
            )

    def beat(self, work: float) -> None:
        """Say that the requests that are still waited for are not cut off, and may be worked at for so many seconds."""
        record = self._session.stores.record
        now = record.now()
        waiting = list(self._waiting.values())
        alive = [record.renew(one.request) for one in waiting]
        if all(alive):
            self._session.aws.allow_changes_until(now + work)


def _result(error: HandrailError | None, status: Status) -> str:
    if error is None:
        return status.value
    return "refused" if isinstance(error, Refused) or error.exit_code == 4 else "failed"


@contextmanager
def recorded(session: "Session", operation: Operation, plan: Plan) -> Iterator[Entries]:
    """Put the plan's intents on record, and see that what fails inside is on record too."""
    intents = [
        _intent(session, operation, plan, result)
        for result in plan.planned
        if result.status is Status.PLANNED and result.request
    ]
    begun = session.stores.record.now()
    session.stores.record.intend([intent for intent in intents if intent.request not in plan.known])
    entries = Entries(session, operation, plan, intents)
    try:
        with _alive(session, plan, entries, begun):
            yield entries
    except HandrailError as error:
        raise entries.fail(error) from error.__cause__
    except KeyboardInterrupt as stop:
        raise entries.interrupt(stop) from None
    except Exception as error:  # ours: what was sent before it may have been carried out
        raise entries.fail(defect(error)) from error


@contextmanager
def _alive(session: "Session", plan: Plan, entries: Entries, begun: float) -> Iterator[None]:
    """Keep a change from being settled by others while it works, and from working on once it may have been.

    What takes places has the lease for both. begun: when its intents were written, epoch seconds.
    """
    times = session.stores.ledger.times if plan.places is None else None
    if times is None:
        yield
        return
    session.aws.allow_changes_until(begun + times.work)
    try:
        with beating(lambda: entries.beat(times.work), times.work):
            yield
    finally:
        session.aws.allow_changes_until(None)


def _intent(session: "Session", operation: Operation, plan: Plan, result: Result) -> Intent:
    return Intent(
        request=result.request or "",
        operation=operation.name,
        resource=result.id or result.name or "",
        region=result.region or session.region,
        target=session.choice.target,
        given=plan.given,
        resolved=plan.resolved.get(result.request or "", {}),
        digest=plan.digest,
    )


def record_stopped(session: "Session", operation: Operation, values: Parameters, error: HandrailError) -> None:
    """Put a change on record that was stopped before it began. Never hides the refusal itself.

    What the person must mend first (words, credentials) is none, and without an answer of AWS there is no record.
    """
    if not _belongs_on_record(error):
        return
    request = session.new_request()
    intent = Intent(
        request=request,
        operation=operation.name,
        resource=_named(operation, values),
        region=session.region,
        target=session.choice.target,
        given=given_of(values),
    )
    _record_pair(session, intent, error)


def _belongs_on_record(error: HandrailError) -> bool:
    failed = isinstance(error, (AwsFailure, PermissionDenied)) and not isinstance(error, (Unreachable, Throttled))
    return error.exit_code in RECORDED_CODES or failed


def record_failed_targets(session: "Session", operation: Operation, plan: Plan) -> None:
    """Put the targets of a plan on record that were refused or not found while others may go on."""
    for result in plan.planned:
        if result.error is not None and _belongs_on_record(result.error):
            request = result.request or session.new_request()
            named = Result(result.name, result.id, result.status, request=request, region=result.region)
            _record_pair(session, _intent(session, operation, plan, named), result.error)


def _record_pair(session: "Session", intent: Intent, error: HandrailError) -> None:
    verdict = Verdict(
        request=intent.request,
        result=_result(error, Status.FAILED),
        code=error.exit_code,
        resource=intent.resource,
        message=session.redact(error.message),
    )
    try:
        session.stores.record.intend_and_settle(intent, verdict)
    except HandrailError as failed:
        session.listener.note(f"warning: this could not be put on record: {failed.message}")


def _named(operation: Operation, values: Parameters) -> str:
    words = [values.get(field.name) for field in operation.fields if field.positional] or [values.get("name")]
    flat = [part for word in words if word for part in (word if isinstance(word, tuple) else (word,))]
    return ",".join(str(part) for part in flat)


# ---- what others left unfinished


def settle_unfinished(session: "Session", first: Collection[str] = ()) -> set[str]:
    """Tell the outcome of requests that were cut off, whoever's, once nothing of theirs can act any more.

    A look says what became of each; it is put on record and said. What can't be settled now is left for the next:
    some of them at a time, by chance, so that one which can't be settled is in nobody's way. first: those that are in
    any case. Returns the requests that were looked at.
    """
    limit = session.stores.record.now() - session.stores.recovery_age
    for one in session.stores.unfinished():
        if not one.dated:  # alive from now on, and no longer than any other
            session.stores.record.renew(one.request)
    due = [one for one in session.stores.unfinished() if one.at < limit and (one.tried < limit or one.request in first)]
    mine = [one for one in due if one.request in first]
    others = [one for one in due if one.request not in first]
    chosen = mine + random.sample(others, min(len(others), RECOVERED_AT_ONCE))
    for one in chosen:
        _settle_one(session, one)
    return {one.request for one in chosen}


def _settle_one(session: "Session", one: Unfinished) -> None:
    """Settle a request, put it off, or give it up; a record that does not answer leaves it as it is."""
    record, intent = session.stores.record, None
    try:
        try:
            known = record.find(one.request)
            if known is None or known.verdict is not None:
                record.forget(one.request)
                return
            intent = known.intent
            settled = _recover(session, intent)
        except Exception as error:
            _leave(session, one, intent, error if isinstance(error, HandrailError) else defect(error))
            return
        if settled is not None and record.settle(_with_warnings(settled)):
            _say_settled(session, intent, settled)
    except HandrailError as error:
        session.listener.note(f"{one.operation} {one.request} was cut off and can't be settled now: {error.message}")


def _recover(session: "Session", intent: Intent) -> Settled | None:
    operation = session.operation_named(intent.operation)
    if operation is None:
        raise NotSetUp(f"this version of Handrail does not know {intent.operation}.", code=_NEWER_OPERATION)
    if operation.recover is None:
        raise Internal(f"Handrail does not know how to settle {intent.operation}.")
    found: Settled | None = operation.recover(session, intent)
    return found


def _leave(session: "Session", one: Unfinished, intent: Intent | None, error: HandrailError) -> None:
    """Put a request off that can't be settled now, and say so once in a while; give it up where no time will help.

    That the world has moved on (gone, somebody else's, another state) is final at once. What may pass, a permission, a
    network, is tried again for a day; what a newer Handrail began is left to it.
    """
    record = session.stores.record
    what = f"{one.operation} {intent.resource if intent else one.request}"
    final = isinstance(error, (NotFound, Refused, WrongState)) and error.slug != "busy"
    ends = one.at + GIVEN_UP_AFTER * session.stores.recovery_age
    newer = error.slug in (_NEWER_OPERATION, "newer_row")
    if final or (record.now() > ends and not newer):
        said = f"it was cut off, and what became of it can't be told any more: {error.message}"
        verdict = Verdict(one.request, "failed", error.exit_code, intent.resource if intent else "", said)
        if record.settle(verdict):
            session.listener.note(f"settled what was cut off: {what} (request {one.request}): {said}")
        else:  # it has an outcome, which may be one that can't be read
            record.forget(one.request)
        return
    record.put_off(one)
    if intent is None or intent.owner == session.caller.owner:
        until = f"Later commands try again, until {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC at the latest."
        session.listener.note(
            f"{what} was cut off and can't be settled now: {error.message} "
            f"{'A newer one settles it: pip install --upgrade handrail' if newer else until}"
        )


def _with_warnings(settled: Settled) -> Verdict:
    """Return what is put on record: whoever reads it there has not heard the warnings."""
    return replace(settled.verdict, message="; ".join((settled.verdict.message, *settled.warnings)))


def _say_settled(session: "Session", intent: Intent, settled: Settled) -> None:
    what = whose_request(session, intent)
    session.listener.note(f"settled what was cut off: {what}: {settled.verdict.message}")
    for warning in settled.warnings:
        session.listener.note(f"warning: {warning}")
