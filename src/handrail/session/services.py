"""AWS as one request uses it: one connection, made when first asked for, and the services on it."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from handrail.core.errors import HandrailError

if TYPE_CHECKING:
    from handrail.aws.connect import Aws, Call
    from handrail.aws.ec2 import Ec2
    from handrail.aws.launching import Running
    from handrail.aws.s3 import S3

VISIBILITY_AWS = 180.0  # seconds until every Describe surely shows a change (lease protocol, A4)


class Services:
    """The services of one target. connect: returns the connection; region: the one of the command."""

    def __init__(self, connect: "Callable[[], Aws]", region: Callable[[], str]) -> None:
        self._connect, self._region = connect, region
        # Regions that did not answer a look on the side, and why, by service.
        self.silent = defaultdict[str, dict[str, HandrailError]](dict)

    @cached_property
    def connection(self) -> "Aws":
        """Return the connection to the chosen target; starts the sandbox where that is it."""
        return self._connect()

    @property
    def open(self) -> "Aws | None":
        """Return the connection if one was made; makes none."""
        return self.__dict__.get("connection")

    @property
    def sandbox(self) -> "Running | None":
        """Return the running sandbox, None on AWS."""
        return self.connection.sandbox

    def client(self, service: str, region: str) -> Any:
        """Return the botocore client of a service in a region."""
        return self.connection.client(service, region)

    def briefly(self) -> AbstractContextManager[None]:
        """Let the clients that are asked for inside wait less long, and ask less often."""
        return self.connection.briefly()

    # ---- services

    @property
    def ec2(self) -> "Ec2":
        """Return EC2 of this command's region."""
        return self.ec2_of(self._region())

    def ec2_of(self, region: str) -> "Ec2":
        """Return EC2 of a region."""
        from handrail.aws.ec2 import Ec2

        return Ec2(self.client("ec2", region), lambda: self.client("ssm", region), region)

    def ec2_to_look_at(self, region: str) -> "Ec2":
        """Return EC2 of a region for looks on the side: one that does not answer must not keep another waiting."""
        with self.briefly():
            return self.ec2_of(region)

    def ec2_of_lease(self, region: str) -> "Ec2":
        """Return EC2 of a region as the lease asks it: this command's own with patience, any other on the side."""
        return self.ec2 if region == self._region() else self.ec2_to_look_at(region)

    @cached_property
    def s3(self) -> "S3":
        """Return the buckets of this command's account; new ones are made in its region."""
        from handrail.aws.s3 import S3

        return S3(self.connection, self._region())

    # ---- what was sent

    @property
    def visibility(self) -> float:
        """Return the seconds after which every look shows a change (the sandbox tells its own)."""
        sandbox = self.sandbox
        return float(sandbox.limits.visibility) if sandbox else VISIBILITY_AWS

    def allow_changes_until(self, moment: float | None) -> None:
        """Let nothing change anything that is signed after a moment (epoch seconds); None takes the limit away."""
        self.connection.deadline.until = moment

    @property
    def changes_sent(self) -> int:
        """Return how many requests that change something have left so far, the ledger's own aside."""
        return self.open.deadline.sent if self.open else 0

    @property
    def calls(self) -> "list[Call]":
        """Return the calls made so far; connects to nothing."""
        return self.open.calls if self.open else []

    @property
    def retries_used(self) -> str:
        """Return how much of the command's budget of retries is spent, in words; empty where none is."""
        retries = self.open.retries if self.open else None
        return f"{retries.spent} of {retries.limit} retries used" if retries and retries.spent else ""
