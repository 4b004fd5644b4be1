"""What must hold of a document for a schema to say yes: the facets by which policies are found without asking each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from falconbox import NO_FACETS, Facets, regex
from falconbox.facets import ANY_STRING, Strings
from falconbox.wording import escape

ALWAYS_OBJECTS: Final = frozenset({
    "/client", "/client/details", "/headers", "/jwt", "/params", "/session",
    "/action", "/action/properties", "/context", "/resource", "/resource/properties", "/subject", "/subject/properties",
})  # fmt: skip
"""What is an object wherever a document has it: of requests in the first line, of AuthZEN evaluations in the second."""

FOUND_OTHERWISE: Final = frozenset({"/request-method", "/uri"})

_SCALARS: Final = (str, int, bool, type(None))


def facets(schema: Any) -> Facets:
    """Return conditions that are necessary for a yes. What is not understood here gives none."""
    if not isinstance(schema, dict):
        return NO_FACETS
    members = _members(schema)
    method, uri = _wanted(members.get("request-method")), _wanted(members.get("uri"))
    own = Facets(method.values, uri.values, uri.prefix, _constants(schema))
    for part in schema.get("allOf", ()):
        own = own.both(facets(part))
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            own = own.both(Facets.either(facets(part) for part in schema[keyword]))
    return own


def _members(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    members = schema.get("properties", {})
    return members if isinstance(members, Mapping) else {}


def _wanted(schema: Any) -> Strings:
    """Return what strings fit a schema."""
    if not isinstance(schema, Mapping):
        return ANY_STRING
    found = ANY_STRING
    for keyword in ("const", "constant"):
        if isinstance(schema.get(keyword), str):
            found = found.both(Strings(frozenset({schema[keyword]})))
    values = schema.get("enum")
    if isinstance(values, list):
        found = found.both(Strings(frozenset(value for value in values if isinstance(value, str))))
    if isinstance(schema.get("pattern"), str):
        found = found.both(regex.strings(schema["pattern"]))
    for part in schema.get("allOf", ()):
        found = found.both(_wanted(part))
    return found


def _constants(schema: Mapping[str, Any], pointer: str = "") -> dict[str, Any]:
    """Return the values that must stand at places, as far as every step to them is required, and is one in an object.

    `required` and `properties` say nothing of what is no object: such a document is not answered no.
    """
    if pointer and pointer not in ALWAYS_OBJECTS and schema.get("type") not in ("object", ["object"]):
        return {}
    found: dict[str, Any] = {}
    required = schema.get("required", ())
    for name, member in _members(schema).items():
        place = f"{pointer}/{escape(name)}"
        if name not in required or not isinstance(member, Mapping) or place in FOUND_OTHERWISE:
            continue
        if values := [value for value in _only(member) if isinstance(value, _SCALARS)]:
            found[place] = values[0]
        found |= _constants(member, place)
    return found


def _only(schema: Mapping[str, Any]) -> list[Any]:
    """Return the only values that a schema lets stand: what each of its keywords wants that wants one."""
    alternatives = schema.get("enum")
    known = [schema[keyword] for keyword in ("const", "constant") if keyword in schema]
    return known + (alternatives if isinstance(alternatives, list) and len(alternatives) == 1 else [])
