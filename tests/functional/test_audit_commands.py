"""`audit list|verify|anchor`: the rows, the filters, the formats, and every way of tampering with the table."""

import csv
import io
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import FAST, Handrail, Sandbox, clean_environ, start_sandbox
from handrail.sandbox import launcher
from handrail.sandbox.keys import ACCOUNT

TABLE = "handrail-ledger"


class Audited:
    """An account of its own with a record, and a stranger who may write to its table."""

    def __init__(self, folder: Path) -> None:
        self.sandbox: Sandbox = start_sandbox(folder / "state")
        (folder / "home").mkdir()
        environ = {**FAST, **clean_environ(folder / "home"), "HANDRAIL_STATE_DIR": str(self.sandbox.state_dir)}
        self.handrail = Handrail(environ, folder)
        self.folder = folder
        self.table: Any = self.sandbox.client("dynamodb")

    def chain(self) -> list[dict[str, Any]]:
        """Return the raw items of dev-1's chain."""
        names = self.table.query(
            TableName=TABLE, KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "chains"}}
        )["Items"]
        name = next(one["sk"]["S"] for one in names if one["actor"]["S"].endswith("/dev-1"))
        items: list[dict[str, Any]] = self.table.query(
            TableName=TABLE,
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": f"chain#{name}"}},
        )["Items"]
        return items

    def put(self, item: dict[str, Any]) -> None:
        """Write an item past all rules."""
        self.table.put_item(TableName=TABLE, Item=item)

    def drop(self, item: dict[str, Any]) -> None:
        """Remove an item past all rules."""
        self.table.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})

    def kinds(self, *words: str) -> set[tuple[str, int]]:
        """Return what `audit verify` finds: kind and number of the entry."""
        return {(kind, seq) for kind, seq, _ in self.faults(*words)}

    def faults(self, *words: str) -> set[tuple[str, int, str]]:
        """Return what `audit verify` finds: kind, number of the entry, and the row beside the record."""
        done = self.handrail("audit", "verify", "-o", "json", *words)
        proof = done.json
        found = {(fault["kind"], fault["seq"], fault["about"]) for fault in proof["faults"]}
        bad = [fault for fault in proof["faults"] if fault["severity"] != "notice"]
        assert done.code == (1 if bad else 0)
        assert proof["holds"] == (not bad)
        if bad:
            assert done.error["code"] == "record_broken"
        return found


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    audited = Audited(tmp_path_factory.mktemp("audit"))
    handrail = audited.handrail
    handrail.ok("ec2", "create", "--name", "web")
    handrail.ok("ec2", "stop", "web")
    assert handrail("ec2", "stop", "nothing").code == 4
    assert handrail.owner("dev-2")("ec2", "create", "--type", "m5.large").code == 3
    yield audited
    launcher.stop(audited.sandbox.state_dir)


@pytest.fixture(autouse=True)
def _mended(audited: Audited) -> Iterator[None]:
    """Put the table back as it was after each test."""
    before = audited.table.scan(TableName=TABLE)["Items"]
    yield
    for item in audited.table.scan(TableName=TABLE)["Items"]:
        audited.drop(item)
    for item in before:
        audited.put(item)


# ---- list


