"""What is asked? Build the request document, the one JSON object that every policy judges."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from falconbox.body import RequestBody
from falconbox.canonical import Target
from falconbox.errors import Malformed
from falconbox.model import Caller
from falconbox.routes import ROUTE_PARAMS, route_params

HIDDEN_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers that hold credentials."""

PROXY_HEADERS: Final = frozenset({"forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip"})
PROXY_PREFIXES: Final = ("x-forwarded-", "x-original-", "x-rewrite-")
"""Headers that only a proxy may write. What a trusted one says is in `remote-addr` and `scheme`, the rest nowhere."""


class RequestDocument:
    """A request document whose body is parsed only when an enforced candidate reads it."""

    def __init__(self, document: dict[str, Any], body: RequestBody) -> None:
        self.document = document
        self._body = body

    @property
    def body_unknown(self) -> bool:
        """Whether a body was sent that is not in the document: unread, unparsable or too large."""
        return self._body.sent and "body" not in self.document

    def read(self, *, body: bool) -> Mapping[str, Any]:
        """Return the document, with its body if wanted and it can be read."""
        if body and self.body_unknown:
            # What cannot be read stays unknown, and every policy that reads it counts as failed.
            with contextlib.suppress(Malformed):
                self.document["body"] = self._body.parsed()
        return self.document


def build_document(
    *, method: str, scheme: str, target: Target, headers: Mapping[str, str], remote_addr: str, caller: Caller
) -> dict[str, Any]:
    """Return the request document without its body. `headers` have lower-case names. Absent things are absent."""
    document: dict[str, Any] = {
        "request-method": method.lower(),
        "scheme": scheme,
        "uri": target.path,
        "params": _params(target),
        "headers": visible(headers.items()),
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
    hidden = HIDDEN_HEADERS | PROXY_HEADERS
    return {name: value for name, value in headers if name not in hidden and not name.startswith(PROXY_PREFIXES)}


def wsgi_headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return a WSGI request's headers with lower-case names (PEP 3333: HTTP_*, CONTENT_TYPE, CONTENT_LENGTH)."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name, header in (("CONTENT_TYPE", "content-type"), ("CONTENT_LENGTH", "content-length")):
        if environ.get(name):
            headers[header] = environ[name]
    return headers
