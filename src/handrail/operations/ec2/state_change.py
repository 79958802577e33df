"""Carrying a move out: what must settle first, one call for all that are fit, waiting, and what became of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from handrail.core.ec2_rules import SETTLED, Move
from handrail.core.errors import HandrailError, Throttled, Unreachable
from handrail.core.plan import Facts, Hold, Result, Status
from handrail.core.resources import ENDED, Instance
from handrail.operations.ec2.targets import Target
from handrail.operations.ec2.waiting import Seen, once_known, wait_for
from handrail.operations.ec2.words import called, next_step, notes
from handrail.session import Session


@dataclass(frozen=True)
class Course:
    """What a move means for one target: nothing to do, wait for what is on its way, act, or an error."""

    target: Target
    acts: bool = False
    settles_first: bool = False
    arrives: bool = False
    error: HandrailError | None = None
    request: str = ""

    @property
    def instance(self) -> Instance:
        """Return the instance; only a course without an error has one."""
        return self.target.one


def failed(course: Course, error: HandrailError) -> Result:
    """Return the result of a target that could not be moved."""
    one = course.target.instance
    return Result.failed(
        course.target.name, error, id=one.id if one else None, current=one, request=course.request or None
    )


def already(one: Instance) -> Result:
    """Return the result of an instance that is where it should be."""
    return Result(
        one.name,
        one.id,
        Status.UNCHANGED,
        said=f"{called(one)} is {one.state} already · {one.id}",
        current=one,
        region=one.region,
    )


class Moving:
    """One move of several instances. `settle` before places are taken, `apply` with them."""

    def __init__(self, session: Session, move: Move, courses: Sequence[Course], *, wait: bool, timeout: float) -> None:
        self._session, self._move, self._courses = session, move, courses
        self._wait, self._timeout = wait, timeout
        self._answers: Seen = {}
        self._states: dict[str, str] = {}

    def settle(self) -> None:
        """Wait for those that must settle first: a place under a cap would run out meanwhile."""
        first = {one.instance.id: one.instance for one in self._courses if one.acts and one.settles_first}
        for state in dict.fromkeys(one.state for one in first.values()):
            group = {id: one for id, one in first.items() if one.state == state}
            goal = Move("settle", SETTLED[state], SETTLED[state], stray=ENDED)
            seen = wait_for(self._session, group, goal, self._timeout, acted=False)
            self._answers.update({id: error for id, error in seen.items() if isinstance(error, HandrailError)})

    def apply(self, hold: Hold) -> list[Result]:
        """Make the call for all that are fit, wait for them, and return a result per target in its order."""
        for course in self._courses:
            refusal = hold.refusal(course.request) if course.acts else None
            if refusal is not None:
                self._answers[course.instance.id] = refusal
        fit = [one for one in self._courses if one.acts and one.instance.id not in self._answers]
        acted = self._attempt(fit, hold) if fit else []
        self._answers.update(self._look([one.instance for one in acted]))
        return [self._result(one, hold) for one in self._courses]

    def _attempt(self, courses: Sequence[Course], hold: Hold) -> list[Course]:
        """Call for all at once; AWS takes a batch whole or not at all, so a refused one is split.

        Returns those that are moving; the errors of the others are kept.
        """
        try:
            states = self._call(courses, hold)
        except HandrailError as error:
            if len(courses) > 1 and _splits(error):
                half = len(courses) // 2
                return self._attempt(courses[:half], hold) + self._attempt(courses[half:], hold)
            for one in courses:
                self._answers[one.instance.id] = hold.give_back(one.request, error)
            return []
        moving = []
        for one in courses:
            against = hold.confirm(one.request, one.instance.id)
            if against is None:
                self._states.update(states)
                moving.append(one)
            else:
                self._answers[one.instance.id] = against
        return moving

    def _call(self, courses: Sequence[Course], hold: Hold) -> dict[str, str]:
        """Make the call of the move. Returns id -> state as the reply tells it (a reboot tells none)."""
        ids = [one.instance.id for one in courses]
        names = ", ".join(called(one.instance) for one in courses)
        ec2 = self._session.aws.ec2
        calls: dict[str, Callable[[], dict[str, str]]] = {
            "start": lambda: ec2.start(ids, hold.fence([one.request for one in courses]), called=names),
            "stop": lambda: ec2.stop(ids, called=names),
            "reboot": lambda: ec2.reboot(ids, called=names),
            "delete": lambda: ec2.terminate(ids, called=names),
        }
        call = calls[self._move.verb]
        return call() if len(courses) > 1 else once_known(self._session, courses[0].instance, call)

    def _look(self, moving: Sequence[Instance]) -> Seen:
        """Return how those that move, and those that were on their way already, are in the end."""
        acted = {one.id: self._replied(one) for one in moving}
        arriving = {one.instance.id: one.instance for one in self._courses if one.arrives}
        if not acted and not arriving:
            return {}
        if self._move.verb == "reboot" or not self._wait:
            return self._glance({**acted, **arriving})
        seen = wait_for(self._session, acted, self._move, self._timeout) if acted else {}
        late = wait_for(self._session, arriving, self._move, self._timeout, acted=False) if arriving else {}
        return {**seen, **late}

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

    def _result(self, course: Course, hold: Hold) -> Result:
        if course.error is not None:
            return failed(course, course.error)
        answer = self._answers.get(course.instance.id, course.instance)
        if isinstance(answer, HandrailError):
            return failed(course, answer.about(course.target.name) if len(self._courses) > 1 else answer)
        if not course.acts:
            return already(answer)
        state = self._move.done if self._move.verb == "reboot" else answer.state
        return Result(
            answer.name,
            answer.id,
            Status.SUCCEEDED,
            said=f"{called(answer)} is {state} · {answer.id}",
            current=answer,
            request=course.request,
            region=answer.region,
            notes=(*self._place(answer, hold), *self._notes(answer)),
        )

    def _place(self, one: Instance, hold: Hold) -> Facts:
        """Free the place of what has stopped or ended, or say when it is free. A failure here costs nobody anything:
        whoever needs the place settles it."""
        try:
            if one.state in ENDED:
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