def test_list_has_a_row_per_request_in_order(audited: Audited) -> None:
    rows = audited.handrail.json("audit", "list")
    assert [(row["operation"], row["result"], row["code"], row["owner"]) for row in rows] == [
        ("ec2 create", "succeeded", 0, "dev-1"),
        ("ec2 stop", "succeeded", 0, "dev-1"),
        ("ec2 stop", "refused", 4, "dev-1"),
        ("ec2 create", "refused", 3, "dev-2"),
    ]
    first = rows[0]
    assert first["at"].endswith("Z")
    assert "." not in first["at"]
    assert first["actor"].endswith(":user/dev-1")
    assert first["resource"].startswith("i-")
    assert first["duration_ms"] > 0
    assert first["given"] == {"name": "web"}
    assert (first["requester"], first["target"], first["region"]) == (None, "sandbox", "us-east-1")


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--owner", "dev-2"], 1),
        (["--owner", "dev"], 0),
        (["--actor", "user/dev-1"], 3),
        (["--operation", "ec2 stop"], 2),
        (["--result", "refused"], 2),
        (["--result", "open"], 0),
        (["--resource", "nothing"], 1),
        (["--resource", "noth"], 0),
        (["--resource", "web"], 1),
        (["--since", "1h"], 4),
        (["--since", "2099-01-01T00:00:00Z"], 0),
        (["--since", "2020-01-01"], 4),
        (["--operation", "ec2 stop", "--result", "succeeded"], 1),
    ],
)
def test_filters(audited: Audited, words: list[str], count: int) -> None:
    assert len(audited.handrail.json("audit", "list", *words)) == count


@pytest.mark.parametrize("since", ["yesterday", "1w", "-1h", ""])
def test_a_since_that_is_no_time(audited: Audited, since: str) -> None:
    done = audited.handrail("audit", "list", f"--since={since}")
    assert done.code == 2


@pytest.mark.parametrize("since", ["999999999d", "999999999h"])
def test_a_since_that_goes_back_too_far(audited: Audited, since: str) -> None:
    done = audited.handrail("audit", "list", "--since", since)
    assert done.code == 2
    assert f'"{since}" goes back to before the year 1.' in done.err
    assert "handrail audit list --since 2d" in done.err


def test_all_formats(audited: Audited) -> None:
    table = audited.handrail.ok("audit", "list").out.splitlines()
    assert table[0].split() == ["AGE", "OWNER", "OPERATION", "RESOURCE", "RESULT", "REQUEST"]
    assert len(table) == 5
    rows = list(csv.DictReader(io.StringIO(audited.handrail.ok("audit", "list", "-o", "csv").out)))
    assert [row["result"] for row in rows] == ["succeeded", "succeeded", "refused", "refused"]
    assert len(yaml.safe_load(audited.handrail.ok("audit", "list", "-o", "yaml").out)) == 4
    assert audited.handrail.ok("audit", "list", "--query", "[].result").out.split()[0] == "succeeded"
    assert "Nothing is on record." in audited.handrail.ok("audit", "list", "--owner", "nobody").err


@pytest.mark.parametrize(
    ("words", "requests"),
    [
        (["--owner", "dev-1"], 3),
        (["--actor", "user/dev-2"], 1),
        (["--operation", "ec2 stop"], 2),
        (["--operation", "ec2 stop", "--result", "refused"], 1),
        (["--resource", "nothing"], 1),
        (["--owner", "nobody"], 0),
    ],
)
def test_entries_of_a_request_are_found_together(audited: Audited, words: list[str], requests: int) -> None:
    rows = audited.handrail.json("audit", "list", "--entries", *words)
    assert [row["kind"] for row in rows] == ["intent", "outcome"] * requests


def test_an_outcome_is_found_by_an_intent_that_is_older(audited: Audited) -> None:
    """The intent is older than what was asked for, so only the outcome is listed, and still it is its owner's."""
    items = audited.chain()[:2]
    early = {"N": str(int(items[0]["at"]["N"]) - 7_200_000)}
    audited.put({**items[0], "at": early})
    audited.put({**items[0], "at": early, "pk": {"S": f"request#{items[0]['request']['S']}"}, "sk": {"S": "intent"}})
    listed = audited.handrail.json("audit", "list", "--entries", "--since", "1h", "--operation", "ec2 create")
    assert [(row["kind"], row["code"]) for row in listed] == [("outcome", 0), ("intent", None), ("outcome", 3)]
    assert len(audited.handrail.json("audit", "list", "--since", "1h", "--operation", "ec2 create")) == 1


