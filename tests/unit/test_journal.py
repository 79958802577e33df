"""What goes on record and what stays open, whatever fails: journal.py on a table in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from handrail.core.errors import (
    Acted,
    AwsFailure,
    CapReached,
    Conflict,
    HandrailError,
    Interrupted,
    NotFound,
    NotManaged,
    NotSetUp,
    PartlyFailed,
    PermissionDenied,
    Refused,
    Throttled,
    Unreachable,
    Usage,
    WrongState,
)
from handrail.core.fields import Parameters, text, texts, validate
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Places, Plan, Result, Status
from handrail.journal import (
    GIVEN_UP_AFTER,
    RECOVERED_AT_ONCE,
    Entries,
    record_failed_targets,
    record_stopped,
    recorded,
    settle_unfinished,
)
from handrail.ledger.record import Intent, Record, Verdict, joined
from handrail.operations.settling import Settled, finished, undone
from memory_table import DATE, caller
from stage import Stage

Recover = Callable[[Any, Intent], Settled | None]


class Held:
    """A hold that knows which requests are done."""

    def __init__(self, **done: str) -> None:
        self._done = done

    def done(self, request: str) -> str | None:
        """Return the instance of a request."""
        return self._done.get(request)


class Named(Parameters):
    """What makes one thing."""

    name = text("a name")


class Stop(Named):
    """What changes some."""

    targets = texts("which", positional=True)


class Desk(Stage):
    """A stage with one operation, `ec2 stop`, which others may settle like this."""

    def __init__(self, *, has_ledger: bool = True, recover: Recover | None = None) -> None:
        super().__init__(has_ledger=has_ledger)
        self.operation = Operation(
            "ec2",
            "stop",
            "",
            "",
            Effect.CHANGE,
            lambda _session, _values: Plan("", lambda _hold: [], [], many=True),
            parameters=Stop,
            recover=recover or (lambda _session, _intent: None),
        )
        self._requests = 0

    def operation_named(self, name: str) -> Operation | None:
        """Return the operation."""
        return self.operation if name == "ec2 stop" else None

    def new_request(self) -> str:
        """Return the next request id."""
        self._requests += 1
        return f"new-{self._requests}"

    def results(self) -> dict[str, str]:
        """Return request -> result of the record."""
        rows = joined(self.record.entries_since(0))
        return {one.intent.request: one.verdict.result if one.verdict else "open" for one in rows}

    def verdict(self, request: str = "r1") -> Verdict:
        """Return the outcome of a request."""
        known = self.record.find(request)
        assert known is not None
        assert known.verdict is not None
        return known.verdict

    def plan(self, *requests: str, **values: Any) -> Plan:
        """Return a plan of these requests."""
        planned = [Result("web", f"i-{one}", Status.PLANNED, request=one) for one in requests]
        return Plan("x", lambda _hold: [], planned, many=True, **values)

    def walk(self, plan: Plan, results: Sequence[Result], hold: Held | None = None) -> list[Result]:
        """Carry a plan out with these results."""
        with recorded(self, self.operation, plan) as entries:
            entries.hold = hold or Held()  # type: ignore[assignment]
            self.aws.changes_sent += 1
            return entries.settle(results)

    def fail(self, plan: Plan, error: BaseException, hold: Held | None = None) -> HandrailError:
        """Carry a plan out that raises, and return what comes out. hold None: before places were taken."""
        try:
            with recorded(self, self.operation, plan) as entries:
                entries.hold = hold  # type: ignore[assignment]
                self.aws.changes_sent += hold is not None
                raise error
        except HandrailError as told:
            return told


def stopped(stage: Any, given: dict[str, Any], error: HandrailError) -> None:
    """Put a change on record that was stopped before it began."""
    record_stopped(stage, stage.operation, validate(stage.operation.parameters, given), error)


def done(request: str) -> Result:
    """Return the result of a request that went well."""
    return Result("web", f"i-{request}", Status.SUCCEEDED, request=request)


def failed(request: str, error: HandrailError) -> Result:
    """Return the result of a request that failed."""
    return Result.failed("web", error, request=request)


PLACES = Places("us-east-1", "dev-1", ())


def test_a_change_is_on_record_before_and_after() -> None:
    stage = Desk()
    assert stage.walk(stage.plan("r1"), [done("r1")]) == [done("r1")]
    assert (stage.verdict().resource, stage.verdict().code) == ("i-r1", 0)
    assert stage.record.unfinished() == []


def test_what_is_not_planned_is_not_recorded() -> None:
    stage = Desk()
    plan = replace(stage.plan("r1"), planned=[Result("web", "i-1", Status.UNCHANGED), *stage.plan("r1").planned])
    stage.walk(plan, [Result("web", "i-1", Status.UNCHANGED), done("r1")])
    assert stage.results() == {"r1": "succeeded"}


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Conflict("no"), "failed"),
        (NotFound("no"), "refused"),
        (CapReached("full", limit=2, count=2), "refused"),
        (PermissionDenied("no"), "failed"),
        (AwsFailure("no", code="no_capacity", acted=Acted.NO), "failed"),
    ],
)
def test_a_definite_failure_is_an_outcome(error: HandrailError, result: str) -> None:
    stage = Desk()
    assert stage.walk(stage.plan("r1"), [failed("r1", error)])[0].error is error
    assert (stage.results(), stage.verdict().code) == ({"r1": result}, error.exit_code)


@pytest.mark.parametrize(
    "error",
    [Unreachable("cut"), Throttled("slow"), AwsFailure("no"), Conflict("at the second try", acted=Acted.UNKNOWN)],
)
def test_what_may_have_been_done_stays_open_and_says_how_to_finish(error: HandrailError) -> None:
    stage = Desk()
    told = stage.walk(stage.plan("r1", again="--request-id r1"), [failed("r1", error)])[0].error
    assert told is not None
    assert told.hint == "repeat the command with --request-id r1"
    assert told.facts[-1][0] == "open"
    assert stage.results() == {"r1": "open"}


def test_where_nobody_could_find_out_a_doubtful_failure_is_an_outcome() -> None:
    stage = Desk()
    stage.operation = replace(stage.operation, recover=None)
    stage.walk(stage.plan("r1"), [failed("r1", Unreachable("cut"))])
    assert stage.results() == {"r1": "failed"}


def test_where_places_are_taken_the_lease_knows_what_is_open() -> None:
    stage = Desk()
    open_error = Unreachable("cut", facts=[("open", "it settles itself")], details={"open": True})
    results = [failed("r1", Unreachable("never sent", acted=Acted.NO)), failed("r2", open_error)]
    told = stage.walk(stage.plan("r1", "r2", places=PLACES), results)[1].error
    assert stage.results() == {"r1": "failed", "r2": "open"}
    assert told is not None
    assert told.facts == (("open", "it settles itself"),)
    assert told.hint == "repeat the command"


def test_without_a_lease_the_error_decides() -> None:
    stage = Desk(has_ledger=False)
    stage.walk(stage.plan("r1", places=PLACES), [failed("r1", Unreachable("cut"))])
    assert stage.results() == {"r1": "open"}


def test_a_conflict_over_an_open_request_says_its_own_words() -> None:
    stage = Desk()
    error = Conflict("it is being settled by bob.", details={"open": True}, acted=Acted.UNKNOWN)
    assert stage.walk(stage.plan("r1"), [failed("r1", error)])[0].error is error
    assert stage.results() == {"r1": "open"}


def test_a_wait_that_was_given_up_is_a_success_on_record() -> None:
    stage = Desk()
    late = AwsFailure("web is pending and not yet running after 1 s.", code="timeout", acted=Acted.YES)
    assert stage.walk(stage.plan("r1"), [failed("r1", late)])[0].error is late
    assert (stage.verdict().result, stage.verdict().message) == ("succeeded", late.message)


def test_a_change_that_was_made_and_cannot_be_watched_is_a_success_on_record() -> None:
    stage = Desk()
    stage.walk(stage.plan("r1"), [failed("r1", Unreachable("can't be watched"))], Held(r1="i-1"))
    assert (stage.verdict().result, stage.verdict().message) == ("succeeded", "can't be watched")


def test_an_outcome_that_cannot_be_written_fails_nothing() -> None:
    stage = Desk()
    with recorded(stage, stage.operation, stage.plan("r1")) as entries:

        def trouble(call: str) -> None:
            raise Unreachable("no answer.")

        stage.table.trouble = trouble
        assert entries.settle([done("r1")]) == [done("r1")]
        stage.table.trouble = lambda _call: None
    assert stage.said == [
        "warning: what became of ec2 stop i-r1 could not be put on record: no answer. "
        "It stays open there until a later command settles it."
    ]
    assert stage.results() == {"r1": "open"}


def test_an_error_before_anything_is_sent_ends_what_is_new() -> None:
    stage = Desk()
    error = Unreachable("the ledger does not answer")
    assert stage.fail(stage.plan("r1"), error) is error
    assert stage.results() == {"r1": "failed"}


@pytest.mark.parametrize(
    ("error", "result"),
    [(Unreachable("cut"), "open"), (Conflict("busy"), "open"), (CapReached("full", limit=1, count=1), "refused")],
)
def test_an_error_before_anything_is_sent_leaves_an_older_request_open(error: HandrailError, result: str) -> None:
    stage = Desk()
    stage.walk(stage.plan("r1", places=PLACES), [])
    stage.fail(stage.plan("r1", known=frozenset({"r1"})), error)
    assert stage.results() == {"r1": result}


def test_an_error_in_the_middle_ends_the_rest_and_keeps_what_was_done() -> None:
    stage = Desk()
    error = Conflict("no")
    assert stage.fail(stage.plan("r1", "r2"), error, Held(r1="i-1")) is error
    assert stage.results() == {"r1": "succeeded", "r2": "failed"}


def test_a_doubtful_error_in_the_middle_leaves_the_rest_open() -> None:
    stage = Desk()
    told = stage.fail(stage.plan("r1"), Unreachable("cut"), Held())
    assert stage.results() == {"r1": "open"}
    assert told.facts[-1][0] == "open"


def test_an_interrupted_wait_keeps_what_was_done() -> None:
    stage = Desk()
    error = Interrupted("stopped waiting")
    assert stage.fail(stage.plan("r1", "r2"), error, Held(r1="i-1")) is error
    assert stage.results() == {"r1": "succeeded", "r2": "open"}


def test_an_interrupted_wait_for_what_was_done_is_a_success_on_record() -> None:
    stage = Desk()
    error = Interrupted("stopped waiting for web.", acted=Acted.YES)
    assert stage.fail(stage.plan("r1"), error, Held()) is error
    assert (stage.verdict().result, stage.verdict().message) == ("succeeded", error.message)


def test_ctrl_c_before_anything_is_sent() -> None:
    stage = Desk()
    told = stage.fail(stage.plan("r1"), KeyboardInterrupt())
    assert (told.exit_code, told.hint, told.facts) == (130, "handrail ec2 list", ())
    assert stage.results() == {"r1": "failed"}


def test_ctrl_c_in_the_middle_says_how_to_finish() -> None:
    stage = Desk()
    told = stage.fail(stage.plan("r1", again="--request-id r1"), KeyboardInterrupt(), Held())
    assert told.exit_code == 130
    assert told.hint == "repeat the command with --request-id r1"
    assert stage.results() == {"r1": "open"}


def test_ctrl_c_after_which_nothing_is_left_is_an_outcome() -> None:
    stage = Desk()
    stage.fail(stage.plan("r1"), Interrupted("interrupted; nothing was uploaded.", acted=Acted.NO), Held())
    assert stage.results() == {"r1": "failed"}


@pytest.mark.parametrize("error", [KeyError("InstanceId"), MemoryError(), TypeError("no list")])
def test_a_defect_after_something_was_sent_leaves_it_open(error: Exception) -> None:
    stage = Desk()
    told = stage.fail(stage.plan("r1", again="--request-id r1"), error, Held())
    assert told.message.startswith(f"Handrail itself failed: {type(error).__name__}")
    assert (told.facts[-1][0], told.hint) == ("open", "repeat the command with --request-id r1")
    assert stage.results() == {"r1": "open"}


def test_a_defect_before_anything_was_sent_is_an_outcome() -> None:
    stage = Desk()
    stage.fail(stage.plan("r1"), KeyError("Reservations"))
    assert stage.results() == {"r1": "failed"}


def test_a_refusal_that_ends_several_at_once_tells_of_none_of_them() -> None:
    stage = Desk()
    stage.fail(stage.plan("r1", "r2"), Conflict("no"), Held())
    assert stage.results() == {"r1": "open", "r2": "open"}


def test_a_command_that_lives_is_not_taken_for_one_that_was_cut_off() -> None:
    stage = Desk(recover=lambda _session, intent: undone(intent, "it was cut off"))
    with recorded(stage, stage.operation, stage.plan("r1")) as entries:
        stage.table.time = DATE + 90.0
        entries.beat(120)
        stage.table.time = DATE + 150.0
        settle_unfinished(stage)
        assert stage.results() == {"r1": "open"}
        entries.settle([done("r1")])
        entries.beat(120)
    assert stage.results() == {"r1": "succeeded"}
    assert stage.aws.allowed == [DATE + 120, DATE + 210, DATE + 270, None]
    assert stage.record.renew("r1") is False, "what is settled is not opened again"
    assert stage.record.unfinished() == []


def test_a_command_that_was_taken_for_dead_may_not_work_on() -> None:
    stage = Desk()
    with recorded(stage, stage.operation, stage.plan("r1")) as entries:
        stage.record.settle(Verdict("r1", "failed"))
        entries.beat(120)
    assert stage.aws.allowed == [DATE + 120, None]


@pytest.mark.parametrize("has_ledger", [False, True])
def test_what_has_a_place_or_no_ledger_needs_no_pulse(has_ledger: bool) -> None:
    stage = Desk(has_ledger=has_ledger)
    stage.walk(stage.plan("r1", places=PLACES if has_ledger else None), [done("r1")])
    assert stage.aws.allowed == []


@pytest.mark.parametrize(("settled", "notes"), [("failed", 1), ("succeeded", 0)])
def test_a_command_that_was_held_up_says_what_stands_on_record(settled: str, notes: int) -> None:
    stage = Desk()
    with recorded(stage, stage.operation, stage.plan("r1")) as entries:
        stage.record.settle(Verdict("r1", settled, by="bob"))
        entries.settle([done("r1")])
    assert [note.partition(" settled by bob")[0] for note in stage.said] == [
        "warning: ec2 stop i-r1 is on record as failed,"
    ][:notes]
    assert stage.verdict().result == settled


# ---- what is stopped before it begins


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (CapReached("full", limit=1, count=1), "refused"),
        (NotFound("no"), "refused"),
        (Conflict("no"), "failed"),
        (PartlyFailed("one file is in the way"), "failed"),
        (PermissionDenied("no"), "failed"),
        (AwsFailure("no"), "failed"),
        (Usage("words"), None),
        (NotSetUp("no ledger"), None),
        (Unreachable("cut"), None),
        (Throttled("slow"), None),
    ],
)
@pytest.mark.parametrize("targets", [("a", "b"), None])
def test_what_is_stopped_is_on_record(error: HandrailError, result: str | None, targets: Any) -> None:
    stage = Desk()
    stopped(stage, {"targets": targets, "name": "web"}, error)
    assert stage.results() == ({"new-1": result} if result else {})
    if result:
        known = stage.record.find("new-1")
        assert known is not None
        assert known.intent.resource == ("a,b" if targets else "")


def test_a_name_stands_for_what_was_to_be_made() -> None:
    stage = Desk()
    stage.operation = replace(stage.operation, parameters=Named)
    stopped(stage, {"name": "web"}, Conflict("no"))
    known = stage.record.find("new-1")
    assert known is not None
    assert known.intent.resource == "web"


def test_a_refusal_is_not_hidden_by_a_record_that_cannot_be_written() -> None:
    stage = Desk()

    def trouble(call: str) -> None:
        raise Unreachable("no answer.")

    stage.table.trouble = trouble
    stopped(stage, {"targets": ("a",)}, Conflict("no"))
    assert stage.said == ["warning: this could not be put on record: no answer."]


def test_targets_that_were_refused_are_on_record() -> None:
    stage = Desk()
    planned = [failed("", NotFound("no")), failed("", Unreachable("cut")), done("r1")]
    record_failed_targets(stage, stage.operation, replace(stage.plan(), planned=planned))
    assert stage.results() == {"new-1": "refused"}


# ---- what others left unfinished


def left_open(stage: Desk, *requests: str, who: str = "dev-2", operation: str = "ec2 stop") -> None:
    """Leave requests open, long ago."""
    other = Record(stage.table, caller(who), lambda _: None)  # type: ignore[arg-type]
    other.intend([Intent(one, operation, "i-1", "us-east-1", "sandbox") for one in requests])
    stage.table.time = DATE + 101.0


def test_what_was_cut_off_is_settled_and_said() -> None:
    stage = Desk(recover=lambda _session, intent: finished(intent, said="found stopped"))
    left_open(stage, "r1")
    left_open(stage, "r2", who="dev-1")
    stage.table.time = DATE + 300.0
    settle_unfinished(stage)
    assert stage.results() == {"r1": "succeeded", "r2": "succeeded"}
    assert sorted(stage.said) == [
        "settled what was cut off: ec2 stop i-1 (request r1) of dev-2: found stopped",
        "settled what was cut off: ec2 stop i-1 (request r2) of you: found stopped",
    ]


@pytest.mark.parametrize(
    ("settled", "result", "code"),
    [
        (lambda intent: finished(intent, "web is shut.", "ask dev-2.", said="done"), "succeeded", 0),
        (lambda intent: undone(intent, "done", "web is shut.", "ask dev-2."), "failed", 1),
    ],
)
def test_what_its_owner_should_know_is_said_and_on_record(
    settled: Callable[[Intent], Settled], result: str, code: int
) -> None:
    stage = Desk(recover=lambda _session, intent: settled(intent))
    left_open(stage, "r1")
    settle_unfinished(stage)
    assert stage.said == [
        "settled what was cut off: ec2 stop i-1 (request r1) of dev-2: done",
        "warning: web is shut.",
        "warning: ask dev-2.",
    ]
    verdict = stage.verdict()
    assert (verdict.result, verdict.code, verdict.message) == (result, code, "done; web is shut.; ask dev-2.")


def test_what_is_young_or_nobodys_to_settle_is_left() -> None:
    stage = Desk(recover=lambda _session, intent: finished(intent))
    left_open(stage, "unknown", operation="ec2 paint")
    stage.record.intend([Intent("young", "ec2 stop", "i-1", "us-east-1", "sandbox")])
    settle_unfinished(stage)
    assert set(stage.results().values()) == {"open"}


def test_what_has_an_outcome_by_now_or_none_yet_is_left() -> None:
    stage = Desk()
    left_open(stage, "r1", "r2", "r3")
    marks = dict(stage.table.items)
    stage.record.settle(Verdict("r1", "failed"))
    stage.table.items |= {key: mark for key, mark in marks.items() if key[0] == "open"}
    for key in [key for key in stage.table.items if key[0] == "request#r2"]:
        del stage.table.items[key]
    settle_unfinished(stage)
    assert stage.said == []


@pytest.mark.parametrize(("who", "notes"), [("dev-1", 1), ("dev-2", 0)])
def test_what_cannot_be_settled_stops_nobody(who: str, notes: int) -> None:
    def recover(_session: Any, _intent: Intent) -> Settled:
        raise PermissionDenied("these credentials may not look there.")

    stage = Desk(recover=recover)
    left_open(stage, "r1", who=who)
    settle_unfinished(stage)
    assert len(stage.said) == notes
    assert stage.results() == {"r1": "open"}


def failing(error: Exception) -> Recover:
    """Return a recovery that fails so."""

    def recover(_session: Any, _intent: Intent) -> Settled:
        raise error

    return recover


PASSES = [
    PermissionDenied("these credentials may not look there."),
    Unreachable("no answer."),
    AwsFailure("the region is not switched on."),
    WrongState("S3 is busy.", code="busy"),
    KeyError("bucket"),
]


@pytest.mark.parametrize(
    "error", [NotFound("no bucket."), NotManaged("not ours."), Refused("no."), WrongState("locked.")]
)
def test_that_the_world_has_moved_on_is_the_end_of_it_at_once(error: HandrailError) -> None:
    stage = Desk(recover=failing(error))
    left_open(stage, "r1")
    settle_unfinished(stage)
    assert (stage.verdict().result, stage.verdict().code) == ("failed", error.exit_code)
    assert stage.verdict().message == f"it was cut off, and what became of it can't be told any more: {error.message}"
    assert stage.record.unfinished() == []
    assert len(stage.said) == 1


@pytest.mark.parametrize("error", PASSES)
def test_what_may_pass_is_tried_once_in_a_while_and_given_up_after_a_day(error: Exception) -> None:
    stage = Desk(recover=failing(error))
    left_open(stage, "r1", who="dev-1")
    for _ in range(5):
        settle_unfinished(stage)
    assert len(stage.said) == 1, "once, however many commands come by"
    assert "can't be settled now" in stage.said[0]
    assert "Later commands try again, until 2027-01-15 10:00 UTC at the latest." in stage.said[0]
    stage.table.time += stage.stores.recovery_age + 1
    settle_unfinished(stage)
    assert len(stage.said) == 2
    stage.table.time += GIVEN_UP_AFTER * stage.stores.recovery_age
    settle_unfinished(stage)
    assert (stage.results(), stage.record.unfinished()) == ({"r1": "failed"}, [])
    settle_unfinished(stage)
    assert len(stage.said) == 3


@pytest.mark.parametrize("newer", [{"operation": "ec9 new"}, {"needs": 99}])
def test_what_a_newer_version_began_is_left_to_it(newer: dict[str, Any]) -> None:
    stage = Desk(recover=failing(NotFound("no.")))
    left_open(stage, "r1", who="dev-1")
    stage.table.items["request#r1", "intent"] |= newer
    for _ in range(2):
        stage.table.time += GIVEN_UP_AFTER * stage.stores.recovery_age
        settle_unfinished(stage)
    assert [one.request for one in stage.record.unfinished()] == ["r1"]
    assert ("request#r1", "outcome") not in stage.table.items
    assert len(stage.said) == 2
    assert all("A newer one settles it: pip install --upgrade handrail" in said for said in stage.said)


def test_what_nobody_can_settle_is_given_up() -> None:
    stage = Desk()
    stage.operation = replace(stage.operation, recover=None)
    left_open(stage, "r1", who="dev-1")
    settle_unfinished(stage)
    stage.table.time += (GIVEN_UP_AFTER + 1) * stage.stores.recovery_age
    settle_unfinished(stage)
    assert stage.results() == {"r1": "failed"}


def test_a_mark_whose_outcome_cant_be_read_is_forgotten() -> None:
    stage = Desk()
    left_open(stage, "r1", who="dev-1")
    intent = stage.table.items["request#r1", "intent"]
    stage.table.items["request#r1", "outcome"] = odd = {**intent, "sk": "outcome", "kind": "outcome", "result": "later"}
    settle_unfinished(stage)
    assert len(stage.record.unfinished()) == 1
    stage.table.time += (GIVEN_UP_AFTER + 1) * stage.stores.recovery_age
    settle_unfinished(stage)
    assert (stage.record.unfinished(), stage.table.items["request#r1", "outcome"]) == ([], odd)


def test_what_was_put_off_is_tried_at_once_where_it_is_asked_for() -> None:
    stage = Desk(recover=failing(Unreachable("no answer.")))
    left_open(stage, "r1")
    settle_unfinished(stage)
    assert settle_unfinished(stage) == set()
    assert settle_unfinished(stage, {"r1"}) == {"r1"}


def test_a_command_that_lives_after_all_is_not_put_off() -> None:
    stage = Desk()
    left_open(stage, "r1")
    (before,) = stage.record.unfinished()
    stage.record.renew("r1")
    stage.record.put_off(before)
    (now,) = stage.record.unfinished()
    assert (now.at, now.tried, now.resource) == (stage.table.time, 0.0, "i-1")


def test_odd_rows_end_too() -> None:
    stage = Desk(recover=lambda _session, intent: undone(intent, "it was cut off"))
    left_open(stage, "undated", "edited", "orphan", "done")
    stage.table.items["open", "undated"]["at"] = "yesterday"
    stage.table.items["open", "orphan"] = {**stage.table.items["open", "orphan"], "sk": "orphan"}
    del stage.table.items["request#orphan", "intent"]
    stage.table.items["request#edited", "intent"]["given"] = "{"
    marker = dict(stage.table.items["open", "done"])
    stage.record.settle(Verdict("done", "succeeded"))
    stage.table.items["open", "done"] = marker
    settle_unfinished(stage)
    assert {one.request for one in stage.record.unfinished()} == {"undated", "edited"}
    stage.table.time += (GIVEN_UP_AFTER + 2) * stage.stores.recovery_age
    settle_unfinished(stage)
    assert stage.record.unfinished() == []


def test_a_record_that_does_not_answer_leaves_all_as_it_is() -> None:
    stage = Desk(recover=lambda _session, intent: undone(intent, "it was cut off"))
    left_open(stage, "r1")
    (one,) = stage.record.unfinished()

    def trouble(call: str) -> None:
        if call == "transact":
            raise Unreachable("no answer.")

    stage.table.trouble = trouble
    settle_unfinished(stage)
    assert stage.said == ["ec2 stop r1 was cut off and can't be settled now: no answer."]
    assert stage.record.unfinished() == [one]


def test_what_somebody_else_settles_first_while_it_is_given_up_is_not_said() -> None:
    def recover(_session: Any, intent: Intent) -> Settled:
        stage.record.settle(Verdict(intent.request, "succeeded"))
        raise NotFound("gone.")

    stage = Desk(recover=recover)
    left_open(stage, "r1")
    settle_unfinished(stage)
    assert (stage.said, stage.results()) == ([], {"r1": "succeeded"})


def test_what_somebody_else_settles_first_is_not_said() -> None:
    def recover(_session: Any, intent: Intent) -> Settled:
        stage.record.settle(Verdict(intent.request, "failed"))
        return finished(intent)

    stage = Desk(recover=recover)
    left_open(stage, "r1")
    settle_unfinished(stage)
    assert (stage.said, stage.results()) == ([], {"r1": "failed"})


def test_one_command_settles_some_of_many() -> None:
    stage = Desk(recover=lambda _session, intent: undone(intent, "it was cut off"))
    left_open(stage, *(f"r{number}" for number in range(RECOVERED_AT_ONCE + 5)))
    settle_unfinished(stage)
    assert list(stage.results().values()).count("failed") == RECOVERED_AT_ONCE


def test_entries_without_requests_have_nothing_to_settle() -> None:
    stage = Desk()
    entries = Entries(stage, stage.operation, stage.plan(), [])
    assert entries.settle([Result("web", None, Status.SUCCEEDED)])[0].name == "web"


def test_no_secret_in_hand_gets_on_record() -> None:
    stage = Desk()
    stage.secrets.hide("the-secret")
    stage.fail(stage.plan("r1"), Conflict("AWS said the-secret back."))
    known = stage.record.find("r1")
    assert known is not None
    assert known.verdict is not None
    assert known.verdict.message == "AWS said *** back."
