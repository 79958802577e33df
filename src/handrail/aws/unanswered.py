"""What botocore raises where AWS has refused nothing: no answer, what is none, and no credentials to ask with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from handrail.core.errors import NOT_AWS, BadCredentials, HandrailError, Unreachable
from handrail.core.fields import show


@dataclass(frozen=True)
class Side:
    """What an error says of the connection it came over.

    looked: where the credentials were looked for, in words. mend: the command that renews them. profile: the one in
    force. endpoint: its URL where it is not AWS's own. decode: makes EC2's encoded authorization message readable.
    """

    looked: str = ""
    mend: str = "aws sts get-caller-identity"
    profile: str | None = None
    target: str = "aws"
    endpoint: str = ""
    decode: Callable[[str], str] | None = field(default=None, repr=False, compare=False)

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return the line of an error that says where was looked."""
        return (("looked", self.looked),) if self.looked else ()

    @property
    def is_sandbox(self) -> bool:
        """Return whether it is the embedded AWS."""
        return self.target == "sandbox"

    def bad(self, message: str, hint: str = "", **details: Any) -> BadCredentials:
        """Return the error that says what is wrong, where was looked, and what mends it."""
        return BadCredentials(
            message, facts=self.facts, hint=hint or self.mend, details={**details, **dict(self.facts)}
        )


class NotAwsError(Exception):
    """What came is no answer to the call; something between here and AWS put it there, or cut AWS's own short.

    call: as AWS names it. host: who was asked. came: what came, in words. lacks: what keeps it from being an answer.
    """

    def __init__(self, call: str, host: str, came: str, lacks: str) -> None:
        super().__init__(f"{call}: {lacks}")
        self.call, self.host, self.came, self.lacks = call, host, came, lacks


def is_botocore(error: Exception) -> bool:
    """Return whether an error is botocore's, or says that what came is no answer."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return isinstance(error, (BotoCoreError, ClientError, ResponseParserError, NotAwsError))


def is_no_answer(error: Exception) -> bool:
    """Return whether a call was sent, and nothing came that can be understood."""
    from botocore.exceptions import ConnectionError, HTTPClientError
    from botocore.parsers import ResponseParserError

    return isinstance(error, (ConnectionError, HTTPClientError, ResponseParserError))


def _not_aws(error: NotAwsError, aws: Side) -> Unreachable:
    facts = (("asked", f"{error.host} for {error.call}"), ("came", error.came), ("but", error.lacks))
    other = "the sandbox" if aws.is_sandbox else "AWS"
    look = "look for a proxy (HTTPS_PROXY), or a network that wants a sign-in first"
    return Unreachable(
        f"something between you and {other} answered {error.call}, or cut the answer short.",
        hint=_check(aws, "") if aws.is_sandbox else look,
        facts=[(label, text) for label, text in facts if text],
        details={"endpoint": error.host or None, "call": error.call, "came": error.came, "lacks": error.lacks},
        code=NOT_AWS,
    )


def not_understood(aws: Side) -> Unreachable:
    """Return the error of an answer that is none of AWS's, or that was cut short."""
    return Unreachable(
        "the answer can't be understood: it does not come from AWS, or was cut short.", hint=_check(aws, "")
    )


# By botocore's names of its errors, and of what they derive from: the nearest counts.
_SILENCE = {
    "ProxyConnectionError": "the proxy {endpoint} does not answer.",
    "SSLError": "{endpoint} does not prove by its certificate that it is AWS.",
    "ConnectTimeoutError": "{endpoint} does not answer: no connection in time.",
    "ReadTimeoutError": "{endpoint} took the call and does not answer: whether it took effect is unknown.",
    "ConnectionClosedError": "{endpoint} cut the connection: whether the call took effect is unknown.",
    "EndpointConnectionError": "{endpoint} does not answer: refused, or no such name.",
    "ConnectionError": "{endpoint} can't be reached.",
    "HTTPClientError": "{endpoint} can't be reached.",
}
_OVER = "the sign-in of {whose} is over."
_NO_CREDENTIALS = {
    "NoCredentialsError": "no AWS credentials were found.",
    "NoAuthTokenError": "no AWS credentials were found.",
    "PartialCredentialsError": "{cred_var} is missing in {provider}.",
    "ProfileNotFound": "there is no profile {profile} in ~/.aws.",
    "ConfigParseError": "{path} can't be understood: it is not the INI format of the AWS tools.",
    "SSOError": _OVER,
    "TokenRetrievalError": _OVER,
    "LoginRefreshRequired": _OVER,
    "RefreshWithMFAUnsupportedError": _OVER,
    "LoginError": "the sign-in of {whose} can't be used: {error}",
    "MissingDependencyException": "the sign-in of {whose} can't be used: {error}",
    "CredentialRetrievalError": "no credentials came from {provider}: {error_msg}",
    "MetadataRetrievalError": "no credentials came from {provider}: {error_msg}",
    "InvalidConfigError": "the settings of {whose} are off: {error}",
    "UnknownCredentialError": "the settings of {whose} are off: {error}",
}


