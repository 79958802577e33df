"""An operation is one thing that a person can do: every door draws itself from these values and runs them one way."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from handrail.core.fields import Field, Parameters
from handrail.core.plan import Claim, Outcome, Places, Plan


class Effect(Enum):
    """What an operation does to the world. LOCAL touches only this machine (and is not on record)."""

    READ = "read"
    CHANGE = "change"
    DESTROY = "destroy"
    LOCAL = "local"


@dataclass(frozen=True)
class Operation:
    """A verb on a resource.

    resource: `ec2`, `route53 zone`, or empty for a top-level command. example: a full command line. parameters: the
    class that declares what it asks for. permissions: the IAM actions that it may call.

    wish: given the session and the parameters, what is asked for: defaults of the policy filled in, files read, nothing
    looked up; what follows is given that, or the parameters themselves where there is no such step.
    repeat: what the wish makes, and what the same request made before (creates only).
    claims: what the policy judges before anything is looked up. places: what is taken under a cap.
    claims_of_found: what it judges of what a look finds, for `policy check -- COMMAND`; a plan brings its own.
    handler: looks and returns an Outcome (a read) or a Plan (a change), given what is repeated too; it changes nothing.
    recover: given the session and an intent without an outcome, looks, finishes or undoes, and returns the Settled, or
    None to leave it.

    many: takes many targets, so JSON is always an array. on_record: False for what makes the record. plans: it changes
    nothing in AWS, and yet gives a Plan: a file or the sandbox changes. stays_here: whether that is so with these
    values, of what else changes something in AWS. fits: whether it makes sense for a Resource as it is now, so that a
    door offers to start what is stopped, and not what runs.
    """

    resource: str
    verb: str
    help: str
    example: str
    effect: Effect
    handler: Callable[..., Plan | Outcome]
    parameters: type[Parameters] = Parameters
    permissions: tuple[str, ...] = ()
    noun: str = ""
    aliases: tuple[str, ...] = ()
    wish: Callable[[Any, Any], Any] | None = None
    repeat: Callable[[Any, "Operation", Any], Sequence[Any]] | None = None
    claims: Callable[[Any, Any], tuple[Claim, ...]] | None = None
    places: Callable[[Any, Any, Sequence[Any]], Places] | None = None
    claims_of_found: Callable[[Any, Any], tuple[Claim, ...]] | None = None
    recover: Callable[[Any, Any], Any] | None = None
    many: bool = False
    on_record: bool = True
    plans: bool = False
    stays_here: Callable[[Any], bool] | None = None
    fits: Callable[[Any], bool] = lambda resource: True

    @property
    def fields(self) -> tuple[Field[Any], ...]:
        """Return what it asks for."""
        return self.parameters.fields()

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
