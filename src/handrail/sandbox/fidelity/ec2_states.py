"""EC2: instances change state gradually and only as AWS allows, and Describe hears of it late.

An instance keeps the times of its changes; its state is what those times say now, so nothing needs a clock of its own
and a replayed log gives the same states.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from handrail.sandbox import moment
from handrail.sandbox.fidelity.registry import Patch, require_name, wrap

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
LAGGING_CALLS = frozenset({"DescribeInstances", "DescribeInstanceStatus"})


@dataclass(frozen=True)
class Change:
    """An instance is in a state from a time on; Describe shows it from a later time on."""

    at: float
    seen: float
    state: str


class Timeline:
    """The changes of one instance, those to come included."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def schedule(self, instance_id: str, *steps: tuple[float, str]) -> None:
        """Forget what was to come; go through these states, each after so many seconds from now."""
        now = moment.now()
        lag = pick_lag(instance_id)
        self._changes = [change for change in self._changes if change.at <= now]
        self._changes += [Change(now + delay, now + delay + lag, state) for delay, state in steps]

    def state(self) -> str | None:
        """Return the state now, as the call being served may see it; None where it may not see the instance."""
        now = moment.now()
        lagging = moment.current.action in LAGGING_CALLS
        reached = [change for change in self._changes if (change.seen if lagging else change.at) <= now]
        if not reached:
            return None
        last = reached[-1]
        gone = last.state == "terminated" and last.at + moment.current.timing.gone <= now
        return None if gone else last.state


def pick_lag(instance_id: str) -> float:
    """Return by how much Describe lags behind a change: the same again when the log is replayed."""
    timing = moment.current.timing
    if timing.lag_fixed:
        return timing.lag
    return random.Random(f"{moment.current.number}:{instance_id}").uniform(0, timing.lag)  # noqa: S311


def refuse_state(instance_id: str, verb: str) -> Exception:
    """Return the refusal of a call that the instance's state does not allow."""
    from moto.ec2.exceptions import EC2ClientError

    message = f"The instance '{instance_id}' is not in a state from which it can be {verb}."
    refusal: Exception = EC2ClientError("IncorrectInstanceState", message)
    return refusal


def get_state(instance: Any) -> Any:
    """Return moto's state object for the state now."""
    from moto.ec2.models.instances import InstanceState

    name = instance.handrail_timeline.state() or "terminated"
    return InstanceState(name, CODES[name])


def set_state(instance: Any, state: Any) -> None:
    """Take moto's word for the first state, which is a launch, and for what its other services decide."""
    if not hasattr(instance, "handrail_timeline"):
        instance.handrail_timeline = Timeline()
        steps = [(0.0, "pending"), (moment.current.timing.pending, "running")]
    else:
        steps = [(0.0, state.name)]
    instance.handrail_timeline.schedule(instance.id, *steps)


def start(instance: Any) -> None:
    """Start a stopped instance: a new launch time, a new public address."""
    from moto.core.utils import utcnow
    from moto.ec2.models.instances import StateReason

    for nic in instance.nics.values():
        nic.start()
    instance.launch_time = utcnow()
    instance._reason = ""
    instance.state_reason = StateReason()
    instance.handrail_timeline.schedule(instance.id, (0, "pending"), (moment.current.timing.pending, "running"))


@dataclass(frozen=True)
class Verb:
    """A call on instances: from which states it acts, in which it has nothing to do, and how it acts."""

    participle: str
    acts_in: frozenset[str]
    idle_in: frozenset[str]
    act: Callable[[Any], None]
    protected: Callable[[Any], bool] = lambda _: False
    protection: str = ""

    def perform(self, backend: Any, instance_ids: list[str]) -> list[dict[str, Any]]:
        """Do it to all the instances or to none; returns the states before and after."""
        from moto.ec2.exceptions import EC2ClientError

        instances = backend.get_multi_instances_by_id(list(dict.fromkeys(instance_ids)))
        for instance in instances:
            if self.protected(instance):
                message = (
                    f"The instance '{instance.id}' may not be {self.participle}. "
                    f"Modify its '{self.protection}' instance attribute and try again."
                )
                raise EC2ClientError("OperationNotPermitted", message)
            if instance.state not in self.acts_in | self.idle_in:
                raise refuse_state(instance.id, self.participle)
        changes = []
        for instance in instances:
            before = instance.instance_state
            if before.name in self.acts_in:
                self.act(instance)
            changes.append(
                {"InstanceId": instance.id, "PreviousState": before, "CurrentState": instance.instance_state}
            )
        return changes


