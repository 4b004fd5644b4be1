"""What a schema is said to read: every key that it names where it looks at the document itself, or all of them."""

from __future__ import annotations

from typing import Any

import pytest
from policies_of_schemas import LATER, compiled, rewritten

from falconbox import ALL

SOME: list[tuple[Any, set[str]]] = [
    (True, set()),
    (False, set()),
    ({"type": "object"}, set()),
    ({"properties": {"uri": True, "params": {"properties": {"a": True}}}}, {"uri", "params"}),
    ({"required": ["session"]}, {"session"}),
    ({"dependencies": {"jwt": ["session", "client"]}}, {"jwt", "session", "client"}),
    ({"dependencies": {"jwt": {"required": ["client"]}}}, {"jwt", "client"}),
    ({"anyOf": [{"required": ["a"]}, {"not": {"properties": {"b": True}}}]}, {"a", "b"}),
    ({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}, {"a", "b", "c"}),
    ({"$ref": "#/definitions/d", "definitions": {"d": {"required": ["a"]}, "e": {"required": ["b"]}}}, {"a"}),
    ({"oneOf": [{"$ref": "#d"}], "definitions": {"d": {"$id": "#d", "required": ["a"]}}}, {"a"}),
    ({"properties": {"next": {"$ref": "#"}}, "required": ["value"]}, {"next", "value"}),
    ({"properties": {"a": {"additionalProperties": False}}, "additionalProperties": True}, {"a"}),
    ({"items": {"required": ["a"]}, "contains": {"const": {}}, "minLength": 3}, set()),
]

EVERYTHING: list[Any] = [
    {"additionalProperties": False},
    {"additionalProperties": {}},
    {"patternProperties": {"^x": False}},
    {"propertyNames": {"maxLength": 9}},
    {"minProperties": 1},
    {"maxProperties": 1},
    {"const": {}},
    {"constant": {"a": 1}},
    {"enum": [{}]},
    {"not": {"const": {}}},
    {"properties": {"a": True}, "allOf": [{"anyOf": [{"maxProperties": 3}]}]},
    {"dependencies": {"a": {"minProperties": 2}}},
    {"$ref": "#/definitions/d", "definitions": {"d": {"if": {"maxProperties": 1}}}},
]


LATER_SOME: list[tuple[Any, set[str]]] = [
    ({"dependentRequired": {"jwt": ["session", "client"]}}, {"jwt", "session", "client"}),
    ({"dependentSchemas": {"jwt": {"required": ["client"]}}}, {"jwt", "client"}),
    ({"$ref": "#/$defs/d", "required": ["b"], "$defs": {"d": {"required": ["a"]}}}, {"a", "b"}),
    ({"$ref": "#/$defs/d/properties/x", "$defs": {"d": {"properties": {"x": {"required": ["a"]}}}}}, {"a"}),
    ({"properties": {"a": {"unevaluatedProperties": False}}, "unevaluatedProperties": True}, {"a"}),
    ({"unevaluatedItems": {"required": ["a"]}, "contains": True, "minContains": 2}, set()),
    (
        {"$anchor": "top", "not": {"anyOf": [{"$ref": "#x"}]}, "$defs": {"x": {"$anchor": "x", "required": ["q"]}}},
        {"q"},
    ),
]

LATER_EVERYTHING: list[Any] = [
    {"unevaluatedProperties": False},
    {"unevaluatedProperties": {"type": "string"}},
    {"properties": {"a": True}, "unevaluatedProperties": False},
    {"anyOf": [{"properties": {"a": True}}, {"unevaluatedProperties": False}]},
    {"not": {"unevaluatedProperties": {}}},
    {"dependentSchemas": {"a": {"maxProperties": 2}}},
    {"$ref": "#/$defs/d", "required": ["a"], "$defs": {"d": {"unevaluatedProperties": False}}},
    {"$ref": "#/$defs/d", "maxProperties": 3, "$defs": {"d": {"required": ["a"]}}},
]


@pytest.mark.parametrize("dialect", ["draft-07", *LATER])
@pytest.mark.parametrize(("schema", "keys"), SOME)
def test_keys_that_are_named_at_the_top_are_read_and_no_others(schema: Any, keys: set[str], dialect: str) -> None:
    assert compiled(rewritten(schema, dialect)).reads == keys


@pytest.mark.parametrize("dialect", ["draft-07", *LATER])
@pytest.mark.parametrize("schema", EVERYTHING)
def test_what_looks_at_a_document_as_a_whole_reads_everything(schema: Any, dialect: str) -> None:
    assert compiled(rewritten(schema, dialect)).reads is ALL


@pytest.mark.parametrize("dialect", LATER)
@pytest.mark.parametrize(("schema", "keys"), LATER_SOME)
def test_keywords_of_later_dialects_read_the_keys_that_they_name(schema: Any, keys: set[str], dialect: str) -> None:
    assert compiled({"$schema": LATER[dialect], **schema}).reads == keys


@pytest.mark.parametrize("dialect", LATER)
@pytest.mark.parametrize("schema", LATER_EVERYTHING)
def test_what_looks_at_all_that_is_left_reads_everything(schema: Any, dialect: str) -> None:
    assert compiled({"$schema": LATER[dialect], **schema}).reads is ALL
