"""The record as a file of JSON lines, for a policy without caps in an account without a ledger. This machine only."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from handrail.core.caller import Caller
from handrail.core.errors import NotSetUp
from handrail.files import make_folder
from handrail.ledger.record import Intent, Known, Unfinished, Verdict


class LocalRecord:
    """A record that only this machine sees: no chain, and no name space of requests beyond it."""

    def __init__(self, path: Path, caller: Caller, now: Callable[[], float]) -> None:
        self._path, self._caller, self._now = path, caller, now

    def intend(self, intents: Sequence[Intent]) -> None:
        """Append intents."""
        who = {"actor": self._caller.arn, "owner": self._caller.owner, "at": self._now()}
        self._append([{"kind": "intent", **vars(intent), **who} for intent in intents])

    def settle(self, verdict: Verdict) -> bool:
        """Append an outcome."""
        self._append([{"kind": "outcome", **vars(verdict), "at": self._now(), "by": self._caller.arn}])
        return True

    def renew(self, request: str) -> bool:
        """Return True: nobody else settles what stands in a file."""
        return True

    def put_off(self, one: Unfinished) -> None:
        """Do nothing: nothing is left open here."""

    def forget(self, request: str) -> None:
        """Do nothing, for the same reason."""

    def intend_and_settle(self, intent: Intent, verdict: Verdict) -> None:
        """Append a request that ended before it began."""
        self.intend([intent])
        self.settle(verdict)

    def now(self) -> float:
        """Return this machine's time of day, epoch seconds."""
        return self._now()

    def unfinished(self) -> list[Unfinished]:
        """Return nothing: what another run left open is not looked for in a file."""
        return []

    def find(self, request: str) -> Known | None:
        """Return None: requests of other machines are not known, so none is answered for."""
        return None

    def _append(self, entries: Sequence[dict[str, object]]) -> None:
        try:
            make_folder(self._path.parent)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as file:
                file.writelines(json.dumps(entry, sort_keys=True) + "\n" for entry in entries)
        except OSError as error:
            raise NotSetUp(
                f"the audit file {self._path} can't be written: {error.strerror}.",
                hint="make room there, or set up the account's ledger: handrail init",
            ) from None
