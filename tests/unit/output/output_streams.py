"""Streams and values that the tests of the writer share."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from handrail.core.caller import Where
from handrail.core.resources import Instance
from handrail.output.messages import Console
from handrail.output.style import Style

NOW = datetime(2026, 11, 5, 12, 0, 0, tzinfo=UTC)
SANDBOX = Where("sandbox", "000000000000", "us-east-1")
AWS = Where("aws", "123456789012", "eu-west-1")


class Screen(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Keyboard(Screen):
    """A terminal whose bytes are no text."""

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


class Shared(io.StringIO):
    """One half of a pair of streams that end in the same file: writes are kept in the order they are flushed."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self._log = log

    def flush(self) -> None:
        if text := self.getvalue():
            self._log.append(text)
        self.seek(0)
        self.truncate()


class Latin(io.StringIO):
    """A stream of an encoding that can't hold every character."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "ISO-8859-1"


@dataclass
class Stage:
    """A console, and what it wrote."""

    style: Style = field(default_factory=lambda: Style(now=NOW))
    out: io.StringIO = field(default_factory=io.StringIO)
    err: io.StringIO = field(default_factory=io.StringIO)
    stdin: io.StringIO = field(default_factory=io.StringIO)
    where: Where = SANDBOX
    yes: bool = False
    no_input: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        self.console = Console(
            self.out,
            self.err,
            self.stdin,
            self.style,
            lambda: self.where,
            yes=self.yes,
            no_input=self.no_input,
            dry_run=self.dry_run,
        )

    @property
    def wrote(self) -> tuple[str, str]:
        """Return what stands on stdout and stderr."""
        return self.out.getvalue(), self.err.getvalue()


def no_results(*given: Any) -> tuple[()]:
    """Apply a plan that nobody applies."""
    return ()


def look(**given: Any) -> Style:
    """Return a style at the tests' fixed time."""
    return Style(**{"now": NOW, **given})


def instance(**given: Any) -> Instance:
    """Return an instance, three hours old."""
    values: dict[str, Any] = {
        "id": "i-0c1d2e3f4a5b6c7d8",
        "name": "web",
        "type": "t3.nano",
        "state": "running",
        "image": "Ubuntu 26.04",
        "image_id": "ami-0a1b2c3d4e5f60718",
        "architecture": "x86_64",
        "owner": "dev-1",
        "created_at": NOW - timedelta(hours=3),
        "public_ip": None,
        "private_ip": "10.0.1.5",
        "availability_zone": "us-east-1a",
        "region": "us-east-1",
        "managed": True,
        "tags": {"Name": "web"},
    }
    return Instance(**{**values, **given})