def _of_kind(exc: Exception, texts: Mapping[str, str]) -> str:
    return next((texts[kind.__name__] for kind in type(exc).__mro__ if kind.__name__ in texts), "")


def no_answer(exc: Exception, aws: Side, *, is_read: bool) -> HandrailError | None:
    """Return the error of a call that got no answer, None where it is something else. is_read: it changes nothing."""
    from botocore.exceptions import SSLError
    from botocore.parsers import ResponseParserError

    if isinstance(exc, NotAwsError):
        return _not_aws(exc, aws)
    if isinstance(exc, ResponseParserError):
        return not_understood(aws)
    message, values = _of_kind(exc, _SILENCE), getattr(exc, "kwargs", {})
    if not message:
        return None
    if str(values.get("proxy_url")).count("://") > 1:  # botocore writes http:// before whatever it does not know
        message = "the proxy is no http:// and no https:// one."
    endpoint = host_of(values.get("proxy_url") or values.get("endpoint_url") or aws.endpoint)
    if is_read:  # nobody need ask whether it took effect
        message = message.partition(": whether")[0].removesuffix(".") + "."
    return Unreachable(
        message.format(endpoint=endpoint or "AWS"),
        hint=_CERTIFICATE_HINT if isinstance(exc, SSLError) else _check(aws, endpoint),
        details={"endpoint": endpoint or None},
    )


def host_of(url: object) -> str:
    """Return scheme, host and port only: a path or query may hold a signature, and a proxy's URL a password.

    Empty where it is no URL.
    """
    try:
        parts = urlsplit(str(url))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}" if host else ""


_CERTIFICATE_HINT = "behind a company proxy: export AWS_CA_BUNDLE=/path/to/its-certificate.pem"


def _check(aws: Side, endpoint: str) -> str:
    if aws.is_sandbox:
        return "handrail sandbox status"
    if aws.endpoint and host_of(aws.endpoint) == endpoint:
        return f"check that something answers at AWS_ENDPOINT_URL={endpoint}, or unset it"
    return "check the network, the proxy (HTTPS_PROXY) and --region"


# ---- no credentials


def no_credentials(exc: Exception, aws: Side) -> HandrailError | None:
    """Return the error of credentials that can't be had, None where it is something else."""
    message = _of_kind(exc, _NO_CREDENTIALS)
    if not message:
        return None
    told = {"provider": "the metadata service", "error": str(exc), **getattr(exc, "kwargs", {})}
    told["whose"] = f"profile {aws.profile}" if aws.profile else "these credentials"
    side = aws if aws.looked else replace(aws, looked=str(told.get("path", "")))
    # A program that has the credentials may have said several lines on stderr, or nothing.
    return side.bad(message.format_map({key: plain(str(value)) or "no reason given" for key, value in told.items()}))


def unusable_credentials(error: Exception, looked: str) -> str:
    """Say what is wrong with credentials where what their source raises is not botocore's."""
    if isinstance(error, RuntimeError):  # botocore: "credentials were refreshed, but the refreshed ones are expired"
        return "the credentials have expired."
    if isinstance(error, OSError) and error.filename:
        why = (error.strerror or str(error)).lower()
        return f"{show(error.filename, limit=500)[1:-1]} can't be used for credentials: {why}."
    # A program or an endpoint answered with something else than credentials.
    if isinstance(error, (json.JSONDecodeError, UnicodeError, LookupError, TypeError, AttributeError)):
        return f"{looked.rpartition(' → ')[2]} gave no credentials: its answer is not the JSON that the AWS tools take."
    return f"the credentials can't be had: {plain(str(error)) or type(error).__name__}"


def plain(text: str) -> str:
    """Return a text of somebody else's on one line, what could act on a terminal written out."""
    return show(" ".join(text.split()), limit=2000)[1:-1]
