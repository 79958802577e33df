"""`init`: sets an account up for Handrail: one table in the home region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail.core.errors import Conflict, HandrailError
from handrail.core.fields import Values
from handrail.core.managed import LEDGER_TABLE as NAME
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Facts, Hold, Plan, Result, Status
from handrail.core.words import count

if TYPE_CHECKING:
    from handrail.aws.ledger_table import TableState
    from handrail.session import Session

# Source: DynamoDB on-demand pricing; a create takes about five writes and reads of under 1 KB each.
COST = "a few cents per month: on demand, nothing while nobody works, plus point-in-time recovery per GB"
_AT_ONCE = 8


def init(session: Session, values: Values) -> Plan:
    """Look for a ledger in every enabled region and return the plan of making or completing it. Raises Conflict."""
    home = session.home_region
    looked, elsewhere = _elsewhere(session, home)
    if elsewhere:
        raise Conflict(
            f"this account has a ledger in {', '.join(elsewhere)}, and a second one would undo its caps.",
            hint=f'set home_region = "{elsewhere[0]}" in the policy, or HANDRAIL_HOME_REGION={elsewhere[0]}',
            details={"regions": elsewhere, "home_region": home},
        )
    table = session.ledger_table
    state = table.find()
    complete = state is not None and state.complete

    def apply(hold: Hold) -> list[Result]:
        table.make()
        _record(session, home)
        return [_result(session, home, table.find(), Status.SUCCEEDED, f"the ledger is ready in {home} · table {NAME}")]

    said = f"the ledger is there already in {home} · table {NAME}" if complete else f"the table {NAME} would be made"
    planned = _result(session, home, state, Status.UNCHANGED if complete else Status.PLANNED, said)
    return Plan(
        title="set up the ledger" if state is None else "complete the ledger",
        apply=apply,
        planned=[planned],
        many=False,
        facts=(*_facts(home), *looked),
    )


def _elsewhere(session: Session, home: str) -> tuple[Facts, list[str]]:
    """Return the line that says where was looked, and the enabled regions but the home region that have a ledger."""
    if session.aws.sandbox is not None:
        return (), []
    regions = [region for region in session.ec2_of(home).regions() if region != home]

    from concurrent.futures import ThreadPoolExecutor

    from handrail.aws.ledger_table import LedgerTable

    def has(region: str) -> bool:
        return LedgerTable(session.aws.client("dynamodb", region), session.clock.sleep).find() is not None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        elsewhere = [region for region, found in zip(regions, pool.map(has, regions), strict=True) if found]
    looked = f"{count(len(regions), 'other enabled region')}: {'no second ledger' if not elsewhere else 'a ledger'}"
    return (("looked", looked),), elsewhere


def _facts(home: str) -> Facts:
    return (
        ("table", f"{NAME} in {home}, the home region of this account"),
        ("has", "who holds the places under the caps, what is Handrail's, and the record of every change"),
        ("safe", "encrypted, protected against deletion, point-in-time recovery of 35 days"),
        ("costs", COST),
    )


def _result(session: Session, home: str, state: TableState | None, status: Status, said: str) -> Result:
    current = {"table": NAME, "region": home, **(vars(state) if state else {"status": None})}
    following = (("next", "handrail ec2 create"),) if status is not Status.PLANNED else ()
    return Result(NAME, NAME, status, said=said, current=current, region=home, notes=following)


def _record(session: Session, home: str) -> None:
    """Put the set-up on record as its first entry; it can't be there before the table is."""
    from handrail.ledger.record import Intent, Verdict

    request = session.new_request()
    intent = Intent(request, "init", NAME, home, session.choice.target)
    try:
        session.ledger.record.intend_and_settle(intent, Verdict(request, "succeeded", resource=NAME))
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
        "dynamodb:DescribeTable",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:CreateTable",
        "dynamodb:TagResource",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTimeToLive",
    ),
    kind="ledger",
    on_record=False,
)
