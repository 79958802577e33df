"""Rows of the ledger that are odd: damaged, edited, or a newer version's. Each stops what needs it, and nothing else.

The oddities are generated: every kind of them, in every member of every kind of row.
"""

import json
import shlex
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from ledger_office import TIMES, Office, open_office

from conftest import Handrail

NEWER = 99
ODDITIES: dict[str, Any] = {
    "null": None,
    "text": "x",
    "empty": "",
    "number as text": "5",
    "negative": -5,
    "huge": 10**30,
    "fraction": 1.5,
    "truth": True,
    "list": [],
    "list of numbers": [1, 2],
    "map": {},
    "nested": {"a": {"b": [None]}},
    "half a character": "\ud800",
}
MISSING = "missing"
PLACE = {
    "state": "held",
    "kind": "create",
    "mark": "m",
    "region": "us-east-1",
    "owner": "dev-9",
    "by": "dev-9",
    "name": "odd",
    "since": 1_800_000_000,
    "until": 1_700_000_000,
    "requests": ["odd"],
    "instance": "i-0c1d2e3f4a5b6c7d8",
    "fate": "",
}
WHOLE: tuple[Any, ...] = (
    None,
    "text",
    "",
    5,
    -1,
    10**40,
    True,
    [],
    [1],
    {},
    {"state": "held"},
    {**PLACE, "until": 2**33},
    {**PLACE, "state": "reserved", "instance": "", "until": 2**33},
    *({**PLACE, "state": "reserved", "requests": odd} for odd in ([], ["\ud800"], ["x" * 3000], ["a", "\0"])),
    {**PLACE, "region": "us-east-1@example.com/"},
    {**PLACE, "instance": "--all"},
    {**PLACE, "needs": NEWER},
)
TEXTS = ("text", "empty", "number as text")
READABLE = {(member, kind) for member in ("mark", "owner", "by", "name") for kind in TEXTS}
READABLE |= {("region", "text"), ("region", "number as text"), ("requests", "list"), ("fate", "empty")}
READABLE |= {("instance", kind) for kind in ("empty", MISSING)} | {("fate", MISSING)}


def odd_places() -> dict[str, Any]:
    """Return places of which none can be read, by their keys."""
    found: dict[str, Any] = {f"create:whole-{number}": value for number, value in enumerate(WHOLE)}
    for member in PLACE:
        for kind, value in {**ODDITIES, MISSING: MISSING}.items():
            if (member, kind) not in READABLE:
                odd = {**PLACE, member: value}
                if kind == MISSING:
                    del odd[member]
                found[f"create:{member}-{kind.replace(' ', '-')}"] = odd
    return {**found, "resize:i-0c1d2e3f4a5b6c7d8": PLACE, "start:i-00000000": PLACE}


