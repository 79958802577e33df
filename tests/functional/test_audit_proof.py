"""What `audit verify` proves: a record forged by who may write to the table, rows that do not agree, anchors."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from test_audit_commands import TABLE, Audited

from conftest import Handrail
from handrail.ledger.chain import EMPTY, Head, link
from handrail.sandbox import launcher
from handrail.sandbox.keys import ACCOUNT

FOLDER = f"handrail-anchors/{ACCOUNT}/us-east-1/"
LOCKED, PLAIN = "handrail-anchored", "handrail-plain"


class Attacked(Audited):
    """An account whose table a stranger may write: what they do, they do as AWS lets them."""

    def of(self, pk: str) -> list[dict[str, Any]]:
        """Return the items of a partition."""
        values = {":p": {"S": pk}}
        found: list[dict[str, Any]] = self.table.query(
            TableName=TABLE, KeyConditionExpression="pk = :p", ExpressionAttributeValues=values
        )["Items"]
        return found

    def forge(self, at: int, **changes: str) -> None:
        """Edit an entry of dev-1's chain, and make all hashes after it and all copies anew."""
        head, pk = EMPTY, self.chain()[0]["pk"]
        for number, item in enumerate(self.chain(), 1):
            content = {
                name: int(value["N"]) if "N" in value else value["S"]
                for name, value in item.items()
                if name not in ("pk", "sk", "seq", "prev", "hash")
            }
            entry = link(head, {**content, **(changes if number == at else {})})
            head = Head(entry["seq"], entry["hash"])
            raw = {key: {"N": str(value)} if isinstance(value, int) else {"S": value} for key, value in entry.items()}
            self.put({**raw, "pk": pk, "sk": item["sk"]})
            self.put({**raw, "pk": {"S": f"request#{entry['request']}"}, "sk": {"S": entry["kind"]}})

    @property
    def anchors(self) -> list[dict[str, Any]]:
        """Return the versions of the anchors in the locked bucket."""
        found: list[dict[str, Any]] = self.s3.list_object_versions(Bucket=LOCKED, Prefix=FOLDER).get("Versions", [])
        return found

    @property
    def s3(self) -> Any:
        """Return a stranger's S3 of the same account."""
        return self.sandbox.client("s3")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    account = Attacked(tmp_path_factory.mktemp("attacked"))
    handrail = account.handrail
    handrail.ok("ec2", "create", "--name", "web")
    handrail.ok("s3", "create", LOCKED, "--object-lock")
    handrail.ok("s3", "create", PLAIN)
    handrail.ok("audit", "anchor", "--bucket", LOCKED)
    yield account
    launcher.stop(account.sandbox.state_dir)


@pytest.fixture(autouse=True)
def _mended(account: Attacked) -> Iterator[None]:
    """Put the table back as it was after each test."""
    before = account.table.scan(TableName=TABLE)["Items"]
    yield
    for item in account.table.scan(TableName=TABLE)["Items"]:
        account.drop(item)
    for item in before:
        account.put(item)


# ---- a forged record


def test_new_hashes_hide_an_edit_without_an_anchor_and_that_is_said(account: Attacked) -> None:
    account.forge(2, instance="i-0123456789abcdef0", resource="i-0123456789abcdef0")
    faults = account.faults()
    assert {kind for kind, _, _ in faults} == {"unfounded"}, "the place under the cap names the true instance"
    for item in account.of("lease"):
        account.drop(item)
    assert account.faults() == set()
    assert "made all hashes after it anew" in account.handrail.ok("audit", "verify").out


def test_new_hashes_show_against_a_locked_anchor(account: Attacked) -> None:
    account.forge(2, message="all is well")
    faults = account.kinds("--bucket", LOCKED)
    assert faults == {("edited", 6)}, "the entry that the anchor knows is another one now"
    done = account.handrail("audit", "verify", "--bucket", LOCKED)
    assert done.code == 1
    assert "the record does not hold: 1 fault." in done.err
    assert "entry 6: edited: it is not the entry that the anchor" in " ".join(done.out.split())


