"""What one request keeps in the account: the ledger of its home region, its places, its ownership rows."""

import secrets
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from handrail.core.errors import AwsFailure, CapReached, HandrailError, NotSetUp, is_no_answer
from handrail.core.ownership import LEDGER_TABLE
from handrail.core.plan import Places
from handrail.core.shell import line
from handrail.ledger.places import Times
from handrail.settings import check_lease_times

if TYPE_CHECKING:
    from pathlib import Path

    from handrail.aws.dynamodb import Table
    from handrail.aws.ledger_table import LedgerTable
    from handrail.core.resources import Instance
    from handrail.ledger.ledger import Ledger, NoLedger, Recorder
    from handrail.ledger.places import Place
    from handrail.ledger.record import Known, Unfinished
    from handrail.ledger.rows import Rows
    from handrail.session import Session

REQUESTER_LIMIT = 256  # characters; an e-mail address has at most 254 (RFC 5321, 4.5.3.1.3)


class Stores:
    """The stores of one request; each is opened when first asked for."""

    def __init__(self, session: "Session") -> None:
        self._session, self._began = session, session.clock.monotonic()

    @property
    def home_region(self) -> str:
        """Return the region of the account's ledger."""
        return self._session.rules.home.region

    @cached_property
    def table(self) -> "LedgerTable":
        """Return the table of the ledger in the home region, made or not."""
        return self.table_in(self.home_region)

    def table_in(self, region: str) -> "LedgerTable":
        """Return the table of a ledger in a region, made or not."""
        from handrail.aws.ledger_table import LedgerTable

        return LedgerTable(self._session.aws.client("dynamodb", region), self._session.clock.sleep)

    @cached_property
    def ledger(self) -> "Ledger | NoLedger":
        """Return the account's ledger; the sandbox's is made at first need.

        Raises NotSetUp where the account has none and the policies have caps; without caps a warning is enough. Only
        what changes something asks for this one: a read, which `found` serves, need not be warned.
        """
        found = self.found
        if found is None:
            self.table.make()
            return self._open()
        if found.rows is None:
            self._session.listener.note(
                f"warning: this account has no ledger; only {self._local_file} records what is changed"
            )
        return found

    @property
    def found(self) -> "Ledger | NoLedger | None":
        """Return the ledger as `ledger` does, but make none: None where the sandbox has none yet."""
        return self._found[0]

    @property
    def shared(self) -> "Ledger":
        """Return the account's ledger, for what only reads it. Raises NotSetUp where it has none."""
        from handrail.ledger.ledger import Ledger

        ledger = self.found or self.ledger  # what is only read needs no warning of where changes go
        if not isinstance(ledger, Ledger):
            raise NotSetUp(
                "this account has no ledger, so its record is a file on each machine.",
                hint=f"handrail init, or: {line('cat', self._local_file)}",
            )
        return ledger

    def unfinished(self) -> "Sequence[Unfinished]":
        """Return the requests of everybody that had no outcome when the ledger was opened."""
        return self._found[1]

    @cached_property
    def _found(self) -> "tuple[Ledger | NoLedger | None, Sequence[Unfinished]]":
        """Return the ledger, and what is unfinished in it: the first read shows whether there is one."""
        ledger = self._open()
        try:
            return ledger, ledger.record.unfinished()
        except NotSetUp as error:
            if error.slug != "no_ledger":
                raise
            if self._session.aws.sandbox is None:
                return self._without(error), ()
            if elsewhere := self.ledgers_of_sandbox():
                from handrail.ledger.elsewhere import second_ledger

                raise second_ledger(elsewhere[0], self._session.rules.home) from None
            return None, ()

    def ledgers_of_sandbox(self) -> tuple[str, ...]:
        """Return the regions but the home region in which this sandbox has a ledger."""
        from handrail.ledger.elsewhere import ledgers_elsewhere

        return ledgers_elsewhere(self._session.sandbox, self.table_in, self.home_region)

    @property
    def record(self) -> "Recorder":
        """Return the record of the account's changes."""
        return self.ledger.record

    @property
    def rows(self) -> "Rows":
        """Return the ownership rows. Raises NotSetUp where the account has no ledger: nothing can be owned by them."""
        rows = self.ledger.rows
        if rows is None:
            raise NotSetUp(
                f"this account has no ledger in {self.home_region}, and buckets need one.",
                hint="handrail init, or set home_region in the policy (HANDRAIL_HOME_REGION) to where it is",
                code="no_ledger",
            )
        return rows

    def request_on_record(self, request: str) -> "Known | None":
        """Return a request as the record has it, or None. Writes nothing."""
        return self.found.record.find(request) if self.found is not None else None

    # ---- places

    def places_taken(self, live: Sequence["Instance"]) -> int | None:
        """Return how many places of the account are taken, None where nothing can tell.

        live: what is alive in the region of this command. Raises AwsFailure where what came is no answer of AWS.
        """
        try:
            found = self.found
            if found is None:
                return sum(one.takes_a_place for one in live)
            return found.taken(self._session.region, live)
        except (NotSetUp, AwsFailure) as error:
            if is_no_answer(error):
                raise
            return None

    def just_made(self, words: Sequence[str]) -> "dict[str, Place]":
        """Return, per id or name of an instance that was just made in this region, its place.

        Costs one read of the ledger, and never fails: where there is none, or it may not be read, nothing is known. An
        instance is fresh for as long as a look may not show it (docs/lease.md, A4).
        """
        from handrail.ledger.on_aws import HoldersItem
        from handrail.ledger.places import Call, State

        try:
            state = HoldersItem(self._contents).read()
        except HandrailError:
            return {}
        made = [
            place
            for place in state.places.values()
            if place.state is State.HELD
            and place.call is Call.CREATE
            and place.region == self._session.region
            and state.date <= place.until + self._session.aws.visibility
        ]
        return {word: place for word in words for place in made if word in (place.name, place.instance)}

    def preview(self, places: Places) -> dict[str, CapReached]:
        """Return which starts would find a cap full, by their requests; only reads. Raises CapReached for creates."""
        from handrail.ledger.ledger import preview_of_none

        if self.found is not None:
            return self.found.preview(places)
        return preview_of_none(places, self._session.rules.caps, self._session.caller.owner)

    def cap_in_the_way(self, places: Places) -> CapReached | None:
        """Return the refusal of places for new requests as a look at the ledger shows it, None where there is room."""
        try:
            self.preview(places)
        except CapReached as full:
            return full
        return None

    @property
    def recovery_age(self) -> float:
        """Return the seconds after which nothing of a request that was cut off can act, and every look shows it."""
        times = self.ledger.times
        return times.term + times.visibility if isinstance(times, Times) else 0.0

    # ---- opening

    @cached_property
    def _contents(self) -> "Table":
        from handrail.aws.dynamodb import Table

        return Table(self._session.aws.client("dynamodb", self.home_region), LEDGER_TABLE, self._session.now)

    @property
    def _local_file(self) -> "Path":
        return self._session.folders.state / "audit.jsonl"

    def _open(self) -> "Ledger":
        from handrail.ledger.ledger import Ledger, lease_times
        from handrail.ledger.ports import Here
        from handrail.ledger.record import Record

        session = self._session
        sandbox = session.aws.sandbox
        times = lease_times(**vars(sandbox.limits)) if sandbox else Times()
        check_lease_times(session.environ, sandbox is not None)
        here = Here(
            by=session.caller.owner,
            new_mark=lambda: secrets.token_hex(8),
            sleep=session.clock.sleep,
            say=session.listener.note,
            spent=lambda: round((session.clock.monotonic() - self._began) * 1000),
        )
        record = Record(self._contents, session.caller, session.clock.sleep, self._requester())
        regions = session.rules.watched(session.region)
        return Ledger(self._contents, record, session.aws.ec2_of_lease, times, here, regions, session.rules.caps)

    def _without(self, missing: NotSetUp) -> "NoLedger":
        from handrail.ledger.ledger import NoLedger
        from handrail.ledger.local import LocalRecord

        caps = self._session.rules.caps
        if caps:
            raise NotSetUp(
                f"this account has no ledger in {self.home_region}, and the policy has caps that need one.",
                hint="handrail init, or set home_region in the policy (HANDRAIL_HOME_REGION) to where it is",
                facts=[("rule", f"{cap.key} = {cap.limit} ({cap.source})") for cap in caps],
                code="no_ledger",
            ) from missing
        return NoLedger(LocalRecord(self._local_file, self._session.caller, self._session.now))

    def _requester(self) -> str:
        """Return whom a job server names, if the policies believe it (PRODUCT.md section 4, promise 7).

        It comes from whoever filled in a form: one line that can be printed, of a length that a name may have.
        """
        told = self._session.environ.get("HANDRAIL_REQUESTER", "")
        named = " ".join("".join(char if char.isprintable() else " " for char in told).split())[:REQUESTER_LIMIT]
        caller = self._session.caller
        return named if named and self._session.rules.believes(caller.arn, caller.owner) else ""
