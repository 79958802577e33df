"""`ec2 list`, `ec2 show`, `ec2 wait`: looking at instances."""

from fnmatch import fnmatchcase
from functools import partial

from handrail.core.amounts import count
from handrail.core.ec2_rules import SETTLED, Move
from handrail.core.errors import HandrailError, Usage
from handrail.core.fields import Parameters, Type, flag, show, text, texts
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome, Result, Status
from handrail.core.resources import ENDED, LIVE_STATES, STATES, Instance
from handrail.operations.ec2.instances import INSTANCES, ManyInstances, OneInstance, Timeout
from handrail.operations.ec2.waiting import Seen, wait_for
from handrail.operations.ec2.words import full_notes, said
from handrail.operations.kinds import Course, Target, find, find_one
from handrail.operations.needs import FIND_INSTANCE
from handrail.session import Session


def _check_state(value: str) -> str:
    if value not in STATES:
        raise Usage(f"{show(value)} is not a state.", hint=f"--state takes {', '.join(STATES)}")
    return value


class ListInstances(Parameters):
    """Which instances are listed."""

    state = texts(
        f"only these states: {', '.join(STATES)} (default: all but the ended ones)",
        commas=True,
        metavar="STATE",
        check=_check_state,
        choices=STATES,
    )
    name = text("only names that fit a pattern: web-*", metavar="PATTERN")
    owner = text("only what this owner made", metavar="NAME")
    all = flag("everybody's instances, also those that Handrail did not make")


class WaitInstances(ManyInstances, Timeout):
    """What is waited for."""

    state = text("the state to wait for (default: where each is heading)", type=Type.CHOICE, choices=STATES)


def list_instances(session: Session, values: ListInstances) -> Outcome:
    """Return the instances that Handrail made; with `all`, or where the policy manages any, everybody's."""
    states = values.state or LIVE_STATES
    everybody = values.all or session.rules.manages_any("ec2")
    if everybody:
        rows = list(session.aws.ec2.describe({"instance-state-name": states}))
    else:
        rows = session.aws.ec2.managed(states, owner=values.owner)
    owner, name = values.owner, values.name or "*"
    shown = [one for one in rows if owner in (None, one.owner) and fnmatchcase(one.name, name)]
    columns = tuple((heading, "system" if key == "image" else key) for heading, key in Instance.COLUMNS)
    return Outcome(
        rows=sorted(shown, key=lambda one: (one.name, one.id)),
        columns=(*columns, ("MANAGED", "managed")) if everybody else columns,
        summary=lambda: _summary(session, rows, shown, values),
        empty=_nothing(session, values),
    )


def _narrowed(values: ListInstances) -> bool:
    """Return whether only some instances were asked for."""
    return bool(values.state) or values.owner is not None or values.name is not None


def _nothing(session: Session, values: ListInstances) -> str:
    if _narrowed(values):
        return f"No instances in {session.region} fit. See them all: {INSTANCES.line(session, 'list')}"
    return f"No instances in {session.region}. Make one: {INSTANCES.line(session, 'create')}"


def _summary(session: Session, rows: list[Instance], shown: list[Instance], values: ListInstances) -> str:
    """Return the number of rows and, where everything is shown, of the places of the account, wherever they are."""
    parts = [count(len(shown), "instance")]
    limit = session.rules.account_cap
    taken = session.stores.places_taken(rows) if limit is not None and not _narrowed(values) else None
    if taken is not None:
        parts.append(f"{taken} of {limit} places used")
    return " · ".join(parts)


def show_instance(session: Session, values: OneInstance) -> Outcome:
    """Return one instance with everything that a person asks."""
    instance = find_one(session, INSTANCES, values.instance, to_change=False, gone_too=True).one
    return Outcome(rows=(instance,), many=False, summary=said(instance), notes=full_notes(session, instance))


def wait_instances(session: Session, values: WaitInstances) -> Outcome:
    """Wait until each instance is in the named state, or has settled where it is heading."""
    targets = find(session, INSTANCES, values.targets, to_change=False, gone_too=True)
    found = {one.thing.id: one.thing for one in targets if one.thing and not one.error}
    goals = {id: values.state or SETTLED.get(one.state, one.state) for id, one in found.items()}
    seen = Seen()
    for goal in dict.fromkeys(goals.values()):
        group = {id: one for id, one in found.items() if goals[id] == goal and one.state != goal}
        move = Move("wait", goal, goal, stray=() if goal == "terminated" else ENDED)
        seen.update(wait_for(session, group, move, values.timeout, acted=False))
    results = [_waited(one, seen) for one in targets]
    return Outcome(rows=results, failures=tuple(one.error for one in results if one.error), targets=True)


def _waited(target: Target[Instance], seen: Seen) -> Result:
    course = Course(target)
    if target.error is not None:
        return course.failed(target.error)
    now = seen.get(target.one.id, target.one)
    return course.failed(now) if isinstance(now, HandrailError) else course.result(Status.SUCCEEDED, said(now), now)


_read = partial(Operation, resource="ec2", noun="instance", effect=Effect.READ)
LIST = _read(
    verb="list",
    help="list the instances that Handrail made",
    example="handrail ec2 list --state running,stopped",
    handler=list_instances,
    parameters=ListInstances,
    permissions=("ec2:DescribeInstances",),
    many=True,
)
SHOW = _read(
    verb="show",
    help="show one instance with everything about it",
    example="handrail ec2 show web",
    handler=show_instance,
    parameters=OneInstance,
    permissions=(*FIND_INSTANCE, "ec2:DescribeSecurityGroups"),
)
WAIT = _read(
    verb="wait",
    help="wait until instances reach a state, or settle",
    example="handrail ec2 wait web --state running",
    handler=wait_instances,
    parameters=WaitInstances,
    permissions=FIND_INSTANCE,
    many=True,
)
