"""`init`: sets an account up for Handrail: one table in the home region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail.core.amounts import count
from handrail.core.errors import Conflict, HandrailError, PermissionDenied
from handrail.core.fields import Parameters
from handrail.core.operation import Effect, Operation
from handrail.core.ownership import LEDGER_TABLE as NAME
from handrail.core.plan import Facts, Plan, Result, Status

if TYPE_CHECKING:
    from handrail.aws.ledger_table import TableState
    from handrail.session import Session

# Source: DynamoDB on-demand pricing; a create takes about five writes and reads of under 1 KB each.
COST = "a few cents per month: on demand, nothing while nobody works, plus point-in-time recovery per GB"
_AT_ONCE = 8


def init(session: Session, values: Parameters) -> Plan:
    """Look for a ledger in every enabled region and return the plan of making or completing it. Raises Conflict."""
    home = session.stores.home_region
    seen = _look_elsewhere(session, home)
    elsewhere = [region for region, there in seen.items() if there]
    if elsewhere:
        raise Conflict(
            f"this account has a ledger in {', '.join(elsewhere)}, and a second one would undo its caps.",
            hint=f'set home_region = "{elsewhere[0]}" in the policy, or HANDRAIL_HOME_REGION={elsewhere[0]}',
            details={"regions": elsewhere, "home_region": home},
        )
    closed = [region for region, there in seen.items() if there is None]
    unseen = f"not allowed to look for a second ledger in {', '.join(closed)}: make sure that there is none"
    warnings = (unseen,) if closed else ()
    table = session.stores.table
    state = table.find()
    complete = state is not None and state.complete

    def act() -> Result:
        begun = session.clock.monotonic()
        table.make()
        _record(session, home, round((session.clock.monotonic() - begun) * 1000))
        said = f"the ledger is ready in {home} · table {NAME}"
        return _result(home, table.find(), Status.SUCCEEDED, said, warnings)

    said = f"the ledger is there already in {home} · table {NAME}" if complete else f"the table {NAME} would be made"
    planned = _result(home, state, Status.UNCHANGED if complete else Status.PLANNED, said, warnings)
    title = "set up the ledger" if state is None else "complete the ledger"
    others = f"{count(len(seen) - len(closed), 'other enabled region')}: no second ledger"
    return Plan.of_one(title, planned, act, facts=(*_facts(home), *((("looked", others),) if seen else ())))


def _look_elsewhere(session: Session, home: str) -> dict[str, bool | None]:
    """Return which of the enabled regions but the home region have a ledger, None where that can't be seen; on the
    sandbox, whose log tells, only those that have one.

    A region that is closed to this account (a service control policy) is passed over: it must not keep it from having
    a ledger where it works.
    """
    if session.aws.sandbox is not None:
        return dict.fromkeys(session.stores.ledgers_of_sandbox(), True)
    regions = [region for region in session.aws.ec2_of(home).regions() if region != home]

    from concurrent.futures import ThreadPoolExecutor

    def has(region: str) -> bool | None:
        try:
            return session.stores.table_in(region).exists()
        except PermissionDenied:
            return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(regions, pool.map(has, regions), strict=True))


def _facts(home: str) -> Facts:
    return (
        ("table", f"{NAME} in {home}, the home region of this account"),
        ("has", "who holds the places under the caps, what is Handrail's, and the record of every change"),
        ("safe", "encrypted, protected against deletion, point-in-time recovery of 35 days"),
        ("costs", COST),
    )


def _result(home: str, state: TableState | None, status: Status, said: str, warnings: tuple[str, ...]) -> Result:
    current = {"table": NAME, "region": home, **(vars(state) if state else {"status": None})}
    following = (("next", "handrail ec2 create"),) if status is not Status.PLANNED else ()
    return Result(NAME, NAME, status, said=said, current=current, region=home, notes=following, warnings=warnings)


def _record(session: Session, home: str, spent: int = 0) -> None:
    """Put the set-up on record as its first entry; it can't be there before the table is. spent: milliseconds."""
    from handrail.ledger.record import Intent, Verdict

    request = session.new_request()
    intent = Intent(request, "init", NAME, home, session.choice.target)
    try:
        session.stores.record.intend_and_settle(intent, Verdict(request, "succeeded", resource=NAME, duration_ms=spent))
    except HandrailError as error:
        session.listener.note(f"warning: this could not be put on record: {error.message}")


INIT = Operation(
    "",
    "init",
    "set an account up: the ledger of caps, ownership and changes",
    "handrail init --dry-run",
    Effect.CHANGE,
    init,
    permissions=(
        "ec2:DescribeRegions",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:CreateTable",
        "dynamodb:TagResource",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTimeToLive",
    ),
    noun="ledger",
    on_record=False,
)
