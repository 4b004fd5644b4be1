"""Waitress made strict: every message is read in one way or refused, and nobody can keep the others waiting."""

from __future__ import annotations

import contextlib
import logging
import resource
import socket
import threading
import time
from typing import Any, Final

from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from falconbox.errors import StartupError
from falconbox.server.front import Front, RecordRefusal, Understood

CONNECTIONS: Final = 1000
DRAIN_TIMEOUT: Final = 10.0
"""Seconds that running requests are given to finish when the service stops."""

RECEIVE: Final = 16 * 1024
"""Bytes taken in at a time, so that no connection holds up the others for long."""

IN_MEMORY: Final = 64 * 1024 * 1024
"""Bytes beyond which an answer would be kept in a temporary file; waitress takes no more of it before that."""

_OTHER_FILES: Final = 100
_LOOP_PAUSE: Final = 0.5


class Server:
    """Serves a WSGI application on one socket until `stop` is called from a signal handler or another thread."""

    def __init__(
        self,
        application: Any,
        listening: socket.socket,
        *,
        threads: int,
        record_refusal: RecordRefusal,
        understood: Understood = lambda _, status: status,
    ) -> None:
        # What waitress says of its queue is about load, not about faults.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        adjustments = Adjustments(
            sockets=[listening],
            threads=threads,
            ident=None,
            recv_bytes=RECEIVE,
            outbuf_overflow=IN_MEMORY,
            # An answer comes in one piece, so a thread that has written one never waits until it has been taken.
            outbuf_high_watermark=IN_MEMORY,
            # The application reads forwarded headers itself, and only from proxies that it trusts.
            clear_untrusted_proxy_headers=False,
        )
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        # Any: what a stop that lets requests finish needs is no part of waitress's public face.
        self._front: Any = Front(
            application,
            {},
            True,  # noqa: FBT003  # start at once: waitress's signature
            listening,
            dispatcher=dispatcher,
            adj=adjustments,
            sockinfo=(listening.family, listening.type, listening.proto, listening.getsockname()),
            bind_socket=False,
            connections=_connections(),
            record_refusal=record_refusal,
            understood=understood,
        )
        self._stopping = threading.Event()

    def run(self) -> None:
        """Serve until told to stop, then finish what is running, at most DRAIN_TIMEOUT seconds."""
        while not self._stopping.is_set():
            self._turn()
        self._front.accepting = False
        deadline = time.monotonic() + DRAIN_TIMEOUT
        while self._busy() and time.monotonic() < deadline:
            self._turn()
        self._front.task_dispatcher.shutdown(timeout=1)
        self._front.asyncore.close_all(self._front._map)  # noqa: SLF001  # see `_front`

    def stop(self) -> None:
        """Make `run` return soon. Safe to call from a signal handler."""
        self._stopping.set()
        with contextlib.suppress(OSError):  # `run` has ended already, and closed what wakes it
            self._front.pull_trigger()

    def _turn(self) -> None:
        front = self._front
        front.asyncore.loop(timeout=_LOOP_PAUSE, map=front._map, use_poll=True, count=1)  # noqa: SLF001  # see `_front`

    def _busy(self) -> bool:
        return not all(channel.idle for channel in list(self._front.active_channels.values()))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Raises StartupError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise StartupError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error


def _connections() -> int:
    """Return how many connections there can be, and have the system let us open as many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft == resource.RLIM_INFINITY else max(min(CONNECTIONS, soft - _OTHER_FILES), 10)
