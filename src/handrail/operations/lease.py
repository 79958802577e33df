"""`lease list|release`: who holds the places under the cap, and freeing one whose command was cut off."""

import hashlib
from collections.abc import Callable
from typing import Any

from handrail.core.amounts import count
from handrail.core.ec2_rules import check_user_data
from handrail.core.errors import HandrailError, NotFound, NotSetUp, Usage, WrongState
from handrail.core.fields import Parameters, Type, flag, text
from handrail.core.operation import Effect, Operation
from handrail.core.plan import Ask, Outcome, Plan, Question, Result, Status
from handrail.core.shell import command
from handrail.ledger.lease import End
from handrail.ledger.ledger import Ledger
from handrail.ledger.places import State, Wanted
from handrail.ledger.record import Intent, Known
from handrail.operations.ec2.recovery import launch_of
from handrail.operations.kinds import other_owner
from handrail.operations.needs import CHANGE_EC2, END_CONDEMNED, RECORD
from handrail.operations.settling import Settled, finished, undone
from handrail.session import Session

COLUMNS = (
    ("PLACE", "key"),
    ("NAME", "name"),
    ("INSTANCE", "instance"),
    ("STATE", "state"),
    ("OWNER", "owner"),
    ("REGION", "region"),
    ("SINCE", "since"),
    ("FREE BY", "until"),
    ("NOTE", "note"),
)
_STAYS = "What runs there all the same is counted again as soon as a look shows it."


def _ledger(session: Session) -> Ledger:
    ledger = session.stores.ledger
    if not isinstance(ledger, Ledger):
        raise NotSetUp("this account has no ledger, so there are no places.", hint="handrail init")
    return ledger


class ReleasePlace(Parameters):
    """What `lease release` asks for."""

    place = text(
        "the place: its request or instance id", positional=True, required=True, pick_from="lease list", pick="key"
    )
    now = flag("undo the create at once instead of waiting until it has run out")
    user_data = text("with --now: the user data of that create", type=Type.FILE, metavar="FILE")
    owner = other_owner("place")


def list_places(session: Session, values: Parameters) -> Outcome:
    """Settle what has run out, and return every place under the cap and who has it."""
    ledger = _ledger(session)
    ledger.lease.settle()
    rows = ledger.lease.overview()
    limit = session.rules.account_cap
    places = count(len(rows), "place")
    doubtful = any(row["note"] for row in rows)
    return Outcome(
        rows=rows,
        warnings=tuple(f"{note}; it counts as taken" for note in dict.fromkeys(row["note"] for row in rows) if note),
        notes=(("let go", "handrail lease release PLACE --now, once you know what runs in it"),) if doubtful else (),
        columns=COLUMNS,
        summary=f"{places} taken" + (f" of {limit}" if limit is not None else ""),
        empty="No places are taken.",
    )


def release(session: Session, values: ReleasePlace) -> Plan:
    """Free a place: once it can be known that nothing runs in it, or with `now` by undoing its create.

    One that nobody can look at, or read, is let go of with `now`: the person answers for it.
    """
    ledger = _ledger(session)
    key = values.place
    row = _found(ledger.lease.overview(), key)
    name, request = str(row["name"] or row["key"]), session.new_request()
    act = _act(session, ledger, row, values)

    def free() -> Result:
        act()
        left = next((one for one in ledger.lease.overview() if one["place"] == row["place"]), None)
        if left is not None:
            raise _still_taken(left)
        return _result(row, request, Status.SUCCEEDED, f"the place of {name} is free")

    planned = _result(row, request, Status.PLANNED, f"the place of {name} would be released")
    question = Question(Ask.WORD, _means(row, name), word=name) if values.now else None
    owners = frozenset({str(row["owner"])} - {""})
    return Plan.of_one(f"release the place of {name}", planned, free, question=question, owners=owners)


