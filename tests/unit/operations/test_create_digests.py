"""By what a create is known again: every option that says what is made, and none that does not (promise 4)."""

from pathlib import Path
from typing import Any

import pytest

from handrail.core.fields import validate
from handrail.core.operation import Operation
from handrail.ledger.record import digest_of, given_of
from handrail.operations.ec2.create import CREATE as EC2
from handrail.operations.s3.create import CREATE as S3
from stage import Stage

SAID: dict[str, dict[str, Any]] = {
    "ec2 create": {
        "name": "web",
        "type": "t3.small",
        "image": "ubuntu",
        "key_pair": "dev",
        "security_group": ("sg-1",),
        "subnet": "subnet-0123abcd",
        "instance_profile": "web",
        "user_data": "first-boot.sh",
        "tag": ("team=blue",),
        "count": 2,
        "request_id": "r1",
        "wait": False,
        "timeout": 5,
    },
    "s3 create": {
        "name": "dev-1-other",
        "public": True,
        "private": True,
        "tag": ("team=blue",),
        "versioning": True,
        "object_lock": True,
        "request_id": "r1",
    },
}
NEEDED: dict[str, dict[str, Any]] = {"ec2 create": {}, "s3 create": {"name": "dev-1-press"}}
OF_EACH = [pytest.param(one, field.name, id=f"{one.name} {field.name}") for one in (EC2, S3) for field in one.fields]
OF_ALL = pytest.mark.parametrize("operation", [EC2, S3], ids=lambda operation: operation.name)


@pytest.fixture(autouse=True)
def boot(tmp_path: Path) -> Path:
    """Return a file with what runs at first boot."""
    path = tmp_path / "first-boot.sh"
    path.write_text("#!/bin/sh\n")
    return path


def wished(operation: Operation, where: Path, *, region: str = "", **said: Any) -> Any:
    """Return what is wished with these options, and what else is needed."""
    if "user_data" in said:
        said["user_data"] = str(where / said["user_data"])
    assert operation.wish is not None
    return operation.wish(Stage(region=region), validate(operation.parameters, {**NEEDED[operation.name], **said}))


@pytest.mark.parametrize(("operation", "name"), OF_EACH)
def test_every_option_says_whether_it_is_part_of_what_is_made(operation: Operation, name: str, tmp_path: Path) -> None:
    (field,) = (one for one in operation.fields if one.name == name)
    before, after = wished(operation, tmp_path), wished(operation, tmp_path, **{name: SAID[operation.name][name]})
    assert (before.digest != after.digest) is field.part_of_identity


@OF_ALL
def test_what_only_says_how_is_no_part_of_it(operation: Operation) -> None:
    how = {field.name for field in operation.fields if not field.part_of_identity}
    assert how == {"request_id", *({"wait", "timeout"} if operation is EC2 else {"private"})}


@OF_ALL
def test_where_it_is_made_is_part_of_it(operation: Operation, tmp_path: Path) -> None:
    assert wished(operation, tmp_path).digest != wished(operation, tmp_path, region="eu-west-1").digest


def test_of_a_file_what_is_in_it_counts_and_not_its_name(tmp_path: Path, boot: Path) -> None:
    first = wished(EC2, tmp_path, user_data=boot.name).digest
    boot.rename(tmp_path / "renamed.sh")
    assert wished(EC2, tmp_path, user_data="renamed.sh").digest == first
    (tmp_path / "renamed.sh").write_text("#!/bin/bash\n")
    assert wished(EC2, tmp_path, user_data="renamed.sh").digest != first


@OF_ALL
def test_what_is_on_record_of_a_request_gives_its_digest_again(operation: Operation, tmp_path: Path) -> None:
    said = {name: value for name, value in SAID[operation.name].items() if name != "private"}
    wish = wished(operation, tmp_path, **said)
    given = {**given_of(validate(operation.parameters, said)), **getattr(wish, "hashes", {})}
    assert digest_of(operation.parameters, given, "us-east-1") == wish.digest
