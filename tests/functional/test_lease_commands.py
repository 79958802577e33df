"""`lease list|release`, recovery by the next command, and the places that commands take: one sandbox, short lives."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import FAST, Done, Handrail, Sandbox, clean_environ, start_sandbox
from handrail.sandbox import launcher
from ledger.crowd import Crowd
from ledger.proxies import Assassin, Call, Microburst, Watched, lose

TIMES = {"HANDRAIL_LEASE_L": "6", "HANDRAIL_LEASE_W": "4", "HANDRAIL_LEASE_V": "1", "HANDRAIL_LEASE_E": "1"}
RUN_OUT = 6 + 4 + 1 + 1 + 2.0  # L + W + E + V, and the whole seconds of the Date header
RUN = Call("ec2:RunInstances", 1)


class Office:
    """An account, its owners, and a way to kill a command at a call."""

    def __init__(self, folder: Path) -> None:
        self.sandbox: Sandbox = start_sandbox(folder / "state", **TIMES)
        self.folder = folder
        (folder / "home").mkdir()
        environ = {**FAST, **TIMES, **clean_environ(folder / "home"), "HANDRAIL_STATE_DIR": str(self.sandbox.state_dir)}
        self.handrail = Handrail({**environ, "HANDRAIL_TARGET": "sandbox"}, folder)
        self.crowd = Crowd(folder)

    def kill(self, call: Call, when: str, *argv: str, about: str = "") -> None:
        """Kill a command of dev-1 at a call. about: an id that the call names; one that settles others' does not."""
        assassin = Assassin(call, when)
        with Watched(self.sandbox.running.endpoint, assassin, about=about) as proxy:
            assassin.pid = self.crowd.fork(argv, {**self.handrail.environ, "AWS_ENDPOINT_URL": proxy.endpoint})
            self.crowd.go()
            assert self.crowd.collect(assassin.pid) is None
            assert assassin.fired.is_set()

    def running(self, *more: str) -> list[str]:
        """Return what a stranger sees pending or running, or in more states."""
        reply = self.sandbox.client("ec2").describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", *more]}]
        )
        return [one["InstanceId"] for group in reply["Reservations"] for one in group["Instances"]]

    def places(self, *words: str) -> list[dict[str, Any]]:
        """Return the places."""
        found: list[dict[str, Any]] = self.handrail.json("lease", "list", *words)
        return found

    def clear(self) -> None:
        """End everything, and free its places."""
        for id in self.running("stopping", "stopped"):
            self.sandbox.client("ec2").terminate_instances(InstanceIds=[id])
        if any(row["state"] == "reserved" for row in self.places()):
            time.sleep(RUN_OUT)
        for _ in range(3):
            if not self.places():
                return
            time.sleep(2)
        assert self.places() == []

    def result(self, request: str) -> str:
        """Return the result of a request on record."""
        rows = [row for row in self.handrail.json("audit", "list") if row["request"] == request]
        return str(rows[0]["result"])


@pytest.fixture(scope="module")
def shared_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office"))
    yield office
    office.crowd.close()
    launcher.stop(office.sandbox.state_dir)


@pytest.fixture
def office(shared_office: Office) -> Iterator[Office]:
    yield shared_office
    shared_office.clear()


def _create(name: str, *words: str) -> list[str]:
    return ["ec2", "create", "--name", name, "--request-id", f"{name}-{time.monotonic_ns()}", *words]


def _request(argv: list[str]) -> str:
    return argv[argv.index("--request-id") + 1]


def test_list_shows_who_holds_what(office: Office) -> None:
    assert "No places are taken." in office.handrail.ok("lease", "list").err
    made = office.handrail.json(*_create("web"))
    (row,) = office.places()
    assert (row["instance"], row["name"], row["owner"], row["state"]) == (made["id"], "web", "dev-1", "held")
    done = office.handrail.ok("lease", "list")
    assert "1 place taken of 2" in done.err
    assert done.out.splitlines()[0].split()[:3] == ["PLACE", "NAME", "INSTANCE"]


