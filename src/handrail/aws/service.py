"""One AWS service as one value: which of its calls only read, what answers them, what it refuses, what IAM asks for.

A service is a module of this package that is named as botocore's events name it, without hyphens (`route-53`:
`route53.py`), and holds its value as `SERVICE`. It is imported when its first call is made. Nothing else in `aws/`
knows any service by name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from handrail.core.errors import HandrailError

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """What becomes of an AWS error code. says: what AWS's text must say; it means something else without.

    In message and hint: {thing} the value that AWS quotes, or the bucket, or the subject; {subject}; {region}; {text}
    AWS's own words; {operation} Handrail's; {mend} the command that renews the credentials.
    """

    error: type[HandrailError]
    message: str
    hint: str
    code: str | None = None
    says: str = ""


@dataclass(frozen=True)
class Answer:
    """What one call is answered with. Each text is names with spaces between; the members are paths (`values_at`).

    needs: members that must be there. roots: the names that the root element may have, AWS's own first; none: JSON, or
    no body at all. truths: elements that must say true or false, in small letters or capitals; botocore takes all but
    `true` for no. bare: it has no body, so that a request id of AWS must stand in its headers. document: its body is a
    JSON document of a user's own, with that id. counted: `Count` is the length of this list. dated: a Date, and that id
    where there is no root.
    """

    needs: str = ""
    roots: str = ""
    truths: str = ""
    bare: bool = False
    document: bool = False
    counted: str = ""
    dated: bool = False


@dataclass(frozen=True)
class Service:
    """A service, or what all of them share. A key may be several, with spaces between.

    name: as IAM's actions name it. reads: the beginnings of the names of calls that only read; what is not listed
    counts as a change. root: of an answer that names none, `{}` the call. answers: by call. needs: by call, if it does
    not need just the action of its own name, its IAM actions, each with the parameter that makes it needed (a path;
    `!`: without it; empty: always). failures: by AWS's code; with `@Call` in the key, in these calls only.
    """

    name: str
    reads: tuple[str, ...] = ()
    root: str = ""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    needs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)

    def changes(self, call: str) -> bool:
        """Return whether a call changes something."""
        return not call.startswith(self.reads)

    def answer(self, call: str) -> Answer | None:
        """Return what a call is answered with, None where nothing here says it."""
        found = _named(self.answers, call)
        return replace(found, roots=found.roots or self.root.format(call)) if found else None

    def failure(self, code: str, call: str, text: str) -> Failure | None:
        """Return what becomes of a refusal. text: what AWS says."""
        rows = {key: row for key, row in self.failures.items() if code in key.split() and row.says in text}
        of_call = (row for key, row in rows.items() if f"@{call}" in key.split())
        return next(of_call, None) or next((row for key, row in rows.items() if "@" not in key), None)

    def actions(self, call: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the IAM actions that a call needs with its parameters. Source: AWS's service authorization reference.

        Of an unknown service that is the name of the call.
        """
        own = {f"{self.name}:{call}".lstrip(":"): ""}
        needs = own if (found := _named(self.needs, call)) is None else found
        return tuple(action for action, path in needs.items() if _is_given(parameters, path))


UNKNOWN = Service("")


@cache
def find_service(name: str) -> Service:
    """Return the service of a name, botocore's (of its events or its clients) or IAM's; UNKNOWN: each call a change."""
    module = f"{__package__}.{name.replace('-', '')}"
    found: Service = getattr(import_module(module), "SERVICE", UNKNOWN) if find_spec(module) else UNKNOWN
    return found


def _named(table: Mapping[str, T], name: str) -> T | None:
    return next((value for names, value in table.items() if name in names.split()), None)


def _is_given(parameters: Mapping[str, Any], path: str) -> bool:
    if path.startswith("!"):
        return not all(values_at(parameters, path[1:]))
    return not path or any(values_at(parameters, path))


def values_at(value: Any, path: str) -> Iterator[Any]:
    """Yield what stands at a path in what botocore takes or gives, None where something is missing on the way.

    path: `A.B`, `A[].B` in each of a list that may be left out, `A[+].B` in each of a list that is not empty, `A?.B` in
    what may be left out.
    """
    name, _, rest = path.partition(".")
    inner = value.get(name.partition("[")[0].rstrip("?")) if isinstance(value, dict) else None
    if name.endswith("?"):
        yield from values_at(inner, rest) if inner is not None else ()
    elif name.endswith("[]"):
        for one in inner or ():
            yield from values_at(one, rest)
    elif name.endswith("[+]") and not rest:
        yield inner or None
    elif name.endswith("[+]"):
        for one in inner or (None,):
            yield from values_at(one, rest)
    elif rest:
        yield from values_at(inner, rest)
    else:
        yield inner


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as AWS takes them, in one order: the same tags give the same call."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
