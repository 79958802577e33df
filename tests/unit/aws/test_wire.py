"""How a reply is read, within its terms in time and in size; tests/answers has servers that do not keep to them."""

import io
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from handrail.aws.unanswered import NotAwsError
from handrail.aws.wire import Terms, TooLargeError, _Endpoint, _Socket

MODEL = SimpleNamespace(name="DescribeInstances", has_streaming_output=False)
REQUEST = {"url": "http://127.0.0.1:1/", "context": {}}


@pytest.fixture
def pair() -> Iterator[tuple[_Socket, socket.socket]]:
    """Return a watched socket, and its other end."""
    mine, theirs = socket.socketpair()
    yield _Socket(mine), theirs
    mine.close()
    theirs.close()


def test_a_reply_is_given_up_at_its_moment(pair: tuple[_Socket, socket.socket]) -> None:
    sock, theirs = pair
    theirs.sendall(b"there")
    sock.expect(Terms(patience=1, until=time.monotonic() - 1))
    with pytest.raises(TimeoutError, match="did not end in time"):
        sock.makefile("rb", 0).readinto(bytearray(10))


def test_a_reply_is_given_up_at_its_size(pair: tuple[_Socket, socket.socket]) -> None:
    sock, theirs = pair
    theirs.sendall(b"there")
    sock.expect(Terms(patience=60, until=None, largest=4))
    with pytest.raises(TooLargeError):
        sock.makefile("rb", 0).readinto(bytearray(10))


def test_without_terms_whatever_comes_is_read(pair: tuple[_Socket, socket.socket]) -> None:
    sock, theirs = pair
    sock.expect(None)
    theirs.sendall(b"there")
    theirs.shutdown(socket.SHUT_WR)
    stream = sock.makefile()
    assert isinstance(stream, io.BufferedReader)
    assert stream.read() == b"there"
    assert sock.gettimeout() is None


class Broken:
    """botocore's endpoint whose call fails, with or without a reply that came before."""

    def __init__(self, came: Any) -> None:
        self.http_session, self._came = SimpleNamespace(send=lambda _request: came, name="its session"), came

    def make_request(self, _model: Any, _request: Any) -> Any:
        if self._came is not None:
            self.http_session.send(SimpleNamespace(stream_output=False))
        raise KeyError("Reservations")


def test_what_goes_wrong_before_anything_came_is_no_fault_of_an_answer() -> None:
    endpoint = _Endpoint(Broken(None))
    with pytest.raises(KeyError):
        endpoint.make_request(MODEL, REQUEST)


def test_what_goes_wrong_over_a_reply_is_said_of_it() -> None:
    came = SimpleNamespace(status_code=200, headers={}, content=b"<html/>")
    endpoint = _Endpoint(Broken(came))
    with pytest.raises(NotAwsError, match="it can't be read"):
        endpoint.make_request(MODEL, REQUEST)
    assert endpoint.http_session.name == "its session"
