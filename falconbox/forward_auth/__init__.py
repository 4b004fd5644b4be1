"""Forward-auth: a proxy asks, for each request that it has received, whether it may pass.

Plain WSGI in front of the application, so that no router, method or media type stands between a proxy and its answer.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from falconbox.errors import FalconboxError
from falconbox.forward_auth.doors import NoDoor, ProfileDoor, profile_asked
from falconbox.forward_auth.profiles import PROFILES
from falconbox.forwarded import Proxies
from falconbox.guard import DECISION_ID, Guard, Passage
from falconbox.oauth.identity import IdentityTokens
from falconbox.problems import SECURITY_HEADERS, HTTPProblem, wsgi_answer
from falconbox.request import Door, sent_target

Headers = list[tuple[str, str]]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_VALUE: Final = re.compile(r"[\x21-\x7e]{1,128}")
log = logging.getLogger(__name__)


class ForwardAuth:
    """Answers proxies under `/forward-auth/`, and hands everything else on to the application.

    `guard_at` makes the guard of a door. With `tokens`, applications are told who asks in a signed token too.
    """

    def __init__(
        self,
        application: Application,
        guard_at: Callable[[Door], Guard],
        proxies: Proxies,
        tokens: IdentityTokens | None = None,
    ) -> None:
        self._application = application
        self._guards: Mapping[str, Guard] = {
            "": guard_at(NoDoor()),
            **{name: guard_at(ProfileDoor(profile, proxies)) for name, profile in PROFILES.items()},
        }
        self._tokens = tokens

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        name = profile_asked(sent_target(environ))
        if name is None:
            return self._application(environ, start_response)
        status, headers, body = self._answer(name, environ)
        start_response(status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _answer(self, name: str, environ: dict[str, Any]) -> tuple[str, Headers, bytes]:
        guard = self._guards[name]
        passage = guard.passage(environ)
        identity: Headers = []
        try:
            # Made first, so that no record says that something was allowed whose identity could not be told.
            guard.admit(passage, lambda: identity.extend(self._identity(passage)))
        except FalconboxError as error:
            problem = guard.problem(error)
        except Exception:
            # What some proxies do with a 5xx is let the request pass.
            log.exception("a proxy's question could not be answered")
            problem = HTTPProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error")
        else:
            return "200 OK", [("Content-Length", "0"), *SECURITY_HEADERS.items(), *identity], b""
        status, headers, body = wsgi_answer(problem, _known(name, HTTPStatus(problem.status_code)))
        return status, [*headers, (DECISION_ID, passage.record_id)], body

    def _identity(self, passage: Passage) -> Iterator[tuple[str, str]]:
        """Yield the headers that tell the application who asks.

        An empty one where there is nothing to say: a header that is missing would leave in place what a caller has
        sent. None holds anything but one visible word.
        """
        caller = passage.caller
        for name, value in (("X-Client-Id", caller.client_id), ("X-Session-Id", caller.session)):
            yield name, value if value is not None and _VALUE.fullmatch(value) else ""
        yield DECISION_ID, passage.record_id
        tokens = None if caller.client is None else self._tokens
        yield "X-Falconbox-Token", "" if tokens is None else tokens.issue(caller, passage.record_id)


def door_at(target: str) -> str | None:
    """Return what the decision log calls the door at a target; None if it is another one."""
    name = profile_asked(target)
    return None if name is None else f"forward-auth/{name}".rstrip("/")


def understood(target: str, status: HTTPStatus) -> HTTPStatus:
    """Return what to answer instead of a status at a target where proxies take only some to mean a denial."""
    name = profile_asked(target)
    return status if name is None else _known(name, status)


def _known(name: str, status: HTTPStatus) -> HTTPStatus:
    relays = name in PROFILES and PROFILES[name].relays
    return status if relays or status is HTTPStatus.UNAUTHORIZED else HTTPStatus.FORBIDDEN


__all__ = ["ForwardAuth", "door_at", "understood"]
