"""Answers: head and body in one send, and the one answer to a message that is refused."""

from __future__ import annotations

import time
from http import HTTPStatus

from waitress.task import ErrorTask, Task, WSGITask

from falconbox.errors import FalconboxError
from falconbox.guard import DECISION_ID
from falconbox.problems import REQUEST_ID, comes_back
from falconbox.routes import AUTHZEN
from falconbox.server.refusal import Refused, failed


class _OneSend(Task):  # type: ignore[misc]  # waitress has no types
    """Sends the head of an answer together with the first part of its body: one system call and one packet."""

    wrote_header: bool

    def build_response_header(self) -> bytes:
        """Return the head of the answer. A connection that ends says so."""
        if self.request.connection_close:
            self.set_close_on_finish()
        head: bytes = super().build_response_header()
        return head

    def write(self, data: bytes) -> None:
        """Send a part of the body, as PEP 3333 describes `write`."""
        if not self.complete:
            raise RuntimeError("start_response was not called before the body was written")
        parts = b""
        if not self.wrote_header:
            parts = self.build_response_header()
            self.wrote_header = True
            self.channel.answering()
        if data and self.has_body and self.request.command != "HEAD":
            parts += self._framed(data)
        if parts:
            self.channel.write_soon(parts)

    def _framed(self, data: bytes) -> bytes:
        if self.chunked_response:
            return b"%X\r\n%b\r\n" % (len(data), data)
        if self.content_length is None:
            return data
        # Never more than was announced: the rest would pass for the next answer.
        data = data[: self.content_length - self.content_bytes_written]
        self.content_bytes_written += len(data)
        return data


class StrictTask(_OneSend, WSGITask):  # type: ignore[misc]  # waitress has no types
    """Runs the application."""


class RefusalTask(_OneSend, ErrorTask):  # type: ignore[misc]  # waitress has no types
    """Answers a message that is refused. There is a record of it before there is an answer."""

    def execute(self) -> None:
        """Write the refusal down, send it, and end the connection."""
        request = self.request
        if isinstance(request.error, Refused):
            request.error = self._recorded(request.error)
        else:
            request.error = failed()  # waitress's own error: the application has failed, and its log says how
        target, request_id = request.claimed()[1], request.headers.get("X_REQUEST_ID", "")
        request.error.status = self.channel.server.understood(target, request.error.status)
        request.error.message = target.startswith(AUTHZEN)
        if comes_back(request_id):
            self.response_headers.append((REQUEST_ID, request_id))
        super().execute()

    def _recorded(self, refusal: Refused) -> Refused:
        method, uri = self.request.claimed()
        duration = int((time.time() - self.start_time) * 1_000_000)
        try:
            record_id = self.channel.server.record_refusal(
                method, uri, self.channel.addr[0], duration, code=refusal.code, detail=refusal.detail
            )
        except FalconboxError as error:
            return Refused(error.detail, HTTPStatus.SERVICE_UNAVAILABLE, error.code)
        self.response_headers.append((DECISION_ID, record_id))
        return refusal
