"""The policy as a document: TOML text in, a frozen Policy out, or every fault with its line. Reads no files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from handrail.core.errors import Usage
from handrail.core.fields import show
from handrail.core.nearest import nearest
from handrail.core.policy.keys import KEYS, PRESETS, SECTIONS, as_json
from handrail.core.policy.values import BadValue, quoted

MAX_BYTES = 64 * 1024
MAX_LINE = 4000
MAX_PROBLEMS = 20
Path = tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """One policy: the value of every key, and where each stands. Two policies are equal if they say the same.

    source: `built-in strict`, or the label of the file. values: one per key of KEYS. given: the keys that the file
    itself sets. text: the file.
    """

    source: str = field(compare=False)
    values: Mapping[str, Any] = field(hash=False, repr=False)
    given: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    text: str = field(default="", compare=False, repr=False)

    def value(self, key: str) -> Any:
        """Return the value of a key; None where it is not set. Raises KeyError if there is no such key."""
        return self.values[key]

    def origin(self, key: str) -> str:
        """Return where the value of a key stands: `handrail.toml:7`, or `built-in strict`."""
        if key in self.given:
            return f"{self.source}:{_line_of(self._lines, tuple(key.split('.')))}"
        return f"built-in {self.values['preset']}"

    def as_rows(self) -> list[dict[str, Any]]:
        """Return a row per key for `policy show`: key, value (JSON-ready), text (for people), origin, help."""
        return [
            {
                "key": key.name,
                "value": as_json(self.value(key.name)),
                "text": key.text(self.value(key.name)),
                "origin": self.origin(key.name),
                "help": key.help,
            }
            for key in KEYS.values()
        ]

    @cached_property
    def _lines(self) -> dict[Path, int]:
        return lines_of(self.text)


def builtin(preset: str) -> Policy:
    """Return the policy of a preset, `strict` or `open`."""
    values = {name: key.default(preset) for name, key in KEYS.items()}
    return Policy(f"built-in {preset}", MappingProxyType(values | {"preset": preset}))


STRICT = builtin("strict")
OPEN = builtin("open")


@dataclass(frozen=True)
class Problem:
    """One fault of a policy file. path: where in the document; line: filled in when all are known."""

    path: Path
    message: str
    hint: str = ""
    line: int = 1


def parse_policy(data: bytes | str, source: str) -> Policy:
    """Return the policy that a TOML text describes: its `preset` and what it changes.

    source: how messages name the text, such as its path. Raises Usage on anything but a valid policy: the message names
    source, line and key of the first fault, `details["problems"]` lists the first 20.
    """
    try:
        text = _decode(data)
        document = _load(text)
    except _NoTomlError as error:
        raise _faulty(source, [error.args[0]]) from None
    problems: list[Problem] = []
    given = _read(document, problems)
    values = {**builtin(given.get("preset", "strict")).values, **given}
    problems += _contradictions(values, given)
    if problems:
        lines = lines_of(text)
        raise _faulty(source, [replace(each, line=_line_of(lines, each.path)) for each in problems])
    return Policy(source, MappingProxyType(values), frozenset(given), text)


class _NoTomlError(Exception):
    """What was given is no TOML, or too much of it. Its argument is the Problem."""


def _decode(data: bytes | str) -> str:
    if len(data) > MAX_BYTES:
        raise _NoTomlError(Problem((), f"a policy has {MAX_BYTES // 1024} KiB at most, this has {len(data)} bytes."))
    try:
        # Windows editors put a byte order mark first.
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        hint = "a policy is a TOML file: handrail policy init"
        raise _NoTomlError(Problem((), "this is not UTF-8 text.", hint, line)) from None
    text = text.replace("\r\n", "\n")
    for number, words in enumerate(text.split("\n"), start=1):
        # Bounds what tomllib needs for a dotted key: memory for the square of its parts.
        if len(words) > MAX_LINE:
            said, hint = f"this line has {len(words)} characters.", f"a line has {MAX_LINE} at most"
            raise _NoTomlError(Problem((), said, hint, number))
    return text


def _load(text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError:
        said, line = "too deeply nested", 1
    except ValueError as error:
        said = str(error)
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", said)
        line = int(place[1] or text.count("\n") + 1) if place else 1
        # Without a place it is Python's own limit, which tomllib lets through.
        said = said[: place.start()] if place else "a number has too many digits"
    said = f"this is not TOML: {show(said).strip(chr(34))}."
    raise _NoTomlError(Problem((), said, 'text stands in quotes: key = "value"', line))


def _read(document: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for path, value in _entries(document):
        if len(problems) == MAX_PROBLEMS:
            break
        key = KEYS.get(".".join(path)) if not any("." in part for part in path) else None
        if key is None:
            problems.append(_unknown(path, value))
            continue
        try:
            given[key.name] = key.read(value)
        except BadValue as bad:
            hint = bad.hint or f"{key.name} is {key.kind}, such as {key.example}"
            problems.append(Problem(path, f"{key.name} {bad.what}.", hint))
    return given


def _entries(document: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    for name, value in document.items():
        if name in SECTIONS and isinstance(value, dict):
            yield from (((name, word), inner) for word, inner in value.items())
        else:
            yield (name,), value


def _unknown(path: Path, value: Any) -> Problem:
    name, word = ".".join(map(_bare, path)), path[-1]
    if path[0] in SECTIONS and len(path) == 1:
        return Problem(
            path, f"{name} can't be {quoted(value)}.", f"{name} is a table: write [{name}], its keys below it"
        )
    if len(path) == 1 and isinstance(value, dict):
        section = nearest(word, SECTIONS)
        hint = f"did you mean [{section}]?" if section else f"the tables are {', '.join(f'[{s}]' for s in SECTIONS)}"
        return Problem(path, f"[{name}] is not a table of the policy.", hint)
    return Problem(path, f"{name} is not a policy key.", _meant(path))


def _meant(path: Path) -> str:
    word = path[-1]
    if len(path) > 1 and word in KEYS:
        return f"{word} stands at the top: write it above the first [table]"
    homes = [key.name for key in KEYS.values() if word in (key.word, key.name)]
    if homes:
        return f"did you mean {' or '.join(homes)}?"
    words = {key.word: key.name for key in KEYS.values() if len(path) == 1 or key.section == path[0]}
    close = nearest(word, words) or nearest(word, [key.word for key in KEYS.values()])
    if close:
        return f"did you mean {words.get(close) or next(k.name for k in KEYS.values() if k.word == close)}?"
    keys = [key.word for key in KEYS.values() if key.section == (path[0] if len(path) > 1 else "")]
    return f"the keys here are {', '.join(keys)}"


def _bare(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", part) else show(part)


def _contradictions(values: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Problem]:
    for name, listing in ((name, KEYS[KEYS[name].default_of]) for name in given if KEYS[name].default_of):
        limit, wanted = values[listing.name], given[name]
        for word in wanted if isinstance(wanted, tuple) else (wanted,):
            if not listing.permits(limit, word):
                said = f"{name} can't be {show(word)}: {listing.name} forbids it."
                yield Problem(tuple(name.split(".")), said, f"{listing.name} lists {listing.text(limit, 8)}")
    low, high = values["route53.ttl_min"], values["route53.ttl_max"]
    if low is not None and high is not None and low > high:
        message = f"route53.ttl_max can't be {high}: route53.ttl_min is {low}."
        yield Problem(("route53", "ttl_max"), message, "no TTL would pass; lower ttl_min or raise ttl_max")


def _faulty(source: str, problems: list[Problem]) -> Usage:
    problems = sorted(problems, key=lambda problem: problem.line)
    first, *others = problems
    listed = [
        {"line": each.line, "key": ".".join(each.path), "message": each.message, "hint": each.hint} for each in problems
    ]
    return Usage(
        f"{source}:{first.line}: {first.message}",
        hint=first.hint,
        facts=[(f"line {each.line}", f"{each.message} {each.hint}".strip()) for each in others],
        details={"source": source, "problems": listed},
    )


# Lines: tomllib tells no positions, so the statements of a text that it has taken are walked once more.

_MARKS = (
    r'"""(?:\\.|[^\\])*?"{3,5}'  # strings of many lines may end with quotes of their own
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
    r"|\#[^\n]*"
    r"|[\[\]{}=\n]"
)


