"""Keys of one sandbox: derived from its own random secret, one pair per owner.

Standard library only; what only makes keys is imported there, for finding a running sandbox does not need it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from handrail.sandbox import files

ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Keys:
    """An access key pair and the owner it stands for."""

    access_key_id: str
    secret_access_key: str
    owner: str


def read_secret(state_dir: Path) -> str:
    """Return the sandbox's random secret, made on first need; of two makers at once the first wins."""
    path = state_dir / files.SECRET
    if (secret := files.read_text(path)) is not None:
        return secret
    files.make_folder(state_dir)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    files.write_atomically(fresh, os.urandom(32).hex().encode())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text(encoding="utf-8")


def sandbox_id(secret: str) -> str:
    """Return the name by which a sandbox answers; it reveals nothing of the secret."""
    return "sb-" + derive(secret, "id").hex()[:16]


def derive(secret: str, purpose: str) -> bytes:
    """Return 32 bytes that depend on the secret and what they are for."""
    import hashlib
    import hmac

    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()


def keys_for(state_dir: Path, owner: str) -> Keys:
    """Return the keys of an owner, and make them known to the server."""
    import base64

    secret = read_secret(state_dir)
    access_key_id = "AKIA" + base64.b32encode(derive(secret, f"key:{owner}")).decode()[:16]
    path = state_dir / files.OWNERS / access_key_id
    if files.read_text(path) != owner:
        files.make_folder(path.parent)
        files.write_atomically(path, owner.encode())
    return Keys(access_key_id, secret_key(secret, access_key_id), owner)


def secret_key(secret: str, access_key_id: str) -> str:
    """Return the secret access key that belongs to an access key id."""
    import base64

    return base64.b64encode(derive(secret, f"secret:{access_key_id}")).decode()[:40]


def owner_of(state_dir: Path, access_key_id: str) -> str | None:
    """Return whose key this is, None where this sandbox never gave it out."""
    if not (access_key_id.isascii() and access_key_id.isalnum()):
        return None
    return files.read_text(state_dir / files.OWNERS / access_key_id)
