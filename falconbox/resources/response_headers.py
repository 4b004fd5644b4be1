"""The headers that every answer has."""

from __future__ import annotations

from typing import Final

import falcon

from falconbox.problems import REQUEST_ID, SECURITY_HEADERS, comes_back

HSTS: Final = "max-age=31536000"
"""A year, as RFC 6797 gives it in seconds. Subdomains are not ours to speak for."""


class ResponseHeaders:
    """Middleware: an answer is kept by nobody, is no page, is what its Content-Type says, and has its request's id.

    A resource that has set one of these headers itself keeps its own. `https`: the world comes by TLS, and is told to
    come by nothing else (RFC 6797).
    """

    def __init__(self, *, https: bool) -> None:
        self._headers = dict(SECURITY_HEADERS)
        if https:
            self._headers["Strict-Transport-Security"] = HSTS

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: object
    ) -> None:
        """Set what is not set."""
        sent = req.env.get("HTTP_X_REQUEST_ID", "")
        if comes_back(sent):
            resp.set_header(REQUEST_ID, sent)
        for name, value in self._headers.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)
