"""The guard (PEP): no request passes unless it is known who asks, what is asked, and that a policy allows it.

HTTP request -> authenticate -> request document -> select policies -> engines -> decision -> decision log -> response

There are several doors (`falconbox.request.Door`), and one flow: `Guard.admit`. What stands around it here speaks
Falcon, so that a Guard is Falcon middleware as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, Protocol

from falconbox.authentication import Authenticator
from falconbox.decision.point import DecisionPoint
from falconbox.decision_log import record
from falconbox.decision_log.writer import DecisionLog
from falconbox.document import RequestDocument, request_document
from falconbox.errors import CredentialsRequired, FalconboxError, Forbidden, SnapshotStale, TokenRejected
from falconbox.model import ANONYMOUS, Caller, Decision
from falconbox.problems import HTTPProblem, challenges, http_problem
from falconbox.request import Door, Environ, Request
from falconbox.world import World

if TYPE_CHECKING:
    import falcon

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
    """Enforces decisions at one door. As Falcon middleware it must be the first in the list."""

    def __init__(
        self,
        worlds: Worlds,
        authenticator: Authenticator,
        decision_point: DecisionPoint,
        decision_log: DecisionLog,
        door: Door,
        *,
        open_routes: OpenRoutes = (),
        resource_metadata: str | None = None,
    ) -> None:
        """`resource_metadata` is the URL that the challenges of a 401 name (RFC 9728), if there is such a document."""
        self._challenge = challenges(resource_metadata)
        self._token_challenge = challenges(resource_metadata, "invalid_token")
        self._worlds = worlds
        self._authenticator = authenticator
        self._decision_point = decision_point
        self._decision_log = decision_log
        self._door = door
        self._open_routes = frozenset(open_routes)

    def admit(self, passage: Passage, hand_out: Callable[[], None] = lambda: None) -> None:
        """Return if a request may pass; its passage is told what is found out on the way.

        `hand_out` makes what goes with an allowance, before that is written down: what it raises is a refusal.

        Raises the FalconboxError that it is refused with, after that has been written down.
        """
        try:
            request = passage.request = self._door.read(passage.environ)
            if (request.method, request.target.path) in self._open_routes:
                passage.decided = False
                return
            world = passage.world = self._worlds.current
            caller = passage.caller = self._authenticator.authenticate(
                request.authorization, world, passage.remote_addr
            )
            decision = self._decision_point.decide(world, caller.client_id, question(request, caller))
            if decision.allow:
                hand_out()
        except FalconboxError as error:
            asked = passage.asked()
            self._decision_log.write(record.refused(passage.record_id, asked, error.code, error.detail, error.claimed))
            raise
        self._decision_log.write(record.decided(passage.record_id, passage.asked(), decision))
        _enforce(decision, caller)

    def passage(self, environ: Environ) -> Passage:
        """Return what is known of a request that has arrived at the door."""
        return Passage(environ, self._door)

    def problem(self, error: FalconboxError) -> HTTPProblem:
        """Return the HTTP error that a refusal at this door becomes."""
        return http_problem(error, self._token_challenge if isinstance(error, TokenRejected) else self._challenge)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let the request pass, or raise the HTTP error that it is answered with.

        What has been found out is left in `req.context`: `target`, `body`, `caller`, on a route that is not open
        `world`, and `record_id` and `asked`, for records that the resource may write.
        """
        passage = self.passage(req.env)
        try:
            self.admit(passage)
        except FalconboxError as error:
            raise self.problem(error) from error
        finally:
            _tell(passage, req, resp)


class Passage:
    """What is known of one request while it passes. `decided` is False on an open route."""

    def __init__(self, environ: Environ, door: Door) -> None:
        self.environ = environ
        self.door = door
        self.started = time.perf_counter_ns()
        self.record_id = record.new_id()
        self.decided = True
        self.request: Request | None = None
        self.caller: Caller = ANONYMOUS
        self.world: World | None = None

    @property
    def remote_addr(self) -> str:
        """The caller's address; the peer's as long as no other has been told."""
        told = "" if self.request is None else self.request.remote_addr
        return told or str(self.environ.get("REMOTE_ADDR", ""))

    def asked(self) -> record.Asked:
        """Return what every record says of it, up to now."""
        if self.request is None:
            method, target = self.door.claimed(self.environ)
            uri = target.partition("?")[0]  # the query may hold secrets
        else:
            method, uri = self.request.method, self.request.target.path
        duration = (time.perf_counter_ns() - self.started) // 1000
        return record.Asked(method, uri, self.remote_addr, duration, self.caller, self.door.name)


def question(request: Request, caller: Caller) -> RequestDocument:
    """Return what a request of a caller asks, as a request document."""
    return request_document(
        request.environ,
        request.body,
        method=request.method,
        scheme=request.scheme,
        target=request.target,
        remote_addr=request.remote_addr,
        caller=caller,
        unseen=request.unseen,
    )


def _enforce(decision: Decision, caller: Caller) -> None:
    if decision.allow:
        return
    if decision.code == SnapshotStale.code:
        raise SnapshotStale
    if caller.client is None:
        raise CredentialsRequired("this needs credentials")
    raise Forbidden("this is not allowed")


def _tell(passage: Passage, req: falcon.Request, resp: falcon.Response) -> None:
    if passage.request is not None:
        mount = req.env.get("SCRIPT_NAME", "").encode("latin-1").decode()
        req.path = passage.request.target.path.removeprefix(mount) or "/"
        req.context.target, req.context.body = passage.request.target, passage.request.body
        # A body that a policy has read is there for the application all the same.
        req.stream = req.env["wsgi.input"] = passage.request.body.again(req.env["wsgi.input"])
    req.context.caller, req.context.world = passage.caller, passage.world
    req.context.record_id, req.context.asked = passage.record_id, passage.asked
    if passage.decided:
        resp.set_header(DECISION_ID, passage.record_id)
        # Another caller gets another answer (RFC 9110 section 12.5.5).
        resp.append_header("Vary", "Authorization")
