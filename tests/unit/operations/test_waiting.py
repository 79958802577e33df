"""Waiting for instances: what counts as not yet, what ends it, and what is said then. No AWS, no time."""

from dataclasses import replace
from typing import Any, cast

import pytest

from handrail.aws.ec2_failures import NOT_YET
from handrail.core.ec2_rules import MOVES
from handrail.core.errors import AwsFailure, HandrailError, Interrupted, Throttled, WrongState
from handrail.core.resources import Instance
from handrail.operations.ec2.waiting import Seen, once_known, wait_for
from stage import WEB, PlayedEc2, Stage


def instance(id: str, state: str, reason: str = "") -> Instance:
    """Return an instance; its name is its id."""
    return replace(WEB, id=id, name=id, state=state, state_reason=reason)


class Waiting(Stage):
    """A stage whose looks show instances by their ids in these states, the last one for ever."""

    def __init__(
        self, *looks: dict[str, str] | BaseException, visibility: float = 0.0, reason: str = "", region: str = ""
    ) -> None:
        shown = [
            look if isinstance(look, BaseException) else [instance(id, state, reason) for id, state in look.items()]
            for look in looks
        ]
        super().__init__(PlayedEc2(*shown), visibility=visibility, region=region)

    def wait(self, verb: str, states: dict[str, str], timeout: float = 60, **rest: Any) -> Seen:
        """Wait on this stage."""
        before = {id: instance(id, state) for id, state in states.items()}
        return wait_for(self, before, MOVES[verb], timeout, **rest)


def error_of(seen: Seen, id: str = "a") -> HandrailError:
    """Return the error of one instance."""
    found = seen[id]
    assert isinstance(found, HandrailError)
    return found


def test_it_looks_after_a_second_and_then_less_often() -> None:
    stage = Waiting(*[{"a": "pending"}] * 9, {"a": "running"})
    assert cast(Instance, stage.wait("create", {"a": "pending"})["a"]).state == "running"
    assert stage.said[0] == "a: pending 0 s"
    assert 20 < stage.clock.slept < 40


def test_several_are_told_together() -> None:
    stage = Waiting({"a": "running", "b": "pending"}, {"b": "running"})
    assert set(stage.wait("create", {"a": "pending", "b": "pending"})) == {"a", "b"}
    assert stage.said[0] == "2 instances: 2 pending · 0 s"


def test_absent_is_not_yet_for_as_long_as_aws_may_not_show_it() -> None:
    late = Waiting({}, {}, {"a": "running"}, visibility=30)
    assert cast(Instance, late.wait("create", {"a": "pending"})["a"]).state == "running"
    never = error_of(Waiting({}, visibility=3).wait("create", {"a": "pending"}))
    assert isinstance(never, WrongState)
    assert "not there any more" in never.message


def test_a_terminated_one_may_be_gone() -> None:
    gone = cast(Instance, Waiting({}).wait("delete", {"a": "running"}, acted=False)["a"])
    assert (gone.state, gone.public_ip) == ("terminated", None)


def test_an_old_view_of_another_state_is_not_yet() -> None:
    stage = Waiting({"a": "stopped"}, {"a": "pending"}, {"a": "running"}, visibility=30)
    assert cast(Instance, stage.wait("create", {"a": "pending"})["a"]).state == "running"


@pytest.mark.parametrize(("verb", "kind"), [("create", AwsFailure), ("start", WrongState)])
def test_an_instance_that_dies_tells_why(verb: str, kind: type[HandrailError]) -> None:
    reason = "Server.SpotInstanceTermination: Instance terminated"
    error = error_of(Waiting({"a": "terminated"}, visibility=180, reason=reason).wait(verb, {"a": "pending"}))
    assert isinstance(error, kind)
    assert error.message == f"a is terminated and will not be running. AWS says: {reason}."
    assert error.hint == "handrail ec2 show a"


