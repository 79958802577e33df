"""What must not be read in a log or a message: masks secrets in any text, by the values in hand and by their names."""

import binascii
import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote

MASK = "***"

SHORTEST = 8  # characters of a value that is masked wherever it stands; a shorter one would take words with it
_HEAD = 16  # characters by which a value is known: one that was cut short after them is masked too

# Between a name and its value: in JSON, in the repr of a dict or of bytes, in JSON inside a text, in a header, a query.
_SAYS = r"\\{0,3}['\"]?\s*[:=,]\s*b?\\{0,3}['\"]?"
_NAMES = (
    r"(?:secret_?access_?key|aws_secret_access_key|secret_?key|session_?token|aws_session_token|security_?token"
    r"|access_?token|refresh_?token|id_?token|web_?identity_?token|auth(?:orization)?_?token|bearer_?token"
    r"|client_?secret|saml_?assertion|token_?code|device_?code|code_?verifier|private_?key|password|passwd|passphrase)"
)

# Each pattern keeps its first group (how the secret is introduced) and loses the rest of the match.
_SECRETS = (
    # Authorization: AWS4-HMAC-SHA256 Credential=…, as a header line, in a dict and as bytes.
    re.compile(r"(?i)(authorization" + _SAYS + r")[^'\"\r\n]+"),
    re.compile(r"(?i)(\bbearer )[\w.~+/=-]{8,}"),
    re.compile(
        r"(?i)(x-(?:amz-(?:security-token|signature|credential|sso_bearer_token)|aws-ec2-metadata-token(?!-ttl))"
        + _SAYS
        + r")[^'\"\s&,})]+"
    ),
    re.compile(
        r"(?i)((?<![a-z])(?:aws_)?"
        + _NAMES
        # An ellipsis alone is where a secret belongs, in a command that Handrail advises.
        + _SAYS
        # Something that is no text, where one belongs, goes as a whole.
        + r")(?!…(?:['\"\s,]|\Z))(?:[\[{][^\]}]*|[^'\"\s&,})<\\]+)"
    ),
    # A line of ~/.aws/credentials in which the sign is missing; what is shorter, or stands in brackets, is a word of a
    # message ("is missing", "(environment)").
    re.compile(
        r"(?i)(\b(?:aws_secret_access_key|aws_session_token|aws_security_token)[ \t]+)[^\s=:'\"\\(][^\s'\"\\]{11,}"
    ),
    # A container or an instance calls its session token so; a token of a page or a client is no secret.
    re.compile(r"((?<![A-Za-z])Token\\{0,3}['\"]\s*:\s*\\{0,3}['\"])[^'\"\\]*"),
    re.compile(r"(?i)(<(?:SecretAccessKey|SessionToken)>)[^<]*"),
    re.compile(r"(?i)(<userData>\s*(?:<value>)?)[^<]*"),
    re.compile(r"(?i)(\buser_?data['\"]?\s*[:=]\s*b?['\"])(?:\\.|[^'\"\\])*"),
    re.compile(r"(?i)(\buser_?data=)[^'\"\s&]+"),
    re.compile(r"(\bSignature=)[0-9A-Za-z%/+=]+"),
    # The password of a URL, also with signs in it that make it none: all that stands before the last `@`.
    re.compile(r"(://[^/\s:@'\"]*:)[^\s'\"]+(?=@)"),
    re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|\Z)", re.DOTALL),
)

# The end of a key, in small letters and without signs, whose value is a secret. `NextToken` and `ClientToken` are none.
_KEYS = re.compile(
    r"(secretaccesskey|secretkey|sessiontoken|securitytoken|accesstoken|refreshtoken|idtoken|webidentitytoken"
    r"|auth(orization)?token|bearertoken\w*|clientsecret|samlassertion|codeverifier|devicecode|dpopkey|privatekey"
    r"|password|passwd|passphrase|^token)$"
)
# What stands beside a secret, and is none.
_NO_SECRETS = re.compile(r"(accesskeyid|accountid|expiration|expires\w*)$")
# The end of a name, in small letters, whose value is a URL.
_URLS = re.compile(r"endpoint(_url(_\w+)?)?$|ur[il]$|proxy$")


def redact(text: str) -> str:
    """Return `text` with secret keys, session tokens, signatures, Authorization headers and user data masked by name.

    An access key id stays: it is a name, and the one thing with which a platform team finds a leaked key.
    Source of the names: AWS Signature Version 4 (headers and query), STS and SSO replies, EC2 RunInstances.
    """
    for pattern in _SECRETS:
        text = pattern.sub(lambda match: match[1] + MASK, text)
    return text


