"""The one route table: Falcon's routes are built from it, and the request document is matched against it.

The guard runs before routing, so it needs to know by itself what a path stands for. Both readings come from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import falcon
from falcon.routing import BaseConverter

from falconbox.api import PAGE
from falconbox.model import ID_PATTERN, RESERVED_TYPES

RESOURCES: Final = ("Client", "AccessPolicy", "Session")
"""Types that have routes of their own; every other type that is not reserved belongs to the box."""

AUTHZEN: Final = "/access/v1/"
"""Where other applications ask (OpenID AuthZEN 1.0)."""

OTHERS: Final = {
    "/auth/token": "token",
    "/auth/introspect": "introspection",
    "/auth/revoke": "revocation",
    "/auth/test-policy": "test_policy",
    "/healthz": "healthz",
    "/readyz": "readyz",
    "/.well-known/jwks.json": "jwks",
    "/.well-known/oauth-authorization-server": "authorization_server",
    "/.well-known/openid-configuration": "authorization_server",
    "/.well-known/oauth-protected-resource": "protected_resource",
    "/.well-known/authzen-configuration": "authzen_configuration",
    f"{AUTHZEN}evaluation": "access_evaluation",
    f"{AUTHZEN}evaluations": "access_evaluations",
    f"{AUTHZEN}search/subject": "search_subject",
    f"{AUTHZEN}search/resource": "search_resource",
    f"{AUTHZEN}search/action": "search_action",
    "/openapi.json": "openapi",
    **dict.fromkeys(PAGE, "docs"),
}
"""Paths that stand for no resource type, and the names of their resources."""

OPERATIONS: Final = {"/Client/{resource_id:id}/$rotate-secret": "secret_rotation"}
"""What can be done to a resource beside reading and writing it, and the names of the operations' resources."""

INSERTED: Final = (
    "/.well-known/authzen-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-protected-resource",
)
"""Documents about a URL with a path that are looked for between its host and its path.

(AuthZEN section 9.2.2, RFC 8414 and RFC 9728 section 3.1.)
"""

ROUTE_PARAMS: Final = frozenset({"resource/type", "resource/id"})
"""Names of parameters that come from the path, and never from the query."""

_TYPE: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,63}")
_PLAIN_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")  # neither a template of Falcon's nor a second spelling
_ID: Final = re.compile(ID_PATTERN.strip("^$"))


def is_id(text: str) -> bool:
    """Whether a text is a well-formed id."""
    return bool(_ID.fullmatch(text)) and text not in (".", "..")


def is_box_type(text: str) -> bool:
    """Whether a text is the name of a type that the box keeps."""
    return bool(_TYPE.fullmatch(text)) and text not in RESERVED_TYPES


def inserted(path: str) -> dict[str, str]:
    """Return where documents about a public URL with this path are looked for, and the names of their resources."""
    return {f"{known}{path}": OTHERS[known] for known in INSERTED} if _PLAIN_PATH.fullmatch(path) else {}


def route_params(path: str) -> dict[str, str]:
    """Return `resource/type` and `resource/id` of a canonical path, as far as it has a route."""
    resource_type, slash, resource_id = path[1:].partition("/")
    resource_id, deeper, operation = resource_id.partition("/")
    if deeper:
        known = f"/{resource_type}/{{resource_id:id}}/{operation}" in OPERATIONS and is_id(resource_id)
        return {"resource/type": resource_type, "resource/id": resource_id} if known else {}
    if resource_type not in RESOURCES and not is_box_type(resource_type):
        return {}
    if not slash:
        return {"resource/type": resource_type}
    return {"resource/type": resource_type, "resource/id": resource_id} if is_id(resource_id) else {}


class _TypeConverter(BaseConverter):
    def convert(self, value: str) -> str | None:
        return value if is_box_type(value) else None


class _IdConverter(BaseConverter):
    def convert(self, value: str) -> str | None:
        return value if is_id(value) else None


def add_routes(app: falcon.App[Any, Any], resources: Mapping[str, object], public_path: str = "") -> None:
    """Give every route its resource. `public_path` is the path of the public URL, if it has one.

    `resources` holds one object for each name in OTHERS and OPERATIONS, each type in RESOURCES, and `box`. A type's
    resource answers to collections by responders with the suffix `collection`, to single documents by those without.
    """
    app.router_options.converters["type"] = _TypeConverter
    app.router_options.converters["id"] = _IdConverter
    for path, name in (*OTHERS.items(), *inserted(public_path).items(), *OPERATIONS.items()):
        app.add_route(path, resources[name])
    for resource_type in RESOURCES:
        app.add_route(f"/{resource_type}", resources[resource_type], suffix="collection")
        app.add_route(f"/{resource_type}/{{resource_id:id}}", resources[resource_type])
    app.add_route("/{resource_type:type}", resources["box"], suffix="collection")
    app.add_route("/{resource_type:type}/{resource_id:id}", resources["box"])
