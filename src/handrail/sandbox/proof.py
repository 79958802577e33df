"""How a sandbox proves to be the one of a folder: it answers a challenge by the folder's secret. Standard library only.

Whoever reads the answer learns nothing that answers another challenge. The port that it serves is part of the answer:
a process on another port can't pass the question on and take the answer for its own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handrail.sandbox import files
from handrail.sandbox.keys import derive

PATH = "/_handrail/health"
_CHALLENGE = re.compile(r"[0-9a-f]{32}")


def make_challenge() -> str:
    """Return a question that was never asked before."""
    return os.urandom(16).hex()


def prove(secret: str, challenge: str, facts: Mapping[str, Any]) -> str | None:
    """Return the answer of the sandbox of whom these facts are true; None to what is no challenge."""
    if not _CHALLENGE.fullmatch(challenge):
        return None
    return derive(secret, f"health:{challenge}:{json.dumps(facts, sort_keys=True)}").hex()


def is_proven(state_dir: Path, challenge: str, health: Mapping[str, Any]) -> bool:
    """Tell whether what was answered to a challenge is true of the sandbox of this folder."""
    import hmac

    secret = files.read_text(state_dir / files.SECRET)
    facts = {name: value for name, value in health.items() if name != "proof"}
    expected = prove(secret, challenge, facts) if secret else None
    return expected is not None and hmac.compare_digest(expected.encode(), str(health.get("proof")).encode())
