"""Which instance a person means by an id or a name, and whether they may touch it."""

from collections.abc import Sequence
from dataclasses import dataclass

from handrail.core.amounts import age, columns
from handrail.core.ec2_rules import check_target
from handrail.core.errors import AwsFailure, HandrailError, Internal, NotFound, NotManaged, Usage
from handrail.core.fields import Field
from handrail.core.plan import Result
from handrail.core.policy.rules import Touch
from handrail.core.resources import LIVE_STATES, Instance
from handrail.ledger.places import Place
from handrail.operations.ec2.fresh import fresh_places, still_unseen
from handrail.operations.ec2.words import line
from handrail.session import Session

TARGETS = Field(
    "targets",
    "instance ids or names, separated by spaces or commas",
    positional=True,
    many=True,
    commas=True,
    required=True,
    metavar="TARGET",
    pick_from="ec2 list",
    check=check_target,
)
OWNER = Field("owner", "name the other owner whose instance this is; with --yes it answers for them", metavar="NAME")


@dataclass(frozen=True)
class Target:
    """What a person named, and the instance that it is or the reason why it is none."""

    word: str
    instance: Instance | None = None
    error: HandrailError | None = None
    touch: Touch = Touch.FREELY

    @property
    def name(self) -> str:
        """Return what it is called: the instance's own name where it is known and has one, else the word as said."""
        return self.instance.name or self.word if self.instance else self.word

    @property
    def one(self) -> Instance:
        """Return the instance; only a target that was found has one."""
        if self.instance is None:
            raise Internal(f"{self.word} has no instance.")
        return self.instance

    def failed(self) -> Result:
        """Return the result of a target that can't be touched."""
        error = self.error or Internal(f"{self.word} is neither found nor refused.")
        return Result.failed(self.name, error, id=self.instance.id if self.instance else None)


def find_targets(session: Session, words: Sequence[str], *, to_change: bool = True) -> list[Target]:
    """Return one Target per word, in order: at most one call for the ids and one for the names.

    Everybody's instances are looked at, so that a foreign one is named as such (exit 4) and never resolved. What was
    just made is looked for until AWS must show it. to_change: the policy also judges whose it is.
    """
    found = _look(session, words)
    missing = [word for word in words if not found[word]]
    fresh = fresh_places(session, missing) if missing else {}
    unseen = still_unseen(session, fresh) if fresh else set()
    found |= _look(session, [word for word in fresh if word not in unseen])
    targets = [
        Target(word, error=_not_visible_yet(session, word, fresh[word]))
        if word in unseen
        else _target(session, word, found[word], to_change=to_change)
        for word in words
    ]
    return _without_doubles(targets)


def _look(session: Session, words: Sequence[str]) -> dict[str, list[Instance]]:
    """Return, per word, the instance of that id, or the live ones of that name."""
    ids = [word for word in words if word.startswith("i-")]
    names = [word for word in words if not word.startswith("i-")]
    by_id = session.aws.ec2.by_ids(ids) if ids else {}
    by_name = session.aws.ec2.by_names(names, LIVE_STATES) if names else []
    return {word: [by_id[word]] if word in by_id else [one for one in by_name if one.name == word] for word in words}


def find_one(session: Session, word: str, *, to_change: bool = True) -> Target:
    """Return the target of an id or a name. Raises NotFound, NotManaged, Usage (ambiguous) or Refused."""
    target = find_targets(session, [word], to_change=to_change)[0]
    if target.instance is None or target.error is not None:
        raise target.failed().error or Internal(f"{word} failed without a reason.")
    return target


def _target(session: Session, word: str, candidates: Sequence[Instance], *, to_change: bool) -> Target:
    any_will_do = session.rules.manages_any("ec2")
    own = [one for one in candidates if one.managed or any_will_do]
    if len(own) > 1:
        return Target(word, error=_ambiguous(word, own))
    if not own:
        return Target(word, error=_not_managed(session, word) if candidates else _not_found(session, word))
    one = own[0]
    if not to_change:
        return Target(word, one)
    try:
        touch = session.rules.touch("ec2", name=one.name or one.id, managed=one.managed, owner=one.owner)
    except HandrailError as error:
        return Target(word, one, error)
    return Target(word, one, touch=touch)


def _without_doubles(targets: Sequence[Target]) -> list[Target]:
    """Return the targets with each instance once: an id and its name are one target."""
    seen: set[str] = set()
    kept = []
    for target in targets:
        if target.instance is not None:
            if target.instance.id in seen:
                continue
            seen.add(target.instance.id)
        kept.append(target)
    return kept


def _ambiguous(word: str, candidates: Sequence[Instance]) -> Usage:
    rows = [(one.id, one.type, one.state, age(one.created_at), one.owner or "-") for one in candidates]
    return Usage(
        f"{len(candidates)} instances are named {word}.",
        facts=(("which", columns(rows)),),
        hint=f"name it by its id: {candidates[0].id}",
        details={"candidates": [one.id for one in candidates]},
        code="ambiguous",
    )


def _not_managed(session: Session, word: str) -> NotManaged:
    return NotManaged(
        f"{word} is not managed by Handrail; nothing was changed.",
        hint=line(session, "list", all=True),
        details={"target": word},
    )


def _not_found(session: Session, word: str) -> NotFound:
    what = f"no instance {word}" if word.startswith("i-") else f"no live instance named {word}"
    return NotFound(
        f"{session.region} has {what}.",
        hint=f"{line(session, 'list')}, or name another --region",
        details={"target": word, "region": session.region},
    )


def _not_visible_yet(session: Session, word: str, place: Place) -> AwsFailure:
    return AwsFailure(
        f"{word} was just made, and AWS does not show it yet.",
        hint="repeat the command in a moment",
        details={"target": word, "region": session.region, "id": place.instance},
        code="not_visible_yet",
    )
