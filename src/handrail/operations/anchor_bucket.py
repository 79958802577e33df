"""Where anchors of the record are kept in S3: the bucket, whoever's it is, and every version of every anchor in it."""

import re
from dataclasses import dataclass, replace

from handrail.aws.s3_locks import Vault, Version
from handrail.core.errors import NotFound, PermissionDenied, Usage
from handrail.core.fields import show, text
from handrail.core.shell import command
from handrail.ledger.anchors import SIZE_LIMIT, Anchor, NewerAnchor, folder_of, found_at
from handrail.ledger.chain import DOUBTFUL, NOTICE, Fault
from handrail.session import Session


@dataclass(frozen=True)
class Place:
    """A bucket for anchors. account: whose it is."""

    name: str
    account: str
    region: str
    vault: Vault


def check_account(value: str) -> str:
    """Return the number of an account. Raises Usage on what is none."""
    if not re.fullmatch(r"[0-9]{12}", value):
        raise Usage(f"{show(value)} is not the number of an account.", hint="twelve digits: 123456789012")
    return value


ACCOUNT = text(
    "the account that the bucket belongs to, where it is another one", metavar="ACCOUNT", check=check_account
)


def open_bucket(session: Session, name: str, account: str | None) -> Place:
    """Return a bucket for anchors. Raises NotFound, PermissionDenied, also where it is another account's than said."""
    whose = account or session.caller.account
    standing = session.aws.s3.standing(name, account=whose)
    if standing.is_free:
        raise NotFound(
            f"there is no bucket {name}.", hint=command("s3 create", name, object_lock=True), details={"target": name}
        )
    if not standing.is_reachable:
        raise PermissionDenied(
            f"bucket {name} can't be reached: it is not of account {whose}, or these credentials may not do "
            "s3:ListBucket.",
            hint="--bucket-account names another account; whose bucket it is, its owner knows",
            details={"action": "s3:ListBucket", "target": name},
        )
    return Place(name, whose, standing.region, session.aws.s3.vault(name, standing.region, whose))


def anchors_in(session: Session, place: Place) -> tuple[list[Anchor], list[Fault]]:
    """Return every anchor of this ledger in a bucket, the oldest first by S3's clock, and what there is none.

    Every version counts, so a newer one hides none, nor does a delete marker: both are said.
    """
    folder = folder_of(session.caller.account, session.stores.home_region)
    found: list[tuple[Version, Anchor]] = []
    faults = []
    for version in place.vault.versions(folder):
        name = version.key.removeprefix(folder)
        if version.is_marker:
            text = f"somebody put a delete marker over the anchor {name} at {version.at:%Y-%m-%d %H:%M:%S} UTC"
            faults.append(_doubt("hidden", version, text))
            continue
        try:
            found.append((version, _read(session, place.vault, version, folder)))
        except NotFound:
            continue  # deleted since it was listed: so it was not locked
        except NewerAnchor:
            text = f"the anchor {name} was taken by a newer Handrail, which this one can't read; it was passed over"
            faults.append(Fault("-", 0, "unknown", text, NOTICE, version.key))
        except ValueError:
            text = f"{name} (version {version.id}) is not the anchor that its key says; it was passed over"
            faults.append(_doubt("strange", version, text))
    return [anchor for _, anchor in sorted(found, key=lambda one: (one[0].at, one[0].key))], faults


def _read(session: Session, vault: Vault, version: Version, folder: str) -> Anchor:
    text, lock = vault.read(version, SIZE_LIMIT)
    anchor = found_at(version.key, text, folder)
    return replace(anchor, at=f"{version.at:%Y-%m-%dT%H:%M:%SZ}", is_locked=lock.keeps(session.clock.now()))


def _doubt(kind: str, version: Version, text: str) -> Fault:
    return Fault("-", 0, kind, text, DOUBTFUL, version.key)


def lies_there(place: Place, key: str) -> bool:
    """Return whether an anchor was put, by the key that its intent names."""
    return any(version.key == key and not version.is_marker for version in place.vault.versions(key))
