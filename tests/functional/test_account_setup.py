"""`init`, and what an account without a ledger means: the sandbox served as if it were AWS."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import FAST, Handrail, Sandbox, clean_environ, start_sandbox
from handrail.sandbox import launcher

TABLE = "handrail-ledger"


class Cloud:
    """A sandbox that the program takes for AWS, by AWS_ENDPOINT_URL; strict unless told otherwise.

    On the target aws botocore reads the environment of the process by itself.
    """

    def __init__(self, sandbox: Sandbox, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.sandbox = sandbox
        self._patch = patch
        self.folder = folder
        (folder / "home").mkdir()
        self.environ = {
            **FAST,
            **clean_environ(folder / "home"),
            "HANDRAIL_TARGET": "aws",
            "AWS_ENDPOINT_URL": self.sandbox.running.endpoint,
            "AWS_REGION": "us-east-1",
            "HANDRAIL_STATE_DIR": str(folder / "elsewhere"),
        }

    def handrail(self, owner: str = "dev-1", **more: str) -> Handrail:
        """Return the program with the keys of an owner."""
        keys = launcher.keys_for(self.sandbox.state_dir, owner)
        pair = {"AWS_ACCESS_KEY_ID": keys.access_key_id, "AWS_SECRET_ACCESS_KEY": keys.secret_access_key}
        environ = {**self.environ, **pair, **more}
        for name in environ:
            if name.startswith("AWS_"):
                self._patch.setenv(name, environ[name])
        return Handrail(environ, self.folder)

    def empty(self) -> None:
        """Leave nothing of another test, least of all its ledger."""
        ec2, dynamodb = self.sandbox.client("ec2"), self.sandbox.client("dynamodb")
        live = [one for one, it in self.sandbox.instances().items() if it["State"]["Name"] != "terminated"]
        if live:
            ec2.terminate_instances(InstanceIds=live)
        for table in self.tables():
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            dynamodb.delete_table(TableName=table)

    def tables(self, region: str = "us-east-1") -> list[str]:
        """Return the tables that a stranger sees."""
        found: list[str] = self.sandbox.client("dynamodb", region).list_tables()["TableNames"]
        return found

    def running(self) -> int:
        """Return how many instances a stranger sees that are not gone."""
        reply = self.sandbox.client("ec2").describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]}]
        )
        return sum(len(group["Instances"]) for group in reply["Reservations"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = start_sandbox(tmp_path_factory.mktemp("served") / "state")
    yield sandbox
    launcher.stop(sandbox.state_dir)


@pytest.fixture
def cloud(served: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud(served, tmp_path, monkeypatch)
    cloud.empty()
    return cloud


def test_without_a_ledger_nothing_under_a_cap_is_changed(cloud: Cloud) -> None:
    done = cloud.handrail()("ec2", "create", "--name", "web", "-o", "json")
    assert done.code == 7
    assert done.error["code"] == "no_ledger"
    assert done.error["hint"].startswith("handrail init")
    assert cloud.handrail()("ec2", "create", "--dry-run").code == 7
    assert cloud.handrail()("lease", "list").code == 7
    assert cloud.handrail()("audit", "list").code == 7
    assert cloud.running() == 0
    assert cloud.tables() == []
    assert cloud.handrail().ok("ec2", "list").code == 0


def test_init_makes_the_ledger_once_and_says_what_it_costs(cloud: Cloud) -> None:
    handrail = cloud.handrail()
    before = cloud.sandbox.writes(but=())
    done = handrail.ok("init", "--dry-run")
    assert "a few cents per month" in done.err
    assert "other enabled regions: no second ledger" in done.err
    assert cloud.sandbox.writes(but=()) == before
    made = handrail.json("init")
    assert (made["status"], made["current"]["status"]) == ("succeeded", "ACTIVE")
    assert all(made["current"][kept] for kept in ("deletion_protection", "point_in_time_recovery", "ttl"))
    table = cloud.sandbox.client("dynamodb").describe_table(TableName=TABLE)["Table"]
    assert table["DeletionProtectionEnabled"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    after = cloud.sandbox.writes(but=())
    again = handrail.ok("init")
    assert "is there already" in again.out
    assert "costs" not in again.err
    assert handrail.json("init")["status"] == "unchanged"
    assert cloud.sandbox.writes(but=()) == after
    handrail.ok("ec2", "create", "--name", "web")
    rows = handrail.json("audit", "list")
    assert [(row["operation"], row["target"]) for row in rows] == [("init", "aws"), ("ec2 create", "aws")]
    assert (rows[0]["result"], rows[0]["code"], rows[0]["region"]) == ("succeeded", 0, "us-east-1")
    assert rows[0]["duration_ms"] > 0
    assert all(list(row) == list(rows[0]) for row in rows)


def test_init_refuses_a_second_ledger(cloud: Cloud) -> None:
    cloud.handrail().ok("init")
    done = cloud.handrail(HANDRAIL_HOME_REGION="eu-west-1")("init", "-o", "json")
    assert done.code == 5
    assert done.error["details"]["regions"] == ["us-east-1"]
    assert "HANDRAIL_HOME_REGION=us-east-1" in done.error["hint"]
    assert cloud.tables("eu-west-1") == []


def test_init_completes_a_table(cloud: Cloud) -> None:
    handrail = cloud.handrail()
    handrail.ok("init")
    cloud.sandbox.client("dynamodb").update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    assert "complete the ledger" in handrail.ok("init", "--dry-run").err
    assert handrail.json("init")["current"]["deletion_protection"]


def test_a_check_says_that_a_create_would_find_no_ledger(cloud: Cloud) -> None:
    handrail = cloud.handrail()
    done = handrail("policy", "check", "--", "ec2", "create")
    assert (done.code, "this account has no ledger in us-east-1" in done.err) == (7, True)
    assert "ec2.types t3.nano yes" in done.said
    refused = handrail("policy", "check", "--", "ec2", "create", "--type", "t3.large")
    assert (refused.code, "no ledger" in refused.err) == (3, False)
    assert cloud.tables() == []


def test_init_on_the_sandbox(handrail: Handrail) -> None:
    assert handrail.json("init")["current"]["region"] == "us-east-1"
    assert handrail.json("init")["status"] == "unchanged"


def test_open_goes_on_without_a_ledger_and_keeps_a_file(cloud: Cloud) -> None:
    (cloud.folder / "open.toml").write_text('preset = "open"\n')
    handrail = cloud.handrail(HANDRAIL_POLICY=str(cloud.folder / "open.toml"))
    done = handrail.ok("ec2", "create", "--name", "web", "--request-id", "r1")
    assert "warning: this account has no ledger" in done.err
    assert cloud.running() == 1
    assert handrail.json("ec2", "create", "--name", "web", "--request-id", "r1")["status"] == "unchanged"
    handrail.ok("ec2", "stop", "web")
    handrail.ok("ec2", "start", "web")
    handrail.ok("ec2", "create", "--dry-run")
    handrail.ok("ec2", "delete", "web", "--yes")
    assert handrail("ec2", "stop", "nothing").code == 4
    (path,) = cloud.folder.rglob("audit.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    stories = [(line["operation"], line["target"]) for line in lines if line["kind"] == "intent"]
    verbs = ("create", "stop", "start", "delete", "stop")
    assert stories == [(f"ec2 {verb}", "aws") for verb in verbs]
    results = [line["result"] for line in lines if line["kind"] == "outcome"]
    assert results == ["succeeded"] * 4 + ["refused"]
    assert handrail("lease", "list").code == 7
    assert handrail("audit", "list").code == 7
    assert cloud.tables() == []


def test_open_with_a_ledger_takes_places_like_everybody(cloud: Cloud) -> None:
    (cloud.folder / "open.toml").write_text('preset = "open"\n')
    cloud.handrail().ok("init")
    handrail = cloud.handrail(HANDRAIL_POLICY=str(cloud.folder / "open.toml"))
    for number in range(3):
        handrail.ok("ec2", "create", "--name", f"web-{number}")
    assert len(handrail.json("lease", "list")) == 3
    assert cloud.handrail()("ec2", "create").code == 3


def test_times_of_the_lease_are_refused_on_aws(cloud: Cloud) -> None:
    cloud.handrail().ok("init")
    done = cloud.handrail(HANDRAIL_LEASE_L="2")("ec2", "create", "--name", "web")
    assert done.code == 2
    assert "HANDRAIL_LEASE_L works on the sandbox only" in done.err
    assert cloud.running() == 0


def test_what_only_reads_does_not_warn_of_a_missing_ledger(cloud: Cloud) -> None:
    (cloud.folder / "open.toml").write_text('preset = "open"\n')
    handrail = cloud.handrail(HANDRAIL_POLICY=str(cloud.folder / "open.toml"))
    for words in (("audit", "list"), ("audit", "verify"), (), ("ec2", "list"), ("ec2", "create", "--dry-run")):
        assert "warning: this account has no ledger" not in handrail(*words).err
    done = handrail("ec2", "stop", "nothing")
    assert done.code == 4
    (path,) = cloud.folder.rglob("audit.jsonl")
    assert f"warning: this account has no ledger; only {path} records what is changed" in done.err
    assert done.err.count("has no ledger") == 1


ODD = "anna\n\x1b[31mroot\u202e " + "x" * 1000


@pytest.mark.parametrize(
    ("trusted", "told", "named"),
    [
        ("dev-1", "anna", "anna"),
        ("dev-1", ODD, "anna [31mroot " + "x" * 242),
        ("dev-1", "\n", None),
        ("somebody", "anna", None),
    ],
)
def test_a_requester_is_believed_of_a_job_server_only(cloud: Cloud, trusted: str, told: str, named: str | None) -> None:
    (cloud.folder / "jobs.toml").write_text(f'preset = "strict"\njob_servers = ["{trusted}"]\n')
    cloud.handrail().ok("init")
    handrail = cloud.handrail(HANDRAIL_POLICY=str(cloud.folder / "jobs.toml"), HANDRAIL_REQUESTER=told)
    handrail.ok("ec2", "create", "--name", "web")
    row = handrail.json("audit", "list", "--operation", "ec2 create")[0]
    assert (row["requester"], row["owner"]) == (named, "dev-1")
