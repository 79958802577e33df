"""Carrying a change of state out: what must settle first, one call for all that are fit, waiting, what came of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.core.ec2_rules import SETTLED, Move
from handrail.core.errors import HandrailError, Throttled, Unreachable
from handrail.core.plan import Facts, Hold, Result, Status
from handrail.core.resources import ENDED, Instance
from handrail.operations.ec2.instances import INSTANCES
from handrail.operations.ec2.waiting import Seen, once_known, wait_for
from handrail.operations.ec2.words import next_step, notes
from handrail.operations.kinds import Course, Verb, attempt, called, look_again
from handrail.session import Session


@dataclass(frozen=True)
class Step(Course[Instance]):
    """What a change of state means for one instance. settles_first: waited for before; arrives: on its way already."""

    settles_first: bool = False
    arrives: bool = False

    def planned(self, verb: Verb[Any]) -> Result:
        """Return the result of an instance before the call."""
        if self.acts or self.error is not None:
            return super().planned(verb)
        if self.arrives:  # waited for; what is not called for has no row of its own in the record
            there = f"{called(self.one)} is {self.one.state} already; nothing was changed"
            return replace(self, request="").result(Status.PLANNED, there)
        return self.already()

    def already(self, now: Instance | None = None) -> Result:
        """Return the result of an instance that is where it should be."""
        one = now or self.one
        return self.result(Status.UNCHANGED, f"{called(one)} is {one.state} already · {one.id}", one)


class StateChange:
    """One change of state of several instances. `settle` before places are taken, `apply` with them."""

    def __init__(self, session: Session, move: Move, steps: Sequence[Step], *, wait: bool, timeout: float) -> None:
        self._session, self._move, self._steps = session, move, steps
        self._wait, self._timeout = wait, timeout
        self._answers: Seen = {}
        self._states: dict[str, str] = {}

    def settle(self) -> None:
        """Wait for those that must settle first: a place under a cap would run out meanwhile."""
        first = {step.one.id: step.one for step in self._steps if step.acts and step.settles_first}
        for state in dict.fromkeys(one.state for one in first.values()):
            group = {id: one for id, one in first.items() if one.state == state}
            goal = Move("settle", SETTLED[state], SETTLED[state], stray=ENDED)
            seen = wait_for(self._session, group, goal, self._timeout, acted=False)
            self._answers.update({id: error for id, error in seen.items() if isinstance(error, HandrailError)})

    def apply(self, hold: Hold) -> list[Result]:
        """Make the call for all that are fit, wait for them, and return a result per target in its order."""
        fit = self._fit([step for step in self._steps if step.acts and step.one.id not in self._answers], hold)
        acted = self._attempt(fit, hold) if fit else []
        self._answers.update(self._look([step.one for step in acted]))
        return [self._result(step, hold) for step in self._steps]

    def _fit(self, steps: Sequence[Step], hold: Hold) -> list[Step]:
        """Return those that have a place where they need one, and are what they were; the errors of others are kept."""
        for step in steps:
            refusal = hold.refusal(step.request)
            if refusal is not None:
                self._answers[step.one.id] = refusal
        left = [step for step in steps if step.one.id not in self._answers]
        targets, gone_too = [step.target for step in left], self._move.verb == "delete"  # gone is as good as deleted
        try:
            with attempt(self._session):
                again = look_again(self._session, INSTANCES, targets, gone_too=gone_too) if targets else {}
        except HandrailError as error:
            again = {step.one.id: error for step in left}
        for step in left:
            now = again[step.one.id]
            if isinstance(now, HandrailError):
                self._answers[step.one.id] = hold.give_back(step.request, now)
        return [step for step in left if step.one.id not in self._answers]

    def _attempt(self, steps: Sequence[Step], hold: Hold) -> list[Step]:
        """Call for all at once; AWS takes a batch whole or not at all, so a refused one is split.

        Returns those that are moving; the errors of the others are kept.
        """
        try:
            states = self._call(steps, hold)
        except HandrailError as error:
            if len(steps) > 1 and _splits(error):
                half = len(steps) // 2
                return self._attempt(steps[:half], hold) + self._attempt(steps[half:], hold)
            for step in steps:
                self._answers[step.one.id] = hold.give_back(step.request, error)
            return []
        moving = []
        for step in steps:
            against = hold.confirm(step.request, step.one.id)
            if against is None:
                self._states.update(states)
                moving.append(step)
            else:
                self._answers[step.one.id] = against
        return moving

    def _call(self, steps: Sequence[Step], hold: Hold) -> dict[str, str]:
        """Make the call of the move. Returns id -> state as the reply tells it (a reboot tells none)."""
        ids = [step.one.id for step in steps]
        names = ", ".join(called(step.one) for step in steps)
        ec2 = self._session.aws.ec2
        calls: dict[str, Callable[[], dict[str, str]]] = {
            "start": lambda: ec2.start(ids, hold.fence([step.request for step in steps]), called=names),
            "stop": lambda: ec2.stop(ids, called=names),
            "reboot": lambda: ec2.reboot(ids, called=names),
            "delete": lambda: ec2.terminate(ids, called=names),
        }
        call = calls[self._move.verb]
        return call() if len(steps) > 1 else once_known(self._session, steps[0].one, call)

    def _look(self, moving: Sequence[Instance]) -> Seen:
        """Return how those that move, and those that were on their way already, are in the end."""
        acted = {one.id: self._replied(one) for one in moving}
        arriving = {step.one.id: step.one for step in self._steps if step.arrives}
        if self._move.verb == "reboot" or not self._wait:
            return self._glance({**acted, **arriving})
        seen = wait_for(self._session, acted, self._move, self._timeout)
        return seen | wait_for(self._session, arriving, self._move, self._timeout, acted=False)

    def _replied(self, one: Instance) -> Instance:
        """Return an instance in the state that the reply to the call told: Describe hears of it later."""
        return replace(one, state=self._states.get(one.id, one.state))

    def _glance(self, before: dict[str, Instance]) -> Seen:
        """Return the instances as one look shows them, without waiting; one that it can't show stays as it was."""
        try:
            seen = self._session.aws.ec2.by_ids(before)
        except HandrailError:
            return dict(before)
        return {id: self._replied(seen.get(id, one)) for id, one in before.items()}

    def _result(self, step: Step, hold: Hold) -> Result:
        if step.error is not None:
            return step.failed()
        answer = self._answers.get(step.one.id, step.one)
        if isinstance(answer, HandrailError):
            return step.failed(answer.about(step.target.name) if len(self._steps) > 1 else answer)
        if not step.acts:
            return step.already(answer)
        state = self._move.done if self._move.verb == "reboot" else answer.state
        said = f"{called(answer)} is {state} · {answer.id}"
        return step.result(Status.SUCCEEDED, said, answer, notes=(*self._place(answer, hold), *self._notes(answer)))

    def _place(self, one: Instance, hold: Hold) -> Facts:
        """Free the place of what has stopped or ended, or say when it is free. A failure here costs nobody anything:
        whoever needs the place settles it."""
        try:
            if one.is_gone:
                hold.gone(one.id, one.client_token)
            elif one.state == "stopped" and self._move.verb == "stop":
                free = hold.stopped(one.id, one.client_token)
                return (("place", free),) if free else ()
        except HandrailError:
            return (("place", "it is freed by the next command that needs it"),)
        return ()

    def _notes(self, one: Instance) -> Facts:
        if self._move.verb == "start":
            return notes(self._session, one)
        return next_step(self._session, one) if self._move.verb == "stop" else ()


def _splits(error: HandrailError) -> bool:
    """Return whether an error is about one of several, so that the others may still go."""
    about_one = error.exit_code in (1, 4, 5) or error.slug == "permission_denied"
    return about_one and error.slug != "too_late" and not isinstance(error, (Throttled, Unreachable))
