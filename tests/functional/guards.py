"""Each guard of EC2 by name: the scenario that it makes pass, and the line of source that is the guard.

A scenario runs as it is and must pass; with the guard's line removed it must fail (test_guards.py).
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conftest import Handrail, Sandbox
from handrail.sandbox import launcher

Scenario = Callable[[Handrail, Sandbox], None]


@dataclass(frozen=True)
class Guard:
    """A guard: the file under src/handrail, its text, what stands there once it is removed, and its scenario."""

    name: str
    file: str
    text: str
    without: str
    scenario: Scenario


def running(sandbox: Sandbox) -> int:
    """Return how many instances a foreign client sees running or about to."""
    return len(sandbox.instances(state="pending,running"))


def copied_tags(handrail: Handrail, sandbox: Sandbox) -> None:
    """Copied tags make nobody's instance Handrail's."""
    mine = handrail.json("ec2", "create", "--name", "web")
    tags = {tag["Key"]: tag["Value"] for tag in sandbox.instances()[mine["id"]]["Tags"] if tag["Key"] != "Name"}
    theirs = sandbox.launch("copied", **tags)
    assert handrail("ec2", "delete", theirs, "--yes").code == 4
    assert sandbox.instances()[theirs]["State"]["Name"] == "running"


def a_foreign_name(handrail: Handrail, sandbox: Sandbox) -> None:
    """A name never means an instance that Handrail did not make."""
    sandbox.launch("web")
    assert handrail("ec2", "show", "web").code == 4
    handrail.ok("ec2", "create", "--name", "web")
    handrail.ok("ec2", "stop", "web")


def a_dead_name(handrail: Handrail, sandbox: Sandbox) -> None:
    """A name never means a terminated instance."""
    handrail.ok("ec2", "create", "--name", "web")
    handrail.ok("ec2", "delete", "web", "--yes")
    assert handrail("ec2", "stop", "web").code == 4


def two_of_a_name(handrail: Handrail, sandbox: Sandbox) -> None:
    """A name of two instances means neither."""
    handrail.ok("ec2", "create", "--name", "web")
    api = handrail.json("ec2", "create", "--name", "api")["id"]
    sandbox.client("ec2").create_tags(Resources=[api], Tags=[{"Key": "Name", "Value": "web"}])
    assert handrail("ec2", "stop", "web").code == 2
    assert running(sandbox) == 2


def another_owner(handrail: Handrail, sandbox: Sandbox) -> None:
    """Another owner's instance is asked about."""
    handrail.owner("dev-2").ok("ec2", "create", "--name", "api")
    assert handrail("ec2", "stop", "api").code == 6
    assert running(sandbox) == 1


def yes_is_not_enough(handrail: Handrail, sandbox: Sandbox) -> None:
    """--yes alone does not answer for another owner."""
    handrail.owner("dev-2").ok("ec2", "create", "--name", "api")
    assert handrail("ec2", "stop", "api", "--yes").code == 6
    assert running(sandbox) == 1


def a_wrong_owner(handrail: Handrail, sandbox: Sandbox) -> None:
    """--owner must name the owner."""
    handrail.owner("dev-2").ok("ec2", "create", "--name", "api")
    assert handrail("ec2", "stop", "api", "--yes", "--owner", "dev-3").code == 6
    assert running(sandbox) == 1


def the_cap(handrail: Handrail, sandbox: Sandbox) -> None:
    """No third instance, neither created nor started."""
    handrail.ok("ec2", "create", "--name", "web", "--count", "2")
    handrail("ec2", "create")
    assert running(sandbox) == 2


def a_taken_name(handrail: Handrail, sandbox: Sandbox) -> None:
    """A name that lives is not given again."""
    handrail.ok("ec2", "create", "--name", "web")
    assert handrail("ec2", "create", "--name", "web").code == 5
    assert running(sandbox) == 1


