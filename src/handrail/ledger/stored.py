"""The item of places as it is stored: how each place and name is written and read, whatever stands there.

A place that can't be read stays one that is taken, and what this version does not know is passed on untouched.
"""

from collections.abc import Mapping
from typing import Any

from handrail.ledger import shapes
from handrail.ledger.places import Call, Fate, Names, Naming, Place, Places, State, create_key, start_key
from handrail.ledger.shapes import LATEST, Odd, check_schema, mapping, moment, text

_PLACE_TEXTS = ("mark", "region", "owner", "by", "name")
_NAMING_TEXTS = ("region", "name", "instance", "mark", "by")


def to_item(places: Places) -> dict[str, Any]:
    """Return the places as plain values: text, whole numbers, lists and maps."""
    return {key: _stored_place(place) for key, place in places.items()}


def _stored_place(place: Place) -> Any:
    if not place.is_readable:
        return place.rest
    texts_of = {name: getattr(place, name) for name in (*_PLACE_TEXTS, "state", "instance", "fate")}
    return {
        **place.rest,
        **{name: str(value) for name, value in texts_of.items()},
        "kind": str(place.call),
        "since": place.since,
        "until": place.until,
        "requests": list(place.requests),
    }


def from_item(item: Mapping[str, Any], latest: int = LATEST) -> dict[str, Place]:
    """Return the places of stored values, those that can't be read as such. Keys of 0.1, without a kind, are read.

    latest: the last moment at which a place that somebody really took may run out.
    """
    places: dict[str, Place] = {}
    for key, values in item.items():
        try:
            place = _place(key, mapping(values), latest)
        except Odd:
            place = _unreadable_place(key, values)
        if place.key != key and place.key in item:
            place = _unreadable_place(key, values)
        places[place.key] = place
    return places


def _place(key: str, values: Mapping[str, Any], latest: int) -> Place:
    """Return the place of stored values. Raises Odd."""
    check_schema(values)
    known: dict[str, Any] = {name: text(values, name) for name in _PLACE_TEXTS}
    known |= {"region": shapes.region(values), "instance": shapes.instance(values, "")}
    known |= {"since": moment(values, "since"), "until": moment(values, "until"), "requests": shapes.requests(values)}
    try:
        state, call = State(values["state"]), Call(values["kind"])
        fate = text(values, "fate", "")
        known |= {"state": state, "call": call, "fate": Fate(fate).value if fate else ""}
    except (KeyError, ValueError) as error:
        raise Odd(str(error)) from None
    place = Place(key=_kept_key(key, known), **known, rest={k: v for k, v in values.items() if k not in _KNOWN})
    if not place.is_readable or not (place.requests or place.state is State.HELD):
        raise Odd("it says of no state that is known, or of no request")
    if place.until > latest:
        raise Odd("until is later than any place lasts")
    if place.key.startswith(f"{Call.START}:"):
        if place.key != start_key(place.instance) or not place.instance:
            raise Odd("its key is another instance's, or nothing's")
    elif not shapes.is_request(place.known_as):
        raise Odd("its key is no request's")
    return place


_KNOWN = frozenset((*_PLACE_TEXTS, "key", "state", "kind", "since", "until", "requests", "instance", "fate"))


def _kept_key(key: str, known: Mapping[str, Any]) -> str:
    """Return the key with its call. 0.1 wrote none: of a start that was the instance, of a create the request."""
    call, colon, _ = key.partition(":")
    if colon and call in (Call.CREATE, Call.START):
        return key
    if colon:
        raise Odd("its key is of no kind that is known")
    return start_key(key) if key == known["instance"] else create_key(key)


def _unreadable_place(key: str, values: Any) -> Place:
    """Return a place that can't be read: what is stored, and a key that nobody overwrites."""
    none = dict.fromkeys(_PLACE_TEXTS, "")
    return Place(
        key=key, state=State.UNREADABLE, call=Call.CREATE, **none, since=0, until=LATEST, requests=(), rest=values
    )


def to_names(names: Names) -> dict[str, Any]:
    """Return the names in flight as plain values."""
    return {
        key: {**one.rest, **{name: getattr(one, name) for name in _NAMING_TEXTS}, "until": one.until}
        if one.is_readable
        else one.rest
        for key, one in names.items()
    }


def from_names(item: Mapping[str, Any], latest: int = LATEST) -> dict[str, Naming]:
    """Return the names in flight of stored values; one that can't be read is taken, and stays so.

    latest: as of places; a name is taken no longer, whatever stands there.
    """
    return {key: _naming(key, values, latest) for key, values in item.items()}


def _naming(key: str, values: Any, latest: int) -> Naming:
    try:
        check_schema(mapping(values))
        known: dict[str, Any] = {name: text(values, name) for name in _NAMING_TEXTS}
        rest = {name: value for name, value in values.items() if name not in (*_NAMING_TEXTS, "until")}
        known |= {"region": shapes.region(values), "instance": shapes.instance(values)}
        found = Naming(**known, until=min(moment(values, "until"), latest), rest=rest)
        if found.key != key:
            raise Odd("its key is another name's")
    except Odd:
        region, _, name = key.partition("/")
        return Naming(region, name, "", "", "", LATEST, values, is_readable=False)
    return found
