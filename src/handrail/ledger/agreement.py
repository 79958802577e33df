"""Whether what stands beside the record agrees with it: open requests, ownership rows, places under the caps. Pure.

Handrail decides by these rows, and none of them is hashed: the record says which of them it wrote.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.ledger.chain import DOUBTFUL, NOTICE, Fault
from handrail.ledger.rows import Row

Item = Mapping[str, Any]
OPEN, OWN, LEASE = "open", "own#", "lease"
MADE_BY = {"bucket": ("s3 create",)}  # the operations that write a row of a kind
GONE_BY = {"bucket": ("s3 delete",)}  # those that remove it
TAKEN_BY = ("ec2 create", "ec2 start")  # those that take a place
_NAME_TAKEN = 5  # the exit code of a create that touched nothing
_ORDER = 60_000  # milliseconds that the clocks of two principals may differ, at most


@dataclass(frozen=True)
class Told:
    """What the record says of one request."""

    intent: Item
    outcome: Item | None

    def says(self, name: str) -> str:
        """Return a text of the intent; empty where there is none, or somebody edited it so that it is no text."""
        found = self.intent.get(name)
        return found if isinstance(found, str) else ""

    @property
    def result(self) -> str:
        """Return what became of it; `open` where there is no outcome."""
        return str(self.outcome.get("result")) if self.outcome is not None else "open"

    @property
    def ended_at(self) -> int:
        """Return when it ended, epoch milliseconds; 0 where that can't be read."""
        at = (self.outcome or {}).get("at")
        return at if isinstance(at, int) else 0


def story_of(entries: Iterable[Item]) -> dict[str, Told]:
    """Return the requests of these entries."""
    intents: dict[str, Item] = {}
    outcomes: dict[str, Item] = {}
    for entry in entries:
        by_kind = {"intent": intents, "outcome": outcomes}.get(str(entry.get("kind")))
        if by_kind is not None:
            by_kind[str(entry.get("request"))] = entry
    return {request: Told(intent, outcomes.get(request)) for request, intent in intents.items()}


def disagreements(story: Mapping[str, Told], beside: Sequence[Item]) -> list[Fault]:
    """Return where the rows beside the record do not agree with it.

    beside: read before the record was, so that whatever wrote them is on record by then.
    """
    opened = {str(item["sk"]) for item in beside if item["pk"] == OPEN}
    owned = [item for item in beside if str(item["pk"]).startswith(OWN)]
    places = [item for item in beside if item["pk"] == LEASE]
    return [
        *_of_open(story, opened),
        *_of_owned(story, owned),
        *_of_missing(story, owned),
        *(fault for item in places for fault in _of_places(story, item)),
        *_unknown(beside),
    ]


def _doubt(kind: str, about: str, text: str, severity: str = DOUBTFUL) -> Fault:
    return Fault("-", 0, kind, text, severity, about)


# ---- open requests


def _of_open(story: Mapping[str, Told], opened: set[str]) -> Iterator[Fault]:
    for request in sorted(opened):
        about, told = f"{OPEN}/{request}", story.get(request)
        if told is None:
            yield _doubt("unfounded", about, f"request {request} is marked as open, and no intent of it is on record")
        elif told.outcome is not None:
            text = f"request {request} is marked as open, and is on record as {told.result}"
            yield _doubt("ended", about, text)
    for request, told in sorted(story.items()):
        if told.outcome is None and request not in opened:
            text = (
                f"{told.says('operation')} (request {request}) has no outcome, and is not marked as open: no command "
            )
            yield _doubt("forgotten", f"{OPEN}/{request}", text + "will settle it")


# ---- ownership rows


def _of_owned(story: Mapping[str, Told], owned: Sequence[Item]) -> Iterator[Fault]:
    for item in owned:
        kind, name = str(item["pk"]).removeprefix(OWN), str(item["sk"])
        about = f"{item['pk']}/{name}"
        if kind not in MADE_BY:
            yield _doubt(
                "unknown", about, f"this version of Handrail knows no rows of {kind}, and did not compare it", NOTICE
            )
            continue
        odd = [
            field for field in ("kind", "name", "owner", "request", "region") if not isinstance(item.get(field), str)
        ]
        if odd or (item["kind"], item["name"]) != (kind, name) or not isinstance(item.get("created_at"), int):
            yield _doubt("odd", about, f"the row of {kind} {name} is not as Handrail writes it: {_shown(item)}")
            continue
        wrong = _is_not_made(story.get(item["request"]), item)
        if wrong:
            whose = f"{item['owner']}'s by request {item['request']}"
            yield _doubt("unfounded", about, f"{kind} {name} counts as {whose}, and {wrong}")
        yield from _unknown_keys(about, item, {"pk", "sk", "schema", *Row.__dataclass_fields__})


