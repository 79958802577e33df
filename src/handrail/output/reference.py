"""The reference pages, as Markdown, drawn from the values that the program itself runs on. Writes no file."""

import datetime
import types
from collections.abc import Iterable, Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

from handrail.core.errors import HandrailError
from handrail.core.fields import Field, Type
from handrail.core.operation import Effect, Operation
from handrail.core.resources import Resource
from handrail.output.values import MUTATION_KEYS

_GENERATED = "<!-- Generated from the code; change it there. -->"

_EFFECTS = {
    Effect.READ: "changes nothing in AWS",
    Effect.CHANGE: "changes something in AWS",
    Effect.DESTROY: "destroys something in AWS",
    Effect.LOCAL: "touches only this machine",
}

_TYPES: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    datetime.datetime: "time (ISO 8601, UTC)",
    types.NoneType: "null",
    Any: "any",
}


def commands_page(operations: Sequence[Operation]) -> str:
    """Return every command, in the order handed in, a heading for each resource and each command."""
    parts: list[str] = ["# Commands", _GENERATED]
    for resource in dict.fromkeys(operation.resource for operation in operations):
        parts.append(f"## `handrail {resource}`" if resource else "## `handrail`")
        parts += [command_section(operation) for operation in operations if operation.resource == resource]
    return _page(parts)


def command_section(operation: Operation) -> str:
    """Return one command: what it does, how it is written, its options, an example, permissions and effect."""
    parts = [
        f"### `{operation.name}`",
        operation.help,
        f"```\n{synopsis(operation)}\n```",
    ]
    if operation.aliases:
        parts.append("Also: " + ", ".join(f"`{alias}`" for alias in operation.aliases) + ".")
    if operation.fields:
        rows = [(_written(field), _takes(field), _default(field), field.help) for field in operation.fields]
        parts.append(markdown_table(("Option", "Value", "Default", "Meaning"), rows))
    parts.append(f"Example:\n\n```\n{operation.example}\n```")
    allowed = ", ".join(f"`{name}`" for name in operation.permissions) or "none"
    parts.append(f"- Effect: {_effect(operation)}.\n- IAM permissions: {allowed}.")
    return "\n\n".join(parts)


def _effect(operation: Operation) -> str:
    effect = _EFFECTS[operation.effect]
    return f"{effect}; `--dry-run` shows what, and changes nothing" if operation.has_dry_run else effect


def synopsis(operation: Operation) -> str:
    """Return how a command is written: `handrail ec2 delete TARGET... [OPTIONS]`."""
    words = ["handrail", operation.name]
    for field in operation.fields:
        if field.positional:
            word = field.option + ("..." if field.many else "")
            words.append(word if field.required else f"[{word}]")
        elif field.required:
            words.append(f"{field.option} {field.metavar or _placeholder(field)}")
    if any(not field.positional and not field.required for field in operation.fields):
        words.append("[OPTIONS]")
    return " ".join(words)


def errors_page(root: type[HandrailError] = HandrailError) -> str:
    """Return the exit codes, and the tree of errors with the `code` of each in the JSON."""
    tree = list(_tree(root, 0))
    meanings: dict[int, list[str]] = {0: ["Done, or already so."]}
    for error, depth in tree:
        if depth == 1:
            meanings.setdefault(error.exit_code, []).append(_first_line(error))
    codes = [(f"`{code}`", " ".join(meanings[code])) for code in sorted(meanings)]
    rows = [
        ("&nbsp;&nbsp;" * (depth - 1) + error.__name__, f"`{error.code}`", f"`{error.exit_code}`", _first_line(error))
        for error, depth in tree
        if depth
    ]
    return _page(
        [
            "# Exit codes and errors",
            _GENERATED,
            "## Exit codes",
            _table(("Exit code", "Meaning"), codes),
            "## Errors",
            "With `-o json` an error is one object on stderr, on its last line: "
            '`{"error": {"code", "message", "hint", "details"}}`.',
            _table(("Error", "`code`", "Exit code", "Meaning"), rows),
        ]
    )


