"""Whether what stands beside the record agrees with it: open requests, ownership rows, places under the caps. Pure.

Handrail decides by these rows, and none of them is hashed: the record says which of them it wrote.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.core.amounts import count
from handrail.ledger.chain import DOUBTFUL, NOTICE, Fault
from handrail.ledger.places import Call, State, Times
from handrail.ledger.record import unpacked
from handrail.ledger.rows import Row
from handrail.ledger.shapes import is_newer, is_whole

Item = Mapping[str, Any]
OPEN, OWN, PLACES = "open", "own#", ("lease", "holders")
MADE_BY = {"bucket": ("s3 create",)}  # the operations that write a row of a kind
GONE_BY = {"bucket": ("s3 delete",)}  # those that remove it
TAKEN_BY = ("ec2 create", "ec2 start")  # those that take a place
_NAME_TAKEN = 5  # the exit code of a create that touched nothing
_ORDER = 60_000  # milliseconds that the clocks of two principals may differ, at most


@dataclass(frozen=True)
class Ends:
    """What bounds a place. now: epoch seconds; term: for how many seconds one is reserved."""

    now: float
    term: int


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
        return _moment(self.outcome)

    def is_over_before(self, other: "Told") -> bool:
        """Return whether it had surely ended when another one began: by the chain that both stand in, else by the time.

        What is on record of both is then in this order too: each writes only between its intent and its outcome.
        """
        ended, begun = self.outcome or {}, other.intent
        if ended.get("pk") is not None and ended["pk"] == begun.get("pk"):
            return str(ended.get("sk")) < str(begun.get("sk"))
        return self.outcome is not None and self.ended_at < _moment(begun) - _ORDER


def _moment(entry: Item | None) -> int:
    at = (entry or {}).get("at")
    return at if isinstance(at, int) else 0


Histories = Mapping[tuple[str, str], Sequence[Told]]


def story_of(entries: Iterable[Item]) -> dict[str, Told]:
    """Return the requests of these entries."""
    intents: dict[str, Item] = {}
    outcomes: dict[str, Item] = {}
    for entry in entries:
        by_kind = {"intent": intents, "outcome": outcomes}.get(str(entry.get("kind")))
        if by_kind is not None:
            by_kind[str(entry.get("request"))] = entry
    return {request: Told(intent, outcomes.get(request)) for request, intent in intents.items()}


def disagreements(story: Mapping[str, Told], beside: Sequence[Item], now: float, times: Times) -> list[Fault]:
    """Return where the rows beside the record do not agree with it.

    beside: read before the record was, so that whatever wrote them is on record by then. now: epoch seconds, after it.
    """
    opened = {str(item["sk"]) for item in beside if item["pk"] == OPEN}
    owned = [item for item in beside if str(item["pk"]).startswith(OWN)]
    places = [item for item in beside if (item["pk"], item["sk"]) == PLACES]
    histories = _histories(story)
    return [
        *_of_open(story, opened),
        *_of_owned(story, owned, histories),
        *_of_missing(histories, owned),
        *(fault for item in places for fault in _of_places(story, item, Ends(now, times.term))),
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


def _histories(story: Mapping[str, Told]) -> Histories:
    """Return the requests that make or remove a row, by its kind and name."""
    found = defaultdict(list)
    for told in story.values():
        for kind in MADE_BY:
            if told.says("operation") in (*MADE_BY[kind], *GONE_BY[kind]):
                found[kind, told.says("resource")].append(told)
    return found


def _of_owned(story: Mapping[str, Told], owned: Sequence[Item], histories: Histories) -> Iterator[Fault]:
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
        told = story.get(item["request"])
        wrong = _is_not_made(told, item) or _is_past(told, histories.get((kind, name), ()))
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


def _is_past(made: Told | None, history: Sequence[Told]) -> str:
    """Return what has removed or replaced the row of a create since; empty where nothing on record has.

    A bucket deleted outside of Handrail leaves its row, until a create of that name replaces it.
    """
    for told in history:
        if made is not None and told.result == "succeeded" and _ends(told, made):
            return f"it was gone since: {told.says('operation')} (request {told.says('request')}) succeeded after that"
    return ""


def _ends(told: Told, made: Told) -> bool:
    """Return whether a deletion or a create, which succeeded, shows that what another create made is gone.

    A deletion says which request made what it deletes, an empty text for none of Handrail's; those of 0.1 did not.
    """
    deleted = (unpacked(told.intent.get("resolved")) or {}).get("made_by")
    return made.is_over_before(told) if deleted is None else deleted == made.says("request")


def _of_missing(histories: Histories, owned: Sequence[Item]) -> Iterator[Fault]:
    """Yield what was made, was not deleted, and has no row: Handrail takes it for somebody else's."""
    rows = {(str(item["pk"]).removeprefix(OWN), str(item["sk"])) for item in owned}
    for (kind, name), history in sorted(histories.items()):
        if (kind, name) in rows or any(told.outcome is None for told in history):
            continue
        removed = [told for told in history if _removes(told, MADE_BY[kind])]
        made = [told for told in history if told.says("operation") in MADE_BY[kind] and told.result == "succeeded"]
        left = [told for told in made if all(one.is_over_before(told) for one in removed)]
        if left:
            request = max(left, key=lambda one: one.ended_at).says("request")
            text = f"{kind} {name} was made (request {request}) and not deleted, and its row is missing: it counts as "
            yield _doubt("missing", f"{OWN}{kind}/{name}", text + "not made by Handrail")


