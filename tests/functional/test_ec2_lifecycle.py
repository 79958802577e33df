"""`start`, `stop`, `reboot`, `delete`, `wait`: states first, many targets, the cap, owners, protection."""

import pytest

from conftest import Handrail, QuickClock, Sandbox
from handrail.clock import SystemClock

VERBS = ("start", "stop", "reboot", "delete")


def by_the_servers_clock(handrail: Handrail) -> Handrail:
    """Return the program as it waits in earnest: when a place is free, the clock of the server tells, not ours."""
    return handrail.on(SystemClock)


def test_states_are_checked_before_the_call(handrail: Handrail, sandbox: Sandbox) -> None:
    made = handrail.json("ec2", "create", "--name", "web")
    before = sandbox.writes()
    assert handrail.json("ec2", "start", "web")[0]["status"] == "unchanged"
    assert sandbox.writes() == before
    assert handrail.json("ec2", "reboot", "web")[0]["current"]["state"] == "running"
    stopped = handrail.json("ec2", "stop", "web")[0]
    assert (stopped["status"], stopped["current"]["state"]) == ("succeeded", "stopped")
    assert stopped["request"]
    before = sandbox.writes()
    assert handrail.json("ec2", "stop", "web")[0]["status"] == "unchanged"
    reboot = handrail("ec2", "reboot", "web")
    assert (reboot.code, "handrail ec2 start web" in reboot.err) == (5, True)
    assert sandbox.writes() == before
    handrail.ok("ec2", "terminate", "web", "--yes")
    before = sandbox.writes()
    for verb in ("start", "stop", "reboot"):
        done = handrail("ec2", verb, made["id"])
        assert (done.code, "terminated for good" in done.err) == (5, True)
        assert handrail("ec2", verb, "web").code == 4
    assert handrail.json("ec2", "delete", made["id"])[0]["status"] == "unchanged"
    assert sandbox.writes() == before


def test_many_targets_each_line_right(handrail: Handrail, sandbox: Sandbox) -> None:
    web = handrail.json("ec2", "create", "--name", "web")["id"]
    api = handrail.json("ec2", "create", "--name", "api")["id"]
    handrail.ok("ec2", "stop", "api")
    by_the_servers_clock(handrail).ok("ec2", "create", "--name", "old")
    handrail.ok("ec2", "delete", "old", "--yes")
    old = next(iter(sandbox.instances(Name="old")))
    theirs = sandbox.launch("theirs")
    done = handrail("ec2", "stop", f"web,{api}", old, "theirs", theirs, "nope", web, "-o", "json")
    assert done.code == 8
    rows = [(row["name"], row["status"], row.get("error", {}).get("code")) for row in done.json]
    assert rows == [
        ("web", "succeeded", None),
        ("api", "unchanged", None),
        ("old", "failed", "wrong_state"),
        ("theirs", "failed", "not_managed"),
        (theirs, "failed", "not_managed"),
        ("nope", "failed", "not_found"),
    ]
    assert done.error["code"] == "partly_failed"
    assert sandbox.instances()[theirs]["State"]["Name"] == "running"
    assert sandbox.instances()[web]["State"]["Name"] == "stopped"
    lines = handrail("ec2", "stop", "nope", "theirs").err.splitlines()
    assert len([line for line in lines if line.startswith("error: ")]) == 2


def test_a_refused_batch_is_split(handrail: Handrail, sandbox: Sandbox) -> None:
    ids = [row["id"] for row in handrail.json("ec2", "create", "--name", "web", "--count", "2")]
    protect = {"Value": True}
    sandbox.client("ec2").modify_instance_attribute(InstanceId=ids[0], DisableApiTermination=protect)
    done = handrail("ec2", "delete", "web-1", "web-2", "--yes", "-o", "json")
    assert done.code == 8
    assert [row["status"] for row in done.json] == ["failed", "succeeded"]
    error = done.json[0]["error"]
    assert error["code"] == "protected"
    assert f"--instance-id {ids[0]}" in error["hint"]
    alone = handrail("ec2", "delete", "web-1", "--yes")
    assert (alone.code, "--no-disable-api-termination" in alone.err) == (5, True)


