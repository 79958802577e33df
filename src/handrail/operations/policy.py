"""`policy show|check|init`: the rules, whether a command would pass them, and a file to start from."""

from handrail.core.errors import Conflict
from handrail.core.fields import Field, Kind, Values
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Hold, Outcome, Plan, Question, Result, Status
from handrail.core.policy import init_text, refusal
from handrail.session import Session

FILE = "handrail.toml"


def show(session: Session, values: Values) -> Outcome:
    """Return every key of the policies that hold, with its value and where it stands."""
    rows = [{"policy": policy.source, **row} for policy in session.policies for row in policy.as_rows()]
    several = len(session.policies) > 1
    return Outcome(
        rows=rows,
        columns=(("KEY", "key"), ("VALUE", "text"), ("FROM", "origin")),
        summary="a change must pass both: " + " and ".join(one.source for one in session.policies) if several else "",
    )


def init(session: Session, values: Values) -> Plan:
    """Write a policy file with every key explained; asks before it replaces one."""
    named = values["file"] or FILE
    path = session.cwd / named
    text = init_text(values["preset"])
    there = path.exists()
    if there and path.is_dir():
        raise Conflict(f"{path} is a folder.", hint=f"handrail policy init --file {path / FILE}")

    def apply(hold: Hold) -> list[Result]:
        session.write_file(path, text)
        check = "handrail policy check" if named == FILE else f"handrail policy check --policy {named}"
        note = (("next", f"edit it, then: {check}"),)
        return [
            Result(
                path.name, None, Status.SUCCEEDED, said=f"{path} is written", current={"path": str(path)}, notes=note
            )
        ]

    planned = Result(path.name, None, Status.PLANNED, said=f"{path} would be written; nothing was changed")
    question = Question(Ask.YES, f"{path} exists and would be overwritten.", prompt="Overwrite it?") if there else None
    return Plan(title=f"write {path.name}", apply=apply, planned=[planned], many=False, question=question)


def check(session: Session, values: Values) -> Outcome:
    """Say whether the policies are sound, and with a command whether it would pass, and why. Nothing is changed."""
    policies = session.policies
    if not values["command"]:
        rows = [{"policy": policy.source, "valid": True, "preset": policy.value("preset")} for policy in policies]
        return Outcome(rows=rows, columns=(("POLICY", "policy"), ("VALID", "valid"), ("PRESET", "preset")))
    operation, given = session.parse_command(values["command"])
    claims = operation.claims(session, given) if operation.claims else ()
    reasons = session.explain(claims)
    refused = [reason for reason in reasons if not reason.passes]
    rows = [reason.as_json() for reason in reasons]
    return Outcome(
        rows=rows,
        columns=(("KEY", "key"), ("VALUE", "value"), ("PASSES", "passes"), ("RULE", "rule"), ("FROM", "source")),
        summary=_verdict(operation, bool(rows)) if not refused else "",
        empty=_verdict(operation, False),
        failures=(refusal(refused, f"handrail {operation.name}"),) if refused else (),
    )


def _verdict(operation: Operation, judged: bool) -> str:
    if not judged:
        return f"no rule stands against {operation.name}; manage, others and the caps are judged on what it touches"
    return f"{operation.name} would pass these rules; caps and what it touches are judged when it runs"


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
    fields=(Field("command", "a command, after --", positional=True, many=True, metavar="[-- COMMAND...]"),),
    many=True,
)
INIT = Operation(
    "policy",
    "init",
    "write a policy file to start from, with every key explained",
    "handrail policy init --preset strict",
    Effect.LOCAL,
    init,
    fields=(
        Field("preset", "what it starts from", Kind.CHOICE, choices=("strict", "open"), default="strict"),
        Field("file", "where to write it (default: handrail.toml here)", metavar="FILE"),
    ),
)