def test_a_full_account_refuses_and_says_who_is_in_it(office: Office) -> None:
    office.handrail.ok(*_create("one"))
    office.handrail.ok(*_create("two"))
    for words in ([], ["--dry-run"]):
        done = office.handrail("ec2", "create", "--name", "three", *words)
        assert done.code == 3
        assert "error: 2 instances are running, and the policy allows 2." in done.err
        assert "ec2.max_running = 2 for this account (built-in strict)" in done.err
        assert "handrail ec2 stop one" in done.err
    assert office.handrail("ec2", "create", "--name", "many", "--count", "2").code == 3
    assert len(office.running()) == 2


def test_a_start_takes_a_place_and_a_dry_run_looks_for_one(office: Office) -> None:
    office.handrail.ok(*_create("one"))
    office.handrail.ok("ec2", "stop", "one")
    time.sleep(2.2)
    office.handrail.ok("ec2", "start", "one", "--dry-run")
    assert office.places() == []
    office.handrail.ok(*_create("two"))
    office.handrail.ok("ec2", "start", "one")
    office.handrail.ok("ec2", "stop", "one")
    time.sleep(2.2)
    office.handrail.ok(*_create("three"))
    assert office.handrail("ec2", "start", "one", "--dry-run").code == 3
    assert office.handrail("ec2", "start", "one").code == 3
    assert len(office.running()) == 2
    office.handrail.ok("ec2", "delete", "one", "--yes")


def test_a_killed_create_is_finished_by_its_repeat(office: Office) -> None:
    argv = _create("web")
    office.kill(RUN, "answered", *argv)
    (row,) = office.places()
    assert row["state"] == "reserved"
    made = office.handrail.json(*argv)
    assert made["status"] == "succeeded"
    assert office.running() == [made["id"]]
    assert office.places()[0]["state"] == "held"
    assert office.result(_request(argv)) == "succeeded"
    assert office.handrail.json(*argv)["status"] == "unchanged"
    assert office.handrail(*argv, "--type", "t4g.nano").code == 5
    assert office.handrail.owner("dev-2")(*argv).code == 5


def test_a_killed_create_is_settled_by_anybody_when_it_has_run_out(office: Office) -> None:
    made, nothing = _create("made"), _create("nothing")
    office.kill(RUN, "answered", *made)
    office.kill(RUN, "sent", *nothing)
    assert office.handrail.owner("dev-2")("ec2", "create", "--no-wait").code == 3
    time.sleep(RUN_OUT)
    done = office.handrail.owner("dev-2").ok("ec2", "create", "--name", "next")
    assert len(office.running()) == 2
    assert office.result(_request(made)) == "succeeded"
    assert office.result(_request(nothing)) == "failed"
    assert {row["name"] for row in office.places()} == {"made", "next"}
    assert done.code == 0


def test_whatever_was_killed_is_told_by_a_look(office: Office) -> None:
    """One wait for all of them: creates around their place, the other moves before and after their call, a release."""
    (office.folder / "wide.toml").write_text('preset = "strict"\n[ec2]\nmax_running = 20\n')
    office.handrail.environ["HANDRAIL_POLICY"] = str(office.folder / "wide.toml")
    early, late, released = _create("early"), _create("late"), _create("released")
    ids = {one["name"]: one["id"] for one in office.handrail.json("ec2", "create", "--name", "w", "--count", "5")}
    office.handrail.ok("ec2", "stop", "w-5")
    taken, second = Call("dynamodb:PutItem", 1), Call("dynamodb:TransactWriteItems", 2)
    office.kill(RUN, "sent", *released, about=_request(released))  # first: a release must find its place
    office.kill(second, "sent", "lease", "release", _request(released), about=_request(released))
    office.kill(taken, "sent", *early, about=_request(early))
    office.kill(second, "sent", *late, about=_request(late))
    moves = (
        ("stop", "StopInstances", "sent", "w-1", "failed"),
        ("stop", "StopInstances", "answered", "w-2", "succeeded"),
        ("reboot", "RebootInstances", "answered", "w-3", "failed"),
        ("delete", "TerminateInstances", "answered", "w-4", "succeeded"),
        ("start", "StartInstances", "answered", "w-5", "succeeded"),
    )
    for verb, call, when, name, _ in moves:
        office.kill(Call(f"ec2:{call}", 1), when, "ec2", verb, name, "--yes", about=ids[name])
    time.sleep(RUN_OUT)
    is_left = office.result(_request(early)) == "open"  # on a slow machine a command of those above has settled it
    first = office.handrail.ok("ec2", "create", "--name", "next").err
    office.handrail.ok("ec2", "create", "--name", "more")
    told = f"settled what was cut off: ec2 create early (request {_request(early)}) of you"
    assert told in first or not is_left
    assert office.result(_request(early)) == "failed"
    assert office.result(_request(late)) == "succeeded"
    assert office.result(_request(released)) == "failed"
    for verb, _, _, name, result in moves:
        rows = office.handrail.json("audit", "list", "--operation", f"ec2 {verb}", "--resource", ids[name])
        assert rows[-1]["result"] == result, (verb, rows)
    rows = office.handrail.json("audit", "list", "--operation", "lease release", "--resource", _request(released))
    assert rows[-1]["result"] in ("succeeded", "failed")
    assert {row["state"] for row in office.places()} == {"held"}
    del office.handrail.environ["HANDRAIL_POLICY"]