def test_protection_against_being_stopped_has_an_attribute_of_its_own(handrail: Handrail, sandbox: Sandbox) -> None:
    id = handrail.json("ec2", "create", "--name", "web")["id"]
    ec2 = sandbox.client("ec2")
    ec2.modify_instance_attribute(InstanceId=id, DisableApiStop={"Value": True})
    done = handrail("ec2", "stop", "web", "-o", "json")
    assert (done.code, done.json[0]["error"]["code"]) == (5, "protected")
    assert done.json[0]["error"]["message"] == "web is protected against being stopped."
    off = f"aws ec2 modify-instance-attribute --instance-id {id} --no-disable-api-stop --region us-east-1"
    assert done.json[0]["error"]["hint"] == off
    ec2.modify_instance_attribute(InstanceId=id, DisableApiStop={"Value": False})
    handrail.ok("ec2", "stop", "web")


def test_each_failure_of_several_says_whose_it_is(handrail: Handrail, sandbox: Sandbox) -> None:
    handrail.ok("ec2", "create", "--name", "a")
    handrail.ok("ec2", "create", "--name", "b")
    handrail.ok("ec2", "stop", "a,b")
    by_the_servers_clock(handrail).ok("ec2", "create", "--name", "c")
    theirs = next(iter(sandbox.instances(Name="b")))
    full = handrail("ec2", "start", "a", theirs)
    assert full.code == 8
    assert "error: b: 2 places are taken, and the policy allows 2." in full.err.splitlines(), full.err
    row = handrail("ec2", "start", theirs, "-o", "json").json[0]
    assert (row["name"], row["id"], row["status"]) == ("b", theirs, "failed")
    alone = handrail("ec2", "start", "b").err
    assert "error: 2 instances are running, and the policy allows 2." in alone.splitlines(), alone


def test_start_takes_places_in_the_order_named(handrail: Handrail, sandbox: Sandbox) -> None:
    handrail.ok("ec2", "create", "--name", "a")
    handrail.ok("ec2", "create", "--name", "b")
    handrail.ok("ec2", "stop", "a,b")
    by_the_servers_clock(handrail).ok("ec2", "create", "--name", "c")
    assert len(sandbox.instances(state="running,pending")) == 1
    done = handrail("ec2", "start", "b", "a", "-o", "json")
    assert done.code == 8
    assert [(row["name"], row["status"]) for row in done.json] == [("b", "succeeded"), ("a", "failed")]
    assert done.json[1]["error"]["code"] == "cap_reached"
    assert len(sandbox.instances(state="running,pending")) == 2
    full = handrail("ec2", "start", "a")
    assert full.code == 3
    assert "the policy allows 2" in full.err
    assert "handrail ec2 stop" in full.err
    assert handrail("ec2", "create").code == 3
    assert len(sandbox.instances(state="running,pending")) == 2
    handrail.ok("ec2", "stop", "c")
    by_the_servers_clock(handrail).ok("ec2", "start", "a")
    assert len(sandbox.instances(state="running,pending")) == 2


def test_nothing_foreign_is_touched(handrail: Handrail, sandbox: Sandbox) -> None:
    mine = handrail.json("ec2", "create", "--name", "web")
    tags = {tag["Key"]: tag["Value"] for tag in sandbox.instances()[mine["id"]]["Tags"]}
    handrail.ok("ec2", "delete", "web", "--yes")
    copied = {key: value for key, value in tags.items() if key != "Name"}
    theirs = [
        sandbox.launch("web"),
        sandbox.launch("copied", **copied),
        sandbox.launch("token", **copied, ClientToken=f"hr-{mine['request']}"),
    ]
    seen, before = [sandbox.instances()[id] for id in theirs], sandbox.writes()
    words = (*theirs, "web", "copied", "token")
    for verb in VERBS:
        done = handrail("ec2", verb, *words, "--yes", "--owner", "dev-1", "-o", "json")
        assert done.code == 4
        assert [row["error"]["code"] for row in done.json] == ["not_managed"] * len(words), verb
    for word in (theirs[2], "copied"):
        for command in (("show", word), ("wait", word), ("update", word, "--tag", "a=b"), ("delete", word)):
            assert handrail("ec2", *command, "--yes").code == 4, command
    assert handrail.json("ec2", "list") == []
    listed = {row["id"]: row for row in handrail.json("ec2", "list", "--all")}
    assert {listed[id]["managed"] for id in theirs} == {False}
    assert {listed[id]["owner"] for id in theirs} == {""}
    assert sandbox.writes() == before
    assert [sandbox.instances()[id] for id in theirs] == seen


