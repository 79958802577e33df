"""Each guard of EC2 by name: the scenario that it makes pass, and the line of source that is the guard.

A scenario runs as it is and must pass; with the guard's line removed it must fail (test_guards.py).
"""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from test_ec2_changed_hands import ask, change_hands, make

from conftest import Handrail, Sandbox, start_sandbox
from handrail.sandbox import launcher
from ledger.proxies import Exchange, Spoiling, Watched
from wire import Reply

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
    """A name that lives is not given again, also where it is not the one that the instance was made with."""
    handrail.ok("ec2", "create", "--name", "old")
    handrail.ok("ec2", "update", "old", "--rename", "web")
    assert handrail("ec2", "create", "--name", "web", "--dry-run").code == 5  # what is taken later is the lease's look
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


def under(handrail: Handrail, rules: str) -> Handrail:
    """Return the program under a policy."""
    path = handrail.cwd.parent / "rules.toml"
    path.write_text(rules)
    return Handrail({**handrail.environ, "HANDRAIL_POLICY": str(path)}, handrail.cwd)


def anothers_request(handrail: Handrail, sandbox: Sandbox) -> None:
    """A request id is its owner's, also where it made nothing."""
    handrail.ok("ec2", "create", "--name", "web", "--count", "2")
    request = ("ec2", "create", "--request-id", f"r-{handrail.cwd.parent.name}"[:48])
    assert handrail.owner("dev-2")(*request).code == 3
    assert handrail(*request).code == 5


def another_request(handrail: Handrail, sandbox: Sandbox) -> None:
    """A request id stands for its parameters, also where it made nothing."""
    handrail.ok("ec2", "create", "--name", "web", "--count", "2")
    request = ("ec2", "create", "--request-id", f"r-{handrail.cwd.parent.name}"[:48])
    assert handrail(*request).code == 3
    assert handrail(*request, "--type", "t4g.nano").code == 5


def a_request_that_is_gone(handrail: Handrail, sandbox: Sandbox) -> None:
    """A request whose instance is gone is not taken for one that succeeded."""
    request = ("ec2", "create", "--request-id", f"r-{handrail.cwd.parent.name}"[:48])
    made = handrail.json(*request)
    handrail.ok("ec2", "delete", made["id"], "--yes")
    assert handrail(*request).code == 5


def others_refused(handrail: Handrail, sandbox: Sandbox) -> None:
    """Where the policy refuses others, nobody is asked."""
    handrail.owner("dev-2").ok("ec2", "create", "--name", "api")
    done = under(handrail, 'others = "refuse"\n')("ec2", "stop", "api", "--yes", "--owner", "dev-2")
    assert done.code == 3
    assert running(sandbox) == 1


def a_foreign_move(handrail: Handrail, sandbox: Sandbox) -> None:
    """What Handrail did not make is moved after a yes only."""
    sandbox.launch("theirs")
    assert under(handrail, 'preset = "open"\n')("ec2", "stop", "theirs").code == 6
    assert running(sandbox) == 1


def a_foreign_update(handrail: Handrail, sandbox: Sandbox) -> None:
    """What Handrail did not make is updated after a yes only."""
    sandbox.launch("theirs")
    assert under(handrail, 'preset = "open"\n')("ec2", "update", "theirs", "--tag", "unasked=b").code == 6
    assert sandbox.instances(unasked="b") == {}


def a_mixed_question(handrail: Handrail, sandbox: Sandbox) -> None:
    """A question about what is foreign names the other owners too."""
    handrail.owner("dev-2").ok("ec2", "create", "--name", "api")
    sandbox.launch("theirs")
    asked = under(handrail, 'preset = "open"\n')("ec2", "stop", "api", "theirs", answers="n\n")
    assert (asked.code, "api belongs to dev-2" in asked.err) == (6, True)


def in_between(handrail: Handrail, sandbox: Sandbox) -> None:
    """What is in between is not waited for with --no-wait."""
    folder = handrail.cwd.parent / "slow"
    slow = start_sandbox(folder, HANDRAIL_SANDBOX_PENDING="30")
    try:
        there = Handrail({**handrail.environ, "HANDRAIL_STATE_DIR": str(folder)}, handrail.cwd)
        there.ok("ec2", "create", "--name", "web", "--no-wait")
        assert there("ec2", "reboot", "web", "--no-wait").code == 5
        assert [one["State"]["Name"] for one in slow.instances().values()] == ["pending"]
    finally:
        launcher.stop(folder)


def a_type_while_running(handrail: Handrail, sandbox: Sandbox) -> None:
    """The type of what is not stopped is not even tried."""
    handrail.ok("ec2", "create", "--name", "web")
    done = under(handrail, '[ec2]\ntypes = ["t3.*"]\n')("ec2", "update", "web", "--type", "t3.micro")
    assert (done.code, "handrail ec2 stop web" in done.err) == (5, True)


