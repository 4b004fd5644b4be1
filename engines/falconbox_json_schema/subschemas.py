"""Where draft-07 has subschemas, and which keywords it has at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

SINGLE: Final = frozenset(
    {"additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
)
"""Keywords whose value is a schema (`items` may be a list of them)."""

LISTS: Final = frozenset({"allOf", "anyOf", "oneOf"})
"""Keywords whose value is a list of schemas."""

MAPS: Final = frozenset({"definitions", "dependencies", "patternProperties", "properties"})
"""Keywords whose value maps names to schemas (`dependencies` also to lists of names)."""

ASSERTIONS: Final = frozenset(
    {
        "const", "constant", "contentEncoding", "contentMediaType", "enum", "exclusiveMaximum", "exclusiveMinimum",
        "format", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties",
        "minimum", "multipleOf", "pattern", "required", "type", "uniqueItems",
    }
)  # fmt: skip

ANNOTATIONS: Final = frozenset(
    {"$comment", "$id", "$ref", "$schema", "default", "description", "examples", "readOnly", "title", "writeOnly"}
)

KEYWORDS: Final = SINGLE | LISTS | MAPS | ASSERTIONS | ANNOTATIONS

FORMATS: Final = frozenset(
    {
        "date", "date-time", "email", "hostname", "idn-email", "idn-hostname", "ipv4", "ipv6", "iri", "iri-reference",
        "json-pointer", "regex", "relative-json-pointer", "time", "uri", "uri-reference", "uri-template",
    }
)  # fmt: skip
"""The formats of draft-07; all of them are asserted."""


def escape(part: str | int) -> str:
    """Return one reference token of a JSON pointer (RFC 6901)."""
    return str(part).replace("~", "~0").replace("/", "~1")


def children(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield keyword, pointer below the schema, and subschema, of each direct subschema."""
    for keyword, value in schema.items():
        if keyword in SINGLE and not (keyword == "items" and isinstance(value, list)):
            yield keyword, f"/{keyword}", value
        elif (keyword in LISTS or keyword == "items") and isinstance(value, list):
            for position, item in enumerate(value):
                yield keyword, f"/{keyword}/{position}", item
        elif keyword in MAPS and isinstance(value, Mapping):
            for name, item in value.items():
                if not (keyword == "dependencies" and isinstance(item, list)):
                    yield keyword, f"/{keyword}/{escape(name)}", item


def walk(schema: Any, pointer: str = "") -> Iterator[tuple[Any, str]]:
    """Yield a schema and all its subschemas with their pointers, without recursion."""
    waiting = [(schema, pointer)]
    while waiting:
        current, where = waiting.pop()
        yield current, where
        if isinstance(current, Mapping):
            waiting += [(child, where + below) for _, below, child in children(current)]


def with_const(schema: Any) -> Any:
    """Return a schema in which `constant` is spelt `const`; only keywords are renamed, never names of members."""
    if not isinstance(schema, Mapping):
        return schema
    changed: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in SINGLE and not isinstance(value, list):
            changed[keyword] = with_const(value)
        elif (keyword in LISTS or keyword == "items") and isinstance(value, list):
            changed[keyword] = [with_const(item) for item in value]
        elif keyword in MAPS and isinstance(value, Mapping):
            changed[keyword] = {name: with_const(item) for name, item in value.items()}
        else:
            changed["const" if keyword == "constant" else keyword] = value
    return changed