def test_what_is_forged_after_the_anchor_does_not_show_and_that_is_said(account: Attacked) -> None:
    account.handrail("s3", "delete", "nothing-there", "--yes")
    length = len(account.chain())
    account.forge(length, message="all is well")
    done = account.handrail.ok("audit", "verify", "--bucket", LOCKED)
    assert "what was forged or removed after that anchor (4 entries)" in " ".join(done.out.split())
    proof = account.handrail.json("audit", "verify", "--bucket", LOCKED)
    assert (proof["anchored_entries"], proof["entries"]) == (6, length)


def test_a_removed_chain_and_a_table_rolled_back_show_against_the_anchor(account: Attacked) -> None:
    before = account.table.scan(TableName=TABLE)["Items"]
    for item in before:
        account.drop(item)
    assert account.kinds() == set()
    assert account.kinds("--bucket", LOCKED) == {("cut", 1)}
    chain = [item for item in before if item["pk"]["S"].startswith("chain#")][:2]
    for item in chain:
        account.put(item)
        account.put({**item, "pk": {"S": f"request#{item['request']['S']}"}, "sk": item["kind"]})
    account.put(next(item for item in before if item["pk"]["S"] == "chains"))
    assert account.kinds("--bucket", LOCKED) == {("cut", 3)}


# ---- chains


def move(account: Attacked, listed: dict[str, Any]) -> str:
    """Move dev-2's chain to another principal's id, and put a row for it on the list; return its name."""
    account.handrail.owner("dev-2")("ec2", "stop", "nothing")
    (row,) = [item for item in account.of("chains") if item["actor"]["S"].endswith("/dev-2")]
    for item in account.of(f"chain#{row['sk']['S']}"):
        account.drop(item)
        account.put({**item, "pk": {"S": "chain#AIDAFORGED"}})
    account.drop(row)
    account.put({**row, "sk": {"S": "AIDAFORGED"}, **listed})
    return str(row["sk"]["S"])


@pytest.mark.parametrize(
    "actor", [{"S": "arn:aws:iam::000000000000:user/mallory"}, {"S": ""}, {"L": []}, {"NULL": True}]
)
def test_a_chain_that_was_moved_to_another_principal(account: Attacked, actor: dict[str, Any]) -> None:
    move(account, {"actor": actor})
    assert account.kinds() == {("moved", 0)}
    done = account.handrail("audit", "verify")
    assert "AIDAFORGED: moved: the list of chains says that it is" in " ".join(done.out.split())


def test_a_chain_that_was_removed_and_is_on_the_list(account: Attacked) -> None:
    account.handrail.owner("dev-2")("ec2", "stop", "nothing")
    (row,) = [item for item in account.of("chains") if item["actor"]["S"].endswith("/dev-2")]
    for item in account.of(f"chain#{row['sk']['S']}"):
        account.drop(item)
        account.drop({"pk": {"S": f"request#{item['request']['S']}"}, "sk": item["kind"]})
    assert account.kinds() == {("cut", 0)}


# ---- rows beside the record


def put_row(account: Attacked, **changes: Any) -> str:
    """Forge an ownership row, and return what it is called in a fault."""
    (real,) = [item for item in account.of("own#bucket") if item["sk"]["S"] == PLAIN]
    item = {**real, **{name: value if isinstance(value, dict) else {"S": value} for name, value in changes.items()}}
    account.put(item)
    return f"{item['pk']['S']}/{item['sk']['S']}"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"request": "never"}, "no such request is on record"),
        ({"request": {"L": [{"S": "x"}]}}, "no such request is on record"),
        ({"owner": "dev-9"}, "that was dev-1's"),
        ({"region": {"NULL": True}}, "that was in us-east-1"),
        ({"sk": "theirs", "name": "theirs"}, f"that was about {PLAIN}"),
    ],
)
def test_a_forged_row_of_a_bucket(account: Attacked, changes: dict[str, Any], said: str) -> None:
    about = put_row(account, **changes)
    assert account.faults() == {("unfounded", 0, about)}
    done = account.handrail("audit", "verify")
    assert (done.code, said in " ".join(done.out.split())) == (1, True)


def test_a_row_for_the_bucket_of_a_request_that_made_none(account: Attacked) -> None:
    made = next(row for row in account.handrail.json("audit", "list") if row["operation"] == "ec2 create")
    about = put_row(account, request=made["request"])
    assert account.faults() == {("unfounded", 0, about)}


