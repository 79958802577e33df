"""How a policy value is written: readers turn a TOML value into the policy's own or say what is wrong with it.

Values are str, int, bool, tuples of str, pairs (tag, pattern), or None for "not set". Knows no key and no file.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from handrail.core.fields import show
from handrail.core.nearest import nearest
from handrail.core.regions import REGIONS
from handrail.core.secret_files import looks_secret

Reader = Callable[[Any], Any]
Check = Callable[[str], str]
Judge = Callable[[Any, Any], bool]

OWNER = "{owner}"
NO_CAP = "none"


class BadValue(Exception):
    """A value that a key can't take. what: completes "<key> …"; hint: what it may be, empty for the key's example."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


def quoted(value: Any) -> str:
    """Return a TOML value as a message names it."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return show(value) if isinstance(value, str) else show(value).strip('"')


def is_pattern(text: str) -> bool:
    """Return whether a text stands for more than itself."""
    return any(character in text for character in "*?[")


def matches(patterns: Iterable[str], value: str) -> bool:
    """Return whether a value matches one of the glob patterns, upper and lower case told apart."""
    return any(fnmatchcase(value, pattern) for pattern in patterns)


def literally(text: str) -> str:
    """Return the pattern that matches a text and nothing else."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


def filled(pattern: str, value: str) -> str:
    """Return a text that a pattern matches, as near to a value as can be: the value itself, or put where the `*` is."""
    if matches((pattern,), value):
        return value
    text = re.sub(r"\[([^]!])[^]]*\]", r"\1", pattern)  # a set by its first member
    return text.replace("*", value, 1).replace("*", "").replace("?", "x")


# Readers: a TOML value in, a policy value out, BadValue raised.


def _of(kind: type, value: Any) -> Any:
    if type(value) is not kind:  # true is no number
        raise BadValue(f"can't be {quoted(value)}")
    return value


def flag(value: Any) -> bool:
    """Read true or false."""
    return bool(_of(bool, value))


def choice(*words: str) -> Reader:
    """Return a reader of one of some words."""

    def read(value: Any) -> str:
        word: str = _of(str, value)
        if word not in words:
            meant = nearest(word, words)
            raise BadValue(f"can't be {quoted(word)}", f"did you mean {show(meant)}?" if meant else "")
        return word

    return read


def number(high: int, *, none: bool = False) -> Reader:
    """Return a reader of a whole number from 0 to `high`; with `none`, the word "none" is read as None."""

    def read(value: Any) -> int | None:
        if none and value == NO_CAP:
            return None
        if not 0 <= _of(int, value) <= high:
            raise BadValue(f"can't be {quoted(value)}")
        return int(value)

    return read


def one(check: Check) -> Reader:
    """Return a reader of a single text."""
    return lambda value: check(_of(str, value))


def items(check: Check, *, never_empty: str = "") -> Reader:
    """Return a reader of a list of texts. never_empty: the hint where an empty list makes no sense."""

    def read(value: Any) -> tuple[str, ...]:
        if not _of(list, value) and never_empty:
            raise BadValue("can't be an empty list", never_empty)
        for item in value:
            if not isinstance(item, str):
                raise BadValue(f"can't hold {quoted(item)}")
        return tuple(dict.fromkeys(check(item) for item in value))

    return read


def tags(value: Any) -> tuple[tuple[str, str], ...]:
    """Read tag keys, as a list, or as a table of key and pattern of the value, into pairs (key, pattern)."""
    if isinstance(value, list):
        return tuple((tag, "*") for tag in items(_tag)(value))
    pairs = []
    for tag, pattern in _of(dict, value).items():
        if not isinstance(pattern, str):
            raise BadValue(f"can't hold {quoted(pattern)} for {show(tag)}")
        pairs.append((_tag(tag), text(pattern)))
    return tuple(pairs)


def _tag(key: str) -> str:
    if key == "managed-by" or key.startswith(("handrail:", "aws:")):
        raise BadValue(f"can't require {show(key)}", f"{key} is no tag that a person may give; leave it out")
    if len(key) > 128:
        raise BadValue(f"can't hold {show(key)}", "a tag key has 128 characters at most")
    return text(key)


