"""Making the table: each step only where it is missing, patient with AWS, at peace with somebody who does the same."""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from handrail.aws.ledger_table import LedgerTable
from handrail.core.errors import AwsFailure, HandrailError, PermissionDenied
from handrail.core.ownership import LEDGER_TABLE as NAME

WRONG = "ResourceNotFoundException"


@pytest.fixture
def stub() -> Iterator[tuple[LedgerTable, Stubber]]:
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    client = session.create_client("dynamodb", region_name="us-east-1")
    with Stubber(client) as stubber:
        yield LedgerTable(client, lambda _seconds: None), stubber
        stubber.assert_no_pending_responses()


def shows(
    stubber: Stubber, *, status: str = "ACTIVE", protected: bool = True, recovery: bool = True, ttl: str = "ENABLED"
) -> None:
    """Queue one look at the table."""
    table: dict[str, Any] = {"TableStatus": status, "DeletionProtectionEnabled": protected}
    backups = {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED" if recovery else "DISABLED"},
    }
    stubber.add_response("describe_table", {"Table": table}, {"TableName": NAME})
    stubber.add_response("describe_continuous_backups", {"ContinuousBackupsDescription": backups})
    stubber.add_response("describe_time_to_live", {"TimeToLiveDescription": {"TimeToLiveStatus": ttl}})


def recovers(stubber: Stubber) -> None:
    backups = {"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED"}}
    stubber.add_response("update_continuous_backups", backups)


def test_a_complete_table_is_left_alone(stub: tuple[LedgerTable, Stubber]) -> None:
    table, stubber = stub
    shows(stubber)
    shows(stubber)
    table.make()
    shows(stubber)
    state = table.find()
    assert state is not None
    assert state.complete


def test_no_table(stub: tuple[LedgerTable, Stubber]) -> None:
    table, stubber = stub
    stubber.add_client_error("describe_table", WRONG, "no", 400)
    assert table.find() is None
    stubber.add_client_error("describe_table", WRONG, "no", 400)
    assert not table.exists()


def test_one_call_tells_whether_there_is_a_table(stub: tuple[LedgerTable, Stubber]) -> None:
    table, stubber = stub
    stubber.add_response("describe_table", {"Table": {"TableStatus": "CREATING"}}, {"TableName": NAME})
    assert table.exists()


def test_a_refused_look_is_no_missing_table(stub: tuple[LedgerTable, Stubber]) -> None:
    table, stubber = stub
    stubber.add_client_error("describe_table", "AccessDeniedException", "no", 400)
    with pytest.raises(PermissionDenied):
        table.find()


@pytest.mark.parametrize("raced", [False, True])
def test_a_table_is_made_and_completed(stub: tuple[LedgerTable, Stubber], raced: bool) -> None:
    table, stubber = stub
    stubber.add_client_error("describe_table", WRONG, "no", 400)
    if raced:
        stubber.add_client_error("create_table", "ResourceInUseException", "somebody else", 400)
    else:
        stubber.add_response("create_table", {"TableDescription": {}})
    shows(stubber, status="CREATING", protected=False, recovery=False, ttl="DISABLED")
    shows(stubber, protected=False, recovery=False, ttl="DISABLED")
    stubber.add_response("update_table", {}, {"TableName": NAME, "DeletionProtectionEnabled": True})
    shows(stubber, recovery=False, ttl="DISABLED")
    stubber.add_client_error("update_continuous_backups", "ContinuousBackupsUnavailableException", "later", 400)
    recovers(stubber)
    stubber.add_response("update_time_to_live", {})
    table.make()


def test_a_table_that_vanishes_or_never_comes_up(stub: tuple[LedgerTable, Stubber]) -> None:
    table, stubber = stub
    shows(stubber, status="CREATING")
    stubber.add_client_error("describe_table", WRONG, "no", 400)
    for _ in range(119):
        shows(stubber, status="CREATING")
    with pytest.raises(AwsFailure, match="does not become active"):
        table.make()


def test_recovery_that_never_comes(stub: tuple[LedgerTable, Stubber]) -> None:
    table, stubber = stub
    shows(stubber)
    shows(stubber, recovery=False)
    for _ in range(120):
        stubber.add_client_error("update_continuous_backups", "ContinuousBackupsUnavailableException", "later", 400)
    with pytest.raises(AwsFailure, match="can't be switched on yet"):
        table.make()


def test_ttl_that_somebody_else_switched_on_at_the_same_moment(stub: tuple[LedgerTable, Stubber]) -> None:
    table, stubber = stub
    shows(stubber, ttl="DISABLED")
    shows(stubber, ttl="DISABLED")
    stubber.add_client_error("update_time_to_live", "ValidationException", "TimeToLive is already enabled", 400)
    shows(stubber, ttl="ENABLING")
    table.make()


@pytest.mark.parametrize("there", [True, False])
def test_ttl_that_stays_off_is_told(stub: tuple[LedgerTable, Stubber], there: bool) -> None:
    table, stubber = stub
    shows(stubber, ttl="DISABLED")
    shows(stubber, ttl="DISABLED")
    stubber.add_client_error("update_time_to_live", "ValidationException", "no", 400)
    if there:
        shows(stubber, ttl="DISABLED")
    else:
        stubber.add_client_error("describe_table", WRONG, "no", 400)
    with pytest.raises(HandrailError):
        table.make()