def row_of(account: Attacked, name: str) -> dict[str, Any]:
    """Return the row of a bucket as it is stored."""
    (row,) = [item for item in account.of("own#bucket") if item["sk"]["S"] == name]
    return row


def test_a_row_that_was_put_back_or_rolled_back(account: Attacked) -> None:
    about = "own#bucket/handrail-again"
    account.handrail.ok("s3", "create", "handrail-again")
    old = row_of(account, "handrail-again")
    account.handrail.ok("s3", "delete", "handrail-again", "--yes")
    account.put(old)
    assert account.faults() == {("unfounded", 0, about)}
    done = account.handrail("audit", "verify")
    assert "counts as dev-1's" in " ".join(done.out.split())
    assert "it was gone since: s3 delete" in " ".join(done.out.split())
    account.drop(old)
    other = account.handrail.owner("dev-2")
    other.ok("s3", "create", "handrail-again")
    assert account.faults() == set()
    new = row_of(account, "handrail-again")
    account.put(old)
    assert account.faults() == {("unfounded", 0, about)}
    account.put(new)
    other.ok("s3", "delete", "handrail-again", "--yes")
    assert account.faults() == set()


def test_a_bucket_that_is_made_and_deleted_by_several_and_by_hand_is_no_fault(account: Attacked) -> None:
    name, owners = "handrail-often", ("dev-1", "dev-2", "dev-2", "dev-1")
    for turn, owner in enumerate(owners):
        handrail = account.handrail.owner(owner)
        handrail.ok("s3", "create", name)
        assert account.faults() == set()
        if turn % 2:
            handrail.ok("s3", "delete", name, "--yes")
        else:
            account.s3.delete_bucket(Bucket=name)
        assert account.faults() == set()
    account.s3.create_bucket(Bucket=name)
    assert account.handrail("s3", "create", name).code == 5
    assert account.faults() == set()
    account.s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": {"N": "5"}},
        {"created_at": {"S": "soon"}},
        {"name": {"S": "other"}},
    ],
)
def test_an_odd_row_of_a_bucket_is_named(account: Attacked, changes: dict[str, Any]) -> None:
    about = put_row(account, **changes)
    assert account.faults() == {("odd", 0, about)}


def test_what_a_later_version_may_write_is_a_notice_and_no_fault(account: Attacked) -> None:
    about = put_row(account, colour={"S": "blue"})
    account.put({"pk": {"S": "own#zone"}, "sk": {"S": "Z1"}, "owner": {"S": "dev-1"}})
    account.put({"pk": {"S": "policy"}, "sk": {"S": "account"}})
    assert account.faults() == {("unknown", 0, about), ("unknown", 0, "own#zone/Z1"), ("unknown", 0, "policy")}
    assert account.handrail("audit", "verify").code == 0


def test_a_row_that_was_taken_away(account: Attacked) -> None:
    account.drop({"pk": {"S": "own#bucket"}, "sk": {"S": PLAIN}})
    assert account.faults() == {("missing", 0, f"own#bucket/{PLAIN}")}


def test_marks_of_open_requests(account: Attacked) -> None:
    request = account.chain()[0]["request"]["S"]
    for name in ("never", request):
        account.put({"pk": {"S": "open"}, "sk": {"S": name}, "operation": {"S": "ec2 stop"}, "at": {"N": "1"}})
    assert account.faults() == {("unfounded", 0, "open/never"), ("ended", 0, f"open/{request}")}


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("forged", {"requests": ["never"]}),
        ("forged", {"requests": [], "instance": "i-0123456789abcdef0"}),
        ("forged", {"requests": [], "instance": ""}),
        ("forged", {"requests": "x"}),
        ("forged", None),
    ],
)
def test_a_forged_place(account: Attacked, key: str, changes: Any) -> None:
    (item,) = account.of("lease")
    places = json.loads(item["places"]["S"])
    real = next(iter(places.values()))
    places[key] = changes if changes is None else {**real, **changes}
    account.put({**item, "places": {"S": json.dumps(places)}})
    assert account.faults() == {("unfounded", 0, f"lease/holders/{key}")}


