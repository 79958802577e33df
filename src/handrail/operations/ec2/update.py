"""`ec2 update`: the name, the tags, and the type of a stopped instance."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

from handrail.core.ec2_rules import INSTANCE_TAGS, check_name, check_type
from handrail.core.errors import HandrailError, Usage, WrongState
from handrail.core.fields import text, texts
from handrail.core.plan import Claim, Facts, Hold, NameWish, Plan, Result, Status
from handrail.core.resources import LIVE_STATES, Instance
from handrail.core.tags import MOST_TAGS, tags_after
from handrail.operations.ec2.instances import INSTANCES, OneInstance, OtherOwner, name_taken
from handrail.operations.ec2.recovery import instance_change
from handrail.operations.ec2.waiting import once_known
from handrail.operations.ec2.words import said
from handrail.operations.kinds import Course, Target, Verb, called, carry_out, find_one, plan_for
from handrail.operations.needs import CHANGE_EC2
from handrail.session import Session


class UpdateInstance(OneInstance, OtherOwner):
    """What an update asks for."""

    rename = text("the new name", check=check_name, metavar="NAME", policy="ec2.names")
    tag = texts("set a tag: key=value", metavar="KEY=VALUE")
    untag = texts("remove a tag", metavar="KEY", check=INSTANCE_TAGS.check_key)
    type = text("the new type, of the same architecture", check=check_type, metavar="TYPE", policy="ec2.types")


@dataclass(frozen=True)
class Edit(Course[Instance]):
    """What an update would change of an instance. Empty parts change nothing."""

    put: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    type: str | None = None


def update_instance(session: Session, values: UpdateInstance) -> Plan:
    """Look at the instance and return the plan of what differs. Raises Usage, WrongState, Conflict, NotManaged."""
    tags = _tags(values)
    target = find_one(session, INSTANCES, values.instance)
    one = target.one
    edit = replace(_edit(target, values, tags), request=session.new_request())
    _check_type(session, one, edit)
    _check_name(session, one, edit)
    verb = Verb[Edit](
        "update", lambda _: "would be updated", lambda _: f"{called(one)} is like that already · {one.id}"
    )

    def act(edit: Edit, now: Instance, hold: Hold) -> Result:
        _carry_out(session, now, edit, hold)
        after = _read_back(session, now, edit)
        return edit.result(Status.SUCCEEDED, f"{said(after)} · updated", after)

    return plan_for(
        session,
        INSTANCES,
        [edit],
        verb,
        title=f"update {called(one)}",
        apply=lambda hold: carry_out(session, INSTANCES, [edit], verb, partial(act, hold=hold)),
        many=False,
        claims=_tag_claims(one, edit),
        facts=_facts(one, edit),
    )


def _tags(values: UpdateInstance) -> dict[str, str]:
    """Return the tags to set. Raises Usage where nothing is to be changed, or one and the same both ways."""
    tags = INSTANCE_TAGS.edit(values.tag, values.untag)
    if not (values.rename or tags or values.untag or values.type):
        raise Usage("nothing to update was given.", hint="--rename NAME, --tag key=value, --untag key, or --type TYPE")
    return tags


def _carry_out(session: Session, one: Instance, edit: Edit, hold: Hold) -> None:
    """Change the type, which AWS may refuse, before the tags, and all of it only if the name can be had.

    Raises HandrailError saying what is changed already.
    """
    name = edit.put.get("Name") if one.managed else None
    with hold.naming(NameWish(one.region, name, one.id)) if name else nullcontext() as fence:
        if edit.type:
            session.aws.ec2.change_type(one.id, edit.type, called=called(one))
        retag = partial(session.aws.ec2.retag, one.id, put=edit.put, drop=edit.drop, fence=fence, called=called(one))
        try:
            once_known(session, one, retag)
        except HandrailError as error:
            if edit.type:
                error.facts = (*error.facts, ("done", f"type {one.type} → {edit.type}"))
            raise


def _claims(session: Session, values: UpdateInstance) -> tuple[Claim, ...]:
    _tags(values)
    claims = [Claim("ec2.types", values.type, "--type"), Claim("ec2.names", values.rename, "--rename")]
    return tuple(claim for claim in claims if claim.value is not None)


def _tag_claims(one: Instance, edit: Edit) -> tuple[Claim, ...]:
    """Return what the policy judges once the instance is known: its own tags as they would be, if they change."""
    if not edit.drop and not set(edit.put) - {"Name"}:
        return ()
    return (Claim("ec2.required_tags", tags_after(one.tags, edit.put, edit.drop), "--tag"),)


def _edit(target: Target[Instance], values: UpdateInstance, tags: Mapping[str, str]) -> Edit:
    one, wanted = target.one, {**tags, **({"Name": values.rename} if values.rename else {})}
    put = {key: value for key, value in wanted.items() if one.tags.get(key) != value}
    drop = tuple(key for key in values.untag if key in one.tags)
    new_type = values.type if values.type != one.type else None
    after = len(tags_after(one.tags, put, drop))
    if after > MOST_TAGS:
        raise Usage(f"{called(one)} would have {after} tags; EC2 takes {MOST_TAGS}.", hint="--untag some first")
    return Edit(target, bool(put or drop or new_type), put=put, drop=drop, type=new_type)


def _check_type(session: Session, one: Instance, edit: Edit) -> None:
    if edit.type is None:
        return
    if one.state != "stopped":
        raise WrongState(
            f"{called(one)} is {one.state}; its type can change only while it is stopped.",
            hint=INSTANCES.line(session, "stop", INSTANCES.addressed(one)),
            details={"id": one.id, "state": one.state},
        )
    architecture = session.aws.ec2.type_facts(edit.type).architecture
    if architecture != one.architecture:
        raise Usage(
            f"{edit.type} is {architecture}, and {called(one)} is {one.architecture}.",
            hint="choose a type of the same architecture, or create a new instance",
        )


def _check_name(session: Session, one: Instance, edit: Edit) -> None:
    if "Name" not in edit.put:
        return
    taken = [other for other in session.aws.ec2.by_names([edit.put["Name"]], LIVE_STATES) if other.managed]
    if taken:
        raise name_taken(taken[0], "choose another name")


def _read_back(session: Session, one: Instance, edit: Edit) -> Instance:
    """Return the instance as AWS shows it, with what was just set where AWS may still show the old view."""
    now = session.aws.ec2.by_ids([one.id]).get(one.id, one)
    tags = tags_after(now.tags, edit.put, edit.drop)
    return replace(now, tags=tags, name=tags.get("Name", ""), type=edit.type or now.type)


def _facts(one: Instance, edit: Edit) -> Facts:
    lines = [
        ("name" if key == "Name" else key, f"{one.tags.get(key, '-')} → {value}") for key, value in edit.put.items()
    ]
    lines += [(key, f"{one.tags[key]} → -") for key in edit.drop]
    return (*lines, *((("type", f"{one.type} → {edit.type}"),) if edit.type else ()))


UPDATE = instance_change(
    verb="update",
    help="rename an instance, change its tags, or its type while it is stopped",
    example="handrail ec2 update web --rename api --tag team=blue",
    handler=update_instance,
    claims=_claims,
    parameters=UpdateInstance,
    fits=lambda one: not one.is_gone,
    permissions=(
        *CHANGE_EC2,
        "ec2:DescribeInstanceTypes",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:ModifyInstanceAttribute",
    ),
)
