"""A chunked body (RFC 9112 section 7.1), put together strictly and within its limits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import IO, Any, Final

from falconbox.server.head import check_fields
from falconbox.server.refusal import Refused, too_large

MAX_LINE: Final = 1024
"""Bytes of a chunk's size and extensions."""

MAX_CHUNKS: Final = 10_000
"""Chunks of a body: each costs time to read, and tiny ones are of use to nobody but an attacker."""

MAX_TRAILER: Final = 8192
"""Bytes of the trailer, which is checked and then dropped."""

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED: Final = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
_EXTENSION: Final = rb";%b(?:=(?:%b|%b))?" % (_TOKEN, _TOKEN, _QUOTED)
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:%b)*" % _EXTENSION)


class Chunks:
    """Takes in a chunked body piece by piece, and is the body receiver that waitress expects of its parsers."""

    error = None

    def __init__(self, buffer: Any, limit: int) -> None:
        # Any: one of waitress's buffers.
        self.completed = False
        self._buffer = buffer
        self._limit = limit
        self._pending = b""
        # What the next bytes are read as; it returns what is left of them, or None when it needs more to tell.
        self._read: Callable[[bytes], bytes | None] = self._size
        self._left = 0
        self._count = 0

    def __len__(self) -> int:
        return len(self._buffer)

    def received(self, data: bytes) -> int:
        """Take in bytes; return how many of them belong to the body. Raises Refused."""
        rest = self._pending + data
        self._pending = b""
        while rest and not self.completed:
            left = self._read(rest)
            if left is None:
                self._pending = rest
                return len(data)
            rest = left
        return len(data) - len(rest)

    def getfile(self) -> IO[bytes]:
        """Return the body as a file."""
        file: IO[bytes] = self._buffer.getfile()
        return file

    def getbuf(self) -> Any:
        """Return the body's buffer."""
        return self._buffer

    def _size(self, data: bytes) -> bytes | None:
        line, end, rest = data.partition(b"\r\n")
        if len(line) > MAX_LINE:
            raise Refused("a chunk's size and extensions are too long")
        if not end:
            return None
        match = _SIZE.fullmatch(line)
        if match is None:
            raise Refused("a chunk does not start with its size in hexadecimal digits")
        self._count += 1
        if self._count > MAX_CHUNKS:
            raise Refused(f"the body comes in more than {MAX_CHUNKS} chunks")
        self._left = int(match[1], 16)
        if len(self._buffer) + self._left > self._limit:
            raise too_large(self._limit)
        self._read = self._content if self._left else self._trailer
        return rest

    def _content(self, data: bytes) -> bytes:
        taken = data[: self._left]
        self._buffer.append(taken)
        self._left -= len(taken)
        if not self._left:
            self._read = self._end
        return data[len(taken) :]

    def _end(self, data: bytes) -> bytes | None:
        if len(data) < 2:
            return None
        if not data.startswith(b"\r\n"):
            raise Refused("a chunk is longer than the size it starts with")
        self._read = self._size
        return data[2:]

    def _trailer(self, data: bytes) -> bytes | None:
        if data.startswith(b"\r\n"):
            self.completed = True
            return data[2:]
        fields, end, rest = data.partition(b"\r\n\r\n")
        if len(fields) > MAX_TRAILER:
            raise Refused("the trailer of the body is too long")
        if not end:
            return None
        check_fields(fields + b"\r\n")
        self.completed = True
        return rest