def test_places_forged_for_a_request_that_has_ended(account: Attacked) -> None:
    (item,) = account.of("lease")
    places = json.loads(item["places"]["S"])
    (real,) = places.values()
    forged = {**real, "state": "reserved", "instance": "", "until": 2**33}
    places |= {f"create:k{n}": forged for n in range(3)}
    account.put({**item, "places": {"S": json.dumps(places)}})
    assert account.faults() == {("unfounded", 0, f"lease/holders/create:k{n}") for n in range(3)}


@pytest.mark.parametrize(
    "changes", [{"owner": "dev-9"}, {"region": "eu-west-1"}, {"state": "reserved", "until": 2**33}]
)
def test_a_place_that_was_edited(account: Attacked, changes: dict[str, Any]) -> None:
    (item,) = account.of("lease")
    ((key, real),) = json.loads(item["places"]["S"]).items()
    account.put({**item, "places": {"S": json.dumps({key: {**real, **changes}})}})
    assert account.faults() == {("unfounded", 0, f"lease/holders/{key}")}


def test_a_second_row_of_places_is_unknown(account: Attacked) -> None:
    account.put({"pk": {"S": "lease"}, "sk": {"S": "other2"}, "x": {"S": "y"}})
    assert account.faults() == {("unknown", 0, "lease/other2")}


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "5"])
def test_places_that_cannot_be_read(account: Attacked, text: str) -> None:
    (item,) = account.of("lease")
    account.put({**item, "places": {"S": text}})
    assert account.faults() == ({("odd", 0, "lease/holders")} if text else set())


# ---- anchors in a bucket


def test_an_anchor_in_a_bucket_with_object_lock(account: Attacked) -> None:
    (version,) = account.anchors
    head = account.s3.head_object(Bucket=LOCKED, Key=version["Key"], VersionId=version["VersionId"])
    assert head["ObjectLockMode"] == "COMPLIANCE"
    body = account.s3.get_object(Bucket=LOCKED, Key=version["Key"])["Body"].read()
    assert version["Key"].endswith(f"-{hashlib.sha256(body).hexdigest()}.json")
    proof = account.handrail.json("audit", "verify", "--bucket", LOCKED)
    assert [one["locked"] for one in proof["anchors"]] == [True]
    assert proof["holds"]
    assert not any("not locked" in line for line in proof["does_not_show"])
    rows = account.handrail.json("audit", "list", "--operation", "audit anchor")
    assert [(row["result"], row["resource"]) for row in rows] == [("succeeded", f"{LOCKED}/{version['Key']}")]


def test_nobody_takes_a_locked_anchor_away_and_what_hides_it_is_seen(account: Attacked) -> None:
    """A stranger with every right in the bucket: what S3 lets them do changes nothing of what the anchor shows."""
    s3, (version,) = account.s3, account.anchors
    named = {"Bucket": LOCKED, "Key": version["Key"], "VersionId": version["VersionId"]}
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**named, BypassGovernanceRetention=True)
    forged = s3.put_object(Bucket=LOCKED, Key=version["Key"], Body=b'{"heads": {}}')["VersionId"]
    marker = s3.delete_object(Bucket=LOCKED, Key=version["Key"])["VersionId"]
    own = s3.put_object(Bucket=LOCKED, Key=f"{FOLDER}20200101T000000Z-mine.json", Body=b"{}")["VersionId"]
    try:
        kinds = {kind for kind, _, _ in account.faults("--bucket", LOCKED)}
        assert kinds == {"hidden", "strange"}
        account.forge(2, message="all is well")
        assert ("edited", 6) in account.kinds("--bucket", LOCKED)
    finally:
        for key, id in (
            (version["Key"], forged),
            (version["Key"], marker),
            (f"{FOLDER}20200101T000000Z-mine.json", own),
        ):
            s3.delete_object(Bucket=LOCKED, Key=key, VersionId=id)