def another_architecture(handrail: Handrail, sandbox: Sandbox) -> None:
    """A type of another architecture is not even tried."""
    handrail.ok("ec2", "create", "--name", "web")
    handrail.ok("ec2", "stop", "web")
    done = handrail("ec2", "update", "web", "--type", "t4g.nano")
    assert (done.code, "choose a type of the same architecture" in done.err) == (2, True)


def a_taken_new_name(handrail: Handrail, sandbox: Sandbox) -> None:
    """A name that lives is not taken by a rename, and a dry run knows it: the lease's own look comes later."""
    handrail.ok("ec2", "create", "--name", "web")
    handrail.ok("ec2", "create", "--name", "api")
    assert handrail("ec2", "update", "api", "--rename", "web", "--dry-run").code == 5
    assert handrail("ec2", "update", "api", "--rename", "web").code == 5
    assert len(sandbox.instances(Name="web", state="running")) == 1


def an_ended_one(handrail: Handrail, sandbox: Sandbox) -> None:
    """What has ended is not updated."""
    made = handrail.json("ec2", "create", "--name", "web")
    handrail.ok("ec2", "delete", "web", "--yes")
    assert handrail("ec2", "update", made["id"], "--tag", "ended=b").code == 5
    assert sandbox.instances(ended="b") == {}


def a_required_tag(handrail: Handrail, sandbox: Sandbox) -> None:
    """A tag that the policy requires can't be taken away."""
    team = under(handrail, '[ec2]\nrequired_tags = {team = "*"}\n')
    made = team.json("ec2", "create", "--name", "web", "--tag", "team=blue")
    assert team("ec2", "update", "web", "--untag", "team").code == 3
    assert list(sandbox.instances(team="blue", state="running")) == [made["id"]]


def all_or_none(handrail: Handrail, sandbox: Sandbox) -> None:
    """A count that does not fit makes none."""
    assert handrail("ec2", "create", "--name", "web", "--count", "3").code == 3
    assert running(sandbox) == 0


def in_other_hands(handrail: Handrail, sandbox: Sandbox, verb: str) -> None:
    """Another owner's instance becomes a third one's while the question stands."""
    id = make(handrail, verb)
    assert ask(handrail, verb, lambda: change_hands(sandbox, id)).code == 5


def stopped_in_other_hands(handrail: Handrail, sandbox: Sandbox) -> None:
    """What changed hands while the question stood is not stopped."""
    in_other_hands(handrail, sandbox, "stop")
    assert running(sandbox) == 1


def deleted_in_other_hands(handrail: Handrail, sandbox: Sandbox) -> None:
    """Nor deleted."""
    in_other_hands(handrail, sandbox, "delete")
    assert running(sandbox) == 1


def updated_in_other_hands(handrail: Handrail, sandbox: Sandbox) -> None:
    """Nor updated."""
    in_other_hands(handrail, sandbox, "update")
    assert sandbox.instances(team="blue", state="running") == {}


KINDS, INSTANCES, REPEATING = "operations/kinds.py", "operations/ec2/instances.py", "operations/repeating.py"
MOVE, UPDATE, RUNNER = "operations/ec2/states.py", "operations/ec2/update.py", "runner.py"
RULES = "core/policy/rules.py"
SAME_HANDS = "if now.request == before.request and now.owner == before.owner and now.managed == before.managed:"
ANY_OWNER = "if now.request == before.request and now.managed == before.managed:"
TOUCHED = "if target.touch is not Touch.FREELY]"
ASKED, DRY = "    if not _answered(session, question, others):", "    if dry_run:"


def a_secret_in_hand(handrail: Handrail, sandbox: Sandbox) -> None:
    """A secret is masked by its value, under no name at all."""
    secret = "Abcd0123/Efgh4567+Ijkl"
    done = handrail("ec2", "list", "--query", f"[? {secret}", HANDRAIL_TARGET="sandbox", AWS_SECRET_ACCESS_KEY=secret)
    assert (done.code, secret in done.err) == (2, False)


def a_password_without_a_scheme(handrail: Handrail, sandbox: Sandbox) -> None:
    """The password of a proxy is masked by its value, also where the URL lacks its scheme."""
    proxy = "usr:Mark0dd-Pass@127.0.0.1:9"
    done = handrail("ec2", "list", "--query", "[? Mark0dd-Pass", HANDRAIL_TARGET="sandbox", HTTPS_PROXY=proxy)
    assert (done.code, "Mark0dd-Pass" in done.err) == (2, False)


