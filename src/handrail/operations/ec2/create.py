"""`ec2 create`: an instance within the rules, made once, owned from the creating call on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from handrail.aws.ec2 import Launch
from handrail.core.amounts import count
from handrail.core.ec2_rules import (
    INSTANCE_TAGS,
    MOVES,
    USER_DATA_LIMIT,
    TypeFacts,
    check_image,
    check_instance_profile,
    check_name,
    check_subnet,
    check_type,
    check_user_data,
    name_from,
)
from handrail.core.errors import HandrailError, NotFound, Usage
from handrail.core.fields import Type, number, text, texts
from handrail.core.ownership import GIVEN_TAG, IMAGE_TAG, ownership_tags, token_of
from handrail.core.plan import Claim, Facts, Hold, Places, PlaceWish, Plan, Result, Status
from handrail.core.resources import LIVE_STATES, Image, Instance
from handrail.core.shell import line, option
from handrail.ledger.record import digest_of, given_of
from handrail.operations.ec2.instances import INSTANCES, Waiting, name_taken
from handrail.operations.ec2.recovery import instance_change, launch_of
from handrail.operations.ec2.waiting import Seen, wait_for
from handrail.operations.ec2.words import notes, said
from handrail.operations.needs import CHANGE_EC2, END_CONDEMNED
from handrail.operations.repeating import Making, Repeatable, first_tries, gone, repeat
from handrail.session import Session

COUNT_LIMIT = 33  # places and intents of one command go into one transaction
_LETTERS = "abcdefghijkmnpqrstuvwxyz"
Made = Mapping[str, Instance | HandrailError]


class CreateInstance(Repeatable, Waiting):
    """What a create asks for."""

    name = text("its name (default: you and four letters)", check=check_name, policy="ec2.names")
    type = text(
        "instance type (default: the first that the policy allows)",
        check=check_type,
        metavar="TYPE",
        policy="ec2.types",
    )
    image = text(
        "ubuntu (latest LTS), amazon-linux (latest), or an AMI id where the policy allows it",
        default="amazon-linux",
        check=check_image,
        aliases=("ami",),
        metavar="IMAGE",
        policy="ec2.images",
    )
    key_pair = text("key pair to log in with", metavar="NAME", policy="ec2.key_pairs")
    security_group = texts("security group, by id or name", commas=True, metavar="ID", policy="ec2.security_groups")
    subnet = text("subnet id (default: the default VPC's)", check=check_subnet, metavar="ID", policy="ec2.subnets")
    instance_profile = text(
        "IAM instance profile, by name or ARN",
        check=check_instance_profile,
        metavar="NAME",
        policy="ec2.instance_profiles",
    )
    user_data = text("a file to run at first boot, at most 16 KiB", type=Type.FILE, metavar="FILE")
    tag = texts("a tag of your own: key=value", metavar="KEY=VALUE")
    count = number("make that many: NAME-1 to NAME-N, all or none", minimum=1, maximum=COUNT_LIMIT, metavar="N")


@dataclass(frozen=True)
class Wish:
    """What was asked for, with the policy's defaults filled in; nothing looked up yet. given: as the person gave it."""

    given: CreateInstance
    digest: str
    type: str
    name: str
    tags: Mapping[str, str]
    key_pair: str | None
    security_groups: tuple[str, ...]
    subnet: str | None
    user_data: bytes | None
    credits: str

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the instances to make: the name itself, or with a count NAME-1 to NAME-N."""
        if self.given.count is None:
            return (self.name,)
        return tuple(check_name(f"{self.name}-{number}") for number in range(1, self.given.count + 1))

    @property
    def counted(self) -> bool:
        """Return whether a number of them was asked for."""
        return self.given.count is not None

    @property
    def request_id(self) -> str | None:
        """Return the id that was given."""
        return self.given.request_id

    @property
    def hashes(self) -> dict[str, str]:
        """Return what is on record of the content of files."""
        return {} if self.user_data is None else {"user_data_sha256": hashlib.sha256(self.user_data).hexdigest()}


def wish_of(session: Session, values: CreateInstance) -> Wish:
    """Return what is wished: defaults filled in, files read. Raises Usage, Refused where no type is allowed."""
    file, default = values.user_data, session.rules.default
    data = None if file is None else check_user_data(session.machine.read_file(file, USER_DATA_LIMIT), file)
    wish = Wish(
        given=values,
        digest="",
        type=values.type or session.rules.default_type(),
        name=values.name or name_from(session.caller.owner, session.machine.letters(_LETTERS, 4)),
        tags=INSTANCE_TAGS.parse(values.tag),
        key_pair=values.key_pair or default("ec2.default_key_pair"),
        security_groups=values.security_group or tuple(default("ec2.default_security_groups") or ()),
        subnet=values.subnet or default("ec2.default_subnet"),
        user_data=data,
        credits=session.rules.narrowest("ec2.credits"),
    )
    return replace(wish, digest=digest_of(CreateInstance, {**given_of(values), **wish.hashes}, session.region))


def _claims(session: Session, wish: Wish) -> tuple[Claim, ...]:
    claims = [
        Claim("ec2.regions", session.region, "--region"),
        Claim("ec2.types", wish.type, "--type"),
        Claim("ec2.images", wish.given.image, "--image"),
        Claim("ec2.required_tags", dict(wish.tags), "--tag"),
        *(Claim("ec2.names", name, "--name") for name in wish.names),
        Claim("ec2.key_pairs", wish.key_pair, "--key-pair"),
        Claim("ec2.subnets", wish.subnet, "--subnet"),
        Claim("ec2.instance_profiles", wish.given.instance_profile, "--instance-profile"),
        *(Claim("ec2.security_groups", group, "--security-group") for group in wish.security_groups),
        Claim("ec2.user_data", True if wish.user_data is not None else None, "--user-data"),
    ]
    return tuple(claim for claim in claims if claim.value is not None)


def _places(session: Session, wish: Wish, ones: Sequence[Making[Instance]]) -> Places:
    """Return the places of what is still to be made; while nothing was asked of the record, of all."""
    ones = ones or first_tries(INSTANCES, wish, "check")
    wishes = tuple(PlaceWish(one.request, one.name, begun=one.begun) for one in ones if one.found is None)
    return Places(session.region, session.caller.owner, wishes, wait=wish.given.wait)


def create_instances(session: Session, wish: Wish, ones: Sequence[Making[Instance]]) -> Plan:
    """Look up everything that a create needs and return its plan. Raises Conflict, NotFound, Usage."""
    missing = [one for one in ones if one.found is None]
    live = session.aws.ec2.managed(LIVE_STATES)
    _check_names_free([one for one in missing if one.known is None], live)
    facts = session.aws.ec2.type_facts(wish.type)
    image = _image(session, wish.given.image, facts.architecture)
    wish = _checked_network(session, wish)
    taken = session.stores.places_taken(live)
    launches = {
        one.request: launch_of(one.known.intent, wish.user_data)
        if one.known
        else _launch(session, wish, one, facts, image)
        for one in missing
    }

    def apply(hold: Hold) -> list[Result]:
        made = {one.request: _make(session, launches[one.request], hold, one) for one in missing}
        return _finished(session, wish, ones, made, hold)

    return Plan(
        title=f"create {count(len(missing), 'instance')}",
        apply=apply,
        planned=[_planned(session, one, wish, image) for one in ones],
        many=wish.counted,
        places=_places(session, wish, ones),
        facts=(
            *_facts(session, missing, facts, image, sum(one.takes_a_place for one in live) if taken is None else taken),
            *_attached(wish),
            ("request", _chosen(wish, ones)),
        ),
        given=wish.hashes,
        resolved={request: launch.resolved() for request, launch in launches.items()},
        digest=wish.digest,
        known=frozenset(one.request for one in missing if one.known is not None),
        again=option("--request-id", _chosen(wish, ones)),
    )


def _chosen(wish: Wish, ones: Sequence[Making[Instance]]) -> str:
    """Return the id with which the command is repeated."""
    return wish.request_id or (ones[0].request.removesuffix("-1") if wish.counted else ones[0].request)


def _check_names_free(missing: Sequence[Making[Instance]], live: Sequence[Instance]) -> None:
    names = {one.name: one for one in live}
    for one in missing:
        if one.name in names:
            raise name_taken(names[one.name], "choose another --name")


def _image(session: Session, image: str, architecture: str) -> Image:
    if not image.startswith("ami-"):
        return session.aws.ec2.newest_image(image, architecture)
    found = session.aws.ec2.image(image)
    if found.architecture != architecture:
        raise Usage(
            f"{found.id} is made for {found.architecture}, and the type needs {architecture}.",
            hint="give a --type of the image's architecture, or another --image",
        )
    return found


def _checked_network(session: Session, wish: Wish) -> Wish:
    """Return the wish with security groups as ids. Raises NotFound, Usage on what the region does not have."""
    ec2, groups = session.aws.ec2, wish.security_groups
    if wish.key_pair and not ec2.has_key_pair(wish.key_pair):
        raise _missing(session, f"key pair {wish.key_pair}", "describe-key-pairs")
    if wish.subnet and not ec2.has_subnet(wish.subnet):
        raise _missing(session, f"subnet {wish.subnet}", "describe-subnets")
    found = ec2.security_groups(groups) if groups else {}
    return replace(wish, security_groups=tuple(_group(session, word, ids) for word, ids in found.items()))


def _group(session: Session, word: str, ids: Sequence[str]) -> str:
    if not ids:
        raise _missing(session, f"security group {word}", "describe-security-groups")
    if len(ids) > 1:
        raise Usage(
            f"{len(ids)} security groups are named {word}: {', '.join(sorted(ids))}.",
            hint=f"name it by its id: {option('--security-group', min(ids))}",
            code="ambiguous",
        )
    return ids[0]


def _missing(session: Session, what: str, listing: str) -> NotFound:
    hint = line("aws", "ec2", listing, "--region", session.region)
    return NotFound(f"there is no {what} in {session.region}.", hint=hint)


def _launch(session: Session, wish: Wish, one: Making[Instance], facts: TypeFacts, image: Image) -> Launch:
    marks = {"Name": one.name, **ownership_tags(session.caller.owner, one.request)}
    return Launch(
        token=token_of(one.request),
        image_id=image.id,
        type=wish.type,
        root_device=image.root_device,
        tags={**marks, GIVEN_TAG: wish.digest, IMAGE_TAG: image.label, **wish.tags},
        credits=wish.credits if facts.burstable else None,
        key_pair=wish.key_pair,
        security_groups=wish.security_groups,
        subnet=wish.subnet,
        instance_profile=wish.given.instance_profile,
        user_data=wish.user_data,
    )


def _make(session: Session, launch: Launch, hold: Hold, one: Making[Instance]) -> Instance | HandrailError:
    refusal, standing = hold.refusal(one.request), hold.standing(one.request)
    if refusal is not None:
        return refusal
    try:
        if standing is not None:
            return _standing(session, one, standing)
        made = session.aws.ec2.run(launch, hold.fence([one.request]))
    except HandrailError as error:
        return hold.give_back(one.request, error)
    return hold.confirm(one.request, made.id) or made


def _standing(session: Session, one: Making[Instance], id: str) -> Instance:
    """Return the instance that a repeated request has already. Raises Conflict if it is gone."""
    found = session.aws.ec2.by_ids([id]).get(id)
    if found is None or found.is_gone:
        raise gone(one.request, id)
    return found


def _finished(session: Session, wish: Wish, ones: Sequence[Making[Instance]], made: Made, hold: Hold) -> list[Result]:
    mine = [one.request for one in ones if one.found is None and hold.standing(one.request) is None]
    started = {one.id: one for request in mine if isinstance(one := made[request], Instance)}
    seen = wait_for(session, started, MOVES["create"], wish.given.timeout) if wish.given.wait else {}
    return [_result(session, one, made.get(one.request), seen if one.request in mine else None) for one in ones]


def _result(
    session: Session, one: Making[Instance], made: Instance | HandrailError | None, seen: Seen | None
) -> Result:
    """Return what became of one. made: what this very call made, or came to. seen: None where it stood already."""
    if isinstance(made, HandrailError):
        return Result.failed(one.name, made, request=one.request)
    if made is None or seen is None:
        there = replace(one, found=one.found or made)
        return there.made_before()
    now = seen.get(made.id, made)
    if isinstance(now, HandrailError):
        return Result.failed(one.name, now, id=made.id, current=made, request=one.request, region=made.region)
    return Result.of(now, Status.SUCCEEDED, said(now), request=one.request, notes=notes(session, now))


def _planned(session: Session, one: Making[Instance], wish: Wish, image: Image) -> Result:
    if one.found is not None:
        return one.made_before()
    would_be = {
        "name": one.name,
        "type": wish.type,
        "image": image.label,
        "image_id": image.id,
        "architecture": image.architecture,
        "owner": session.caller.owner,
        "region": session.region,
    }
    return one.to_be_made("would be created", would_be)


def _facts(session: Session, missing: Sequence[Making[Instance]], facts: TypeFacts, image: Image, taken: int) -> Facts:
    limit = session.rules.account_cap
    of_all = f" of {limit}" if limit is not None else ""
    return (
        ("name", ", ".join(one.name for one in missing)),
        ("type", f"{facts.name} · {facts.architecture} · {facts.vcpus} vCPU · {facts.memory:g} GiB"),
        ("image", " · ".join(part for part in (image.label, image.id, image.created_at[:10]) if part)),
        ("running", f"{taken + len(missing)}{of_all} after this"),
    )


def _attached(wish: Wish) -> Facts:
    """Return what an instance is put into and carries; what nobody gave is a default of the policy, and says so."""
    given = wish.given
    rows = (
        ("key pair", wish.key_pair, given.key_pair, "ec2.default_key_pair"),
        ("groups", ", ".join(wish.security_groups), given.security_group, "ec2.default_security_groups"),
        ("subnet", wish.subnet, given.subnet, "ec2.default_subnet"),
        ("profile", given.instance_profile, given.instance_profile, ""),
    )
    return tuple((label, said if said_so else f"{said} · {key}") for label, said, said_so, key in rows if said)


CREATE = instance_change(
    verb="create",
    help="create an instance within the rules",
    example="handrail ec2 create --name web --image ubuntu",
    handler=create_instances,
    wish=wish_of,
    claims=_claims,
    places=_places,
    repeat=partial(repeat, INSTANCES),
    parameters=CreateInstance,
    permissions=(
        *CHANGE_EC2,
        *END_CONDEMNED,
        "ec2:RunInstances",
        "ec2:CreateTags",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeKeyPairs",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ssm:GetParameters",
        "iam:PassRole",
    ),
)
