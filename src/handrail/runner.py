"""The one road: every request of every door walks these steps, in this order, and no other way."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handrail.core.errors import HandrailError, Internal, NotConfirmed, Refused
from handrail.core.fields import Parameters, validate
from handrail.core.operation import Operation
from handrail.core.plan import Ask, Outcome, Plan, Question, Result, Status
from handrail.core.shell import option
from handrail.journal import record_failed_targets, record_stopped, recorded, settle_unfinished
from handrail.ledger.plan_places import NO_HOLD
from handrail.ledger.record import given_of
from handrail.ledger.refusal import with_cap
from handrail.operations.repeating import nothing_to_do

if TYPE_CHECKING:
    from handrail.session import Session


def run(operation: Operation, raw: Mapping[str, Any], session: "Session", *, dry_run: bool = False) -> Outcome:
    """Walk one request down the road and return its outcome.

    raw: values as the door got them. Raises HandrailError: nothing was changed unless the error says otherwise.
    """
    values = validate(operation.parameters, raw)
    if not operation.mutates_with(values):
        looked = operation.handler(session, values)
        if isinstance(looked, Outcome):
            return looked
        return _preview_here(looked, session) if dry_run else _local_change(looked, session)
    if not operation.on_record:
        plan = _planned(operation, values, session)
        if plan.changes_something:
            session.listener.show_plan(plan)
        return _outcome(plan, plan.planned) if dry_run else _local_change(plan, session)
    try:
        plan = _planned(operation, values, session)
    except HandrailError as error:
        if not dry_run:
            record_stopped(session, operation, values, error)
        raise
    if dry_run:
        return _preview(plan, session)
    return _change(operation, plan, values, session)


def _planned(operation: Operation, values: Parameters, session: "Session") -> Plan:
    """Look up what was made before, let the policies judge, look up the rest; return what would be done."""
    asked: Any = operation.wish(session, values) if operation.wish else values
    before = operation.repeat(session, operation, asked) if operation.repeat else ()
    if before and all(one.found is not None for one in before):
        return nothing_to_do(before, many=asked.counted)
    judge(operation, asked, before, session)
    plan = operation.handler(session, asked, before) if operation.repeat else operation.handler(session, asked)
    if isinstance(plan, Outcome):
        raise Internal(f"{operation.name} changes something, and gave no plan.")
    session.rules.check(plan.claims)
    return replace(plan, given={**given_of(values), **plan.given})


def judge(operation: Operation, asked: Any, before: Sequence[Any], session: "Session") -> None:
    """Raise Refused with every reason at once: that a cap is full too, as far as a look at the ledger shows it."""
    try:
        session.rules.check(operation.claims(session, asked) if operation.claims else ())
    except Refused as refused:
        places = operation.places(session, asked, before) if operation.places else None
        full = session.stores.cap_in_the_way(places) if places else None
        raise (refused if full is None else with_cap(refused, full)) from None


def _change(operation: Operation, plan: Plan, values: Parameters, session: "Session") -> Outcome:
    if settle_unfinished(session, plan.known) & plan.known:
        plan = _planned(operation, values, session)  # what it was to carry on is settled: it is another plan now
    record_failed_targets(session, operation, plan)
    if not plan.changes_something:
        return _outcome(plan, plan.planned)
    asked = _confirm(plan, values, session)
    if plan.prepare is not None:
        plan.prepare()
    session.listener.announce(plan)
    with recorded(session, operation, plan) as entries, session.stores.ledger.take(plan) as hold:
        entries.hold = hold
        if not asked:
            session.listener.show_plan(plan)
        results = entries.settle(plan.apply(hold))
    return _outcome(plan, results)


def _preview(plan: Plan, session: "Session") -> Outcome:
    """Return what would be done. Reads the places under the cap and reports a full one, takes none."""
    if plan.changes_something:
        refused = session.stores.preview(plan.places) if plan.places is not None else {}
        session.listener.show_plan(plan)
        return _outcome(plan, [_refused(plan, one, refused.get(one.request or "")) for one in plan.planned])
    return _outcome(plan, plan.planned)


def _refused(plan: Plan, result: Result, refusal: HandrailError | None) -> Result:
    """Return what would be done to one target, or the refusal that it would meet."""
    if refusal is None:
        return result
    if len(plan.planned) > 1 and result.name:
        refusal = refusal.about(result.name)
    return replace(result, status=Status.FAILED, said=refusal.message, error=refusal)


def _preview_here(plan: Plan, session: "Session") -> Outcome:
    """Return what would be done on this machine: there are no places to read."""
    session.listener.show_plan(plan)
    return _outcome(plan, plan.planned)


def _local_change(plan: Plan, session: "Session") -> Outcome:
    """Change what is neither capped nor on record (this machine, the ledger itself): asked about like any change."""
    if not plan.changes_something:
        return _outcome(plan, plan.planned)
    if plan.question is not None and not session.listener.confirm(plan.question):
        raise _declined(plan.question, ())
    return _outcome(plan, plan.apply(NO_HOLD))


def _outcome(plan: Plan, results: Sequence[Result]) -> Outcome:
    """Return the results as an outcome. One target that failed, and no array to show it in, is an error by itself."""
    failures = tuple(result.error for result in results if result.error is not None)
    if failures and not plan.many:
        raise failures[0]
    return Outcome(rows=tuple(results), many=plan.many, columns=plan.columns, failures=failures, targets=True)


def _confirm(plan: Plan, values: Parameters, session: "Session") -> bool:
    """Ask what must be asked, the plan shown before; return whether anything was asked.

    Raises NotConfirmed; another owner's thing needs `--owner NAME` beside `--yes`.
    """
    named = values.get("owner")
    others = sorted(plan.owners - {session.caller.owner})
    if named and set(others) - {named}:
        raise NotConfirmed(
            f"--owner says {named}, and this belongs to {', '.join(others)}; nothing was changed.",
            hint=option("--owner", others[0]) if len(others) == 1 else "name the targets of one owner at a time",
        )
    if session.settings.yes and others and not named:
        raise NotConfirmed(
            f"this belongs to {', '.join(others)}, and --yes alone does not answer for another owner.",
            hint=f"add {option('--owner', others[0])}",
            details={"owners": others},
        )
    question = plan.question
    if others and question is None:
        question = Question(Ask.YES, f"{_names(plan, others)} belongs to {', '.join(others)}, not to you.")
    if question is None:
        return False
    session.listener.show_plan(plan)
    if not _answered(session, question, others):
        raise _declined(question, others)
    return True


def _declined(question: Question, others: Sequence[str]) -> NotConfirmed:
    """Return the error of a question that was answered with no, with the answer that goes on."""
    answer = f"type {question.word}" if question.ask is Ask.WORD else "answer y"
    owner = f" {option('--owner', others[0])}" if len(others) == 1 else ""
    return NotConfirmed(
        "not confirmed; nothing was changed.", hint=f"repeat the command and {answer}, or add --yes{owner}"
    )


def _answered(session: "Session", question: Question, others: Sequence[str]) -> bool:
    """Ask; where nobody can be asked, the hint names what answers for another owner too."""
    try:
        return session.listener.confirm(question)
    except NotConfirmed as error:
        if len(others) == 1:
            error.hint = f"add --yes {option('--owner', others[0])}"
        raise


def _names(plan: Plan, others: Sequence[str]) -> str:
    """Return what of a plan is others', as far as its results say whose each is."""
    planned = [result for result in plan.planned if result.status is Status.PLANNED]
    theirs = [result for result in planned if getattr(result.current, "owner", others[0]) in others]
    return ", ".join(result.name or result.id or "?" for result in theirs)
