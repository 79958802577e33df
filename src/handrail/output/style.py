"""How a command was asked to speak: one frozen value that every writer of this package takes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TextIO


@dataclass(frozen=True)
class Style:
    """The look of a command's words.

    format: table, json, csv or yaml. explicit: it was asked for with -o, so that even a scalar keeps it. width: columns
    of the terminal. owner: returns the caller's own owner name, `you` in tables; it costs a call. redact: masks secrets
    in messages; rows are data and stay.
    """

    format: str = "table"
    explicit: bool = False
    query: str | None = None
    color: bool = False
    width: int = 80
    quiet: bool = False
    verbose: int = 0
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    owner: Callable[[], str] = lambda: ""
    redact: Callable[[str], str] = str

    @property
    def for_people(self) -> bool:
        """Return whether messages are sentences; JSON and YAML are for programs and get objects."""
        return self.format in ("table", "csv")

    def hiding(self, facts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the pairs of a block, secrets in their texts masked."""
        return [(label, self.redact(text)) for label, text in facts]

    def colors(self, stream: TextIO) -> bool:
        """Return whether colour may go to this stream: a pipe never gets any."""
        return self.color and stream.isatty()

    def room(self, stream: TextIO) -> int | None:
        """Return the columns to wrap at; None in a pipe, where long lines stay whole."""
        return self.width if stream.isatty() else None
