"""An instance that becomes somebody else's, or ends, while a question about it stands: it is not what was approved."""

from collections.abc import Callable

import pytest

from conftest import Done, Handrail, Hesitant, Sandbox

VERBS = {
    "start": ("ec2", "start", "api"),
    "stop": ("ec2", "stop", "api"),
    "reboot": ("ec2", "reboot", "api"),
    "delete": ("ec2", "delete", "api"),
    "update": ("ec2", "update", "api", "--tag", "team=blue"),
}
CHANGES = {
    "owner": ("create_tags", {"Key": "handrail:owner", "Value": "dev-3"}),
    "mark": ("delete_tags", {"Key": "managed-by"}),
}


def ask(handrail: Handrail, verb: str, meanwhile: Callable[[], object], *more: str) -> Done:
    """Run a command line that asks about api, another owner's; something happens, then the answer is yes."""
    done = handrail(*VERBS[verb], *more, answers=Hesitant("api\n" if verb == "delete" else "y\n", meanwhile))
    assert "api belongs to dev-2, not to you." in done.err
    return done


def make(handrail: Handrail, verb: str) -> str:
    """Make api, dev-2's, in a state that the verb can change; return its id."""
    theirs = handrail.owner("dev-2")
    id: str = theirs.json("ec2", "create", "--name", "api")["id"]
    if verb == "start":
        theirs.ok("ec2", "stop", "api")
    return id


def change_hands(sandbox: Sandbox, id: str, how: str = "owner") -> None:
    """Change whose an instance is, as a stranger who may tag does."""
    call, tag = CHANGES[how]
    getattr(sandbox.client("ec2"), call)(Resources=[id], Tags=[tag])


@pytest.mark.parametrize("how", CHANGES)
@pytest.mark.parametrize("verb", VERBS)
def test_what_changes_hands_is_left_alone(handrail: Handrail, sandbox: Sandbox, verb: str, how: str) -> None:
    id = make(handrail, verb)
    before = sandbox.writes()
    done = ask(handrail, verb, lambda: change_hands(sandbox, id, how))
    said = {
        "owner": (5, "error: instance api changed hands since the plan was made; nothing was changed."),
        "mark": (4, "error: api is not managed by Handrail; nothing was changed."),
    }
    assert (done.code, said[how][1] in done.err) == (said[how][0], True), done
    called = [action for _, action in sandbox.writes()[len(before) :]]
    assert called == ["ec2:CreateTags" if how == "owner" else "ec2:DeleteTags"]
    assert [row["state"] for row in handrail.json("lease", "list")] == ["held"], (
        "what a start had reserved is given back"
    )


def test_the_others_go_on(handrail: Handrail, sandbox: Sandbox) -> None:
    handrail.ok("ec2", "create", "--name", "web")
    id = make(handrail, "stop")
    done = ask(handrail, "stop", lambda: change_hands(sandbox, id), "web", "-o", "json")
    assert (done.code, [row["status"] for row in done.json]) == (8, ["failed", "succeeded"])
    assert done.json[0]["error"]["code"] == "made_anew"
    assert sandbox.instances()[id]["State"]["Name"] == "running"


def test_what_ends_meanwhile_is_ended(handrail: Handrail, sandbox: Sandbox) -> None:
    id = make(handrail, "delete")
    done = ask(handrail, "delete", lambda: sandbox.client("ec2").terminate_instances(InstanceIds=[id]))
    assert (done.code, f"api is terminated · {id}" in done.out) == (0, True), done


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "delete"])
def test_what_ends_meanwhile_is_not_called_for(handrail: Handrail, sandbox: Sandbox, verb: str) -> None:
    id = make(handrail, verb)
    before = sandbox.writes()
    done = ask(handrail, verb, lambda: sandbox.client("ec2").terminate_instances(InstanceIds=[id]))
    assert (done.code, "for good." in done.err) == (5, True), done
    assert [action for _, action in sandbox.writes()[len(before) :]] == ["ec2:TerminateInstances"]