def unique(prefix: str) -> str:
    """Return a name that nothing else has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def shared_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    yield from open_office(tmp_path_factory.mktemp("office"))


@pytest.fixture
def office(shared_office: Office) -> Iterator[Office]:
    yield shared_office
    shared_office.clear()


def _whole(done: Any) -> None:
    """Assert that a command ended as one that knows what it says."""
    assert "itself failed" not in done.out + done.err
    assert "Traceback" not in done.out + done.err


def test_a_place_that_cant_be_read_counts_and_stops_only_what_needs_it(office: Office) -> None:
    handrail, odd = office.wide, odd_places()
    mine = handrail.json("ec2", "create", "--name", "mine", "--no-wait")
    before = office.row("lease", "holders")
    places = json.loads(before["places"]["S"])
    places[f"create:{mine['request']}"] |= {"later": {"deep": [1, {"x": None}]}}
    places["start:i-0123456789abcdef0"] = 5
    known = {"M": {"a": {"L": [{"NULL": True}, {"B": b"\0"}]}}}
    stored = {**places, **odd}
    office.put(
        {
            **before,
            "schema": {"N": str(NEWER)},
            "later": known,
            "half": {"N": "1.5"},
            "places": {"S": json.dumps(stored)},
        }
    )

    refused = handrail("ec2", "create", "--name", "next", "--no-wait", "-o", "json")
    assert refused.code == 3, "each counts as one"
    assert refused.error["details"]["count"] == len(stored)
    (office.folder / "wider.toml").write_text(f'preset = "strict"\n[ec2]\nmax_running = {len(stored) + 2}\n')
    wider = Handrail({**handrail.environ, "HANDRAIL_POLICY": str(office.folder / "wider.toml")}, office.folder)
    lines: tuple[list[str], ...] = (
        ["ec2", "create", "--name", "next", "--no-wait"],
        ["ec2", "stop", "next"],
        ["ec2", "start", "next", "--no-wait"],
        ["ec2", "update", "next", "--rename", "last"],
        ["ec2", "list"],
        ["lease", "list"],
        ["audit", "list"],
        ["audit", "verify"],
        ["s3", "list"],
        [],
        ["ec2", "delete", "last", "--yes"],
    )
    for line in lines:
        done = wider(*line)
        _whole(done)
        assert done.code == 0 or "verify" in line, (line, done.err)
    rows = {row["place"]: row for row in wider.json("lease", "list")}
    assert {rows[key]["state"] for key in odd} == {"unreadable"}
    needs = wider("ec2", "create", "--name", "more", "--request-id", "whole-0", "--no-wait", "-o", "json")
    assert (needs.code, needs.error["code"]) == (7, "unreadable_row")
    assert "lease/holders (place create:whole-0)" in needs.error["message"]
    newer = wider(
        "ec2", "create", "--name", "more", "--request-id", f"whole-{len(WHOLE) - 1}", "--no-wait", "-o", "json"
    )
    assert (newer.code, newer.error["code"]) == (7, "newer_row")
    wider.ok("lease", "release", "create:whole-0", "--now", "--yes")

    after = office.row("lease", "holders")
    kept = json.loads(after["places"]["S"])
    del odd["create:whole-0"]
    assert {key: kept[key] for key in odd} == odd, "written back as they are"
    assert kept[f"create:{mine['request']}"]["later"] == {"deep": [1, {"x": None}]}
    assert (after["later"], after["half"], after["schema"]) == (known, {"N": "1.5"}, {"N": str(NEWER)})


def test_a_condemned_place_ends_only_what_its_own_request_made(office: Office) -> None:
    handrail = office.wide
    held = handrail.json("ec2", "create", "--name", "held", "--no-wait")["id"]
    mine = handrail.json("ec2", "create", "--name", "mine", "--request-id", "mine", "--no-wait")["id"]
    foreign = office.sandbox.launch()
    places = office.places()
    ending = {**PLACE, "state": "ending"}
    places["create:mine"] |= {"state": "ending"}
    odd = {
        "create:theirs": {**ending, "instance": foreign},
        "create:theirs-late": {**ending, "instance": foreign, "until": int(time.time()) + 10},
        "create:colleague": {**ending, "instance": held},
        f"create:{uuid.uuid4().hex}": {**ending, "instance": ""},
        "start:i-0c1d2e3f4a5b6c7d8": {**ending, "kind": "start"},
    }
    office.set_places({**places, **odd})
    for words in (["lease", "list"], ["ec2", "create", "--name", "next", "--no-wait"]):
        _whole(handrail(*words))
    states = {id: one["State"]["Name"] for id, one in office.sandbox.instances().items()}
    assert (states[foreign], states[held]) == ("running", "running")
    assert states[mine] in ("shutting-down", "terminated"), "what its request made, and nobody else holds"

    rows = {row["place"]: row for row in handrail.json("lease", "list")}
    notes = {key: row["note"] for key, row in rows.items() if row["note"]}
    assert notes == {
        key: f"the place {key} would end {odd[key]['instance']}, which is not its own"
        for key in ("create:theirs", "create:theirs-late", "create:colleague")
    }, "what is not there is free once a look counts"
    waits = handrail("lease", "release", "create:theirs", "--owner", "dev-9", "--yes")
    assert (waits.code, "handrail lease release" in waits.err) == (5, True)
    for key in notes:
        handrail.ok("lease", "release", key, "--now", "--yes", "--owner", "dev-9")
    assert {row["instance"] for row in handrail.json("lease", "list")} >= {held}
    assert office.sandbox.instances()[held]["State"]["Name"] == "running"


def test_two_places_of_one_instance_are_both_looked_at(office: Office) -> None:
    handrail = office.wide
    held = handrail.json("ec2", "create", "--name", "held", "--no-wait")["id"]
    office.set_places({**office.places(), f"start:{held}": {**PLACE, "kind": "start", "instance": held, "until": 1}})
    places = office.places()
    time.sleep(1.1 + float(TIMES["HANDRAIL_LEASE_V"]))
    assert {row["instance_state"] for row in handrail.json("lease", "list")} <= {"pending", "running"}
    assert office.places().keys() == places.keys()


@pytest.mark.parametrize(
    "key", ["", "create:", "create:\0", "create:\ud800", "create:\x1b[31m;\n--all", "--all", "a b"]
)
def test_a_place_is_let_go_whatever_its_key_is(office: Office, key: str) -> None:
    office.wide.ok("ec2", "create", "--name", "mine", "--no-wait")
    places = office.places()
    office.set_places({**places, key: 5, "create:other": 5})
    refused = office.handrail("ec2", "create", "--no-wait")
    assert refused.code == 3
    lines = [
        shlex.split(line[line.index("handrail ") :]) for line in refused.err.splitlines() if "lease release" in line
    ]
    assert len(lines) == 2
    for line in lines:
        office.handrail.ok(*line[1:], "--yes")
    assert office.places() == places


def test_a_name_that_is_odd_stops_nothing_else(office: Office) -> None:
    office.wide.ok("ec2", "create", "--name", "mine", "--no-wait")
    name = {
        "region": "us-east-1",
        "name": "odd",
        "instance": "i-0c1d2e3f4a5b6c7d8",
        "mark": "",
        "by": "x",
        "until": 2**33,
    }
    for odd in ({**name, "instance": "\ud800"}, {**name, "by": "\ud800"}, {**name, "instance": "--x"}, name):
        item = office.row("lease", "holders")
        office.put({**item, "names": {"S": json.dumps({"us-east-1/odd": odd, "\ud800": 5})}})
        for line in (["ec2", "create", "--name", "odd", "--dry-run"], ["ec2", "update", "mine", "--rename", "odd"]):
            done = office.wide(*line)
            _whole(done)
            assert done.code in (0, 5), done.err
        office.wide.ok("ec2", "list")
        names = json.loads(office.row("lease", "holders")["names"]["S"])
        assert names["us-east-1/odd"] == odd or names["us-east-1/odd"]["until"] < 2**32


def test_an_item_that_cant_be_read_stops_what_takes_places_and_nothing_else(office: Office) -> None:
    handrail = office.wide
    handrail.ok("ec2", "create", "--name", "mine", "--no-wait")
    bad = {**office.row("lease", "holders"), "places": {"S": "[]"}}
    office.put(bad)
    for line, code in (
        (["ec2", "create", "--no-wait"], 7),
        (["lease", "list"], 7),
        (["ec2", "list"], 0),
        (["audit", "list"], 0),
        (["s3", "list"], 0),
        (["ec2", "stop", "mine"], 0),
        (["ec2", "start", "mine"], 7),
        ([], 0),
    ):
        done = handrail(*line)
        _whole(done)
        assert done.code == code, (line, done.err)
        assert code == 0 or "the row lease/holders of the ledger" in done.err
    assert office.row("lease", "holders") == bad, "left as it is"


@pytest.mark.parametrize("more", [{}, {"needs": {"N": str(NEWER)}}], ids=["empty", "newer"])
def test_a_bucket_whose_row_cant_be_read_is_not_made_and_the_row_stays(office: Office, more: dict[str, Any]) -> None:
    row = {"pk": {"S": "own#bucket"}, "sk": {"S": "odd-row"}, **more}
    office.put(row)
    for words in ((), ("--dry-run",), ("--request-id", "odd-row-1")):
        done = office.handrail("s3", "create", "odd-row", *words)
        _whole(done)
        assert (done.code, "the row own#bucket/odd-row" in done.err) == (7, True), done.err
    assert "odd-row" not in [one["Name"] for one in office.sandbox.client("s3").list_buckets()["Buckets"]]
    assert office.row("own#bucket", "odd-row") == row
    office.drop("own#bucket", "odd-row")


def _open(office: Office, operation: str, resource: str = "") -> str:
    """Put an open request on record whose intent can't be read, and return its id."""
    request = f"odd-{operation.replace(' ', '-')}-{resource.partition('/')[0] or 'any'}"
    mark: dict[str, Any] = {"pk": {"S": "open"}, "sk": {"S": request}, "operation": {"S": operation}}
    mark |= {"at": {"N": str(int(time.time() * 1000))}, **({"resource": {"S": resource}} if resource else {})}
    office.put(mark)
    office.put({**mark, "pk": {"S": f"request#{request}"}, "sk": {"S": "intent"}, "given": {"S": "[]"}})
    return request


