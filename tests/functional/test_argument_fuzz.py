"""Hostile words for every operation of the catalogue: never a traceback, a defect, a hang, or exit 1 for a mistake.

The lines are made from the fields that each operation declares, so that a new one is tried by itself.
"""

import os
import random
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conftest import Handrail
from handrail.catalog import every_operation
from handrail.core.fields import Field, Type
from handrail.core.operation import Effect, Operation

LINES = 3000
SEED = 9
HANGS_AFTER = 600  # seconds for all lines of one operation; a line takes milliseconds

OPERATIONS = {operation.name or "overview": operation for operation in every_operation()}

TEXTS = (
    *(
        "",
        " ",
        "-",
        "--",
        "---",
        "-x",
        "--all",
        "*",
        "?",
        "[",
        "]",
        "[" * 400,
        "{",
        "}",
        "%s",
        "%(x)s",
        "{0}",
        "\\",
        "'",
    ),
    *(
        '"',
        "`id`",
        "$(id)",
        ";id",
        "|",
        "&",
        "~",
        "#",
        "a=b",
        "=",
        "a=",
        "=b",
        ",",
        ",,",
        "a,b",
        "a" * 300,
        "b" * 70_000,
    ),
    *("\n", "\r\n", "\t", "a\x1b[31mb", "\x07", "\x00", "a\x00b", "\x9b", "\udcff", "a\udcffb", "\ud800", "\u202eabc"),
    *("\u200b", "\ufeff", "é", "名前", "\U0001f600", "\u0660", "１", "a\u0301", "\U000e0041", "İ", "ß"),
    *(
        "i-0fffffffffffffff1",
        "i-1",
        "I-0FFFFFFFFFFFFFFF1",
        "ami-0fffffffffffffff1",
        "sg-1",
        "subnet-1",
        "arn:aws:s3:::x",
    ),
    *(
        "us-east-1",
        "eu-west-1",
        "t3.nano",
        "t3.large",
        "ubuntu",
        "running",
        "pending",
        "strict",
        "true",
        "None",
        "null",
    ),
    *("s3://x", "http://x", "../../x", "a/../b", "handrail:owner=x", "Name=x", "2026-01-01", "2026-13-41", "1d", "-1d"),
    *("9" * 30 + "d", "90s", "1e9", "0x10", "web", "fuzz-bucket"),
)
NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "1.5",
    "",
    " 1",
    "1 ",
    "1e3",
    "0x1",
    "9" * 19,
    "9" * 5000,
    "１",
    "\u0663",
    "+1",
    "--1",
    "x",
    "NaN",
)
# Made by `oddities`; a pipe without a writer costs two seconds of waiting, and has tests of its own.
PATHS = (
    *("folder", "socket", "loop", "nowhere", "empty", "deep.json", "deep.toml", "binary", "bom.toml", "/dev/null"),
    *(
        "/dev/zero",
        "/dev/full",
        "empty/below",
        "x" * 256,
        "y/" * 2100,
        "folder/",
        "./empty",
        "dangling",
        "handrail.toml~",
    ),
)
GLOBALS = {
    "--output": ("xml", "json", "yaml", "csv", "table", "", "JSON", "\udcff"),
    "--query": (
        "[?",
        "[0]",
        "length(@)",
        "[" * 5000,
        "a" + ".a" * 5000,
        "",
        "\x00",
        "nope(@)",
        "@",
        "`",
        "[?a=='\udcff']",
    ),
    "--target": ("sandbox", "sandbx", "", "\udcff"),
    "--region": ("us-est-1", "eu-west-1", "", "mars-1", "\x1b"),
    "--policy": PATHS,
    "--log-file": PATHS,
    "--profile": ("", "nobody", "\x1b[2J"),
}
FLAGS = (
    "-v",
    "-vv",
    "-vvvvv",
    "--quiet",
    "--no-input",
    "--yes",
    "--no-color",
    "--no-such-option",
    "-Z",
    "--help",
    "--version",
)
VARIABLES = (
    "OUTPUT",
    "QUERY",
    "REGION",
    "POLICY",
    "YES",
    "NO_INPUT",
    "QUIET",
    "VERBOSE",
    "LOG_FILE",
    "HOME_REGION",
    "LEASE_L",
)