def test_an_anchor_of_the_forged_record_contradicts_the_older_one(account: Attacked) -> None:
    account.forge(2, message="all is well")
    keys = {one["Key"] for one in account.anchors}
    heads = {item["pk"]["S"].removeprefix("chain#"): item for item in account.chain()[:6]}
    text = json.dumps(
        {
            "handrail_anchor": 1,
            "account": ACCOUNT,
            "region": "us-east-1",
            "at": "2020-01-01T00:00:00Z",
            "heads": {chain: {"seq": 6, "hash": item["hash"]["S"]} for chain, item in heads.items()},
        }
    ).encode()
    key = f"{FOLDER}20200101T000000Z-{hashlib.sha256(text).hexdigest()}.json"
    assert key not in keys
    version = account.s3.put_object(Bucket=LOCKED, Key=key, Body=text)["VersionId"]
    try:
        assert account.kinds("--bucket", LOCKED) == {("contradiction", 6), ("edited", 6)}
        done = account.handrail("audit", "verify", "--bucket", LOCKED)
        assert "one of them is forged" in " ".join(done.out.split())
    finally:
        account.s3.delete_object(Bucket=LOCKED, Key=key, VersionId=version)


def put_anchor(account: Attacked, document: dict[str, Any]) -> dict[str, str]:
    """Put a text among the anchors under the key that it must have; return what names it."""
    text = json.dumps(document).encode()
    key = f"{FOLDER}20200101T000000Z-{hashlib.sha256(text).hexdigest()}.json"
    return {"Key": key, "VersionId": account.s3.put_object(Bucket=LOCKED, Key=key, Body=text)["VersionId"]}


def forged_anchor(**changes: Any) -> dict[str, Any]:
    """Return an anchor that nobody took."""
    body = {"handrail_anchor": 1, "account": ACCOUNT, "region": "us-east-1", "at": "2020-01-01T00:00:00Z"}
    return {**body, "heads": {}, **changes}


def test_an_anchor_of_invented_chains_is_one_fault_and_costs_no_look_each(account: Attacked) -> None:
    heads = {f"c{n}": {"seq": 1, "hash": "x"} for n in range(3000)} | {"\ud800": {"seq": 1, "hash": "x"}}
    named = put_anchor(account, forged_anchor(heads=heads))
    try:
        assert account.kinds("--bucket", LOCKED) == {("cut", 0)}
        done = account.handrail("audit", "verify", "--bucket", LOCKED)
        assert (done.code, "3,001 chains that the anchor" in " ".join(done.out.split())) == (1, True)
        assert "in 1 chain checked" in " ".join(done.out.split())
    finally:
        account.s3.delete_object(Bucket=LOCKED, **named)


def test_an_anchor_of_a_newer_version_in_the_bucket_is_a_notice(account: Attacked) -> None:
    named = put_anchor(account, forged_anchor(handrail_anchor=99))
    try:
        assert account.faults("--bucket", LOCKED) == {("unknown", 0, named["Key"])}
        done = account.handrail.ok("audit", "verify", "--bucket", LOCKED)
        assert "was taken by a newer Handrail" in " ".join(done.out.split())
    finally:
        account.s3.delete_object(Bucket=LOCKED, **named)


def test_keys_among_the_anchors_with_control_characters(account: Attacked) -> None:
    key = f"{FOLDER}\x1b[31mx\n&<>.json"
    version = account.s3.put_object(Bucket=LOCKED, Key=key, Body=b"{}")["VersionId"]
    try:
        assert account.faults("--bucket", LOCKED) == {("strange", 0, key)}
        assert "\x1b" not in account.handrail("audit", "verify", "--bucket", LOCKED).out
    finally:
        account.s3.delete_object(Bucket=LOCKED, Key=key, VersionId=version)


def test_a_foreign_word_is_no_line_of_its_own(account: Attacked) -> None:
    """Ids of chains, names of rows and times of anchors are others' words: none of them can look like an answer."""
    fake = "x\n  anchors    9 anchors, 9 locked"
    account.put({"pk": {"S": "own#bucket"}, "sk": {"S": fake}})
    account.put({"pk": {"S": fake}, "sk": {"S": "x"}})
    path = account.folder / "fake.json"
    path.write_text(json.dumps(forged_anchor(at=fake, heads={fake: {"seq": 1, "hash": "z"}})))
    done = account.handrail("audit", "verify", "--since-anchor", "fake.json")
    assert done.code == 1
    assert "x\\n" in done.out
    lines = [line for line in done.out.splitlines() if line.startswith("  anchors ")]
    assert len(lines) == 1
    assert "1 anchor, 0 locked" in lines[0]


