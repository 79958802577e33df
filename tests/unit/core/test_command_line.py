"""A refused line, said anew: what was refused is exchanged or left out, everything else stays as it was typed."""

import pytest

from handrail.core.command_line import Change, Line, Said

CREATE = Line(
    "handrail ec2 create",
    (
        Said("--type", ("t3.large",)),
        Said("--name", ("web",)),
        Said("--tag", ("team=b", "note=a b"), many=True),
        Said("--wait", switch="--no-wait"),
        Said("--key-pair"),
        Said("--group", many=True),
        Said("--region", ("eu-west-1",), everywhere=True),
        Said("--yes", switch="--yes", everywhere=True),
    ),
)
WHOLE = (
    "handrail ec2 create --type t3.large --name web --tag team=b --tag 'note=a b' --no-wait --region eu-west-1 --yes"
)


def test_a_line_reads_as_it_was_typed() -> None:
    assert str(CREATE) == WHOLE
    assert str(Line()) == "handrail"


@pytest.mark.parametrize(
    ("changes", "old", "new"),
    [
        ([("--type", "t3.large", "t3.nano")], "t3.large", "t3.nano"),
        ([("--type", "t3.large", "")], " --type t3.large", ""),
        ([("--tag", "team", "team=a")], "team=b", "team=a"),
        ([("--tag", "team", "")], " --tag team=b", ""),
        ([("--tag", "cost", "cost=cc 1")], "--no-wait", "--tag 'cost=cc 1' --no-wait"),
        (
            [("--tag", "x", "x=1"), ("--tag", "x", "x=1"), ("--tag", "y", "y=2")],
            " --no-w",
            " --tag x=1 --tag y=2 --no-w",
        ),
        ([("--wait", "True", "")], " --no-wait", ""),
        ([("--key-pair", "mine", "team key")], "--region", "--key-pair 'team key' --region"),
        ([("--group", "sg-1", "")], "", ""),
        ([("--ttl", "9", "60"), ("--region", "eu-west-1", "us-east-1")], "eu-west-1 --yes", "us-east-1 --yes --ttl 60"),
        # Two names of one --name and --count: the number comes by itself.
        ([("--name", "web-1", "dev-web-1"), ("--name", "web-2", "dev-web-2")], " web ", " dev-web "),
        ([("--name", "web-1", "other")], " web ", " other "),
        ([("--name", "made-up", "dev-1-made-up")], " web ", " dev-1-made-up "),
    ],
)
def test_what_was_refused_is_exchanged(changes: list[Change], old: str, new: str) -> None:
    assert str(CREATE.corrected(changes)) == WHOLE.replace(old, new, 1)


def test_bare_words_stay() -> None:
    line = Line("handrail s3 create", (Said("NAME", ("my bucket",)), Said("--public", switch="--public")))
    assert str(line.corrected([("--public", "True", "")])) == "handrail s3 create 'my bucket'"
    assert str(line.corrected([("NAME", "my bucket", "acme-x")])) == "handrail s3 create acme-x --public"


def test_an_update_without_a_change_is_idle() -> None:
    said = (Said("TARGET", ("web",)), Said("--type", ("t3.nano",)), Said("--yes", switch="--yes", everywhere=True))
    update = Line("handrail ec2 update", said)
    assert not update.is_idle
    assert update.corrected([("--type", "t3.nano", "")]).is_idle
    assert not Line("handrail ec2 create", said[:1]).is_idle


def test_what_was_given() -> None:
    assert CREATE.gives("--type")
    assert CREATE.gives("--wait")
    assert not CREATE.gives("--key-pair")
    assert not CREATE.gives("--nonsense")