def _close(office: Office, request: str) -> None:
    office.drop("open", request)
    office.drop(f"request#{request}", "intent")


def test_an_open_create_that_cant_be_read_changes_no_refusal(office: Office) -> None:
    office.sandbox.client("s3").create_bucket(Bucket="foreign-1")
    odd = [_open(office, "s3 create", resource) for resource in ("zzz", "foreign-1", "")]
    for line, code in (
        (["s3", "show", "foreign-1"], 4),
        (["s3", "delete", "foreign-1", "--yes"], 4),
        (["s3", "create", "foreign-1"], 5),
        (["s3", "create", "beside-1"], 0),
    ):
        done = office.handrail(*line)
        _whole(done)
        assert done.code == code, (line, done.err)
    for request in odd:
        _close(office, request)


def test_an_open_upload_that_cant_be_read_stops_only_the_opening_of_its_bucket(office: Office) -> None:
    handrail = office.handrail
    for name in ("met-1", "met-2"):
        handrail.ok("s3", "create", name)
    (office.folder / "page.html").write_text("hello\n")
    odd = [_open(office, "s3 upload", resource) for resource in ("met-1/page.html", "met-3/page.html", "")]
    for line, code in (
        (["s3", "update", "met-1", "--public", "--yes"], 7),
        (["s3", "update", "met-1", "--tag", "a=b"], 0),
        (["s3", "upload", "met-1", "page.html"], 0),
        (["s3", "update", "met-2", "--public", "--yes"], 0),
        (["s3", "create", "met-3", "--public", "--yes"], 7),
        (["s3", "create", "met-4", "--public", "--yes"], 0),
    ):
        done = handrail(*line)
        _whole(done)
        assert done.code == code, (line, done.err)
    assert "met-3" not in [one["Name"] for one in office.sandbox.client("s3").list_buckets()["Buckets"]]
    for request in odd:
        _close(office, request)


