"""A second ledger in the sandbox, which nobody may make: its caps and its record would be another account's."""

from collections.abc import Callable

from handrail.aws.embedded import Embedded
from handrail.aws.ledger_table import LedgerTable
from handrail.core.errors import NotSetUp
from handrail.core.policy.rules import Home


def ledgers_elsewhere(sandbox: Embedded, table_in: Callable[[str], LedgerTable], home: str) -> tuple[str, ...]:
    """Return the regions but the home region in which the sandbox has a ledger; its log says where to look."""
    made = sandbox.regions_written("dynamodb", "CreateTable")
    return tuple(region for region in made if region != home and table_in(region).exists())


def second_ledger(region: str, home: Home) -> NotSetUp:
    """Return the refusal of a ledger in the home region, where there is one in another region."""
    return NotSetUp(
        f"this sandbox has its ledger in {region}, and the home region is {home.region} by {home.origin}.",
        hint=f'export HANDRAIL_HOME_REGION={region}, or set home_region = "{region}" in the policy',
        details={"regions": [region], "home_region": home.region},
        code="ledger_elsewhere",
    )
