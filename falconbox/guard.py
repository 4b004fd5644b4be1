"""The guard (PEP): no request passes unless it is known who asks, what is asked, and that a policy allows it.

HTTP request -> authenticate -> request document -> select policies -> engines -> decision -> decision log -> response
"""

from __future__ import annotations

import time
from collections.abc import Collection
from http import HTTPStatus
from typing import Final, Protocol

import falcon

from falconbox.authentication import Authenticator
from falconbox.body import RequestBody
from falconbox.canonical import Target, canonical_target
from falconbox.decision.point import DecisionPoint
from falconbox.decision_log import record
from falconbox.decision_log.writer import DecisionLog
from falconbox.document import RequestDocument, request_document
from falconbox.errors import CredentialsRejected, FalconboxError, Malformed, TooManyAttempts
from falconbox.forwarded import Proxies
from falconbox.model import ANONYMOUS, Caller, Decision
from falconbox.problems import HTTPProblem, http_problem
from falconbox.world import World

OpenRoutes = Collection[tuple[str, str]]
"""Methods and exact paths that are answered without a decision."""


DECISION_ID: Final = "X-Decision-Id"
"""The header that names the record of an answer."""


class Worlds(Protocol):
    """Where the newest world is found."""

    @property
    def current(self) -> World:
        """The newest world."""


class Guard:
    """Falcon middleware that enforces decisions. It must be the first in the list.

    What it finds out is left in `req.context`: `target`, `body`, `caller` and `world`; on an open route instead of
    the last two `record_id` and `asked`, for a record that the resource may write.
    """

    def __init__(
        self,
        worlds: Worlds,
        authenticator: Authenticator,
        decision_point: DecisionPoint,
        decision_log: DecisionLog,
        *,
        proxies: Proxies,
        open_routes: OpenRoutes = (),
    ) -> None:
        self._worlds = worlds
        self._authenticator = authenticator
        self._decision_point = decision_point
        self._decision_log = decision_log
        self._proxies = proxies
        self._open_routes = frozenset(open_routes)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let the request pass, or raise the HTTP error that it is answered with."""
        passage = _Passage(req)
        try:
            target = self._read(req, passage)
            if (req.method, target.path) in self._open_routes:
                req.context.record_id, req.context.asked = passage.record_id, passage.asked
                return
            resp.set_header(DECISION_ID, passage.record_id)
            # Another caller gets another answer (RFC 9110 section 12.5.5).
            resp.append_header("Vary", "Authorization")
            world = req.context.world = self._worlds.current
            caller = passage.caller = req.context.caller = self._authenticator.authenticate(
                req.env.get("HTTP_AUTHORIZATION"), world, passage.remote_addr
            )
            question = passage.question(req, target)
            client_id = None if caller.client is None else caller.client.id
            decision = self._decision_point.decide(world, client_id, question)
            self._decision_log.write(record.decided(passage.record_id, passage.asked(), decision))
        except (Malformed, CredentialsRejected, TooManyAttempts) as error:
            resp.set_header(DECISION_ID, passage.record_id)
            self._refuse(error, passage)
            raise http_problem(error) from error
        except FalconboxError as error:
            raise http_problem(error) from error
        _enforce(decision, caller)

    def _read(self, req: falcon.Request, passage: _Passage) -> Target:
        passage.remote_addr = req.env.get("REMOTE_ADDR", "")
        passage.remote_addr, passage.scheme = self._proxies.origin(req.env)
        target: Target = canonical_target(req.env, self._proxies.host(req.env))
        passage.uri = target.path
        req.path = target.path
        req.context.target = target
        req.context.caller = ANONYMOUS
        req.context.body = RequestBody(req.bounded_stream, req.content_type, sent=_has_body(req))
        return target

    def _refuse(self, error: FalconboxError, passage: _Passage) -> None:
        refusal = record.refused(passage.record_id, passage.asked(), error.code, error.detail)
        try:
            self._decision_log.write(refusal)
        except FalconboxError as unavailable:
            raise http_problem(unavailable) from unavailable


class _Passage:
    """What is known of one request while it passes, for its record."""

    def __init__(self, req: falcon.Request) -> None:
        self.started = time.perf_counter_ns()
        self.record_id = record.new_id()
        self.method = req.method
        # Until the target has been read, the record shows what was sent, without the query: it may hold secrets.
        self.uri = str(req.env.get("REQUEST_URI") or req.env.get("RAW_URI") or req.path).partition("?")[0]
        self.remote_addr = ""
        self.scheme = "http"
        self.caller: Caller = ANONYMOUS

    def asked(self) -> record.Asked:
        duration = (time.perf_counter_ns() - self.started) // 1000
        return record.Asked(self.method, self.uri, self.remote_addr, duration, self.caller)

    def question(self, req: falcon.Request, target: Target) -> RequestDocument:
        return request_document(
            req.env,
            req.context.body,
            method=req.method,
            scheme=self.scheme,
            target=target,
            remote_addr=self.remote_addr,
            caller=self.caller,
        )


def _has_body(req: falcon.Request) -> bool:
    return req.env.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in req.env


def _enforce(decision: Decision, caller: Caller) -> None:
    if decision.allow:
        return
    if decision.code == "snapshot-stale":
        raise HTTPProblem(
            HTTPStatus.SERVICE_UNAVAILABLE, decision.code, "the policies are too old to decide by; try again later"
        )
    if caller.client is None:
        raise HTTPProblem(HTTPStatus.UNAUTHORIZED, "credentials-required", "this needs credentials")
    raise HTTPProblem(HTTPStatus.FORBIDDEN, "forbidden", "this is not allowed")
