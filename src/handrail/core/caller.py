"""Who is asking, and where: the caller's identity as STS tells it, and the target, account and region of a command."""

import re
from dataclasses import dataclass

from handrail.core.errors import NOT_AWS, BadCredentials, Unreachable


@dataclass(frozen=True)
class Caller:
    """The principal behind the credentials. owner: the name that owns what it makes; id: STS's UserId."""

    account: str
    arn: str
    id: str
    owner: str


@dataclass(frozen=True)
class Where:
    """Target (sandbox or aws), account number, region, and why that region was taken."""

    target: str
    account: str
    region: str
    region_source: str = ""


def caller_of(account: str, arn: str, user_id: str) -> Caller:
    """Return the caller that STS GetCallerIdentity describes.

    The owner is the IAM user name, or the role session name of an assumed role; a machine role, whose session name is
    an instance id or a long number, gives the role name; the root user gives `root`. Raises BadCredentials on an ARN
    of another shape, and Unreachable on an account that is none: AWS did not say that. Source: IAM user guide, "IAM
    identifiers" (unique identifiers and ARNs).
    """
    if not re.fullmatch("[0-9]{12}", account):
        raise Unreachable(
            "the answer to GetCallerIdentity can't be understood: the account in it is no number of twelve digits.",
            hint="look for a proxy (HTTPS_PROXY), or check what answers at AWS_ENDPOINT_URL",
            code=NOT_AWS,
        )
    kind, _, path = arn.rpartition(":")[2].partition("/")
    parts = [part for part in path.split("/") if part]
    if kind == "root":
        owner = "root"
    elif kind == "user" and parts:
        owner = parts[-1]
    elif kind == "assumed-role" and len(parts) >= 2:
        role, session = parts[0], parts[-1]
        owner = role if _names_a_machine(session) else session
    elif kind == "federated-user" and parts:
        owner = parts[-1]
    else:
        raise BadCredentials(f"these credentials belong to no user or role: {arn}", hint="sign in as a user or a role")
    return Caller(account=account, arn=arn, id=user_id, owner=owner)


_MACHINE = re.compile(r"i-[0-9a-f]{8,17}|botocore-session-.*|[0-9]+")


def _names_a_machine(session: str) -> bool:
    return _MACHINE.fullmatch(session) is not None