def _found(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Return the row of a place by its request or instance id, or the key that it is stored under.

    Raises NotFound, and Usage where it names several.
    """
    named = [one for one in rows if one["place"] is not None and key in (one["key"], one["instance"], one["place"])]
    if not named:
        raise NotFound(f"no place is taken for {key}.", hint="handrail lease list", details={"place": key})
    if len(named) > 1:
        raise Usage(
            f"{count(len(named), 'place')} are known as {key}.",
            hint=command("lease release", named[0]["place"]),
            facts=(("places", "\n".join(str(one["place"]) for one in named)),),
            details={"candidates": [one["place"] for one in named]},
            code="ambiguous",
        )
    return named[0]


def _act(session: Session, ledger: Ledger, row: dict[str, Any], values: ReleasePlace) -> Callable[[], object]:
    """Return what frees the place. Raises WrongState or Usage where that can't be done."""
    place = str(row["place"])
    if not values.now:
        return lambda: ledger.lease.settle({place})
    if row["note"]:
        if row["until"]:
            raise _still_taken(row)
        return lambda: ledger.lease.let_go(place)
    return _undo(session, ledger, row, values)


def _means(row: dict[str, Any], name: str) -> str:
    """Return what releasing a place at once does, as it is asked about."""
    if row["note"]:
        what = row["instance"] or "whatever was made in it"
        return f"{row['note']}. This lets go of the place of {name}: the caps count {what} no more. {_STAYS}"
    return f"This undoes the create of {name}: its instance, if there is one, ends for good."


def _result(row: dict[str, Any], request: str, status: Status, said: str) -> Result:
    return Result(
        row["name"] or None, row["key"], status, said=said, current=row, request=request, region=row["region"]
    )


def _still_taken(row: dict[str, Any]) -> HandrailError:
    kind: type[HandrailError] = WrongState
    release_now = command("lease release", row["key"], now=True)
    if row["note"]:
        kind = NotSetUp if row["state"] == State.UNREADABLE else WrongState
        said = f"whether something runs in this place can't be seen: {row['note']}."
        when = f"from {row['until']} on" if row["until"] else "once you know what runs in it"
        hint = f"{when}: {release_now}"
    elif row["state"] == "held" and not row["until"]:
        said, hint = f"{row['name'] or row['instance']} runs in this place.", command("ec2 stop", row["instance"])
    else:
        said = f"whether something runs in this place is known at {row['until']} at the latest."
        undo = f"wait until then, or undo its create now: {release_now}"
        hint = "handrail lease list" if row["instance"] else undo
    return kind(said, hint=hint, details=row)


def _undo(session: Session, ledger: Ledger, row: dict[str, Any], values: ReleasePlace) -> Callable[[], None]:
    """Return what undoes a create (docs/lease.md, rule 14). Raises WrongState or Usage where that can't be done."""
    known = ledger.record.find(str(row["key"]))
    if row["state"] == "held" or known is None or known.intent.operation != "ec2 create":
        raise WrongState(
            "only a create that nobody has confirmed can be undone at once.",
            hint=command("ec2 delete", row["instance"]) if row["instance"] else command("lease release", row["key"]),
        )
    user_data = _user_data(session, known, values.user_data)
    launch = launch_of(known.intent, user_data)
    ec2 = session.aws.ec2_of(known.intent.region)

    def undo() -> None:
        wanted = Wanted(
            known.intent.request, known.intent.region, known.intent.owner, session.caller.owner, str(row["name"])
        )
        taken = ledger.lease.take_for_undo(wanted, int(known.intent.at))
        _undone(ledger.lease.carry_out(taken, lambda fence: ec2.run(launch, fence).id))

    return undo


def _user_data(session: Session, known: Known, file: str | None) -> bytes | None:
    """Return the user data of the create, which must be the one whose hash is on record."""
    expected = known.intent.given.get("user_data_sha256")
    data = check_user_data(session.machine.read_file(file), file) if file else None
    if expected != (hashlib.sha256(data).hexdigest() if data is not None else None):
        raise Usage(
            "undoing repeats the create with its own user data, of which only the hash is on record.",
            hint="give the same file with --user-data" if expected else "leave --user-data out",
        )
    return data


def _undone(ended: Any) -> None:
    if ended.end in (End.CANCELLED, End.GONE, End.GIVEN_BACK):
        return
    raise ended.error or HandrailError(
        f"it could not be undone: {ended.end.value}.", hint="handrail lease list", code="not_undone"
    )


def recover(session: Session, intent: Intent) -> Settled:
    """Return the outcome of a release that was cut off: whether its place is still taken."""
    taken = any(intent.resource in (row["key"], row["place"]) for row in _ledger(session).lease.overview())
    if taken:
        return undone(intent, "it was cut off; the place is still taken")
    return finished(intent, said="it was cut off; the place is free")


LIST = Operation(
    "lease",
    "list",
    "show who holds the places under the cap, and until when at the latest",
    "handrail lease list",
    Effect.READ,
    list_places,
    permissions=(*RECORD, *END_CONDEMNED, "ec2:DescribeInstances"),
    many=True,
)
RELEASE = Operation(
    "lease",
    "release",
    "free a place whose command was cut off",
    "handrail lease release i-0c1d2e3f4a5b6c7d8",
    Effect.CHANGE,
    release,
    recover=recover,
    parameters=ReleasePlace,
    permissions=(*CHANGE_EC2, *END_CONDEMNED, "ec2:RunInstances", "ec2:CreateTags"),
    noun="place",
)
