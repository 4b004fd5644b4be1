"""The listening socket: who gets a connection when there are many, and when connections have had their time."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any, Final, Protocol

from waitress.server import TcpWSGIServer

from falconbox.server.channel import StrictChannel

SMALL_BODY: Final = 64 * 1024
"""A body of so many bytes is always received."""

BODIES: Final = 64 * 1024 * 1024
"""Bytes that larger bodies may take up together."""

ANSWERS: Final = 256 * 1024 * 1024
"""Bytes of answers that may wait for clients to take them, looked at every EXPIRY_INTERVAL."""

EXPIRY_INTERVAL: Final = 1.0


class RecordRefusal(Protocol):
    """Makes a record of a message that is refused."""

    def __call__(self, method: str, uri: str, remote_addr: str, duration: int, /, *, code: str, detail: str) -> str:
        """Return the id of the record; `duration` is in microseconds.

        Raises FalconboxError when a record is required and cannot be made.
        """


class Understood(Protocol):
    """Tells which status stands for another where those who ask know only some."""

    def __call__(self, target: str, status: HTTPStatus, /) -> HTTPStatus:
        """Return the status to answer with."""


class Front(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """Accepts connections, at most `connections` at a time."""

    channel_class = StrictChannel

    def __init__(
        self,
        *arguments: Any,
        connections: int,
        record_refusal: RecordRefusal,
        understood: Understood,
        **options: Any,
    ) -> None:
        self._connections = connections
        self._next_expiry = 0.0
        self.record_refusal = record_refusal
        self.understood = understood
        super().__init__(*arguments, **options)

    def readable(self) -> bool:
        """Whether new connections are accepted: always, until the service stops."""
        now = time.monotonic()
        if now >= self._next_expiry:
            self._next_expiry = now + EXPIRY_INTERVAL
            for channel in list(self.active_channels.values()):
                channel.expire(now)
            self._drop_untaken()
        return bool(self.accepting)

    def handle_accept(self) -> None:
        """Accept a connection. When there are too many, the one that has kept us waiting longest makes room."""
        super().handle_accept()
        if len(self.active_channels) <= self._connections:
            return
        waiting = [channel for channel in self.active_channels.values() if not channel.our_turn]
        if waiting:
            min(waiting, key=lambda channel: channel.waiting_since).handle_close()

    def has_room(self) -> bool:
        """Whether more of large bodies can be received beside what is held of them."""
        sizes = [channel.body_size for channel in self.active_channels.values()]
        held: int = sum(size for size in sizes if size >= SMALL_BODY)
        return held <= BODIES

    def _drop_untaken(self) -> None:
        """Close those who have kept us waiting longest with their answers, if these need too much room together."""
        untaken = [channel for channel in self.active_channels.values() if channel.total_outbufs_len]
        excess = sum(channel.total_outbufs_len for channel in untaken) - ANSWERS
        for channel in sorted(untaken, key=lambda channel: channel.waiting_since):
            if excess <= 0:
                return
            excess -= channel.total_outbufs_len
            channel.handle_close()
