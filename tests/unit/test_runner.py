"""The road where it turns: a handler that gives no plan, a repeat that was settled, one refusal of several."""

from types import SimpleNamespace
from typing import Any

import pytest

from handrail import runner
from handrail.core.errors import CapReached, Internal
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome, Plan, Result, Status
from handrail.ledger.record import Unfinished


def operation(handler: Any) -> Operation:
    """Return a change with this handler."""
    return Operation("ec2", "paint", "", "", Effect.CHANGE, handler)


def test_a_change_without_a_plan_is_a_defect() -> None:
    with pytest.raises(Internal, match="ec2 paint changes something, and gave no plan"):
        runner.run(operation(lambda _session, _values: Outcome()), {}, SimpleNamespace(), dry_run=True)  # type: ignore[arg-type]


def test_a_repeat_that_was_settled_meanwhile_is_planned_anew() -> None:
    plans: list[Plan] = []

    def handler(_session: Any, _values: Any) -> Plan:
        plans.append(Plan("x", lambda _hold: [], [], many=False, known=frozenset() if plans else frozenset({"r1"})))
        return plans[-1]

    found = Unfinished("r1", "ec2 paint", at=0.0)
    record = SimpleNamespace(now=lambda: 100.0, find=lambda _request: None, forget=lambda _request: None)
    session: Any = SimpleNamespace(
        check_policy=lambda _plan: None,
        unfinished=[found],
        recovery_age=1.0,
        operation_named=lambda _name: SimpleNamespace(recover=lambda *_: None),
        ledger=SimpleNamespace(record=record),
    )
    runner.run(operation(handler), {}, session)
    assert len(plans) == 2


def test_of_several_the_refused_one_is_named() -> None:
    full = CapReached("2 places are taken.", limit=2, count=2)
    planned = [Result(name, name, Status.PLANNED, request=name) for name in ("a", "b")]
    session: Any = SimpleNamespace(
        check_policy=lambda _plan: None,
        preview=lambda _places: {"b": full},
        listener=SimpleNamespace(show_plan=lambda _plan: None),
    )
    plan = Plan("x", lambda _hold: [], planned, many=True, places=object())  # type: ignore[arg-type]
    outcome = runner.run(operation(lambda _session, _values: plan), {}, session, dry_run=True)
    first, second = outcome.rows
    assert (first.status, second.status) == (Status.PLANNED, Status.FAILED)
    assert outcome.failures[0].message == "b: 2 places are taken."
