"""What AWS says when it refuses, and what Handrail makes of it: the mechanism, and the rows that all services share.

Code, message and hint stand in the rows, a service's own in its module (`Service.failures`); a few codes need a look at
the answer and have a function instead.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from handrail.aws.acting import SLOW, changes_something, is_definite
from handrail.aws.answers import date_of
from handrail.aws.service import Failure, Service, find_service
from handrail.aws.unanswered import (
    Side,
    is_botocore,
    is_no_answer,
    no_answer,
    no_credentials,
    not_understood,
    plain,
    unusable_credentials,
)
from handrail.core.errors import (
    Acted,
    AwsFailure,
    BadCredentials,
    Conflict,
    HandrailError,
    Internal,
    NotFound,
    NotSetUp,
    PermissionDenied,
    Throttled,
    Usage,
)
from handrail.core.shell import target

NOWHERE = Side()


@dataclass(frozen=True)
class Origin:
    """The connection, region and call that a failure came over: it travels along, so that no caller need say it.

    service: as botocore's events name it. actions: the IAM actions that the call needs.
    """

    side: Side
    region: str
    call: str = ""
    service: str = ""
    actions: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        """Return whether the call changes something."""
        return changes_something(self.service, self.call)


@dataclass(frozen=True)
class Refusal:
    """One refusal of AWS, taken apart. details: what programs get to know of it. words: what a row may say."""

    code: str
    text: str
    api: str
    status: int
    headers: Mapping[str, str]
    details: Mapping[str, Any]
    words: Mapping[str, str]
    side: Side
    service: Service
    actions: tuple[str, ...]


SLOW_DOWN = Failure(
    Throttled,
    "AWS asks to slow down, and the retries are used up: {text}",
    "wait a minute and repeat the command; others may be using the same account",
)
_BROKEN = Failure(
    AwsFailure, "AWS had a fault of its own: {text}", "repeat the command in a minute; see health.aws.amazon.com"
)
_SANDBOX_BROKEN = Failure(
    AwsFailure, "the sandbox had a fault of its own: {text}", "see server.log in the folder that sandbox status names"
)
_EXPIRED = Failure(BadCredentials, "the credentials have expired.", "{mend}", "expired")
_UNKNOWN_KEY = Failure(BadCredentials, "AWS does not know this access key.", "{mend}")
_WRONG_SECRET = Failure(BadCredentials, "AWS does not take this key: the secret does not fit it.", "{mend}")
_BROKEN_CODES = (
    "InternalError InternalFailure InternalServerError ServiceUnavailable ServiceUnavailableException Unavailable "
    "RequestTimeout"
)

# What every service may say.
COMMON = Service(
    "",
    failures={
        "ExpiredToken ExpiredTokenException TokenRefreshRequired UnauthorizedException": _EXPIRED,
        "UnauthorizedException @GetRoleCredentials": Failure(
            BadCredentials, "the sign-in has expired.", "{mend}", "expired"
        ),
        "InvalidToken": Failure(BadCredentials, "AWS does not take this session token.", "{mend}"),
        "InvalidClientTokenId InvalidAccessKeyId UnrecognizedClientException": _UNKNOWN_KEY,
        "IncompleteSignature MissingAuthenticationToken": _UNKNOWN_KEY,
        "InvalidIdentityToken IDPRejectedClaim": Failure(
            BadCredentials, "AWS does not take the web identity token: {text}", "{mend}"
        ),
        "InvalidParameterValue InvalidParameterCombination MissingParameter": Failure(
            Usage,
            "AWS does not take this value: {text}",
            "mend the value named here; --help says what the command takes",
        ),
        SLOW: SLOW_DOWN,
        _BROKEN_CODES: _BROKEN,
    },
)

# An answer without a code that is known: by its HTTP status.
STATUS_ROWS: Mapping[int, Failure] = {
    404: Failure(NotFound, "AWS does not find {thing}: {text}", "check the name or id, and --region"),
    409: Failure(Conflict, "AWS sees a conflict: {text}", "see what is there now, and repeat the command"),
    429: SLOW_DOWN,
    **dict.fromkeys((500, 502, 503, 504), _BROKEN),
}
_UNKNOWN = Failure(AwsFailure, "AWS refused {operation}: {text} ({code})", "repeat it with -vv, which shows each call")

_DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403")
_CLOCK = ("RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture")
_SIGNATURE = ("SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure")
_SKEW_SECONDS = 240  # AWS allows five minutes
_ORIGIN = "HandrailOrigin"


def mark_origin(failed: Any, origin: Origin) -> None:
    """Note on an exception, or on the parsed answer that botocore is about to raise as one, where it came from."""
    if isinstance(failed, Exception):
        setattr(failed, _ORIGIN, origin)
    elif failed and "Error" in failed:
        failed.setdefault("ResponseMetadata", {})[_ORIGIN] = origin


def _origin(exc: Any) -> Origin | None:
    response = getattr(exc, "response", None)
    answered = response.get("ResponseMetadata", {}).get(_ORIGIN) if isinstance(response, dict) else None
    marked: Origin | None = getattr(exc, _ORIGIN, answered)
    return marked


@contextmanager
def aws_failures_explained(
    operation: str, *, subject: str = "", region: str = "", aws: Side | None = None
) -> Iterator[None]:
    """Raise what botocore raises inside as Handrail's own error; anything else passes. Parameters: see `translate`."""
    try:
        yield
    except HandrailError:
        raise
    except Exception as error:
        if not is_botocore(error):
            raise
        raise translate(error, operation=operation, subject=subject, region=region, aws=aws) from error


