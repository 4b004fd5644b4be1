"""One connection: what a client may take how long for, and how a connection ends."""

from __future__ import annotations

import logging
import socket
import time
from http import HTTPStatus
from typing import Any, Final

from waitress.channel import HTTPChannel

from falconbox.server.parser import StrictParser
from falconbox.server.refusal import Refused
from falconbox.server.task import RefusalTask, StrictTask

HEAD_TIMEOUT: Final = 10.0
"""Seconds from the first byte of a request, or from the connection, until its head must be whole."""

BODY_TIMEOUT: Final = 30.0
"""Seconds from the end of the head until the body must be whole."""

ANSWER_TIMEOUT: Final = 60.0
"""Seconds in which an answer must have been taken."""

IDLE_TIMEOUT: Final = 60.0
"""Seconds that a connection is kept for another request."""

UNTAKEN: Final = 1024 * 1024
"""Bytes of answers that a client has not taken yet beyond which none of its further requests is worked on."""

ROOM_STEP: Final = 64 * 1024
"""Whether there is room for a body is looked at each time that so many bytes of it have arrived."""

LINGER_TIMEOUT: Final = 2.0
LINGER_BYTES: Final = 16 * 1024 * 1024
"""What is still read, and dropped, from a client that has been refused, so that it gets to read the answer."""

log = logging.getLogger(__name__)


class StrictChannel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection. Deadlines are absolute: a byte now and then does not extend them."""

    parser_class = StrictParser
    task_class = StrictTask
    error_task_class = RefusalTask
    request: StrictParser | None
    requests: list[StrictParser]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refused = False
        self._lingering = False
        self._lingered = 0
        self._put_off = False
        self._wait(HEAD_TIMEOUT)

    @property
    def idle(self) -> bool:
        """Whether nothing is worked on or waits to be sent: it is the client's turn."""
        return not self.requests and not self.total_outbufs_len

    @property
    def our_turn(self) -> bool:
        """Whether a request is worked on or waits for that, and the client has taken everything up to now."""
        return bool(self.requests) and not self.total_outbufs_len

    @property
    def body_size(self) -> int:
        """The bytes of its requests' bodies that have arrived, and are held."""
        requests = self.requests if self.request is None else [*self.requests, self.request]
        return sum(request.body_size for request in requests)

    def answering(self) -> None:
        """Start the clock for the answer. Called by the thread that writes it."""
        self._wait(ANSWER_TIMEOUT)

    def expire(self, now: float) -> None:
        """End what has taken too long. Called every second by the thread that owns the connection."""
        if now < self.deadline or self.our_turn:
            return
        if self.request is not None and self.request.begun and self.idle and not self._lingering:
            self._refuse(Refused("the request took too long to arrive", HTTPStatus.REQUEST_TIMEOUT, "request-timeout"))
        else:
            # Not left to `will_close`, which is looked at when the client next takes something: this one may never.
            self.handle_close()

    def readable(self) -> bool:
        """Whether bytes from the client are wanted."""
        return self._lingering or bool(super().readable())

    def writable(self) -> bool:
        """Whether there is something to send, or to end."""
        return self.will_close if self._lingering else bool(super().writable())

    def handle_read(self) -> None:
        """Take in what has arrived, or the end of it."""
        try:
            data = self.socket.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return
        except OSError:
            self.handle_close()
            return
        if data and self._lingering:
            self._lingered += len(data)
            self.will_close = self._lingered > LINGER_BYTES
        elif data:
            self.received(data)
        elif self.request is not None and self.request.begun and self.idle and not self._lingering:
            self._refuse(Refused("the connection ended within the request", code="incomplete"))
        else:
            self.handle_close()

    def received(self, data: bytes) -> bool:
        """Read requests from what has arrived, and have them worked on. Behind a refused one nothing is read."""
        with self.requests_lock:
            while data and not (self._refused or self.will_close or self.close_when_flushed):
                if self.request is None:
                    self.request = self.parser_class(self.adj)
                    self._wait(HEAD_TIMEOUT)
                data = data[self._receive(self.request, data) :]
        return True

    def handle_write(self) -> None:
        """Send what waits to be sent, and end the connection when that is due."""
        if self.close_when_flushed and self._refused and not self.will_close and not self.requests:
            self._flush_exception(self._flush_some)
            if not self.total_outbufs_len and not self.will_close:
                self._linger()
        else:
            super().handle_write()
        if self._put_off and self.connected and self.total_outbufs_len <= UNTAKEN:
            self._put_off = False
            self.server.add_task(self)

    def service(self) -> None:
        """Work on the next request, in a thread of the pool. Whatever is raised ends the connection at the most."""
        with self.outbuf_lock:
            # The thread must not wait for the client: as many as there are threads would stop everybody.
            self._put_off = self.connected and self.total_outbufs_len > UNTAKEN
            if self._put_off:
                return
        try:
            super().service()
        except BaseException:
            log.exception("a connection is closed: its request has failed beyond repair")
            self.cancel()
            self.server.pull_trigger()
        with self.requests_lock:
            if self.idle:
                self._wait(IDLE_TIMEOUT if self.request is None else HEAD_TIMEOUT)

    def _receive(self, request: StrictParser, data: bytes) -> int:
        in_head, held = not request.headers_finished, request.body_size
        consumed = request.received(data)
        if in_head and request.headers_finished and not request.completed:
            self._wait(BODY_TIMEOUT)
        # What has arrived counts, and not what is announced: that costs nobody anything.
        if not request.completed and request.body_size // ROOM_STEP > held // ROOM_STEP and not self.server.has_room():
            detail = "too many large bodies are being received; try again"
            request.refuse(Refused(detail, HTTPStatus.SERVICE_UNAVAILABLE, "busy"))
        if request.completed:
            self._enqueue(request)
        elif request.expect_continue and not self.requests and not self.sent_continue:
            self.send_continue()
        return consumed

    def _refuse(self, refusal: Refused) -> None:
        with self.requests_lock:
            if self.request is not None:
                self.request.refuse(refusal)
                self._enqueue(self.request)

    def _enqueue(self, request: StrictParser) -> None:
        self.request = None
        self.sent_continue = False
        self._refused = request.error is not None
        self.requests.append(request)
        if len(self.requests) == 1:
            self.server.add_task(self)

    def _linger(self) -> None:
        # A connection that is closed while bytes wait to be read is reset, and the client may never see the answer
        # that it has been sent (RFC 9112 section 9.6).
        self.close_when_flushed = False
        self._lingering = True
        self._wait(LINGER_TIMEOUT)
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.will_close = True

    def _wait(self, seconds: float) -> None:
        self.waiting_since = time.monotonic()
        self.deadline = self.waiting_since + seconds
