"""A request as somebody describes it, read by the same rules as one that arrives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from falconbox.canonical import read_target
from falconbox.document import build_document
from falconbox.engine import ALL
from falconbox.errors import Invalid, Malformed, Problem
from falconbox.model import Caller, Client
from falconbox.schemas import did_you_mean
from falconbox.wording import escape

SHAPE: Final[Mapping[str, type]] = {
    "request-method": str,
    "uri": str,
    "query-string": str,
    "scheme": str,
    "headers": dict,
    "remote-addr": str,
    "client": dict,
    "session": dict,
    "jwt": dict,
    "body": object,
}
"""The fields of a described request and their types; `request-method` and `uri` are required."""


class Simulated:
    """A described request: its document is complete from the start."""

    unknown: frozenset[str] = frozenset()

    def __init__(self, document: dict[str, Any], caller: Caller) -> None:
        self.document = document
        self.caller = caller

    def read(self, keys: object = ALL, *, body: bool) -> Mapping[str, Any]:  # noqa: ARG002  # all of it is there
        """Return the document."""
        return self.document


def simulate(request: Mapping[str, Any], clients: Mapping[str, Client]) -> Simulated:
    """Return the described request. Raises Invalid.

    `uri` may hold a query; `client: {id: ...}` names a stored client, `session` and `jwt` are taken as they are.
    """
    problems = [*_wrong_fields(request)]
    if problems:
        raise Invalid(problems)
    query = request.get("query-string")
    try:
        target = read_target(request["uri"] if query is None else f"{request['uri']}?{query}")
    except Malformed as error:
        raise Invalid([Problem("/request/uri", error.detail)]) from error
    caller = Caller(_client(request, clients), request.get("session", {}).get("id"), request.get("jwt"))
    document = build_document(
        method=request["request-method"],
        scheme=request.get("scheme", "http"),
        target=target,
        headers={name.lower(): value for name, value in request.get("headers", {}).items()},
        remote_addr=request.get("remote-addr", "127.0.0.1"),
        caller=caller,
    )
    if "body" in request:
        document["body"] = request["body"]
    return Simulated(document, caller)


def _wrong_fields(request: Mapping[str, Any]) -> list[Problem]:
    problems = [
        Problem(f"/request/{name}", f"unknown field{did_you_mean(name, SHAPE)}")
        for name in request
        if name not in SHAPE
    ]
    problems += [
        Problem(f"/request/{name}", f"must be {'a string' if kind is str else 'an object'}")
        for name, kind in SHAPE.items()
        if name in request and not isinstance(request[name], kind)
    ]
    problems += [
        Problem(f"/request/{name}", "is required") for name in ("request-method", "uri") if name not in request
    ]
    for field, name, value in _nested_strings(request):
        if not isinstance(value, str):
            problems.append(Problem(f"/request/{field}/{escape(name)}", "must be a string"))
    return problems


def _nested_strings(request: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield field, name and value of what must be a string within the fields that are objects."""
    for field, names in (("headers", None), ("client", ("id",)), ("session", ("id",))):
        members = request.get(field)
        if isinstance(members, dict):
            for name in members if names is None else names:
                yield field, name, members.get(name)


def _client(request: Mapping[str, Any], clients: Mapping[str, Client]) -> Client | None:
    if "client" not in request:
        return None
    client = clients.get(request["client"].get("id", ""))
    if client is None:
        raise Invalid(
            [Problem("/request/client/id", "there is no such client; leave `client` out for an anonymous one")]
        )
    return client
