"""`ec2 update`: name, tags, type."""

import pytest

from conftest import Handrail, Sandbox


def test_names_tags_and_types_change(handrail: Handrail, sandbox: Sandbox) -> None:
    made = handrail.json("ec2", "create", "--name", "web", "--tag", "old=1")
    done = handrail.ok("ec2", "update", "web", "--rename", "api", "--tag", "team=blue", "--untag", "old")
    assert done.out == f"api is running · {made['id']} · updated\n"
    assert "name      web → api" in done.err
    tags = {tag["Key"]: tag["Value"] for tag in sandbox.instances()[made["id"]]["Tags"]}
    assert (tags["Name"], tags["team"], "old" in tags) == ("api", "blue", False)
    before = sandbox.writes()
    same = handrail.json("ec2", "update", "api", "--tag", "team=blue", "--untag", "old")
    assert same["status"] == "unchanged"
    running = handrail("ec2", "update", "api", "--type", "t4g.nano")
    assert (running.code, "handrail ec2 stop api" in running.err) == (5, True)
    assert sandbox.writes() == before
    handrail.ok("ec2", "stop", "api")
    other = handrail("ec2", "update", "api", "--type", "t4g.nano")
    assert (other.code, "same architecture" in other.err) == (2, True)
    assert handrail("ec2", "update", "api", "--type", "t3.micro").code == 3
    rules = handrail.cwd.parent / "more.toml"
    rules.write_text('[ec2]\ntypes = ["t3.*"]\n')
    changed = handrail.json("ec2", "update", "api", "--type", "t3.micro", "--policy", str(rules))
    assert (changed["current"]["type"], bool(changed["request"])) == ("t3.micro", True)
    handrail.ok("ec2", "delete", "api", "--yes")
    gone = handrail("ec2", "update", made["id"], "--tag", "a=b")
    assert (gone.code, "for good" in gone.err) == (5, True)


def test_tags_that_the_policy_requires_stay(handrail: Handrail, sandbox: Sandbox) -> None:
    rules = handrail.cwd.parent / "tags.toml"
    rules.write_text('[ec2]\nrequired_tags = {team = "*e*"}\n')
    team = Handrail({**handrail.environ, "HANDRAIL_POLICY": str(rules)}, handrail.cwd)
    team.ok("ec2", "create", "--name", "web", "--tag", "team=blue", "--tag", "note=x")
    before = sandbox.writes()
    for change in (("--untag", "team"), ("--tag", "team=pink"), ("--tag", "a=b", "--untag", "team")):
        done = team("ec2", "update", "web", *change, "-o", "json")
        assert (done.code, done.error["details"]["reasons"][0]["key"]) == (3, "ec2.required_tags"), change
    assert sandbox.writes() == before
    for change in (("--tag", "team=red"), ("--untag", "note"), ("--rename", "api")):
        name = team.json("ec2", "list")[0]["name"]
        team.ok("ec2", "update", name, *change)
    old = handrail.json("ec2", "create", "--name", "old")
    assert team("ec2", "update", "old", "--tag", "a=b").code == 3
    team.ok("ec2", "update", "old", "--rename", "older")
    team.ok("ec2", "update", "older", "--tag", "team=red")
    assert old["id"] in sandbox.instances(team="red")


def test_what_handrail_did_not_make_is_asked_about(handrail: Handrail, sandbox: Sandbox) -> None:
    rules = handrail.cwd.parent / "open.toml"
    rules.write_text('preset = "open"\n')
    theirs = sandbox.launch("theirs")
    command = ("ec2", "update", "theirs", "--tag", "a=b", "--policy", str(rules))
    before = sandbox.writes()
    assert handrail(*command).code == 6
    no = handrail(*command, answers="n\n")
    assert (no.code, "Handrail did not make theirs." in no.err, "Update anyway? [y/N]" in no.err) == (6, True, True)
    assert sandbox.writes() == before
    assert handrail(*command, answers="y\n").code == 0
    assert list(sandbox.instances(a="b")) == [theirs]


def test_a_name_in_use_is_refused(handrail: Handrail) -> None:
    handrail.ok("ec2", "create", "--name", "web")
    handrail.ok("ec2", "create", "--name", "api")
    done = handrail("ec2", "update", "api", "--rename", "web", "-o", "json")
    assert (done.code, done.error["code"]) == (5, "conflict")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "nothing to update"),
        (("--tag", "a=1", "--untag", "a"), "both set and removed"),
        (("--tag", "managed-by=me"), "Handrail's own mark"),
        (("--tag", "handrail:owner=me"), "Handrail's own mark"),
        (("--untag", "handrail:request"), "Handrail's own mark"),
        (("--tag", "Name=x"), "--rename (update)"),
        (("--tag", "aws:x=y"), "AWS's own"),
        (("--tag", "novalue"), "--tag key=value"),
        (("--tag", "a=1", "--tag", "a=2"), "given twice"),
        (("--tag", f"a={'x' * 257}"), "at most 256"),
        (("--tag", f"{'k' * 129}=x"), "is not a tag key"),
        (("--rename", "$(id)"), "can't have"),
    ],
)
def test_bad_edits_are_refused(handrail: Handrail, options: tuple[str, ...], said: str) -> None:
    done = handrail("ec2", "update", "web", *options)
    assert (done.code, said in done.err) == (2, True), done.err


def test_more_tags_than_ec2_takes(handrail: Handrail, sandbox: Sandbox) -> None:
    made = handrail.json("ec2", "create", "--name", "web", *(f"--tag=k{n}=v" for n in range(44)))
    assert len(sandbox.instances()[made["id"]]["Tags"]) == 50
    before = sandbox.writes()
    assert handrail("ec2", "create", *(f"--tag=k{n}=v" for n in range(45))).code == 2
    full = handrail("ec2", "update", "web", "--tag", "one=more")
    assert (full.code, "51 tags" in full.err) == (2, True)
    assert sandbox.writes() == before
    handrail.ok("ec2", "update", "web", "--tag", "one=more", "--untag", "k1")