def test_release_waits_for_what_may_still_come(office: Office) -> None:
    argv = _create("web")
    office.kill(RUN, "sent", *argv)
    done = office.handrail("lease", "release", _request(argv), "-o", "json")
    assert done.code == 5
    assert "is known at" in done.error["message"]
    assert office.handrail("lease", "release", "nothing").code == 4
    time.sleep(RUN_OUT)
    made = office.handrail.json("lease", "release", _request(argv))
    assert made["status"] == "succeeded"
    assert office.places() == []


def test_release_of_a_running_instance_is_refused(office: Office) -> None:
    made = office.handrail.json(*_create("web"))
    time.sleep(2.2)
    done = office.handrail("lease", "release", made["id"])
    assert done.code == 5
    assert f"handrail ec2 stop {made['id']}" in done.err
    assert office.handrail("lease", "release", made["id"], "--now", "--yes").code == 5
    assert office.handrail.owner("dev-2")("lease", "release", made["id"], "--yes").code == 6


@pytest.mark.parametrize("when", ["sent", "answered"])
def test_release_now_undoes_a_create(office: Office, when: str) -> None:
    (office.folder / "boot.sh").write_text("#!/bin/sh\n")
    argv = _create("web", "--user-data", "boot.sh")
    request = _request(argv)
    office.kill(RUN, when, *argv)
    assert office.handrail("lease", "release", request, "--now", "--yes").code == 2
    assert office.handrail("lease", "release", request, "--now", "--user-data", "boot.sh").code == 6
    (office.folder / "other.sh").write_text("#!/bin/bash\n")
    assert office.handrail("lease", "release", request, "--now", "--user-data", "other.sh", "--yes").code == 2
    done: Done = office.handrail.ok("lease", "release", request, "--now", "--user-data", "boot.sh", "--yes")
    assert "is free" in done.out
    assert office.running() == []
    assert office.places() == []
    rows = office.handrail.json("audit", "list", "--operation", "lease release", "--resource", request)
    assert rows[-1]["result"] == "succeeded"


def test_release_now_of_a_start_is_refused(office: Office) -> None:
    made = office.handrail.json(*_create("web"))
    office.handrail.ok("ec2", "stop", "web")
    office.kill(Call("ec2:StartInstances", 1), "sent", "ec2", "start", "web")
    done = office.handrail("lease", "release", made["id"], "--now", "--yes")
    assert done.code == 5
    office.handrail.ok("ec2", "delete", "web", "--yes")


def test_reads_and_dry_runs_write_nothing(office: Office) -> None:
    office.handrail.ok(*_create("web"))
    before = office.sandbox.writes(but=())
    for words in (["ec2", "list"], ["ec2", "show", "web"], ["audit", "list"], ["audit", "verify"]):
        office.handrail.ok(*words)
    for verb in ("stop", "reboot", "delete"):
        office.handrail.ok("ec2", verb, "web", "--dry-run")
    office.handrail.ok("ec2", "create", "--dry-run")
    assert office.handrail("ec2", "stop", "nothing", "--dry-run").code == 4
    assert office.sandbox.writes(but=()) == before
    calls = office.handrail.ok("ec2", "list", "-v", "-o", "json").err
    assert "dynamodb:" not in calls


