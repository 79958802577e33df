"""What every kind of resource shares: how a word becomes a thing, whose it is, what is asked, what becomes of each.

A kind says how it is looked up and what it is called (`Kind`); all else is written here, once.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, TypeVar

from handrail.core.amounts import columns, count
from handrail.core.errors import Acted, HandrailError, Internal, NotFound, NotManaged, Usage, WrongState
from handrail.core.fields import Field, text
from handrail.core.plan import Ask, Plan, Question, Result, Status
from handrail.core.policy.rules import Touch
from handrail.core.resources import Owned
from handrail.core.shell import Option, command
from handrail.ledger.record import Intent, Known
from handrail.operations.settling import asking_once
from handrail.session import Session

R = TypeVar("R", bound=Owned)
Again = Mapping[str, R | HandrailError]


def called(one: Owned) -> str:
    """Return what a person calls a thing: its name, or its id where it has none."""
    return one.name or one.id


@dataclass(frozen=True)
class Target(Generic[R]):
    """What a person named, and the thing that it is or the reason why it is none. touch: what it takes to change it.

    named: the id of what was not found, where the word is one.
    """

    word: str
    thing: R | None = None
    error: HandrailError | None = None
    touch: Touch = Touch.FREELY
    named: str | None = None

    @property
    def one(self) -> R:
        """Return the thing; only a target that was found has one."""
        if self.thing is None:
            raise Internal(f"{self.word} was not found.")
        return self.thing

    @property
    def name(self) -> str:
        """Return what it is called: the thing's own name where it is known and has one, else the word as said."""
        return self.thing.name or self.word if self.thing else self.word


class Kind(ABC, Generic[R]):
    """A kind of resource: what differs from one to another. All its methods only look.

    noun: `instance`. resource: the words that stand before a verb. service: its section of the policy. regional:
    whether a line to type next must name the region of this one. names_are_ids: whether AWS knows it by its name.
    goals: by verb, the states that tell that it was carried out; `gone` where nothing is there.
    """

    noun: ClassVar[str]
    resource: ClassVar[str]
    service: ClassVar[str]
    regional: ClassVar[bool] = False
    names_are_ids: ClassVar[bool] = False
    goals: ClassVar[Mapping[str, tuple[str, ...]]] = {"delete": ("gone",)}

    @abstractmethod
    def look(self, session: Session, words: Sequence[str]) -> Mapping[str, Sequence[R] | HandrailError]:
        """Return, per word, what it may mean, whoever made it; or why that can't be told."""

    def look_again(self, session: Session, things: Sequence[R]) -> Again[R]:
        """Return, by its id, each thing as it is now, or its error; what a look may not show yet is left out."""
        found = self.look(session, [one.id for one in things])
        return {
            id: seen if isinstance(seen, HandrailError) else seen[0] if seen else self.not_found(session, id)
            for id, seen in found.items()
        }

    @abstractmethod
    def state_of(self, one: R) -> str:
        """Return its current status in a word: `running`, `private`."""

    @abstractmethod
    def made_by(self, session: Session, request: str, known: Known | None, name: str) -> R | None:
        """Return what a request made, None where nothing of it is there. known: what is on record of the request."""

    def seen(self, session: Session, intent: Intent) -> R | None:
        """Return what a request that was cut off was about, None if it is not there. Raises why that can't be told."""
        with asking_once(session, session.aws.silent[self.service], intent):
            if intent.operation == f"{self.resource} create":
                return self.made_by(session, intent.request, Known(intent, None), intent.resource)
            found = self.look(session, [intent.resource])[intent.resource]
        if isinstance(found, HandrailError):
            raise found
        return found[0] if found else None

    def name_in(self, intent: Intent) -> str:
        """Return the name that an intent to make one gives it. Raises NotSetUp where that can't be read."""
        return intent.resource

    def not_found(self, session: Session, word: str) -> NotFound:
        """Return the error of a word that means nothing."""
        return NotFound(f"there is no {self.noun} {word}.", hint=self.line(session, "list"), details={"target": word})

    def not_managed(self, session: Session, word: str) -> NotManaged:
        """Return the error of a word that means only what Handrail did not make."""
        return NotManaged(
            f"{word} is not managed by Handrail; nothing was changed.",
            hint=self.line(session, "list", all=True),
            details={"target": word},
        )

    def gone(self, session: Session, one: R) -> HandrailError:
        """Return the error of a thing of which only a trace is left."""
        return NotFound(f"{self.noun} {called(one)} is gone.", hint=self.line(session, "list"))

    def facts(self, one: R) -> Sequence[str]:
        """Return what tells one candidate from another, after its id."""
        return (self.state_of(one), one.owner or "-")

    def addressed(self, one: R) -> str:
        """Return the word by which a line finds it."""
        return one.id

    def line(self, session: Session, verb: str, *targets: str, **options: Option) -> str:
        """Return a line to type next: `handrail ec2 stop web`."""
        where = session.region_to_name if self.regional else None
        return command(f"{self.resource} {verb}", *targets, **options, region=where)