def test_another_owners_instance_asks(handrail: Handrail, sandbox: Sandbox) -> None:
    handrail.owner("dev-2").ok("ec2", "create", "--name", "api")
    before = sandbox.writes()
    for options, said in (
        ((), "add --yes --owner dev-2"),
        (("--yes",), "add --owner dev-2"),
        (("--yes", "--owner", "dev-3"), "--owner dev-2"),
        (("--no-input",), "--no-input"),
    ):
        done = handrail("ec2", "stop", "api", *options)
        assert (done.code, said in done.err) == (6, True), done.err
    refused = handrail("ec2", "stop", "api", answers="n\n")
    assert (refused.code, "belongs to dev-2, not to you" in refused.err) == (6, True)
    assert handrail("ec2", "delete", "api", answers="wrong\n").code == 6
    assert handrail("ec2", "update", "api", "--tag", "a=b", "--yes").code == 6
    assert sandbox.writes() == before
    assert handrail("ec2", "stop", "api", answers="y\n").code == 0
    handrail.ok("ec2", "start", "api", "--yes", "--owner", "dev-2")
    asked = handrail("ec2", "delete", "api", answers="api\n")
    question = "api belongs to dev-2, not to you. This ends 1 instance for good, with its disk:"
    assert (asked.code, question in asked.err.splitlines()) == (0, True)


def test_one_question_names_every_other_owner_and_what_is_foreign(handrail: Handrail, sandbox: Sandbox) -> None:
    rules = handrail.cwd.parent / "open.toml"
    rules.write_text('preset = "open"\n')
    handrail.ok("ec2", "create", "--name", "web")
    for name, owner in (("api", "dev-2"), ("db", "dev-2"), ("job", "dev-3")):
        handrail.owner(owner).ok("ec2", "create", "--name", name, "--policy", str(rules))
    sandbox.launch("theirs")
    both = handrail("ec2", "stop", "web", "api", "theirs", "--policy", str(rules), answers="n\n")
    assert both.code == 6
    assert "Handrail did not make theirs; api belongs to dev-2, not to you." in both.err.splitlines()
    shown = both.err.partition("not to you.")[2]
    assert ("api" in shown, "theirs" in shown, "web" in shown, "Stop anyway? [y/N]" in shown) == (
        True,
        True,
        False,
        True,
    )
    many = handrail("ec2", "stop", "web,api,db,job", answers="n\n")
    assert "api and db belong to dev-2, job belongs to dev-3, not to you." in many.err.splitlines()
    assert "NAME ID TYPE STATE AGE OWNER PUBLIC" in " ".join(many.err.split())
    mine = handrail("ec2", "stop", "web", "api", answers="n\n")
    assert "api belongs to dev-2, not to you." in mine.err.splitlines()
    assert len(sandbox.instances(state="running")) == 5
    yes = handrail("ec2", "stop", "api", "theirs", "--policy", str(rules), "--yes")
    assert (yes.code, "add --owner dev-2" in yes.err) == (6, True)
    assert len(sandbox.instances(state="running")) == 5


def test_several_are_confirmed_by_their_number(handrail: Handrail) -> None:
    handrail.ok("ec2", "create", "--name", "web", "--count", "2")
    assert handrail("ec2", "delete", "web-1", "web-2", answers="web-1\n").code == 6
    done = handrail("ec2", "delete", "web-1", "web-2", answers="2\n")
    assert done.code == 0
    assert "This ends 2 instances for good, with their disks:" in done.err


