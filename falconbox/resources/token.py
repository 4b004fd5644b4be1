"""`POST /auth/token`: the token endpoint (RFC 6749 section 4.4), open to everybody and answering in JSON."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import falcon

from falconbox.errors import Malformed, TokenRequestRefused, UnsupportedMedia
from falconbox.oauth.grants import TokenEndpoint
from falconbox.problems import CHALLENGES


class Token:
    """Issues access tokens."""

    def __init__(self, endpoint: TokenEndpoint) -> None:
        self._endpoint = endpoint

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with a token, or with an error as in RFC 6749 section 5.2."""
        # RFC 6749 section 5.1: neither tokens nor refusals may be cached.
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("Pragma", "no-cache")
        try:
            answer = self._endpoint.respond(_parameters(req), req.env.get("HTTP_AUTHORIZATION"))
        except UnsupportedMedia as error:
            _answer(resp, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, _error("invalid_request", error.detail))
        except Malformed as error:
            _answer(resp, HTTPStatus.BAD_REQUEST, _error("invalid_request", error.detail))
        except TokenRequestRefused as error:
            if error.by_header:
                resp.set_header("WWW-Authenticate", CHALLENGES[0])
            status = HTTPStatus.UNAUTHORIZED if error.by_header else HTTPStatus.BAD_REQUEST
            _answer(resp, status, _error(error.error, error.detail))
        else:
            _answer(resp, HTTPStatus.OK, answer)


def _parameters(req: falcon.Request) -> dict[str, Any]:
    if req.context.target.query is not None:
        raise Malformed("parameters belong in the body, never in the query")
    parameters = req.context.body.parsed(form=True)
    if not isinstance(parameters, dict):
        raise Malformed("the body must be an object (a mapping of names to values)")
    return parameters


def _error(error: str, detail: str) -> dict[str, str]:
    # The characters that RFC 6749 section 5.2 leaves to a description.
    kept = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in detail.replace('"', "'"))
    return {"error": error, "error_description": kept}


def _answer(resp: falcon.Response, status: HTTPStatus, value: dict[str, Any]) -> None:
    resp.status = status
    resp.content_type = "application/json"
    resp.data = json.dumps(value).encode()
