"""Command lines to print: what others wrote stands in them as one word of a shell, and never as an option of it."""

from typing import TypeAlias

Option: TypeAlias = "str | bool | None | tuple[str, ...]"


def word(text: object) -> str:
    """Return a text as one word of a shell (bash, zsh, ksh), which can be printed and pasted.

    What can't be seen, or turns the line around, is written as octal escapes; bytes that are no UTF-8 (surrogates, as
    Python has them) are those bytes again. Source: bash(1) and POSIX.1-2024, "Dollar-Single-Quotes".
    """
    from shlex import quote

    said = str(text)
    if not said.isprintable():
        return f"$'{''.join(map(_escaped, said))}'"
    return f"'{said}'" if said.startswith("=") and quote(said) == said else quote(said)  # zsh looks =name up


def _escaped(char: str) -> str:
    if char.isprintable():
        return f"\\{char}" if char in "\\'" else char
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))


def line(*words: object) -> str:
    """Return a line of these words: `line("rm", path)`."""
    return " ".join(map(word, words))


def target(text: object) -> str:
    """Return a bare word, a `--` before it where it could be read as an option; it must end its command."""
    return f"-- {word(text)}" if is_like_option(str(text)) else word(text)


def command(name: str, *targets: object, **options: Option) -> str:
    """Return a line of Handrail: `command("ec2 stop", "web", region="eu-west-1")`.

    name: the words that call it, which nobody else wrote. targets: bare words. options: by their name with underscores;
    True is a switch, a tuple is given several times, None, False and () are left out.
    """
    said = [f"handrail {name}".strip()]
    words = [word(one) for one in targets]
    given = [text for option, value in options.items() for text in _given(option, value)]
    if any(is_like_option(str(one)) for one in targets):
        return " ".join([*said, *given, "--", *words])
    return " ".join([*said, *words, *given])


def option(name: str, value: str) -> str:
    """Return an option with its value: `--name web`, and `--name=-x` where the value looks like an option itself."""
    return f"{name}={word(value)}" if is_like_option(value) else f"{name} {word(value)}"


def _given(name: str, value: Option) -> tuple[str, ...]:
    written = f"--{name.replace('_', '-')}"
    if value is True:
        return (written,)
    values = (value,) if isinstance(value, str) else value or ()
    return tuple(option(written, one) for one in values)


def is_like_option(text: str) -> bool:
    """Return whether a bare word would be read as an option; a lone `-` is none."""
    return text.startswith("-") and text != "-"
