"""`unevaluated...` asks once more what looks at the same place: it must not multiply where it stands in itself.

Unguarded, the validator takes a time that doubles with each step, and nothing ends it.
"""

from __future__ import annotations

from typing import Any

import pytest
from policies_of_schemas import LATER, compiled, refused

in_later_dialects = pytest.mark.parametrize("dialect", LATER)


def in_itself(keyword: str, levels: int, deeper: bool) -> Any:
    schema: Any = {"properties": {"z": True}}
    for _ in range(levels):
        inner = {"properties": {"a": schema}} if deeper else schema
        schema = {keyword: [inner], "unevaluatedProperties": False}
    return schema


@in_later_dialects
@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
@pytest.mark.parametrize("deeper", [False, True])
def test_unevaluated_in_itself_is_refused_when_it_multiplies(keyword: str, deeper: bool, dialect: str) -> None:
    found = refused({"$schema": LATER[dialect], **in_itself(keyword, 14, deeper)})
    assert found[""].startswith("unevaluated... multiply")
    assert compiled({"$schema": LATER[dialect], **in_itself(keyword, 4, deeper)}).evaluate({}) is True


@in_later_dialects
@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"properties": {"a": {"$ref": "#"}}}], "unevaluatedProperties": False},
        {"allOf": [{"properties": {"a": {"$ref": "#"}}}], "unevaluatedProperties": False},
        {"if": {"properties": {"a": {"$ref": "#"}}}, "then": True, "unevaluatedProperties": False},
        {"dependentSchemas": {"a": {"properties": {"a": {"$ref": "#"}}}}, "unevaluatedProperties": False},
        {"oneOf": [{"items": {"$ref": "#"}}], "unevaluatedItems": False},
        {"contains": {"$ref": "#"}, "unevaluatedItems": False},
        {"unevaluatedItems": {"$ref": "#"}},
    ],
)
def test_recursion_that_is_asked_once_more_at_each_level_is_refused(schema: Any, dialect: str) -> None:
    assert refused({"$schema": LATER[dialect], **schema})[""].startswith("references and unevaluated... multiply")


def layers(width: int, depth: int) -> Any:
    """Each schema of a layer leads to all of the next one, each under its own name and marked anew."""
    definitions: dict[str, Any] = {f"d{depth}-{number}": {"type": "object"} for number in range(width)}
    for level in range(depth):
        below = {
            f"p{number}": {"$ref": f"#/$defs/d{level + 1}-{number}", "unevaluatedProperties": False}
            for number in range(width)
        }
        definitions |= {f"d{level}-{number}": {"allOf": [{"properties": below}]} for number in range(width)}
    return {"$ref": "#/$defs/d0-0", "unevaluatedProperties": False, "$defs": definitions}


@in_later_dialects
def test_what_would_have_to_be_compiled_too_often_is_refused(dialect: str) -> None:
    assert "subschemas would be compiled" in refused({"$schema": LATER[dialect], **layers(10, 5)})[""]
    assert compiled({"$schema": LATER[dialect], **layers(2, 3)}).evaluate({"p0": {"p1": {"p0": {}}}}) is True


@in_later_dialects
def test_a_schema_that_is_marked_while_it_is_marked_is_refused(dialect: str) -> None:
    inside = {"properties": {"a": {"$ref": "#/$defs/one", "unevaluatedProperties": False}}}
    schema = {"$ref": "#/$defs/one", "$defs": {"one": {"allOf": [inside]}}}
    assert "multiply" in refused({"$schema": LATER[dialect], **schema})[""]


CLOSED: dict[str, tuple[Any, Any, Any]] = {
    "a tree": (
        {"properties": {"value": True, "next": {"$ref": "#"}}, "unevaluatedProperties": False},
        {"value": 1, "next": {"value": 2}},
        {"value": 1, "next": {"other": 2}},
    ),
    "a tree that extends another": (
        {
            "$ref": "#/$defs/base",
            "properties": {"next": {"$ref": "#"}},
            "unevaluatedProperties": False,
            "$defs": {"base": {"required": ["value"], "properties": {"value": {"type": "integer"}}}},
        },
        {"value": 1, "next": {"value": 2}},
        {"value": 1, "next": {"value": 2, "other": 3}},
    ),
    "what the alternative that fits names": (
        {
            "oneOf": [
                {"properties": {"kind": {"const": "a"}, "one": True}, "required": ["kind"]},
                {"properties": {"kind": {"const": "b"}, "two": True}, "required": ["kind"]},
            ],
            "unevaluatedProperties": False,
        },
        {"kind": "b", "two": 2},
        {"kind": "b", "one": 1},
    ),
    "twenty parts": (
        {"allOf": [{"properties": {f"p{number}": True}} for number in range(20)], "unevaluatedProperties": False},
        {"p0": 1, "p19": 2},
        {"p20": 1},
    ),
}


@in_later_dialects
@pytest.mark.parametrize(("schema", "fits", "differs"), CLOSED.values(), ids=CLOSED)
def test_schemas_as_people_write_them_compile_and_decide(schema: Any, fits: Any, differs: Any, dialect: str) -> None:
    evaluator = compiled({"$schema": LATER[dialect], **schema})
    assert evaluator.evaluate(fits) is True
    assert evaluator.evaluate(differs) is False
