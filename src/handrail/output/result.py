"""Renders an Outcome: to stdout in table, JSON, CSV or YAML, or what --query finds in it; the rest goes to stderr."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from handrail.core.errors import Usage
from handrail.core.plan import Outcome, Result, Status
from handrail.core.resources import Resource
from handrail.output import query
from handrail.output.formats import (
    json_text,
    needs_ascii,
    values_of,
    write_csv,
    write_json,
    write_yaml,
    yaml_text,
)
from handrail.output.lines import block, escape, hang, sentence
from handrail.output.messages import Console
from handrail.output.table import cell, columns_of, grid, table, value_of
from handrail.output.values import MUTATION_KEYS, mutation, plain


def write_outcome(outcome: Outcome, console: Console, *, action: str, noun: str) -> None:
    """Write what an operation gave back.

    action, noun: the words of a mutation's JSON (`create`, `instance`). Rows are consumed once and, except for
    --query, one at a time. Raises Usage for a query that can't be answered; BrokenPipeError is the door's.
    """
    console.finish()
    style, rows = console.style, iter(outcome.rows)
    first = list(islice(rows, 1))
    outcome = replace(outcome, rows=chain(first, rows))
    plain_rows = _plain_rows(outcome.rows, console, action, noun)
    if outcome.text is not None:
        _write_document(outcome.text, console)
    elif style.query is not None:
        _write_answer(query.ask(style.query, _whole(outcome, plain_rows)), console)
    elif style.format == "table":
        _write_for_people(first, outcome, console)
    elif style.format == "csv":
        header = _header(first, outcome, noun)
        write_csv(header, values_of(header, plain_rows), console.out)
    elif outcome.many:
        write = write_json if style.format == "json" else write_yaml
        write(plain_rows, console.out)
    else:
        _write_value(_whole(outcome, plain_rows), console)
    console.out.flush()
    _write_rest(first, outcome, console)


def _write_document(text: str, console: Console) -> None:
    if console.style.query is not None:
        raise Usage("--query has nothing to look into: this result is a text.", hint="leave --query out")
    console.out.write(text)


# --- for programs


def _plain_rows(rows: Iterable[Any], console: Console, action: str, noun: str) -> Iterator[Any]:
    for row in rows:
        if isinstance(row, Result):
            yield mutation(row, console.where(), action, noun, console.style.redact)
        else:
            yield plain(row)


def _whole(outcome: Outcome, plain_rows: Iterable[Any]) -> Any:
    """Return all of an outcome at once: a list, or the one object of an operation that has one."""
    rows = list(plain_rows)
    if outcome.many or len(rows) > 1:
        return rows
    return rows[0] if rows else {}


def _write_value(value: Any, console: Console) -> None:
    if console.style.format == "yaml":
        console.out.write(yaml_text(value))
    else:
        console.out.write(json_text(value, ascii_only=needs_ascii(console.out)) + "\n")


def _header(first: Sequence[Any], outcome: Outcome, noun: str) -> Sequence[str]:
    """Return the keys of a CSV: those of the JSON, and of an empty list those that its rows would have had."""
    if first:
        return MUTATION_KEYS if isinstance(first[0], Result) else list(plain(first[0]))
    for known in Resource.kinds():
        if noun == known.KIND:
            return known.json_keys()
    return [key for _, key in outcome.columns]


# --- --query


def _write_answer(answer: Any, console: Console) -> None:
    style = console.style
    items = answer if isinstance(answer, list) else [answer]
    flat = not any(isinstance(item, list | dict) for item in items)
    if flat and not style.explicit:
        # Bare lines for a shell: null is nothing, among others an empty line.
        console.print([] if answer is None else (_raw(item) for item in items))
    elif not style.for_people:
        _write_value(answer, console)
    elif answer is not None:
        _write_grid(items, console)


def _write_grid(items: list[Any], console: Console) -> None:
    """Write objects under their keys; lists as bare rows; anything else as one cell each."""
    keys: list[str] = []
    if items and all(isinstance(item, dict) for item in items):
        keys = list(dict.fromkeys(key for item in items for key in item))
        rows = list(values_of(keys, items))
    else:
        rows = [item if isinstance(item, list) else [item] for item in items]
    if console.style.format == "csv":
        write_csv(keys, rows, console.out)
    else:
        cells = [[cell(value, "", "", console.style) for value in row] for row in rows]
        headings = [key.replace("_", " ").upper() for key in keys]
        console.print(grid(headings, cells, room=console.style.room(console.out)))


def _raw(value: Any) -> str:
    if value is None:
        return ""
    return escape(value) if isinstance(value, str) else json_text(value)


# --- for people


def _write_for_people(first: Sequence[Any], outcome: Outcome, console: Console) -> None:
    if first and isinstance(first[0], Result):
        _write_results(list(outcome.rows), console)
    elif not outcome.many:
        _write_object(first, outcome, console)
    elif first:
        columns = outcome.columns or columns_of(first[0])
        color, room = console.style.colors(console.out), console.style.room(console.out)
        console.print(table(columns, outcome.rows, console.style, color=color, room=room))


def _write_object(first: Sequence[Any], outcome: Outcome, console: Console) -> None:
    """Write one thing: its title, and its notes, or else its columns, as a block of labels."""
    style, room = console.style, console.style.room(console.out)
    facts = style.hiding(outcome.notes)
    if not facts:
        facts = [
            (heading.lower(), cell(value_of(row, key), heading, key, style))
            for row in first
            for heading, key in outcome.columns or columns_of(row)
        ]
    title = [sentence(style.redact(text))] if (text := outcome.sum_up()) else []
    console.print([*title, *block(facts, room)])


def _write_results(results: Sequence[Result], console: Console) -> None:
    if len(results) == 1 and results[0].notes:
        console.set_apart()
    for result in results:
        for warning in result.warnings:
            console.warn(warning)
        if result.error is not None:
            console.error(result.error)
        else:
            console.print(_result_lines(result, console))


def _result_lines(result: Result, console: Console) -> Iterator[str]:
    style, room = console.style, console.style.room(console.out)
    yield from hang("", sentence(style.redact(_said(result))), room)
    yield from block(style.hiding(result.notes), room)


def _said(result: Result) -> str:
    """Return the line of a target; whatever it says, an unchanged one says so."""
    target = result.name or result.id or "it"
    if result.status is Status.UNCHANGED:
        said = result.said or target
        return said if "already" in said or "unchanged" in said else f"{said} · unchanged"
    if result.status is Status.PLANNED:
        return result.said or f"{target} would be changed"
    return result.said or f"{target} is done"


# --- below the result, on stderr


def _write_rest(first: Sequence[Any], outcome: Outcome, console: Console) -> None:
    """Write warnings, and for people the failures that they saw in no row, and what is said below a list.

    A program gets one error object, which the door writes: it knows the exit code.
    """
    for warning in outcome.warnings:
        console.warn(warning)
    of_a_change = bool(first) and isinstance(first[0], Result)
    if console.style.for_people and (not of_a_change or console.style.query is not None):
        for error in outcome.failures:
            console.error(error)
    if console.style.format == "table" and console.style.query is None and (outcome.many or of_a_change):
        console.summarize("" if first else outcome.empty, outcome.sum_up, facts=outcome.notes)