def other_owner(noun: str) -> Field[str | None]:
    """Return the field that names the other owner whose things a command may touch."""
    return text(f"name the other owner whose {noun} this is; with --yes it answers for them", metavar="NAME")


# ---- from a word to a thing


def find(
    session: Session, kind: Kind[R], words: Sequence[str], *, to_change: bool = True, gone_too: bool = False
) -> list[Target[R]]:
    """Return one Target per word, in order, each thing once: an id and its name are one target.

    Everybody's things are looked at, so that a foreign one is named as such (exit 4) and never resolved. to_change: the
    policy also judges whose it is. gone_too: also what only has a trace left.
    """
    found = kind.look(session, words)
    seen: dict[str, Target[R]] = {}
    for word in words:
        target = _target(session, kind, word, found[word], to_change=to_change, gone_too=gone_too)
        if kind.names_are_ids:
            target = replace(target, named=word)
        seen.setdefault(target.thing.id if target.thing else f"word {word}", target)
    return list(seen.values())


def find_one(
    session: Session, kind: Kind[R], word: str, *, to_change: bool = True, gone_too: bool = False
) -> Target[R]:
    """Return the target of a word. Raises NotFound, NotManaged, Usage (ambiguous), Refused, or why it can't be told."""
    target = find(session, kind, [word], to_change=to_change, gone_too=gone_too)[0]
    if target.error is not None:
        raise target.error
    return target


def _target(
    session: Session,
    kind: Kind[R],
    word: str,
    found: Sequence[R] | HandrailError,
    *,
    to_change: bool,
    gone_too: bool,
) -> Target[R]:
    if isinstance(found, HandrailError):
        return Target(word, error=found)
    any_will_do = session.rules.manages_any(kind.service)
    own = [one for one in found if one.managed or any_will_do]
    if len(own) > 1:
        return Target(word, error=_ambiguous(kind, word, own))
    if not own:
        return Target(word, error=kind.not_managed(session, word) if found else kind.not_found(session, word))
    one, touch = own[0], Touch.FREELY
    try:
        if one.is_gone and not gone_too:
            raise kind.gone(session, one)
        if to_change:
            touch = session.rules.touch(kind.service, name=called(one), managed=one.managed, owner=one.owner)
    except HandrailError as error:
        return Target(word, one, error)
    return Target(word, one, touch=touch)


def _ambiguous(kind: Kind[R], word: str, own: Sequence[R]) -> Usage:
    return Usage(
        f"{count(len(own), kind.noun)} are named {word}.",
        facts=(("which", columns([(one.id, *kind.facts(one)) for one in own])),),
        hint=f"name it by its id: {own[0].id}",
        details={"candidates": [one.id for one in own]},
        code="ambiguous",
    )


