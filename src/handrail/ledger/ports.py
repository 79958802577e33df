"""What the lease needs of the world, as protocols: the item, EC2, the record. The real sides are elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from handrail.core.errors import HandrailError
from handrail.ledger.places import Fate, Seen, Versioned


class HoldersStore(Protocol):
    """The one item of the account. Its `version` only grows, and it is never deleted (A1)."""

    def read(self) -> Versioned:
        """Return the item, strongly consistent; no places and version 0 if there is none. Raises HandrailError."""

    def write(self, item: Versioned) -> Versioned:
        """Write the item as its next version, only if it still has `item.version` (0: does not exist yet).

        Returns the item as it is afterwards: what was written, or, if the condition failed, what is there
        (ReturnValuesOnConditionCheckFailure). Raises Unreachable where no reply says which: it may have been written.
        """


class Compute(Protocol):
    """EC2, as far as the lease itself calls it. Each call is sent after it was made, never answered from a cache."""

    def look(self, region: str, instances: Sequence[str], tokens: Sequence[str]) -> Sequence[Seen]:
        """Return the instances with these ids or ClientTokens in every state; what does not exist is left out."""

    def look_all(self, region: str) -> Sequence[Seen]:
        """Return the managed instances that are not ended: pending, running, stopping, stopped."""

    def terminate(self, region: str, instances: Sequence[str]) -> Sequence[Seen]:
        """Terminate, and return the states that the reply shows; an unknown id is left out."""


@dataclass(frozen=True)
class Told:
    """The outcome of a request. by: who settled it. error: why it failed, where this process knows; as told by AWS."""

    fate: Fate
    instance: str
    by: str
    date: int
    error: HandrailError | None = None


class Outcomes(Protocol):
    """The outcomes on record: one per request, the first one stays."""

    def put_if_absent(self, request: str, told: Told) -> None:
        """Write the outcome unless there is one. Raises HandrailError where that is not certain."""

    def put_over(self, request: str, told: Told, over: Versioned) -> bool:
        """Write the outcome unless there is one, and the item anew as it is, in one step: only if it is this version.

        Returns whether it was written. Raises HandrailError where that is not certain.
        """

    def find(self, request: str) -> Told | None:
        """Return the outcome, strongly consistent, or None if there is none."""


@dataclass(frozen=True)
class Sides:
    """The far ends that the lease talks to."""

    holders: HoldersStore
    compute: Compute
    outcomes: Outcomes


@dataclass(frozen=True)
class Here:
    """This process: who runs it, its source of random marks, its way to wait, and where it says what it does.

    spent: how long it has been at work, in milliseconds.
    """

    by: str
    new_mark: Callable[[], str]
    sleep: Callable[[float], None]
    say: Callable[[str], None]
    spent: Callable[[], int] = lambda: 0
