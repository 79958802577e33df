"""Any sequence of acts by two owners and a stranger: nothing foreign changes, the cap holds, what is said is so."""

import uuid
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Handrail, Sandbox

OWNERS = ("dev-1", "dev-2")
NAMES = ("web", "api")
CAP = 2

by_owner = st.tuples(
    st.sampled_from(OWNERS),
    st.sampled_from(
        ("create", "start", "stop", "delete", "update", "batch", "repeat", "reboot", "rename", "type", "wait", "list")
    ),
    st.sampled_from(NAMES),
    st.sampled_from(((), ("--yes",), ("--yes", "--owner", "dev-1"), ("--yes", "--owner", "dev-2"))),
)
by_stranger = st.tuples(st.just("stranger"), st.sampled_from(("launch", "stop", "end")), st.sampled_from(NAMES))


class World:
    """One account, and what must stay true of it."""

    def __init__(self, handrail: Handrail, sandbox: Sandbox) -> None:
        self.handrail, self.sandbox = handrail, sandbox
        self.foreign: set[str] = set()
        self.request = f"r-{uuid.uuid4().hex[:8]}"

    def act(self, who: str, verb: str, name: str, options: tuple[str, ...] = ()) -> None:
        """Do one thing and look whether everything still holds."""
        if who == "stranger":
            self._strange(verb, name)
            return
        before = self._theirs()
        if verb == "list":
            self._check_list(self.handrail.owner(who).json("ec2", "list"))
        else:
            self._check_rows(self._owned(who, verb, name, options))
        assert self._theirs() == before
        assert self._running() <= CAP

    def _owned(self, who: str, verb: str, name: str, options: tuple[str, ...]) -> Any:
        words = {
            "create": ("create", "--name", name),
            "repeat": ("create", "--request-id", self.request),
            "update": ("update", name, "--tag", f"by={who}"),
            "rename": ("update", name, "--rename", NAMES[name == NAMES[0]]),
            "type": ("update", name, "--type", "t4g.nano"),
            "batch": ("stop", *NAMES, *sorted(self.foreign)[:1]),
        }.get(verb, (verb, name))
        yes = () if verb in ("create", "repeat", "wait") else options
        done = self.handrail.owner(who)("ec2", *words, *yes, "-o", "json")
        allowed = (0, 2, 3, 4, 5, 6, 8) if verb == "type" else (0, 3, 4, 5, 6, 8)  # 2: of another architecture
        assert done.code in allowed, f"{words}: {done.code} {done.err}"
        return done.json if done.out else []

    def _check_rows(self, said: Any) -> None:
        seen = self.sandbox.instances()
        for row in said if isinstance(said, list) else [said]:
            if row["status"] in ("succeeded", "unchanged"):
                there = seen[row["id"]]
                tags = {tag["Key"]: tag["Value"] for tag in there["Tags"]}
                assert row["current"]["state"] == there["State"]["Name"]
                assert row["current"]["type"] == there["InstanceType"]
                assert row["current"]["tags"] == tags
                assert row["id"] not in self.foreign

    def _check_list(self, rows: list[dict[str, Any]]) -> None:
        """Compare a list with what the stranger's client sees of what Handrail made and what still lives."""
        live = ("pending", "running", "stopping", "stopped")
        seen = {
            one["InstanceId"]: (
                one["State"]["Name"],
                one["InstanceType"],
                {tag["Key"]: tag["Value"] for tag in one["Tags"]},
            )
            for one in self._managed()
            if one["State"]["Name"] in live
        }
        assert {row["id"]: (row["state"], row["type"], row["tags"]) for row in rows} == seen

    def _strange(self, verb: str, name: str) -> None:
        ec2 = self.sandbox.client("ec2")
        if verb == "launch":
            tags: list[dict[str, str]] = next((one["Tags"] for one in self._managed()), [])
            copied = {tag["Key"]: tag["Value"] for tag in tags if tag["Key"] != "Name"}
            self.foreign.add(self.sandbox.launch(name, **copied))
            return
        live = [one["InstanceId"] for one in self._managed() if one["State"]["Name"] == "running"][:1]
        if live and verb == "stop":
            ec2.stop_instances(InstanceIds=live)
            ec2.get_waiter("instance_stopped").wait(InstanceIds=live, WaiterConfig={"Delay": 1})
        elif live:
            ec2.terminate_instances(InstanceIds=live)

    def _managed(self) -> list[dict[str, Any]]:
        return [one for one in self.sandbox.instances().values() if one.get("ClientToken", "").startswith("hr-")]

    def _running(self) -> int:
        return sum(one["State"]["Name"] in ("pending", "running", "stopping") for one in self._managed())

    def _theirs(self) -> dict[str, Any]:
        return {id: one for id, one in self.sandbox.instances().items() if id in self.foreign}

    def clear(self) -> None:
        """End everything that lives."""
        live = list(self.sandbox.instances(state="pending,running,stopping,stopped"))
        if live:
            self.sandbox.client("ec2").terminate_instances(InstanceIds=live)


@settings(max_examples=12, suppress_health_check=list(HealthCheck), deadline=None, print_blob=True)
@given(acts=st.lists(st.one_of(by_owner, by_owner, by_owner, by_stranger), min_size=6, max_size=9))
def test_whatever_is_done_nothing_foreign_changes_and_the_cap_holds(
    handrail: Handrail, sandbox: Sandbox, acts: list[tuple[Any, ...]]
) -> None:
    world = World(handrail, sandbox)
    try:
        for act in acts:
            world.act(*act)
    finally:
        world.clear()
