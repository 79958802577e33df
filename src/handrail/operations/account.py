"""`use`: which AWS the commands to come are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail import settings as settings_module
from handrail.core.errors import Usage
from handrail.core.fields import Parameters, show, text
from handrail.core.nearest import nearest
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Outcome, facts_of
from handrail.core.shell import command

if TYPE_CHECKING:
    from handrail.session import Session


def _check_target(value: str) -> str:
    if value not in settings_module.TARGETS:
        near = nearest(value, settings_module.TARGETS)
        hint = command("use", near) if near else "handrail use sandbox, or handrail use aws"
        raise Usage(f"{show(value)} is not a target.", hint=hint, details={"nearest": near or None})
    return value


class Use(Parameters):
    """What `use` asks for."""

    chosen = text(
        "sandbox or aws", choices=settings_module.TARGETS, positional=True, metavar="[TARGET]", check=_check_target
    )


def use(session: Session, values: Use) -> Outcome:
    """Remember the target (and profile) for the commands to come; without a target say what is active and why."""
    if values.chosen is not None:
        row, summary = _remembered(session, values.chosen)
    else:
        choice = session.choice
        row = {"target": choice.target, "reason": choice.reason, "profile": session.settings.profile}
        summary = f"the target is {choice.target}"
    notes = facts_of(*(one for one in row.items() if one[0] != "target"))
    return Outcome(rows=(row,), many=False, summary=summary, notes=notes)


def _remembered(session: Session, chosen: str) -> tuple[dict[str, str | None], str]:
    """Write the choice down, with a profile only where the option named one; return what holds from now on."""
    settings = session.settings
    profile = settings.profile if settings.source("profile") == "--profile" else None
    before = settings_module.read_user_file(session.folders.settings).values.get("profile")
    path = settings_module.remember(session.folders, chosen, profile)
    summary = f"the target is {chosen} from now on"
    if settings.target not in (None, chosen) and "environment" in settings.source("target"):
        summary += f", except where HANDRAIL_TARGET={settings.target} is set, as it is here: unset HANDRAIL_TARGET"
    if before and not profile:
        summary += f"; profile {before} is forgotten"
    return {"target": chosen, "reason": f"target in {path}", "profile": profile}, summary


USE = Operation(
    "",
    "use",
    "choose sandbox or aws for the commands to come",
    "handrail use aws --profile team-dev",
    Effect.LOCAL,
    use,
    parameters=Use,
)