def a_key_by_its_beginning(handrail: Handrail, sandbox: Sandbox) -> None:
    """A private key under an innocent name does not get into a public bucket."""
    handrail("s3", "create", "guarded-press", "--public", "--yes")
    (handrail.cwd / "a.txt").write_text("-----BEGIN PRIVATE KEY-----")
    assert handrail("s3", "upload", "guarded-press", "a.txt", "--overwrite").code == 3


def a_link_to_a_folder_of_secrets(handrail: Handrail, sandbox: Sandbox) -> None:
    """Nor what is in a folder of secrets, by a link of another name."""
    handrail("s3", "create", "guarded-press", "--public", "--yes")
    (handrail.cwd / "real" / ".ssh").mkdir(parents=True)
    (handrail.cwd / "real" / ".ssh" / "known_hosts").write_text("x")
    (handrail.cwd / "pub").symlink_to("real/.ssh")
    assert handrail("s3", "upload", "guarded-press", "pub", "--overwrite").code == 3


def a_file_from_inside_its_folder(handrail: Handrail, sandbox: Sandbox) -> None:
    """Nor by its bare name, where somebody works in that folder."""
    handrail("s3", "create", "guarded-press", "--public", "--yes")
    (handrail.cwd / ".kube").mkdir()
    (handrail.cwd / ".kube" / "config").write_text("x")
    inside = Handrail(handrail.environ, handrail.cwd / ".kube")
    assert inside("s3", "upload", "guarded-press", "config", "--overwrite").code == 3


# ---- what is no answer


@contextlib.contextmanager
def spoiled(sandbox: Sandbox, call: str, old: bytes, new: bytes) -> Iterator[dict[str, str]]:
    """Have every answer to a call say something else, or be another page where `old` is empty; yield the variables."""
    page = Reply(200, {"Content-Type": "text/html"}, new)

    def how(exchange: Exchange) -> Reply:
        reply = exchange.reply
        headers = {name: value for name, value in reply.headers.items() if name.lower() != "x-amz-crc32"}
        return reply.saying(headers=headers, body=re.sub(old, new, reply.body, flags=re.DOTALL)) if old else page

    with Watched(sandbox.running.endpoint, Spoiling(call, 1, how, every=True)) as proxy:
        yield {"AWS_ENDPOINT_URL": proxy.endpoint, "HANDRAIL_TARGET": "sandbox"}


def a_foreign_page(handrail: Handrail, sandbox: Sandbox) -> None:
    """A page that is not AWS's is not taken for having done anything."""
    handrail.ok("ec2", "create", "--name", "web")
    with spoiled(sandbox, "ec2:CreateTags", b"", b"<html>Sign in</html>") as there:
        done = handrail("ec2", "update", "web", "--tag", "team=blue", **there)
    assert (done.code, "answered CreateTags" in done.err) == (1, True)


def a_missing_member(handrail: Handrail, sandbox: Sandbox) -> None:
    """An answer without what it is asked for is none."""
    handrail.ok("ec2", "create", "--name", "web")
    with spoiled(sandbox, "ec2:DescribeInstances", b"<instanceState>.*?</instanceState>", b"") as there:
        done = handrail("ec2", "list", **there)
    assert (done.code, "State.Name is missing" in done.err) == (1, True)


def a_list_cut_short(handrail: Handrail, sandbox: Sandbox) -> None:
    """A list of the ledger that holds less than it says is none."""
    handrail.ok("ec2", "create", "--name", "web")
    with spoiled(sandbox, "dynamodb:Query", rb'"Items": ?\[.*\]', b'"Items": []') as there:
        assert handrail("audit", "list", **there).code == 1


def a_public_bucket(handrail: Handrail, sandbox: Sandbox) -> None:
    """A public bucket is public however the answer writes true."""
    handrail("s3", "create", "guarded-square", "--public", "--yes")
    with spoiled(sandbox, "s3:GetBucketPolicyStatus", b"(?i)true", b"TRUE") as there:
        assert handrail("s3", "show", "guarded-square", "-o", "json", **there).json["access"] == "public"