def make_verbs(stop_in_moto: Callable[[Any], Any], terminate_in_moto: Callable[[Any], Any]) -> dict[str, Verb]:
    """Return the four calls; moto's own functions do what has nothing to do with states."""

    def stop(instance: Any) -> None:
        stop_in_moto(instance)
        timing = moment.current.timing
        instance.handrail_timeline.schedule(instance.id, (0, "stopping"), (timing.stopping, "stopped"))

    def terminate(instance: Any) -> None:
        terminate_in_moto(instance)
        timing = moment.current.timing
        instance.handrail_timeline.schedule(instance.id, (0, "shutting-down"), (timing.stopping, "terminated"))

    every = frozenset(CODES)
    ended = frozenset({"shutting-down", "terminated"})
    return {
        "start": Verb("started", frozenset({"stopped"}), frozenset({"pending", "running"}), start),
        "stop": Verb(
            "stopped",
            frozenset({"running"}),
            frozenset({"stopping", "stopped"}),
            stop,
            lambda instance: is_true(instance.disable_api_stop),
            "disableApiStop",
        ),
        "terminate": Verb(
            "terminated",
            every - ended,
            ended,
            terminate,
            lambda instance: is_true(instance.disable_api_termination),
            "disableApiTermination",
        ),
        "reboot": Verb("rebooted", frozenset({"running"}), frozenset(), lambda instance: None),
    }


def is_true(value: object) -> bool:
    """Read a flag that moto keeps as a boolean or as the text it was sent as."""
    return str(value).lower() == "true"


def tell_other_services(response: Any, instance_ids: list[str]) -> None:
    """Tell moto's autoscaling and load balancing of ended instances, where anybody uses them."""
    for service in ("autoscaling", "elbv2"):
        module = sys.modules.get(f"moto.{service}")
        if module is not None:
            backends = getattr(module, f"{service}_backends")
            backends[response.current_account][response.region].notify_terminate_instances(instance_ids)


def patch_states() -> None:
    """Changes of state take their time, and impossible ones are refused."""
    from moto.core.responses import ActionResult, EmptyResult
    from moto.ec2.models.instances import Instance
    from moto.ec2.responses._base_response import EC2BaseResponse
    from moto.ec2.responses.instances import InstanceResponse

    require_name(Instance.__init__, "_state")
    verbs = make_verbs(Instance.stop, Instance.terminate)
    setattr(Instance, "_state", property(get_state, set_state))  # noqa: B010 - moto declares it as a plain attribute
    transformers = EC2BaseResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER
    if transformers.pop("RunInstances.Reservation.Instances.Instance.State", None) is None:
        raise RuntimeError("moto no longer pretends that every launch is pending: the sandbox's patch must be revised")
    transformers["Instances.Instance.StateReason"] = lambda reason: reason if reason.code else None

    def make(verb: str, key: str | None) -> Callable[[Any], Any]:
        def respond(self: Any) -> Any:
            self.error_on_dryrun()
            instance_ids = self._get_param("InstanceIds", [])
            changes = verbs[verb].perform(self.ec2_backend, instance_ids)
            if verb == "terminate":
                tell_other_services(self, instance_ids)
            return ActionResult({key: changes}) if key else EmptyResult()

        return lambda original: respond

    wrap(InstanceResponse, "start_instances", make("start", "StartingInstances"))
    wrap(InstanceResponse, "stop_instances", make("stop", "StoppingInstances"))
    wrap(InstanceResponse, "terminate_instances", make("terminate", "TerminatingInstances"))
    wrap(InstanceResponse, "reboot_instances", make("reboot", None))


def patch_visibility() -> None:
    """Describe shows what was, for a while; long ended instances are gone."""
    from moto.ec2.models.instances import Instance, InstanceBackend

    def make(original: Any) -> Any:
        def all_reservations(self: Any, filters: Any = None) -> list[Any]:
            reservations = original(self)
            for reservation in reservations:
                reservation.instances = [i for i in reservation.instances if i.handrail_timeline.state() is not None]
            visible = [reservation for reservation in reservations if reservation.instances]
            return filter_reservations(visible, filters) if filters is not None else visible

        return all_reservations

    from moto.ec2.utils import filter_reservations

    if isinstance(getattr(Instance, "_state", None), property):  # without gradual states there is nothing to lag
        wrap(InstanceBackend, "all_reservations", make)


PATCHES = (Patch("ec2-states", patch_states), Patch("ec2-visibility", patch_visibility))
