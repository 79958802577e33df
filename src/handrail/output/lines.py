"""How text lies on a screen: safe characters, display width, wrapping, blocks of labels. Pure, writes nothing."""

import re
from collections.abc import Iterable, Iterator

LABEL = 10
"""Columns of a label in a block, after its indent of two."""

# What could move the cursor, speak to the terminal, reorder or hide text: C0, DEL, C1, line and paragraph separators,
# bidirectional marks, what takes no room (not the joiners and variation selectors, which scripts and emoji need) or
# shows nothing though it is a letter, byte order mark, tags, lone surrogates.
CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)

# Lines that people copy, and what in them must stay whole: breaking it would break the command.
_COPIED = frozenset({"try", "next", "undo", "read", "log in"})
_COMMAND = re.compile(r"(handrail|ssh|aws|eval|pip|cd|unset) ")
_BETWEEN = " · "


def escape(text: str) -> str:
    """Return text with each control character written out (`\\x1b`, `\\n`), so that a terminal only shows it."""
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def sentence(text: str) -> str:
    """Return text as one safe line: its line breaks become spaces, other control characters are written out."""
    return escape(" ".join(text.splitlines()))


def width(text: str) -> int:
    """Return the columns that a line takes: East Asian wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    import unicodedata  # only other scripts need its tables

    def columns(char: str) -> int:
        if unicodedata.category(char) in ("Mn", "Me", "Cf"):
            return 0
        return 2 if unicodedata.east_asian_width(char) in "WF" else 1

    return sum(map(columns, text))


def pad(text: str, columns: int) -> str:
    """Return text filled with spaces to a number of columns."""
    return text + " " * (columns - width(text))


def fit(text: str, columns: int) -> str:
    """Return text cut, with an ellipsis, to a number of columns."""
    if width(text) <= columns:
        return text
    kept = text[: max(0, columns - 1)]
    while kept and width(kept) > columns - 1:
        kept = kept[:-1]
    return kept + "…"


def wrap(text: str, columns: int) -> list[str]:
    """Return a line broken at spaces to parts of at most `columns`; a longer word stays whole on its own line."""
    parts: list[str] = []
    for word in re.findall(r"\s*\S+", text):
        if parts and width(parts[-1] + word) <= columns:
            parts[-1] += word
        else:
            parts.append(word.lstrip() if parts else word)
    return parts or [""]


def hang(lead: str, text: str, room: int | None) -> Iterator[str]:
    """Yield a text after its lead, further lines indented below the text; wrapped if there is a room (columns)."""
    indent = width(lead)
    parts = wrap(text, max(20, room - indent)) if room else [text]
    for number, part in enumerate(parts):
        yield ((" " * indent if number else lead) + part).rstrip()


def block(facts: Iterable[tuple[str, str]], room: int | None = None) -> Iterator[str]:
    """Yield (label, text) pairs as an indented two-column block; the lines of a text are aligned below each other.

    A pair of empty strings is an empty line. Labels longer than the column widen it for the whole block.
    """
    pairs = [(sentence(label), text) for label, text in facts]
    column = max([LABEL, *(width(label) + 2 for label, _ in pairs)])
    for label, text in pairs:
        for number, line in enumerate(text.split("\n")):
            lead = "  " + pad("" if number else label, column)
            yield from (_copied if label in _COPIED else hang)(lead, escape(line), room)


def _copied(lead: str, text: str, room: int | None) -> Iterator[str]:
    """Yield a text in which commands stay whole: where it is too long it is broken between its parts."""
    if room is None or width(lead + text) <= room:
        yield lead + text
        return
    for part in text.split(_BETWEEN):
        yield from hang(lead, part, None if _COMMAND.match(part) else room)
        lead = " " * width(lead)


def ends(left: str, right: str, columns: int) -> str:
    """Return one line with a text at its left and one at its right end, at least two spaces apart."""
    if not right:
        return left
    return left + " " * max(2, columns - width(left) - width(right)) + right
