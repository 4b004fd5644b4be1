"""What is wrong with a policy's schema: whatever a stock validator would ignore is refused.

A misspelt keyword, ignored, is a condition that never holds anybody back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from falconbox import Problem
from falconbox.wording import escape, pointer_to
from falconbox_json_schema.data import pointer_of
from falconbox_json_schema.dialects import DIALECTS, Dialect
from falconbox_json_schema.graph import find_cycle
from falconbox_json_schema.references import ADDRESS, NAME, Outside, References
from falconbox_json_schema.subschemas import BESIDE_REF, DATA, Subschema
from falconbox_json_schema.work import multiplies

UNKNOWN_DATA: Final = "$data can stand in const, constant and enum only"


def problems(nodes: list[Subschema], references: References) -> list[Problem]:
    """Return everything that is wrong with a schema, with pointers that start at it, except its patterns."""
    schema, dialect = nodes[0].schema, references.dialect
    found = [] if dialect.shape.is_valid(schema) else [*_shape_problems(schema, dialect)]
    for node in nodes:
        if isinstance(node.schema, dict):
            found += _node_problems(node, references)
    return found or [*_work_problems(nodes, references)]


def _shape_problems(schema: Any, dialect: Dialect) -> Iterator[Problem]:
    for error in dialect.shape.iter_errors(schema):
        pointer = pointer_to(error.instance_path)
        keyword, details = error.kind.name, error.kind.as_dict()
        if keyword == "additionalProperties":
            for name in details["unexpected"]:
                yield Problem(f"{pointer}/{escape(name)}", UNKNOWN_DATA if name == "$data" else dialect.unknown(name))
        elif isinstance(error.instance, dict) and "$data" in error.instance:
            yield Problem(pointer, UNKNOWN_DATA)
        elif keyword == "type":
            yield Problem(pointer, f"must be {_a_type(details['types'], error, dialect)}")
        elif keyword == "enum":
            # In a list, as that of types, the last step is a number.
            what = next(step for step in reversed(error.instance_path) if isinstance(step, str))
            yield Problem(pointer, f"unknown {what}; known: {', '.join(details['options'])}")
        else:
            yield Problem(pointer, f"is not as {dialect.name} wants it: {error.message[:200]}")


def _a_type(types: list[str], error: Any, dialect: Dialect) -> str:
    if {*types} == {"array", "object"}:
        return "a list of values, or {$data: /pointer}"
    if {*types} != {"boolean", "object"}:
        return f"of type {' or '.join(types)}"
    if error.instance_path[-1:] == ["items"] and isinstance(error.instance, list):
        return f"one schema in {dialect.name}: a list of them is prefixItems, and items is for those after it"
    return "a schema: an object, or true or false"


def _node_problems(node: Subschema, references: References) -> Iterator[Problem]:
    said = node.keywords
    if "const" in said and "constant" in said:
        yield Problem(f"{node.pointer}/constant", "means the same as const, which stands beside it: keep one")
    for keyword in DATA & said.keys():
        if (detail := _data_problem(keyword, said[keyword])) is not None:
            yield Problem(f"{node.pointer}/{keyword}", detail)
    if "$schema" in said:
        yield from _schema_problems(node, references.dialect)
    if "$id" in said:
        yield from _id_problems(node, references)
    if node in references.clashes:
        where = "$id" if "$id" in said else "$anchor"
        yield Problem(f"{node.pointer}/{where}", "names two subschemas: a reference to it could mean either")
    if isinstance(said.get("$ref"), str):
        yield from _ref_problems(node, references)


def _data_problem(keyword: str, value: Any) -> str | None:
    if pointer_of(value) is not None or not _holds_data(value):
        wrong = keyword == "enum" and isinstance(value, dict) and pointer_of(value) is None
        return "must be a list of values, or {$data: /pointer}" if wrong else None
    if isinstance(value, dict) and "$data" in value:
        return "$data must be all that stands here, with a JSON pointer from the top of the request, such as /jwt/sub"
    return "$data stands for the whole of const, constant or enum, and not for a part"


def _holds_data(value: Any) -> bool:
    if isinstance(value, dict):
        return "$data" in value or any(_holds_data(member) for member in value.values())
    return isinstance(value, list) and any(_holds_data(item) for item in value)


def _schema_problems(node: Subschema, dialect: Dialect) -> Iterator[Problem]:
    named = node.keywords["$schema"]
    if isinstance(named, str) and named in dialect.uris and (not node.pointer or "$id" in node.keywords):
        return
    if node.pointer:
        yield Problem(f"{node.pointer}/$schema", f"may stand only at the top, or repeat {dialect.name} beside an $id")
    else:
        known = ", ".join(known.uri for known in DIALECTS)
        yield Problem("/$schema", f"is no dialect that policies are written in: leave it out, or write one of {known}")


def _id_problems(node: Subschema, references: References) -> Iterator[Problem]:
    name, pointer, dialect = node.keywords["$id"], f"{node.pointer}/$id", references.dialect
    if not isinstance(name, str):
        return
    if references.alone(node) and (node.pointer or name.startswith("#")):
        yield Problem(pointer, f"is ignored beside $ref by {dialect.name}: put the reference in allOf")
    elif not ADDRESS.fullmatch(name) and "$anchor" in dialect.keywords:
        yield Problem(pointer, "must be an address without a fragment: a name is said by $anchor")
    elif not ADDRESS.fullmatch(name) and not NAME.fullmatch(name):
        yield Problem(pointer, "must be an address without a fragment, or # and a name")


def _ref_problems(node: Subschema, references: References) -> Iterator[Problem]:
    try:
        references.target(node)
    except Outside:
        place = "$defs" if "$defs" in references.dialect.keywords else "definitions"
        detail = f"leads out of this policy, and nothing is ever fetched: copy what it means into {place}"
        yield Problem(f"{node.pointer}/$ref", detail)
    except LookupError:
        yield Problem(f"{node.pointer}/$ref", "leads to no schema in this policy")
    if references.alone(node):
        for keyword in sorted((references.dialect.keywords - BESIDE_REF) & node.keywords.keys()):
            detail = f"is ignored beside $ref by {references.dialect.name}: put the reference in allOf"
            yield Problem(f"{node.pointer}/{escape(keyword)}", detail)


def _work_problems(nodes: list[Subschema], references: References) -> Iterator[Problem]:
    cycle = find_cycle(nodes, references.in_place) if references.used else None
    if cycle is not None:
        yield Problem(cycle.pointer, "leads back to itself without looking any deeper into the document")
    elif (detail := multiplies(nodes, references)) is not None:
        yield Problem("", detail)
