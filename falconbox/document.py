"""What is asked? Build the request document, the one JSON object that every policy judges."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from falconbox.body import RequestBody
from falconbox.canonical import Target
from falconbox.engine import ALL, All
from falconbox.errors import Malformed
from falconbox.model import Caller
from falconbox.routes import ROUTE_PARAMS, route_params

HIDDEN_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers that hold credentials."""

PROXY_HEADERS: Final = frozenset({"forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip"})
PROXY_PREFIXES: Final = ("x-forwarded-", "x-original-", "x-rewrite-", "x-envoy-")
"""Headers that only a proxy may write. What a trusted one says is in `remote-addr` and `scheme`, the rest nowhere."""

IDENTITY_HEADERS: Final = frozenset({"x-client-id", "x-session-id", "x-decision-id", "x-falconbox-token"})
"""Headers that only we may write, for those who stand behind a proxy. Who asks is in `client`."""


_UNSEEN_HEADERS: Final = HIDDEN_HEADERS | PROXY_HEADERS | IDENTITY_HEADERS
_BODY: Final = frozenset({"body"})


class RequestDocument:
    """A request document that is built no further than somebody reads it.

    `document` holds what costs nothing; `later` makes what a candidate may never look at; the body is parsed only when
    an enforced candidate reads it. `unseen` are keys that nobody can fill in. Belongs to one request, so to one thread.
    """

    def __init__(
        self,
        document: dict[str, Any],
        later: Mapping[str, Callable[[], Any]],
        body: RequestBody,
        unseen: frozenset[str] = frozenset(),
    ) -> None:
        self.document = document
        self._later = dict(later)
        self._body = body
        self._unseen = unseen

    @property
    def unknown(self) -> frozenset[str]:
        """What the document lacks although there is something: a body that has not been read, what no door has seen."""
        return self._unseen | _BODY if self._body_unknown else self._unseen

    @property
    def _body_unknown(self) -> bool:
        return self._body.sent and "body" not in self.document

    def read(self, keys: frozenset[str] | All = ALL, *, body: bool) -> Mapping[str, Any]:
        """Return the document with at least these keys of it, and with its body if wanted and it can be read."""
        for key in [key for key in self._later if isinstance(keys, All) or key in keys]:
            self.document[key] = self._later.pop(key)()
        if body and self._body_unknown:
            # What cannot be read stays unknown, and every policy that reads it counts as failed.
            with contextlib.suppress(Malformed):
                self.document["body"] = self._body.parsed()
        return self.document


def request_document(
    environ: Mapping[str, Any],
    body: RequestBody,
    *,
    method: str,
    scheme: str,
    target: Target,
    remote_addr: str,
    caller: Caller,
    unseen: frozenset[str] = frozenset(),
) -> RequestDocument:
    """Return the request document of a WSGI request (PEP 3333), without the keys that are `unseen`."""
    known: dict[str, Any] = _known(method, scheme, target, remote_addr, caller)
    later = {"params": lambda: _params(target), "headers": lambda: visible(wsgi_headers(environ).items())}
    for key in unseen:
        known.pop(key, None)
        later.pop(key, None)
    return RequestDocument(known, later, body, unseen)


def build_document(
    *, method: str, scheme: str, target: Target, headers: Mapping[str, str], remote_addr: str, caller: Caller
) -> dict[str, Any]:
    """Return the request document without its body. `headers` have lower-case names. Absent things are absent."""
    known = _known(method, scheme, target, remote_addr, caller)
    return {**known, "params": _params(target), "headers": visible(headers.items())}


def _known(method: str, scheme: str, target: Target, remote_addr: str, caller: Caller) -> dict[str, Any]:
    """Return what is known already, and only has to be named."""
    document: dict[str, Any] = {
        "request-method": method.lower(),
        "scheme": scheme,
        "uri": target.path,
        "remote-addr": remote_addr,
    }
    if target.query is not None:
        document["query-string"] = target.query
    if caller.client is not None:
        document["client"] = caller.client.public
    if caller.session is not None:
        document["session"] = {"id": caller.session}
    if caller.claims is not None:
        document["jwt"] = caller.claims
    return document


def _params(target: Target) -> dict[str, Any]:
    # A caller who could name a type or an id in the query would pass for one who asks for them in the path.
    asked = {name: value for name, value in target.params.items() if name not in ROUTE_PARAMS}
    return {**asked, **route_params(target.path)}


def visible(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the headers that policies may see: no credentials, and nothing that only a proxy may say."""
    return {name: value for name, value in headers if _is_visible(name)}


@functools.lru_cache(maxsize=1024)
def _is_visible(name: str) -> bool:
    return name not in _UNSEEN_HEADERS and not name.startswith(PROXY_PREFIXES)


def wsgi_headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return a WSGI request's headers with lower-case names (PEP 3333: HTTP_*, CONTENT_TYPE, CONTENT_LENGTH)."""
    headers = {_header(variable): value for variable, value in environ.items() if variable.startswith("HTTP_")}
    for variable, header in (("CONTENT_TYPE", "content-type"), ("CONTENT_LENGTH", "content-length")):
        if environ.get(variable):
            headers[header] = environ[variable]
    return headers


@functools.lru_cache(maxsize=1024)
def _header(variable: str) -> str:
    return variable[5:].replace("_", "-").lower()
