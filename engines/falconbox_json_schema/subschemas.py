"""Where the dialects have subschemas, and which of them look at the same place of a document as their schema.

A keyword that another dialect lacks is refused there by name, so one table serves all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from falconbox.wording import escape

SINGLE: Final = frozenset(
    {"additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
     "unevaluatedItems", "unevaluatedProperties"}
)  # fmt: skip
"""Keywords whose value is a schema (`items` may be a list of them)."""

LISTS: Final = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
"""Keywords whose value is a list of schemas."""

DEFINITIONS: Final = frozenset({"$defs", "definitions"})
"""Keywords whose subschemas look at nothing unless something refers to them."""

MAPS: Final = DEFINITIONS | {"dependencies", "dependentSchemas", "patternProperties", "properties"}
"""Keywords whose value maps names to schemas (`dependencies` also to lists of names)."""

IN_PLACE: Final = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependencies", "dependentSchemas"}
)
"""Keywords whose subschemas look at the same place as their schema."""

UNEVALUATED: Final = frozenset({"unevaluatedItems", "unevaluatedProperties"})
"""Keywords that look at what nothing else at the same place has looked at."""

DATA: Final = frozenset({"const", "constant", "enum"})
"""Keywords whose value is compared with what stands in the document."""


SILENT: Final = frozenset(
    {"$anchor", "$comment", "$id", "$schema", "default", "deprecated", "description", "examples", "readOnly", "title",
     "writeOnly"}
)  # fmt: skip
"""Keywords that decide nothing."""

BESIDE_REF: Final = SILENT | DEFINITIONS | {"$ref"}
"""Keywords with which a schema says nothing but what it refers to."""


class Subschema:
    """A schema with its place (a JSON pointer from the top schema) and its direct subschemas.

    Of these it knows the keyword, and their name or number where that has several.
    """

    __slots__ = ("children", "pointer", "schema")

    def __init__(self, schema: Any, pointer: str) -> None:
        self.schema = schema
        self.pointer = pointer
        self.children: list[tuple[str, str | int | None, Subschema]] = []

    @property
    def keywords(self) -> Mapping[str, Any]:
        """What it says; nothing if it is true, false, or no schema at all."""
        return self.schema if isinstance(self.schema, dict) else {}

    def under(self, keywords: frozenset[str]) -> list[Subschema]:
        """Return its direct subschemas under some keywords."""
        return [child for keyword, _, child in self.children if keyword in keywords]


def walk(schema: Any) -> list[Subschema]:
    """Return a schema and all its subschemas, each before its own. What stands where a schema should is one of them."""
    found = [Subschema(schema, "")]
    for node in found:
        for keyword, name, child in _children(node.keywords):
            place = f"/{keyword}" if name is None else f"/{keyword}/{escape(name)}"
            below = Subschema(child, node.pointer + place)
            node.children.append((keyword, name, below))
            found.append(below)
    return found


def _children(schema: Mapping[str, Any]) -> Iterator[tuple[str, str | int | None, Any]]:
    for keyword, value in schema.items():
        if keyword in LISTS and isinstance(value, list):
            for position, item in enumerate(value):
                yield keyword, position, item
        elif keyword in SINGLE:
            yield keyword, None, value
        elif keyword in MAPS and isinstance(value, dict):
            for name, item in value.items():
                if not (keyword == "dependencies" and isinstance(item, list)):
                    yield keyword, name, item
