"""The guard in front of any WSGI application (PEP 3333): Flask, Django, or a function of two arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from falconbox.errors import FalconboxError
from falconbox.guard import DECISION_ID, Guard, Passage
from falconbox.problems import HTTPProblem, wsgi_answer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

CALLER: Final = "falconbox.caller"
RECORD_ID: Final = "falconbox.record_id"


class GuardMiddleware:
    """Calls an application for what may pass, and answers the rest itself.

    The application finds the caller (`falconbox.model.Caller`) in its environ under `falconbox.caller`, the id of the
    decision's record under `falconbox.record_id`, and the client's id in `REMOTE_USER`, which is absent for anonymous
    callers.
    """

    def __init__(self, application: WSGIApplication, guard: Guard) -> None:
        self._application = application
        self._guard = guard

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        passage = self._guard.passage(environ)
        try:
            self._guard.admit(passage)
        except FalconboxError as error:
            return _refuse(self._guard.problem(error), passage, start_response)
        if passage.request is not None:
            environ["wsgi.input"] = passage.request.body.again(environ["wsgi.input"])
        # What the server in front of us says of a user is not what has been decided by.
        environ.pop("REMOTE_USER", None)
        if passage.caller.client is not None:
            environ["REMOTE_USER"] = passage.caller.client.id
        environ[CALLER], environ[RECORD_ID] = passage.caller, passage.record_id
        return self._application(environ, _told(passage, start_response) if passage.decided else start_response)


def _told(passage: Passage, start_response: StartResponse) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        headers = [*headers, (DECISION_ID, passage.record_id), ("Vary", "Authorization")]
        return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

    return start


def _refuse(problem: HTTPProblem, passage: Passage, start_response: StartResponse) -> Iterable[bytes]:
    status, headers, body = wsgi_answer(problem)
    start_response(status, [*headers, (DECISION_ID, passage.record_id), ("Vary", "Authorization")])
    return [] if passage.environ["REQUEST_METHOD"] == "HEAD" else [body]
