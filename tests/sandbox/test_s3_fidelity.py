"""Each patch of moto's S3; every marked test here fails on a server without its patch."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from patience import HANGS

from .playing import ACCOUNT, Client, Sandbox, refused

OTHER_ACCOUNT = "999999999999"
MIB = 1024 * 1024


@pytest.fixture
def s3(sandbox: Sandbox) -> Client:
    """Return an S3 client that adds no checksums of its own."""
    return sandbox.client("s3", config={"request_checksum_calculation": "when_required"})


@pytest.fixture
def bucket(s3: Client) -> str:
    """Return a new bucket."""
    name = f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def control(sandbox: Sandbox) -> Client:
    """Return an S3 Control client, which reaches loopback without the account's host prefix."""
    client = sandbox.client("s3control")

    def strip(request: Any, **_: Any) -> None:
        request.url = request.url.replace(f"//{ACCOUNT}.", "//")

    client.meta.events.register("before-sign.s3-control", strip)
    return client


def anonymous(sandbox: Sandbox, path: str, method: str = "GET") -> int:
    """Return the status of a request without a signature."""
    connection = http.client.HTTPConnection(sandbox.running.endpoint.removeprefix("http://"), timeout=HANGS)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    finally:
        connection.close()


def public_policy(bucket: str, **changes: Any) -> str:
    """Return a policy that lets everybody read objects."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | changes]})


def open_up(s3: Client, bucket: str) -> None:
    """Let public policies count for a bucket."""
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True, "IgnorePublicAcls": True}
    )


ALL_ON = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@pytest.mark.patch("s3-block-public-access")
def test_a_new_bucket_is_private_encrypted_and_without_acls(s3: Client, bucket: str) -> None:
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == ALL_ON
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.patch("s3-block-public-access")
@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["123456789012", "*"]}])
def test_a_public_policy_is_refused_while_blocked(s3: Client, bucket: str, principal: Any) -> None:
    with refused("AccessDenied"):
        s3.put_bucket_policy(Bucket=bucket, Policy=public_policy(bucket, Principal=principal))
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)


@pytest.mark.patch("s3-block-public-access")
def test_acls_are_off(s3: Client, bucket: str) -> None:
    with refused("AccessControlListNotSupported"):
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    with refused("AccessControlListNotSupported"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    with refused("InvalidBucketAclWithObjectOwnership"):
        s3.create_bucket(Bucket=f"{bucket}-x", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="bucket-owner-full-control")
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    with refused("AccessDenied"):
        s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")


@pytest.mark.patch("s3-block-public-access")
def test_the_accounts_block_holds_for_every_bucket(sandbox: Sandbox, control: Client) -> None:
    s3 = sandbox.client("s3")
    bucket = f"account-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    open_up(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_policy(Bucket=bucket, Policy=public_policy(bucket))
    assert anonymous(sandbox, f"/{bucket}/k") == 200
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlockConfiguration"):
        control.get_public_access_block(AccountId=ACCOUNT)
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=ALL_ON)
    try:
        assert control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"] == ALL_ON
        assert anonymous(sandbox, f"/{bucket}/k") == 403
        with refused("AccessDenied"):
            s3.put_bucket_policy(Bucket=bucket, Policy=public_policy(bucket))
    finally:
        control.delete_public_access_block(AccountId=ACCOUNT)


@pytest.mark.patch("s3-anonymous")
def test_a_bucket_made_public_and_private_again(sandbox: Sandbox, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b", Body=b"x")
    assert anonymous(sandbox, f"/{bucket}/a%20b") == 403
    open_up(s3, bucket)
    assert anonymous(sandbox, f"/{bucket}/a%20b") == 403
    s3.put_bucket_policy(Bucket=bucket, Policy=public_policy(bucket))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": True}
    assert anonymous(sandbox, f"/{bucket}/a%20b") == 200
    assert anonymous(sandbox, f"/{bucket}/a%20b", "HEAD") == 200
    assert anonymous(sandbox, f"/{bucket}/absent") == 403
    assert anonymous(sandbox, f"/{bucket}/a%20b?acl") == 403
    assert anonymous(sandbox, f"/{bucket}") == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=ALL_ON)
    assert anonymous(sandbox, f"/{bucket}/a%20b") == 403
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="a b")["Body"].read() == b"x"


@pytest.mark.patch("s3-anonymous")
@pytest.mark.parametrize("query", ["", "?list-type=2", "?versions", "?location", "?policy", "?uploads"])
def test_nobody_lists_a_private_bucket(sandbox: Sandbox, bucket: str, query: str) -> None:
    assert anonymous(sandbox, f"/{bucket}{query}") == 403


@pytest.mark.patch("s3-anonymous")
def test_nobody_learns_what_buckets_there_are(sandbox: Sandbox, bucket: str) -> None:
    assert anonymous(sandbox, "/") == 403
    assert anonymous(sandbox, f"/{bucket}", "HEAD") == 403


@pytest.mark.patch("s3-block-public-access")
def test_everybody_lists_a_bucket_whose_policy_says_so(sandbox: Sandbox, s3: Client, bucket: str) -> None:
    policy = public_policy(bucket, Action="s3:ListBucket", Resource=f"arn:aws:s3:::{bucket}")
    with refused("AccessDenied"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    open_up(s3, bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert anonymous(sandbox, f"/{bucket}?list-type=2") == 200


@pytest.mark.patch("s3-policies")
@pytest.mark.parametrize(
    "policy",
    [
        '{"a":1}',
        "nonsense",
        "[]",
        '{"Version":"2012-10-17"}',
        '{"Version":"2012-10-17","Statement":[]}',
        '{"Version":"2012-10-17","Statement":["x"]}',
        '{"Version":"1999-01-01","Statement":[{}]}',
        public_policy("{bucket}", Effect="Maybe"),
        public_policy("{bucket}", Action="ec2:RunInstances"),
        public_policy("{bucket}", Resource="arn:aws:s3:::other/*"),
        public_policy("{bucket}", Principal="alice"),
        public_policy("{bucket}", Unknown="x"),
        public_policy("{bucket}", NotAction="s3:PutObject"),
    ],
)
def test_malformed_policies_are_refused(s3: Client, bucket: str, policy: str) -> None:
    with refused("MalformedPolicy"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy.replace("{bucket}", bucket))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")


@pytest.mark.patch("s3-policies")
def test_a_policy_for_somebody_is_not_public_and_a_denial_holds(sandbox: Sandbox, s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    open_up(s3, bucket)
    for narrow in (
        {"Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
    ):
        s3.put_bucket_policy(Bucket=bucket, Policy=public_policy(bucket, **narrow))
        assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": False}
        assert anonymous(sandbox, f"/{bucket}/k") == 403
        assert s3.get_object(Bucket=bucket, Key="k")
    wide = {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=public_policy(bucket, **wide))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": True}
    denial = public_policy(bucket, Effect="Deny", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/alice"})
    s3.put_bucket_policy(Bucket=bucket, Policy=denial)
    with pytest.raises(ClientError, match="403"):
        s3.get_object(Bucket=bucket, Key="k")
    bob = sandbox.client("s3", owner="bob")
    assert bob.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


@pytest.mark.patch("s3-expected-owner")
def test_another_expected_owner_is_refused(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ExpectedBucketOwner=ACCOUNT)
    source = {"Bucket": bucket, "Key": "k"}
    for call, settings in (
        (s3.put_object, {"Key": "k", "Body": b"y", "ExpectedBucketOwner": OTHER_ACCOUNT}),
        (s3.list_objects_v2, {"ExpectedBucketOwner": OTHER_ACCOUNT}),
        (s3.delete_object, {"Key": "k", "ExpectedBucketOwner": OTHER_ACCOUNT}),
        (s3.delete_bucket, {"ExpectedBucketOwner": OTHER_ACCOUNT}),
        (s3.copy_object, {"Key": "l", "CopySource": source, "ExpectedSourceBucketOwner": OTHER_ACCOUNT}),
    ):
        with refused("AccessDenied"):
            call(Bucket=bucket, **settings)
    with refused("InvalidBucketOwnerAWSAccountID"):
        s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="nonsense")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


@pytest.mark.patch("s3-bucket-names")
@pytest.mark.parametrize(
    "name",
    [
        *("Upper", "under_score", "192.168.5.4", "a..b", "-dash", "dash-", ".dot", "xn--x", "sthree-x"),
        *("amzn-s3-demo-x", "x-s3alias", "x--ol-s3", "x.mrap", "x--table-s3"),
    ],
)
def test_bad_bucket_names_are_refused(sandbox: Sandbox, name: str) -> None:
    with refused("InvalidBucketName"):
        sandbox.client("s3", config={"s3": {"addressing_style": "path"}}).create_bucket(Bucket=name)


@pytest.mark.patch("s3-bucket-tags")
def test_tags_given_at_creation_are_kept(s3: Client) -> None:
    name = f"tagged-{uuid.uuid4()}"
    tags = [{"Key": "managed-by", "Value": "handrail"}, {"Key": "empty", "Value": ""}]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags})
    assert sorted(s3.get_bucket_tagging(Bucket=name)["TagSet"], key=str) == sorted(tags, key=str)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": [{"Key": "other", "Value": "x"}]})
    assert len(s3.get_bucket_tagging(Bucket=name)["TagSet"]) == 2


@pytest.mark.patch("s3-bucket-tags")
def test_tags_with_a_region(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3", "eu-west-1")
    name = f"tagged-{uuid.uuid4()}"
    configuration = {"LocationConstraint": "eu-west-1", "Tags": [{"Key": "a", "Value": "b"}]}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=configuration)
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"
    with refused("BucketAlreadyOwnedByYou"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration=configuration)


@pytest.mark.patch("s3-bucket-tags")
@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": "aws:x", "Value": "1"}],
        [{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}],
        [{"Key": "x" * 129, "Value": "1"}],
    ],
)
def test_bad_tags_make_no_bucket(s3: Client, tags: list[dict[str, str]]) -> None:
    name = f"tagged-{uuid.uuid4()}"
    with refused("InvalidTag"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags})
    with refused("404"):
        s3.head_bucket(Bucket=name)


@pytest.mark.patch("s3-list-buckets")
def test_buckets_are_listed_whole_in_pages(sandbox: Sandbox, s3: Client) -> None:
    prefix = f"page-{uuid.uuid4()}"
    names = [f"{prefix}-{n}" for n in range(5)]
    for name in reversed(names):
        s3.create_bucket(Bucket=name)
    elsewhere = sandbox.client("s3", "eu-west-1")
    elsewhere.create_bucket(Bucket=f"{prefix}-eu", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    pages = list(s3.get_paginator("list_buckets").paginate(Prefix=prefix, PaginationConfig={"PageSize": 2}))
    assert [len(page["Buckets"]) for page in pages] == [2, 2, 2]
    found = [bucket for page in pages for bucket in page["Buckets"]]
    assert [bucket["Name"] for bucket in found] == [*names, f"{prefix}-eu"]
    assert {bucket["BucketRegion"] for bucket in found} == {"us-east-1", "eu-west-1"}
    in_europe = s3.list_buckets(Prefix=prefix, BucketRegion="eu-west-1")["Buckets"]
    assert [bucket["Name"] for bucket in in_europe] == [f"{prefix}-eu"]
    for bad in ({"MaxBuckets": 10001}, {"ContinuationToken": "!"}):
        with refused("InvalidArgument"):
            s3.list_buckets(**bad)


def md5(body: bytes) -> str:
    """Return a Content-MD5."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def crc32(body: bytes) -> str:
    """Return a checksum as S3 writes it."""
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def sha256(body: bytes) -> str:
    """Return a checksum as S3 writes it."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@pytest.mark.patch("s3-body-checksums")
@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"ContentMD5": md5(b"other")}, "BadDigest"),
        ({"ContentMD5": "nonsense"}, "InvalidDigest"),
        ({"ChecksumCRC32": crc32(b"other")}, "BadDigest"),
        ({"ChecksumSHA256": sha256(b"other")}, "BadDigest"),
    ],
)
def test_a_wrong_checksum_is_refused(s3: Client, bucket: str, settings: dict[str, str], code: str) -> None:
    with refused(code):
        s3.put_object(Bucket=bucket, Key="k", Body=b"body", **settings)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    with refused(code):
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"body", **settings)
    assert "Parts" not in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)


def test_a_right_checksum_is_taken(s3: Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"body", ContentMD5=md5(b"body"), ChecksumSHA256=sha256(b"body"))


@pytest.mark.patch("s3-stored-checksums")
def test_the_checksum_is_kept_and_told(s3: Client, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"body", ChecksumCRC32=crc32(b"body"))
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (crc32(b"body"), "FULL_OBJECT")
    assert (put["ChecksumCRC32"], put["ChecksumType"]) == (crc32(b"body"), "FULL_OBJECT")
    assert "ChecksumCRC32" not in s3.head_object(Bucket=bucket, Key="k")


@pytest.mark.patch("s3-multipart-checksums")
def test_a_whole_objects_checksum(s3: Client, bucket: str) -> None:
    pieces = [b"a" * 5 * MIB, b"b" * 1000]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")[
        "UploadId"
    ]
    parts = []
    for number, piece in enumerate(pieces, 1):
        part = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=piece, ChecksumCRC32=crc32(piece)
        )
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]})
    whole = {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": {"Parts": parts}}
    with refused("BadDigest"):
        s3.complete_multipart_upload(**whole, ChecksumCRC32=crc32(b"other"), ChecksumType="FULL_OBJECT")
    with refused("InvalidRequest"):
        s3.complete_multipart_upload(**whole, MpuObjectSize=1)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    expected = crc32(b"".join(pieces))
    done = s3.complete_multipart_upload(**whole, ChecksumCRC32=expected, ChecksumType="FULL_OBJECT")
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (expected, "FULL_OBJECT")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (expected, "FULL_OBJECT")
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == b"".join(pieces)


def test_chunks_of_awss_own_with_a_trailing_checksum(sandbox: Sandbox, s3: Client, bucket: str) -> None:
    framed = b"4\r\nbody\r\n0\r\nx-amz-checksum-crc32:" + crc32(b"body").encode() + b"\r\n\r\n"
    put_framed(s3, bucket, framed)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"body"
    for wrong in (framed.replace(b"body", b"jody"), framed[:7], framed.replace(b"4\r", b"zz\r")):
        with pytest.raises(ClientError, match=r"BadDigest|IncompleteBody"):
            put_framed(s3, bucket, wrong)


def put_framed(s3: Client, bucket: str, framed: bytes) -> None:
    """Send a body as clients do that sign before they know it."""

    def reframe(request: Any, **_: Any) -> None:
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
        request.headers["x-amz-trailer"] = "x-amz-checksum-crc32"
        request.headers["x-amz-decoded-content-length"] = "4"
        request.headers["Content-Encoding"] = "aws-chunked"
        request.data = framed

    s3.meta.events.register_first("before-sign.s3.PutObject", reframe, "reframe")
    try:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x" * len(framed))
    finally:
        s3.meta.events.unregister("before-sign.s3.PutObject", unique_id="reframe")


@pytest.mark.patch("s3-delete-bucket")
def test_a_bucket_made_anew_has_no_tags_of_the_old_one(s3: Client, bucket: str) -> None:
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="c=d")
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    with refused("NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket=bucket)


def versions_page(s3: Client, bucket: str, **rest: Any) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return keys and ids of one page of versions and markers, and how to ask for the next."""
    page = s3.list_object_versions(Bucket=bucket, **rest)
    found = [(one["Key"], one["VersionId"]) for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))]
    names = {"NextKeyMarker": "KeyMarker", "NextVersionIdMarker": "VersionIdMarker"}
    return found, {names[name]: page[name] for name in names if name in page}