def look_again(session: Session, kind: Kind[R], targets: Sequence[Target[R]], *, gone_too: bool = False) -> Again[R]:
    """Return by its id each target as it is right before it is changed, or why it must not be: a question may have
    stood for long.

    What a look does not show yet is as it was: whoever changed it would have seen it. gone_too: what has gone meanwhile
    is no error.
    """
    now = kind.look_again(session, [target.one for target in targets])
    return {
        target.one.id: _as_before(session, kind, target, now.get(target.one.id, target.one), gone_too=gone_too)
        for target in targets
    }


def look_again_at(session: Session, kind: Kind[R], target: Target[R], *, gone_too: bool = False) -> R:
    """Return one target as it is right before it is changed. Raises as `look_again` returns."""
    now = look_again(session, kind, [target], gone_too=gone_too)[target.one.id]
    if isinstance(now, HandrailError):
        raise now
    return now


def _as_before(
    session: Session, kind: Kind[R], target: Target[R], now: R | HandrailError, *, gone_too: bool
) -> R | HandrailError:
    """Return a thing as it is now, or the error that it is not the one that the plan was about."""
    if isinstance(now, HandrailError):
        return now
    before, name = target.one, called(target.one)
    if now.is_gone and not before.is_gone and not gone_too:
        return kind.gone(session, now)
    if now.request == before.request and now.owner == before.owner and now.managed == before.managed:
        return now
    if not now.managed:
        return kind.not_managed(session, name)
    changed = "changed hands" if now.request == before.request else "was deleted and made anew"
    return WrongState(
        f"{kind.noun} {name} {changed} since the plan was made; nothing was changed.",
        hint=kind.line(session, "show", kind.addressed(now)),
        details={"target": target.word, "id": now.id},
        code="made_anew",
    )


# ---- what a change means for each, and what is asked before


@dataclass(frozen=True)
class Course(Generic[R]):
    """What a change means for one target: an error, nothing to do, or an act.

    request: of its own row in the record. warnings: what a person should know whatever is done.
    """

    target: Target[R]
    acts: bool = False
    error: HandrailError | None = None
    request: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def one(self) -> R:
        """Return the thing; only a course without an error has one."""
        return self.target.one

    @property
    def shown(self) -> R:
        """Return the thing as it is shown: with what was counted in it."""
        return self.one

    def failed(self, error: HandrailError | None = None) -> Result:
        """Return the result of a target that could not be changed."""
        one = self.shown if self.target.thing else None
        fault = error or self.error or Internal(f"{self.target.word} is neither found nor refused.")
        about = {"id": one.id, "region": one.region} if one else {"id": self.target.named}
        return Result.failed(self.target.name, fault, current=one, request=self.request or None, **about)

    def planned(self, verb: "Verb[Any]") -> Result:
        """Return the result of a target before anything is done."""
        if self.error is not None:
            return self.failed()
        if not self.acts:
            return self.result(Status.UNCHANGED, verb.already(self))
        return self.result(Status.PLANNED, f"{called(self.one)} {verb.would(self)}; nothing was changed")

    def result(self, status: Status, said: str, now: R | None = None, **rest: Any) -> Result:
        """Return what became of the thing. now: as it is after the change."""
        rest.setdefault("warnings", self.warnings)
        request = self.request if status is not Status.UNCHANGED else None
        return Result.of(now or self.shown, status, said, request=request or None, **rest)


C = TypeVar("C", bound=Course[Any])


def judged(session: Session, course: type[C], targets: Iterable[Target[R]], judge: Callable[[Target[R]], C]) -> list[C]:
    """Return the course of each target as `judge` sees it, an error of one being its own; each with a request."""
    return [replace(_judged(course, one, judge), request=session.new_request()) for one in targets]


def _judged(course: type[C], target: Target[R], judge: Callable[[Target[R]], C]) -> C:
    try:
        return course(target, error=target.error) if target.error else judge(target)
    except HandrailError as error:
        return course(target, error=error)


