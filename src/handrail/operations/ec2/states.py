"""`ec2 start`, `stop`, `reboot`, `delete`: many targets, states checked first, one call for all that are fit."""

from collections.abc import Callable, Sequence

from handrail.core.amounts import count
from handrail.core.ec2_rules import MOVES, SETTLED, Move
from handrail.core.errors import WrongState
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Facts, Places, PlaceWish, Plan, Question
from handrail.core.resources import Instance
from handrail.operations.ec2.instances import INSTANCES, ManyInstances, OtherOwner, Waiting
from handrail.operations.ec2.recovery import instance_change
from handrail.operations.ec2.state_change import StateChange, Step
from handrail.operations.kinds import Target, Verb, called, find, judged, plan_for, to_be_typed
from handrail.operations.needs import CHANGE_EC2, END_CONDEMNED
from handrail.session import Session

_PARTICIPLES = {"start": "started", "stop": "stopped", "reboot": "rebooted", "delete": "deleted"}


class MoveInstances(ManyInstances, OtherOwner, Waiting):
    """What a change of state asks for."""


def _handler(verb: str) -> Callable[[Session, MoveInstances], Plan]:
    move, told = MOVES[verb], Verb[Step](verb, lambda _: f"would be {_PARTICIPLES[verb]}")

    def plan_move(session: Session, values: MoveInstances) -> Plan:
        """Look at the targets and return the plan of moving those that need it."""
        targets = find(session, INSTANCES, values.targets, gone_too=True)
        steps = judged(session, Step, targets, lambda target: _step(session, target, move, wait=values.wait))
        acting = [one for one in steps if one.acts]
        change = StateChange(session, move, steps, wait=values.wait, timeout=values.timeout)
        return plan_for(
            session,
            INSTANCES,
            steps,
            told,
            title=_title(steps, acting, move),
            prepare=change.settle,
            apply=change.apply,
            places=_places(session, acting, wait=values.wait) if verb == "start" else None,
            question=_ending(acting) if verb == "delete" else None,
            facts=() if verb == "delete" else _facts(acting),  # its question shows more of each
        )

    return plan_move


def _step(session: Session, target: Target[Instance], move: Move, *, wait: bool) -> Step:
    """Judge one target by its state, before any call (PRODUCT.md section 4, promise 10). Raises WrongState."""
    state = target.one.state
    if state in move.impossible:
        raise _impossible(session, target.one, move)
    if state in move.settles and not wait:
        raise _in_between(session, target.one, move)
    if move.is_under_way(state):
        return Step(target, arrives=state in move.arriving)
    return Step(target, acts=True, settles_first=state in move.settles)


def _impossible(session: Session, one: Instance, move: Move) -> WrongState:
    said, hint = f"{one.state}; it can't {move.verb}", INSTANCES.line(session, "start", INSTANCES.addressed(one))
    if one.is_gone:
        said, hint = f"{one.state} for good", INSTANCES.line(session, "create")
    return WrongState(f"{called(one)} is {said}.", hint=hint, details={"id": one.id, "state": one.state})


def _in_between(session: Session, one: Instance, move: Move) -> WrongState:
    return WrongState(
        f"{called(one)} is {one.state}; it can {move.verb} once it is {SETTLED[one.state]}.",
        hint=f"leave --no-wait out, or: {INSTANCES.line(session, 'wait', INSTANCES.addressed(one))}",
        details={"id": one.id, "state": one.state},
    )


def _title(steps: Sequence[Step], acting: Sequence[Step], move: Move) -> str:
    arriving = sum(one.arrives for one in steps)
    if arriving and not acting:
        return f"wait until {count(arriving, 'instance')} {'is' if arriving == 1 else 'are'} {move.goal}"
    return f"{move.verb} {count(len(acting), 'instance')}"


def _places(session: Session, acting: Sequence[Step], *, wait: bool) -> Places | None:
    """Return the places that starts need; what Handrail did not make takes none."""
    wishes = tuple(
        PlaceWish(step.request, step.one.name, step.one.id, step.one.client_token, step.one.owner)
        for step in acting
        if step.one.managed
    )
    return Places(session.region, session.caller.owner, wishes, wait=wait) if wishes else None


def _facts(acting: Sequence[Step]) -> Facts:
    ones = [step.one for step in acting]
    return tuple((one.name or "-", f"{one.id} · {one.type} · {one.state}") for one in ones)


def _ending(acting: Sequence[Step]) -> Question | None:
    if not acting:
        return None
    several = len(acting) > 1
    what = f"{len(acting)} instances for good, with their disks" if several else "1 instance for good, with its disk"
    return to_be_typed(f"This ends {what}:", [step.one for step in acting], Instance.ASKED)


def _fits(one: Instance, move: Move) -> bool:
    """Return whether a move makes sense for an instance as it is."""
    return not move.is_under_way(one.state) and one.state not in move.impossible


def _operation(verb: str, help: str, example: str, *permissions: str, **rest: object) -> Operation:
    return instance_change(
        verb=verb,
        help=help,
        example=example,
        effect=Effect.DESTROY if verb == "delete" else Effect.CHANGE,
        handler=_handler(verb),
        parameters=MoveInstances,
        fits=lambda one: _fits(one, MOVES[verb]),
        permissions=(*CHANGE_EC2, *permissions),
        many=True,
        **rest,  # type: ignore[arg-type]  # of Operation
    )


START = _operation(
    "start",
    "start stopped instances; the cap counts them",
    "handrail ec2 start web",
    "ec2:StartInstances",
    "ec2:DescribeSecurityGroups",
    *END_CONDEMNED,
)
STOP = _operation("stop", "stop running instances; their disks stay", "handrail ec2 stop web,api", "ec2:StopInstances")
REBOOT = _operation("reboot", "reboot running instances", "handrail ec2 reboot web", "ec2:RebootInstances")
DELETE = _operation(
    "delete",
    "end instances for good, with their disks",
    "handrail ec2 delete web",
    "ec2:TerminateInstances",
    aliases=("terminate",),
)