@pytest.mark.patch("s3-version-markers")
@pytest.mark.parametrize("versioned", [False, True])
def test_a_listing_goes_on_where_its_last_item_was_deleted(s3: Client, bucket: str, versioned: bool) -> None:
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "b", "b", "b", "c", "d", "e"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="c")
    total, more = 0, {"KeyMarker": ""}
    while more:
        seen, more = versions_page(s3, bucket, MaxKeys=2, **more)
        total += len(seen)
        for key, id in seen:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=id)
    assert total == (8 if versioned else 4)
    assert versions_page(s3, bucket) == ([], {})


@pytest.mark.patch("s3-version-markers")
def test_a_listing_goes_on_from_a_place_where_nothing_is(s3: Client, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "b", "b", "d/x", "d/y", "e"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert [key for key, _ in versions_page(s3, bucket, KeyMarker="b")[0]] == ["d/x", "d/y", "e"]
    assert [key for key, _ in versions_page(s3, bucket, KeyMarker="c", Prefix="d")[0]] == ["d/x", "d/y"]
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/", KeyMarker="b", MaxKeys=1)
    assert (page["CommonPrefixes"], page["NextKeyMarker"]) == ([{"Prefix": "d/"}], "d/")
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/", KeyMarker="d/")
    assert ([one["Key"] for one in page["Versions"]], page["IsTruncated"]) == (["e"], False)
    latest = {one["VersionId"]: one["IsLatest"] for one in s3.list_object_versions(Bucket=bucket)["Versions"]}
    assert sorted(latest.values()) == [False, True, True, True, True, True]
    assert latest[s3.head_object(Bucket=bucket, Key="b")["VersionId"]]


@pytest.mark.patch("s3-version-names")
def test_versions_are_listed_whatever_is_in_their_keys(s3: Client, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    keys = ["a\x1bb", "a\x1bc/ä+ %&<", "plain"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        s3.delete_object(Bucket=bucket, Key=key)
    found = s3.list_object_versions(Bucket=bucket)
    assert [one["Key"] for one in found["Versions"]] == [one["Key"] for one in found["DeleteMarkers"]] == keys
    page = s3.list_object_versions(Bucket=bucket, Prefix="a\x1b", Delimiter="/", MaxKeys=2)
    assert (page["Prefix"], page["Delimiter"], page["NextKeyMarker"]) == ("a\x1b", "/", "a\x1bb")
    page = s3.list_object_versions(Bucket=bucket, Prefix="a\x1b", Delimiter="/", KeyMarker=page["NextKeyMarker"])
    assert (page["KeyMarker"], page["CommonPrefixes"]) == ("a\x1bb", [{"Prefix": "a\x1bc/"}])
    raw = s3.list_object_versions(Bucket=bucket, EncodingType="url")
    assert raw["Versions"][1]["Key"] == "a%1Bc/%C3%A4%2B%20%25%26%3C"


@pytest.mark.patch("s3-list-uploads")
def test_unfinished_uploads_have_their_time_and_come_in_pages(s3: Client, bucket: str) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    made = [s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in ("b", "a", "a")]
    pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2}))
    assert [len(page["Uploads"]) for page in pages] == [2, 1]
    found = [one for page in pages for one in page["Uploads"]]
    assert [one["Key"] for one in found] == ["a", "a", "b"]
    assert {one["UploadId"] for one in found} == set(made)
    assert all(began < one["Initiated"] < datetime.now(UTC) for one in found)
    s3.create_multipart_upload(Bucket=bucket, Key="c \n")
    assert [one["Key"] for one in s3.list_multipart_uploads(Bucket=bucket, Prefix="b")["Uploads"]] == ["b"]
    page = s3.list_multipart_uploads(Bucket=bucket, Prefix="c", EncodingType="url")
    assert (page["EncodingType"], page["Uploads"][0]["Key"]) == ("url", "c%20%0A")


