"""Generated schemas of a modest grammar, and documents that look like requests and hit what the schemas speak of."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from policies_of_schemas import LATER

KEYS = st.sampled_from(["request-method", "uri", "params", "client", "a", "constant"])
SCALARS = st.sampled_from(
    [None, True, False, 0, 1, 2, 1.0, 1.5, -1, "", "get", "post", "/Patient", "/Patient\n", "é", "a"]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)
PATTERNS = st.sampled_from(["^/Patient$", "^[a-z]+$", "t", "^.{2,4}$", "^a|t$", "^$", "^/[^/]+"])
TYPES = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])
COUNTS = st.integers(0, 3)

LEAVES = st.one_of(
    st.booleans(),
    st.fixed_dictionaries({"type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True)}),
    st.fixed_dictionaries({"const": VALUES}),
    st.fixed_dictionaries({"constant": VALUES}),
    st.fixed_dictionaries({"enum": st.lists(VALUES, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"pattern": PATTERNS}),
    st.fixed_dictionaries({"required": st.lists(KEYS, max_size=3, unique=True)}),
    st.dictionaries(
        st.sampled_from(
            ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minimum", "maximum"]
        ),
        COUNTS,
        max_size=2,
    ),
    st.fixed_dictionaries({"uniqueItems": st.booleans()}),
    st.fixed_dictionaries({"$ref": st.sampled_from(["#/definitions/one", "#/definitions/two"])}),
)


def _composed(inner: st.SearchStrategy[Any], dialect: str) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    names = st.lists(KEYS, max_size=2, unique=True)
    optional: dict[str, st.SearchStrategy[Any]] = {
        "properties": st.dictionaries(KEYS, inner, max_size=3),
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "required": names,
        "items": inner | several,
        "contains": inner,
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
    }
    if dialect == "draft-07":
        optional |= {"dependencies": st.dictionaries(KEYS, inner | names, max_size=2)}
    else:
        optional |= {
            "dependentRequired": st.dictionaries(KEYS, names, max_size=2),
            "dependentSchemas": st.dictionaries(KEYS, inner, max_size=2),
            "minContains": COUNTS,
            "maxContains": COUNTS,
            "unevaluatedProperties": inner,
            "unevaluatedItems": inner,
            "$ref": st.sampled_from(["#/$defs/one", "#two"]),
        }
    if dialect == "2020-12":
        optional |= {"items": inner, "prefixItems": several}
    else:
        optional |= {"additionalItems": inner}
    return st.fixed_dictionaries({}, optional=optional).flatmap(_at_most_four)


def _at_most_four(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if len(schema) <= 4:
        return st.just(schema)
    return st.lists(st.sampled_from(sorted(schema)), min_size=1, max_size=4, unique=True).map(
        lambda keywords: {keyword: schema[keyword] for keyword in keywords}
    )


SUBSCHEMAS = st.recursive(LEAVES, lambda inner: _composed(inner, "draft-07"), max_leaves=8)
WITHOUT_REFERENCES = LEAVES.filter(lambda leaf: leaf in (True, False) or "$ref" not in leaf)


def _with_definitions(schema: Any, one: Any, two: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    return {**schema, "definitions": {"one": one, "two": {"properties": {"a": two}}}}


SCHEMAS = st.builds(_with_definitions, SUBSCHEMAS, WITHOUT_REFERENCES, LEAVES)
"""Schemas of draft-07 whose references lead to definitions; `two` may lead deeper into the document, to itself even."""


def _later(dialect: str, schema: Any, one: Any, two: Any) -> dict[str, Any]:
    definitions = {"one": one, "two": {"$anchor": "two", "properties": {"a": two}}}
    said = schema if isinstance(schema, dict) else {"allOf": [schema]}
    return {"$schema": LATER[dialect], **said, "$defs": definitions}


def later_schemas(dialect: str) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas of 2019-09 or 2020-12, of the same kind, in which what stands beside a reference counts too."""
    inner = st.recursive(WITHOUT_REFERENCES, lambda inner: _composed(inner, dialect), max_leaves=8)
    return st.builds(
        _later, st.just(dialect), inner, WITHOUT_REFERENCES, WITHOUT_REFERENCES | st.just({"$ref": "#two"})
    )
