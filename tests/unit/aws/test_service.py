"""What is known of each service: real calls and parameters only, and nothing before it is asked."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session

import handrail
from handrail.aws.service import UNKNOWN, Service, find_service

AWS = Path(handrail.__file__).parent / "aws"
SERVICES = ("dynamodb", "ec2", "route53", "s3", "s3control", "ssm", "sts")


def test_every_module_that_is_a_service_is_known() -> None:
    found = {file.stem for file in AWS.glob("*.py") if re.search("^SERVICE = ", file.read_text(), re.MULTILINE)}
    assert found == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_found_by_all_its_names_and_knows_real_calls_only(service: str) -> None:
    model, value = get_session().get_service_model(service), find_service(service)
    assert value is find_service(model.service_id.hyphenize())
    assert value is not UNKNOWN
    words = " ".join([*value.answers, *value.needs]).split()
    calls = {*words, *(word[1:] for word in " ".join(value.failures).split() if word.startswith("@"))}
    assert calls <= set(model.operation_names)


@pytest.mark.parametrize("name", ["sso", "connect", "wire", "sign in", ""])
def test_what_is_no_service_of_ours_has_no_reads(name: str) -> None:
    assert find_service(name) is UNKNOWN
    assert find_service(name).changes("ListThings")
    assert find_service(name).actions("ListThings", {}) == ("ListThings",)


@pytest.mark.parametrize(
    ("service", "call", "parameters", "actions"),
    [
        ("ec2", "StopInstances", {"InstanceIds": ["i-1"]}, ["ec2:StopInstances"]),
        ("ec2", "RunInstances", {}, ["ec2:RunInstances"]),
        ("ec2", "RunInstances", {"TagSpecifications": [{}]}, ["ec2:RunInstances", "ec2:CreateTags"]),
        ("ec2", "RunInstances", {"IamInstanceProfile": {"Name": "a"}}, ["ec2:RunInstances", "iam:PassRole"]),
        ("s3", "HeadBucket", {"Bucket": "a"}, ["s3:ListBucket"]),
        ("s3", "CreateBucket", {"Bucket": "a", "CreateBucketConfiguration": {}}, ["s3:CreateBucket"]),
        (
            "s3",
            "CreateBucket",
            {"CreateBucketConfiguration": {"Tags": [{}]}, "ObjectLockEnabledForBucket": True},
            ["s3:CreateBucket", "s3:TagResource", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"],
        ),
        ("s3", "DeleteObjects", {"Delete": {"Objects": [{"Key": "a"}]}}, ["s3:DeleteObject"]),
        ("s3", "DeleteObjects", {"Delete": {"Objects": [{"VersionId": "a"}]}}, ["s3:DeleteObjectVersion"]),
        (
            "s3",
            "DeleteObjects",
            {"Delete": {"Objects": [{"VersionId": "a"}, {"Key": "a"}]}},
            ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        ),
        ("s3", "HeadObject", {"Key": "a"}, ["s3:GetObject"]),
        ("s3-control", "GetPublicAccessBlock", {"AccountId": "1"}, ["s3:GetAccountPublicAccessBlock"]),
        ("dynamodb", "TransactWriteItems", {"TransactItems": [{"Put": {"Item": {}}}]}, ["dynamodb:PutItem"]),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Delete": {"Key": {"pk": {}}}}, {"ConditionCheck": {"Key": {"pk": {}}}}]},
            ["dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"],
        ),
        ("sts", "GetCallerIdentity", {}, []),
        ("route-53", "ChangeResourceRecordSets", {}, ["route53:ChangeResourceRecordSets"]),
    ],
)
def test_a_call_needs_its_iam_actions(service: str, call: str, parameters: Any, actions: list[str]) -> None:
    assert list(find_service(service).actions(call, parameters)) == actions


@pytest.mark.parametrize("service", SERVICES)
def test_what_makes_an_action_needed_is_a_parameter_of_the_call(service: str) -> None:
    model, value = get_session().get_service_model(service), find_service(service)
    asked = [(call, needs) for calls, needs in value.needs.items() for call in calls.split()]
    for call, action, path in [(call, *one) for call, needs in asked for one in needs.items()]:
        assert re.fullmatch(r"[a-z0-9]+:[A-Z]\w+", action)
        shape: Any = model.operation_model(call).input_shape
        for part in filter(None, path.removeprefix("!").split(".")):
            shape = shape.members[part.removesuffix("[]")]
            shape = shape.member if part.endswith("[]") else shape


def test_no_service_is_imported_before_it_is_asked() -> None:
    program = (
        "import sys, handrail.aws.connect; print(*(name for name in sys.modules if name.startswith('handrail.aws.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {f"handrail.aws.{name}" for name in SERVICES} & set(done.stdout.split())


def test_a_service_of_its_own_says_it_all() -> None:
    tides = Service("tides", reads=("Look",))
    assert (tides.changes("LookUp"), tides.changes("Turn")) == (False, True)
    assert (tides.answer("Turn"), tides.failure("No", "Turn", "")) == (None, None)
    assert tides.actions("Turn", {}) == ("tides:Turn",)