def oddities(folder: Path) -> None:
    """Make the things that PATHS names, in a folder."""
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "empty").write_bytes(b"")
    (folder / "deep.json").write_text("[" * 100_000)
    (folder / "deep.toml").write_text("a = " + "[" * 100_000)
    (folder / "binary").write_bytes(bytes(range(256)))
    (folder / "bom.toml").write_bytes(b"\xef\xbb\xbf[ec2]\n")
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(folder)  # the name of a socket may not be long
        try:
            one.bind("socket")
        finally:
            os.chdir(here)


@dataclass
class Line:
    """One command line and the variables that it runs with."""

    words: list[str]
    environ: dict[str, str]


class Maker:
    """Makes the lines of one operation by a seed of its own."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.chance = random.Random(f"{SEED} {operation.name}")

    def lines(self, count: int) -> Iterator[Line]:
        """Yield so many lines."""
        for _ in range(count):
            yield Line(self._words(), self._environ())

    def _words(self) -> list[str]:
        words: list[str] = []
        for field in self.operation.fields:
            if self.chance.random() < (0.9 if field.required or field.positional else 0.25):
                for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
                    words += self._given(field)
        for option, values in GLOBALS.items():
            if self.chance.random() < 0.06:
                words += [option, self.chance.choice(values)]
        words += [flag for flag in FLAGS if self.chance.random() < 0.05]
        if self.chance.random() < 0.1:
            self.chance.shuffle(words)
        if self.operation.effect is Effect.LOCAL:
            # What works on this machine is only ever refused here; in front, where no option takes it for its value.
            words.insert(0, "--no-such-option")
        elif self.operation.has_dry_run:
            words.insert(0, "--dry-run")
        return [*self.operation.name.split(), *words]

    def _given(self, field: Field[Any]) -> list[str]:
        value = self._value(field)
        if field.positional:
            return [value]
        if field.type is Type.FLAG:
            return [f"{field.option}={value}"] if self.chance.random() < 0.1 else [field.option]
        name = self.chance.choice((field.option, *(f"--{alias}" for alias in field.aliases)))
        shapes: tuple[list[str], ...] = ([name, value], [name, value], [f"{name}={value}"], [name])
        return self.chance.choice(shapes)

    def _value(self, field: Field[Any]) -> str:
        pools: list[Any] = [TEXTS]
        if field.type is Type.NUMBER:
            pools = [NUMBERS, NUMBERS, TEXTS]
        elif field.type is Type.FILE or field.metavar in ("FILE", "PATH"):
            pools = [PATHS, PATHS, TEXTS]
        elif field.choices:
            pools = [field.choices, TEXTS]
        return str(self.chance.choice(self.chance.choice(pools)))

    def _environ(self) -> dict[str, str]:
        if self.chance.random() > 0.1:
            return {}
        name = self.chance.choice(VARIABLES)
        return {f"HANDRAIL_{name}": self.chance.choice((*TEXTS, *PATHS)).replace("\0", "")}


@pytest.fixture
def in_time() -> Iterator[None]:
    """Fail what hangs."""

    def stop(*_: object) -> None:
        raise AssertionError(f"a line hangs: {HANGS_AFTER} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANGS_AFTER)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.usefixtures("in_time")
def test_hostile_words_are_answered(handrail: Handrail, name: str) -> None:
    operation = OPERATIONS[name]
    oddities(handrail.cwd)
    if operation.effect is Effect.LOCAL:
        handrail.environ["HANDRAIL_STATE_DIR"] = str(handrail.cwd / "no-sandbox")
    for line in Maker(operation).lines(-(-LINES // len(OPERATIONS))):
        done = handrail(*line.words, **line.environ)
        told = f"{line}\nexit {done.code}\n{done.out[-2000:]}{done.err[-4000:]}"[:12_000]
        assert done.code in (0, 2, 3, 4, 5, 6, 7, 8), told
        assert "itself failed" not in done.err, told
        assert "Traceback" not in done.err or {"-vv", "-vvvvv"} & set(line.words) or line.environ, told
        assert "\x1b" not in done.err, told