def test_a_create_whose_call_on_record_cant_be_read_is_not_repeated(office: Office) -> None:
    words = ("ec2", "create", "--name", "again", "--no-wait", "--request-id", "again-1")
    office.wide.ok(*words)
    office.drop("request#again-1", "outcome")
    intent = office.row("request#again-1", "intent")
    whole = json.loads(intent["resolved"]["S"])
    odd: list[Any] = [{}, {**whole, "tags": 5}, {**whole, "tags": {}}, {**whole, "tags": {"Name": 5}}]
    odd += [{name: value for name, value in whole.items() if name != left} for left in ("token", "image_id", "type")]
    odd += [{**whole, "security_groups": "sg"}, {**whole, "subnet": []}, {**whole, "token": "hr-another"}]
    for resolved in odd:
        office.put({**intent, "resolved": {"S": json.dumps(resolved)}})
        for more in ((), ("--dry-run",)):
            done = office.wide(*words, *more)
            _whole(done)
            assert (done.code, "the row request#again-1/intent" in done.err) == (7, True), (resolved, done.err)
    office.put({**intent, "resolved": {"S": json.dumps({**whole, "later": {"a": [1]}})}})
    again = office.wide.json(*words)
    assert again["name"] == "again"
    assert len(office.sandbox.instances(Name="again")) == 1


