"""What is said of an instance: what stands between a person and its shell, and what to type next."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from test_requested import MADE

from handrail.core.errors import PermissionDenied
from handrail.operations.ec2.words import full_notes, login, notes

SHOWN = replace(MADE, image="Ubuntu 26.04 LTS", public_ip="1.2.3.4", private_ip="10.0.0.1", key_pair="dev")


def session(*, ssh: bool | None = True) -> Any:
    """Return a session; ssh None: whether it is let in may not be read."""

    def let_in(_groups: Any) -> bool:
        if ssh is None:
            raise PermissionDenied("no.")
        return ssh

    return SimpleNamespace(
        ec2=SimpleNamespace(ssh_is_let_in=let_in), region_to_name=None, caller=SimpleNamespace(owner="ann")
    )


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
    assert login(session(ssh=ssh), one) == (("log in", line),)


def test_what_is_stopped_offers_no_login() -> None:
    assert notes(session(), replace(SHOWN, state="stopped")) == (("next", "handrail ec2 start web"),)


def test_what_is_not_managed_says_so_and_offers_nothing() -> None:
    shown = dict(full_notes(session(), replace(SHOWN, managed=False, created_at=None)))
    assert shown["owner"] == "not managed by Handrail"
    assert "next" not in shown
