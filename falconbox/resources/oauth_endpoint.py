"""The OAuth endpoints over HTTP: open to everybody, asked in a form, JSON or YAML, answering in JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol

import falcon

from falconbox.decision_log import record
from falconbox.errors import FalconboxError, Malformed, OAuthRequestRefused, TooManyAttempts
from falconbox.guard import DECISION_ID
from falconbox.oauth.endpoint import Endpoint, Origin
from falconbox.problems import BASIC, STATUS


class Log(Protocol):
    """Where records go."""

    def write(self, record: Mapping[str, Any], /) -> None:
        """Write one down. Raises DecisionLogUnavailable when it must be, and cannot."""


class OAuthEndpoint:
    """One of them; what it does stands in `falconbox.oauth`."""

    negotiates = False

    def __init__(self, endpoint: Endpoint[Any], log: Log) -> None:
        self._endpoint = endpoint
        self._log = log

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer, or refuse as in RFC 6749 section 5.2."""
        # RFC 6749 section 5.1: neither tokens nor refusals may be cached.
        resp.set_header("Cache-Control", "no-store")
        resp.set_header("Pragma", "no-cache")
        resp.set_header(DECISION_ID, req.context.record_id)
        origin = Origin(req.context.asked(), req.context.record_id)
        try:
            answer = self._endpoint.respond(_parameters(req), req.env.get("HTTP_AUTHORIZATION"), origin)
        except (Malformed, TooManyAttempts, OAuthRequestRefused) as error:
            self._refuse(req, resp, error)
        except FalconboxError as error:
            asked = req.context.asked()
            self._log.write(record.refused(req.context.record_id, asked, error.code, error.detail, error.claimed))
            raise
        else:
            asked = dataclasses.replace(req.context.asked(), caller=answer.caller)
            self._log.write(
                record.answered(req.context.record_id, asked, self._endpoint.kind, answer.code, allow=answer.allow)
            )
            _answer(resp, HTTPStatus.OK, answer.body)

    def _refuse(
        self, req: falcon.Request, resp: falcon.Response, error: Malformed | TooManyAttempts | OAuthRequestRefused
    ) -> None:
        asked, code, why = req.context.asked(), error.code, error.detail
        if isinstance(error, OAuthRequestRefused):
            asked, code, why = dataclasses.replace(asked, caller=error.caller), error.error, error.why
        self._log.write(record.refused(req.context.record_id, asked, code, why, error.claimed))
        if isinstance(error, OAuthRequestRefused):
            challenged = error.by_header or (self._endpoint.challenges and error.error == "invalid_client")
            if challenged:
                resp.set_header("WWW-Authenticate", BASIC)
            status = HTTPStatus.UNAUTHORIZED if challenged else HTTPStatus.BAD_REQUEST
            _answer(resp, status, _error(error.error, error.detail))
        elif isinstance(error, TooManyAttempts):
            # RFC 6749 has no code for this; of those it has for other endpoints, this one says it.
            resp.set_header("Retry-After", str(error.retry_after))
            detail = "too many credentials are tried; come again later"
            _answer(resp, HTTPStatus.TOO_MANY_REQUESTS, _error("temporarily_unavailable", detail))
        else:
            _answer(resp, STATUS[type(error)], _error("invalid_request", error.detail))


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


def _answer(resp: falcon.Response, status: HTTPStatus, value: Mapping[str, Any]) -> None:
    resp.status = status
    resp.content_type = "application/json"
    resp.data = json.dumps(dict(value)).encode()
