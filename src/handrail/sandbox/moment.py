"""The request being served: its time, its number, who asks. Moto's clock and randomness are bound to it.

One request runs at a time (the gate's lock), so this is plain module state.
"""

from __future__ import annotations

import datetime
import random
from dataclasses import dataclass
from typing import Any

from handrail.sandbox.fidelity.registry import wrap


@dataclass(frozen=True)
class Timing:
    """How gradual EC2 is, in seconds: pending, stopping, and the lag of Describe (its maximum, or always that)."""

    pending: float = 2.0
    stopping: float = 1.5
    lag: float = 0.3
    lag_fixed: bool = False
    gone: float = 3600.0


@dataclass(frozen=True)
class Moment:
    """One request: when, its number in the log (0 for a read), whose key, which call."""

    at: float
    number: int = 0
    owner: str = ""
    access_key_id: str = ""
    service: str = ""
    action: str = ""
    timing: Timing = Timing()


current = Moment(at=0.0)


def enter(moment: Moment, seed: str) -> None:
    """Make this the request that moto serves now: its clock stands still, its ids follow from the seed."""
    global current
    from moto.moto_api._internal import mock_random

    current = moment
    mock_random.seed(f"{seed}:{moment.number}" if moment.number else f"{seed}:read:{random.getrandbits(64)}")


def now() -> float:
    """Return the time of the request being served."""
    return current.at


class FrozenDatetime(datetime.datetime):
    """What moto takes for the class datetime: `now` is the time of the request."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        """Return the time of the request being served."""
        return datetime.datetime.fromtimestamp(current.at, tz)


class FrozenModule:
    """What moto takes for the module datetime."""

    datetime = FrozenDatetime

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime, name)


def bind_clock() -> None:
    """Let moto tell the time of the request being served; must run before moto's services are imported."""
    import moto.core.utils

    core: Any = moto.core.utils
    if core.datetime is not datetime or "datetime" not in core.utcnow.__code__.co_names:
        raise RuntimeError("moto.core.utils.utcnow no longer reads the time from the module datetime")
    core.datetime = FrozenModule()


def bind_backends(seed: str) -> None:
    """Let what a region starts with (default VPC, subnets) follow from its name, not from when it was first used."""
    from moto.core.base_backend import AccountSpecificBackend
    from moto.moto_api._internal import mock_random

    def make(original: Any) -> Any:
        def getitem(self: Any, region_name: str) -> Any:
            if region_name in self.keys():
                return original(self, region_name)
            state = mock_random.getstate()
            mock_random.seed(f"{seed}:{self.service_name}:{self.account_id}:{region_name}")
            try:
                return original(self, region_name)
            finally:
                mock_random.setstate(state)

        return getitem

    wrap(AccountSpecificBackend, "__getitem__", make)


def bind_sessions() -> None:
    """Let the token of a role's session follow from the request, so that it outlives a restart."""
    import moto.sts.models
    from moto.moto_api._internal import mock_random

    wrap(
        moto.sts.models, "random_session_token", lambda _: lambda: f"FwoGZXIvYXdzE{mock_random.get_random_string(200)}"
    )


def bind_s3() -> None:
    """Let S3's times and upload ids follow from the request too; moto takes them from elsewhere."""
    import moto.s3.models
    from moto.moto_api._internal import mock_random

    models: Any = moto.s3.models
    if models.datetime is not datetime:
        raise RuntimeError("moto.s3.models no longer reads the time from the module datetime")
    models.datetime = FrozenModule()

    def make(original: Any) -> Any:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            self.id = mock_random.get_random_string(64)

        return init

    wrap(models.FakeMultipart, "__init__", make)
