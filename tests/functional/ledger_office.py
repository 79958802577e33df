"""An account of its own for a module of tests, and the rows of its ledger as somebody edits them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conftest import FAST, Handrail, Sandbox, clean_environ, start_sandbox
from handrail.sandbox import launcher
from ledger.crowd import Crowd

TIMES = {"HANDRAIL_LEASE_L": "20", "HANDRAIL_LEASE_W": "20", "HANDRAIL_LEASE_V": "1", "HANDRAIL_LEASE_E": "1"}
FAR = "eu-west-1"
TABLE = "handrail-ledger"


class Office:
    """An account of its own, and the rows of its ledger as somebody edits them."""

    def __init__(self, folder: Path) -> None:
        self.sandbox: Sandbox = start_sandbox(folder / "state", **TIMES)
        self.folder = folder
        (folder / "home").mkdir()
        (folder / "wide.toml").write_text('preset = "strict"\n[ec2]\nmax_running = 60\n')
        around = clean_environ(folder / "home", HANDRAIL_STATE_DIR=str(self.sandbox.state_dir))
        self.handrail = Handrail({**FAST, **TIMES, **around, "HANDRAIL_TARGET": "sandbox"}, folder)
        self.wide = Handrail({**self.handrail.environ, "HANDRAIL_POLICY": str(folder / "wide.toml")}, folder)
        self.crowd = Crowd(folder)
        self.handrail.ok("lease", "list")  # makes the ledger

    @property
    def table(self) -> Any:
        """Return DynamoDB as somebody else speaks to it."""
        return self.sandbox.client("dynamodb")

    def row(self, pk: str, sk: str) -> dict[str, Any]:
        """Return a row as it is stored."""
        found: dict[str, Any] = self.table.get_item(TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}})["Item"]
        return found

    def places(self) -> dict[str, Any]:
        """Return the places as they are stored."""
        found: dict[str, Any] = json.loads(self.row("lease", "holders")["places"]["S"])
        return found

    def set_places(self, places: Mapping[str, Any]) -> None:
        """Write the places as somebody edits them, over whatever version there is."""
        before = self.row("lease", "holders")
        version = {"N": str(int(before["version"]["N"]) + 1)}
        self.put({**before, "version": version, "places": {"S": json.dumps(places)}})

    def rows(self) -> list[dict[str, Any]]:
        """Return every row."""
        pages = self.table.get_paginator("scan").paginate(TableName=TABLE)
        return [row for page in pages for row in page["Items"]]

    def put(self, row: Mapping[str, Any]) -> None:
        """Write a row."""
        self.table.put_item(TableName=TABLE, Item=row)

    def drop(self, pk: str, sk: str) -> None:
        """Remove a row."""
        self.table.delete_item(TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}})

    def clear(self) -> None:
        """End everything; what holds places is forgotten."""
        for region in ("us-east-1", FAR):
            for id, one in self.sandbox.instances(region).items():
                if one["State"]["Name"] not in ("terminated", "shutting-down"):
                    self.sandbox.client("ec2", region).terminate_instances(InstanceIds=[id])
        self.drop("lease", "holders")


def open_office(folder: Path) -> Iterator[Office]:
    """Yield an office while a module's tests run."""
    office = Office(folder)
    yield office
    office.crowd.close()
    launcher.stop(office.sandbox.state_dir)