# Checks of one text.


def text(value: str) -> str:
    """Check that a text is one: not empty, no control characters, not endless."""
    if not value.strip() or len(value) > 2048 or not value.isprintable():
        raise BadValue(f"can't hold {show(value)}")
    return value


def with_owner(value: str) -> str:
    """Check a pattern that may hold `{owner}` and no other placeholder."""
    if "{" in value.replace(OWNER, "") or "}" in value.replace(OWNER, ""):
        raise BadValue(f"can't hold {show(value)}", f"the only placeholder is {OWNER}")
    return text(value)


def shaped(exact: str, *words: str, patterns: bool = True) -> Check:
    """Return a check that a text is one of `words` or fits a regular expression; with `patterns`, globs pass too."""

    # Not compiled here: most commands read no policy file, and re keeps what it has compiled.
    def check(value: str) -> str:
        if value in words or re.fullmatch(exact, value):
            return value
        if patterns and re.fullmatch(r"[\w.*?\[\]!-]+", value, re.ASCII) and is_pattern(value):
            return value
        meant = nearest(value, words)
        raise BadValue(f"can't hold {show(value)}", f"did you mean {show(meant)}?" if meant else "")

    return check


NOTHING = r"(?!)"

account = shaped(r"\d{12}", patterns=False)
region = shaped(NOTHING, *REGIONS, patterns=False)
regions = shaped(NOTHING, *REGIONS)
instance_type = shaped(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", patterns=False)
instance_types = shaped(r"[a-z][a-z0-9-]*\.[a-z0-9-]+")
image = shaped(r"ami-[0-9a-f]{8}([0-9a-f]{9})?", "ubuntu", "amazon-linux")
subnet = shaped(r"subnet-[0-9a-f]{8}([0-9a-f]{9})?", patterns=False)
subnets = shaped(r"subnet-[0-9a-f]{8}([0-9a-f]{9})?")
RECORD_TYPES = (
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR",
    "NS", "PTR", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT",
)  # fmt: skip
record_type = shaped(NOTHING, *RECORD_TYPES, patterns=False)

_LABEL = r"[a-z0-9_]([a-z0-9_/-]{0,61}[a-z0-9_])?"
_domain = shaped(rf"{_LABEL}(\.{_LABEL})*", patterns=False)


def suffix(value: str) -> str:
    """Check the end of a domain name; returned in lower case, without the last dot."""
    if value.startswith((".", "*.")):
        bare = value.lstrip("*.")
        raise BadValue(f"can't hold {show(value)}", f"write {show(bare)}: it stands for itself and all below it")
    return _domain(domain(value))


def domain(value: str) -> str:
    """Return a domain name as suffixes are compared: lower case, without the last dot."""
    return value.removesuffix(".").lower()


# Judges: what the policy says and what is wanted in, whether it passes out. None in the policy means free.


def listed(limit: tuple[str, ...] | None, value: str) -> bool:
    """Return whether a list of patterns lets a value pass."""
    return limit is None or matches(limit, value)


def below(limit: tuple[str, ...] | None, value: str) -> bool:
    """Return whether a domain name is one of the suffixes or below one."""
    name = domain(value)
    return limit is None or any(name == end or name.endswith(f".{end}") for end in limit)


def not_secret(limit: tuple[str, ...], value: str) -> bool:
    """Return whether a path looks like none of the secret files."""
    return not looks_secret(limit, value)


def at_least(limit: int | None, value: int) -> bool:
    """Return whether a number reaches a lower bound."""
    return limit is None or value >= limit


def at_most(limit: int | None, value: int) -> bool:
    """Return whether a number keeps an upper bound."""
    return limit is None or value <= limit


def tagged(limit: tuple[tuple[str, str], ...] | None, value: Mapping[str, str]) -> bool:
    """Return whether every required tag is there, with a value that its pattern takes."""
    return all(tag in value and fnmatchcase(value[tag], pattern) for tag, pattern in limit or ())
