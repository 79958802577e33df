"""Why a policy refuses: reasons, and the one error that tells them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handrail.core.command_line import NO_LINE, Line
from handrail.core.errors import Refused

SHOWN = 8


@dataclass(frozen=True)
class Reason:
    """What one policy key says to one claimed value.

    value: JSON-ready. option: how the person said it. rule: `ec2.types = t3.nano, t4g.nano`. source: where that stands.
    would_pass: values that every policy takes instead, the nearest first. message: the sentence of a refusal.
    advice: what to do where no other value helps; empty if leaving the option out does. passes: whether it is allowed.
    at_odds: where no value at all passes, the rules that together let none.
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
    at_odds: tuple[str, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the rules that a refusal shows, each with where it stands."""
        return self.at_odds or (f"{self.rule} ({self.source})",)

    def as_json(self) -> dict[str, Any]:
        """Return it as `details["reasons"]` and `policy check` list it."""
        names = ("key", "value", "option", "rule", "source", "passes", "message")
        return {name: getattr(self, name) for name in names} | {"would_pass": list(self.would_pass)}


def ask_for(option: str) -> str:
    """Return what to do where Handrail knows no value that passes."""
    return f"give {option or 'a value'} as the rule says, or ask whoever keeps the policy"


def refusal(reasons: Sequence[Reason], line: Line = NO_LINE) -> Refused:
    """Return the one error that tells all reasons at once, and a line that would work.

    reasons: at least one. line: the command line that was refused.
    """
    messages = list(dict.fromkeys(reason.message for reason in reasons))
    facts: list[tuple[str, str]] = []
    rules: dict[tuple[str, ...], list[str]] = {}  # what one rule refuses stands together, and the rule once below it
    for message in messages[:SHOWN]:
        said = dict.fromkeys(rule for each in reasons if each.message == message for rule in each.rules)
        rules.setdefault(tuple(said), []).append(message)
    for found, refused in rules.items():
        facts += [("refused", message) for message in refused] if len(messages) > 1 else []
        facts += [("rule", rule) for rule in found]
    if len(messages) > SHOWN:
        facts.append(("refused", f"and {len(messages) - SHOWN} more"))
    return Refused(
        messages[0] if len(messages) == 1 else f"the policy refuses {len(messages)} things here.",
        hint=_hint(reasons, line),
        facts=facts,
        details={"reasons": [reason.as_json() for reason in reasons]},
    )


def _hint(reasons: Sequence[Reason], line: Line) -> str:
    """Return the line as it was typed, what was refused exchanged; where that can't help, what to do instead."""
    for reason in reasons:
        if reason.advice:
            return reason.advice
        if not reason.would_pass and not line.gives(reason.option):
            return ask_for(reason.option)  # what nobody typed is a default, and can't be left out
    right = line.corrected([(each.option, str(each.value), next(iter(each.would_pass), "")) for each in reasons])
    return "nothing else would be changed; ask whoever keeps the policy" if right.is_idle else str(right)