@pytest.mark.parametrize(
    "reason",
    [
        "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state",
        "Client.InternalError: Client error on launch.",
    ],
)
def test_a_disk_that_can_not_be_decrypted_names_its_key(reason: str) -> None:
    error = error_of(Waiting({"a": "terminated"}, reason=reason).wait("create", {"a": "pending"}))
    assert isinstance(error, AwsFailure)
    assert error.message == (
        f"a is terminated and will not be running. AWS says: {reason.removesuffix('.')}. "
        "That is how AWS ends an instance whose disk's KMS key, the region's default for EBS, can't be used."
    )
    assert (error.hint, error.slug) == ("aws ec2 get-ebs-default-kms-key-id --region us-east-1", "unusable_key")
    assert error.details["reason"] == reason
    stopped = error_of(Waiting({"a": "stopped"}, reason=reason).wait("create", {"a": "pending"}))
    assert stopped.hint == "handrail ec2 show a"


def test_lines_to_type_next_name_the_region_that_this_one_named() -> None:
    far = Waiting({"a": "stopping"}, region="eu-west-1")
    assert error_of(far.wait("stop", {"a": "running"}, timeout=1)).hint == "handrail ec2 wait a --region eu-west-1"


class Call:
    """A call that is refused so many times."""

    def __init__(self, times: int, error: HandrailError) -> None:
        self.left, self.made, self._error = times, 0, error

    def __call__(self) -> str:
        """Make it."""
        self.made += 1
        if self.made <= self.left:
            raise self._error
        return "done"


UNKNOWN = AwsFailure("AWS does not know it.", code=NOT_YET)


def test_what_one_part_of_aws_does_not_know_yet_is_asked_again() -> None:
    stage, call = Waiting({}, visibility=180), Call(3, UNKNOWN)
    assert once_known(stage, instance("a", "running"), call) == "done"
    assert call.made == 4
    assert stage.said[0] == "a: AWS does not know it here yet 0 s"


@pytest.mark.parametrize(
    ("visibility", "error", "at_least"),
    [(120.0, UNKNOWN, 9), (30.0, UNKNOWN, 1), (180.0, Throttled("slow down."), 1)],
    ids=["no longer than it may be so", "not of an old one", "nothing else"],
)
def test_but_not_for_ever(visibility: float, error: HandrailError, at_least: int) -> None:
    stage, call = Waiting({}, visibility=visibility), Call(999, error)
    with pytest.raises(HandrailError) as caught:
        once_known(stage, instance("a", "running"), call)
    assert caught.value is error
    assert call.made >= at_least
    assert (call.made == 1) == (at_least == 1)
    assert stage.clock.slept <= visibility + 5


def test_an_instance_whose_age_is_unknown_is_not_taken_for_a_fresh_one() -> None:
    call = Call(1, UNKNOWN)
    with pytest.raises(AwsFailure):
        once_known(Waiting({}, visibility=180), replace(instance("a", "running"), created_at=None), call)


def test_the_time_runs_out() -> None:
    error = error_of(Waiting({"a": "stopping"}).wait("stop", {"a": "running"}, timeout=7))
    assert (error.message, error.hint, error.slug) == (
        "a is stopping and not yet stopped after 7 s.",
        "handrail ec2 wait a",
        "timeout",
    )


def test_a_look_that_fails_loses_no_instance() -> None:
    stage = Waiting({"a": "pending", "b": "running"}, Throttled("slow down.", hint="wait"))
    seen = stage.wait("create", {"a": "pending", "b": "pending"})
    error = error_of(seen)
    assert isinstance(error, Throttled)
    assert error.message == "a goes on towards running, but can't be watched: slow down."
    assert (error.hint, error.details["id"]) == ("handrail ec2 wait a", "a")
    assert isinstance(seen["b"], Instance)


@pytest.mark.parametrize(
    ("names", "said", "hint"),
    [
        ("a", "stopped waiting; a goes on towards running.", "handrail ec2 show a"),
        ("ab", "stopped waiting; a, b go on towards running.", "handrail ec2 list"),
    ],
)
def test_ctrl_c_ends_the_wait_and_not_the_instance(names: str, said: str, hint: str) -> None:
    with pytest.raises(Interrupted) as caught:
        Waiting(KeyboardInterrupt()).wait("create", dict.fromkeys(names, "pending"))
    assert (caught.value.message, caught.value.hint) == (said, hint)


def test_an_instance_without_a_name_is_called_by_its_id() -> None:
    stage = Waiting({"i-1": "pending"})
    before = {"i-1": replace(instance("i-1", "pending"), name="")}
    error = error_of(wait_for(stage, before, MOVES["create"], 1), "i-1")
    assert error.message.startswith("i-1 is pending")