def the_state(handrail: Handrail, sandbox: Sandbox) -> None:
    """What is where it should be is not called for."""
    handrail.ok("ec2", "create", "--name", "web")
    before = sandbox.writes()
    assert handrail.json("ec2", "start", "web")[0]["status"] == "unchanged"
    assert sandbox.writes() == before


def an_impossible_state(handrail: Handrail, sandbox: Sandbox) -> None:
    """What can't be is refused before the call, naming what can."""
    handrail.ok("ec2", "create", "--name", "web")
    handrail.ok("ec2", "stop", "web")
    done = handrail("ec2", "reboot", "web")
    assert (done.code, "handrail ec2 start web" in done.err) == (5, True)


def a_yes(handrail: Handrail, sandbox: Sandbox) -> None:
    """Nothing is deleted without a yes."""
    handrail.ok("ec2", "create", "--name", "web")
    assert handrail("ec2", "delete", "web", answers="no\n").code == 6
    assert running(sandbox) == 1


def a_dry_run(handrail: Handrail, sandbox: Sandbox) -> None:
    """A dry run makes nothing."""
    handrail.ok("ec2", "create", "--dry-run")
    assert running(sandbox) == 0


def own_marks(handrail: Handrail, sandbox: Sandbox) -> None:
    """Handrail's own marks are no user's tags."""
    handrail.ok("ec2", "create", "--name", "web")
    assert handrail("ec2", "update", "web", "--tag", "handrail:owner=dev-2").code == 2


def the_policy(handrail: Handrail, sandbox: Sandbox) -> None:
    """A type that the policy does not list is not made."""
    assert handrail("ec2", "create", "--type", "t3.large").code == 3
    assert running(sandbox) == 0


TARGETS, MOVE, RUNNER = "operations/ec2/targets.py", "operations/ec2/move.py", "runner.py"
ASKED, DRY = "    if not _answered(session, question, others):", "    if dry_run:"
GUARDS = (
    Guard("token", "core/managed.py", "and client_token == token_of(request)", "", copied_tags),
    Guard("names are own", TARGETS, "if one.managed or any_will_do]", "]", a_foreign_name),
    Guard("names live", TARGETS, "by_names(names, LIVE_STATES)", "by_names(names, ('terminated',))", a_dead_name),
    Guard("names are one", TARGETS, "if len(own) > 1:", "if False:", two_of_a_name),
    Guard("owner", "core/policy/bounds.py", "owner == caller or", "owner or", another_owner),
    Guard("yes and owner", RUNNER, "session.settings.yes and others and not named", "False", yes_is_not_enough),
    Guard("right owner", RUNNER, "if named and set(others) - {named}:", "if False:", a_wrong_owner),
    Guard("cap", "session.py", "if limit is not None]", "if limit is None]", the_cap),
    Guard("free name", "operations/ec2/create.py", "if one.name in names:", "if False:", a_taken_name),
    Guard("there already", MOVE, '(state == move.goal and move.verb != "reboot")', "False", the_state),
    Guard("impossible", MOVE, "if state in move.impossible:", "if False:", an_impossible_state),
    Guard("confirmed", RUNNER, f"{ASKED}\n        raise", "    if False:\n        raise", a_yes),
    Guard("dry run", RUNNER, f"{DRY}\n        return", "    if False:\n        return", a_dry_run),
    Guard("own marks", "core/ec2_rules.py", 'key == "managed-by" or key.startswith("handrail:")', "False", own_marks),
    Guard("policy", "session.py", "        if reasons:\n", "        if False:\n", the_policy),
)  # fmt: skip


def main(name: str, state_dir: str, work: str) -> None:
    """Run one scenario against a sandbox that runs already; exit 1 with an AssertionError where it fails."""
    sandbox = Sandbox(Path(state_dir), {}, launcher.find(Path(state_dir)))
    guard = next(guard for guard in GUARDS if guard.name == name)
    guard.scenario(Handrail(dict(os.environ), Path(work)), sandbox)


if __name__ == "__main__":
    main(*sys.argv[1:])
