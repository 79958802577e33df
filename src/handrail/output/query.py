"""`--query`: a JMESPath expression over what the JSON would be. Loads jmespath only when one is given."""

from collections.abc import Mapping
from typing import Any

from handrail.core.errors import Usage

_HINT = "see https://jmespath.org, or leave --query out to see what it is asked of"


def check_query(expression: str) -> None:
    """Raise Usage, with the position, if an expression can't be read or calls an unknown function.

    A door calls it before the operation runs: a change must not be made and then go untold.
    """
    parsed = _compiled(expression).parsed
    try:
        names = _functions(parsed)
    except RecursionError:
        raise _too_deep(expression) from None
    for name in names:
        if name not in _known():
            position = expression.find(name)
            raise _bad(expression, f"unknown function {name}()", position)


def ask(expression: str, data: Any) -> Any:
    """Return what the expression finds in plain data. Raises Usage."""
    from jmespath.exceptions import JMESPathError

    check_query(expression)
    try:
        return _compiled(expression).search(data)
    except (JMESPathError, RecursionError) as error:
        raise _bad(expression, str(error)) from None


def _compiled(expression: str) -> Any:
    import jmespath
    from jmespath.exceptions import JMESPathError, LexerError, ParseError

    try:
        return jmespath.compile(expression)
    except LexerError as error:
        raise _bad(expression, error.message, error.lexer_position) from None
    except ParseError as error:
        reason = "it ends too early" if error.token_value is None else f"unexpected {error.token_value!r}"
        raise _bad(expression, reason, error.lex_position) from None
    except JMESPathError:
        raise _bad(expression, "it is empty", 0) from None
    except RecursionError:
        raise _too_deep(expression) from None


def _known() -> Mapping[str, Any]:
    from jmespath.functions import Functions

    table: Mapping[str, Any] = Functions.FUNCTION_TABLE
    return table


def _functions(node: Mapping[str, Any]) -> list[str]:
    own = [str(node["value"])] if node["type"] == "function_expression" else []
    return own + [name for child in node["children"] if isinstance(child, dict) for name in _functions(child)]


def _too_deep(expression: str) -> Usage:
    return _bad(expression[:60], "it is nested too deeply")


def _bad(expression: str, reason: str, position: int | None = None) -> Usage:
    place = "" if position is None else f" at character {position + 1}"
    pointer = "" if position is None else "\n" + " " * position + "^"
    return Usage(
        f"--query can't be answered: {reason}{place}.",
        hint=_HINT,
        facts=[("query", expression.replace("\n", " ") + pointer)],
        details={"query": expression, "position": position},
        code="bad_query",
    )
