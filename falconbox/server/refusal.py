"""What a message gets that the server refuses to understand: one problem document, and the end of the connection."""

from __future__ import annotations

import json
from http import HTTPStatus

from falconbox.problems import MEDIA_TYPE, SECURITY_HEADERS, HTTPProblem


class Refused(Exception):
    """A message that is not passed on to the application. `detail` is our own sentence: no byte of the message.

    `message` says whether it stands in the answer under that name too, as OpenID AuthZEN 1.0 wants it.
    """

    message = False

    def __init__(self, detail: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST, code: str = "malformed") -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code

    def to_response(self, _ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return status line, headers and body, as waitress asks its errors for them."""
        problem = HTTPProblem(self.status, self.code, self.detail).to_dict()
        body = json.dumps({**problem, "message": self.detail} if self.message else problem).encode()
        headers = [("Content-Type", MEDIA_TYPE), *SECURITY_HEADERS.items()]
        if self.status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append(("Retry-After", "1"))
        return f"{self.status.value} {self.status.phrase}", headers, body


def too_large(limit: int) -> Refused:
    """Return the refusal of a body that is larger than `limit` bytes."""
    return Refused(f"the body is larger than {limit} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large")


def head_too_large(detail: str) -> Refused:
    """Return the refusal of a head that is larger than its limits."""
    return Refused(detail, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large")


def failed() -> Refused:
    """Return what is answered when the application itself has failed."""
    return Refused("the service has failed; see its log", HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error")
