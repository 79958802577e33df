"""Judges whether a reply is an answer of AWS; whatever is less than the row of its call says is nobody's answer.

A captive portal, a proxy or a cut line replies as well, often with 200. A reply counts only if it is what that very
call is answered with: its root element or JSON object, *and* the members without which it means nothing. Readers in
`aws/` take for granted what the row of their call names (`Service.answers`); all else is optional. A refusal counts
only in AWS's own form: without that it says nothing of what exists, what is free, or who may do what.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from handrail.aws.service import Answer, find_service, values_at
from handrail.core.fields import show

_MAY_BE_EMPTY = ("ClientToken",)
_REQUEST_IDS = ("x-amz-request-id", "x-amzn-requestid", "x-amzn-request-id", "x-amz-id-2")
_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?[^>]*\?>\s*|<!--.*?-->\s*)*<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL)
# What EC2 answers a change with that has nothing else to say; of one that was not made it sends an error.
_NOT_DONE = re.compile(rb"<return>\s*(?!true\b)", re.IGNORECASE)
_ERROR_ROOTS = ("Error", "Response", "ErrorResponse")


def lacks(service: str, call: str, reply: Any, parsed: Any, *, head: bool) -> str:
    """Return what keeps a reply from being AWS's answer to a call, in words; empty where nothing does.

    service, call: as botocore names them. reply: status_code, headers and content of what came. parsed: what botocore
    made of it; truth values that it misread are put right. head: it was a HEAD, which has no body.
    """
    if not isinstance(parsed, dict):
        return "it is no object"
    known = find_service(service)
    if reply.status_code >= 300:
        return _lacks_of_refusal(reply, parsed, head=head, ours=bool(known.answers))
    row = known.answer(call)
    if row is None and known.answers:
        return "nothing here says what answers it"
    if row is None:  # of the clients that botocore makes by itself for credentials: they speak JSON
        return "" if _is_object(reply.content) else "it is no whole JSON object"
    return _lacks_of_form(row, reply) or _lacks_of_members(row, reply, parsed)


def lacks_of_stream(reply: Any) -> str:
    """Return, as `lacks` does, what keeps a reply from being AWS's whose body is read later."""
    return "" if _is_signed(reply) else "it has no request id of AWS"


def _lacks_of_refusal(reply: Any, parsed: Mapping[str, Any], *, head: bool, ours: bool) -> str:
    if reply.status_code < 400 and not (
        reply.headers.get("x-amz-bucket-region") or parsed.get("Error", {}).get("Region")
    ):
        return "it sends elsewhere, and does not say where"
    if head:
        return "" if _is_signed(reply) else "it has no request id of AWS"
    code = str(parsed.get("Error", {}).get("Code") or "")
    if not code or code == str(reply.status_code):
        return "it has no error code of AWS"
    root = _ROOT.match(reply.content)
    if root is not None:
        return "" if root[1].decode() in _ERROR_ROOTS else f"it is a <{_word(root[1])}>, and no error of AWS"
    return "" if not ours or _is_signed(reply) or "amz-json" in _kind(reply) else "it has no request id of AWS"


def _lacks_of_form(row: Answer, reply: Any) -> str:
    if row.roots:
        root = _ROOT.match(reply.content)
        name = _word(root[1]) if root else ""
        if name not in row.roots.split():
            return f"it is {f'a <{name}>' if name else 'no XML'}, and no <{row.roots.split()[0]}>"
        return "it says that it was not done" if _NOT_DONE.search(reply.content) else ""
    if (row.bare or row.document or row.dated) and not _is_signed(reply):
        return "it has no request id of AWS"
    if row.bare:
        return "it is a page" if reply.content.lstrip()[:1] == b"<" else ""
    if row.document:
        return "" if _is_object(reply.content, "Statement") else "it is no policy document"
    return "" if "json" in _kind(reply) and _is_object(reply.content) else "it is no whole JSON object"


def _lacks_of_members(row: Answer, reply: Any, parsed: dict[str, Any]) -> str:
    for name in row.truths.split():
        said = re.findall(rb"<%b>\s*(\w*)\s*</%b>" % (name.encode(), name.encode()), reply.content)
        if len(said) != 1 or said[0].lower() not in (b"true", b"false"):
            return f"{name} says neither true nor false"
        holder = next((one for one in (parsed, *parsed.values()) if isinstance(one, dict) and name in one), parsed)
        holder[name] = said[0].lower() == b"true"
    for path in row.needs.split():
        if any(
            value is None or (value == "" and not path.endswith(_MAY_BE_EMPTY)) for value in values_at(parsed, path)
        ):
            return f"{re.sub('[^A-Za-z.]', '', path)} is missing"
    if row.counted and parsed["Count"] != len(parsed[row.counted]):
        return f"Count says {parsed['Count']}, and {len(parsed[row.counted])} came"
    return "its Date can't be read" if row.dated and date_of(reply.headers) is None else ""


def date_of(headers: Mapping[str, str]) -> int | None:
    """Return the Date of a reply (RFC 9110, 6.6.1) in epoch seconds, None where it has none that can be read."""
    try:
        moment = parsedate_to_datetime(headers.get("date", ""))
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _is_signed(reply: Any) -> bool:
    return any(reply.headers.get(name) for name in _REQUEST_IDS)


def _is_object(content: bytes, member: str = "") -> bool:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and (not member or member in found)


def _kind(reply: Any) -> str:
    return str(reply.headers.get("content-type", "")).lower()


def _word(root: bytes) -> str:
    return root.decode(errors="replace")[:40]


def words_of(reply: Any) -> str:
    """Return what came in a few words, for a person: status, media type, and how the text begins.

    The text of a page only: of a reply that is nearly AWS's it may hold a credential.
    """
    kind = _kind(reply).partition(";")[0]
    text = re.sub(r"<[^>]*>?", " ", reply.content[:2000].decode(errors="replace")) if kind in _PAGES else ""
    begins = " ".join(text.split())[:60]
    return f"{reply.status_code}, {show(kind or 'no content type')[1:-1]}" + (f", {show(begins)}" if begins else "")


_PAGES = ("text/html", "text/plain", "application/xhtml+xml")
