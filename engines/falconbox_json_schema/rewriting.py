"""From a schema as its author wrote it to one that a stock validator of its dialect reads in the same way."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from falconbox_json_schema.data import PREFIX, DataReferences
from falconbox_json_schema.references import References
from falconbox_json_schema.subschemas import SILENT, Subschema


def stock(node: Subschema, references: References, data: DataReferences) -> Any:
    """Return a schema with `const` for `constant`, and with every reference as the pointer that we resolved it to.

    Only keywords of real subschemas change: a member named `constant` stays, and so does what stands in `enum`.
    Without addresses and names there is one way left to read a reference. What is compared with something in the
    request becomes a keyword of our own.
    """
    if not isinstance(node.schema, dict):
        return node.schema
    changed: dict[str, Any] = {}
    for keyword, value in node.schema.items():
        if keyword in SILENT:
            continue
        number = data.number(keyword, value)
        if number is not None:
            changed[PREFIX + keyword] = number
        elif keyword == "$ref":
            changed["$ref"] = "#" + quote(references.target(node).pointer, safe="/~")
        else:
            kept = value.copy() if isinstance(value, (dict, list)) else value
            changed["const" if keyword == "constant" else keyword] = kept
    for keyword, name, child in node.children:
        if name is None:
            changed[keyword] = stock(child, references, data)
        else:
            changed[keyword][name] = stock(child, references, data)
    return changed


def as_written(path: list[str | int], schema: Any) -> tuple[list[str | int], Any, Any]:
    """Return a path into a rewritten schema as it was written, what stands there, and what that is part of."""
    beside, node = None, schema
    written: list[str | int] = []
    for part in path:
        name = part
        if isinstance(node, dict) and part not in node:
            name = "constant" if part == "const" else str(part).removeprefix(PREFIX)
        written.append(name)
        beside, node = node, node[name]
    return written, node, beside
