"""The words about an instance: its addresses, how to log in or what stands in the way, what to type next."""

from handrail.core.amounts import age, made
from handrail.core.ec2_rules import LOGIN_USERS
from handrail.core.errors import HandrailError
from handrail.core.plan import Facts, facts_of
from handrail.core.resources import Instance
from handrail.core.shell import word
from handrail.operations.ec2.instances import INSTANCES
from handrail.session import Session

_NEXT = {"running": "stop", "pending": "wait", "stopped": "start", "stopping": "wait"}


def said(instance: Instance) -> str:
    """Return the line for people: `web is running · i-0c1d…`."""
    return f"{instance.name or 'the instance'} is {instance.state} · {instance.id}"


def addresses(instance: Instance) -> str:
    """Return its addresses in one line."""
    public = f"{instance.public_ip} public" if instance.public_ip else "no public address"
    return " · ".join([public, *([f"{instance.private_ip} private"] if instance.private_ip else [])])


def notes(session: Session, instance: Instance) -> Facts:
    """Return what a person wants to know next about an instance that was just made or started."""
    if instance.state not in ("running", "pending"):
        return next_step(session, instance)
    return (("address", addresses(instance)), *login(session, instance), *next_step(session, instance))


def next_step(session: Session, instance: Instance) -> Facts:
    """Return the command that makes sense now, if one does."""
    verb = _NEXT.get(instance.state)
    return (("next", INSTANCES.line(session, verb, INSTANCES.addressed(instance))),) if verb else ()


def login(session: Session, instance: Instance) -> Facts:
    """Return how to log in, and what stands in the way: no key pair, no address, a security group that is shut."""
    user = login_user(instance)
    address = instance.public_ip or instance.private_ip
    obstacles = []
    if not instance.key_pair:
        obstacles.append("no key pair was given: create with --key-pair to log in")
    if not instance.public_ip:
        obstacles.append("no public address: only from inside its network")
    elif instance.key_pair and not _ssh_open(session, instance):
        obstacles.append("its security groups let no SSH in: open port 22, or give another --security-group")
    if user is None or address is None:
        return (("log in", "; ".join(obstacles) or "the image says nothing of its user"),)
    key = f" -i {word(f'{instance.key_pair}.pem')}" if instance.key_pair else ""
    return (("log in", " · ".join([f"ssh{key} {word(f'{user}@{address}')}", *obstacles])),)


def login_user(instance: Instance) -> str | None:
    """Return the user that the image is made for, or None where the image is not one of the two known families."""
    label = instance.image.lower()
    if label.startswith("ubuntu"):
        return LOGIN_USERS["ubuntu"]
    return LOGIN_USERS["amazon-linux"] if label.startswith("amazon linux") else None


def _ssh_open(session: Session, instance: Instance) -> bool:
    """Return whether SSH may get in; where that can't be told, nothing is said against it."""
    if not instance.security_groups:
        return True
    try:
        return session.aws.ec2.ssh_is_let_in(instance.security_groups)
    except HandrailError:
        return True


def full_notes(session: Session, instance: Instance) -> Facts:
    """Return everything that a person asks about an instance, line by line."""
    tags = {key: value for key, value in instance.tags.items() if key != "Name"}
    shown = facts_of(
        ("type", f"{instance.type} · {instance.architecture}"),
        ("image", f"{instance.image} · {instance.image_id}" if instance.image != instance.image_id else instance.image),
        ("owner", _owner(session, instance)),
        ("made", made(instance.created_at) or "- ago · -"),
        ("up", f"{age(instance.started_at)}" if instance.state == "running" else None),
        ("address", addresses(instance)),
        ("zone", instance.availability_zone),
        ("network", " · ".join(part for part in (instance.subnet, instance.vpc) if part)),
        ("groups", ", ".join(instance.security_groups)),
        ("key pair", instance.key_pair or "none"),
        ("profile", instance.instance_profile),
        ("volumes", ", ".join(instance.volumes)),
        ("reason", instance.state_reason if instance.state not in ("running", "pending") else None),
        ("tags", "\n".join(f"{key}={value}" for key, value in sorted(tags.items()))),
    )
    live = instance.state in ("running", "pending")
    return (
        *shown,
        *(login(session, instance) if live else ()),
        *(next_step(session, instance) if instance.managed else ()),
    )


def _owner(session: Session, instance: Instance) -> str:
    if not instance.managed:
        return "not managed by Handrail"
    return "you" if instance.owner == session.caller.owner else instance.owner