def test_a_dry_run_on_a_new_sandbox_makes_no_table(tmp_path: Path) -> None:
    sandbox = start_sandbox(tmp_path / "state")
    (tmp_path / "home").mkdir()
    environ = {**FAST, **clean_environ(tmp_path / "home"), "HANDRAIL_STATE_DIR": str(sandbox.state_dir)}
    handrail = Handrail(environ, tmp_path)
    handrail.ok("ec2", "create", "--dry-run", "--request-id", "r1")
    assert sandbox.writes(but=()) == []
    launcher.stop(sandbox.state_dir)


def test_calls_and_retries_are_shown(office: Office) -> None:
    with Watched(office.sandbox.running.endpoint, lose(RUN.name)) as proxy:
        done = office.handrail.ok(*_create("web"), "-v", AWS_ENDPOINT_URL=proxy.endpoint)
    assert "ec2:RunInstances" in done.err
    assert "2 attempts" in done.err
    assert "1 of 10 retries used" in done.err
    assert proxy.count("ec2:RunInstances") == 2
    assert len(office.running()) == 1


def test_a_killed_creators_place_is_back_when_it_was_said(office: Office) -> None:
    argv = _create("web")
    office.kill(RUN, "sent", *argv)
    policy = office.folder / "one.toml"
    policy.write_text('preset = "strict"\n[ec2]\nmax_running = 1\n')
    office.handrail.environ["HANDRAIL_POLICY"] = str(policy)
    full = office.handrail("ec2", "create", "--name", "next", "-o", "json")
    assert full.code == 3
    (holder,) = full.error["details"]["holders"]
    since, until = (datetime.fromisoformat(holder[key]) for key in ("since", "until"))
    times = {name: int(TIMES[f"HANDRAIL_LEASE_{name}"]) for name in "LWVE"}
    assert (until - since).total_seconds() == sum(times.values()) + 1, "T + V, and the next whole second"
    assert f"free by {holder['until'][11:19]} UTC at the latest" in office.handrail("ec2", "create").err
    time.sleep(max(0.0, until.timestamp() - time.time()) + 1.0)
    made = office.handrail.ok("ec2", "create", "--name", "next")
    assert "settled what was cut off" in made.err
    assert len(office.running()) == 1
    del office.handrail.environ["HANDRAIL_POLICY"]


def test_the_fence_is_asked_at_every_attempt_of_the_real_program(office: Office) -> None:
    microburst = Microburst(office.sandbox.running.endpoint)
    rule = {"service": "ec2", "operation": "RunInstances", "response": {"abort_bytes": 1}, "times": 2}
    (lost,) = microburst.rule(rule)
    done = office.handrail.ok("-vv", *_create("web"), AWS_ENDPOINT_URL=microburst.endpoint)
    assert microburst.fired(lost) == 2
    signed = [call.signed for call in microburst.behind.calls if call.name == "ec2:RunInstances"]
    microburst.close()
    assert len(signed) == 3
    assert [line[-16:] for line in done.err.splitlines() if "the fence lets a request through" in line] == signed
    assert len(office.running()) == 1


def test_a_hint_names_an_instance_as_it_is_called_now(handrail: Handrail, sandbox: Sandbox) -> None:
    """Its place keeps the name that it was made with."""
    for name in ("old-name", "other"):
        made = handrail.json("ec2", "create", "--name", name)["id"]
        sandbox.client("ec2").create_tags(Resources=[made], Tags=[{"Key": "Name", "Value": f"new-{name}"}])
    done = handrail("ec2", "create", "--name", "third", "--dry-run", "-o", "json")
    assert done.code == 3
    line = done.error["hint"].removeprefix("handrail ").split()
    assert line[2].startswith("new-")
    handrail.ok(*line, "--dry-run")
