"""Buckets from the command line, as a foreign client and an anonymous reader see them."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from conftest import Handrail, Sandbox

SHUT = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
Unique = Callable[[str], str]


@pytest.fixture
def s3(sandbox: Sandbox) -> Any:
    """Return a stranger's client."""
    return sandbox.client("s3")


@pytest.fixture
def blocked_account(sandbox: Sandbox) -> Iterator[None]:
    """Switch the account's Block Public Access on for one test."""
    control = account_client(sandbox)
    control.put_public_access_block(AccountId="123456789012", PublicAccessBlockConfiguration=SHUT)
    yield
    control.delete_public_access_block(AccountId="123456789012")


def account_client(sandbox: Sandbox) -> Any:
    """Return a stranger's s3control client, its host an address and so without the account's number before it."""
    control = sandbox.client("s3control")
    control.meta.events.register(
        "before-sign", lambda request, **_: setattr(request, "url", request.url.replace("//123456789012.", "//"))
    )
    return control


def tags_of(s3: Any, name: str) -> dict[str, str]:
    """Return a bucket's tags."""
    return {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}


def status_of(sandbox: Sandbox, bucket: str, key: str = "") -> int:
    """Return the HTTP status that somebody without credentials gets."""
    try:
        with urlopen(f"{sandbox.running.endpoint}/{bucket}/{key}") as reply:
            return int(reply.status)
    except HTTPError as refused:
        refused.close()
        return refused.code


def exists(s3: Any, name: str) -> bool:
    """Return whether a bucket exists."""
    try:
        s3.head_bucket(Bucket=name)
    except ClientError:
        return False
    return True


def open_policy(handrail: Handrail, **keys: str) -> Handrail:
    """Return the program under a policy of its own."""
    path = handrail.cwd / "own.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in keys.items()).replace("s3_", "s3."))
    return Handrail({**handrail.environ, "HANDRAIL_POLICY": str(path)}, handrail.cwd)