def test_a_bucket_without_object_lock_is_refused_unless_weak(account: Attacked) -> None:
    done = account.handrail("audit", "anchor", "--bucket", PLAIN, "-o", "json")
    assert (done.code, done.error["code"]) == (5, "no_object_lock")
    assert "can take this anchor away or exchange it" in done.error["message"]
    assert account.handrail("audit", "verify", "--bucket", PLAIN).code == 4
    weak = account.handrail.ok("audit", "anchor", "--bucket", PLAIN, "--weak")
    assert "it is not locked" in weak.err
    proof = account.handrail.json("audit", "verify", "--bucket", PLAIN)
    assert [one["locked"] for one in proof["anchors"]] == [False]
    assert any("1 is not locked" in line for line in proof["does_not_show"])


def test_what_is_not_own_gets_no_anchor_under_strict(account: Attacked) -> None:
    account.s3.create_bucket(Bucket="theirs-locked", ObjectLockEnabledForBucket=True)
    assert account.handrail("audit", "anchor", "--bucket", "theirs-locked").code == 4
    assert account.handrail("audit", "anchor", "--bucket", LOCKED, "--bucket-account", "210987654321").code == 4
    assert "Contents" not in account.s3.list_objects_v2(Bucket="theirs-locked")
    other = account.handrail.owner("dev-2")
    assert other("audit", "anchor", "--bucket", LOCKED).code == 6, "another owner's is asked about"


def test_with_a_policy_that_manages_any(account: Attacked) -> None:
    (account.folder / "any.toml").write_text('[s3]\nmanage = "any"\n')
    policy = Handrail({**account.handrail.environ, "HANDRAIL_POLICY": str(account.folder / "any.toml")}, account.folder)
    account.s3.create_bucket(Bucket="theirs-too", ObjectLockEnabledForBucket=True)
    assert policy("audit", "anchor", "--bucket", "theirs-too").code == 6
    policy.ok("audit", "anchor", "--bucket", "theirs-too", "--yes", "--retain-days", "1")
    policy.ok("audit", "verify", "--bucket", "theirs-too")
    done = policy("audit", "anchor", "--bucket", "theirs-too", "--bucket-account", "210987654321", "--yes")
    assert done.code == 7
    assert "can't be reached" in done.err
    same = policy.ok("audit", "anchor", "--bucket", "theirs-too", "--bucket-account", ACCOUNT, "--yes", "--dry-run")
    assert "nobody can delete it before" in same.err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("a.json", "--bucket", LOCKED),
        ("a.json", "--weak"),
        ("a.json", "--retain-days", "5"),
        ("a.json", "--bucket-account", ACCOUNT),
        ("--bucket", LOCKED, "--bucket-account", "12"),
        ("--bucket", LOCKED, "--retain-days", "0"),
    ],
)
def test_words_that_are_off(account: Attacked, words: tuple[str, ...]) -> None:
    assert account.handrail("audit", "anchor", *words).code == 2


def test_buckets_that_are_not_there(account: Attacked) -> None:
    assert account.handrail("audit", "anchor", "--bucket", "nowhere-at-all").code == 4
    assert account.handrail("audit", "verify", "--bucket", "nowhere-at-all").code == 4
    assert account.handrail("audit", "verify", "--bucket-account", ACCOUNT).code == 2


def test_commands_at_work_give_no_false_alarm(account: Attacked) -> None:
    """Buckets come and go in other processes while the record is checked."""
    environ = account.handrail.environ
    script = (
        "import subprocess, sys\n"
        "for n in range(3):\n"
        "    name = f'handrail-storm-{sys.argv[1]}-{n}'\n"
        "    for words in (['s3', 'create', name], ['s3', 'delete', name, '--yes']):\n"
        "        subprocess.run([sys.executable, '-m', 'handrail', *words], check=True, capture_output=True)\n"
    )
    crowd = [
        subprocess.Popen([sys.executable, "-c", script, str(n)], env=environ, cwd=account.folder) for n in range(2)
    ]
    try:
        seen = 0
        while any(one.poll() is None for one in crowd) or not seen:
            assert account.faults("--bucket", LOCKED) == set()
            seen += 1
    finally:
        for one in crowd:
            one.wait()
    assert [one.returncode for one in crowd] == [0, 0]
    assert account.faults() == set()
