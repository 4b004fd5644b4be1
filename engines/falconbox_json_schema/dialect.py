"""What a policy's schema may say: draft-07, strictly. Whatever a stock validator would ignore is refused here.

A misspelt keyword, ignored, is a condition that never holds anybody back.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

import jsonschema_rs

from falconbox import Problem
from falconbox.wording import escape
from falconbox_json_schema.references import MAX_EVALUATIONS, NAME, References, evaluations, find_cycle
from falconbox_json_schema.subschemas import DATA, Subschema, walk

STRICT: Final[dict[str, Any]] = json.loads(
    files(__name__.partition(".")[0]).joinpath("draft-07-strict.json").read_bytes()
)
KEYWORDS: Final = frozenset(STRICT["properties"])
FORMATS: Final = tuple(STRICT["properties"]["format"]["enum"])
BESIDE_REF: Final = frozenset(
    {"$comment", "$id", "$ref", "$schema", "default", "definitions", "description", "examples", "readOnly", "title",
     "writeOnly"}
)  # fmt: skip
"""What may stand beside a reference: nothing that constrains, because draft-07 would ignore it."""

ELSEWHERE: Final = {
    "$anchor": "$id",
    "$defs": "definitions",
    "dependentRequired": "dependencies",
    "dependentSchemas": "dependencies",
    "id": "$id",
    "optional": "required",
    "prefixItems": "items",
    "unevaluatedItems": "additionalItems",
    "unevaluatedProperties": "additionalProperties",
}
"""Keywords of other dialects, and what comes closest here."""

DRAFT_07: Final = tuple(
    f"{scheme}://json-schema.org/draft-07/schema{end}" for scheme in ("http", "https") for end in ("#", "")
)
NEWER: Final = ("draft/2019-09", "draft/2020-12")

_validator: Final = jsonschema_rs.Draft7Validator(STRICT, offline=True)


def problems(nodes: list[Subschema], references: References) -> list[Problem]:
    """Return everything that is wrong with a schema, with pointers that start at it, except its patterns."""
    schema = nodes[0].schema
    found = [] if _validator.is_valid(schema) else [*_shape_problems(schema)]
    for node in nodes:
        if isinstance(node.schema, dict):
            found += _node_problems(node, references)
    if not found and references.used:
        found += _work_problems(nodes, references)
    return found


def _shape_problems(schema: Any) -> Iterator[Problem]:
    for error in _validator.iter_errors(schema):
        pointer = "".join(f"/{escape(part)}" for part in error.instance_path)
        keyword, details = error.kind.name, error.kind.as_dict()
        if keyword == "additionalProperties":
            for name in details["unexpected"]:
                yield Problem(f"{pointer}/{escape(name)}", f"unknown keyword{_did_you_mean(name)}")
        elif isinstance(error.instance, dict) and "$data" in error.instance:
            yield Problem(pointer, "$data is not supported yet")
        elif keyword == "type":
            yield Problem(pointer, f"must be {_a_type(details['types'])}")
        elif keyword == "enum":
            yield Problem(pointer, f"unknown {error.instance_path[-1]}; known: {', '.join(details['options'])}")
        else:
            yield Problem(pointer, f"is not as draft-07 wants it: {error.message[:200]}")


def _a_type(types: list[str]) -> str:
    if {*types} == {"boolean", "object"}:
        return "a schema: an object, or true or false"
    return f"of type {' or '.join(types)}"


def _did_you_mean(keyword: str) -> str:
    if keyword == "$data":
        return ": $data is not supported yet"
    close = [ELSEWHERE[keyword]] if keyword in ELSEWHERE else difflib.get_close_matches(keyword, KEYWORDS, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _node_problems(node: Subschema, references: References) -> Iterator[Problem]:
    said = node.keywords
    if "const" in said and "constant" in said:
        yield Problem(f"{node.pointer}/constant", "means the same as const, which stands beside it: keep one")
    for keyword in DATA & said.keys():
        if _holds_data(said[keyword]):
            yield Problem(f"{node.pointer}/{keyword}", "$data is not supported yet")
    if "$schema" in said:
        yield from _schema_problems(said["$schema"], node.pointer)
    if "$id" in said:
        yield from _id_problems(node, references)
    if "$ref" in said:
        yield from _ref_problems(node, references)


def _holds_data(value: Any) -> bool:
    if isinstance(value, dict):
        return "$data" in value or any(_holds_data(member) for member in value.values())
    return isinstance(value, list) and any(_holds_data(item) for item in value)


def _schema_problems(value: Any, pointer: str) -> Iterator[Problem]:
    if pointer:
        yield Problem(f"{pointer}/$schema", "may stand only at the top of the schema")
    elif isinstance(value, str) and any(draft in value for draft in NEWER):
        yield Problem("/$schema", "2019-09 and 2020-12 are not supported yet: write for draft-07 and leave $schema out")
    elif value not in DRAFT_07:
        yield Problem("/$schema", f"only draft-07 is supported: leave it out, or write {DRAFT_07[0]}")


def _id_problems(node: Subschema, references: References) -> Iterator[Problem]:
    name, pointer = node.keywords["$id"], f"{node.pointer}/$id"
    if not isinstance(name, str) or (not node.pointer and not name.startswith("#")):
        return
    if not NAME.fullmatch(name):
        yield Problem(pointer, "must be # and a name here: nothing else in the schema may move its references")
    elif "$ref" in node.keywords:
        yield Problem(pointer, "is ignored beside $ref by draft-07: put the reference in allOf")
    elif references.target(name) is not node:
        yield Problem(pointer, "names two subschemas: a reference to it could mean either")


def _ref_problems(node: Subschema, references: References) -> Iterator[Problem]:
    reference, pointer = node.keywords["$ref"], f"{node.pointer}/$ref"
    if isinstance(reference, str):
        if not reference.startswith("#"):
            yield Problem(pointer, "must start with #: nothing is ever fetched from elsewhere")
        else:
            try:
                references.target(reference)
            except LookupError:
                yield Problem(pointer, "leads to no schema in this policy")
    for keyword in sorted((KEYWORDS - BESIDE_REF) & node.keywords.keys()):
        detail = "is ignored beside $ref by draft-07: put the reference in allOf"
        yield Problem(f"{node.pointer}/{escape(keyword)}", detail)


def _work_problems(nodes: list[Subschema], references: References) -> Iterator[Problem]:
    cycle = find_cycle(nodes, references.in_place)
    if cycle is not None:
        yield Problem(cycle.pointer, "leads back to itself without looking any deeper into the document")
    elif evaluations(nodes, references) > max(MAX_EVALUATIONS, len(nodes)):
        detail = f"references multiply: one place of a document would be looked at more than {MAX_EVALUATIONS} times"
        yield Problem("", detail)


def subschemas(schema: Any) -> tuple[list[Subschema], References]:
    """Return a schema's subschemas, itself first, and what its references mean."""
    nodes = walk(schema)
    return nodes, References(nodes)