def test_a_bucket_is_private_tagged_encrypted_without_acls(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name = unique("assets")
    made = handrail.json("s3", "create", name, "--tag", "team=blue", "--tag", "Name=x", "--versioning")
    assert made["status"] == "succeeded"
    assert made["current"]["access"] == "private"
    assert made["current"]["managed"] is True
    assert (made["current"]["owner"], made["current"]["versioning"]) == ("dev-1", "on")
    tags = tags_of(s3, name)
    assert tags["managed-by"] == "handrail"
    assert tags["handrail:owner"] == "dev-1"
    assert tags["handrail:request"] == made["request"]
    assert (tags["team"], tags["Name"]) == ("blue", "x")
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == SHUT
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def test_a_bucket_in_another_region(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name = unique("far")
    made = handrail.json("s3", "create", name, "--region", "eu-west-1")
    assert made["current"]["region"] == "eu-west-1"
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    (handrail.cwd / "a.txt").write_text("a")
    assert handrail.json("s3", "upload", name, "a.txt")[0]["status"] == "succeeded"
    assert handrail.json("s3", "delete", name, "--empty", "--yes")[0]["status"] == "succeeded"


def test_what_the_terminal_says(handrail: Handrail, unique: Unique) -> None:
    name = unique("talk")
    done = handrail.ok("s3", "create", name)
    assert done.out.splitlines() == [
        f"{name} is private · us-east-1 · encrypted · made by you",
        f"  next      handrail s3 upload {name} PATH",
    ]
    done = handrail.ok("s3", "create", f"{name}.dotted", "--tag", "team=blue")
    assert "has dots" in done.err
    assert "team=blue" in done.err
    assert name in handrail.ok("s3", "list").out
    shown = handrail.ok("s3", "show", name).out
    assert "private" in shown
    assert "0 objects" in shown


def test_bad_words_are_exit_2_and_reach_nobody(handrail: Handrail, sandbox: Sandbox, unique: Unique) -> None:
    before = sandbox.writes()
    for words in (
        ("create", "Bad_Name"),
        ("create", "192.168.5.4"),
        ("create", unique("x"), "--public", "--private"),
        ("create", unique("x"), "--tag", "managed-by=me"),
        ("update", unique("x")),
        ("update", unique("x"), "--tag", "a=1", "--untag", "a"),
        ("remove", unique("x")),
        ("remove", unique("x"), "a", "--prefix", "b"),
        ("upload", unique("x"), "-"),
        ("upload", unique("x"), "-", "b", "--key", "k"),
        ("upload", unique("x"), "a", "--key", "k"),
        ("upload", unique("x"), "a", "--exclude", "*"),
    ):
        assert handrail("s3", *words).code == 2, words
    assert sandbox.writes() == before


def test_a_taken_name_is_exit_5_and_nothing_is_touched(
    handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique
) -> None:
    name = unique("theirs")
    s3.create_bucket(Bucket=name)
    before = sandbox.writes()
    done = handrail("s3", "create", name, "-o", "json")
    assert done.code == 5
    assert done.error["code"] == "conflict"
    assert sandbox.writes() == before


def test_a_dry_run_changes_nothing(handrail: Handrail, sandbox: Sandbox, unique: Unique) -> None:
    name = unique("dry")
    handrail.ok("s3", "create", name)
    (handrail.cwd / "a.txt").write_text("a")
    handrail.ok("s3", "upload", name, "a.txt")
    before = sandbox.writes(but=())
    planned = handrail.json("s3", "create", unique("dry"), "--public", "--dry-run")
    assert (planned["status"], planned["current"]["access"]) == ("planned", "public")
    for words in (
        ("update", name, "--public"),
        ("update", name, "--tag", "a=b", "--versioning", "on"),
        ("upload", name, str(handrail.cwd), "--prefix", "x/"),
        ("remove", name, "a.txt"),
        ("remove", name, "--prefix", "a"),
        ("delete", name, "--empty"),
    ):
        assert handrail.json("s3", *words, "--dry-run")[0]["status"] == "planned", words
    assert sandbox.writes(but=()) == before


# ---- public


def test_public_private_and_back_as_an_anonymous_reader_sees_it(
    handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique
) -> None:
    name = unique("press")
    handrail.ok("s3", "create", name)
    s3.put_object(Bucket=name, Key="a.txt", Body=b"hello")
    assert status_of(sandbox, name, "a.txt") == 403
    done = handrail("s3", "update", name, "--public", answers="y\n")
    assert done.code == 0, done.err
    assert "Anyone on the internet will be able to read every object" in done.err
    assert "Are you sure? [y/N]" in done.err
    assert status_of(sandbox, name, "a.txt") == 200
    assert status_of(sandbox, name) == 403, "nobody may list"
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is True
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert block == {**SHUT, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    assert handrail.json("s3", "update", name, "--public", "--yes")[0]["status"] == "unchanged"

    assert handrail.json("s3", "update", name, "--private")[0]["current"]["access"] == "private"
    assert status_of(sandbox, name, "a.txt") == 403
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == SHUT
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=name)
    assert handrail.json("s3", "update", name, "--private")[0]["status"] == "unchanged"


def test_a_bucket_made_public_at_once(handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique) -> None:
    name = unique("press")
    done = handrail("s3", "create", name, "--public", answers="y\n")
    assert done.code == 0, done.err
    assert f"read      {sandbox.running.endpoint}/{name}/KEY" in done.out
    assert f"undo      handrail s3 update {name} --private" in done.out
    s3.put_object(Bucket=name, Key="a.txt", Body=b"hello")
    assert status_of(sandbox, name, "a.txt") == 200
    listed = {row["name"]: row["access"] for row in handrail.json("s3", "list")}
    assert listed[name] == "public"
    assert "public: anyone" in handrail.ok("s3", "show", name).out


@pytest.mark.parametrize("answers", [None, "n\n", "\n"])
def test_without_a_yes_there_is_no_public_bucket(
    handrail: Handrail, s3: Any, unique: Unique, answers: str | None
) -> None:
    name = unique("press")
    assert handrail("s3", "create", name, "--public", answers=answers).code == 6
    assert not exists(s3, name)


def test_the_policy_on_public_buckets(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name = unique("press")
    never = open_policy(handrail, s3_public='"never"')
    done = never("s3", "create", name, "--public", "--yes", "-o", "json")
    assert (done.code, done.error["details"]["reasons"][0]["key"]) == (3, "s3.public")
    assert not exists(s3, name)
    freely = open_policy(handrail, s3_public='"freely"')
    assert freely.json("s3", "create", name, "--public")["current"]["access"] == "public"
    assert freely("s3", "update", name, "--private").code == 0


def test_other_policies_hold(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name = unique("x")
    strict = open_policy(
        handrail,
        s3_versioning="true",
        s3_names='["{owner}-*"]',
        s3_required_tags='["team"]',
        s3_regions='["us-east-1"]',
    )
    done = strict("s3", "create", name, "--region", "eu-west-1", "-o", "json")
    assert done.code == 3
    assert {one["key"] for one in done.error["details"]["reasons"]} == {"s3.names", "s3.required_tags", "s3.regions"}
    assert not exists(s3, name)
    made = strict.json("s3", "create", f"dev-1-{name}", "--tag", "team=blue")
    assert made["current"]["versioning"] == "on"
    assert strict("s3", "update", f"dev-1-{name}", "--versioning", "off").code == 3
    checked = strict("policy", "check", "--", "s3", "create", name, "--public")
    assert checked.code == 3
    assert strict("policy", "check", "--", "s3", "update", name, "--versioning", "off").code == 3


def test_an_account_that_blocks_public_buckets_is_asked_first(
    handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique, blocked_account: None
) -> None:
    name, private = unique("press"), unique("own")
    before = sandbox.writes()
    done = handrail("s3", "create", name, "--public", "--yes", "-o", "json")
    assert (done.code, done.error["code"]) == (3, "account_blocks_public")
    assert done.error["details"]["account_block"] == ["BlockPublicPolicy", "RestrictPublicBuckets"]
    assert sandbox.writes() == before
    handrail.ok("s3", "create", private)
    assert handrail("s3", "update", private, "--public", "--yes").code == 3
    assert s3.get_public_access_block(Bucket=private)["PublicAccessBlockConfiguration"] == SHUT


def test_other_statements_of_a_policy_stay(handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique) -> None:
    name = unique("press")
    handrail.ok("s3", "create", name)
    deny = {
        "Sid": "NoDelete",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    handrail.ok("s3", "update", name, "--public", "--yes")
    handrail.ok("s3", "update", name, "--private")
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"] == [deny]


def test_a_bucket_with_secrets_in_it_does_not_become_public(
    handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique
) -> None:
    name = unique("press")
    handrail.ok("s3", "create", name)
    for number in range(22):
        s3.put_object(Bucket=name, Key=f"deploy/{number}/.env", Body=b"x")
    done = handrail("s3", "update", name, "--public", "--yes", "-o", "json")
    assert (done.code, len(done.error["details"]["reasons"])) == (3, 20)
    handrail.ok("s3", "remove", name, "--prefix", "deploy/1", "--yes")
    handrail.ok("s3", "remove", name, "--prefix", "deploy/2", "--yes")
    done = handrail("s3", "update", name, "--public", "--yes", "-o", "json")
    assert (done.code, len(done.error["details"]["reasons"])) == (3, 8)
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == SHUT


def statement_of(name: str, **changes: Any) -> dict[str, Any]:
    """Return a statement that lets everyone list and write, which Handrail did not make."""
    both = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    one = {"Sid": "Drop", "Effect": "Allow", "Principal": {"AWS": ["*"]}, "Resource": both}
    return {**one, "Action": ["s3:ListBucket", "s3:PutObject"], **changes}


def put_foreign(s3: Any, name: str, *statements: dict[str, Any]) -> None:
    """Put a policy that S3 takes for public, and shut the bucket again."""
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=SHUT)


@pytest.mark.parametrize("condition", [{}, {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}])
def test_public_opens_no_statement_that_nobody_was_asked_about(
    handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique, condition: dict[str, Any]
) -> None:
    name, other = unique("drop"), unique("drop")
    handrail.ok("s3", "create", name)
    handrail.ok("s3", "create", other)
    put_foreign(s3, name, statement_of(name, **condition))
    before = sandbox.writes()
    done = handrail("s3", "update", name, "--public", "--yes")
    assert done.code == 5
    assert "Drop: s3:ListBucket, s3:PutObject" in done.out + done.err
    assert sandbox.writes() == before
    many = handrail("s3", "update", name, other, "--public", "--yes", "-o", "json")
    assert [row["status"] for row in many.json] == ["failed", "succeeded"]
    assert many.json[0]["error"]["code"] == "foreign_public_policy"
    assert status_of(sandbox, name) == 403


def test_private_says_what_it_can_not_take_out_and_is_done_then(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name = unique("drop")
    handrail.ok("s3", "create", name, "--public", "--yes")
    own = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    policy = {"Version": "2012-10-17", "Statement": [*own, statement_of(name)]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    done = handrail.json("s3", "update", name, "--private")[0]
    assert (done["status"], done["current"]["access"]) == ("succeeded", "private")
    assert "public statements that Handrail did not make (Drop: s3:ListBucket, s3:PutObject)" in done["warnings"][0]
    again = handrail.json("s3", "update", name, "--private")[0]
    assert (again["status"], again["warnings"]) == ("unchanged", done["warnings"])
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({**policy, "Statement": [statement_of(name)]}))
    assert handrail.json("s3", "update", name, "--private")[0]["warnings"] == done["warnings"]


def test_a_statement_of_ours_that_was_left_is_taken_out(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name = unique("left")
    handrail.ok("s3", "create", name, "--public", "--yes")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=SHUT)
    assert handrail.json("s3", "update", name, "--private")[0]["status"] == "succeeded"
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=name)
    assert handrail.json("s3", "update", name, "--private")[0]["status"] == "unchanged"


# ---- delete


@pytest.mark.parametrize("versioned", [False, True])
def test_more_than_a_page_of_anything_is_deleted(handrail: Handrail, s3: Any, unique: Unique, versioned: bool) -> None:
    name = unique("many")
    handrail.ok("s3", "create", name, *(("--versioning",) if versioned else ()))
    for number in range(1_010):
        s3.put_object(Bucket=name, Key=f"{number % 505 if versioned else number:04}", Body=b"x")
    if versioned:
        s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": f"{number:04}"} for number in range(10)]})
    s3.create_multipart_upload(Bucket=name, Key="k")
    done = handrail.ok("s3", "delete", name, "--empty", "--yes")
    assert f"{name} is deleted" in done.out
    assert not exists(s3, name)


def test_a_bucket_made_anew_by_somebody_else_is_theirs(
    handrail: Handrail, sandbox: Sandbox, s3: Any, unique: Unique
) -> None:
    name = unique("anew")
    handrail.ok("s3", "create", name, "--tag", "team=blue")
    s3.delete_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    (handrail.cwd / "a.txt").write_text("a")
    before = sandbox.writes()
    for words in (
        ("show", name),
        ("update", name, "--private"),
        ("upload", name, "a.txt"),
        ("remove", name, "a.txt", "--yes"),
        ("delete", name, "--empty", "--yes"),
    ):
        assert handrail("s3", *words).code == 4, words
    assert name not in {row["name"] for row in handrail.json("s3", "list")}
    assert sandbox.writes() == before


# ---- the same request again


def test_a_request_made_again_makes_nothing_twice(handrail: Handrail, sandbox: Sandbox, unique: Unique) -> None:
    name, request = unique("again"), unique("req")
    first = handrail.json("s3", "create", name, "--tag", "a=b", "--request-id", request)
    before = sandbox.writes()
    again = handrail.json("s3", "create", name, "--tag", "a=b", "--request-id", request)
    assert (first["status"], again["status"]) == ("succeeded", "unchanged")
    assert again["current"]["created_at"] == first["current"]["created_at"]
    assert sandbox.writes() == before
    for words in ((name, "--tag", "a=c"), (unique("other"), "--tag", "a=b"), (name, "--public", "--yes")):
        assert handrail("s3", "create", *words, "--request-id", request).code == 5
    assert handrail.owner("dev-2")("s3", "create", name, "--tag", "a=b", "--request-id", request).code == 5
    assert sandbox.writes() == before
    handrail.ok("s3", "delete", name, "--yes")
    done = handrail("s3", "create", name, "--tag", "a=b", "--request-id", request)
    assert done.code == 5
    assert "gone" in done.err
    sandbox.client("s3").create_bucket(Bucket=name)
    assert handrail("s3", "create", name, "--tag", "a=b", "--request-id", request).code == 5


def test_a_repeat_is_known_before_the_rules_judge(handrail: Handrail, sandbox: Sandbox, unique: Unique) -> None:
    name, request = unique("ruled"), unique("req")
    handrail.ok("s3", "create", name, "--request-id", request)
    path = handrail.cwd / "own.toml"
    path.write_text('[s3]\nnames = ["team-*"]\nregions = ["eu-west-1"]\n[s3.required_tags]\nteam = "*"\n')
    before = sandbox.writes()
    command = ("s3", "create", name, "--policy", str(path), "--request-id")
    assert handrail.json(*command, request)["status"] == "unchanged"
    anew = handrail(*command, unique("other"), "-o", "json")
    assert anew.code == 3
    reasons = anew.error["details"]["reasons"]
    assert {reason["key"] for reason in reasons} == {"s3.names", "s3.regions", "s3.required_tags"}
    assert sandbox.writes() == before


def test_a_refused_request_can_be_made_again(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name, request = unique("late"), unique("req")
    s3.create_bucket(Bucket=name)
    assert handrail("s3", "create", name, "--request-id", request).code == 5
    s3.delete_bucket(Bucket=name)
    assert handrail.json("s3", "create", name, "--request-id", request)["status"] == "succeeded"


# ---- list, update


def test_list_shows_own_buckets_and_all_marks_the_others(handrail: Handrail, s3: Any, unique: Unique) -> None:
    mine, theirs, gone, dev2 = unique("mine"), unique("theirs"), unique("gone"), unique("dev2")
    for name in (mine, gone):
        handrail.ok("s3", "create", name)
    handrail.owner("dev-2").ok("s3", "create", dev2)
    s3.create_bucket(Bucket=theirs)
    s3.delete_bucket(Bucket=gone)
    s3.put_object(Bucket=mine, Key="a", Body=b"12345")
    rows = {row["name"]: row for row in handrail.json("s3", "list", "--size")}
    assert theirs not in rows
    assert (rows[mine]["objects"], rows[mine]["bytes"], rows[mine]["owner"]) == (1, 5, "dev-1")
    assert rows[gone]["access"] == "gone"
    assert "deleted without Handrail" in rows[gone]["note"]
    everything = {row["name"]: row["managed"] for row in handrail.json("s3", "list", "--all")}
    assert everything[theirs] is False
    assert everything[mine] is True
    assert [row["owner"] for row in handrail.json("s3", "list", "--owner", "dev-2") if row["name"] == dev2] == ["dev-2"]
    assert handrail.json("s3", "list", "--owner", "nobody") == []
    table = handrail.ok("s3", "list", "--all", "--size").out
    assert all(heading in table for heading in ("NAME", "ACCESS", "OBJECTS", "SIZE", "MANAGED", "NOTE"))
    assert handrail("s3", "show", gone).code == 4
    assert handrail("s3", "update", gone, "--private").code == 4
    assert handrail.json("s3", "delete", gone, "--yes")[0]["status"] == "succeeded"
    assert handrail("s3", "show", gone).code == 4


def test_update_takes_many_and_judges_each(handrail: Handrail, s3: Any, unique: Unique) -> None:
    one, two, none = unique("one"), unique("two"), unique("none")
    handrail.ok("s3", "create", one, "--tag", "old=x")
    handrail.ok("s3", "create", two, "--tag", "team=red")
    done = handrail(
        *("s3", "update", f"{one},{two}", none, "--tag", "team=red", "--untag", "old"),
        *("--versioning", "off", "-o", "json"),
    )
    assert done.code == 8
    assert [row["status"] for row in done.json] == ["succeeded", "unchanged", "failed"]
    tags = tags_of(s3, one)
    assert tags["team"] == "red"
    assert "old" not in tags
    assert tags["managed-by"] == "handrail"
    handrail.ok("s3", "update", one, "--versioning", "on")
    assert s3.get_bucket_versioning(Bucket=one)["Status"] == "Enabled"
    done = handrail.ok("s3", "update", one, "--versioning", "off", "--untag", "team")
    assert "no longer kept" in done.err
    assert s3.get_bucket_versioning(Bucket=one)["Status"] == "Suspended"
    assert handrail.json("s3", "show", one)["versioning"] == "suspended"


def test_a_required_tag_stays(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name, other = unique("tagged"), unique("tagged")
    handrail.ok("s3", "create", name, "--tag", "team=red", "--tag", "x=1")
    handrail.ok("s3", "create", other, "--tag", "x=1")
    path = handrail.cwd / "own.toml"
    path.write_text('[s3.required_tags]\nteam = "red"\n')
    strict = Handrail({**handrail.environ, "HANDRAIL_POLICY": str(path)}, handrail.cwd)
    done = strict("s3", "update", name, "--untag", "team")
    assert (done.code, "leave --untag team out" in done.out + done.err) == (3, True)
    assert strict("s3", "update", name, "--tag", "team=blue").code == 3
    assert strict("policy", "check", "--", "s3", "update", name, "--untag", "team").code == 3
    assert strict("policy", "check", "--", "s3", "update", name, "--untag", "x").code == 0
    assert tags_of(s3, name)["team"] == "red"
    done = strict("s3", "update", name, other, "--untag", "x", "-o", "json")
    assert [row["status"] for row in done.json] == ["succeeded", "failed"]
    assert done.json[1]["error"]["code"] == "refused"
    assert strict.json("s3", "update", other, "--tag", "team=red")[0]["status"] == "succeeded"


def test_a_hint_can_be_typed_as_it_stands(handrail: Handrail, s3: Any, unique: Unique) -> None:
    mine, theirs, full, gone = unique("mine"), unique("theirs"), unique("full"), unique("gone")
    for name in (mine, full, gone):
        handrail.ok("s3", "create", name)
    s3.create_bucket(Bucket=theirs)
    s3.put_object(Bucket=full, Key="a", Body=b"x")
    s3.delete_bucket(Bucket=gone)
    for words, hint in (
        (("create", mine), f"handrail s3 show {mine}"),
        (("delete", full, "--yes"), f"handrail s3 delete {full} --empty"),
        (("update", gone, "--private"), f"handrail s3 delete {gone}"),
        (("show", gone), f"handrail s3 delete {gone}"),
    ):
        done = handrail("s3", *words)
        assert hint in [" ".join(line.split()[1:]) for line in (done.out + done.err).splitlines()], words
        assert handrail(*hint.split()[1:], "--dry-run" if "delete" in hint else "--quiet").code == 0
    done = handrail("s3", "create", theirs)
    assert "this account has a bucket" in done.err
    assert "not made by Handrail" in done.err


def test_another_owners_bucket_asks_by_name(handrail: Handrail, s3: Any, unique: Unique) -> None:
    name = unique("theirs")
    handrail.owner("dev-2").ok("s3", "create", name)
    assert handrail("s3", "update", name, "--tag", "a=b", "--yes").code == 6
    assert handrail("s3", "update", name, "--tag", "a=b", "--yes", "--owner", "dev-3").code == 6
    asked = handrail("s3", "update", name, "--public", answers="n\n")
    assert asked.code == 6
    opening = f"{name} belongs to dev-2, not to you. Anyone on the internet will be able to read"
    assert opening in " ".join(asked.err.split())
    asked = handrail("s3", "delete", name, answers="n\n")
    assert (asked.code, f"{name} belongs to dev-2, not to you. This deletes 1 bucket" in asked.err) == (6, True)
    handrail.ok("s3", "update", name, "--tag", "a=b", "--yes", "--owner", "dev-2")
    assert tags_of(s3, name)["handrail:owner"] == "dev-2"
    assert "made by dev-2" in handrail.ok("s3", "show", name).out
    handrail.ok("s3", "delete", name, "--yes", "--owner", "dev-2")


def test_a_foreign_bucket_is_deleted_where_the_policy_lets_any(
    handrail: Handrail, sandbox: Sandbox, unique: Callable[[str], str]
) -> None:
    name = unique("theirs")
    sandbox.client("s3").create_bucket(Bucket=name)
    (handrail.cwd / "any.toml").write_text('s3.manage = "any"\n')
    anybody = Handrail({**handrail.environ, "HANDRAIL_POLICY": str(handrail.cwd / "any.toml")}, handrail.cwd)
    assert anybody("s3", "delete", name).code == 6
    assert anybody("s3", "delete", name, answers="y\n").code == 0
    assert name not in [one["Name"] for one in sandbox.client("s3").list_buckets()["Buckets"]]


def test_a_bucket_that_is_not_there_is_named_in_its_row(handrail: Handrail) -> None:
    (row,) = handrail("s3", "delete", "not-there-at-all", "-y", "-o", "json").json
    assert (row["id"], row["name"], row["status"]) == ("not-there-at-all", "not-there-at-all", "failed")
