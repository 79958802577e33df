"""Whatever happens after a change was sent leaves it open, unless AWS has refused it for certain (docs/adr/0009).

Every operation x every call of it that changes something x a way in which we do not hear of it: the call is carried
out, and the record must not say that it failed, nor may its place be given away.
"""

import _thread
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import pytest

from conftest import Done
from handrail.aws.acting import changes_something
from handrail.catalog import every_operation
from ledger.proxies import Exchange, Spoil
from wire import Reply

from .calls import LINES, Ground, Line, record

CHANGES = {one.name for one in every_operation() if one.mutates and one.on_record}
ON_THIS_MACHINE = ("audit anchor",)  # command lines of an operation that send nothing which changes AWS
CHANGING = [
    line
    for line in LINES
    if line.operation in CHANGES and "--dry-run" not in line.variant and line.name not in ON_THIS_MACHINE
]


def empty(exchange: Exchange) -> Reply:
    """Return a reply with nothing in it but its root."""
    root = re.search(rb"<([A-Z]\w+)[^>]*>", exchange.reply.body)
    return exchange.reply.saying(body=b"<%s/>" % root[1] if root else b"")


def of_another(exchange: Exchange) -> Reply:
    """Return the reply of another operation."""
    return exchange.reply.saying(body=b"<ListThingsResponse><thing>1</thing></ListThingsResponse>")


def interrupted(exchange: Exchange) -> Reply:
    """Return a reply just as the person presses Ctrl-C."""
    _thread.interrupt_main()
    return exchange.reply


FAULTS: Mapping[str, Spoil] = {"empty": empty, "of another": of_another, "ctrl-c": interrupted}
_turns = cycle(FAULTS)


def test_whatever_changes_something_can_be_settled_later() -> None:
    assert {line.operation for line in LINES} >= CHANGES
    assert all(one.recover is not None for one in every_operation() if one.name in CHANGES)


def faults_of(exchange: Exchange, line: Line) -> Sequence[str]:
    """Return which faults to try: all where places are taken, else one in turn, Ctrl-C where the reply says nothing."""
    if not exchange.reply.body:
        return ["ctrl-c"]
    return list(FAULTS) if line.operation in ("ec2 create", "ec2 start") else [next(_turns)]


def is_change(exchange: Exchange) -> bool:
    """Return whether a call changes something; the ledger's aside."""
    service, _, operation = exchange.call.name.partition(":")
    return service != "dynamodb" and changes_something(service, operation)


@pytest.mark.parametrize("line", CHANGING, ids=lambda line: line.name)
def test_what_was_done_and_not_heard_is_not_called_failed(line: Line, ground: Ground) -> None:
    at = CHANGING.index(line)
    _, exchanges = record(ground, line, f"open-{at}")
    changes = {exchange.call: exchange for exchange in exchanges if is_change(exchange)}
    assert changes
    cells = [(call, fault) for call, exchange in changes.items() for fault in faults_of(exchange, line)]
    ended = []
    for number, (call, fault) in enumerate(cells):
        name = f"open-{at}-{number}"
        argv = line.make(ground, name)
        with ground.proxy.spoiling(call.name, call.nth, FAULTS[fault]) as order:
            done = ground.run(argv)
        assert order.struck == 1, f"{call} of {argv} is never reached"
        ended.append((name, argv, done, f"{argv} {call} {fault}: exit {done.code}\n{done.err}"))
    rows = ground.handrail.json("audit", "list")
    for name, argv, done, cell in ended:
        mine = [row for row in rows if row["operation"] == line.operation and is_about(row, name, argv)]
        assert mine, f"not on record: {cell}"
        judge(done, str(mine[-1]["result"]), cell)
    if line.operation in ("ec2 create", "ec2 start"):
        held = {place["name"] for place in ground.handrail.json("lease", "list") if place["state"] != "outside"}
        assert {name for name, *_ in ended} <= held


def is_about(row: Mapping[str, object], name: str, argv: Sequence[str]) -> bool:
    """Return whether a row of the record is about a thing, by its name or by the id that the command line gives."""
    words = {name, *(word for word in argv if word.startswith("i-"))}
    text = f"{row['resource']}/{row['request']}"
    return any(re.search(rf"(^|/){re.escape(word)}(/|$)", text) for word in words)


def judge(done: Done, result: str, cell: str) -> None:
    """Assert that a cell is on record as done, or as open, and says so."""
    if done.code == 0:
        assert result in ("succeeded", "unchanged"), f"{result}: {cell}"
        return
    assert result in ("open", "succeeded"), f"{result}: {cell}"
    if result == "open":
        assert "  open " in done.err or "  finish " in done.err, cell


def test_a_reply_that_cannot_be_used_frees_no_place(ground: Ground) -> None:
    """The replies of all creates are useless, and every look is late: never one more than the cap."""
    taken = len([row for row in ground.handrail.json("lease", "list") if row["state"] != "outside"])
    before = len(ground.sandbox.instances(state="pending,running"))
    policy = ground.folder / "two.toml"
    policy.write_text(f'preset = "strict"\n[ec2]\nmax_running = {before + 2}\n')
    assert taken <= before
    spoils: list[Callable[[Exchange], Reply]] = [empty, of_another, empty, of_another]
    codes = []
    for number, spoil in enumerate(spoils):
        with ground.proxy.spoiling("ec2:RunInstances", 1, spoil):
            words = ["ec2", "create", "--name", f"useless-{number}", "--no-wait"]
            codes.append(ground.run(words, HANDRAIL_POLICY=str(policy)).code)
    assert codes == [1, 1, 3, 3]
    assert len(ground.sandbox.instances(state="pending,running")) == before + 2
