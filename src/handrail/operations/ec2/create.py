"""`ec2 create`: an instance within the rules, made once, owned from the creating call on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from handrail.core.errors import Conflict, HandrailError, NotFound, Refused, Usage
from handrail.core.fields import Field, Kind, Values
from handrail.core.operation import Effect, Operation
from handrail.core.ownership import GIVEN_TAG, IMAGE_TAG, check_request_id, ownership_tags, token_of
from handrail.core.plan import Claim, Facts, Hold, Places, PlaceWish, Plan, Result, Status
from handrail.core.resources import ENDED, LIVE_STATES, Image, Instance
from handrail.core.shell import line, option
from handrail.ledger.record import given_of
from handrail.ledger.refusal import with_cap
from handrail.operations.ec2.recovering import recover
from handrail.operations.ec2.requested import One, gone, known_request, launch_of
from handrail.operations.ec2.waiting import TIMEOUT, WAIT, Seen, wait_for
from handrail.operations.ec2.words import notes, said
from handrail.operations.repeating import check_whole
from handrail.session import Session

COUNT_LIMIT = 33  # places and intents of one command go into one transaction
_LETTERS = "abcdefghijkmnpqrstuvwxyz"


@dataclass(frozen=True)
class Wish:
    """What was asked for, with the policy's defaults filled in; nothing looked up yet."""

    type: str
    image: str
    name: str
    tags: Mapping[str, str]
    key_pair: str | None
    security_groups: tuple[str, ...]
    subnet: str | None
    instance_profile: str | None
    user_data: bytes | None
    count: int | None
    credits: str

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the instances to make: the name itself, or with a count NAME-1 to NAME-N."""
        if self.count is None:
            return (self.name,)
        return tuple(check_name(f"{self.name}-{number}") for number in range(1, self.count + 1))


def create_instances(session: Session, values: Values) -> Plan:
    """Look up everything that a create needs and return its plan. Raises Refused, Conflict, Usage."""
    wish = _wish(session, values)
    claims = _claims(session, wish)
    digest = _given(session, values, wish)
    request = values["request_id"] or session.new_request()
    ones = _ones(session, wish, request, digest, chosen=values["request_id"])
    missing = [one for one in ones if one.found is None]
    if not missing:
        return _nothing_to_do(ones, many=wish.count is not None)
    places = Places(
        session.region,
        session.caller.owner,
        tuple(PlaceWish(one.request, one.name, begun=one.begun) for one in missing),
        wait=values["wait"],
    )
    _check_rules(session, claims, places)
    live = session.aws.ec2.managed(LIVE_STATES)
    _check_names_free([one for one in missing if one.known is None], live)
    facts = session.aws.ec2.type_facts(wish.type)
    image = _image(session, wish.image, facts.architecture)
    wish = _checked_network(session, wish)
    taken = session.stores.places_taken(live)
    taken = sum(one.takes_a_place for one in live) if taken is None else taken
    tags = {GIVEN_TAG: digest, IMAGE_TAG: image.label, **wish.tags}
    launches = {
        one.request: launch_of(one.known.intent, wish.user_data)
        if one.known
        else _launch(session, wish, one, facts, image, tags)
        for one in missing
    }

    def apply(hold: Hold) -> list[Result]:
        made = {one.request: _make(session, launches[one.request], hold, one) for one in missing}
        there = {one.request for one in missing if hold.standing(one.request) is not None}
        return _finished(
            session, [_settled(one, made[one.request]) if one.request in there else one for one in ones], made, values
        )

    return Plan(
        title=f"create {count(len(missing), 'instance')}",
        apply=apply,
        planned=[_planned(session, one, wish, image) for one in ones],
        many=wish.count is not None,
        claims=claims,
        places=places,
        facts=(*_facts(session, missing, facts, image, taken), *_attached(values, wish), ("request", request)),
        given=_on_record(values, wish),
        resolved={request: launch.resolved() for request, launch in launches.items()},
        digest=digest,
        known=frozenset(one.request for one in missing if one.known is not None),
        again=option("--request-id", values["request_id"] or request),
    )


def _check_rules(session: Session, claims: Sequence[Claim], places: Places) -> None:
    """Raise Refused with every reason at once: that a cap is full too, as far as a look at the ledger shows it."""
    try:
        session.rules.check(claims)
    except Refused as refused:
        full = session.stores.cap_in_the_way(places)
        raise (refused if full is None else with_cap(refused, full)) from None


def _wish(session: Session, values: Values) -> Wish:
    tags = INSTANCE_TAGS.parse(values["tag"])
    user_data = None
    if values["user_data"] is not None:
        user_data = check_user_data(
            session.machine.read_file(values["user_data"], USER_DATA_LIMIT), values["user_data"]
        )
    return Wish(
        type=values["type"] or session.rules.default_type(),
        image=values["image"],
        name=values["name"] or name_from(session.caller.owner, session.machine.letters(_LETTERS, 4)),
        tags=tags,
        key_pair=values["key_pair"] or session.rules.default("ec2.default_key_pair"),
        security_groups=values["security_group"] or tuple(session.rules.default("ec2.default_security_groups") or ()),
        subnet=values["subnet"] or session.rules.default("ec2.default_subnet"),
        instance_profile=values["instance_profile"],
        user_data=user_data,
        count=values["count"],
        credits=session.rules.narrowest("ec2.credits"),
    )


def _claims(session: Session, wish: Wish) -> tuple[Claim, ...]:
    claims = [
        Claim("ec2.regions", session.region, "--region"),
        Claim("ec2.types", wish.type, "--type"),
        Claim("ec2.images", wish.image, "--image"),
        Claim("ec2.required_tags", dict(wish.tags), "--tag"),
        *(Claim("ec2.names", name, "--name") for name in wish.names),
        Claim("ec2.key_pairs", wish.key_pair, "--key-pair"),
        Claim("ec2.subnets", wish.subnet, "--subnet"),
        Claim("ec2.instance_profiles", wish.instance_profile, "--instance-profile"),
        *(Claim("ec2.security_groups", group, "--security-group") for group in wish.security_groups),
    ]
    if wish.user_data is not None:
        claims.append(Claim("ec2.user_data", True, "--user-data"))
    return tuple(claim for claim in claims if claim.value is not None)


def _given(session: Session, values: Values, wish: Wish) -> str:
    """Return a short hash of what was given: options, region and user data, never what they resolved to."""
    options = ("type", "image", "name", "key_pair", "subnet", "instance_profile", "count")
    said_so = {option: values[option] for option in options}
    said_so |= {
        "security_group": sorted(values["security_group"]),
        "tag": sorted(values["tag"]),
        "region": session.region,
        "user_data": _hash(wish.user_data),
    }
    return hashlib.sha256(json.dumps(said_so, sort_keys=True).encode()).hexdigest()[:16]


def _on_record(values: Values, wish: Wish) -> dict[str, Any]:
    given = given_of(CREATE, values)
    return given if wish.user_data is None else {**given, "user_data_sha256": _hash(wish.user_data)}


def _hash(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()


def _ones(session: Session, wish: Wish, request: str, digest: str, *, chosen: str | None) -> list[One]:
    """Return what is to be made, with what the same request made before. Raises Conflict on a request of another."""
    if wish.count is None:
        ones = [One(wish.name, request)]
    else:
        ones = [One(name, f"{request}-{number}") for number, name in enumerate(wish.names, 1)]
    if chosen is None:
        return ones
    check_whole(session.stores.request_on_record, chosen, counted=wish.count is not None)
    return [known_request(session, one, digest, chosen) for one in ones]


def _check_names_free(missing: Sequence[One], live: Sequence[Instance]) -> None:
    names = {one.name: one for one in live}
    for one in missing:
        if one.name in names:
            taken = names[one.name]
            raise Conflict(
                f"the name {one.name} is taken: {taken.id} is {taken.state}.",
                hint="choose another --name",
                details={"name": one.name, "id": taken.id},
            )


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
    where = session.region
    if wish.key_pair and not session.aws.ec2.has_key_pair(wish.key_pair):
        raise NotFound(
            f"there is no key pair {wish.key_pair} in {where}.",
            hint=line("aws", "ec2", "describe-key-pairs", "--region", where),
        )
    if wish.subnet and not session.aws.ec2.has_subnet(wish.subnet):
        raise NotFound(
            f"there is no subnet {wish.subnet} in {where}.",
            hint=line("aws", "ec2", "describe-subnets", "--region", where),
        )
    if not wish.security_groups:
        return wish
    found = session.aws.ec2.security_groups(wish.security_groups)
    return replace(wish, security_groups=tuple(_group(word, ids, where) for word, ids in found.items()))


def _group(word: str, ids: Sequence[str], region: str) -> str:
    if not ids:
        raise NotFound(
            f"there is no security group {word} in {region}.",
            hint=line("aws", "ec2", "describe-security-groups", "--region", region),
        )
    if len(ids) > 1:
        raise Usage(
            f"{len(ids)} security groups are named {word}: {', '.join(sorted(ids))}.",
            hint=f"name it by its id: {option('--security-group', min(ids))}",
            code="ambiguous",
        )
    return ids[0]


def _launch(session: Session, wish: Wish, one: One, facts: TypeFacts, image: Image, tags: Mapping[str, str]) -> Launch:
    return Launch(
        token=token_of(one.request),
        image_id=image.id,
        type=wish.type,
        root_device=image.root_device,
        tags={"Name": one.name, **ownership_tags(session.caller.owner, one.request), **tags},
        credits=wish.credits if facts.burstable else None,
        key_pair=wish.key_pair,
        security_groups=wish.security_groups,
        subnet=wish.subnet,
        instance_profile=wish.instance_profile,
        user_data=wish.user_data,
    )


def _make(session: Session, launch: Launch, hold: Hold, one: One) -> Instance | HandrailError:
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


def _standing(session: Session, one: One, id: str) -> Instance:
    """Return the instance that a repeated request has already. Raises Conflict if it is gone."""
    found = session.aws.ec2.by_ids([id]).get(id)
    if found is None or found.state in ENDED:
        raise gone(one.request, id)
    return found


def _settled(one: One, made: Instance | HandrailError) -> One:
    """Return one that a repeated request had made already."""
    return replace(one, found=made) if isinstance(made, Instance) else one


def _finished(
    session: Session, ones: Sequence[One], made: Mapping[str, Instance | HandrailError], values: Values
) -> list[Result]:
    mine = {one.request for one in ones if one.found is None}
    started = {one.id: one for request, one in made.items() if request in mine and isinstance(one, Instance)}
    seen = wait_for(session, started, MOVES["create"], values["timeout"]) if values["wait"] else {}
    return [_result(session, one, one.found or made[one.request], seen) for one in ones]


def _result(session: Session, one: One, made: Instance | HandrailError, seen: Seen) -> Result:
    if isinstance(made, HandrailError):
        return Result.failed(one.name, made, request=one.request)
    if one.found is not None:
        return _unchanged(one, made)
    now = seen.get(made.id, made)
    if isinstance(now, HandrailError):
        return Result.failed(one.name, now, id=made.id, current=made, request=one.request, region=made.region)
    return Result(
        name=one.name,
        id=now.id,
        status=Status.SUCCEEDED,
        said=said(now),
        current=now,
        request=one.request,
        region=now.region,
        notes=notes(session, now),
    )


def _unchanged(one: One, found: Instance) -> Result:
    return Result(
        name=found.name,
        id=found.id,
        status=Status.UNCHANGED,
        said=f"{found.name} was made by this request before and is {found.state} · {found.id}",
        current=found,
        request=one.request,
        region=found.region,
    )


def _nothing_to_do(ones: Sequence[One], *, many: bool) -> Plan:
    planned = [_unchanged(one, one.found) for one in ones if one.found is not None]
    return Plan(title="create", apply=lambda hold: planned, planned=planned, many=many)


def _planned(session: Session, one: One, wish: Wish, image: Image) -> Result:
    if one.found is not None:
        return _unchanged(one, one.found)
    would_be: dict[str, Any] = {
        "name": one.name,
        "type": wish.type,
        "image": image.label,
        "image_id": image.id,
        "architecture": image.architecture,
        "owner": session.caller.owner,
        "region": session.region,
    }
    return Result(
        name=one.name,
        id=None,
        status=Status.PLANNED,
        said=f"{one.name} would be created; nothing was changed",
        current=would_be,
        request=one.request,
        region=session.region,
    )


def _facts(
    session: Session, missing: Sequence[One], facts: TypeFacts, image: Image, taken: int
) -> tuple[tuple[str, str], ...]:
    limit = session.rules.account_cap
    running = (
        f"{taken + len(missing)} of {limit} after this" if limit is not None else f"{taken + len(missing)} after this"
    )
    return (
        ("name", ", ".join(one.name for one in missing)),
        ("type", f"{facts.name} · {facts.architecture} · {facts.vcpus} vCPU · {facts.memory:g} GiB"),
        ("image", " · ".join(part for part in (image.label, image.id, image.created_at[:10]) if part)),
        ("running", running),
    )


def _attached(values: Values, wish: Wish) -> Facts:
    """Return what an instance is put into and carries; what nobody gave is a default of the policy, and says so."""
    rows = (
        ("key pair", wish.key_pair, values["key_pair"], "ec2.default_key_pair"),
        ("groups", ", ".join(wish.security_groups), values["security_group"], "ec2.default_security_groups"),
        ("subnet", wish.subnet, values["subnet"], "ec2.default_subnet"),
        ("profile", wish.instance_profile, values["instance_profile"], ""),
    )
    return tuple((label, said if given else f"{said} · {key}") for label, said, given, key in rows if said)


CREATE = Operation(
    resource="ec2",
    verb="create",
    kind="instance",
    help="create an instance within the rules",
    example="handrail ec2 create --name web --image ubuntu",
    effect=Effect.CHANGE,
    handler=create_instances,
    recover=recover,
    claims=lambda session, values: _claims(session, _wish(session, values)),
    fields=(
        Field("name", "its name (default: you and four letters)", check=check_name),
        Field("type", "instance type (default: the first that the policy allows)", check=check_type, metavar="TYPE"),
        Field(
            "image",
            "ubuntu (latest LTS), amazon-linux (latest), or an AMI id where the policy allows it",
            default="amazon-linux",
            check=check_image,
            aliases=("ami",),
            metavar="IMAGE",
        ),
        Field("key_pair", "key pair to log in with", metavar="NAME"),
        Field("security_group", "security group, by id or name", many=True, commas=True, metavar="ID"),
        Field("subnet", "subnet id (default: the default VPC's)", check=check_subnet, metavar="ID"),
        Field("instance_profile", "IAM instance profile, by name or ARN", check=check_instance_profile, metavar="NAME"),
        Field("user_data", "a file to run at first boot, at most 16 KiB", Kind.FILE, metavar="FILE"),
        Field("tag", "a tag of your own: key=value", many=True, metavar="KEY=VALUE"),
        Field(
            "count",
            "make that many: NAME-1 to NAME-N, all or none",
            Kind.NUMBER,
            minimum=1,
            maximum=COUNT_LIMIT,
            metavar="N",
        ),
        Field(
            "request_id",
            "makes the create repeatable: the same id never makes a second one",
            check=check_request_id,
            metavar="ID",
        ),
        WAIT,
        TIMEOUT,
    ),
    permissions=(
        "ec2:RunInstances",
        "ec2:CreateTags",
        "ec2:DescribeInstances",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeKeyPairs",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ssm:GetParameters",
    ),
)