def test_columns_are_the_same_whatever_comes_first(audited: Audited) -> None:
    def csv_of(*words: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(audited.handrail.ok("audit", "list", "-o", "csv", *words).out)))

    entries = csv_of("--entries")
    assert [row["result"] for row in entries] == ["", "succeeded"] * 2 + ["", "refused"] * 2
    assert json.loads(entries[0]["given"]) == {"name": "web"}
    header = audited.handrail.ok("audit", "list", "-o", "csv", "--owner", "nobody").out.strip().split(",")
    assert header == list(csv_of()[0])
    assert ",".join(header).startswith(
        "at,actor,requester,operation,target,region,resource,result,code,duration_ms,request,"
    )
    table = audited.handrail.ok("audit", "list", "--entries").out.splitlines()
    assert table[0].split() == ["AGE", "CHAIN", "ENTRY", "KIND", "OPERATION", "RESOURCE", "RESULT", "REQUEST"]
    assert "8 entries" in audited.handrail.ok("audit", "list", "--entries").err


def test_entries_show_intents_and_outcomes(audited: Audited) -> None:
    rows = audited.handrail.json("audit", "list", "--entries")
    assert [row["kind"] for row in rows] == ["intent", "outcome"] * 4
    assert rows[0]["resolved"]["type"] == "t3.nano"
    assert rows[1]["instance"] == rows[1]["resource"]
    assert {row["seq"] for row in rows if row["chain"] == rows[0]["chain"]} == set(range(1, 7))


# ---- verify and anchor


def test_a_sound_record_holds_and_says_what_it_cannot_see(audited: Audited) -> None:
    done = audited.handrail.ok("audit", "verify")
    said = " ".join(done.out.split())
    assert "8 entries in 2 chains checked, nothing wrong" in said
    assert "not shown an edit by somebody who may write to the table and made all hashes after it anew" in said
    assert "or a tail that was cut" in said
    proof = audited.handrail.json("audit", "verify")
    assert (proof["holds"], proof["entries"], proof["chains"], proof["anchors"]) == (True, 8, 2, [])
    assert proof["anchored_entries"] == 0
    assert any("all hashes after it anew" in line for line in proof["does_not_show"])


@pytest.mark.parametrize("at", [0, 2, 5])
def test_one_flipped_byte_is_found(audited: Audited, at: int) -> None:
    item = audited.chain()[at]
    text = item["request"]["S"]
    audited.put({**item, "request": {"S": chr(ord(text[0]) ^ 1) + text[1:]}})
    assert ("edited", at + 1) in audited.kinds()


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("at", lambda text: text[:5] + "." + text[6:]),
        ("at", lambda text: "9" * 30),
        ("at", lambda text: text[:-1] + str(int(text[-1]) ^ 1)),
        ("seq", lambda text: "0.5"),
        ("code", lambda text: "1.5"),
        ("duration_ms", lambda text: "0.1"),
    ],
)
def test_one_flipped_byte_of_a_number_is_found(audited: Audited, name: str, spoil: Callable[[str], str]) -> None:
    item = audited.chain()[1]
    audited.put({**item, name: {"N": spoil(item[name]["N"])}})
    faults = audited.handrail("audit", "verify", "-o", "json").json["faults"]
    assert "edited" in [fault["kind"] for fault in faults]
    assert len(audited.handrail.json("audit", "list")) == 4
    assert len(audited.handrail.json("audit", "list", "--entries")) == 8
    audited.handrail.ok("audit", "list", "--entries")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at", {"N": "17955.27"}),
        ("at", {"N": "9" * 30}),
        ("at", {"B": b"x"}),
        ("given", {"S": "{"}),
        ("owner", {"N": "5"}),
        ("actor", {"BOOL": True}),
        ("resource", {"N": "5"}),
    ],
)
def test_an_edited_intent_is_listed_as_far_as_it_can_be_read(
    audited: Audited, name: str, value: dict[str, Any]
) -> None:
    audited.put({**audited.chain()[0], name: value})
    assert ("edited", 1) in audited.kinds()
    rows = audited.handrail.json("audit", "list", "--resource", "web")
    assert {row["operation"] for row in rows} <= {"ec2 create"}
    request = audited.chain()[0]["request"]["S"]
    first = next(row for row in audited.handrail.json("audit", "list") if row["request"] == request)
    assert (first["operation"], first["result"]) == ("ec2 create", "succeeded")
    entries = audited.handrail.json("audit", "list", "--entries")
    entry = next(row for row in entries if (row["request"], row["kind"]) == (request, "intent"))
    if name == "at":
        assert (first["at"], entry["at"]) == (None, None)
    if name == "given":
        assert (first["given"], entry["given"]) == ({}, "{")


