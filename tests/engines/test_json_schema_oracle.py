"""The engine decides as an independent implementation of each dialect does, and reads no key that it does not declare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from policies_of_schemas import LATER, compiled
from referencing import Registry
from schemas_and_documents import DOCUMENTS, KEYS, SCHEMAS, VALUES, later_schemas

from falconbox import All, Evaluator, PolicyInvalid
from falconbox.testing import holds


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    # Python's `$` also matches before a trailing line break; ECMA-262's does not.
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError("pattern")


def _properties(validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, subschema in patterns.items():
            for name, value in instance.items():
                if re.search(pattern.replace("$", r"\Z"), name):
                    yield from validator.descend(value, subschema, path=name, schema_path=pattern)


_2020 = jsonschema.Draft202012Validator
# For 2019-09 the other implementation forgets that additionalProperties evaluates; both dialects mean the same.
_2019 = extend(jsonschema.Draft201909Validator, {"unevaluatedProperties": _2020.VALIDATORS["unevaluatedProperties"]})
ORACLES = {
    name: extend(validator, {"pattern": _pattern, "patternProperties": _properties})
    for name, validator in (("draft-07", jsonschema.Draft7Validator), ("2019-09", _2019), ("2020-12", _2020))
}
SCHEMAS_OF = {"draft-07": SCHEMAS, **{dialect: later_schemas(dialect) for dialect in LATER}}
in_each_dialect = pytest.mark.parametrize("dialect", SCHEMAS_OF)


def with_const(schema: Any) -> Any:
    """Return the schema with `constant` renamed, written without a look at the engine's way of doing it."""
    if isinstance(schema, list):
        return [with_const(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    renamed = {}
    for keyword, value in schema.items():
        if keyword in ("properties", "patternProperties", "definitions", "dependencies", "$defs", "dependentSchemas"):
            renamed[keyword] = {name: with_const(member) for name, member in value.items()}
        elif keyword in ("const", "constant", "enum", "required", "dependentRequired"):
            renamed["const" if keyword == "constant" else keyword] = value
        elif keyword == "items" and isinstance(value, bool):
            # Beside unevaluatedItems the other implementation takes the length of true.
            renamed[keyword] = {} if value else {"not": {}}
        else:
            renamed[keyword] = with_const(value)
    return renamed


def expected(schema: Any, document: Any, dialect: str) -> bool:
    return bool(ORACLES[dialect](with_const(schema), registry=Registry()).is_valid(document))


def compiled_unless_too_much(schema: Any) -> Evaluator:
    """The evaluator; of a schema that would make too much work no answer is known."""
    try:
        return compiled(schema)
    except PolicyInvalid as refusal:
        assume("multipl" not in str(refusal))
        raise


@in_each_dialect
def test_the_engine_decides_as_an_independent_implementation_does(dialect: str) -> None:
    @settings(max_examples=200, deadline=None)
    @given(SCHEMAS_OF[dialect], st.lists(DOCUMENTS | VALUES, min_size=1, max_size=5))
    def decides_the_same(schema: Any, documents: list[Any]) -> None:
        evaluator = compiled_unless_too_much(schema)
        for document in documents:
            assert evaluator.evaluate(document) is expected(schema, document, dialect)

    decides_the_same()


@in_each_dialect
def test_a_document_cut_down_to_the_keys_that_are_read_is_judged_the_same(dialect: str) -> None:
    @settings(max_examples=200, deadline=None)
    @given(SCHEMAS_OF[dialect], st.lists(DOCUMENTS, min_size=1, max_size=5), st.sets(KEYS))
    def judges_the_same(schema: Any, documents: list[dict[str, Any]], more: set[str]) -> None:
        evaluator = compiled_unless_too_much(schema)
        for document in documents:
            kept = document.keys() if isinstance(evaluator.reads, All) else evaluator.reads | more
            projected = {key: value for key, value in document.items() if key in kept}
            assert evaluator.evaluate(projected) is evaluator.evaluate(document)

    judges_the_same()


@in_each_dialect
def test_where_the_facets_of_a_schema_do_not_hold_it_says_no(dialect: str) -> None:
    @settings(max_examples=200, deadline=None)
    @given(SCHEMAS_OF[dialect], st.lists(DOCUMENTS, min_size=1, max_size=5))
    def says_no(schema: Any, documents: list[dict[str, Any]]) -> None:
        evaluator = compiled_unless_too_much(schema)
        for asked in documents:
            # A request has these as objects, or not at all.
            document = {
                key: asked[key] for key in asked if key not in ("client", "params") or isinstance(asked[key], dict)
            }
            assert holds(evaluator.facets, document) or evaluator.evaluate(document) is False

    says_no()


@in_each_dialect
def test_an_explanation_agrees_with_the_answer_and_points_to_what_is_there(dialect: str) -> None:
    @settings(max_examples=100, deadline=None)
    @given(SCHEMAS_OF[dialect], DOCUMENTS)
    def agrees(schema: Any, document: Any) -> None:
        evaluator = compiled_unless_too_much(schema)
        verdict = evaluator.explain(document)
        assert verdict.matched is evaluator.evaluate(document)
        assert 1 <= len(verdict.reasons) <= 10
        for reason in verdict.reasons:
            assert reason.policy_pointer is not None
            said = resolve({"schema": schema}, reason.policy_pointer)
            assert said is not MISSING
            assert verdict.matched or resolve(document, (reason.pointer or "").rpartition("/")[0]) is not MISSING
            assert len(reason.message) < 600

    agrees()


MISSING = object()


def resolve(value: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return value
