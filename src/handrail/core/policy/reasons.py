"""Why a policy refuses: reasons, and the one error that tells them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handrail.core.errors import Refused

SHOWN = 8


@dataclass(frozen=True)
class Reason:
    """What one policy key says to one claimed value.

    value: JSON-ready. option: how the person said it. rule: `ec2.types = t3.nano, t4g.nano`. source: where that stands.
    would_pass: values that every policy takes instead, the nearest first. message: the sentence of a refusal.
    advice: what to do where no other value helps; empty if leaving the option out does. passes: whether it is allowed.
    """

    key: str
    value: Any
    option: str
    rule: str
    source: str
    passes: bool = False
    would_pass: tuple[str, ...] = ()
    message: str = ""
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as `details["reasons"]` and `policy check` list it."""
        names = ("key", "value", "option", "rule", "source", "passes", "message")
        return {name: getattr(self, name) for name in names} | {"would_pass": list(self.would_pass)}


def refusal(reasons: Sequence[Reason], command: str = "handrail") -> Refused:
    """Return the one error that tells all reasons at once, and a line that would work.

    reasons: at least one. command: the command line without the options that were refused: `handrail ec2 create`.
    """
    messages = list(dict.fromkeys(reason.message for reason in reasons))
    facts: list[tuple[str, str]] = []
    for message in messages[:SHOWN]:
        facts += [("refused", message)] if len(messages) > 1 else []
        rules = [f"{each.rule} ({each.source})" for each in reasons if each.message == message]
        facts += [("rule", rule) for rule in dict.fromkeys(rules)]
    if len(messages) > SHOWN:
        facts.append(("refused", f"and {len(messages) - SHOWN} more"))
    return Refused(
        messages[0] if len(messages) == 1 else f"the policy refuses {len(messages)} things here.",
        hint=_hint(reasons, command),
        facts=facts,
        details={"reasons": [reason.as_json() for reason in reasons]},
    )


def _hint(reasons: Sequence[Reason], command: str) -> str:
    from shlex import quote

    stuck = [reason.advice for reason in reasons if reason.advice]
    if stuck:
        return stuck[0]
    words: dict[str, None] = {}
    for reason in reasons:
        if reason.would_pass and reason.option:
            word = quote(reason.would_pass[0])
            # A positional is written without its name.
            words[f"{reason.option} {word}" if reason.option.startswith("-") else word] = None
    return " ".join((command, *words))