def _removes(told: Told, makers: Sequence[str]) -> bool:
    """Return whether a request may have removed the row: a deletion, or a create that was undone."""
    if told.says("operation") in makers:
        return told.result == "failed" and (told.outcome or {}).get("code") != _NAME_TAKEN
    return told.result == "succeeded"


# ---- places


def _of_places(story: Mapping[str, Told], item: Item, ends: Ends) -> Iterator[Fault]:
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
    holding = defaultdict(list)
    for key, place in sorted(places.items()):
        if isinstance(place, dict) and is_newer(place):
            yield _doubt("unknown", f"{about}/{key}", f"the place {key} was written by a newer Handrail", NOTICE)
            continue
        wrong = _is_odd(place) or _is_not_taken(story, key, place, known) or _lasts(story, place, ends)
        if wrong:
            yield _doubt("unfounded", f"{about}/{key}", f"the place {key} {wrong}")
        elif place.get("instance"):
            holding[place["instance"]].append(key)
    for instance, keys in sorted(holding.items()):
        for key in keys if len(keys) > 1 else ():
            text = f"the place {key} is held by {instance}, which holds another one too"
            yield _doubt("unfounded", f"{about}/{key}", text)


def _is_odd(place: Any) -> str:
    """Return what of a place no Handrail has written; empty where nothing is."""
    if isinstance(place, dict):
        requests, instance, state = place.get("requests"), place.get("instance", ""), place.get("state")
        is_named = isinstance(requests, list) and isinstance(instance, str)
        if is_named and state in (State.RESERVED, State.HELD, State.ENDING) and is_whole(place.get("until")):
            return ""
    return f"is not as Handrail writes it: {_shown(place)}"


def _is_not_taken(story: Mapping[str, Told], key: str, place: Mapping[str, Any], known: Collection[str]) -> str:
    """Return why the record does not stand for a place; empty where it does."""
    requests, instance = [str(request) for request in place["requests"]], place.get("instance", "")
    told = {request: story.get(request) for request in requests}
    strange = [request for request, one in told.items() if one is None or one.says("operation") not in TAKEN_BY]
    if strange:
        return f"is taken for request {strange[0]}, and no create or start of that id is on record"
    if instance and instance not in known and all(one is None or one.outcome is not None for one in told.values()):
        return f"is held by {instance}, and no request on record made or started it"
    if not instance and (not requests or (place["state"] != State.RESERVED and not place.get("fate"))):
        return "is taken for nothing that is on record"
    call, colon, name = key.partition(":")
    if not colon:  # 0.1 wrote no call
        call, name = Call.START if key == instance else Call.CREATE, key
    if call == Call.CREATE:
        return _is_not_of(story.get(name), name, place) or _is_for_another(told, instance, {name})
    if call == Call.START and name == instance:
        return _is_for_another(told, instance, set())
    return f"has a key that does not fit what is in it: {_shown(place)}"


def _is_not_of(made: Told | None, request: str, place: Mapping[str, Any]) -> str:
    """Return why a place is not that of the create that its key names; empty where it is."""
    if made is None or made.says("operation") not in TAKEN_BY[:1]:
        return f"is that of request {request}, and no create of that id is on record"
    for name in ("owner", "region"):
        if place.get(name) != made.says(name):
            return f"has the {name} {_shown(place.get(name))}, and its create the {name} {made.says(name)}"
    instance = (made.outcome or {}).get("instance")
    if instance and place.get("instance") and place["instance"] != instance:
        return f"is held by {place['instance']}, and its create made {instance}"
    return ""


def _is_for_another(told: Mapping[str, Told | None], instance: str, own: Collection[str]) -> str:
    """Return which request of a place is not about it: neither its own create, nor a start of its instance."""
    for request, one in told.items():
        about = (one.says("operation"), one.says("resource")) if one is not None else None
        if request not in own and about != (TAKEN_BY[1], instance):
            return f"is taken for request {request}, which is on record for something else"
    return ""


def _lasts(story: Mapping[str, Told], place: Mapping[str, Any], ends: Ends) -> str:
    """Return why a place is taken for longer than any call can last; empty where it is not."""
    slack = _ORDER // 1000
    if place["until"] > ends.now + ends.term + slack:
        return "is taken until later than any call can last"
    told = [story[str(request)] for request in place["requests"]]
    if place["state"] != State.RESERVED or any(one.outcome is None for one in told):
        return ""
    if place["until"] > max(one.ended_at for one in told) // 1000 + ends.term + slack:
        return f"is reserved for request {place['requests'][-1]}, which has ended"
    return ""


# ---- what is not known


def _unknown(beside: Sequence[Item]) -> Iterator[Fault]:
    kinds = Counter(_kind_of(item) for item in beside)
    for kind, number in sorted(kinds.items()):
        if kind:
            text = (
                f"the table has {count(number, 'row')} of {_shown(kind)}, which this version of Handrail does not know"
            )
            yield _doubt("unknown", kind, text, NOTICE)


def _kind_of(item: Item) -> str:
    """Return what a row of no kind that is known is called; empty for the others."""
    pk, sk = str(item["pk"]), str(item["sk"])
    if pk == OPEN or pk.startswith(OWN) or (pk, sk) == PLACES:
        return ""
    return f"{pk}/{sk}" if pk == PLACES[0] else pk


def _unknown_keys(about: str, item: Item, known: set[str]) -> Iterator[Fault]:
    keys = sorted(set(item) - known)
    if keys:
        text = f"{about} has keys that this version of Handrail does not know: {', '.join(keys)}"
        yield _doubt("unknown", about, text, NOTICE)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:120]}…"
