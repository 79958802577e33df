"""`handrail` alone and `use`: where you are, what you have, what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail import settings as settings_module
from handrail.core.fields import Field, Kind, Values
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome
from handrail.core.resources import LIVE_STATES, STATES, TAKES_A_PLACE

if TYPE_CHECKING:
    from handrail.session import Session


def overview(session: Session, values: Values) -> Outcome:
    """Return what a person sees who types `handrail` alone."""
    where = session.where
    mine = session.ec2.managed(LIVE_STATES)
    states = [one.state for one in mine]
    taken = sum(one.state in TAKES_A_PLACE for one in mine)
    limit = session.account_limit()
    counts = {state: states.count(state) for state in ("running", *STATES) if state in states}
    instances = ", ".join(f"{number} {state}" for state, number in counts.items()) or "none"
    places = f" · {taken} of {limit} places used" if limit is not None else ""
    row = {
        "target": where.target,
        "account": where.account,
        "region": where.region,
        "region_source": where.region_source,
        "owner": session.caller.owner,
        "instances": counts,
        "places_used": taken,
        "places": limit,
        "policy": [policy.source for policy in session.policies],
    }
    place = where.target if where.target == "sandbox" else f"{where.target} · {where.account}"
    notes = (
        ("where", f"{place} · {where.region} ({where.region_source}){_who(session.caller.owner)}"),
        ("policy", " and ".join(policy.source for policy in session.policies)),
        ("instances", instances + places),
        ("make", "handrail ec2 create"),
        ("see", "handrail ec2 list · handrail policy show · handrail --help"),
        *((("real AWS", "handrail use aws"),) if where.target == "sandbox" else ()),
    )
    return Outcome(rows=(row,), many=False, summary="Handrail", notes=notes)


def _who(owner: str) -> str:
    """Return who is asking; the sandbox calls somebody without a user name `you`, which needs no saying."""
    return "" if owner == "you" else f" · you are {owner}"


def use(session: Session, values: Values) -> Outcome:
    """Remember the target (and profile) for the commands to come; without a target say what is active and why."""
    chosen = values["chosen"]
    if chosen is not None:
        path = settings_module.remember(session.folders, chosen, session.settings.profile)
        row = {"target": chosen, "reason": f"target in {path}", "profile": session.settings.profile}
        said = session.settings.target
        summary = f"the target is {chosen} from now on"
        if said not in (None, chosen) and "environment" in session.settings.source("target"):
            summary += f", except where HANDRAIL_TARGET={said} is set, as it is here: unset HANDRAIL_TARGET"
    else:
        choice = session.choice
        row = {"target": choice.target, "reason": choice.reason, "profile": session.settings.profile}
        summary = f"the target is {choice.target}"
    notes = tuple((key, str(value)) for key, value in row.items() if value and key != "target")
    return Outcome(rows=(row,), many=False, summary=summary, notes=notes)


OVERVIEW = Operation(
    "",
    "",
    "where you are, what you have, what to type next",
    "handrail",
    Effect.READ,
    overview,
    permissions=("ec2:DescribeInstances",),
)
USE = Operation(
    "",
    "use",
    "choose sandbox or aws for the commands to come",
    "handrail use aws --profile team-dev",
    Effect.LOCAL,
    use,
    fields=(
        Field("chosen", "sandbox or aws", Kind.CHOICE, choices=("sandbox", "aws"), positional=True, metavar="[TARGET]"),
    ),
)
