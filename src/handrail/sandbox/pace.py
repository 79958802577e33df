"""Makes moto quicker where it does the same work again for every request; changes no answer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any

from handrail.sandbox.fidelity.registry import wrap


def hasten() -> None:
    """Put the shortcuts in place."""
    from moto import backends
    from moto.core.serialize import XFormedAttributePicker

    # It reads a folder of 200 entries, twice per request.
    wrap(backends, "list_of_moto_modules", lambda original: lru_cache(lambda: tuple(original())))
    # It looks for whitespace, letter by letter, in the same few hundred element names.
    wrap(import_module("xmltodict"), "_validate_name", lru_cache(4096))
    wrap(XFormedAttributePicker, "get_possible_keys", remember_keys)


def remember_keys(original: Any) -> Any:
    """Remember under which names a class of objects may have a member of a shape."""
    known: dict[tuple[type, str, Any], tuple[str, ...]] = {}

    def get_possible_keys(self: Any, context: Any) -> tuple[str, ...]:
        asked = (type(context.obj), context.key, context.shape)
        if asked not in known:
            known[asked] = tuple(dict.fromkeys(original(self, context)))
        return known[asked]

    return get_possible_keys


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Let moto not write its answers meanwhile: nobody reads those of a replay, and they are half of the work."""
    from moto.core.responses import BaseResponse

    response: Any = BaseResponse
    original = response.serialized
    response.serialized = lambda self, action_result: (200, {}, "")
    try:
        yield
    finally:
        response.serialized = original