@pytest.mark.parametrize("at", [0, 2])
def test_a_removed_entry_is_found(audited: Audited, at: int) -> None:
    audited.drop(audited.chain()[at])
    assert ("removed", at + 2) in audited.kinds()


def test_a_request_removed_from_the_end_is_found_with_an_anchor(audited: Audited) -> None:
    audited.handrail.ok("audit", "anchor", "anchor.json", "--yes")
    for last in audited.chain()[-2:]:
        audited.drop(last)
        audited.drop({"pk": {"S": f"request#{last['request']['S']}"}, "sk": last["kind"]})
    assert audited.kinds() == set()
    assert audited.kinds("--since-anchor", "anchor.json") == {("cut", 5)}


def test_an_outcome_removed_from_the_end_leaves_an_intent_that_nobody_would_settle(audited: Audited) -> None:
    last = audited.chain()[-1]
    request = last["request"]["S"]
    audited.drop(last)
    audited.drop({"pk": {"S": f"request#{request}"}, "sk": last["kind"]})
    assert audited.faults() == {("forgotten", 0, f"open/{request}")}


def test_a_removed_last_entry_leaves_its_copy(audited: Audited) -> None:
    audited.drop(audited.chain()[-1])
    assert audited.kinds() == {("unmatched", 6), ("forgotten", 0)}


def test_two_swapped_entries_are_found(audited: Audited) -> None:
    items = audited.chain()
    audited.put({**items[1], "sk": items[2]["sk"]})
    audited.put({**items[2], "sk": items[1]["sk"]})
    assert ("reordered", 2) in audited.kinds()


def test_a_fork_is_found(audited: Audited) -> None:
    from handrail.ledger.chain import Head, link

    items = audited.chain()
    second = {name: next(iter(value.values())) for name, value in items[1].items()}
    forged = link(Head(2, second["hash"]), {"kind": "intent", "request": "forged", "at": 1})
    raw = {name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in forged.items()}
    audited.put({**raw, "pk": items[0]["pk"], "sk": {"S": items[2]["sk"]["S"] + "b"}})
    assert ("fork", 3) in audited.kinds()


def test_an_edited_copy_is_found(audited: Audited) -> None:
    item = audited.chain()[0]
    copy = {**item, "pk": {"S": f"request#{item['request']['S']}"}, "sk": item["kind"], "owner": {"S": "dev-9"}}
    audited.put(copy)
    assert audited.kinds() == {("unmatched", 1)}


def test_a_chain_that_is_taken_off_the_list_is_checked_all_the_same(audited: Audited) -> None:
    item = audited.chain()[0]
    name = item["pk"]["S"].removeprefix("chain#")
    audited.drop({"pk": {"S": "chains"}, "sk": {"S": name}})
    audited.put({**item, "at": {"N": "1"}})
    assert ("edited", 1) in audited.kinds()


