"""`policy show|check|init`: the rules, whether a command would pass them, and a file to start from."""

from collections.abc import Sequence
from pathlib import Path

from handrail.core.errors import CapReached, Conflict, HandrailError, NotSetUp, Usage
from handrail.core.fields import Parameters, Type, text, texts
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Facts, Outcome, Places, Plan, Question, Result, Status
from handrail.core.policy.document import init_text
from handrail.core.policy.reasons import Reason, refusal
from handrail.core.shell import command, word
from handrail.files import in_the_way
from handrail.ledger.refusal import with_cap
from handrail.session import Session
from handrail.settings import PolicyFile

FILE = "handrail.toml"


class CheckPolicy(Parameters):
    """What `policy check` asks for."""

    command = texts("a command, after --", positional=True, metavar="[-- COMMAND...]")


class InitPolicy(Parameters):
    """What `policy init` asks for."""

    preset = text("what it starts from", type=Type.CHOICE, choices=("strict", "open"), default="strict")
    file = text("where to write it (default: handrail.toml here, which can only narrow)", metavar="FILE")


def show(session: Session, values: Parameters) -> Outcome:
    """Return every key of the policies that hold, with its value and where it stands."""
    policies = session.rules.policies
    both = "a change must pass both: " + " and ".join(one.source for one in policies)
    return Outcome(
        rows=[{"policy": policy.source, **row} for policy in policies for row in policy.as_rows()],
        columns=(("KEY", "key"), ("VALUE", "text"), ("FROM", "origin")),
        summary=both if len(policies) > 1 else "",
    )


def init(session: Session, values: InitPolicy) -> Plan:
    """Write a policy file with every key explained; asks before it replaces one."""
    named = values.file or FILE
    path = session.machine.cwd / named
    there = in_the_way(path)
    if path.is_dir():
        raise Conflict(f"{path} is a folder.", hint=command("policy init", file=str(path / FILE)))

    def act() -> Result:
        session.machine.write_file(path, init_text(values.preset))
        said, current = f"{path} is written", {"path": str(path)}
        notes = _next(session, path, named)
        return Result(path.name, None, Status.SUCCEEDED, said=said, current=current, notes=notes)

    coming = "overwritten" if path.exists() else "written"
    planned = Result(path.name, None, Status.PLANNED, said=f"{path} would be {coming}; nothing was changed")
    question = Question(Ask.YES, there, prompt="Write it all the same?") if there else None
    return Plan.of_one(f"write {path.name}", planned, act, question=question)


def _next(session: Session, path: Path, named: str) -> Facts:
    """Return what to do with a file that was just written: where it holds, and where it only narrows."""
    found = _found(session)
    mine = next((one for one in found if one.path is not None and one.path.resolve() == path.resolve()), None)
    own = session.folders.config / "policy.toml"
    if mine is None:
        holds = ("holds", f"where it is named: {_makes_it_hold(path)}, or --policy; or as {own}")
        return (("next", f"edit it, then: {command('policy check', policy=named)}"), holds)
    named_by = session.settings.policy and session.settings.source("policy")
    where = ("holds", f"{named_by} names it" if named_by else "for you, in every folder")
    if mine.narrows:
        where = ("narrows", f"{found[-1].label}; to make it hold: {_makes_it_hold(path)}, or move it to {own}")
    return (("next", "edit it, then: handrail policy check"), where)


def _makes_it_hold(path: Path) -> str:
    return f"export HANDRAIL_POLICY={word(path)}"


def _found(session: Session) -> tuple[PolicyFile, ...]:
    try:
        return session.policy_files
    except Usage:
        return ()  # another file can't be read, and the next command says so


def check(session: Session, values: CheckPolicy) -> Outcome:
    """Say whether the policies are sound, and with a command whether it would pass, and why. Nothing is changed."""
    return _check_command(session, values.command) if values.command else _check_files(session)


def _check_files(session: Session) -> Outcome:
    policies, _ = session.rules.policies, session.stores.home_region  # which refuses files that name several
    warnings = session.rules.without_effect(_target(session))
    rows = [
        {
            "policy": policy.source,
            "valid": True,
            "preset": policy.value("preset"),
            "role": "holds" if policy is policies[-1] else "narrows",
        }
        for policy in policies
    ]
    near = next((one.path for one in session.policy_files if one.narrows), None)
    advice = f"what was found here only narrows; to make it hold: {_makes_it_hold(near)}" if near and warnings else ""
    return Outcome(
        rows=rows,
        columns=(("POLICY", "policy"), ("VALID", "valid"), ("PRESET", "preset"), ("ROLE", "role")),
        warnings=warnings,
        summary=advice,
    )


def _target(session: Session) -> str:
    """Return the target that the policies are checked for; while none is chosen, the one with more rules."""
    try:
        return session.choice.target
    except HandrailError:
        return "aws"


def _check_command(session: Session, words: Sequence[str]) -> Outcome:
    there, typed = session.parse_command(words)
    operation = typed.operation
    asked = operation.wish(there, typed.values) if operation.wish else typed.values
    claims = [*(judge(there, asked) for judge in (operation.claims, operation.claims_of_found) if judge)]
    reasons = there.rules.explain([claim for some in claims for claim in some])
    refused = [reason for reason in reasons if not reason.passes]
    places = operation.places(there, asked, ()) if operation.places and there.rules.caps else None
    caps, error = _room(there, places) if places else ([], None)
    rows = [reason.as_json() for reason in (*reasons, *caps)]
    if refused:
        no = refusal(refused, typed.line)
        error = with_cap(no, error) if isinstance(error, CapReached) else no
    return Outcome(
        rows=rows,
        columns=(("KEY", "key"), ("VALUE", "value"), ("PASSES", "passes"), ("RULE", "rule"), ("FROM", "source")),
        summary=_verdict(operation, judged=True, caps=bool(caps)) if rows and error is None else "",
        empty=_verdict(operation, judged=False),
        failures=() if error is None else (error,),
    )


def _verdict(operation: Operation, *, judged: bool, caps: bool = False) -> str:
    if not judged:
        return f"no rule stands against {operation.name}; manage, others and the caps are judged on what it touches"
    later = "what it touches is" if caps else "caps and what it touches are"
    return f"{operation.name} would pass these rules; {later} judged when it runs"


# ---- the caps


def _room(session: Session, places: Places) -> tuple[list[Reason], HandrailError | None]:
    """Return a row for each cap that was judged, and why what a create needs would get no place now.

    Takes none, and makes no ledger.
    """
    try:
        error = session.stores.cap_in_the_way(places)
    except NotSetUp as missing:
        return [], missing
    caps = [cap for cap in session.rules.caps if error is None or cap.key == error.details["key"]]
    wanted, fits = len(places.wishes), error is None
    return [Reason(cap.key, wanted, "--count", f"{cap.key} = {cap.limit}", cap.source, fits) for cap in caps], error


SHOW = Operation(
    "policy",
    "show",
    "show every rule, its value, and where it stands",
    "handrail policy show",
    Effect.LOCAL,
    show,
    many=True,
)
CHECK = Operation(
    "policy",
    "check",
    "check the policy files; with a command, say whether it would pass, and why",
    "handrail policy check -- ec2 create --type t3.large",
    Effect.LOCAL,
    check,
    parameters=CheckPolicy,
    many=True,
)
INIT = Operation(
    "policy",
    "init",
    "write a policy file to start from, with every key explained",
    "handrail policy init --preset strict",
    Effect.LOCAL,
    init,
    parameters=InitPolicy,
    noun="policy",
    plans=True,
)
