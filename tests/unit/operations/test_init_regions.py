"""Where `init` looks for a second ledger: a region that is closed is named and passed over, a ledger found refuses."""

from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from handrail.core.errors import AwsFailure, Conflict
from handrail.core.fields import Parameters
from handrail.core.plan import Plan
from handrail.operations.setup import init
from stage import Stage

HOME = "us-east-1"
ABSENT, CLOSED, BROKEN = "ResourceNotFoundException", "AccessDeniedException", "InternalServerError"
THERE = ""


def plan_of(**regions: str) -> Plan:
    """Return what `init` plans, where DescribeTable answers so in each enabled region."""
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    answers = {HOME: ABSENT, **{name.replace("_", "-"): code for name, code in regions.items()}}

    def client(_service: str, region: str) -> Any:
        made = session.create_client("dynamodb", region_name=region)
        stubber = Stubber(made)
        if answers[region] == THERE:
            stubber.add_response("describe_table", {"Table": {"TableStatus": "ACTIVE"}})
        else:
            stubber.add_client_error("describe_table", answers[region], "no", 400)
        stubber.activate()
        return made

    return init(Stage(SimpleNamespace(regions=lambda: list(answers)), client=client, target="aws"), Parameters({}))


def test_all_regions_were_looked_at() -> None:
    plan = plan_of(eu_west_1=ABSENT, eu_west_2=ABSENT)
    assert dict(plan.facts)["looked"] == "2 other enabled regions: no second ledger"
    assert plan.planned[0].warnings == ()


def test_a_closed_region_is_named_and_passed_over() -> None:
    plan = plan_of(eu_north_1=CLOSED, eu_west_1=ABSENT, sa_east_1=CLOSED)
    assert dict(plan.facts)["looked"] == "1 other enabled region: no second ledger"
    (warning,) = plan.planned[0].warnings
    assert "eu-north-1, sa-east-1" in warning


def test_a_ledger_elsewhere_refuses_although_another_region_is_closed() -> None:
    with pytest.raises(Conflict, match="this account has a ledger in eu-west-1,"):
        plan_of(eu_north_1=CLOSED, eu_west_1=THERE)


def test_any_other_failure_is_told() -> None:
    with pytest.raises(AwsFailure):
        plan_of(eu_west_1=BROKEN)
