"""Bucket policies: whether one is well-formed, public, and what it says of a call. Pure; knows nothing of moto.

Source: Amazon S3 User Guide, "Bucket policies" and "The meaning of public". A statement with conditions neither allows
nor denies here, except that it is not public where AWS says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

Verdict = Literal["allow", "deny", "neutral"]
POLICY_KEYS = frozenset({"Version", "Id", "Statement"})
STATEMENT_KEYS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
PRINCIPAL_KINDS = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})
VERSIONS = frozenset({"2012-10-17", "2008-10-17"})
# A fixed value of one of these narrows a statement so that it is not public.
NARROWING = frozenset(
    {
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalaccount",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "aws:principalarn",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)


def as_list(value: Any) -> list[Any]:
    """Return a value that may stand alone as a list."""
    return value if isinstance(value, list) else [value]


def parse(text: bytes, bucket: str) -> dict[str, Any]:
    """Return a policy; raise ValueError with what AWS would say of a malformed one."""
    try:
        policy = json.loads(text)
    except ValueError as error:
        raise ValueError("This policy contains invalid Json") from error
    if not isinstance(policy, dict):
        raise ValueError("Policies must be valid JSON and the first byte must be '{'")
    require_known(policy, POLICY_KEYS)
    if "Statement" not in policy:
        raise ValueError("Missing required field Statement")
    if policy.get("Version", "2008-10-17") not in VERSIONS:
        raise ValueError("The policy must contain a valid version string")
    statements = as_list(policy["Statement"])
    if not statements:
        raise ValueError("Could not parse the policy: Statement is empty!")
    for statement in statements:
        check_statement(statement, bucket)
    return policy


def require_known(value: dict[str, Any], known: frozenset[str]) -> None:
    """Raise ValueError for a key that the policy language does not have."""
    unknown = sorted(set(value) - known)
    if unknown:
        raise ValueError(f"Unknown field {unknown[0]}")


def check_statement(statement: Any, bucket: str) -> None:
    """Raise ValueError for a malformed statement."""
    if not isinstance(statement, dict):
        raise ValueError("Statement must be an object")
    require_known(statement, STATEMENT_KEYS)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise ValueError(f"Invalid effect: {statement.get('Effect')}")
    for name in ("Principal", "Action", "Resource"):
        if (name in statement) == (f"Not{name}" in statement):
            raise ValueError(f"Missing required field {name}")
    check_principal(statement.get("Principal", statement.get("NotPrincipal")))
    for action in as_list(statement.get("Action", statement.get("NotAction"))):
        if not isinstance(action, str) or not (action == "*" or action.lower().startswith("s3:")):
            raise ValueError("Policy has invalid action")
    for resource in as_list(statement.get("Resource", statement.get("NotResource"))):
        if not isinstance(resource, str) or not is_of_bucket(resource, bucket):
            raise ValueError("Policy has invalid resource")


def check_principal(principal: Any) -> None:
    """Raise ValueError for a principal that names nobody."""
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or set(principal) - PRINCIPAL_KINDS:
        raise ValueError("Invalid principal in policy")


def is_of_bucket(resource: str, bucket: str) -> bool:
    """Tell whether a resource names the bucket or objects in it."""
    name = re.sub(r"^arn:aws[a-z-]*:s3:::", "", resource)
    return name != resource and matches(name.partition("/")[0], bucket)


def matches(pattern: str, text: str, ignore_case: bool = False) -> bool:
    """Match a pattern of the policy language, where `*` and `?` are wild."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def statements_of(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statements."""
    yield from as_list(policy["Statement"])


def names_everybody(principal: Any) -> bool:
    """Tell whether a principal is anybody at all."""
    return principal == "*" or (isinstance(principal, dict) and "*" in as_list(principal.get("AWS", [])))


def is_narrowed(statement: dict[str, Any]) -> bool:
    """Tell whether a condition limits a statement to fixed, known callers."""
    for conditions in statement.get("Condition", {}).values():
        for key, values in conditions.items():
            fixed = not any(mark in str(value) for value in as_list(values) for mark in ("*", "?", "0.0.0.0/", "::/0"))
            if key.lower() in NARROWING and fixed:
                return True
    return False


def is_public(policy: dict[str, Any]) -> bool:
    """Tell whether a policy gives anything to everybody."""
    return any(
        statement["Effect"] == "Allow"
        and (names_everybody(statement.get("Principal")) or "NotPrincipal" in statement)
        and not is_narrowed(statement)
        for statement in statements_of(policy)
    )


def concerns(statement: dict[str, Any], action: str, resource: str, caller: str | None) -> bool:
    """Tell whether a statement speaks of this call; the caller is an ARN, None for anybody."""
    if "Condition" in statement:
        return False
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    is_named = names_everybody(principal) or (caller is not None and names_caller(principal, caller))
    acts = any(matches(p, action, True) for p in as_list(statement.get("Action", statement.get("NotAction"))))
    meets = any(matches(p, resource) for p in as_list(statement.get("Resource", statement.get("NotResource"))))
    speaks = {"Principal": is_named, "Action": acts, "Resource": meets}
    return all(holds == (name in statement) for name, holds in speaks.items())


def names_caller(principal: Any, caller: str) -> bool:
    """Tell whether a principal is this caller or its account."""
    account = caller.split(":")[4]
    own = {caller, account, f"arn:aws:iam::{account}:root"}
    return isinstance(principal, dict) and not own.isdisjoint(map(str, as_list(principal.get("AWS", []))))


def judge(policy: dict[str, Any], action: str, resource: str, caller: str | None) -> Verdict:
    """Return what a policy says of a call; a denial wins."""
    effects = {s["Effect"] for s in statements_of(policy) if concerns(s, action, resource, caller)}
    if "Deny" in effects:
        return "deny"
    return "allow" if "Allow" in effects else "neutral"
