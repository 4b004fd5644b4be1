"""What the tests of the json-schema engine share: a policy around a schema, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from falconbox import AccessPolicy, Evaluator, PolicyInvalid
from falconbox_json_schema import JsonSchemaEngine

ENGINE = JsonSchemaEngine()
LATER = {name: f"https://json-schema.org/draft/{name}/schema" for name in ("2019-09", "2020-12")}


def compiled(schema: Any) -> Evaluator:
    def no_branch(_policy: object, _pointer: str) -> Evaluator:
        raise AssertionError("this engine has no branches")

    return ENGINE.compile(AccessPolicy("p", "json-schema", {"schema": schema}), no_branch)


def refused(schema: Any) -> dict[str, str]:
    """Pointers and details of everything that is wrong with a schema."""
    with pytest.raises(PolicyInvalid) as raised:
        compiled(schema)
    assert all(problem.pointer.startswith("/schema") for problem in raised.value.problems)
    assert all(problem.detail for problem in raised.value.problems)
    return {problem.pointer.removeprefix("/schema"): problem.detail for problem in raised.value.problems}


def rewritten(schema: Any, dialect: str) -> Any:
    """A schema of draft-07 as a later dialect says the same; `draft-07` leaves it as it is."""
    if dialect == "draft-07" or not isinstance(schema, dict):
        return schema
    return {"$schema": LATER[dialect], **_later(schema, dialect)}


VALUES = ("const", "constant", "enum", "required", "type")
"""Keywords in whose values no schema stands."""


def _later(schema: Any, dialect: str) -> Any:
    if isinstance(schema, list):
        return [_later(item, dialect) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {later: value for keyword in schema for later, value in _said_later(keyword, schema[keyword], dialect)}


def _said_later(keyword: str, value: Any, dialect: str) -> list[tuple[str, Any]]:
    match keyword:
        case "definitions":
            return [("$defs", _each_later(value, dialect))]
        case "properties" | "patternProperties":
            return [(keyword, _each_later(value, dialect))]
        case "dependencies":
            needed = {name: names for name, names in value.items() if isinstance(names, list)}
            schemas = {name: schema for name, schema in value.items() if name not in needed}
            return [("dependentRequired", needed), ("dependentSchemas", _each_later(schemas, dialect))]
        case "$ref":
            return [("$ref", value.replace("#/definitions/", "#/$defs/"))]
        case "$id" if value.startswith("#"):
            return [("$anchor", value.removeprefix("#"))]
        case "items" if isinstance(value, list) and dialect == "2020-12":
            return [("prefixItems", _later(value, dialect))]
        case "additionalItems" if dialect == "2020-12":
            return [("items", _later(value, dialect))]
    return [(keyword, value if keyword in VALUES else _later(value, dialect))]


def _each_later(schemas: dict[str, Any], dialect: str) -> dict[str, Any]:
    return {name: _later(schema, dialect) for name, schema in schemas.items()}