class Secrets:
    """The secrets that a command has in hand, which it may never tell. Threads may share it."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._heads: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def hide(self, *values: str) -> None:
        """Mask these values from now on, in each form in which a text may hold them, also where one is cut short."""
        forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
        with self._lock:
            if forms <= self._forms:
                return
            self._forms |= forms
            heads = sorted({re.escape(form[:_HEAD]) for form in self._forms}, key=len, reverse=True)
            self._heads = re.compile("|".join(heads))

    def redact(self, text: str) -> str:
        """Return a text without any of them, and without what is a secret by its name."""
        return redact(self._without_values(text))

    def _without_values(self, text: str) -> str:
        with self._lock:
            heads, forms = self._heads, tuple(self._forms)
        if heads is None:
            return text
        kept, at = [], 0
        while match := heads.search(text, at):
            start = match.start()
            kept.append(text[at:start])
            at = start + max(_shared(form, text, start) for form in forms)
        return MASK.join([*kept, text[at:]])


def _shared(form: str, text: str, start: int) -> int:
    """Return how much of a form stands at a place of a text; nothing, where not even its head does."""
    if not text.startswith(form[:_HEAD], start):
        return 0
    length = min(_HEAD, len(form))
    while length < len(form) and text.startswith(form[length], start + length):
        length += 1
    return length


def _forms(value: str) -> Iterator[str]:
    """Yield a value as it is, its lines and words alone, and as URLs, JSON, Python's repr and base64 write them."""
    for text in dict.fromkeys((value, value.strip(), *value.split())):
        yield from (text, quote(text), quote(text, safe=""), quote_plus(text), unquote(text))
        yield from (json.dumps(text)[1:-1], repr(text)[1:-1])
        yield from _in_base64(text.encode(errors="surrogateescape"))


def _in_base64(data: bytes) -> Iterator[str]:
    """Yield what every base64 text has in it that holds the data, wherever in a group of three bytes it begins."""
    for before, lost in ((0, 0), (1, 2), (2, 3)):
        whole = len(data) - (before + len(data)) % 3
        text = binascii.b2a_base64(b"\0" * before + data[:whole], newline=False).decode()[lost:]
        yield from (text, text.replace("+", "-").replace("/", "_"))


# ---- where they are found


def secrets_in(value: Any, key: str = "") -> Iterator[str]:
    """Yield what stands in nested mappings and lists below keys that say that it is secret."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            stays = is_secret_key(key) and not _NO_SECRETS.search(_bare(str(name)))
            yield from secrets_in(one, key if stays else str(name))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from secrets_in(one, key)
    elif is_secret_key(key):
        yield str(value)


def is_secret_key(key: str) -> bool:
    """Return whether a key says that its value is a secret."""
    return _KEYS.search(_bare(key)) is not None


def _bare(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def secrets_in_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets among AWS's variables, and those in the URLs of endpoints, of sources and of proxies."""
    for name, value in environ.items():
        if name.startswith(("AWS_", "HANDRAIL_")) and is_secret_key(name):
            yield value
        if (name.startswith("AWS_") and _URLS.search(name.lower())) or name.lower().endswith("_proxy"):
            yield from secrets_in_url(value)


def secrets_in_url(url: str) -> Iterator[str]:
    """Yield the password of a URL, or its user where that stands alone, and its query, whole and in parts.

    Also where signs in it make it no URL, or the scheme is missing: whoever stumbles over one names it up to the sign.
    A password that is too short to be masked by itself is masked together with user and host.
    """
    found = re.match(r"(?:[\w+.-]*:?//)?((?:[^:@]*:)?(.*)@.*)", url.strip(), re.DOTALL)
    if found:
        begins = re.split("[/?#]", found[2])[0]
        yield from (found[2], unquote(found[2]), begins)
        if len(begins) < SHORTEST:
            yield from (found[1], found[1][: found.start(2) - found.start(1) + len(begins)])
    _, asks, query = url.partition("?")
    if asks:
        yield from (query, *query.split("&"))


def secrets_in_ini(text: str) -> Iterator[str]:
    """Yield the secrets of a file of `~/.aws`; in a line that is none, each long word may be one."""
    for line in text.splitlines():
        key, *value = (part.strip() for part in re.split("[=:]", line, maxsplit=1))
        if not value and not key.startswith(("[", "#", ";")):
            yield from (word for word in key.split() if len(word) >= _HEAD and not word.startswith("aws_"))
        elif is_secret_key(key):
            yield from value
        elif value and _URLS.search(key.lower()):
            yield from secrets_in_url(value[0])
        else:  # a URL in a command line, or in one that goes on with the line before
            yield from (secret for url in re.findall(r"//\S+", line) for secret in secrets_in_url(url))


_PAIRS = (
    re.compile(r"['\"]([\w-]+)['\"]\s*:\s*['\"]((?:[^'\"\\]|\\.)*)"),
    re.compile(r"<([\w-]+)>([^<]+)<"),
    re.compile(r"(?<![\w-])(?:export )?([\w-]+)[ \t]*[:= ][ \t]*([^\s'\"&,;<>]+)"),
)


def secrets_in_text(text: str) -> Iterator[str]:
    """Yield what text says of secrets, be it JSON, whole or broken, XML or lines: the value after each name of one."""
    for pattern in _PAIRS:
        yield from (value for key, value in pattern.findall(text) if is_secret_key(key))
