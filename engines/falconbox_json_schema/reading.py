"""Which top-level keys of a document a schema can see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from falconbox import ALL, All
from falconbox_json_schema.references import References, in_place

SEES_EVERY_KEY: Final = frozenset(
    {"additionalProperties", "const", "constant", "enum", "maxProperties", "minProperties", "patternProperties",
     "propertyNames"}
)  # fmt: skip
"""Keywords that look at an object as a whole, or at members that they do not name."""


def reads(schema: Any, references: References) -> frozenset[str] | All:
    """Return the keys: a document without any other key is judged the same."""
    keys: set[str] = set()
    seen: set[int] = set()
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, Mapping):
            continue
        seen.add(id(node))
        waiting += in_place(node, references)
        if "$ref" in node:
            continue
        if any(keyword in SEES_EVERY_KEY and value is not True for keyword, value in node.items()):
            return ALL
        keys.update(node.get("properties", ()), node.get("required", ()))
        for name, needed in node.get("dependencies", {}).items():
            keys.update([name], needed if isinstance(needed, list) else ())
    return frozenset(keys)
