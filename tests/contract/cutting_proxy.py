"""A TCP proxy that passes HTTP on, cuts chosen replies after the effect, or answers with an error of EC2 itself."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_ERROR = """<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>
<RequestID>2f7e3c1a-0000-4000-8000-000000000000</RequestID></Response>"""


def ec2_error(code: str, message: str, status: int = 400) -> bytes:
    """Return an error of EC2 as it stands on the wire. Source: EC2 API reference, "Error codes"."""
    body = _ERROR.format(code=code, message=message).encode()
    head = (
        f"HTTP/1.1 {status} Bad Request\r\nContent-Type: text/xml;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class CuttingProxy:
    """Stands before one server. cut: how many replies to each action (`RunInstances`) never arrive.

    answers: what an action is answered with instead of being passed on.
    """

    def __init__(self, endpoint: str, cut: dict[str, int], answers: dict[str, bytes] | None = None) -> None:
        self._answers = answers or {}
        parts = urlsplit(endpoint)
        self._server = (parts.hostname or "", parts.port or 80)
        self._cut, self._lock = dict(cut), threading.Lock()
        self.seen: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while request := read_message(client):
                once = b"HTTP/1.0\r\n" in request
                action = self._note(request)
                if action in self._answers:
                    client.sendall(self._answers[action])
                    continue
                with socket.create_connection(self._server) as server:
                    server.sendall(request)
                    reply = read_message(server, to_the_end=once)
                if self._is_cut(action):
                    return
                client.sendall(reply)
                if once:
                    return

    def _note(self, request: bytes) -> str:
        action = request.rpartition(b"Action=")[2].split(b"&")[0].decode(errors="replace")
        with self._lock:
            self.seen.append(action)
        return action

    def _is_cut(self, action: str) -> bool:
        with self._lock:
            left = self._cut.get(action, 0)
            self._cut[action] = left - 1
        return left > 0


def read_message(connection: socket.socket, *, to_the_end: bool = False) -> bytes:
    """Return one HTTP message, headers and body; empty where the other side has closed.

    to_the_end: the end of the connection ends the message, as HTTP/1.0 has it.
    """
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    while to_the_end and (more := connection.recv(65536)):
        data += more
    if to_the_end:
        return data
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = (int(lengths[0]) if lengths else 0) - len(body)
    while missing > 0:
        more = connection.recv(65536)
        data, missing = data + more, missing - len(more)
    return data


@contextmanager
def cutting(endpoint: str, **cut: int) -> Iterator[CuttingProxy]:
    """Run a proxy before `endpoint` that cuts so many replies to each named action."""
    with _running(CuttingProxy(endpoint, cut)) as proxy:
        yield proxy


@contextmanager
def answering(endpoint: str, **answers: bytes) -> Iterator[CuttingProxy]:
    """Run a proxy before `endpoint` that answers the named actions itself."""
    with _running(CuttingProxy(endpoint, {}, answers)) as proxy:
        yield proxy


@contextmanager
def _running(proxy: CuttingProxy) -> Iterator[CuttingProxy]:
    try:
        yield proxy
    finally:
        proxy.close()
