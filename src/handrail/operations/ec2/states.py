"""`ec2 start`, `stop`, `reboot`, `delete`: many targets, states checked first, one call for all that are fit."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from handrail.core.amounts import count
from handrail.core.ec2_rules import MOVES, SETTLED, Move
from handrail.core.errors import WrongState
from handrail.core.fields import Values
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Facts, Places, PlaceWish, Plan, Question, Result, Status
from handrail.core.policy.rules import Touch
from handrail.core.resources import Instance
from handrail.ledger.record import given_of
from handrail.operations.ec2.recovering import recover
from handrail.operations.ec2.state_change import Course, Moving, already, failed
from handrail.operations.ec2.targets import OWNER, TARGETS, Target, find_targets
from handrail.operations.ec2.waiting import TIMEOUT, WAIT
from handrail.operations.ec2.words import addressed, called, line
from handrail.session import Session

_COLUMNS = (
    ("NAME", "name"),
    ("ID", "id"),
    ("TYPE", "type"),
    ("STATE", "state"),
    ("AGE", "created_at"),
    ("OWNER", "owner"),
    ("PUBLIC", "public_ip"),
    ("PRIVATE", "private_ip"),
)


def _course(session: Session, target: Target, move: Move, *, wait: bool) -> Course:
    """Judge one target by its state, before any call (PRODUCT.md section 4, promise 10)."""
    if target.instance is None or target.error is not None:
        return Course(target, error=target.failed().error)
    state = target.instance.state
    if state in move.impossible:
        return Course(target, error=_impossible(session, target.instance, move))
    if state in move.settles:
        error = None if wait else _in_between(session, target.instance, move)
        return Course(target, acts=error is None, settles_first=True, error=error)
    if state in move.arriving or (state == move.goal and move.verb != "reboot"):
        return Course(target, arrives=state in move.arriving)
    return Course(target, acts=True)


def _impossible(session: Session, instance: Instance, move: Move) -> WrongState:
    alive = instance.state in ("stopping", "stopped")
    return WrongState(
        f"{called(instance)} is {instance.state}; it can't {move.verb}."
        if alive
        else f"{called(instance)} is {instance.state} for good.",
        hint=line(session, "start", addressed(instance)) if alive else line(session, "create"),
        details={"id": instance.id, "state": instance.state},
    )


def _in_between(session: Session, instance: Instance, move: Move) -> WrongState:
    return WrongState(
        f"{called(instance)} is {instance.state}; it can {move.verb} once it is {SETTLED[instance.state]}.",
        hint=f"leave --no-wait out, or: {line(session, 'wait', addressed(instance))}",
        details={"id": instance.id, "state": instance.state},
    )


def _handler(verb: str) -> Callable[[Session, Values], Plan]:
    move = MOVES[verb]

    def plan_move(session: Session, values: Values) -> Plan:
        """Look at the targets and return the plan of moving those that need it."""
        wait = values.get("wait", True)
        judged = [_course(session, one, move, wait=wait) for one in find_targets(session, values["targets"])]
        courses = _with_requests(judged, session.new_request())
        acting = [one for one in courses if one.acts]
        moving = Moving(session, move, courses, wait=wait, timeout=values["timeout"])
        return Plan(
            title=_title(courses, acting, move),
            prepare=moving.settle,
            apply=moving.apply,
            planned=[_planned(one, move) for one in courses],
            many=True,
            owners=frozenset(one.instance.owner for one in acting if one.target.touch is Touch.ASK_OWNER),
            places=_places(session, acting, wait=wait) if verb == "start" else None,
            question=_question(acting) if verb == "delete" else _touch_question(acting, verb),
            facts=() if verb == "delete" else _facts(acting),  # its question shows more of each
            given=given_of(_BY_VERB[verb], values),
        )

    return plan_move


def _title(courses: Sequence[Course], acting: Sequence[Course], move: Move) -> str:
    arriving = sum(one.arrives for one in courses)
    if arriving and not acting:
        return f"wait until {count(arriving, 'instance')} {'is' if arriving == 1 else 'are'} {move.goal}"
    return f"{move.verb} {count(len(acting), 'instance')}"


def _with_requests(courses: Sequence[Course], request: str) -> list[Course]:
    """Return the courses, each that acts with a request of its own: one row of the record per instance."""
    if len(courses) == 1:
        return [replace(courses[0], request=request)]
    return [replace(one, request=f"{request}-{number}") for number, one in enumerate(courses, 1)]


def _places(session: Session, acting: Sequence[Course], *, wait: bool) -> Places | None:
    """Return the places that starts need; what Handrail did not make takes none."""
    wishes = tuple(
        PlaceWish(one.request, one.instance.name, one.instance.id, one.instance.client_token, one.instance.owner)
        for one in acting
        if one.instance.managed
    )
    return Places(session.region, session.caller.owner, wishes, wait=wait) if wishes else None


def _facts(acting: Sequence[Course]) -> Facts:
    return tuple(
        (one.instance.name or "-", f"{one.instance.id} · {one.instance.type} · {one.instance.state}") for one in acting
    )


def _question(acting: Sequence[Course]) -> Question | None:
    if not acting:
        return None
    what = (
        "1 instance for good, with its disk"
        if len(acting) == 1
        else f"{len(acting)} instances for good, with their disks"
    )
    first = acting[0].instance
    word = (first.name or first.id) if len(acting) == 1 else str(len(acting))
    return Question(
        Ask.WORD,
        f"This ends {what}:",
        word=word,
        prompt="Type its name to confirm" if len(acting) == 1 else "Type how many to confirm",
        rows=tuple(one.instance for one in acting),
        columns=_COLUMNS,
    )


def _touch_question(acting: Sequence[Course], verb: str) -> Question | None:
    """Ask before touching what Handrail did not make, and what is another owner's: each by name, both in one question.

    Only a policy that manages any lets foreign ones get here.
    """
    foreign = [one.instance for one in acting if one.target.touch is Touch.ASK_FOREIGN]
    others = [one.instance for one in acting if one.target.touch is Touch.ASK_OWNER]
    if not foreign and not others:
        return None
    said = [f"Handrail did not make {', '.join(map(called, foreign))}"] if foreign else []
    said += [f"{_whose(others)}, not to you"] if others else []
    return Question(
        Ask.YES,
        f"{'; '.join(said)}.",
        prompt=f"{verb.capitalize()} anyway?",
        rows=(*foreign, *others),
        columns=_COLUMNS,
    )


def _whose(others: Sequence[Instance]) -> str:
    """Return whose these are: `api belongs to dev-2, db and web belong to dev-3`."""
    owners = {
        owner: [called(one) for one in others if one.owner == owner] for owner in sorted({one.owner for one in others})
    }
    return ", ".join(
        f"{' and '.join(names)} {'belongs' if len(names) == 1 else 'belong'} to {owner}"
        for owner, names in owners.items()
    )


def _planned(course: Course, move: Move) -> Result:
    if course.error is not None:
        return failed(course, course.error)
    one = course.instance
    if not course.acts and not course.arrives:
        return already(one)
    coming = f"would be {_PARTICIPLES[move.verb]}" if course.acts else f"is {one.state} already"
    return Result(
        name=one.name,
        id=one.id,
        status=Status.PLANNED,
        said=f"{called(one)} {coming}; nothing was changed",
        current=one,
        request=course.request if course.acts else None,
        region=one.region,
    )


_PARTICIPLES = {"start": "started", "stop": "stopped", "reboot": "rebooted", "delete": "deleted"}
_COMMON = ("ec2:DescribeInstances",)

START = Operation(
    resource="ec2",
    verb="start",
    kind="instance",
    help="start stopped instances; the cap counts them",
    example="handrail ec2 start web",
    effect=Effect.CHANGE,
    handler=_handler("start"),
    recover=recover,
    fields=(TARGETS, OWNER, WAIT, TIMEOUT),
    permissions=(*_COMMON, "ec2:StartInstances", "ec2:DescribeSecurityGroups"),
    many=True,
)
STOP = Operation(
    resource="ec2",
    verb="stop",
    kind="instance",
    help="stop running instances; their disks stay",
    example="handrail ec2 stop web,api",
    effect=Effect.CHANGE,
    handler=_handler("stop"),
    recover=recover,
    fields=(TARGETS, OWNER, WAIT, TIMEOUT),
    permissions=(*_COMMON, "ec2:StopInstances"),
    many=True,
)
REBOOT = Operation(
    resource="ec2",
    verb="reboot",
    kind="instance",
    help="reboot running instances",
    example="handrail ec2 reboot web",
    effect=Effect.CHANGE,
    handler=_handler("reboot"),
    recover=recover,
    fields=(TARGETS, OWNER, WAIT, TIMEOUT),
    permissions=(*_COMMON, "ec2:RebootInstances"),
    many=True,
)
DELETE = Operation(
    resource="ec2",
    verb="delete",
    kind="instance",
    help="end instances for good, with their disks",
    example="handrail ec2 delete web",
    effect=Effect.DESTROY,
    handler=_handler("delete"),
    recover=recover,
    fields=(TARGETS, OWNER, WAIT, TIMEOUT),
    permissions=(*_COMMON, "ec2:TerminateInstances"),
    aliases=("terminate",),
    many=True,
)

_BY_VERB = {operation.verb: operation for operation in (START, STOP, REBOOT, DELETE)}
