"""What must hold of a document for a schema to say yes: the facets by which policies are found without asking each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from falconbox import NO_FACETS, Facets

_LITERAL: Final = re.compile(r"\^((?:[A-Za-z0-9/_~:@=&%,;!'\"<># -]|\\[/.-])*)")
_SCALARS: Final = (str, int, bool, type(None))

Wanted = tuple[frozenset[str] | None, str | None]
"""The strings that a value may be (None: any), and a prefix that it must have."""

ANY: Final[Wanted] = (None, None)


def facets(schema: Any) -> Facets:
    """Return conditions that are necessary for a yes. What is not understood here gives none."""
    if not isinstance(schema, dict) or "$ref" in schema:
        return NO_FACETS
    members = _members(schema)
    methods, _ = _wanted(members.get("request-method"))
    uris, prefix = _wanted(members.get("uri"))
    own = Facets(methods, uris, prefix, _constants(schema))
    for part in schema.get("allOf", ()):
        own = _both(own, facets(part))
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            own = _both(own, _either(facets(part) for part in schema[keyword]))
    return own


def _members(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    members = schema.get("properties", {})
    return members if isinstance(members, Mapping) else {}


def _wanted(schema: Any) -> Wanted:
    """Return what strings fit a schema."""
    if not isinstance(schema, Mapping) or "$ref" in schema:
        return ANY
    found = ANY
    for keyword in ("const", "constant"):
        if isinstance(schema.get(keyword), str):
            found = _narrowed(found, (frozenset({schema[keyword]}), None))
    values = schema.get("enum")
    if isinstance(values, list):
        found = _narrowed(found, (frozenset(value for value in values if isinstance(value, str)), None))
    if isinstance(schema.get("pattern"), str):
        found = _narrowed(found, _of_pattern(schema["pattern"]))
    for part in schema.get("allOf", ()):
        found = _narrowed(found, _wanted(part))
    return found


def _of_pattern(pattern: str) -> Wanted:
    """Return what a pattern asks for: `^/Patient` a prefix, `^/Patient$` one string. Alternatives are not read."""
    match = _LITERAL.match(pattern)
    if match is None or "|" in pattern:
        return ANY
    rest = pattern[match.end() :]
    literal = re.sub(r"\\(.)", r"\1", match[1])
    if rest == "$":
        return frozenset({literal}), None
    # A quantifier may take the last character away again.
    literal = literal[:-1] if rest[:1] in ("*", "?", "{", "+") else literal
    return (None, literal) if literal else ANY


def _narrowed(one: Wanted, other: Wanted) -> Wanted:
    sets = [found for found, _ in (one, other) if found is not None]
    prefixes = sorted((prefix for _, prefix in (one, other) if prefix is not None), key=len)
    return (frozenset.intersection(*sets) if sets else None), (prefixes[-1] if prefixes else None)


def _constants(schema: Mapping[str, Any], pointer: str = "") -> dict[str, Any]:
    """Return the values that must stand under `client` and `jwt`, as far as every step to them is required."""
    found: dict[str, Any] = {}
    required = schema.get("required", ())
    for name, member in _members(schema).items():
        below = pointer or name in ("client", "jwt")
        if not below or name not in required or not isinstance(member, Mapping) or "$ref" in member:
            continue
        place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        for keyword in ("const", "constant"):
            if keyword in member and isinstance(member[keyword], _SCALARS):
                found[place] = member[keyword]
        found |= _constants(member, place)
    return found


def _both(one: Facets, other: Facets) -> Facets:
    uris, prefix = _narrowed((one.uris, one.uri_prefix), (other.uris, other.uri_prefix))
    methods, _ = _narrowed((one.methods, None), (other.methods, None))
    return Facets(methods, uris, prefix, {**other.constants, **one.constants})


def _either(branches: Iterable[Facets]) -> Facets:
    found = list(branches)
    return Facets(_union(branch.methods for branch in found), _union(branch.uris for branch in found))


def _union(sets: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    known: set[str] = set()
    for one in sets:
        if one is None:
            return None
        known |= one
    return frozenset(known)
