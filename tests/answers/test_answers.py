"""Every operation, each call that it makes, each kind of what is no answer of AWS: exit 1, and nothing believed.

The cells make themselves: from the calls that a command line makes undisturbed, and from the row of each call
(aws/answers.py). `make prove` tries each kind at each call once (of what takes long, some), mostly in the line that is
cheapest, now and then in another; an ordinary run tries a part of these, the same in every run.
`HANDRAIL_MATRIX=full make prove` tries all of them in every line.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

from conftest import Done
from handrail.aws.service import find_service
from ledger.proxies import Exchange
from wire import Reply

from .calls import LINES, Ground, Line, record
from .conftest import started
from .spoiling import Kind, kinds_of
from .test_open import CHANGES, is_about, is_change, judge

FULL = os.environ.get("HANDRAIL_MATRIX") == "full"
PAIRS_ONE_IN = 1 if os.environ.get("HANDRAIL_MATRIX") == "pairs" else 6
ANY_LINE_ONE_IN = 8
SLOW_PART_OF, WAITING_PART_OF = 12, 24  # of the pairs of a call and such a kind an ordinary run tries one in so many
# `make prove` shares the lines among its processes: most of the time they wait.
SHARES = {"full": 20, "pairs": 4}.get(os.environ.get("HANDRAIL_MATRIX", ""), 1)
Rehearsal = Mapping[Line, Sequence[Exchange]]


@dataclass(frozen=True)
class Without:
    """An answer that a command does without, exit 0; each is a pattern.

    call: its name. said: what the command says then; empty where it finds out otherwise. lines: those that do so.
    """

    call: str
    said: str
    why: str
    lines: str = ".*"

    def allows(self, ran: "Ran") -> bool:
        """Return whether this is why a cell is exit 0."""
        said = ran.done.out + ran.done.err
        is_here = re.fullmatch(self.call, ran.cell.call) and re.fullmatch(self.lines, ran.cell.line.name)
        return bool(is_here and re.search(self.said, said))


DOES_WITHOUT = (
    Without("dynamodb:PutItem", "", "the holders item is read back, and tells whether it was written"),
    Without("dynamodb:GetItem", "place could not be confirmed|freed by the next command", "a place settles itself"),
    Without("dynamodb:TransactWriteItems", "could not be put on record", "it stays open, and is settled later"),
    Without("ec2:DescribeInstances", "can't be looked at", "what can't be looked at counts as taken, and nothing else"),
    Without("ec2:DescribeInstances", "", "a place that can't be looked at counts as taken", "ec2 create --dry-run.*"),
    Without("ec2:DescribeInstances", "is rebooting", "it was answered; a look after it is a courtesy", "ec2 reboot"),
    Without(
        "s3:Get.*",
        '"note": ".* (cut the connection|does not answer)',
        "no answer came about one of several: it says so",
        "s3 list.*",
    ),
    Without("s3:CreateBucket", "", "its tags show that this request made it"),
    Without("s3:PutObject", "", "the object's checksum shows that it is there"),
    Without("s3:CompleteMultipartUpload", "", "the object's checksum shows that it is there"),
)


@dataclass(frozen=True)
class Cell:
    """One kind of fault at one call of a command line."""

    line: Line
    exchange: Exchange
    kind: Kind

    @property
    def call(self) -> str:
        """Return the name of the call."""
        return self.exchange.call.name

    @property
    def pair(self) -> tuple[str, str]:
        """Return the call and the kind by name."""
        return self.call, self.kind.name

    @property
    def chance(self) -> int:
        """Return a number that is this cell's in every run."""
        return crc32(str(self).encode())

    def __str__(self) -> str:
        return f"{self.line.name} | {self.kind.name} | {self.call} {self.exchange.call.nth}"


@dataclass(frozen=True)
class Ran:
    """What a cell came to. name: what its command line is about. made: the calls that passed by."""

    cell: Cell
    name: str
    argv: Sequence[str]
    done: Done
    made: Sequence[str]

    def report(self, fault: str) -> str:
        """Return what a person needs to know of a fault."""
        return f"{self.cell}: {fault}: exit {self.done.code}\n{self.done.out[-300:]}{self.done.err[-700:]}"


# ---- which cells


def all_cells(rehearsal: Rehearsal) -> list[Cell]:
    """Return every cell of these lines."""
    return [
        Cell(line, exchange, kind)
        for line, exchanges in rehearsal.items()
        for exchange in exchanges
        for kind in kinds_of(exchange)
    ]


def some_cells(rehearsal: Rehearsal) -> list[Cell]:
    """Return of each call and kind, or of a part of these, one cell: of the line with the fewest changes or of any."""
    costs = {line: len(exchanges) + 5 * sum(map(changes, exchanges)) for line, exchanges in rehearsal.items()}
    of: dict[tuple[str, str], list[Cell]] = {}
    for cell in all_cells(rehearsal):
        of.setdefault(cell.pair, []).append(cell)
    chosen = []
    for pair, cells in of.items():
        chance, kind = crc32(repr(pair).encode()), cells[0].kind
        part = PAIRS_ONE_IN * (WAITING_PART_OF if kind.waits else SLOW_PART_OF if kind.slow else 1)
        if chance % part == 0:
            cells.sort(key=lambda cell: cell.chance)
            any_line = chance // part % ANY_LINE_ONE_IN == 0
            chosen.append(cells[0] if any_line else min(cells, key=lambda cell: costs[cell.line]))
    return chosen


def changes(exchange: Exchange) -> bool:
    """Return whether a call changes anything, the ledger too."""
    return is_change(exchange) or exchange.call.name in _WRITES