def _is_not_made(told: Told | None, item: Item) -> str:
    """Return why the record does not stand for a row; empty where it does, or the request is still open."""
    if told is None:
        return "no such request is on record"
    operation, resource, owner = told.says("operation"), told.says("resource"), told.says("owner")
    if operation not in MADE_BY[item["kind"]]:
        return f"that was {operation}"
    if resource != item["name"]:
        return f"that was about {resource}"
    if owner != item["owner"]:
        return f"that was {owner}'s"
    if told.says("region") != item["region"]:
        return f"that was in {told.says('region')}"
    return "" if told.result in ("open", "succeeded") else f"that {told.result}"


def _of_missing(story: Mapping[str, Told], owned: Sequence[Item]) -> Iterator[Fault]:
    """Yield what was made, was not deleted, and has no row: Handrail takes it for somebody else's."""
    rows = {(str(item["pk"]).removeprefix(OWN), str(item["sk"])) for item in owned}
    for kind, makers in MADE_BY.items():
        made: dict[str, Told] = {}
        undone: dict[str, int] = {}
        at_work = set()
        for told in story.values():
            name, operation = told.says("resource"), told.says("operation")
            if operation not in (*makers, *GONE_BY[kind]):
                continue
            if told.outcome is None:
                at_work.add(name)
            elif operation in makers and told.result == "succeeded":
                made[name] = max(made.get(name, told), told, key=lambda one: one.ended_at)
            elif _removes(told, makers):
                undone[name] = max(undone.get(name, 0), told.ended_at)
        for name in sorted(set(made) - at_work):
            if (kind, name) not in rows and undone.get(name, -_ORDER) < made[name].ended_at - _ORDER:
                request = made[name].says("request")
                text = (
                    f"{kind} {name} was made (request {request}) and not deleted, and its row is missing: it counts as "
                )
                yield _doubt("missing", f"{OWN}{kind}/{name}", text + "not made by Handrail")


def _removes(told: Told, makers: Sequence[str]) -> bool:
    """Return whether a request may have removed the row: a deletion, or a create that was undone."""
    if told.says("operation") in makers:
        return told.result == "failed" and (told.outcome or {}).get("code") != _NAME_TAKEN
    return told.result == "succeeded"


# ---- places


def _of_places(story: Mapping[str, Told], item: Item) -> Iterator[Fault]:
    about = f"{item['pk']}/{item['sk']}"
    try:
        places = json.loads(item.get("places") or "{}")
    except (TypeError, ValueError, RecursionError):
        places = None
    if not isinstance(places, dict):
        yield _doubt("odd", about, "the places under the caps can't be read")
        return
    known = {told.says("resource") for told in story.values()}
    known |= {str((told.outcome or {}).get(name)) for told in story.values() for name in ("instance", "resource")}
    for key, place in sorted(places.items()):
        wrong = _is_not_taken(story, place, known)
        if wrong:
            yield _doubt("unfounded", f"{about}/{key}", f"the place {key} {wrong}")


def _is_not_taken(story: Mapping[str, Told], place: Any, known: set[str]) -> str:
    """Return why the record does not stand for a place; empty where it does."""
    requests = place.get("requests") if isinstance(place, dict) else None
    instance = place.get("instance", "") if isinstance(place, dict) else None
    if not isinstance(requests, list) or not isinstance(instance, str):
        return f"is not as Handrail writes it: {_shown(place)}"
    told = {str(request): story.get(str(request)) for request in requests}
    strange = [request for request, one in told.items() if one is None or one.says("operation") not in TAKEN_BY]
    if strange:
        return f"is taken for request {strange[0]}, and no create or start of that id is on record"
    if instance and instance not in known and all(one is None or one.outcome is not None for one in told.values()):
        return f"is held by {instance}, and no request on record made or started it"
    return "" if requests or instance else "is taken for nothing that is on record"


# ---- what is not known


def _unknown(beside: Sequence[Item]) -> Iterator[Fault]:
    kinds = Counter(str(item["pk"]) for item in beside if not str(item["pk"]).startswith((OPEN, OWN, LEASE)))
    for kind, number in sorted(kinds.items()):
        text = f"the table has {number} rows of {_shown(kind)}, which this version of Handrail does not know"
        yield _doubt("unknown", kind, text, NOTICE)


def _unknown_keys(about: str, item: Item, known: set[str]) -> Iterator[Fault]:
    keys = sorted(set(item) - known)
    if keys:
        text = f"{about} has keys that this version of Handrail does not know: {', '.join(keys)}"
        yield _doubt("unknown", about, text, NOTICE)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:120]}…"