def ask(client: Any, call: str, subject: str = "", /, *, excused: str = "", **parameters: Any) -> Any:
    """Make a call and return its reply; what botocore raises is raised as Handrail's own error.

    call: service and call (`s3:GetBucketTagging`). subject: what it is about, as in `translate`. excused: AWS's code of
    a refusal that is none to the caller, such as "nothing is set": the reply is empty then.
    """
    from botocore import xform_name

    try:
        with aws_failures_explained(call, subject=subject):
            return getattr(client, xform_name(call.partition(":")[2]))(**parameters)
    except HandrailError as error:
        if not excused or error.details.get("aws_code") != excused:
            raise
        return {}


@contextmanager
def credential_failures_explained(aws: Side) -> Iterator[None]:
    """Raise whatever goes wrong inside, while credentials are fetched, as Handrail's own error.

    What is not botocore's becomes BadCredentials too: botocore lets through what a missing file or program raises, and
    what it stumbles over in the answer of one. So does an endpoint that is no AWS service and can't be asked.
    """
    from botocore.exceptions import HTTPClientError

    try:
        yield
    except HandrailError:
        raise
    except Exception as error:
        of_a_service = _origin(error) is not None or not isinstance(error, HTTPClientError)
        if is_botocore(error) and of_a_service:
            raise translate(error, operation="sign in", aws=aws) from error
        raise aws.bad(unusable_credentials(error, aws.looked)) from error


def translate(
    exc: Exception, *, operation: str, subject: str = "", region: str = "", aws: Side | None = None
) -> HandrailError:
    """Return Handrail's error for what botocore raised.

    operation: Handrail's words (`ec2 create`) or the IAM action (`ec2:RunInstances`). subject: the name or id that it
    is about. region, aws: the connection, for where was looked and what mends it; a failure of a client of
    `aws.connect.Aws` brings them along. A HandrailError comes back as it is; what is not botocore's becomes Internal.
    Whether the call may have acted is said here and nowhere else (`acted`, docs/adr/0009).
    """
    if isinstance(exc, HandrailError):
        return exc
    from botocore.exceptions import ClientError

    origin = _origin(exc)
    service = find_service(origin.service if origin else re.split("[ :]", operation)[0])
    side = aws or (origin.side if origin else NOWHERE)
    region = region or (origin.region if origin else "") or "this region"
    words = {"operation": operation, "subject": subject or "it", "region": region, "mend": side.mend}
    if isinstance(exc, ClientError):
        actions = origin.actions if origin else service.actions(exc.operation_name, {})
        error = _refused(_taken_apart(exc, words, side, service, actions))
    else:
        unanswered = no_answer(exc, side, is_read=origin is not None and not origin.is_change)
        error = unanswered or no_credentials(exc, side) or _other(exc, operation)
    error.acted = _acted(exc, origin, service)
    return error


def _acted(exc: Exception, origin: Origin | None, service: Service) -> Acted | None:
    """Return whether a call that failed may have acted; None of one that only reads, and of one that was not sent.

    A definite refusal that came at a later attempt tells nothing of those before it.
    """
    from botocore.exceptions import ClientError

    if isinstance(exc, ClientError):
        if not service.changes(exc.operation_name):
            return None
        retried = exc.response.get("ResponseMetadata", {}).get("RetryAttempts")
        return Acted.NO if is_definite(exc.response) and not retried else Acted.UNKNOWN
    if is_no_answer(exc) and (origin is None or origin.is_change):
        return Acted.UNKNOWN
    return None


# ---- answers


def _taken_apart(exc: Any, words: Mapping[str, str], side: Side, service: Service, actions: tuple[str, ...]) -> Refusal:
    error: Mapping[str, Any] = exc.response.get("Error", {})
    metadata: Mapping[str, Any] = exc.response.get("ResponseMetadata", {})
    text = plain(str(error.get("Message") or "no reason given"))
    thing = _quoted(text) or str(error.get("BucketName") or error.get("Key") or words["subject"])
    code, api = str(error.get("Code") or "unknown"), exc.operation_name
    return Refusal(
        code=code,
        text=text,
        api=api,
        status=int(metadata.get("HTTPStatusCode") or 0),
        headers=metadata.get("HTTPHeaders", {}),
        details={"aws_code": code, "call": api, "request_id": str(metadata.get("RequestId") or "")},
        words={**words, "thing": thing, "text": _without_code(text), "code": code},
        side=side,
        service=service,
        actions=actions,
    )


