"""The road where it turns: a handler that gives no plan, a repeat that was settled, one refusal of several."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from handrail import runner
from handrail.core.errors import CapReached, Internal
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome, Plan, Result, Status
from handrail.ledger.record import Intent
from stage import Stage


def operation(handler: Any) -> Operation:
    """Return a change with this handler."""
    return Operation("ec2", "paint", "", "", Effect.CHANGE, handler)


def test_a_change_without_a_plan_is_a_defect() -> None:
    with pytest.raises(Internal, match="ec2 paint changes something, and gave no plan"):
        runner.run(operation(lambda _session, _values: Outcome()), {}, Stage(), dry_run=True)


def test_a_repeat_that_was_settled_meanwhile_is_planned_anew() -> None:
    plans: list[Plan] = []

    def handler(_session: Any, _values: Any) -> Plan:
        plans.append(Plan("x", lambda _hold: [], [], many=False, known=frozenset() if plans else frozenset({"r1"})))
        return plans[-1]

    stage, paint = Stage(), operation(handler)
    stage.operations["ec2 paint"] = replace(paint, recover=lambda *_: None)
    stage.record.intend([Intent("r1", "ec2 paint", "", "us-east-1", "sandbox")])
    stage.table.time += stage.stores.recovery_age + 1
    runner.run(paint, {}, stage)
    assert len(plans) == 2


def test_of_several_the_refused_one_is_named() -> None:
    full = CapReached("2 places are taken.", limit=2, count=2)
    planned = [Result(name, name, Status.PLANNED, request=name) for name in ("a", "b")]
    stage = Stage()
    stage.stores.found = SimpleNamespace(preview=lambda _places: {"b": full})
    plan = Plan("x", lambda _hold: [], planned, many=True, places=object())  # type: ignore[arg-type]
    outcome = runner.run(operation(lambda _session, _values: plan), {}, stage, dry_run=True)
    first, second = outcome.rows
    assert (first.status, second.status) == (Status.PLANNED, Status.FAILED)
    assert outcome.failures[0].message == "b: 2 places are taken."