_TAKES = ("ec2:RunInstances", "ec2:StartInstances")  # what is made by these has a place
_WRITES = tuple(f"dynamodb:{call}" for call in ("PutItem", "TransactWriteItems", "DeleteItem"))


def _by_cost(line: Line) -> tuple[bool, bool]:
    return line.operation in CHANGES, not line.operation.endswith("list")  # lists are long once much was made


ORDERED = sorted(LINES, key=_by_cost)


# ---- a cell


class Trial:
    """Runs cells of a line one by one; what the line is about is made anew once a cell may have changed something."""

    def __init__(self, ground: Ground, line: Line, undisturbed: Sequence[Exchange]) -> None:
        self._ground, self._line, self._number = ground, line, 0
        self._usual = Counter(one.call.name for one in undisturbed)
        self._name, self._argv = "", list[str]()

    def faults(self, cells: Sequence[Cell]) -> list[str]:
        """Run cells and return what is wrong, in words."""
        found = []
        for cell in cells:
            ran, faults = self._try(cell)
            found += [ran.report(fault) for fault in (*faults, *self._on_record(ran))]
        if self._line.operation.startswith("ec2") and "first" not in self._held():
            found.append(f"{self._line.name}: the place of the first instance was freed")
        return found

    def _try(self, cell: Cell) -> tuple[Ran, list[str]]:
        """Run a cell, its reply spoiled once; and where that was tried again and went well, with every attempt."""
        hits, ran = self._run(cell, cell.exchange.call.nth, every=cell.kind.every)
        if not hits:  # looks overtake each other
            hits, ran = self._run(cell, 1, every=True)
        if hits and ran.done.code == 0 and ran.made.count(cell.call) > self._usual[cell.call]:
            hits, ran = self._run(cell, cell.exchange.call.nth, every=True)
        return ran, list(_faults(ran)) if hits else ["never reached"]

    def _run(self, cell: Cell, nth: int, *, every: bool) -> tuple[int, Ran]:
        if not self._argv:
            self._number += 1
            self._name = f"cell-{LINES.index(self._line)}-{self._number}"
            self._argv = self._line.make(self._ground, self._name)
        hits = []

        def how(exchange: Exchange) -> Reply:
            reply = cell.kind.how(exchange)
            hits.extend([exchange] * (reply != exchange.reply))
            return reply

        patience = {"HANDRAIL_SANDBOX_READ_TIMEOUT": "2"} if cell.kind.waits else {}
        with self._ground.proxy.spoiling(cell.call, nth, how, every=every) as order:
            done = self._ground.run(self._argv, **patience)
        ran = Ran(cell, self._name, self._argv, done, [one.call.name for one in order.exchanges])
        if any(map(changes, order.exchanges)):
            self._argv = []
        return len(hits), ran

    def _on_record(self, ran: Ran) -> Iterator[str]:
        """Yield what the record and the places say of a cell that they must not; then let nobody settle it."""
        if is_change(ran.cell.exchange) and not ran.cell.kind.is_answer:
            if self._line.name == "s3 update --public" and f"access    {ran.name} is private" in ran.done.err:
                return  # taken back, and seen to be private: that is no open end
            rows = self._ground.handrail.json("audit", "list", "--since", "10m")
            rows = [row for row in rows if row["operation"] == self._line.operation]
            mine = [row for row in rows if is_about(row, ran.name, ran.argv)]
            try:
                judge(ran.done, str(mine[-1]["result"]) if mine else "not there", "on record")
            except AssertionError as wrong:
                yield str(wrong)
            if ran.cell.call in _TAKES and ran.name not in self._held():
                yield "its place was freed"
        if ran.done.code and set(ran.made) & set(_WRITES):
            self._ground.sandbox.forget_what_is_open()

    def _held(self) -> set[str]:
        places = self._ground.handrail.json("lease", "list")
        return {place["name"] for place in places if place["state"] != "outside"}


def _faults(ran: Ran) -> Iterator[str]:
    """Yield what is wrong with what a cell says."""
    done, cell = ran.done, ran.cell
    said = done.out + done.err
    if "itself failed" in said or "Traceback" in said:
        yield "a defect of its own"
    if "\x1b" in said:
        yield "foreign words reach the terminal as they are"
    if cell.kind.is_answer:
        return
    if done.code not in (0, 1):
        yield f"exit {done.code}"
    if done.code == 0 and not any(one.allows(ran) for one in DOES_WITHOUT):
        yield "believed"
    if "public" in cell.line.variant and re.search(r'"access": "private"', done.out):
        yield "a public bucket is shown as private"


# ---- the tests


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """Return a ground of its own: requests are forgotten there, which `audit verify` finds."""
    with started(tmp_path) as ground:
        yield ground


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("share", range(SHARES))
def test_nothing_but_an_answer_counts(share: int, ground: Ground) -> None:
    """Every process rehearses all lines, for a cell is chosen among them, and tries the cells of its share of them."""
    mine = ORDERED[share::SHARES]
    rehearsal = {}
    for line in mine if FULL else ORDERED:
        done, rehearsal[line] = record(ground, line, f"rehearsal-{LINES.index(line)}")
        assert done.code == 0, done.err
        calls = [one.call.name.split(":") for one in rehearsal[line] if one.call.is_ours]
        assert all(find_service(service).answer(call) for service, call in calls), line.name
    cells = [cell for cell in (all_cells(rehearsal) if FULL else some_cells(rehearsal)) if cell.line in mine]
    found: list[str] = []
    for line in mine:
        found += Trial(ground, line, rehearsal[line]).faults([cell for cell in cells if cell.line == line])
    assert not found, f"{len(found)} faults in {len(cells)} cells\n" + "\n\n".join(found)
