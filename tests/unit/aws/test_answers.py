"""What keeps a reply from being AWS's, and which listings do not go on."""

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session

import handrail
from handrail.aws.answers import date_of, lacks, lacks_of_stream, words_of
from handrail.aws.paging import EMPTY_PAGES, pages
from handrail.aws.service import find_service
from handrail.core.errors import AwsFailure

ID = {"x-amzn-requestid": "3f1c", "date": "Fri, 27 Nov 2026 00:00:00 GMT", "content-type": "application/x-amz-json-1.0"}
AWS = Path(handrail.__file__).parent / "aws"
ELSEWHERE = "it sends elsewhere, and does not say where"
STATUS = b"<PolicyStatus><IsPublic>TRUE</IsPublic></PolicyStatus>"


def reply(content: bytes = b"", status: int = 200, **headers: str) -> Any:
    return SimpleNamespace(status_code=status, headers=headers or ID, content=content)


@pytest.mark.parametrize(
    ("call", "came", "parsed", "why"),
    [
        ("sts.GetCallerIdentity", reply(b"<html/>"), {}, "it is a <html>, and no <GetCallerIdentityResponse>"),
        ("sts.GetCallerIdentity", reply(b"Sign in"), {}, "it is no XML, and no <GetCallerIdentityResponse>"),
        ("s3.PutBucketPolicy", reply(b"", x="y"), {}, "it has no request id of AWS"),
        ("s3.PutBucketPolicy", reply(b"<html/>"), {}, "it is a page"),
        ("s3.PutBucketPolicy", reply(b""), {}, ""),
        ("s3.GetBucketPolicy", reply(b"{}"), {}, "it is no policy document"),
        ("s3.GetBucketPolicy", reply(b'{"Statement": []}'), {}, ""),
        ("dynamodb.GetItem", reply(b"[]"), {}, "it is no whole JSON object"),
        ("dynamodb.GetItem", reply(b"[" * 100_000), {}, "it is no whole JSON object"),
        ("dynamodb.GetItem", reply(b"{}"), None, "it is no object"),
        ("dynamodb.GetItem", reply(b"{}"), {}, ""),
        ("dynamodb.GetItem", reply(b"{}"), {"Item": {"pk": {"S": "a"}}}, "Item.sk is missing"),
        ("dynamodb.GetItem", reply(b"{}", 200, **{**ID, "date": "soon"}), {}, "its Date can't be read"),
        ("dynamodb.Query", reply(b"{}"), {"Items": [], "Count": 1}, "Count says 1, and 0 came"),
        ("ec2.DescribeRegions", reply(b"<DescribeRegionsResponse/>"), {"Regions": []}, "Regions.RegionName is missing"),
        ("s3.GetBucketPolicyStatus", reply(b"<PolicyStatus/>"), {}, "IsPublic says neither true nor false"),
        ("sso.GetRoleCredentials", reply(b"{}"), {}, ""),
        ("sso.GetRoleCredentials", reply(b"<html/>"), {}, "it is no whole JSON object"),
        ("ec2.DescribeVolumes", reply(b"<DescribeVolumesResponse/>"), {}, "nothing here says what answers it"),
        ("s3.GetObject", reply(b"<Error/>", 301), {"Error": {"Code": "PermanentRedirect"}}, ELSEWHERE),
        ("s3.GetObject", reply(b"<Error/>", 301), {"Error": {"Code": "PermanentRedirect", "Region": "eu-west-1"}}, ""),
        ("dynamodb.Query", reply(b"", 502), {"Error": {"Code": "502"}}, "it has no error code of AWS"),
        ("dynamodb.Query", reply(b"{}", 400, x="y"), {"Error": {"Code": "No"}}, "it has no request id of AWS"),
        ("dynamodb.Query", reply(b"{}", 400), {"Error": {"Code": "No"}}, ""),
        ("s3.ListBuckets", reply(b"<Error/>", 403), {"Error": {"Code": "AccessDenied"}}, ""),
        ("s3.ListBuckets", reply(b"<p/>", 403), {"Error": {"Code": "A"}}, "it is a <p>, and no error of AWS"),
    ],
)
def test_a_reply_is_an_answer_or_lacks_something(call: str, came: Any, parsed: Any, why: str) -> None:
    service, _, name = call.partition(".")
    assert lacks(service, name, came, parsed, head=False) == why


def test_a_head_is_known_by_its_request_id() -> None:
    assert lacks("s3", "HeadBucket", reply(b"", 404, x="y"), {}, head=True)
    assert not lacks("s3", "HeadBucket", reply(b"", 404), {}, head=True)
    assert lacks_of_stream(reply(b"", x="y"))
    assert not lacks_of_stream(reply(b""))


def test_a_public_bucket_is_public_however_true_is_written() -> None:
    parsed = {"PolicyStatus": {"IsPublic": False}}
    assert not lacks("s3", "GetBucketPolicyStatus", reply(STATUS), parsed, head=False)
    assert parsed["PolicyStatus"]["IsPublic"]


def test_a_page_is_shown_in_words_and_nothing_that_may_be_a_secret() -> None:
    page = reply(b"<b>Sign in\x1b</b>", 200, **{"content-type": "text/html"})
    assert words_of(page) == '200, text/html, "Sign in\\x1b"'
    assert words_of(reply(b'{"SessionToken": "s"')) == "200, application/x-amz-json-1.0"
    assert date_of({}) is None


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([{"Items": [1], "Token": "a"}] * 2, "the same page comes again"),
        ([{"Items": [1], "Token": "a"}, {"Items": [1], "Token": "b"}], "the same page comes again"),
        ([{"Token": str(number)} for number in range(EMPTY_PAGES)], "200 pages in a row are empty"),
    ],
)
def test_a_listing_that_does_not_go_on_is_given_up(answers: list[dict[str, Any]], why: str) -> None:
    left = iter(answers)
    with pytest.raises(AwsFailure, match=why):
        list(pages(lambda **_: next(left), {}, {"Token": "From"}, "Items"))


def test_more_without_a_token_is_given_up() -> None:
    with pytest.raises(AwsFailure, match="does not say from where"):
        list(pages(lambda **_: {"More": True}, {}, {"Token": "From"}, truncated="More"))


ASKING = ("ask", "_ask", "_read", "_write", "_pages", "_rows", "partial")  # take the name of a call


def test_every_call_in_the_source_has_a_row() -> None:
    """Whatever name of a botocore method stands in the source, and what is asked by its name of AWS, has a row."""
    calls: dict[str, list[tuple[str, str]]] = {}
    for service in ("dynamodb", "ec2", "route53", "s3", "s3control", "ssm", "sts"):
        for call in get_session().get_service_model(service).operation_names:
            for name in (xform_name(call), call, f"{service}:{call}"):
                calls.setdefault(name, []).append((service, call))
    found = set()
    for file in AWS.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            found |= {getattr(node, "attr", "")} & calls.keys()
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in ASKING:
                found |= {one.value for one in node.args if isinstance(one, ast.Constant)} & calls.keys()
    assert len(found) > 40
    missing = {name for name in found if not any(find_service(one).answer(call) for one, call in calls[name])}
    assert missing == set()
