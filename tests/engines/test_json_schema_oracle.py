"""The engine decides as an independent implementation of draft-07 does, and reads no key that it does not declare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from policies_of_schemas import compiled
from referencing import Registry
from schemas_and_documents import DOCUMENTS, KEYS, SCHEMAS, VALUES

from falconbox import All


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


Oracle = extend(jsonschema.Draft7Validator, {"pattern": _pattern, "patternProperties": _properties})


def with_const(schema: Any) -> Any:
    """Return the schema with `constant` renamed, written without a look at the engine's way of doing it."""
    if isinstance(schema, list):
        return [with_const(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    renamed = {}
    for keyword, value in schema.items():
        if keyword in ("properties", "patternProperties", "definitions", "dependencies"):
            renamed[keyword] = {name: with_const(member) for name, member in value.items()}
        elif keyword in ("const", "constant", "enum", "required"):
            renamed["const" if keyword == "constant" else keyword] = value
        else:
            renamed[keyword] = with_const(value)
    return renamed


def expected(schema: Any, document: Any) -> bool:
    return bool(Oracle(with_const(schema), registry=Registry()).is_valid(document))


@settings(max_examples=400, deadline=None)
@given(SCHEMAS, st.lists(DOCUMENTS | VALUES, min_size=1, max_size=5))
def test_the_engine_decides_as_an_independent_implementation_does(schema: Any, documents: list[Any]) -> None:
    evaluator = compiled(schema)
    for document in documents:
        assert evaluator.evaluate(document) is expected(schema, document)


@settings(max_examples=400, deadline=None)
@given(SCHEMAS, st.lists(DOCUMENTS, min_size=1, max_size=5), st.sets(KEYS))
def test_a_document_cut_down_to_the_keys_that_are_read_is_judged_the_same(
    schema: Any, documents: list[dict[str, Any]], more: set[str]
) -> None:
    evaluator = compiled(schema)
    for document in documents:
        kept = document.keys() if isinstance(evaluator.reads, All) else evaluator.reads | more
        projected = {key: value for key, value in document.items() if key in kept}
        assert evaluator.evaluate(projected) is evaluator.evaluate(document)


@settings(max_examples=200, deadline=None)
@given(SCHEMAS, DOCUMENTS)
def test_an_explanation_agrees_with_the_answer_and_points_to_what_is_there(schema: Any, document: Any) -> None:
    evaluator = compiled(schema)
    verdict = evaluator.explain(document)
    assert verdict.matched is evaluator.evaluate(document)
    assert 1 <= len(verdict.reasons) <= 10
    for reason in verdict.reasons:
        assert reason.policy_pointer is not None
        said = resolve({"schema": schema}, reason.policy_pointer)
        assert said is not MISSING
        assert verdict.matched or resolve(document, (reason.pointer or "").rpartition("/")[0]) is not MISSING
        assert len(reason.message) < 600


MISSING = object()


def resolve(value: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return value