@pytest.mark.patch("s3-ended-uploads")
def test_an_upload_that_was_aborted_takes_no_part(s3: Client, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**upload)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    for call, settings in (
        (s3.upload_part, {"PartNumber": 2, "Body": b"y"}),
        (s3.upload_part_copy, {"PartNumber": 2, "CopySource": f"{bucket}/source"}),
        (s3.complete_multipart_upload, {"MultipartUpload": parts}),
        (s3.abort_multipart_upload, {}),
    ):
        s3.put_object(Bucket=bucket, Key="source", Body=b"y")
        with refused("NoSuchUpload") as caught:
            call(**upload, **settings)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.patch("s3-keys")
def test_a_key_may_have_line_ends(sandbox: Sandbox, s3: Client, bucket: str) -> None:
    for key in ("a\nb", "\n", "a/\nb/", "/a\n"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        assert sandbox.log()[-1].action == "PutObject"
    assert sorted(one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]) == [
        "\n",
        "/a\n",
        "a\nb",
        "a/\nb/",
    ]
    s3.delete_object(Bucket=bucket, Key="a\nb")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 3


@pytest.fixture
def locked(sandbox: Sandbox) -> tuple[Client, str]:
    """Return a client, and a new bucket with Object Lock."""
    s3, name = sandbox.client("s3"), f"locked-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return s3, name


