"""The sandbox's patches of moto, in the order in which they are put in place."""

from __future__ import annotations

import os

from handrail.sandbox.errors import SandboxError
from handrail.sandbox.fidelity.registry import Patch


def set_switches(off: frozenset[str]) -> None:
    """Set the switches of moto which patches need before it is imported."""
    if not off & {"all", "ec2-images"}:
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"


def all_patches() -> tuple[Patch, ...]:
    """Return every patch. A call passes through those of its kind from the last to the first."""
    from handrail.sandbox.fidelity import (
        ec2_calls,
        ec2_images,
        ec2_launch,
        ec2_states,
        ec2_tokens,
        s3_access,
        s3_buckets,
        s3_checksums,
        s3_contents,
        s3_locks,
        sts,
    )

    return (
        *sts.PATCHES,
        *ec2_images.PATCHES,
        *ec2_states.PATCHES,
        *ec2_calls.PATCHES,
        *ec2_launch.PATCHES,
        *ec2_tokens.PATCHES,
        *s3_buckets.PATCHES,
        *s3_access.PATCHES,
        *s3_checksums.PATCHES,
        *s3_contents.PATCHES,
        *s3_locks.PATCHES,
    )


def apply(off: frozenset[str] = frozenset()) -> None:
    """Put every patch in place except those named; `all` names them all."""
    patches = all_patches()
    unknown = off - {"all"} - {patch.name for patch in patches}
    if unknown:
        known = ", ".join(patch.name for patch in patches)
        raise SandboxError(
            f"HANDRAIL_SANDBOX_PATCHES_OFF names no patch: {', '.join(sorted(unknown))}.", f"Known: {known}."
        )
    for patch in patches:
        if not off & {"all", patch.name}:
            patch.apply()