def policy_page(keys: Iterable[tuple[str, str, str, str, str, str]]) -> str:
    """Return the policy keys: rows of (key, kind, value in strict, value in open, help, what a found file can do)."""
    rows = list(keys)
    table = [(_code(key), kind, _code(strict), _code(opened), text) for key, kind, strict, opened, text, _ in rows]
    found = [(_code(key), can) for key, *_, can in rows]
    return _page(
        [
            "# Policy keys",
            _GENERATED,
            markdown_table(("Key", "Kind", "`strict`", "`open`", "Meaning"), table),
            "## In a file that was found",
            "What each key can do in a `handrail.toml` that was merely found in or above the working folder, next to "
            "the policy that holds without it.",
            markdown_table(("Key", "There"), found),
        ]
    )


def settings_page(settings: Iterable[tuple[str, str, str, str]]) -> str:
    """Return the settings: rows of (option, environment variable, default, help)."""
    rows = [(_code(option), _code(variable), _code(default), text) for option, variable, default, text in settings]
    table = markdown_table(("Option", "Variable", "Default", "Meaning"), rows)
    return _page(["# Settings", _GENERATED, table])


def shapes_page(resources: Iterable[type[Resource]]) -> str:
    """Return the keys and types of the JSON of each resource, and of what a change gives back."""
    parts = [
        "# JSON shapes",
        _GENERATED,
        "A list gives an array, and so does a change that takes many targets; anything else gives one object. "
        "Keys may be added; the ones below stay.",
        "## A change",
        ", ".join(f"`{key}`" for key in MUTATION_KEYS) + ". `error` is there only if it failed.",
    ]
    for resource in resources:
        hints = get_type_hints(resource)
        rows = [(f"`{key}`", type_words(hints[key])) for key in resource.json_keys()]
        parts += [f"## {resource.KIND}", _first_line(resource), _table(("Key", "Type"), rows)]
    return _page(parts)


def type_words(hint: Any) -> str:
    """Return a type in words: `text or null`, `list of text`, `object of text`."""
    if hint in _TYPES:
        return _TYPES[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(type_words(part) for part in inner)
    if origin in (list, tuple, frozenset, set):
        return f"list of {type_words(inner[0])}"
    if origin is dict:
        return f"object of {type_words(inner[1])}"
    return "object"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table of texts in which angle brackets mean themselves."""
    return _table(head, [[_plain_markdown(cell) for cell in row] for row in rows])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_one_cell(cell) for cell in line) + " |" for line in lines)


def _one_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _plain_markdown(text: str) -> str:
    return text if text.startswith("`") else text.replace("<", "&lt;")


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _tree(error: type[HandrailError], depth: int) -> Iterable[tuple[type[HandrailError], int]]:
    yield error, depth
    for child in error.__subclasses__():
        # A subclass of somebody else (a test, a plugin) is no part of the contract.
        if child.__module__ == error.__module__:
            yield from _tree(child, depth + 1)


def _first_line(documented: type) -> str:
    return (documented.__doc__ or "").strip().partition("\n")[0]


def _placeholder(field: Field[Any]) -> str:
    return "FILE" if field.type is Type.FILE else field.name.upper()


def _written(field: Field[Any]) -> str:
    negative = (f"--{field.negative}",) if field.negative else ()
    return ", ".join(f"`{name}`" for name in (*field.options, *negative))


def _takes(field: Field[Any]) -> str:
    many = ", many" if field.many else ""
    if field.type is Type.CHOICE:
        return " or ".join(field.choices) + many
    if field.type is Type.NUMBER and field.minimum is not None:
        bounds = f"{field.minimum} or more" if field.maximum is None else f"{field.minimum} to {field.maximum}"
        return f"number, {bounds}{many}"
    return str(field.type.value) + many


def _default(field: Field[Any]) -> str:
    if field.required:
        return "required"
    if field.default in (None, False, ()):
        return ""
    return f"`{field.default}`"