def put_locked(s3: Client, bucket: str, mode: str, days: float = 9) -> dict[str, Any]:
    """Put an object under a retention, and return which version it is."""
    until = datetime.now(UTC) + timedelta(days=days)
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ObjectLockMode=mode, ObjectLockRetainUntilDate=until)
    return {"Bucket": bucket, "Key": "k", "VersionId": put["VersionId"]}


@pytest.mark.patch("s3-lock-retention")
def test_a_retention_must_end_in_the_future(locked: tuple[Client, str]) -> None:
    with refused("InvalidArgument"):
        put_locked(*locked, "COMPLIANCE", days=-1)


@pytest.mark.patch("s3-lock-retention")
@pytest.mark.parametrize(("mode", "days"), [("COMPLIANCE", 1), ("GOVERNANCE", 90)])
def test_compliance_is_never_weakened(locked: tuple[Client, str], mode: str, days: int) -> None:
    version = put_locked(*locked, "COMPLIANCE")
    until = datetime.now(UTC) + timedelta(days=days)
    with refused("AccessDenied"):
        locked[0].put_object_retention(**version, Retention={"Mode": mode, "RetainUntilDate": until})
    longer = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=90)}
    locked[0].put_object_retention(**version, Retention=longer)


@pytest.mark.patch("s3-lock-retention")
def test_governance_is_weakened_with_the_bypass_only(locked: tuple[Client, str]) -> None:
    version = put_locked(*locked, "GOVERNANCE")
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
    with refused("AccessDenied"):
        locked[0].put_object_retention(**version, Retention=shorter)
    locked[0].put_object_retention(**version, Retention=shorter, BypassGovernanceRetention=True)


