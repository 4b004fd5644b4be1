"""`?__debug=policy`: what the policies say of a request, instead of what it asks for. For those who may ask why.

Whoever may `POST /auth/test-policy` may ask so too; that is what is decided, by a guard, and what the record says. The
request itself is not carried out.
"""

from __future__ import annotations

import dataclasses
from typing import Final
from urllib.parse import unquote

import falcon

from falconbox.body import RequestBody
from falconbox.canonical import read_target
from falconbox.decision.point import DecisionPoint
from falconbox.errors import FalconboxError, NotAcceptable
from falconbox.guard import Guard, question
from falconbox.media import choose, write
from falconbox.problems import http_problem
from falconbox.redaction import Redacted
from falconbox.request import Door, Environ, Request
from falconbox.resources.explanation import explained

PARAMETER: Final = "__debug"
WHY: Final = read_target("/auth/test-policy")


class DebugDoor:
    """Where a request is read as the question why."""

    name = "debug"

    def __init__(self, door: Door) -> None:
        self._door = door

    def read(self, environ: Environ) -> Request:
        """Return the request to be told why. Raises FalconboxError as the door does behind which it stands."""
        request = self._door.read(environ)
        nothing = RequestBody(None, None, sent=False)
        return dataclasses.replace(request, method="POST", target=WHY, body=nothing)

    def claimed(self, environ: Environ) -> tuple[str, str]:
        """Return method and target as they were sent."""
        return self._door.claimed(environ)


class DebugPolicy:
    """Middleware: answers what asks why, if that is allowed, and lets everything else go on to the guard behind it."""

    def __init__(self, guard: Guard, door: Door, decision_point: DecisionPoint) -> None:
        self._guard = guard
        self._door = door
        self._decision_point = decision_point

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer a request that asks why. Raises the HTTP error that it is refused with."""
        request = self._asking(req.env)
        if request is None:
            return
        self._guard.process_request(req, resp)
        caller, world = req.context.caller, req.context.world
        asked = question(request, caller)
        answers = self._decision_point.explain(world, caller.client_id, asked)
        decision = self._decision_point.decide(world, caller.client_id, asked)
        shown = Redacted(asked.document)
        try:
            resp.content_type = choose(req.get_header("Accept"))
        except NotAcceptable as error:
            raise http_problem(error) from error
        resp.append_header("Vary", "Accept")
        resp.data = write(resp.content_type, explained(shown.document, decision, shown.answers(answers)))
        resp.complete = True

    def _asking(self, environ: Environ) -> Request | None:
        if PARAMETER not in unquote(environ.get("QUERY_STRING", "")):
            return None
        try:
            request = self._door.read(environ)
        except FalconboxError:
            return None  # it is the guard's to refuse
        said = request.target.params.get(PARAMETER)
        # Whoever asks why, and something else besides, has asked why: that carries out nothing.
        return request if "policy" in (said if isinstance(said, list) else [said]) else None
