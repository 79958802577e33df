"""The kinds of fault: what arrives instead of an answer of AWS. `kinds_of(exchange)` are those that fit a reply."""

import gzip
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.etree import ElementTree

from botocore.session import get_session

from handrail.aws.service import Answer, find_service
from ledger.proxies import Exchange, Spoil
from wire import Reply

PAGE = b"<html><head><title>Sign in</title></head><body>Sign in to the guest network\x1b[31m</body></html>"
_HTML = {"Content-Type": "text/html"}
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Kind:
    """One kind of fault. every: at all attempts from the first on: it is known to be tried again.

    slow: it costs much, and the call does not matter to it. waits: until the call is given up. is_answer: it is one all
    the same, and may be believed.
    """

    name: str
    how: Spoil
    every: bool = False
    slow: bool = False
    waits: bool = False
    is_answer: bool = False


def _page(status: int) -> Spoil:
    return lambda exchange: Reply(status, _HTML, b"" if exchange.is_head else PAGE)


def _empty(exchange: Exchange) -> Reply:
    return Reply(200, {"Content-Type": exchange.reply.headers.get("Content-Type", "text/xml")}, b"")


def _endless(exchange: Exchange) -> Reply:
    def body() -> Iterator[bytes]:
        while True:
            yield b"<a/>" * 65536

    return Reply(200, {"Content-Type": "text/xml"}, parts=body())


def _drip(exchange: Exchange) -> Reply:
    def body() -> Iterator[bytes]:
        for _ in range(600):
            yield b" "
            time.sleep(0.1)

    return Reply(200, {"Content-Type": "text/xml"}, parts=body())


def _long(exchange: Exchange) -> Reply:
    """Say that a gigabyte comes, and send as much of it as is read."""
    body = (b" " * MEBIBYTE for _ in range(1024))
    return Reply(200, {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(1 << 30)}, parts=body)


def _small_for_large(exchange: Exchange) -> Reply:
    """Return a page of a kilobyte that is a megabyte once it is unpacked, time and again."""
    return Reply(200, {"Content-Type": "text/xml", "Content-Encoding": "gzip, gzip"}, _packed())


@cache
def _packed() -> bytes:
    return gzip.compress(gzip.compress(b"<a/>" * (8 * MEBIBYTE), 1))


def _bomb(exchange: Exchange) -> Reply:
    """Return XML with AWS's own root whose text is 3 GB once its entities are put in (billion laughs)."""
    root = (row_of(*_service_and_call(exchange)).roots or "Error").split()[0]
    entities = [b'<!ENTITY l0 "lol">', *(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))]
    body = b"<?xml version='1.0'?><!DOCTYPE a [%s]><%b>&l9;</%b>" % (b"".join(entities), *[root.encode()] * 2)
    return Reply(200, {"Content-Type": "text/xml"}, body)


def _moved(status: int) -> Spoil:
    """Return a reply of S3 that says the bucket is elsewhere, and not where."""
    error = b"<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>"
    headers = {"Content-Type": "application/xml", "x-amz-request-id": "r"}
    return lambda exchange: Reply(status, headers, b"" if exchange.is_head else error)


def _in_a_circle(exchange: Exchange) -> Reply:
    return Reply(307, {"Content-Type": "text/html", "Location": "/"}, b"")


def _no_http(exchange: Exchange) -> Reply:
    return Reply(0, {}, b"\x00\xff SSH-2.0 <html>\r\n" * 100, ())


def _wait_for_more(exchange: Exchange) -> Reply:
    """Ask for patience without end (RFC 9110, 15.2)."""

    def body() -> Iterator[bytes]:
        while True:
            yield b"HTTP/1.1 100 Continue\r\n\r\n"
            time.sleep(0.01)

    return Reply(0, {}, parts=body())


def _json(text: bytes) -> Spoil:
    return lambda exchange: exchange.reply.saying(headers=_unchecked(exchange.reply), body=text)


def _unchecked(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name.lower() != "x-amz-crc32"}


def _without_header(*names: str) -> Spoil:
    def spoil(exchange: Exchange) -> Reply:
        headers = {name: value for name, value in exchange.reply.headers.items() if name.lower() not in names}
        return exchange.reply.saying(headers=headers)

    return spoil


def _without_element(name: str) -> Spoil:
    """Leave out every element of a name; it may hold others of other names."""
    pattern = re.compile(rb"<%b(\s[^>]*)?/>|<%b(\s[^>]*)?>.*?</%b>" % ((name.encode(),) * 3), re.DOTALL)
    return lambda exchange: exchange.reply.saying(body=pattern.sub(b"", exchange.reply.body))


def _without_key(name: str) -> Spoil:
    def strip(value: object) -> object:
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if key != name}
        return [strip(one) for one in value] if isinstance(value, list) else value

    def spoil(exchange: Exchange) -> Reply:
        body = json.dumps(strip(json.loads(exchange.reply.body))).encode()
        return exchange.reply.saying(headers=_unchecked(exchange.reply), body=body)

    return spoil


