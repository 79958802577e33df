"""What is said of an instance: what stands between a person and its shell, and what to type next."""

from dataclasses import replace
from typing import Any

import pytest

from handrail.core.errors import PermissionDenied
from handrail.operations.ec2.words import full_notes, login, notes
from stage import WEB, PlayedEc2, Stage

SHOWN = replace(WEB, image="Ubuntu 26.04 LTS", public_ip="1.2.3.4", private_ip="10.0.0.1", key_pair="dev")


class Groups(PlayedEc2):
    """An EC2 that knows whether SSH is let in; None: it may not be read."""

    def __init__(self, ssh: bool | None) -> None:
        super().__init__()
        self._ssh = ssh

    def ssh_is_let_in(self, _groups: Any) -> bool:
        """Say so."""
        if self._ssh is None:
            raise PermissionDenied("no.")
        return self._ssh


@pytest.mark.parametrize(
    ("one", "ssh", "line"),
    [
        (SHOWN, True, "ssh -i dev.pem ubuntu@1.2.3.4"),
        (replace(SHOWN, security_groups=("sg-1",)), None, "ssh -i dev.pem ubuntu@1.2.3.4"),
        (
            replace(SHOWN, security_groups=("sg-1",)),
            False,
            "ssh -i dev.pem ubuntu@1.2.3.4 · its security groups let no SSH in: open port 22, or give another "
            "--security-group",
        ),
        (replace(SHOWN, public_ip=None), True, "ssh -i dev.pem ubuntu@10.0.0.1 · no public address: only from inside "
         "its network"),
        (replace(SHOWN, image="Windows"), True, "the image says nothing of its user"),
        (
            replace(SHOWN, key_pair=None, public_ip=None, private_ip=None),
            True,
            "no key pair was given: create with --key-pair to log in; no public address: only from inside its network",
        ),
    ],
)  # fmt: skip
def test_how_to_log_in(one: Any, ssh: bool | None, line: str) -> None:
    assert login(Stage(Groups(ssh)), one) == (("log in", line),)


def test_what_is_stopped_offers_no_login() -> None:
    assert notes(Stage(), replace(SHOWN, state="stopped")) == (("next", "handrail ec2 start web"),)


def test_what_is_not_managed_says_so_and_offers_nothing() -> None:
    shown = dict(full_notes(Stage(), replace(SHOWN, managed=False, created_at=None)))
    assert shown["owner"] == "not managed by Handrail"
    assert "next" not in shown