def test_a_row_of_what_can_be_no_bucket_is_named_and_stops_no_list(office: Office) -> None:
    office.handrail.ok("s3", "create", "listed-1")
    row = office.row("own#bucket", "listed-1")
    odd = [{**row, "sk": {"S": name}, "name": {"S": name}} for name in ("a b", "listed--use1-az4--x-s3")]
    odd += [{**row, "sk": {"S": "listed-2"}, "name": {"S": "listed-2"}, "region": {"S": "a b@c/"}}]
    for one in odd:
        office.put(one)
    for words in ((), ("--size",), ("--all",)):
        done = office.handrail.ok("s3", "list", *words)
        _whole(done)
        assert all(one["sk"]["S"] in done.err for one in odd), done.err
        assert "listed-1" in done.out
        assert "s3 delete" not in done.out + done.err
    assert office.handrail("s3", "delete", "listed-2", "--yes").code == 7
    for one in odd:
        office.drop("own#bucket", one["sk"]["S"])


@pytest.mark.parametrize("operation", ["s3 update", "s3 delete", "ec2 stop", "audit anchor"])
def test_a_request_in_what_can_be_no_region_is_named(office: Office, operation: str) -> None:
    request = _open(office, operation, "odd")
    resolved: dict[str, Any] = {"public": None, "versioning": None, "put": {}, "drop": []}
    resolved |= {"bucket": "b", "bucket_account": "", "key": "k"}
    more = {"resolved": json.dumps(resolved), "given": "{}", "region": "a b@c/", "request": request, "owner": "dev-1"}
    office.put({**office.row(f"request#{request}", "intent"), **{name: {"S": text} for name, text in more.items()}})
    mark = office.row("open", request)
    office.put({**mark, "at": {"N": str(int(mark["at"]["N"]) - 600_000)}})
    done = office.handrail.ok("s3", "create", f"beside-{operation.replace(' ', '-')}")
    _whole(done)
    assert f"the row request#{request}/intent of the ledger can't be read" in done.err
    _close(office, request)


@pytest.mark.parametrize("place", ["9", "\u0663", "zzz", "999999999999"])
def test_an_entry_that_was_copied_to_the_end_is_named_by_what_needs_it(office: Office, place: str) -> None:
    office.handrail("ec2", "stop", "nothing")
    last = max((row for row in office.rows() if row["pk"]["S"].startswith("chain#")), key=lambda row: row["sk"]["S"])
    copied = {**last, "sk": {"S": place}}
    office.put(copied)
    try:
        done = office.handrail("s3", "create", unique("odd-end"), "-o", "json")
        assert (done.code, done.error["code"]) == (7, "unreadable_row")
        assert f"the row {last['pk']['S']}/{place} of the ledger" in done.error["message"]
        assert office.handrail("audit", "anchor", "anchor.json").code == 7
        for line in (["audit", "list"], ["s3", "list"], ["ec2", "list"], ["lease", "list"]):
            office.handrail.ok(*line)
    finally:
        office.drop(last["pk"]["S"], place)
    office.handrail.ok("s3", "create", unique("even-end"))


def test_a_mark_of_a_time_to_come_ends(office: Office) -> None:
    bucket, later = unique("marked"), round((time.time() + 10**8) * 1000)
    office.handrail.ok("s3", "create", bucket)
    mark = {"pk": {"S": "open"}, "sk": {"S": unique("later")}, "operation": {"S": "s3 upload"}}
    office.put({**mark, "at": {"N": str(later)}, "resource": {"S": f"{bucket}/x"}, "later": {"S": "kept"}})
    office.handrail.ok("s3", "update", bucket, "--tag", "a=b")
    kept = office.row("open", mark["sk"]["S"])
    assert abs(int(kept["at"]["N"]) / 1000 - time.time()) < 60
    assert kept["later"] == {"S": "kept"}
    office.drop("open", mark["sk"]["S"])


def test_an_intent_of_another_request_tells_nothing_of_this_one(office: Office) -> None:
    office.handrail.ok("s3", "create", "its-own-1", "--request-id", "its-own-1")
    for kind in ("intent", "outcome"):
        office.put({**office.row("request#its-own-1", kind), "pk": {"S": "request#copied-1"}})
    done = office.handrail("s3", "create", "its-own-1", "--request-id", "copied-1")
    assert (done.code, "it is of another request" in done.err) == (7, True), done.err
    for kind in ("intent", "outcome"):
        office.drop("request#copied-1", kind)