def _again(exchange: Exchange) -> Reply:
    """Give the same page for ever."""
    text, headers = exchange.reply.body, _unchecked(exchange.reply)
    if exchange.call.name.startswith("dynamodb"):
        body = {**json.loads(text), "LastEvaluatedKey": {"pk": {"S": "a"}, "sk": {"S": "b"}}}
        return exchange.reply.saying(headers=headers, body=json.dumps(body).encode())
    return exchange.reply.saying(body=_put(_truncated(text), *_TOKENS[exchange.call.name]))


def _no_token(exchange: Exchange) -> Reply:
    return exchange.reply.saying(body=_truncated(exchange.reply.body))


def _about_another(exchange: Exchange) -> Reply:
    name = _ECHOES[exchange.call.name].encode()
    body = re.sub(rb"<%b>([^<]*)<" % name, rb"<%b>\g<1>0<" % name, exchange.reply.body)
    return exchange.reply.saying(body=body)


def _of_another_key(exchange: Exchange) -> Reply:
    """Give rows of another key; whoever asks for all rows gets such as have no key."""
    pattern, instead = (rb'("[ps]k": ?\{"S": ?")', rb"\1~")
    if exchange.call.name == "dynamodb:Scan":
        pattern, instead = (rb'("[ps]k": ?)\{"S": ?"[^"]*"\}', rb'\1{"NULL": true}')
    body = re.sub(pattern, instead, exchange.reply.body)
    return exchange.reply.saying(headers=_unchecked(exchange.reply), body=body)


def _not_done(exchange: Exchange) -> Reply:
    text = exchange.reply.body
    end = text.rindex(b"</")
    return exchange.reply.saying(body=text[:end] + b"<return>false</return>" + text[end:])


def _truncated(text: bytes) -> bytes:
    return text.replace(b"<IsTruncated>false", b"<IsTruncated>true")


def _put(text: bytes, *names: str) -> bytes:
    tokens = "".join(f"<{name}>1</{name}>" for name in names)
    end = text.rindex(b"</")
    return text[:end] + tokens.encode() + text[end:]


_TOKENS: Mapping[str, tuple[str, ...]] = {
    "ec2:DescribeInstances": ("nextToken",),
    "ec2:DescribeImages": ("nextToken",),
    "ec2:DescribeInstanceTypes": ("nextToken",),
    "s3:ListBuckets": ("ContinuationToken",),
    "s3:ListObjectsV2": ("NextContinuationToken",),
    "s3:ListObjectVersions": ("NextKeyMarker", "NextVersionIdMarker"),
    "s3:ListMultipartUploads": ("NextKeyMarker", "NextUploadIdMarker"),
    "s3:ListParts": ("NextPartNumberMarker",),
}
_ECHOES = {  # what says in the reply to a change what it is about
    "ec2:RunInstances": "clientToken",
    "ec2:StartInstances": "instanceId",
    "ec2:StopInstances": "instanceId",
    "ec2:TerminateInstances": "instanceId",
}
_SAY_RETURN = tuple(
    f"ec2:{call}" for call in ("CreateTags", "DeleteTags", "ModifyInstanceAttribute", "RebootInstances")
)
_TABLES = ("dynamodb:Query", "dynamodb:Scan")


# What a hostile or broken server sends. They take long, and none of them depends on the call: some calls are enough.
_BROKEN: Mapping[str, Spoil] = {"no HTTP": _no_http, "in a circle": _in_a_circle}
_SLOW: Mapping[str, Spoil] = {"drip": _drip, "100 for ever": _wait_for_more}
_LARGE: Mapping[str, Spoil] = {"endless": _endless, "1 GiB": _long, "gzip": _small_for_large, "bomb": _bomb}


def kinds_of(exchange: Exchange) -> list[Kind]:
    """Return every kind of fault that a reply can have; none of what a command does only where it takes long."""
    if not exchange.call.is_ours:
        return []
    text = exchange.reply.body
    kinds = [
        Kind("foreign page", _page(200)),
        Kind("empty 200", _empty),
        Kind("foreign 403", _page(403)),
        Kind("foreign 404", _page(404)),
        Kind("foreign 502", _page(502), every=True),
        Kind("foreign 302", _page(302)),
        *(Kind(name, how, every=True, slow=True) for name, how in _BROKEN.items()),
        *(Kind(name, how, every=True, slow=True, waits=True) for name, how in _SLOW.items()),
    ]
    if not exchange.is_head:
        kinds += [Kind(name, how, slow=True) for name, how in _LARGE.items()]
    if exchange.call.name.startswith("s3:"):
        kinds += [Kind(f"moved {status}", _moved(status), slow=True) for status in (301, 307)]
    if text.startswith(b"{") and exchange.reply.status == 200 and "policy" not in exchange.call.name.lower():
        deep = b"[" * 100_000
        kinds += [Kind(f"JSON {what[:4].decode()}", _json(what)) for what in (b"null", b"[]", b"1", b"{", deep)]
    if _has_members(exchange):
        kinds.append(Kind("only what is needed", _only_needed, every=True, is_answer=True))
    kinds += [Kind(f"without {name}", how) for name, how in _members(exchange)]
    kinds += _about_others(exchange)
    if exchange.call.name in _TOKENS or exchange.call.name in _TABLES:
        kinds.append(Kind("same token", _again, every=True))
    if b"<IsTruncated>false" in text:
        kinds.append(Kind("no token", _no_token))
    return kinds


