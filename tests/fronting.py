"""The server in this process, in front of an application of the test's own, for what needs short deadlines."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from falconbox.server import Server, listen
from waiting import PATIENCE

Application = Callable[[dict[str, Any], Any], list[bytes]]


@dataclasses.dataclass
class Running:
    """A running server, and the refusals it has written down: method, uri, code."""

    port: int
    refusals: list[tuple[str, str, str]]

    def connect(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def send(self, *parts: bytes) -> bytes:
        """Send bytes on a new connection, and return everything that comes until the server closes it."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return drained(connection)


def drained(connection: socket.socket) -> bytes:
    """Return what comes on a connection until the other side ends it."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            received += data
    return received


def statuses(answer: bytes) -> list[int]:
    """Return the status of every response in a stream."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) [A-Z][A-Za-z ]+\r\n", answer)]


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with the target and the size of the body."""
    body = environ["wsgi.input"].read()
    answer = f"{environ['REQUEST_METHOD']} {environ['REQUEST_URI']} {len(body)}\n".encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


@contextlib.contextmanager
def fronting(application: Application = echo, *, record: Callable[..., str] | None = None) -> Iterator[Running]:
    """Run a server for the length of a block."""
    refusals: list[tuple[str, str, str]] = []

    def write_down(method: str, uri: str, _address: str, _duration: int, *, code: str, detail: str) -> str:
        refusals.append((method, uri, code))
        return f"record-{len(refusals)}"

    listening = listen("127.0.0.1", 0)
    server = Server(application, listening, threads=4, record_refusal=record or write_down)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Running(listening.getsockname()[1], refusals)
    finally:
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()
