"""What a caller is told when something goes wrong, and what is not told: nothing of the inside."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

import falcon

from falconbox.errors import FalconboxError
from falconbox.problems import MEDIA_TYPE, HTTPProblem, http_problem
from falconbox.routes import AUTHZEN

log = logging.getLogger(__name__)


def add_error_handlers(app: falcon.App[Any, Any]) -> None:
    """Answer every error with a problem document, and log only what no caller can have written."""
    app.set_error_serializer(_serialize)
    app.add_error_handler(FalconboxError, _known)
    app.add_error_handler(Exception, _unknown)


def _known(_req: falcon.Request, _resp: falcon.Response, error: FalconboxError, _params: Any) -> None:
    raise http_problem(error) from error


def _unknown(_req: falcon.Request, _resp: falcon.Response, error: Exception, _params: Any) -> None:
    # The request is not logged here: its path and query are a caller's words.
    log.error("a request failed", exc_info=error)
    raise HTTPProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "the service has failed; see its log")


def _serialize(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    document = _document(error)
    if req.path.startswith(AUTHZEN):
        # OpenID AuthZEN 1.0 wants an error message string in the body of every error.
        document["message"] = document.get("detail", document["title"])
    resp.content_type = MEDIA_TYPE
    resp.data = json.dumps(document).encode()


def _document(error: falcon.HTTPError) -> Any:
    if isinstance(error, HTTPProblem):
        return error.to_dict()
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "-")
    return HTTPProblem(status, code, _plain(status)).to_dict()


def _plain(status: HTTPStatus) -> str | None:
    return {
        HTTPStatus.NOT_FOUND: "there is nothing at this path",
        HTTPStatus.METHOD_NOT_ALLOWED: "this path does not answer to this method",
    }.get(status)
