"""Properties of what reads an HTTP message: its head, a chunked body, and the Forwarded field.

Each function takes any bytes. It lets the documented refusal pass and raises AssertionError for a broken property;
whatever else it raises is a finding too.
"""

from __future__ import annotations

import ipaddress
import itertools
from typing import Any

import h11
from refusals import attempt
from waitress.buffers import OverflowableBuffer

from falconbox.forwarded import FORWARDED, Proxies
from falconbox.server.chunks import Chunks
from falconbox.server.head import read_head
from falconbox.server.refusal import Refused

LIMIT = 10_000
_PROXIES = Proxies([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")], [FORWARDED])


def head(data: bytes) -> None:
    """What is read is what another reader of HTTP/1.1 sees, and nothing in it can end a line."""
    message = data + b"\r\n\r\n"
    message = message[: message.index(b"\r\n\r\n") + 4]
    try:
        read = read_head(message)
    except Refused as refusal:
        assert 400 <= refusal.status < 600
        assert refusal.detail
        return
    assert not any(set("\r\n\0") & set(value) for value in read.fields.values())
    event: Any = h11.Connection(h11.SERVER)
    event.receive_data(message)
    seen = event.next_event()
    assert isinstance(seen, h11.Request)
    assert (seen.method.decode(), seen.target.decode(), seen.http_version.decode()) == (
        read.method,
        read.target,
        read.version,
    )
    told: dict[str, str] = {}
    for name, value in seen.headers:
        key = name.decode().upper().replace("-", "_")
        if b"_" not in name:
            told[key] = f"{told[key]}, {value.decode('latin-1')}" if key in told else value.decode("latin-1")
    # h11 writes the name of a coding small.
    assert {key: value.lower() if key == "TRANSFER_ENCODING" else value for key, value in read.fields.items()} == told
    assert read.length == int(told.get("CONTENT_LENGTH", "0"))


def chunks(data: bytes) -> None:
    """However a body is cut up on its way, the same comes of it; and it is what is written between the sizes."""
    places = sorted({byte % (len(data) + 1) for byte in data[:4]} | {0, len(data)})
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    whole, cut = _received([data]), _received(pieces)
    assert whole == cut
    if whole is not None and whole[1]:
        assert whole[0] == _between_the_sizes(data)


def forwarded_field(data: bytes) -> None:
    """An address in its usual spelling, a scheme, and no text beside them."""
    environ = {"REMOTE_ADDR": "10.0.0.1", "wsgi.url_scheme": "http", "HTTP_FORWARDED": data.decode("latin-1")}
    found = attempt(_PROXIES.origin, environ)
    if found is not None:
        address, scheme = found
        assert str(ipaddress.ip_address(address)) == address
        assert scheme in ("http", "https")
    assert attempt(_PROXIES.host, {**environ, "REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "box"}) == "box"


def _received(pieces: list[bytes]) -> tuple[bytes, bool, int] | None:
    receiver, consumed = Chunks(OverflowableBuffer(10 * LIMIT), LIMIT), 0
    try:
        for piece in pieces:
            consumed += receiver.received(piece)
    except Refused as refusal:
        assert refusal.status in (400, 413)
        return None
    return receiver.getfile().read(), receiver.completed, consumed


def _between_the_sizes(data: bytes) -> bytes:
    body = b""
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if not size:
            return body
        body, data = body + data[:size], data[size + 2 :]
