"""A relay before a service that remembers what clients sent to the token endpoint, and tells how they authenticated."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import socket
import socketserver
import threading
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote_plus

_LINE = b"POST /auth/token HTTP/1.1\r\n"


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request for a token, as it was on the wire."""

    head: str
    body: dict[str, list[str]]

    def how(self, client_id: str, secret: str) -> str:
        """Return how the client authenticated itself, in the words of the page; raises ValueError for any other way."""
        basic = re.search(r"^authorization: basic (\S+)\r?$", self.head, re.IGNORECASE | re.MULTILINE)
        ways = []
        if basic is not None:
            sent = b64decode(basic[1]).decode()
            ways += ["Basic, as it is"] * (sent == f"{client_id}:{secret}")
            # Nothing but the colon between the two is left of what has to be encoded.
            encoded = bool(re.fullmatch(r"[\w.%+-]+:[\w.%+-]+", sent)) and "%" in sent
            ways += ["Basic, form-encoded"] * (encoded and unquote_plus(sent) == f"{client_id}:{secret}")
        ways += ["in the body"] * (
            self.body.get("client_secret") == [secret] and self.body.get("client_id") == [client_id]
        )
        ways += ["a signed assertion"] * ("client_assertion" in self.body)
        (way,) = ways
        return way


class Wire(socketserver.ThreadingTCPServer):
    """Passes bytes on in both directions; `asked` are the requests for tokens so far."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.behind = 0
        self.sent: list[bytearray] = []

    def asked(self) -> list[Asked]:
        """Return the requests for tokens since the last time, in the order of their connections."""
        taken, self.sent = self.sent, []
        return [asked for connection in taken for asked in _read(bytes(connection))]


def _read(data: bytes) -> Iterator[Asked]:
    while (start := data.find(_LINE)) >= 0:
        head, _, rest = data[start + len(_LINE) :].partition(b"\r\n\r\n")
        (length,) = re.findall(rb"^content-length: (\d+)\r?$", head, re.IGNORECASE | re.MULTILINE)
        yield Asked(head.decode(), parse_qs(rest[: int(length)].decode(), strict_parsing=True))
        data = rest[int(length) :]


class _Relay(socketserver.BaseRequestHandler):
    server: Wire

    def handle(self) -> None:
        seen = bytearray()
        self.server.sent.append(seen)
        with socket.create_connection(("127.0.0.1", self.server.behind)) as behind:
            back = threading.Thread(target=_pass_on, args=(behind, self.request, bytearray()))
            back.start()
            _pass_on(self.request, behind, seen)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket, seen: bytearray) -> None:
    with contextlib.suppress(OSError):  # one of the two has gone; the other is told below
        while data := source.recv(65536):
            seen += data
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relaying() -> Iterator[Wire]:
    """Relay for the length of a block; set `behind` before somebody connects."""
    with Wire() as wire:
        threading.Thread(target=wire.serve_forever, daemon=True).start()
        try:
            yield wire
        finally:
            wire.shutdown()
