"""The body of a request: read once, within its limit, parsed once, and only when somebody wants it."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from falconbox.errors import Malformed, TooLarge, UnsupportedMedia
from falconbox.media import read

MAX_BODY: Final = 1024 * 1024
"""The largest body in bytes that is read."""

_HTTP_1: Final = "HTTP/1."
_LENGTH: Final = re.compile(r"[0-9]{1,19}")


class Stream(Protocol):
    """Where the bytes come from; it must end where the body ends."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


class RequestBody:
    """A body as the guard and the resources share it. Belongs to one request, so to one thread.

    `sent`: there is one, or may be. `announced` False: which of both is seen when it is read.

    `coded`: it is said to be compressed or the like. It is never read then, whatever it looks like: there are texts
    that are JSON as they stand, and something else to whoever inflates them.
    """

    def __init__(
        self,
        stream: Stream | None,
        content_type: str | None,
        *,
        sent: bool,
        announced: bool = True,
        coded: bool = False,
    ) -> None:
        self.sent = sent
        self._announced = announced
        self._coded = coded
        self._stream = stream
        self._content_type = content_type
        self._bytes: bytes | None = None
        self._parsed: dict[bool, Any] = {}

    def parsed(self, *, form: bool = False) -> Any:
        """Return the parsed body; `form` accepts form bodies too. Raises Malformed and its kinds."""
        if self._coded:
            raise UnsupportedMedia("a body is read as it stands, and not compressed: leave Content-Encoding out")
        if form not in self._parsed:
            try:
                self._parsed[form] = read(self._content_type, self._read(), form=form)
            except Malformed as error:
                self._parsed[form] = error
        value = self._parsed[form]
        if isinstance(value, Malformed):
            raise value
        return value

    def again(self, stream: Any) -> Any:
        """Return the stream of the request, where the body starts again however much of it has been read here."""
        return stream if self._bytes is None else io.BufferedReader(_Rejoined(self._bytes, stream))

    def _read(self) -> bytes:
        if self._bytes is None:
            self._bytes = b"" if self._stream is None else self._stream.read(MAX_BODY + 1)
            if not (self._announced or self._bytes):
                self.sent = False
        if len(self._bytes) > MAX_BODY:
            raise TooLarge(f"the body is larger than {MAX_BODY} bytes")
        return self._bytes


def body_of(environ: Mapping[str, Any]) -> RequestBody:
    """Return the body of a WSGI request (PEP 3333), which the server may not have ended. Raises Malformed."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not _LENGTH.fullmatch(length):
        raise Malformed("Content-Length is not a number of bytes")
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    sent = length.strip("0") != "" or chunked
    # A length beside chunks is not where the body ends (RFC 9112 section 6.3), and some servers hand it on.
    stream: Stream = _Bounded(environ["wsgi.input"], 0 if chunked else int(length or 0))
    announced = True
    if not (sent or length or environ.get("SERVER_PROTOCOL", _HTTP_1).startswith(_HTTP_1)):
        # HTTP/2 and HTTP/3 need not announce a body. It can be read if the server says that it ends the stream.
        sent = True
        if environ.get("wsgi.input_terminated"):
            stream, announced = _Ended(environ["wsgi.input"]), False
    coded = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in ("", "identity")
    return RequestBody(stream, environ.get("CONTENT_TYPE"), sent=sent, announced=announced, coded=coded)


class _Rejoined(io.RawIOBase):
    """What has been read of a stream, and then the rest of it."""

    def __init__(self, start: bytes, rest: Stream) -> None:
        super().__init__()
        self._start = io.BytesIO(start)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._start.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Bounded:
    """Ends where the body ends."""

    def __init__(self, stream: Stream, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data


class _Ended:
    """Ends where the body ends, by itself; it may give less than it is asked for before that."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        data = bytearray()
        while len(data) < size and (more := self._stream.read(size - len(data))):
            data += more
        return bytes(data)
