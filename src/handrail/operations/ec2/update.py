"""`ec2 update`: the name, the tags, and the type of a stopped instance."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

from handrail.core.ec2_rules import INSTANCE_TAGS, check_name, check_target, check_type
from handrail.core.errors import Conflict, HandrailError, Usage, WrongState
from handrail.core.fields import Field, Values
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Claim, Facts, Hold, NameWish, Plan, Question, Result, Status
from handrail.core.policy.rules import Touch
from handrail.core.resources import ENDED, LIVE_STATES, Instance
from handrail.core.tags import MOST_TAGS
from handrail.ledger.record import given_of
from handrail.operations.ec2.recovering import recover
from handrail.operations.ec2.targets import OWNER, find_one
from handrail.operations.ec2.waiting import once_known
from handrail.operations.ec2.words import addressed, called, line, said
from handrail.session import Session


@dataclass(frozen=True)
class Edit:
    """What an update would change. Empty parts change nothing."""

    put: Mapping[str, str]
    drop: tuple[str, ...]
    type: str | None

    @property
    def empty(self) -> bool:
        """Return whether nothing would change."""
        return not (self.put or self.drop or self.type)


def update_instance(session: Session, values: Values) -> Plan:
    """Look at the instance and return the plan of what differs. Raises Usage, WrongState, Conflict, NotManaged."""
    tags = INSTANCE_TAGS.parse(values["tag"])
    if not (values["rename"] or tags or values["untag"] or values["type"]):
        raise Usage("nothing to update was given.", hint="--rename NAME, --tag key=value, --untag key, or --type TYPE")
    clash = set(tags) & set(values["untag"])
    if clash:
        raise Usage(f"the tag {min(clash)} is both set and removed.", hint="give it to --tag or to --untag")
    claims = _claims(values)
    session.rules.check(claims)
    target = find_one(session, values["instance"])
    one = target.one
    if one.state in ENDED:
        raise WrongState(f"{called(one)} is {one.state} for good.", hint=line(session, "list"))
    edit = _edit(one, values, tags)
    claims = (*claims, *_tag_claims(one, edit))
    _check_type(session, one, edit)
    _check_name(session, one, edit)

    request = session.new_request()

    def apply(hold: Hold) -> list[Result]:
        _carry_out(session, one, edit, hold)
        now = _read_back(session, one, edit)
        return [
            Result(
                now.name,
                now.id,
                Status.SUCCEEDED,
                said=f"{said(now)} · updated",
                current=now,
                request=request,
                region=now.region,
            )
        ]

    planned = Result(
        one.name,
        one.id,
        Status.UNCHANGED if edit.empty else Status.PLANNED,
        said=f"{called(one)} is like that already · {one.id}" if edit.empty else f"{called(one)} would be updated",
        current=one,
        request=request,
        region=one.region,
    )
    return Plan(
        title=f"update {called(one)}",
        apply=apply,
        planned=[planned],
        many=False,
        claims=claims,
        owners=frozenset({one.owner} if target.touch is Touch.ASK_OWNER else ()),
        question=_foreign_question(one) if target.touch is Touch.ASK_FOREIGN else None,
        facts=_facts(one, edit),
        given=given_of(UPDATE, values),
    )


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


def _foreign_question(one: Instance) -> Question:
    return Question(Ask.YES, f"Handrail did not make {called(one)}.", prompt="Change it anyway?", rows=(one,))


def _claims(values: Values) -> tuple[Claim, ...]:
    claims = [Claim("ec2.types", values["type"], "--type"), Claim("ec2.names", values["rename"], "--rename")]
    return tuple(claim for claim in claims if claim.value is not None)


def _tag_claims(one: Instance, edit: Edit) -> tuple[Claim, ...]:
    """Return what the policy judges once the instance is known: its own tags as they would be, if they change."""
    if not edit.drop and not set(edit.put) - {"Name"}:
        return ()
    return (Claim("ec2.required_tags", _tags_after(one, edit), "--tag"),)


def _tags_after(one: Instance, edit: Edit) -> dict[str, str]:
    return {key: value for key, value in {**one.tags, **edit.put}.items() if key not in edit.drop}


def _edit(one: Instance, values: Values, tags: Mapping[str, str]) -> Edit:
    wanted = dict(tags)
    if values["rename"]:
        wanted["Name"] = values["rename"]
    edit = Edit(
        put={key: value for key, value in wanted.items() if one.tags.get(key) != value},
        drop=tuple(key for key in values["untag"] if key in one.tags),
        type=values["type"] if values["type"] != one.type else None,
    )
    after = len((set(one.tags) | set(edit.put)) - set(edit.drop))
    if after > MOST_TAGS:
        raise Usage(f"{called(one)} would have {after} tags; EC2 takes {MOST_TAGS}.", hint="--untag some first")
    return edit


def _check_type(session: Session, one: Instance, edit: Edit) -> None:
    if edit.type is None:
        return
    if one.state != "stopped":
        raise WrongState(
            f"{called(one)} is {one.state}; its type can change only while it is stopped.",
            hint=line(session, "stop", addressed(one)),
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
        raise Conflict(
            f"the name {edit.put['Name']} is taken: {taken[0].id} is {taken[0].state}.",
            hint="choose another name",
            details={"name": edit.put["Name"], "id": taken[0].id},
        )


def _read_back(session: Session, one: Instance, edit: Edit) -> Instance:
    """Return the instance as AWS shows it, with what was just set where AWS may still show the old view."""
    now = session.aws.ec2.by_ids([one.id]).get(one.id, one)
    tags = _tags_after(now, edit)
    return replace(now, tags=tags, name=tags.get("Name", ""), type=edit.type or now.type)


def _facts(one: Instance, edit: Edit) -> Facts:
    lines = [
        ("name" if key == "Name" else key, f"{one.tags.get(key, '-')} → {value}") for key, value in edit.put.items()
    ]
    lines += [(key, f"{one.tags[key]} → -") for key in edit.drop]
    return (*lines, *((("type", f"{one.type} → {edit.type}"),) if edit.type else ()))


UPDATE = Operation(
    resource="ec2",
    verb="update",
    kind="instance",
    help="rename an instance, change its tags, or its type while it is stopped",
    example="handrail ec2 update web --rename api --tag team=blue",
    effect=Effect.CHANGE,
    handler=update_instance,
    recover=recover,
    claims=lambda session, values: _claims(values),
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
        Field("rename", "the new name", check=check_name, metavar="NAME"),
        Field("tag", "set a tag: key=value", many=True, metavar="KEY=VALUE"),
        Field("untag", "remove a tag", many=True, metavar="KEY", check=INSTANCE_TAGS.check_key),
        Field("type", "the new type, of the same architecture", check=check_type, metavar="TYPE"),
        OWNER,
    ),
    permissions=(
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceTypes",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:ModifyInstanceAttribute",
    ),
)
