"""Waitress, with our limits, and a stop that lets running requests finish."""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import Any, Final

from waitress.server import create_server

from falconbox.body import MAX_BODY
from falconbox.errors import StartupError

MAX_HEAD: Final = 32 * 1024
"""The largest request line and headers in bytes."""

CONNECTIONS: Final = 1000
IDLE_TIMEOUT: Final = 60
"""Seconds after which a connection without a request is closed."""

DRAIN_TIMEOUT: Final = 10.0
"""Seconds that running requests are given to finish when the service stops."""

_LOOP_PAUSE: Final = 0.5


class Server:
    """Serves a WSGI application on one socket until `stop` is called from a signal handler or another thread."""

    def __init__(self, application: Any, listening: socket.socket, *, threads: int) -> None:
        # What waitress says of its queue is about load, not about faults.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        # Any: what a stop that lets requests finish needs is no part of waitress's public face.
        self._waitress: Any = create_server(
            application,
            sockets=[listening],
            threads=threads,
            ident=None,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_TIMEOUT,
            max_request_body_size=MAX_BODY + 1,
            max_request_header_size=MAX_HEAD,
            asyncore_use_poll=True,
            # The application reads forwarded headers itself, and only from proxies that it trusts.
            clear_untrusted_proxy_headers=False,
        )
        self._stopping = threading.Event()

    def run(self) -> None:
        """Serve until told to stop, then finish what is running, at most DRAIN_TIMEOUT seconds."""
        while not self._stopping.is_set():
            self._turn()
        self._waitress.accepting = False
        deadline = time.monotonic() + DRAIN_TIMEOUT
        while self._busy() and time.monotonic() < deadline:
            self._turn()
        self._waitress.task_dispatcher.shutdown(timeout=1)
        self._waitress.asyncore.close_all(self._waitress._map)  # noqa: SLF001  # see `_waitress`

    def stop(self) -> None:
        """Make `run` return soon. Safe to call from a signal handler."""
        self._stopping.set()
        self._waitress.pull_trigger()

    def _turn(self) -> None:
        server = self._waitress
        server.asyncore.loop(timeout=_LOOP_PAUSE, map=server._map, use_poll=True, count=1)  # noqa: SLF001  # see `_waitress`

    def _busy(self) -> bool:
        channels = list(self._waitress.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Raises StartupError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise StartupError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
