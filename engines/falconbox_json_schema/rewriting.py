"""From a schema as its author wrote it to one that a stock draft-07 validator reads in the same way."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from falconbox_json_schema.references import References
from falconbox_json_schema.subschemas import LISTS, MAPS, SINGLE

NEEDLESS: Final = frozenset(
    {"$comment", "$id", "$schema", "default", "description", "examples", "readOnly", "title", "writeOnly"}
)
"""Keywords that decide nothing. Without `$id` there is one way left to read a reference."""


def stock(schema: Any, references: References) -> Any:
    """Return a schema with `const` for `constant`, and with every reference as the pointer that we resolved it to.

    Only keywords of real subschemas change: a member named `constant` stays, and so does what stands in `enum`.
    """
    if not isinstance(schema, dict):
        return schema
    changed: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in NEEDLESS:
            continue
        if keyword == "constant":
            changed["const"] = value
        elif keyword == "$ref":
            changed["$ref"] = "#" + quote(references.target(value).pointer, safe="/~")
        elif keyword in LISTS and isinstance(value, list):
            changed[keyword] = [stock(item, references) for item in value]
        elif keyword in MAPS:
            changed[keyword] = {name: stock(item, references) for name, item in value.items()}
        elif keyword in SINGLE:
            changed[keyword] = stock(value, references)
        else:
            changed[keyword] = value
    return changed


def as_written(path: list[str | int], schema: Any) -> tuple[list[str | int], Any]:
    """Return a path into a rewritten schema as its author would write it, and what stands there."""
    node = schema
    written: list[str | int] = []
    for part in path:
        name = "constant" if part == "const" and isinstance(node, dict) and "const" not in node else part
        written.append(name)
        node = node[name]
    return written, node