def _without_code(text: str) -> str:
    """Return AWS's words without the encoded message, which no person can read, and of a bearable length."""
    words = text.partition("Encoded authorization failure message:")[0].strip()
    return words if len(words) <= 300 else words[:299] + "…"


def _quoted(text: str) -> str:
    match = re.search(r"(?<!\w)'([^']+)'|^Value \( ?([^)]+?) ?\)", text)
    return (match[1] or match[2]).strip("[]") if match else ""


def _refused(refusal: Refusal) -> HandrailError:
    if refusal.code in (*_CLOCK, *_SIGNATURE):
        return _signature_refused(refusal)
    if refusal.code.isdigit() and refusal.status in (400, 404, 409, 412) and not refusal.api.startswith("Head"):
        return not_understood(refusal.side)  # only a HEAD has no body: this one was cut short, and its code is lost
    if refusal.status >= 500 and refusal.side.is_sandbox and refusal.code in _BROKEN_CODES.split():
        return _from_row(_SANDBOX_BROKEN, refusal)
    said = refusal.code, refusal.api, refusal.text
    row = refusal.service.failure(*said) or COMMON.failure(*said)
    if row is None and (refusal.code in _DENIED or refusal.status == 403):
        return _denied(refusal)
    return _from_row(row or STATUS_ROWS.get(refusal.status, _UNKNOWN), refusal)


def _from_row(row: Failure, refusal: Refusal) -> HandrailError:
    facts, words = refusal.side.facts if issubclass(row.error, BadCredentials) else (), refusal.words
    # What AWS or a person named is the last word of a command line: no part of a shell, and no option.
    targets = {name: target(words[name]) for name in ("thing", "subject") if words.get(name)}
    return row.error(
        row.message.format_map(words),
        hint=row.hint.format_map({**words, **targets}),
        facts=facts,
        details={**refusal.details, **dict(facts)},
        code=row.code,
    )


def _signature_refused(refusal: Refusal) -> HandrailError:
    """Tell a wrong clock from a wrong secret: AWS answers both with the same codes, and its Date header decides."""
    date = date_of(refusal.headers)
    ahead = 0 if date is None else round(time.time() - date)
    expired = refusal.code == "RequestExpired" or "Signature expired" in refusal.text
    if expired and abs(ahead) < _SKEW_SECONDS:
        return AwsFailure(
            "the request was signed too long ago: this command was held up.",
            hint="repeat the command",
            details=dict(refusal.details),
            code="held_up",
        )
    if refusal.code in _CLOCK or abs(ahead) >= _SKEW_SECONDS:
        way = "ahead of" if ahead >= 0 else "behind"
        return NotSetUp(
            f"your clock is {abs(ahead)} s {way} AWS's, and AWS takes no request that far off.",
            hint="set the clock by the network: sudo timedatectl set-ntp true",
            details={**refusal.details, "seconds_ahead": ahead},
            code="clock_skew",
        )
    if refusal.code == "AuthFailure" and "validate" not in refusal.text:
        return _denied(refusal)
    return _from_row(_WRONG_SECRET, refusal)


def _denied(refusal: Refusal) -> HandrailError:
    decoded = _decoded(refusal)
    context = decoded.get("context", {})
    named = _found(r"perform:? ([\w-]+:\w+)", refusal.text)
    action = context.get("action") or named or next(iter(refusal.actions), refusal.api)
    resource = context.get("resource") or _found(r"on resource:? (arn:\S+)", refusal.text)
    explicit = bool(decoded.get("explicitDeny")) or "explicit deny" in refusal.text
    facts = [*refusal.side.facts]
    if resource:
        facts.append(("resource", resource))
    facts.append(("reason", "a policy forbids it outright" if explicit else refusal.words["text"]))
    return PermissionDenied(
        f"these credentials may not do {action}.",
        facts=facts,
        hint=f"ask the owner of the account to allow {action}, or use another --profile",
        details={**refusal.details, "action": action, "resource": resource or None, "explicit_deny": explicit},
    )


def _decoded(refusal: Refusal) -> dict[str, Any]:
    encoded = _found(r"Encoded authorization failure message: (\S+)", refusal.text)
    if not encoded or refusal.side.decode is None:
        return {}
    try:
        decoded = json.loads(refusal.side.decode(encoded))  # whether the caller may ask STS is found out by asking
    except Exception as error:
        if isinstance(error, (HandrailError, ValueError, RecursionError)) or is_botocore(error):
            return {}
        raise
    return decoded if isinstance(decoded, dict) else {}


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1].rstrip(".,") if match else ""


# ---- the rest


def _other(exc: Exception, operation: str) -> HandrailError:
    from botocore import exceptions as boto

    text = plain(str(exc))
    if isinstance(exc, (boto.ParamValidationError, boto.ValidationError, boto.InvalidRegionError)):
        return Usage(f"AWS would not take this value: {text}", hint="mend the value named here")
    if is_botocore(exc):
        return AwsFailure(f"{operation} failed: {text}", hint="repeat it with -vv, which shows each call")
    return Internal(f"{operation} failed: {text}", hint="-vv logs the details; please report this")
