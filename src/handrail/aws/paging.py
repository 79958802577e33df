"""Follows a listing of AWS from page to page to its end, and gives up one that does not go on.

botocore's paginators take the end of what was said for the end of the listing: where more is to come without a word on
from where, they stop as if that were all, and of pages that come again without end they only know a repeated token.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from handrail.core.errors import LISTING_STUCK, AwsFailure

Page = Mapping[str, Any]
PAGE = 1000  # what a page of EC2 and S3 has at most, and what S3 deletes in one call
EMPTY_PAGES = 200  # in a row; EC2 may answer with some where a filter leaves nothing of a page


def pages(
    ask: Callable[..., Page],
    call: Mapping[str, Any],
    tokens: Mapping[str, str],
    *items: str,
    truncated: str = "",
    optional: Sequence[str] = (),
) -> Iterator[Page]:
    """Yield the pages of a listing in their order.

    ask: makes the call, given its parameters. tokens: member of a page -> parameter of the next call. items: the
    members that hold what is listed. truncated: the member that says whether there is more; else a token does.
    optional: tokens that a page with more may lack. Raises AwsFailure where more is said to come without a token, where
    a token or a whole page comes again, and where nothing comes for too long.
    """
    asked, seen, empty, last = dict(call), set[str](), 0, list[Any]()
    while True:
        page = ask(**asked)
        listed = [page.get(name) or [] for name in items]
        yield page
        if not (page[truncated] if truncated else any(page.get(name) for name in tokens)):
            return
        if any(not page.get(name) for name in tokens if name not in optional):
            raise stuck(f"more is to come, and {' and '.join(tokens)} does not say from where")
        token = {parameter: page[name] for name, parameter in tokens.items() if page.get(name)}
        empty = 0 if any(listed) else empty + 1
        if repr(token) in seen or (any(listed) and listed == last) or empty == EMPTY_PAGES:
            raise stuck("the same page comes again" if empty < EMPTY_PAGES else f"{empty} pages in a row are empty")
        seen.add(repr(token))
        last = listed
        asked = {**{name: value for name, value in asked.items() if name not in tokens.values()}, **token}


def stuck(why: str) -> AwsFailure:
    """Return the error of a listing that does not go on."""
    return AwsFailure(
        f"the listing does not go on: {why}.",
        hint="repeat the command; if it stays so, what answers is not AWS, or has a fault",
        code=LISTING_STUCK,
    )