def test_taking_a_chain_off_the_list_is_found_blinds_no_anchor_and_lasts_until_the_next_change(
    audited: Audited,
) -> None:
    name = audited.chain()[0]["pk"]["S"].removeprefix("chain#")
    audited.drop({"pk": {"S": "chains"}, "sk": {"S": name}})
    assert audited.kinds() == {("unlisted", 0)}
    assert len(audited.handrail.json("audit", "list")) == 1
    audited.handrail.ok("audit", "anchor", "unlisted.json", "--yes")
    assert name in json.loads((audited.folder / "unlisted.json").read_text())["heads"]
    audited.handrail("ec2", "stop", "nothing")
    assert audited.kinds() == set()
    assert len(audited.handrail.json("audit", "list")) == 5


def test_an_anchor_holds_for_what_comes_after_it(audited: Audited) -> None:
    name = f"anchor-{uuid.uuid4().hex}.json"
    done = audited.handrail.ok("audit", "anchor", name)
    assert "has the heads of 2 chains" in done.out + done.err
    document = json.loads((audited.folder / name).read_text())
    assert document["handrail_anchor"] == 1
    assert (document["account"], document["region"]) == (ACCOUNT, "us-east-1")
    assert len(document["heads"]) == 2
    audited.handrail("ec2", "stop", "nothing")
    assert audited.kinds("--since-anchor", name) == set()
    assert audited.handrail("audit", "anchor", name).code == 6
    audited.handrail.ok("audit", "anchor", name, "--yes")


def test_an_anchor_does_not_go_through_a_link_to_nothing_unasked(audited: Audited) -> None:
    (audited.folder / "link.json").symlink_to("elsewhere.json")
    done = audited.handrail("audit", "anchor", "link.json")
    assert (done.code, (audited.folder / "elsewhere.json").exists()) == (6, False)
    assert 'is a link to "elsewhere.json", where nothing is' in " ".join(done.err.split())
    audited.handrail.ok("audit", "anchor", "link.json", "--yes")
    audited.handrail.ok("audit", "verify", "--since-anchor", "elsewhere.json")


@pytest.mark.parametrize(("name", "value"), [("account", "210987654321"), ("region", "eu-west-1")])
def test_an_anchor_of_another_ledger_is_refused(audited: Audited, name: str, value: str) -> None:
    audited.handrail.ok("audit", "anchor", "other.json", "--yes")
    path = audited.folder / "other.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    done = audited.handrail("audit", "verify", "--since-anchor", "other.json", "-o", "json")
    assert done.code == 2
    assert "is an anchor of account" in done.error["message"]
    assert done.error["details"]["anchor"][name] == value
    assert done.error["details"]["record"][name] != value
    assert done.error["hint"] == "handrail audit anchor anchor.json"


def test_an_anchor_without_heads_says_what_it_cannot_show(audited: Audited) -> None:
    audited.handrail.ok("audit", "anchor", "bare.json", "--yes")
    path = audited.folder / "bare.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "heads": {}}))
    proof = audited.handrail.json("audit", "verify", "--since-anchor", "bare.json")
    assert any("or a tail that was cut" in line for line in proof["does_not_show"])
    assert proof["anchored_entries"] == 0


def test_an_anchor_of_a_newer_version_is_refused(audited: Audited) -> None:
    audited.handrail.ok("audit", "anchor", "newer.json", "--yes")
    path = audited.folder / "newer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "handrail_anchor": 99}))
    done = audited.handrail("audit", "verify", "--since-anchor", "newer.json", "-o", "json")
    assert (done.code, done.error["hint"]) == (2, "update it: pip install --upgrade handrail")
    assert "is an anchor of a newer Handrail" in done.error["message"]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"heads": {}}', '{"heads": 5}', '{"heads": {"a": {"seq": "x"}}}', "not json"]
)
def test_what_is_no_anchor(audited: Audited, text: str) -> None:
    (audited.folder / "wrong.json").write_text(text)
    done = audited.handrail("audit", "verify", "--since-anchor", "wrong.json")
    assert done.code == 2
    assert "is not an anchor" in done.err
