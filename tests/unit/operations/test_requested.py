"""What a repeated `ec2 create` meets: its record and its instance, in every state they can be in."""

from dataclasses import replace

import pytest

from handrail.core.errors import Conflict
from handrail.core.ownership import GIVEN_TAG
from handrail.core.resources import Instance
from handrail.ledger.record import Intent, Record, Verdict
from handrail.operations.ec2.requested import One, known_request
from memory_table import caller
from stage import WEB, PlayedEc2, Stage

MADE = replace(WEB, tags={GIVEN_TAG: "digest"})
INTENT = Intent("r1", "ec2 create", "web", "us-east-1", "sandbox", resolved={"tags": {"Name": "web"}}, digest="digest")


def meets(*looks: Instance | None, result: str = "", intent: Intent | None = INTENT, by: str = "dev-1") -> Stage:
    """Return a stage that shows these, the last one for ever, with r1 on record; without a result it is open."""
    stage = Stage(PlayedEc2(*([one] if one else [] for one in looks)), visibility=5.0)
    if intent is not None:
        Record(stage.table, caller(by), stage.clock.sleep).intend([intent])  # type: ignore[arg-type]
    if result:
        stage.record.settle(Verdict("r1", result, instance="i-1"))
    return stage


def known(stage: Stage) -> One:
    """Return what is known of r1."""
    return known_request(stage, One("web", "r1"), "digest", "r1")


def test_a_new_request() -> None:
    assert known(meets(None, intent=None)) == One("web", "r1")


def test_one_that_was_made() -> None:
    assert known(meets(MADE, result="succeeded")).found == MADE


def test_one_that_is_not_shown_yet_is_waited_for() -> None:
    stage = meets(None, None, MADE, result="succeeded")
    assert known(stage).found == MADE
    assert stage.said == ["i-1: waiting until AWS shows it"] * 2


@pytest.mark.parametrize("look", [None, replace(MADE, state="terminated")])
def test_one_that_is_gone(look: Instance | None) -> None:
    stage = meets(look, result="succeeded")
    stage.table.time += 60
    with pytest.raises(Conflict, match="made i-1, which is gone"):
        known(stage)


@pytest.mark.parametrize("look", [None, replace(MADE, state="terminated")])
def test_one_that_was_in_vain_is_tried_anew(look: Instance | None) -> None:
    assert known(meets(look, result="failed")) == One("web", "r1.2")


def test_one_that_lives_though_it_is_on_record_as_failed() -> None:
    assert known(meets(MADE, result="failed")).found == MADE


def test_one_without_an_outcome_is_carried_on() -> None:
    stage = meets(None)
    assert known(stage) == One("web", "r1", known=stage.record.find("r1"))


@pytest.mark.parametrize(
    ("by", "intent", "message"),
    [
        ("ben", INTENT, "is ben's"),
        ("dev-1", replace(INTENT, digest="other"), "was used with other parameters, for ec2 create web"),
        ("dev-1", replace(INTENT, operation="s3 create"), "was used with other parameters, for s3 create web"),
    ],
)
def test_one_that_is_another(by: str, intent: Intent, message: str) -> None:
    with pytest.raises(Conflict, match=message):
        known(meets(None, intent=intent, by=by))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (replace(MADE, owner="ben"), "was used by somebody else"),
        (replace(MADE, managed=False), "was used by somebody else"),
        (replace(MADE, tags={}), r"was used with other parameters, for web \(i-1\)"),
    ],
)
def test_an_instance_of_the_token_that_the_record_does_not_know(made: Instance, message: str) -> None:
    with pytest.raises(Conflict, match=message):
        known(meets(made, intent=None))
