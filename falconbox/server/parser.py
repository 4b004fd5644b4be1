"""One request as it arrives: waitress's parser with our reading of head and body, and refusals that end it."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser
from waitress.receiver import FixedStreamReceiver

from falconbox.body import MAX_BODY
from falconbox.server.chunks import Chunks
from falconbox.server.head import Head, read_head
from falconbox.server.refusal import Refused, head_too_large, too_large

MAX_HEAD: Final = 32 * 1024
"""The largest request line and headers in bytes."""

# RFC 9112 section 2.2: empty lines before the request line are skipped.
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)*")
# Whatever is no request, such as a TLS handshake, is told so at once and not when its time is up.
_NO_REQUEST: Final = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9A-Za-z\r]|\r[^\n]")
_CLAIM: Final = re.compile(rb"(?:\r\n)*([A-Za-z]{1,32}) ([\x21-\x3e\x40-\x7e]+)")


class StrictParser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Collects one request. When it is `completed`, it is whole, or `error` says how it is refused."""

    # Refusals are in our own version, also when the message names none (RFC 9112 section 2.3).
    version = "1.1"
    command = request_uri = path = query = ""
    url_scheme = "http"
    error: Refused | None = None
    body_rcv: Any = None

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self._head = b""

    @property
    def begun(self) -> bool:
        """Whether anything but empty lines has arrived."""
        return self.headers_finished or len(_EMPTY_LINES.sub(b"", self._head, count=1)) > 0

    @property
    def body_size(self) -> int:
        """The bytes of its body that have arrived."""
        return 0 if self.body_rcv is None else len(self.body_rcv)

    def claimed(self) -> tuple[str, str]:
        """Return method and path for the record, without the query: as far as they can be told, else empty."""
        if self.headers_finished:
            return self.command, self.request_uri.partition("?")[0]
        match = _CLAIM.match(self._head)
        return (match[1].decode(), match[2].decode()) if match else ("", "")

    def received(self, data: bytes) -> int:
        """Take in what has arrived; return how many bytes of it belong to this request."""
        if self.completed:
            return 0
        try:
            return self._receive_head(data) if self.body_rcv is None else self._receive_body(data)
        except Refused as refusal:
            self.refuse(refusal)
            return len(data)  # where a refused message ends is anybody's guess, so nothing behind it is read

    def refuse(self, refusal: Refused) -> None:
        """End this request: it is answered with the refusal."""
        self.error = refusal
        self.completed = True
        self.connection_close = True

    def _receive_head(self, data: bytes) -> int:
        self._head += data
        start = _EMPTY_LINES.match(self._head).end()  # type: ignore[union-attr]  # it matches nothing, too
        if _NO_REQUEST.match(self._head, start):
            raise Refused("this is no HTTP request")
        found = self._head.find(b"\r\n\r\n", start)
        end = len(self._head) if found < 0 else found + 4
        if end > MAX_HEAD:
            raise head_too_large(f"the request line and headers are larger than {MAX_HEAD} bytes")
        if found < 0:
            return len(data)
        self._apply(read_head(self._head[start:end]))
        return len(data) - (len(self._head) - end)

    def _apply(self, head: Head) -> None:
        self.headers_finished = True
        self.headers = dict(head.fields)
        self.command, self.request_uri, self.version = head.method, head.target, head.version
        self.path, self.query = _split(head.target)
        self.connection_close = head.close
        self.expect_continue = head.expects_continue
        self.chunked, self.content_length = head.chunked, head.length
        # The application sees the body whole, so it is not told of the coding (PEP 3333).
        self.headers.pop("TRANSFER_ENCODING", None)
        # Refused before a byte of it is taken in.
        if head.length > MAX_BODY:
            raise too_large(MAX_BODY)
        # Beyond its limit the buffer would write to a temporary file: bodies hold secrets, so it never gets there.
        buffer = OverflowableBuffer(2 * MAX_BODY)
        if head.chunked:
            self.body_rcv = Chunks(buffer, MAX_BODY)
        elif head.length:
            self.body_rcv = FixedStreamReceiver(head.length, buffer)
        else:
            self.completed = True

    def _receive_body(self, data: bytes) -> int:
        consumed: int = self.body_rcv.received(data)
        if self.body_rcv.completed:
            self.completed = True
            if self.chunked:
                self.headers["CONTENT_LENGTH"] = str(len(self.body_rcv))
        return consumed


def _split(target: str) -> tuple[str, str]:
    """Return the decoded path, as latin-1 (PEP 3333), and the query. What a path may hold is checked by the guard."""
    if target.startswith("/"):
        path, _, query = target.partition("?")
    else:
        try:
            parts = urlsplit(target)
        except ValueError:
            raise Refused("the request target is no URL") from None
        path, query = parts.path, parts.query
    return unquote_to_bytes(path).decode("latin-1"), query