GUARDS = (
    Guard("pages", "aws/answers.py", "if name not in row.roots.split():", "if False:", a_foreign_page),
    Guard("members", "aws/wire.py", "        if missing:\n", "        if False:\n", a_missing_member),
    Guard("whole lists", "aws/answers.py", "    if row.counted and ", "    if False and ", a_list_cut_short),
    Guard("true is true", "aws/answers.py", 'holder[name] = said[0].lower() == b"true"', "pass", a_public_bucket),
    Guard(
        "secrets in hand",
        "core/redaction.py",
        "return redact(self._without_values(text))",
        "return redact(text)",
        a_secret_in_hand,
    ),
    Guard(
        "passwords without a scheme",
        "core/redaction.py",
        're.match(r"(?:[\\w+.-]*:?//)?(',
        're.match(r"[\\w+.-]*:?//(',
        a_password_without_a_scheme,
    ),
    Guard(
        "keys by beginning",
        "operations/s3/upload.py",
        "kind := beginning_of(read_head(file))",
        'kind := ""',
        a_key_by_its_beginning,
    ),
    Guard(
        "links seen through",
        "operations/s3/upload.py",
        "os.path.realpath(file.path)",
        "file.path",
        a_link_to_a_folder_of_secrets,
    ),
    Guard(
        "folders above",
        "core/secret_files.py",
        '_is_hit(_looks(_unmistakable(patterns)), f"{above}/{path}")',
        "False",
        a_file_from_inside_its_folder,
    ),
    Guard("token", "core/ownership.py", "and client_token == token_of(request)", "", copied_tags),
    Guard("names are own", KINDS, "if one.managed or any_will_do]", "]", a_foreign_name),
    Guard("names live", INSTANCES, "by_names(names, LIVE_STATES)", "by_names(names, ('terminated',))", a_dead_name),
    Guard("names are one", KINDS, "if len(own) > 1:", "if False:", two_of_a_name),
    Guard("owner", RULES, "owner == self._context().owner or", "owner or", another_owner),
    Guard("yes and owner", RUNNER, "session.settings.yes and others and not named", "False", yes_is_not_enough),
    Guard("right owner", RUNNER, "if named and set(others) - {named}:", "if False:", a_wrong_owner),
    Guard("cap", RULES, "if policy.value(key) is not None]", "if policy.value(key) is None]", the_cap),
    Guard("free name", "operations/ec2/create.py", "if one.name in names:", "if False:", a_taken_name),
    Guard("there already", "core/ec2_rules.py", '(state == self.goal and self.verb != "reboot")', "False", the_state),
    Guard("impossible", MOVE, "if state in move.impossible:", "if False:", an_impossible_state),
    Guard("confirmed", RUNNER, f"{ASKED}\n        raise", "    if False:\n        raise", a_yes),
    Guard("dry run", RUNNER, f"{DRY}\n        return", "    if False:\n        return", a_dry_run),
    Guard("own marks", "core/tags.py", 'key == "managed-by" or key.startswith("handrail:")', "False", own_marks),
    Guard("policy", RULES, "        if reasons:\n", "        if False:\n", the_policy),
    Guard("request's owner", REPEATING, "if intent.owner != session.caller.owner:", "if False:", anothers_request),
    Guard("request's parameters", REPEATING, "or wish.digest not in digests:", "or False:", another_request),
    Guard("request's end", REPEATING, "if not found.is_gone:", "if True:", a_request_that_is_gone),
    Guard("others refuse", RULES, 'if others != "refuse":', "if True:", others_refused),
    Guard("foreign moves", KINDS, TOUCHED, "if target.touch is Touch.ASK_OWNER]", a_foreign_move),
    Guard("foreign update", KINDS, TOUCHED, "if target.touch is Touch.ASK_OWNER]", a_foreign_update),
    Guard("others beside foreign", KINDS, TOUCHED, "if target.touch is Touch.ASK_FOREIGN]", a_mixed_question),
    Guard("same hands at a stop", KINDS, SAME_HANDS, ANY_OWNER, stopped_in_other_hands),
    Guard("same hands at a deletion", KINDS, SAME_HANDS, ANY_OWNER, deleted_in_other_hands),
    Guard("same hands at an update", KINDS, SAME_HANDS, ANY_OWNER, updated_in_other_hands),
    Guard("in between", MOVE, "if state in move.settles and not wait:", "if False:", in_between),
    Guard("type while stopped", UPDATE, 'if one.state != "stopped":', "if False:", a_type_while_running),
    Guard("architecture", UPDATE, "if architecture != one.architecture:", "if False:", another_architecture),
    Guard("free new name", UPDATE, "    if taken:\n", "    if False:\n", a_taken_new_name),
    Guard("update of the ended", KINDS, "if one.is_gone and not gone_too:", "if False:", an_ended_one),
    Guard("required tags", UPDATE, 'if not edit.drop and not set(edit.put) - {"Name"}:', "if True:", a_required_tag),
    Guard("all or none", "ledger/places.py", "if count + len(wanted) > cap.limit:", "if count + 1 > cap.limit:",
          all_or_none),
)  # fmt: skip


def run_scenario(guards: Sequence[Guard], name: str, state_dir: str, work: str) -> None:
    """Run one scenario against a sandbox that runs already; exit 1 with an AssertionError where it fails."""
    sandbox = Sandbox(Path(state_dir), {}, launcher.find(Path(state_dir)))
    guard = next(guard for guard in guards if guard.name == name)
    guard.scenario(Handrail(dict(os.environ), Path(work)), sandbox)


if __name__ == "__main__":
    run_scenario(GUARDS, *sys.argv[1:])
