"""What must not be read in a log: one pure function that masks secrets in any text."""

import re

MASK = "***"

# Each pattern keeps its first group (how the secret is introduced) and loses the rest of the match.
_SECRETS = (
    # Authorization: AWS4-HMAC-SHA256 Credential=…, as a header line, in a dict and as bytes.
    re.compile(r"(?i)(authorization['\"]?\s*[:=,]\s*b?['\"]?)[^'\"\r\n]+"),
    re.compile(r"(?i)(x-amz-(?:security-token|signature|credential)['\"]?\s*[:=,]\s*b?['\"]?)[^'\"\s&,})]+"),
    re.compile(
        r"(?i)(\b(?:secret_?access_?key|aws_secret_access_key|secret_key|session_?token|aws_session_token"
        r"|security_?token|access_?token|refresh_?token|client_?secret|sessiontoken)"
        # An ellipsis alone is where a secret belongs, in a command that Handrail advises.
        r"['\"]?\s*[:=]\s*b?['\"]?)(?!…(?:['\"\s,]|\Z))[^'\"\s&,})<]+"
    ),
    re.compile(r"(?i)(<(?:SecretAccessKey|SessionToken)>)[^<]*"),
    re.compile(r"(?i)(<userData>\s*(?:<value>)?)[^<]*"),
    re.compile(r"(?i)(\buser_?data['\"]?\s*[:=]\s*b?['\"])(?:\\.|[^'\"\\])*"),
    re.compile(r"(?i)(\buser_?data=)[^'\"\s&]+"),
    re.compile(r"(\bSignature=)[0-9A-Za-z%/+=]+"),
    re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|\Z)", re.DOTALL),
)


def redact(text: str) -> str:
    """Return `text` with secret keys, session tokens, signatures, Authorization headers and user data masked.

    An access key id stays: it is a name, and the one thing with which a platform team finds a leaked key.
    Source of the names: AWS Signature Version 4 (headers and query), STS and SSO replies, EC2 RunInstances.
    """
    for pattern in _SECRETS:
        text = pattern.sub(lambda match: match[1] + MASK, text)
    return text
