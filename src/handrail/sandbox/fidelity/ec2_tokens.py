"""EC2: a launch with a ClientToken happens once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from handrail.sandbox.fidelity.registry import Patch, wrap

ENDED = ("shutting-down", "terminated")


@dataclass(frozen=True)
class Launch:
    """What a token stands for: the parameters it came with and the reservation it made."""

    parameters: str
    reservation: Any


def read_parameters(response: Any) -> str:
    """Return a launch's parameters as they were sent, but for the token."""
    sent = {name: values for name, values in response.querystring.items() if name != "ClientToken"}
    return json.dumps(sent, sort_keys=True)


def check_repeat(launch: Launch, parameters: str) -> None:
    """Raise AWS's refusal unless a repeated token may get its reservation again."""
    from moto.ec2.exceptions import EC2ClientError

    if launch.parameters != parameters:
        message = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
        raise EC2ClientError("IdempotentParameterMismatch", message)
    if all(instance.state in ENDED for instance in launch.reservation.instances):
        message = "The client token in the request was used to launch an instance that is now terminated."
        raise EC2ClientError("IdempotentInstanceTerminated", message)


def patch_client_token() -> None:
    """The same token and parameters give the same instances; other parameters are refused."""
    from moto.core.responses import ActionResult
    from moto.ec2.responses.instances import InstanceResponse

    def make(original: Any) -> Any:
        def run_instances(self: Any) -> Any:
            token = self._get_param("ClientToken")
            if not token or self._get_param("DryRun", False):
                return original(self)
            launches: dict[str, Launch] = self.ec2_backend.__dict__.setdefault("handrail_launches", {})
            parameters = read_parameters(self)
            if token in launches:
                check_repeat(launches[token], parameters)
                return ActionResult(launches[token].reservation)
            result = original(self)
            launches[token] = Launch(parameters, result.result)
            return result

        return run_instances

    wrap(InstanceResponse, "run_instances", make)


PATCHES = (Patch("ec2-client-token", patch_client_token),)
