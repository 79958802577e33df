"""What S3 allows: bucket names by AWS's own examples, keys, tags; ownership, access and the public policy as values."""

import itertools
from pathlib import Path

import pytest

from handrail.core.errors import Usage
from handrail.core.resources import Bucket, StoredObject
from handrail.core.s3_rules import (
    BUCKET_TAGS,
    OPEN_TO_POLICY,
    SHUT,
    Block,
    Exposure,
    check_bucket,
    check_bucket_name,
    check_content_type,
    check_key,
    evaluate,
    foreign_public,
    has_public_read,
    name_fault,
    public_statement,
    read_url,
    with_public_read,
    without_public_read,
)

NAMES = [
    line.split(maxsplit=2)
    for line in (Path(__file__).parent / "s3_bucket_names.txt").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]


@pytest.mark.parametrize("words", NAMES, ids=lambda words: words[1][:40])
def test_bucket_names_are_judged_as_aws_says(words: list[str]) -> None:
    verdict, name, reason = words[0], words[1], "".join(words[2:])
    assert (name_fault(name) == "") == (verdict == "good")
    if verdict == "good":
        assert check_bucket_name(name) == name
        return
    with pytest.raises(Usage) as refused:
        check_bucket_name(name)
    assert reason in refused.value.message
    assert refused.value.exit_code == 2


def test_the_list_has_aws_examples_of_both_kinds() -> None:
    assert {words[0] for words in NAMES} == {"good", "bad"}
    assert ["bad", "AmznS3DemoBucket", "capitals"] in NAMES


def test_an_existing_bucket_may_have_an_old_name() -> None:
    assert check_bucket(" s3://Old_Bucket/ ") == "Old_Bucket"
    with pytest.raises(Usage, match="not the name of a bucket"):
        check_bucket("no/bucket")


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "a b/ü/:.txt",
        "videos/2014/../../video1.wmv",
        "./a",
        "a/.",
        "/",
        "x" * 1024,
        "ü" * 512,
        "a\nb",
    ],
)
def test_keys_that_s3_takes(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "empty"),
        ("x" * 1025, "1,025 bytes"),
        ("ü" * 513, "1,026 bytes"),
        ("../a", "leads out"),
        ("videos/../../video1.wmv", "leads out"),
        ("a/../..", "leads out"),
        (".", "a lone dot"),
        ("\udcff", "not UTF-8"),
    ],
)
def test_keys_that_s3_does_not_take(key: str, reason: str) -> None:
    with pytest.raises(Usage, match=reason):
        check_key(key)


def test_content_types() -> None:
    assert check_content_type("text/html; charset=utf-8") == "text/html; charset=utf-8"
    assert check_content_type("application/vnd.api+json") == "application/vnd.api+json"
    for bad in ("html", "text/", "text/html\r\nX: y", ""):
        with pytest.raises(Usage, match="not a content type"):
            check_content_type(bad)


def test_tags() -> None:
    assert BUCKET_TAGS.parse(["Name=x", "team=a=b", "team=a=b"]) == {"Name": "x", "team": "a=b"}
    assert BUCKET_TAGS.check_key("Name") == "Name"
    for bad in (
        ["team"],
        ["managed-by=me"],
        ["handrail:owner=me"],
        ["aws:x=y"],
        ["a=1", "a=2"],
        ["a=" + "x" * 257],
        ["a=\n"],
        [f"k{number}=v" for number in range(46)],
    ):
        with pytest.raises(Usage):
            BUCKET_TAGS.parse(bad)


# ---- access


BLOCKS = [None, Block(), SHUT, OPEN_TO_POLICY, Block(restrict=True), Block(ignore_acls=True)]


@pytest.mark.parametrize(("policy", "acl"), list(itertools.product((True, False, None), repeat=2)))
def test_access_is_the_stricter_of_both_levels(policy: bool | None, acl: bool | None) -> None:
    for bucket, account in itertools.product(BLOCKS, repeat=2):
        access = evaluate(Exposure(policy, bucket, account, acl))
        restricted = any(level is not None and level.restrict for level in (bucket, account))
        ignored = any(level is not None and level.ignore_acls for level in (bucket, account))
        if (restricted or policy is False) and (ignored or acl is False):
            assert access == "private"
        else:
            assert access != "private", "what can't be read never makes a bucket private"
        if access == "public":
            assert policy or acl
            assert None not in (bucket, account)


def test_which_account_switches_bar_a_public_bucket() -> None:
    assert SHUT.bars_public == ("BlockPublicPolicy", "RestrictPublicBuckets")
    assert OPEN_TO_POLICY.bars_public == ()


def test_the_public_policy_is_one_statement_that_only_reads_objects() -> None:
    policy = with_public_read(None, "press", "aws-cn")
    assert policy["Statement"] == [public_statement("press", "aws-cn")]
    assert policy["Statement"][0]["Action"] == "s3:GetObject"
    assert policy["Statement"][0]["Resource"] == "arn:aws-cn:s3:::press/*"
    assert without_public_read(policy) is None
    assert has_public_read(policy)
    assert not has_public_read(None)


def test_other_statements_stay() -> None:
    deny = {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    theirs = {"Version": "2012-10-17", "Id": "mine", "Statement": deny}
    both = with_public_read(theirs, "press", "aws")
    assert [one["Sid"] for one in both["Statement"]] == ["Tls", "HandrailPublicRead"]
    assert with_public_read(both, "press", "aws") == both
    assert without_public_read(both) == {"Version": "2012-10-17", "Id": "mine", "Statement": [deny]}


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "*"}, {"AWS": ["123456789012", "*"]}, ["*"], {"CanonicalUser": "x", "Federated": "*"}],
)
def test_a_statement_for_everyone_is_found_whatever_its_form(principal: object) -> None:
    for rest in ({}, {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}):
        one = {"Sid": "Open", "Effect": "Allow", "Principal": principal, "Action": ["s3:PutObject", "s3:ListBucket"]}
        found = foreign_public(with_public_read({"Statement": {**one, **rest}}, "press", "aws"))
        assert found == ("Open: s3:PutObject, s3:ListBucket",)


def test_what_is_for_somebody_and_what_denies_opens_nothing() -> None:
    somebody = {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::1:root"]}, "Action": "s3:*"}
    nobody = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    assert foreign_public({"Statement": [somebody, nobody, public_statement("press", "aws")]}) == ()
    assert foreign_public(None) == ()
    but = {"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}, "NotAction": "s3:PutObject"}
    assert foreign_public({"Statement": [but]}) == ("a statement without a Sid: all but s3:PutObject",)


def test_where_a_public_object_is_read() -> None:
    assert read_url("press", "us-east-1", "aws") == "https://press.s3.us-east-1.amazonaws.com/KEY"
    assert read_url("a.b", "us-east-1", "aws") == "https://s3.us-east-1.amazonaws.com/a.b/KEY"
    assert read_url("press", "cn-north-1", "aws-cn") == "https://press.s3.cn-north-1.amazonaws.com.cn/KEY"
    assert read_url("press", "us-east-1", "aws", "http://127.0.0.1:1/") == "http://127.0.0.1:1/press/KEY"


def test_sizes_read_well() -> None:
    bucket = Bucket("b", "us-east-1", "private", "me", None, True, {})
    assert bucket.readable_size == ""
    sizes = {0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1048575: "1.0 MiB", 5 << 40: "5.0 TiB", 5 << 50: "5120.0 TiB"}
    assert {size: StoredObject("k", size, None).readable_size for size in sizes} == sizes
