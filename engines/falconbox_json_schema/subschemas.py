"""Where draft-07 has subschemas, and which of them look at the same place of a document as their schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from falconbox.wording import escape

SINGLE: Final = frozenset(
    {"additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
)
"""Keywords whose value is a schema (`items` may be a list of them)."""

LISTS: Final = frozenset({"allOf", "anyOf", "items", "oneOf"})
"""Keywords whose value is a list of schemas."""

MAPS: Final = frozenset({"definitions", "dependencies", "patternProperties", "properties"})
"""Keywords whose value maps names to schemas (`dependencies` also to lists of names)."""

IN_PLACE: Final = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependencies"})
"""Keywords whose subschemas look at the same place as their schema."""

DATA: Final = frozenset({"const", "constant", "enum"})
"""Keywords whose value is compared with what stands in the document."""


class Subschema:
    """A schema with its place (a JSON pointer from the top schema) and its direct subschemas by keyword."""

    __slots__ = ("children", "pointer", "schema")

    def __init__(self, schema: Any, pointer: str) -> None:
        self.schema = schema
        self.pointer = pointer
        self.children: list[tuple[str, Subschema]] = []

    @property
    def keywords(self) -> Mapping[str, Any]:
        """What it says; nothing if it is true, false, or no schema at all."""
        return self.schema if isinstance(self.schema, dict) else {}


def walk(schema: Any) -> list[Subschema]:
    """Return a schema and all its subschemas, each before its own. What stands where a schema should is one of them."""
    found = [Subschema(schema, "")]
    for node in found:
        for keyword, pointer, child in _children(node.keywords):
            below = Subschema(child, node.pointer + pointer)
            node.children.append((keyword, below))
            found.append(below)
    return found


def _children(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for keyword, value in schema.items():
        if keyword in LISTS and isinstance(value, list):
            for position, item in enumerate(value):
                yield keyword, f"/{keyword}/{position}", item
        elif keyword in SINGLE:
            yield keyword, f"/{keyword}", value
        elif keyword in MAPS and isinstance(value, dict):
            for name, item in value.items():
                if not (keyword == "dependencies" and isinstance(item, list)):
                    yield keyword, f"/{keyword}/{escape(name)}", item
