"""One request on a stage: the real session, its stores on a table in memory; AWS, time and the person are played."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handrail.core.operation import Operation
from handrail.core.plan import Plan, Question
from handrail.core.policy.document import parse_policy
from handrail.core.policy.rules import Rules
from handrail.core.redaction import Secrets
from handrail.core.resources import Instance
from handrail.files import Folders
from handrail.ledger.ledger import Ledger, NoLedger
from handrail.ledger.places import Times
from handrail.ledger.ports import Here
from handrail.ledger.record import Record, Unfinished
from handrail.session import Door, Session
from handrail.session.services import Services
from handrail.session.stores import Stores
from handrail.settings import Settings
from memory_table import DATE, MemoryTable, caller

NOWHERE = Path("/nowhere")
MADE_AT = datetime.fromtimestamp(DATE - 60, UTC)
WEB = Instance(
    "i-1", "web", "t3.nano", "running", "Ubuntu", "ami-1", "x86_64", "dev-1", MADE_AT, "192.0.2.1",
    None, "us-east-1a", "us-east-1", True, {},
)  # fmt: skip

Look = Sequence[Instance] | BaseException


class TableClock:
    """A clock that shows the time of a table, and moves it when somebody waits. slept: seconds."""

    def __init__(self, table: MemoryTable) -> None:
        self._table, self.slept = table, 0.0

    def now(self) -> datetime:
        """Return the time of day, UTC."""
        return datetime.fromtimestamp(self._table.time, UTC)

    def monotonic(self) -> float:
        """Return the time of the table."""
        return self._table.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept += seconds
        self._table.time += seconds


class Quiet:
    """A person who is told everything. said: notes and progress. agrees: the answer to every question."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.agrees = False

    def announce(self, plan: Plan) -> None:
        """Say nothing."""

    def show_plan(self, plan: Plan) -> None:
        """Say nothing."""

    def confirm(self, question: Question) -> bool:
        """Answer."""
        return self.agrees

    def progress(self, text: str) -> None:
        """Keep what is said."""
        self.said.append(text)

    def note(self, text: str) -> None:
        """Keep what is said."""
        self.said.append(text)


class PlayedEc2:
    """EC2 whose looks are played: each shows these instances or fails so, the last one for ever."""

    def __init__(self, *looks: Look) -> None:
        self._looks = list(looks) or [()]

    def _look(self) -> Sequence[Instance]:
        look = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if isinstance(look, BaseException):
            raise look
        return look

    def by_ids(self, ids: Iterable[str]) -> dict[str, Instance]:
        """Play the next look, of these ids."""
        wanted = set(ids)
        return {one.id: one for one in self._look() if one.id in wanted}

    def by_tokens(self, tokens: Sequence[str]) -> list[Instance]:
        """Play the next look, of these tokens; what has none is shown for every one."""
        return [one for one in self._look() if not one.client_token or one.client_token in tokens]


class PlayedServices(Services):
    """The services as they are played: one EC2 in every region. allowed: the limits that were set to changes."""

    visibility = 0.0
    changes_sent = 0
    sandbox = None

    def __init__(self, region: str, ec2: Any, s3: Any, client: Callable[[str, str], Any] | None) -> None:
        super().__init__(self._no_connection, lambda: region)
        self._played, self.s3, self._client = ec2, s3, client
        self.allowed: list[float | None] = []

    def _no_connection(self) -> Any:
        raise AssertionError("nothing on this stage may connect")

    def ec2_of(self, region: str) -> Any:
        """Return the EC2 that is played."""
        return self._played

    def ec2_to_look_at(self, region: str) -> Any:
        """Return the EC2 that is played."""
        return self._played

    def client(self, service: str, region: str) -> Any:
        """Return a client, if the test has any."""
        return self._client(service, region) if self._client else self._no_connection()

    def briefly(self) -> AbstractContextManager[None]:
        """Change nothing."""
        return nullcontext()

    def allow_changes_until(self, moment: float | None) -> None:
        """Keep the limit."""
        self.allowed.append(moment)


class PlayedStores(Stores):
    """The stores on what the test gives: `found` may be exchanged, None where the sandbox has no ledger yet."""

    recovery_age = 100.0
    found: Any = None

    def unfinished(self) -> Sequence[Unfinished]:
        """Return what has no outcome now."""
        found: Sequence[Unfinished] = self.found.record.unfinished()
        return found


class Stage(Session):
    """A session of dev-1, who is told `said`. `table.time` is the one time of everything here.

    ec2, s3, client: what stands in for AWS. visibility: seconds until every look shows a change. has_ledger: else there
    is a record alone. region: as `--region` named it. policy: the text of the one that holds. operations: those that
    can be named, for a test to fill.
    """

    aws: PlayedServices
    stores: PlayedStores
    clock: TableClock
    listener: Quiet

    def __init__(
        self,
        ec2: Any = None,
        s3: Any = None,
        client: Callable[[str, str], Any] | None = None,
        *,
        visibility: float = 0.0,
        has_ledger: bool = True,
        target: str = "sandbox",
        region: str = "",
        policy: str = "",
    ) -> None:
        self.table, listener = MemoryTable(), Quiet()
        self.said, self.secrets = listener.said, Secrets()
        self.operations: dict[str, Operation] = {}
        super().__init__(
            Settings(target=target, region=region or "us-east-1", sources={"region": "--region"} if region else {}),
            {},
            NOWHERE,
            Folders(NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE),
            listener,
            TableClock(self.table),
            Door(operation_named=self.operations.get, secrets=self.secrets),
        )
        self.caller = caller()
        holding = parse_policy(policy.encode(), "policy")
        self.rules = Rules(lambda: (holding,), self._context, note=self._note)
        self.aws = PlayedServices(self.region, ec2, s3, client)
        self.aws.visibility = visibility
        self.stores = PlayedStores(self)
        self.record = Record(self.table, self.caller, self.clock.sleep)  # type: ignore[arg-type]
        self.stores.found = self._ledger() if has_ledger else NoLedger(self.record)

    def _ledger(self) -> Ledger:
        here = Here("dev-1", lambda: "mark", self.clock.sleep, self.said.append)
        regions = [self.region]
        return Ledger(self.table, self.record, self.aws.ec2_of_lease, Times(), here, regions, ())  # type: ignore[arg-type]
