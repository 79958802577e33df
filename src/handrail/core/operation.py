"""An operation is one thing that a person can do: every door draws itself from these values and runs them one way."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from handrail.core.fields import Field, Parameters
from handrail.core.plan import Claim, Outcome, Plan


class Effect(Enum):
    """What an operation does to the world. LOCAL touches only this machine (and is not on record)."""

    READ = "read"
    CHANGE = "change"
    DESTROY = "destroy"
    LOCAL = "local"


@dataclass(frozen=True)
class Operation:
    """A verb on a resource.

    resource: `ec2`, `route53 zone`, or empty for a top-level command. example: a full command line. permissions: the
    IAM actions that it may call. parameters: the class that declares what it asks for. handler: given the session and
    an instance of that, looks and returns an Outcome (a read) or a Plan (a change); it changes nothing itself. many:
    takes many targets, so JSON is always an array. claims: what the policy would judge, for `policy check -- COMMAND`.
    recover: given the session and an intent without an outcome, looks, finishes or undoes, and returns the Verdict, or
    None to leave it. on_record: False for what makes the record. plans: it changes nothing in AWS, and yet gives a
    Plan: a file or the sandbox changes. stays_here: whether that is so with these values, of what else changes
    something in AWS. fits: whether it makes sense for a Resource as it is now, so that a door offers to start what is
    stopped, and not what runs.
    """

    resource: str
    verb: str
    help: str
    example: str
    effect: Effect
    handler: Callable[[Any, Any], Plan | Outcome]
    fields: tuple[Field[Any], ...] = ()
    permissions: tuple[str, ...] = ()
    kind: str = ""
    aliases: tuple[str, ...] = ()
    many: bool = False
    claims: Callable[[Any, Any], tuple[Claim, ...]] | None = None
    recover: Callable[[Any, Any], Any] | None = None
    on_record: bool = True
    plans: bool = False
    stays_here: Callable[[Any], bool] | None = None
    parameters: type[Parameters] = Parameters
    fits: Callable[[Any], bool] = lambda resource: True

    def __post_init__(self) -> None:
        if self.fields and self.parameters is Parameters:  # the way of before: nobody reads these as attributes
            named = {f"_{field.name}": field for field in self.fields}
            object.__setattr__(self, "parameters", type("Fields", (Parameters,), named))
        object.__setattr__(self, "fields", self.parameters.fields())

    @property
    def name(self) -> str:
        """Return the words that call it: `ec2 create`, `route53 zone list`, `status`."""
        return f"{self.resource} {self.verb}".strip()

    @property
    def mutates(self) -> bool:
        """Return whether it changes something in AWS: it then has a place in the audit."""
        return self.effect in (Effect.CHANGE, Effect.DESTROY)

    def mutates_with(self, values: Parameters) -> bool:
        """Return whether it changes something in AWS with these values."""
        return self.mutates and not (self.stays_here is not None and self.stays_here(values))

    @property
    def has_dry_run(self) -> bool:
        """Return whether there is a plan to show without carrying it out: it then has `--dry-run`."""
        return self.mutates or self.plans
