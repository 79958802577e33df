"""The record of a machine, where the account has no ledger."""

import json
from pathlib import Path

import pytest

from handrail.core.errors import NotSetUp
from handrail.ledger.local import LocalRecord
from handrail.ledger.record import Intent, Verdict
from memory_table import caller

INTENT = Intent("r1", "ec2 create", "web", "us-east-1", "aws", {"name": "web"})


def test_entries_are_lines_that_only_their_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "state" / "audit.jsonl"
    record = LocalRecord(path, caller(), lambda: 5.0)
    record.intend([INTENT])
    assert record.settle(Verdict("r1", "succeeded"))
    record.intend_and_settle(INTENT, Verdict("r1", "refused", 3))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["intent", "outcome", "intent", "outcome"]
    assert (lines[0]["actor"], lines[0]["owner"], lines[0]["at"], lines[0]["given"]) == (
        caller().arn,
        "dev-1",
        5.0,
        {"name": "web"},
    )
    assert lines[1]["by"] == caller().arn
    assert path.stat().st_mode & 0o777 == 0o600
    assert (record.unfinished(), record.find("r1"), record.now()) == ([], None, 5.0)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(NotSetUp, match="can't be written"):
        LocalRecord(tmp_path / "state" / "audit.jsonl", caller(), lambda: 5.0).intend([INTENT])
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotSetUp, match=r"the audit file .*folder can't be written"):
        LocalRecord(tmp_path / "folder", caller(), lambda: 5.0).intend([INTENT])


def test_what_stands_in_a_file_is_settled_by_nobody_else(tmp_path: Path) -> None:
    assert LocalRecord(tmp_path / "audit.jsonl", caller(), lambda: 0.0).renew("r1")