def test_wait_says_where_it_ended(handrail: Handrail) -> None:
    made = handrail.json("ec2", "create", "--name", "web", "--no-wait")
    assert handrail.json("ec2", "wait", "web")[0]["current"]["state"] == "running"
    assert handrail.ok("ec2", "wait", made["id"], "--state", "running").out == f"web is running · {made['id']}\n"
    late = handrail("ec2", "wait", "web", "--state", "stopped", "--timeout", "2", "-o", "json")
    assert (late.code, late.error["code"], late.error["hint"]) == (1, "timeout", f"handrail ec2 wait {made['id']}")
    far = handrail.json("ec2", "create", "--name", "far", "--region", "eu-west-1")["id"]
    late = handrail("ec2", "wait", "far", "--state", "stopped", "--timeout", "2", "--region", "eu-west-1", "-o", "json")
    assert late.error["hint"] == f"handrail ec2 wait {far} --region eu-west-1"
    both = handrail("ec2", "wait", "web", "nope", "-o", "json")
    assert (both.code, [row["status"] for row in both.json]) == (8, ["succeeded", "failed"])


def test_an_ambiguous_name_lists_the_candidates(handrail: Handrail, sandbox: Sandbox) -> None:
    web = handrail.json("ec2", "create", "--name", "web")["id"]
    api = handrail.json("ec2", "create", "--name", "api")["id"]
    sandbox.client("ec2").create_tags(Resources=[api], Tags=[{"Key": "Name", "Value": "web"}])
    before = sandbox.writes()
    for verb in VERBS:
        done = handrail("ec2", verb, "web", "--yes", "-o", "json")
        assert (done.code, done.error["code"]) == (2, "ambiguous")
        assert set(done.error["details"]["candidates"]) == {web, api}
    assert sandbox.writes() == before
    handrail.ok("ec2", "stop", api)


def test_lines_to_type_next_say_the_region_where_this_one_did(handrail: Handrail) -> None:
    region = ("--region", "eu-west-1")
    assert "next      handrail ec2 stop far --region eu-west-1\n" in handrail.ok(
        "ec2", "create", "--name", "far", *region
    ).out  # fmt: skip
    assert "next      handrail ec2 start far --region eu-west-1\n" in handrail.ok("ec2", "stop", "far", *region).out
    assert handrail("ec2", "reboot", "far", *region).err.endswith(
        "try       handrail ec2 start far --region eu-west-1\n"
    )
    lost = handrail("ec2", "stop", "nope", *region)
    assert "handrail ec2 list --region eu-west-1, or name another --region" in lost.err
    by_environment = handrail("ec2", "reboot", "far", AWS_REGION="eu-west-1")
    assert by_environment.err.endswith("try       handrail ec2 start far\n")


class Impatient(QuickClock):
    """A clock whose owner presses Ctrl-C while it waits."""

    def sleep(self, seconds: float) -> None:
        """Interrupt."""
        raise KeyboardInterrupt


def test_ctrl_c_leaves_the_instance_and_says_how_to_look(handrail: Handrail, sandbox: Sandbox) -> None:
    done = handrail.on(Impatient)("ec2", "create", "--name", "web")
    assert done.code == 130
    assert "stopped waiting; web goes on towards running." in done.err
    assert "handrail ec2 show web" in done.err
    assert len(sandbox.instances(state="pending,running")) == 1
    assert handrail.json("ec2", "show", "web")["name"] == "web"


@pytest.mark.parametrize("verb", VERBS)
def test_open_touches_anything_after_asking(handrail: Handrail, sandbox: Sandbox, verb: str) -> None:
    rules = handrail.cwd.parent / "open.toml"
    rules.write_text('preset = "open"\n')
    sandbox.launch("theirs")
    if verb == "start":
        id = next(iter(sandbox.instances(Name="theirs", state="running")))
        sandbox.client("ec2").stop_instances(InstanceIds=[id])
        handrail.ok("ec2", "wait", "theirs", "--state", "stopped", "--policy", str(rules))
    assert "theirs" in handrail.ok("ec2", "list", "--policy", str(rules)).out
    assert handrail("ec2", verb, "theirs", "--policy", str(rules)).code == 6
    no = handrail("ec2", verb, "theirs", "--policy", str(rules), answers="no\n")
    assert (no.code, "theirs" in no.err) == (6, True)
    yes = handrail("ec2", verb, "theirs", "--policy", str(rules), answers="theirs\n" if verb == "delete" else "y\n")
    assert yes.code == 0