def _about_others(exchange: Exchange) -> Iterator[Kind]:
    """Yield the faults of a reply that is AWS's in its form, and not about what was asked."""
    if exchange.call.name in _SAY_RETURN:
        yield Kind("not done", _not_done)
    if re.search(rb'"pk": ?\{', exchange.reply.body):
        yield Kind("of another key", _of_another_key)
    if exchange.call.name in _ECHOES:
        yield Kind("about another", _about_another)


def _service_and_call(exchange: Exchange) -> tuple[str, str]:
    service, _, call = exchange.call.name.partition(":")
    return service, call


def row_of(service: str, call: str) -> Answer:
    """Return what a call is answered with."""
    row = find_service(service).answer(call)
    assert row is not None, f"nothing says what answers {service}:{call}"
    return row


def _has_members(exchange: Exchange) -> bool:
    row = row_of(*_service_and_call(exchange))
    is_form = bool(row.roots) or not (row.document or row.bare or row.dated)  # a row of the ledger is its writer's
    return is_form and exchange.reply.status < 300


def _only_needed(exchange: Exchange) -> Reply:
    """Leave out every member but those without which the reply means nothing: all others are optional."""
    service, call = _service_and_call(exchange)
    names, text = _names_needed(service, call), exchange.reply.body
    if text.startswith(b"{"):
        return exchange.reply.saying(
            headers=_unchecked(exchange.reply), body=json.dumps(_stripped(json.loads(text), names)).encode()
        )
    root = ElementTree.fromstring(text)
    _strip_element(root, names)
    return exchange.reply.saying(body=ElementTree.tostring(root))


def _stripped(value: object, names: set[str]) -> object:
    if isinstance(value, list):
        return [_stripped(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    rows = ("Items", "Item")  # what is in a row is its writer's, and no member
    return {key: one if key in rows else _stripped(one, names) for key, one in value.items() if key in names}


def _strip_element(element: ElementTree.Element, names: set[str]) -> None:
    for child in list(element):
        name = child.tag.rpartition("}")[2]
        if name in names or name.endswith("Result"):
            _strip_element(child, names)
        else:
            element.remove(child)


@cache
def _names_needed(service: str, call: str) -> set[str]:
    """Return the names on the wire of all members that a call's row needs, and of what holds them."""
    ways = [_way(service, call, path) for path in row_of(service, call).needs.split()]
    return {"item", "member"}.union(*(names for way in ways for names in way))


@cache
def _way(service: str, call: str, path: str) -> list[list[str]]:
    """Return the names that each member on a path may have on the wire; of a list also the name of what it holds."""
    shape: Any = get_session().get_service_model(service).operation_model(call).output_shape
    way = []
    for part in path.split("."):
        name = re.sub(r"[\[\]+?]", "", part)
        if shape.type_name == "map":  # a row of the ledger
            break
        shape = shape.members[name]
        names = [shape.serialization.get("name", name), name]
        while shape.type_name == "list":
            shape = shape.member
            names.append(shape.serialization.get("name", "member"))
        way.append(names)
    return way


_REQUEST_IDS = ("x-amzn-requestid", "x-amz-request-id", "x-amz-id-2")


def _member_of_refusal(exchange: Exchange) -> tuple[str, Spoil]:
    """Return that without which a refusal means nothing: its code, or of what has no body, its request id."""
    if not exchange.reply.body:
        return "request id", _without_header(*_REQUEST_IDS)
    if exchange.reply.body.startswith(b"{"):
        return "__type", _without_key("__type")
    return "Code", _without_element("Code")


def _members(exchange: Exchange) -> Iterator[tuple[str, Spoil]]:
    """Yield each member that a reply has of those without which it means nothing, and how it is left out."""
    service, call = _service_and_call(exchange)
    row, text = row_of(service, call), exchange.reply.body
    if exchange.reply.status >= 300:
        yield _member_of_refusal(exchange)
        return
    if row.dated:
        yield "Date", _without_header("date")
    if row.bare or row.document or (row.dated and not row.roots):
        yield "request id", _without_header(*_REQUEST_IDS)
    for path in row.needs.split():
        name = re.sub(r"[\[\]+?]", "", path.rpartition(".")[2])
        if row.bare:
            yield path, _without_header(_way(service, call, path)[-1][0].lower())
        elif name in ("pk", "sk") or not row.roots:
            if f'"{name}"'.encode() in text:
                yield path, _without_key(name)
        elif element := _element_at(text, _way(service, call, path)):
            yield path, _without_element(element)


def _element_at(text: bytes, way: list[list[str]]) -> str:
    """Return the element at the end of a path, empty where a reply has not all that is on it."""
    found = [next((one for one in names if _has(text, one)), "") for names in way]
    return found[-1] if all(found) else ""


def _has(text: bytes, element: str) -> bool:
    return re.search(rb"<%b[\s/>]" % element.encode(), text) is not None