@pytest.mark.patch("s3-lock-get-retention")
def test_a_retention_is_told(locked: tuple[Client, str]) -> None:
    s3, bucket = locked
    told = s3.get_object_retention(**put_locked(s3, bucket, "COMPLIANCE"))["Retention"]
    assert told["Mode"] == "COMPLIANCE"
    assert timedelta(days=8) < told["RetainUntilDate"] - datetime.now(UTC) < timedelta(days=9)
    s3.put_object(Bucket=bucket, Key="free", Body=b"x")
    with refused("NoSuchObjectLockConfiguration"):
        s3.get_object_retention(Bucket=bucket, Key="free")


@pytest.mark.patch("s3-lock-versioning")
def test_versioning_with_object_lock_stays(locked: tuple[Client, str]) -> None:
    s3, bucket = locked
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    with refused("InvalidBucketState"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def test_a_locked_version_can_be_hidden_and_not_deleted(locked: tuple[Client, str]) -> None:
    """This one moto does by itself; the anchors of the record rest on it."""
    s3, bucket = locked
    version = put_locked(s3, bucket, "COMPLIANCE")
    with refused("AccessDenied"):
        s3.delete_object(**version, BypassGovernanceRetention=True)
    named = {"Key": "k", "VersionId": version["VersionId"]}
    errors = s3.delete_objects(Bucket=bucket, Delete={"Objects": [named]})["Errors"]
    assert [error["Code"] for error in errors] == ["AccessDenied"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"other")
    assert s3.delete_object(Bucket=bucket, Key="k")["DeleteMarker"]
    assert s3.get_object(**version)["Body"].read() == b"x"
