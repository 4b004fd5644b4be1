"""What becomes of an error in HTTP: problem details (RFC 9457) with a stable `code`, and nothing about policies."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any, Final

import falcon

from falconbox import errors
from falconbox.decision_log.writer import DecisionLogUnavailable

BASIC: Final = 'Basic realm="falconbox", charset="UTF-8"'
"""The challenge of HTTP Basic (RFC 7617)."""

MEDIA_TYPE: Final = "application/problem+json"

REQUEST_ID: Final = "X-Request-ID"
_REQUEST_ID: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?")

SECURITY_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer. What is decided for one caller is nobody else's, so nothing is kept; no answer is a page."""

STATUS: Final[dict[type[errors.FalconboxError], HTTPStatus]] = {
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    errors.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.CredentialsRejected: HTTPStatus.UNAUTHORIZED,
    errors.CredentialsRequired: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.UntrustedProxy: HTTPStatus.FORBIDDEN,
    errors.SnapshotStale: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    errors.StoreConflict: HTTPStatus.CONFLICT,
    errors.StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    DecisionLogUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status of each kind of error; the first class that fits counts."""


def challenges(resource_metadata: str | None = None, error: str | None = None) -> str:
    """Return what is sent with a 401: the challenges of Basic and of Bearer (RFC 6750 section 3).

    The latter says what is wrong with the token that was presented, if one was (`error`, section 3.1), and names the
    URL of the resource's metadata, if it has any (RFC 9728 section 5.1).
    """
    bearer = 'Bearer realm="falconbox"'
    if error is not None:
        bearer += f', error="{error}"'
    if resource_metadata is not None:
        quoted = resource_metadata.replace("\\", "\\\\").replace('"', '\\"')
        bearer += f', resource_metadata="{quoted}"'
    return f"{BASIC}, {bearer}"


CHALLENGES: Final = challenges()
"""Those of a resource without metadata."""


def comes_back(request_id: str) -> bool:
    """Whether a request's id is sent back: up to 256 printable ASCII characters. Others could be read as anything."""
    return _REQUEST_ID.fullmatch(request_id) is not None


class HTTPProblem(falcon.HTTPError):
    """An HTTP error whose body is a problem document."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str | None = None,
        *,
        problems: tuple[errors.Problem, ...] = (),
        retry_after: int | None = None,
        challenge: str = CHALLENGES,
    ) -> None:
        """`challenge` goes with a 401, and nothing else."""
        headers = {}
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = challenge
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        super().__init__(status, title=status.phrase, description=detail, headers=headers)
        self.problem_code = code
        self.problems = problems

    def to_dict(self, obj_type: Any = dict) -> Any:
        """Return the problem document."""
        document = obj_type(title=self.title, status=self.status_code, code=self.problem_code)
        if self.description is not None:
            document["detail"] = self.description
        if self.problems:
            document["errors"] = [_problem(problem) for problem in self.problems]
        return document


def wsgi_answer(problem: HTTPProblem, status: HTTPStatus | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return status line, headers and body that say a problem, by its own or another status, in WSGI (PEP 3333)."""
    status = status or HTTPStatus(problem.status_code)
    body = json.dumps({**problem.to_dict(), "title": status.phrase, "status": status.value}).encode()
    headers = {
        **SECURITY_HEADERS,
        **dict(problem.headers or {}),
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
    }
    return f"{status.value} {status.phrase}", list(headers.items()), body


def http_problem(error: errors.FalconboxError, challenge: str = CHALLENGES) -> HTTPProblem:
    """Return the HTTP error that a falconbox error becomes; `challenge` goes with a 401."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), None)
    if status is None:
        return HTTPProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error")
    if isinstance(error, errors.CredentialsRejected):
        # One text for every kind of wrong credentials; which kind it was stands in the decision log.
        return HTTPProblem(status, error.code, "the credentials are not valid here", challenge=challenge)
    if isinstance(error, errors.TooManyAttempts):
        return HTTPProblem(
            status, error.code, "too many credentials are tried; come again later", retry_after=error.retry_after
        )
    if isinstance(error, errors.Invalid):
        return HTTPProblem(status, error.code, "the document is invalid; see errors", problems=error.problems)
    if isinstance(error, errors.Malformed) and error.line is not None:
        problem = errors.Problem("", error.detail, line=error.line, column=error.column)
        return HTTPProblem(status, error.code, error.detail, problems=(problem,))
    return HTTPProblem(status, error.code, error.detail, challenge=challenge)


def _problem(problem: errors.Problem) -> dict[str, Any]:
    fields = {
        "pointer": problem.pointer,
        "detail": problem.detail,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
    }
    return {name: value for name, value in fields.items() if value is not None}
