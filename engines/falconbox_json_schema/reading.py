"""Which top-level keys of a document a schema can see."""

from __future__ import annotations

from typing import Final

from falconbox import ALL, All
from falconbox_json_schema.references import References
from falconbox_json_schema.subschemas import Subschema

SEES_EVERY_KEY: Final = frozenset(
    {"additionalProperties", "const", "constant", "enum", "maxProperties", "minProperties", "patternProperties",
     "propertyNames", "unevaluatedProperties"}
)  # fmt: skip
"""Keywords that look at an object as a whole, or at members that they do not name."""

DEPENDENT: Final = ("dependencies", "dependentRequired", "dependentSchemas")


def reads(top: Subschema, references: References) -> frozenset[str] | All:
    """Return the keys: a document that differs in other keys only is judged the same."""
    keys: set[str] = set()
    seen: set[Subschema] = set()
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        waiting += references.in_place(node)
        if references.alone(node):
            continue
        said = node.keywords
        # `true` constrains no member, whichever of these keywords says it.
        if any(keyword in SEES_EVERY_KEY and value is not True for keyword, value in said.items()):
            return ALL
        keys.update(said.get("properties", ()), said.get("required", ()))
        for keyword in DEPENDENT:
            for name, needed in said.get(keyword, {}).items():
                keys.update([name], needed if isinstance(needed, list) else ())
    return frozenset(keys)
