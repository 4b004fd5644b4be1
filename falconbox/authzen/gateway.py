"""API gateways ask about HTTP requests: an evaluation of a resource of type `route` becomes a request document.

It is judged by policies of type `rest`, like the request itself, and its target is read by the one canonicaliser. What
the gateway does not tell is unknown, never absent: a policy that reads it has failed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from falconbox.authzen.entities import Entities
from falconbox.authzen.evaluation import Entity, Evaluation
from falconbox.body import RequestBody
from falconbox.canonical import Target, read_target
from falconbox.document import RequestDocument, build_document
from falconbox.errors import FalconboxError, Malformed
from falconbox.forwarded import read_address
from falconbox.model import ANONYMOUS, Caller, Client

ROUTE: Final = "route"
"""The type of resources that are routes."""

CLIENT: Final = "client"
"""The type of subjects that are clients of this service, or nobody."""

IDENTITY: Final = "identity"
"""The type of subjects that are what a token calls its `sub`: one of our tokens names a client there."""

UNTOLD: Final = frozenset({"body", "session", "jwt"})
"""Keys of the request document that a gateway cannot tell."""

NO_BODY: Final = RequestBody(None, None, sent=False)
"""Nothing was sent; whatever is asked of it, it stays as it is."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_ABSOLUTE: Final = re.compile(r"(?P<scheme>https?)://[A-Za-z0-9._~:@!$&'()*+,;=%\[\]-]+(?=/)", re.IGNORECASE | re.ASCII)


class SubjectRejected(FalconboxError):
    """The subject is no client that could ask for anything here. The detail is for people, and names nobody."""

    code = "subject-rejected"


def caller_of(subject: Entity, clients: Mapping[str, Client]) -> Caller:
    """Return who asks: a client if the subject's type says so, else nobody who is known here. Raises SubjectRejected.

    The gateway vouches for an id, and for nothing more: there is no session and no token.
    """
    if subject.type not in (CLIENT, IDENTITY):
        return ANONYMOUS
    client = clients.get(subject.id)
    if client is None:
        if subject.type == IDENTITY:
            return ANONYMOUS  # somebody of another issuer
        raise SubjectRejected("there is no such client")
    if not (client.active and client.grant_types):
        raise SubjectRejected("the client is not active, or has no grant")
    return Caller(client)


def target_of(route: Entity) -> Target:
    """Return the target of a route: its property `uri`, absolute or not, else its id. Raises Malformed."""
    uri = _uri(route)
    absolute = _ABSOLUTE.match(uri)
    return read_target(uri if absolute is None else uri[absolute.end() :])


def named(evaluation: Evaluation) -> dict[str, str]:
    """Return what the decision log keeps of a route besides its name: the path that was asked for."""
    if evaluation.resource.type != ROUTE:
        return {}
    try:
        return {"target": target_of(evaluation.resource).path}
    except Malformed:
        return {}


def request_of(evaluation: Evaluation, caller: Caller, entities: Entities) -> RequestDocument:
    """Return the request document that an evaluation of a route stands for. Raises Malformed."""
    properties = evaluation.resource.properties or {}
    if not _TOKEN.fullmatch(evaluation.action.name):
        raise Malformed("the action is no HTTP method")
    absolute = _ABSOLUTE.match(_uri(evaluation.resource))
    scheme = None if absolute is None else absolute["scheme"].lower()
    address, headers = _address(properties.get("ip")), _headers(evaluation.context)
    document = build_document(
        method=evaluation.action.name,
        scheme=scheme or "",
        target=target_of(evaluation.resource),
        headers=headers or {},
        remote_addr=address or "",
        caller=caller,
    )
    told = {"scheme": scheme, "remote-addr": address, "headers": headers}
    unseen = UNTOLD.union(key for key, value in told.items() if value is None)
    seen = {key: value for key, value in document.items() if key not in unseen}
    return RequestDocument(
        {**seen, "route": evaluation.resource.id},
        {"subject": lambda: entities.document(evaluation.subject)},
        NO_BODY,
        unseen,
    )


def _uri(route: Entity) -> str:
    uri = (route.properties or {}).get("uri", route.id)
    if not isinstance(uri, str):
        raise Malformed("the uri of the route must be a string")
    return uri


def _address(text: Any) -> str | None:
    try:
        return read_address(text) if isinstance(text, str) else None
    except Malformed:
        return None


def _headers(context: Mapping[str, Any] | None) -> dict[str, str] | None:
    sent = (context or {}).get("headers")
    if not isinstance(sent, Mapping) or not all(isinstance(value, str) for value in sent.values()):
        return None
    # Beyond ASCII there are letters whose small ones are those of other names.
    if not all(_TOKEN.fullmatch(name) for name in sent):
        return None
    headers = {name.lower(): value for name, value in sent.items()}
    return headers if len(headers) == len(sent) else None