def plan_for(session: Session, kind: Kind[R], courses: Sequence[C], verb: "Verb[C]", **rest: Any) -> Plan:
    """Return the plan of a change of several things, each judged by itself; `rest` is more of the Plan."""
    acting = [one for one in courses if one.acts]
    targets = [one.target for one in acting]
    question = ask_before(targets, verb.name, rest.pop("question", None))
    return Plan(
        **{"title": f"{verb.name} {count(len(acting), kind.noun)}", "many": True, **rest},
        planned=[one.planned(verb) for one in courses],
        owners=owners_of(targets),
        question=question if acting else None,
    )


@dataclass(frozen=True)
class Verb(Generic[C]):
    """How a change is told of. name: `delete`. would: `would be deleted`, of one thing. already: what is so without."""

    name: str
    would: Callable[[C], str]
    already: Callable[[C], str] = field(default=lambda course: f"{called(course.one)} is like that already")


def carry_out(
    session: Session,
    kind: Kind[R],
    courses: Sequence[C],
    verb: Verb[C],
    act: Callable[[C, R], Result],
    *,
    gone_too: bool = False,
) -> list[Result]:
    """Do each course by itself, its thing looked at again right before; return a result per course, in order."""

    def done(course: C) -> Result:
        try:
            with attempt(session):
                return act(course, look_again_at(session, kind, course.target, gone_too=gone_too))
        except HandrailError as error:
            return course.failed(error)

    return [done(course) if course.acts else course.planned(verb) for course in courses]


@contextmanager
def attempt(session: Session) -> Iterator[None]:
    """Let an error that says nothing of it say whether the change may have been made: if anything was sent inside."""
    before = session.aws.changes_sent
    try:
        yield
    except HandrailError as error:
        error.acted = error.acted or (Acted.UNKNOWN if session.aws.changes_sent > before else Acted.NO)
        raise


def owners_of(targets: Iterable[Target[R]]) -> frozenset[str]:
    """Return the other owners who must be named before their things are touched."""
    return frozenset(target.one.owner for target in targets if target.touch is Touch.ASK_OWNER)


def ask_before(targets: Sequence[Target[R]], verb: str, base: Question | None = None) -> Question | None:
    """Return the one question of a change, which says of each thing that is not the caller's whose it is.

    base: what is asked in any case. Only a policy that manages any lets what Handrail did not make get here.
    """
    others = [target.one for target in targets if target.touch is not Touch.FREELY]
    said = _whose(others)
    if not said:
        return base
    if base is not None:
        return replace(base, text=f"{said} {base.text}")
    prompt, rows = f"{verb.capitalize()} anyway?", tuple(others)
    return Question(Ask.YES, said, prompt=prompt, rows=rows, columns=rows[0].ASKED)


def to_be_typed(text: str, ones: Sequence[Owned], columns: tuple[tuple[str, str], ...]) -> Question:
    """Return the question before things go for good: the name of the one, or how many they are, is to be typed."""
    word, what = (called(ones[0]), "its name") if len(ones) == 1 else (str(len(ones)), "how many")
    return Question(Ask.WORD, text, word, f"Type {what} to confirm", tuple(ones), columns)


def _whose(others: Sequence[Owned]) -> str:
    """Return whose these are: `Handrail did not make db; api belongs to dev-2, web and x to dev-3, not to you.`"""
    foreign = ", ".join(called(one) for one in others if not one.managed)
    owners = sorted({one.owner for one in others if one.managed})
    names = [[called(one) for one in others if one.managed and one.owner == owner] for owner in owners]
    belong = [
        f"{' and '.join(mine)} {'belongs' if len(mine) == 1 else 'belong'} to {owner}"
        for mine, owner in zip(names, owners, strict=True)
    ]
    parts = [f"Handrail did not make {foreign}"] if foreign else []
    parts += [f"{', '.join(belong)}, not to you"] if belong else []
    return f"{'; '.join(parts)}." if parts else ""
