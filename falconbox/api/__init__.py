"""The description of the HTTP API (OpenAPI 3.1), and the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from falconbox.admission import policy_schema
from falconbox.engine import Engine
from falconbox.media import strict_yaml
from falconbox.schemas import shipped

COMPONENTS: Final = "#/components/schemas/"

PAGE: Final[Mapping[str, tuple[str, str]]] = {
    "/docs": ("index.html", "text/html; charset=utf-8"),
    "/docs/start.js": ("start.js", "text/javascript; charset=utf-8"),
    "/docs/swagger-ui-bundle.js": ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    "/docs/swagger-ui.css": ("swagger-ui.css", "text/css; charset=utf-8"),
}
"""The paths of the page: the file that each stands for, and its media type. No other file is ever read."""


def description(engines: Mapping[str, Engine]) -> dict[str, Any]:
    """Return the description, with the shipped schemas put in, and the fields that these engines own."""
    document: dict[str, Any] = strict_yaml.loads(files(__name__).joinpath("openapi.yaml").read_bytes())
    schemas = document["components"]["schemas"]
    for name in ("Client", "SecretRotation"):
        schemas[name] = component(name, shipped(name))
    names = {engine: f"AccessPolicy.{engine}" for engine in sorted(engines)}
    for engine, name in names.items():
        schemas[name] = component(name, policy_schema(engines[engine]))
        schemas[name]["properties"]["engine"] = {"const": engine}
    schemas["AccessPolicy"] = {"oneOf": [{"$ref": COMPONENTS + name} for name in names.values()]}
    return document


def component(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema as a component of that name: what it refers to in itself is found there."""
    moved = {key: _moved(value, f"{COMPONENTS}{name}") for key, value in schema.items() if key != "$schema"}
    return {**moved, "properties": dict(moved["properties"])}


@cache
def page(path: str) -> tuple[bytes, str]:
    """Return what stands at a path of the page, and its media type. Raises KeyError."""
    name, media_type = PAGE[path]
    return files(__name__).joinpath("page", name).read_bytes(), media_type


def _moved(value: Any, base: str) -> Any:
    if isinstance(value, Mapping):
        return {
            key: base + member[1:] if key == "$ref" and isinstance(member, str) else _moved(member, base)
            for key, member in value.items()
        }
    return [_moved(member, base) for member in value] if isinstance(value, list) else value