def lines_of(text: str) -> dict[Path, int]:
    """Return the line, from 1, on which each key and table of a valid TOML text is first written."""
    found: dict[Path, int] = {}
    table: Path = ()
    start, depth, line, key = 0, 0, 1, ""
    for token in re.finditer(_MARKS, text + "\n", re.DOTALL):
        mark = token[0]
        depth += (mark in "[{") - (mark in "]}")
        if mark == "=" and not depth and not key:
            key = text[start : token.start()].strip()
        elif mark == "\n" and not depth:
            statement = text[start : token.start()].strip()
            if statement.startswith("["):
                path = table = _path(statement)
            else:
                path = table + _path(f"{key} = 0") if key else ()
            # Three parts are as deep as a policy goes.
            for end in range(1, min(len(path), 3) + 1):
                found.setdefault(path[:end], line)
            line += text.count("\n", start, token.end())
            start, key = token.end(), ""
    return found


def _path(statement: str) -> Path:
    import tomllib

    node: Any = tomllib.loads(statement)
    parts: list[str] = []
    while node:
        if isinstance(node, list):
            node = node[0]
        else:
            ((part, node),) = node.items()
            parts.append(part)
    return tuple(parts)


def _line_of(lines: Mapping[Path, int], path: Path) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def init_text(preset: str) -> str:
    """Return a policy file that says what `preset` says: every key with its help, and its default as a comment."""
    from textwrap import wrap

    lines = [
        f"# Handrail policy. What it does not say, its preset says: {' or '.join(PRESETS)}.",
        "# To change a key, take the # before it away. handrail policy show tells what",
        "# holds, and where that stands.",
        f'preset = "{preset}"',
    ]
    section = ""
    for key in list(KEYS.values())[1:]:
        if key.section != section:
            section = key.section
            lines += ["", f"[{section}]"]
        default = key.default(preset)
        help = key.help if default is not None else f"{key.help} Not set: {key.unset}."
        lines += ["", *wrap(help, 78, initial_indent="# ", subsequent_indent="# ")]
        lines += ["# For example:"] if default is None else []
        value = key.example if default is None else key.toml(default)
        lines += [f"#{line}" for line in _assignment(key.word, value)]
    return "\n".join(lines) + "\n"


def _assignment(word: str, value: str) -> list[str]:
    if len(word) + len(value) < 78:
        return [f"{word} = {value}"]
    from textwrap import wrap

    return [f"{word} = [", *(f"  {line}" for line in wrap(value[1:-1], 75, break_on_hyphens=False)), "]"]
