"""What a misspelt word was meant to be: the one rule for commands, options, keys, regions, types and profiles."""

from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str:
    """Return the one of `words` that `word` was probably meant to be, in whatever case it was written; else nothing."""
    from difflib import get_close_matches  # only what is misspelt needs it

    known = {one.lower(): one for one in words}
    return next((known[near] for near in get_close_matches(word.strip().lower(), known, n=1)), "")
