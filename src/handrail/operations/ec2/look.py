"""`ec2 list`, `ec2 show`, `ec2 wait`: looking at instances."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from handrail.core.amounts import count
from handrail.core.ec2_rules import SETTLED, Move, check_target
from handrail.core.errors import HandrailError, Usage
from handrail.core.fields import Field, Kind, Values, show
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome, Result, Status
from handrail.core.resources import LIVE_STATES, STATES, Instance
from handrail.operations.ec2.targets import TARGETS, Target, find_one, find_targets
from handrail.operations.ec2.waiting import TIMEOUT, wait_for
from handrail.operations.ec2.words import full_notes, line, said
from handrail.session import Session


def _check_state(value: str) -> str:
    if value not in STATES:
        raise Usage(f"{show(value)} is not a state.", hint=f"--state takes {', '.join(STATES)}")
    return value


def list_instances(session: Session, values: Values) -> Outcome:
    """Return the instances that Handrail made; with `all`, or where the policy manages any, everybody's."""
    states = values["state"] or LIVE_STATES
    everybody = values["all"] or session.rules.manages_any("ec2")
    if everybody:
        rows = list(session.aws.ec2.describe({"instance-state-name": states}))
    else:
        rows = session.aws.ec2.managed(states, owner=values["owner"])
    shown = [one for one in rows if _wanted(one, values)]
    columns = tuple((heading, "system" if key == "image" else key) for heading, key in Instance.COLUMNS)
    return Outcome(
        rows=sorted(shown, key=lambda one: (one.name, one.id)),
        columns=(*columns, ("MANAGED", "managed")) if everybody else columns,
        summary=lambda: _summary(session, rows, shown, values),
        empty=_nothing(session, values),
    )


def _wanted(instance: Instance, values: Values) -> bool:
    owner, name = values["owner"], values["name"]
    return (owner is None or instance.owner == owner) and (name is None or fnmatchcase(instance.name, name))


def _narrowed(values: Values) -> bool:
    """Return whether only some instances were asked for; an empty pattern is one too."""
    return any(values[key] not in (None, ()) for key in ("state", "owner", "name"))


def _nothing(session: Session, values: Values) -> str:
    if _narrowed(values):
        return f"No instances in {session.region} fit. See them all: {line(session, 'list')}"
    return f"No instances in {session.region}. Make one: {line(session, 'create')}"


def _summary(session: Session, rows: list[Instance], shown: list[Instance], values: Values) -> str:
    """Return the number of rows and, where everything is shown, of the places of the account, wherever they are."""
    parts = [count(len(shown), "instance")]
    limit = session.rules.account_cap
    taken = session.stores.places_taken(rows) if limit is not None and not _narrowed(values) else None
    if taken is not None:
        parts.append(f"{taken} of {limit} places used")
    return " · ".join(parts)


def show_instance(session: Session, values: Values) -> Outcome:
    """Return one instance with everything that a person asks."""
    instance = find_one(session, values["instance"], to_change=False).one
    return Outcome(rows=(instance,), many=False, summary=said(instance), notes=full_notes(session, instance))


def wait_instances(session: Session, values: Values) -> Outcome:
    """Wait until each instance is in the named state, or has settled where it is heading."""
    targets = find_targets(session, values["targets"], to_change=False)
    found = {one.instance.id: one.instance for one in targets if one.instance and not one.error}
    goals = {id: values["state"] or SETTLED.get(one.state, one.state) for id, one in found.items()}
    seen: dict[str, Instance | HandrailError] = {}
    for goal in dict.fromkeys(goals.values()):
        group = {id: one for id, one in found.items() if goals[id] == goal and one.state != goal}
        seen.update(wait_for(session, group, _wait_move(goal), values["timeout"], acted=False))
    results = [_waited(one, seen) for one in targets]
    return Outcome(rows=results, failures=tuple(one.error for one in results if one.error), targets=True)


def _wait_move(goal: str) -> Move:
    return Move("wait", goal, goal, stray=() if goal == "terminated" else ("shutting-down", "terminated"))


def _waited(target: Target, seen: Mapping[str, Instance | HandrailError]) -> Result:
    if target.instance is None or target.error is not None:
        return target.failed()
    now = seen.get(target.instance.id, target.instance)
    if isinstance(now, HandrailError):
        return Result.failed(target.name, now, id=target.instance.id, current=target.instance)
    return Result(now.name, now.id, Status.SUCCEEDED, said=said(now), current=now, region=now.region)


STATE = Field(
    "state",
    f"only these states: {', '.join(STATES)} (default: all but the ended ones)",
    many=True,
    commas=True,
    metavar="STATE",
    check=_check_state,
    choices=STATES,
)

LIST = Operation(
    resource="ec2",
    verb="list",
    kind="instance",
    help="list the instances that Handrail made",
    example="handrail ec2 list --state running,stopped",
    effect=Effect.READ,
    handler=list_instances,
    fields=(
        STATE,
        Field("name", "only names that fit a pattern: web-*", metavar="PATTERN"),
        Field("owner", "only what this owner made", metavar="NAME"),
        Field("all", "everybody's instances, also those that Handrail did not make", Kind.FLAG, default=False),
    ),
    permissions=("ec2:DescribeInstances",),
    many=True,
)

SHOW = Operation(
    resource="ec2",
    verb="show",
    kind="instance",
    help="show one instance with everything about it",
    example="handrail ec2 show web",
    effect=Effect.READ,
    handler=show_instance,
    fields=(
        Field(
            "instance",
            "an instance id or name",
            positional=True,
            required=True,
            metavar="TARGET",
            pick_from="ec2 list",
            check=check_target,
        ),
    ),
    permissions=("ec2:DescribeInstances", "ec2:DescribeSecurityGroups"),
)

WAIT_OPERATION = Operation(
    resource="ec2",
    verb="wait",
    kind="instance",
    help="wait until instances reach a state, or settle",
    example="handrail ec2 wait web --state running",
    effect=Effect.READ,
    handler=wait_instances,
    fields=(
        TARGETS,
        Field("state", "the state to wait for (default: where each is heading)", Kind.CHOICE, choices=STATES),
        TIMEOUT,
    ),
    permissions=("ec2:DescribeInstances",),
    many=True,
)
