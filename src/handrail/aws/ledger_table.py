"""The table of the ledger: making it, finding it, and what AWS keeps of it. Knows nothing of what stands in it."""

from dataclasses import dataclass
from typing import Any

from handrail.aws.dynamodb import HASH, RANGE
from handrail.aws.failures import ask
from handrail.core.errors import AwsFailure, HandrailError, NotSetUp
from handrail.core.ownership import LEDGER_TABLE as NAME

TTL = "expires"
_POLLS = 120


@dataclass(frozen=True)
class TableState:
    """The table as AWS shows it."""

    status: str
    deletion_protection: bool
    point_in_time_recovery: bool
    ttl: bool

    @property
    def complete(self) -> bool:
        """Return whether it is as `init` makes it."""
        return self.status == "ACTIVE" and self.deletion_protection and self.point_in_time_recovery and self.ttl


class LedgerTable:
    """The ledger's table in one region."""

    def __init__(self, client: Any, sleep: Any) -> None:
        self._client, self._sleep = client, sleep

    def exists(self) -> bool:
        """Return whether there is a table, in one call. Raises PermissionDenied where that may not be known."""
        return self._describe() is not None

    def find(self) -> TableState | None:
        """Return the table as it is, None where there is none."""
        table = self._describe()
        if table is None:
            return None
        backups = self._ask("DescribeContinuousBackups")["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        ttl = self._ask("DescribeTimeToLive")["TimeToLiveDescription"]
        return TableState(
            status=table["TableStatus"],
            deletion_protection=table.get("DeletionProtectionEnabled", False),
            point_in_time_recovery=recovery == "ENABLED",
            ttl=ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"),
        )

    def _describe(self) -> dict[str, Any] | None:
        try:
            table: dict[str, Any] = self._ask("DescribeTable")["Table"]
        except NotSetUp as error:
            if error.slug != "no_ledger":
                raise
            return None
        return table

    def make(self) -> None:
        """Make the table, or complete it: on demand, protected against deletion, point-in-time recovery, TTL.

        DynamoDB encrypts every table at rest (developer guide, "Encryption at rest"); nothing is set for that.
        """
        if self.find() is None:
            self._create()
        state = self._wait_active()
        if not state.deletion_protection:
            self._ask("UpdateTable", DeletionProtectionEnabled=True)
            self._wait_active()
        if not state.point_in_time_recovery:
            self._enable_recovery()
        if not state.ttl:
            self._enable_ttl()

    def _enable_recovery(self) -> None:
        """Switch point-in-time recovery on; for a while after a table was made AWS says "try later"."""
        switch = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
        for _ in range(_POLLS):
            if self._ask("UpdateContinuousBackups", excused="ContinuousBackupsUnavailableException", **switch):
                return
            self._sleep(0.5)
        raise AwsFailure(f"point-in-time recovery of {NAME} can't be switched on yet.", hint="handrail init")

    def _enable_ttl(self) -> None:
        """Switch TTL on. Raises HandrailError, unless somebody else has done it at the same moment."""
        try:
            self._ask("UpdateTimeToLive", TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL})
        except HandrailError:
            state = self.find()
            if state is None or not state.ttl:
                raise

    def _create(self) -> None:
        """Begin to make it, unless somebody else does at this moment."""
        self._ask(
            "CreateTable",
            excused="ResourceInUseException",
            KeySchema=[{"AttributeName": HASH, "KeyType": "HASH"}, {"AttributeName": RANGE, "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (HASH, RANGE)],
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=True,
            Tags=[{"Key": "managed-by", "Value": "handrail"}],
        )

    def _ask(self, call: str, **parameters: Any) -> Any:
        return ask(self._client, f"dynamodb:{call}", NAME, TableName=NAME, **parameters)

    def _wait_active(self) -> TableState:
        for _ in range(_POLLS):
            state = self.find()
            if state is not None and state.status == "ACTIVE":
                return state
            self._sleep(0.5)
        raise AwsFailure(f"the table {NAME} does not become active.", hint="handrail init")
