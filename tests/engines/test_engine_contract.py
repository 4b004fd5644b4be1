"""What every engine must keep, held against the shipped engines as the plugins bring them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from schemas_and_documents import DOCUMENTS

from falconbox import AccessPolicy, All, Engine, Evaluator, Facets, PolicyInvalid, Reason, Undetermined, Verdict
from falconbox.plugins import load_plugins

ENGINES = load_plugins().engines

GOOD: dict[str, list[dict[str, Any]]] = {
    "allow": [{}],
    "json-schema": [
        {"schema": True},
        {"schema": False},
        {"schema": {"properties": {"request-method": {"constant": "get"}, "uri": {"pattern": "^/Patient"}}}},
        {"schema": {"required": ["client"], "not": {"required": ["body"]}}},
        {"schema": {"anyOf": [{"properties": {"a": {"enum": [1, "x", None]}}}, {"maxProperties": 2}]}},
        {"schema": {"additionalProperties": {"$ref": "#"}, "maxProperties": 5}},
        {"schema": {"properties": {"params": {"$ref": "#/definitions/d"}}, "definitions": {"d": {"minProperties": 1}}}},
        {"schema": {"enum": [{"uri": "/"}, {}]}},
    ],
    "matcho": [
        {"matcho": {}},
        {"matcho": {"uri": "#^/Patient", "request-method": {"$enum": ["get", "post"]}}},
        {"matcho": {"a": {"$not": {"$one-of": [1, "x", {"a": "present?"}]}}, "params": {"a": "not-blank?"}}},
        {"matcho": {"a": [{"$contains": "nil?"}, "#x"], "client": {"$every": {"$length": 3}}}},
        {"matcho": {"$not": {"$one-of": [{"uri": "/"}, {"params": {"a": {"$present-all": ["x", "y"]}}}]}}},
    ],
}
BAD: dict[str, list[tuple[dict[str, Any], str]]] = {
    "json-schema": [
        ({}, "/schema"),
        ({"schema": 1}, "/schema"),
        ({"schema": {"properties": {"uri": {"patern": "x"}}}}, "/schema/properties/uri/patern"),
        ({"schema": {"$ref": "https://elsewhere.example/"}}, "/schema/$ref"),
    ],
    "matcho": [({}, "/matcho"), ({"matcho": 1}, "/matcho"), ({"matcho": {"a": {"$oneof": []}}}, "/matcho/a/$oneof")],
}
BODIES = [pytest.param(name, body, id=f"{name}-{number}") for name in GOOD for number, body in enumerate(GOOD[name])]


def nested(levels: int, leaf: Any = 1) -> Any:
    for _ in range(levels):
        leaf = {"a": leaf} if levels % 2 else [leaf]
    return leaf


DOCUMENTS_TO_SURVIVE: dict[str, Mapping[str, Any]] = {
    "empty": {},
    "plain": {"request-method": "get", "uri": "/Patient", "params": {"a": "1"}, "headers": {"host": "h"}},
    "as deep as may be": {"body": nested(60), "a": nested(61)},
    "wide": {"body": {str(number): [number] * 3 for number in range(20_000)}, "params": {"a": ["x"] * 20_000}},
    "long": {"uri": "/Patient" + "a" * 500_000, "request-method": "g" * 500_000},
    "odd keys": {"": 1, "\n": 2, "/": 3, "~1": 4, "é\u202e": 5, "__proto__": 6, "$ref": "#", "constant": 7, "\x00": 8},
    "odd values": {"uri": "\x00\U0001f600", "a": [None, True, -0.0, 1e308, 2**53, -(2**53)], "request-method": None},
    "wrong kinds": {"request-method": ["get"], "uri": {"x": 1}, "params": "a", "client": 5, "headers": []},
}
"""Whatever passes the limits of a request document."""

NOT_DOCUMENTS: dict[str, Any] = {
    "no object": 5,
    "a number that is none": {"a": float("nan"), "uri": float("inf")},
    "half a character": {"uri": "\ud800", "\udc00": 1},
    "bytes": {"uri": b"/", "a": {1, 2}},
    "keys that are no text": {1: 2, None: 3},
    "a huge integer": {"a": 10**4000, "uri": 10**4000},
    "far too deep": {"a": nested(5000), "uri": nested(5001)},
}
"""What no door hands over; the process must live, and the answer must not be True where it cannot be told."""


def compiled(name: str, body: Mapping[str, Any]) -> Evaluator:
    def no_branch(_policy: object, _pointer: str) -> Evaluator:
        raise AssertionError("these engines have no branches")

    return ENGINES[name].compile(AccessPolicy("p", name, body), no_branch)


@pytest.mark.parametrize("name", GOOD)
def test_an_engine_has_a_name_and_a_body_schema_that_accepts_what_it_compiles(name: str) -> None:
    engine: Engine = ENGINES[name]
    assert engine.name == name
    for body in GOOD[name]:
        jsonschema.validate(body, dict(engine.body_schema))


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_an_evaluator_declares_what_it_reads_and_what_it_needs(name: str, body: Mapping[str, Any]) -> None:
    evaluator = compiled(name, body)
    assert isinstance(evaluator.facets, Facets)
    assert isinstance(evaluator.reads, All) or all(isinstance(key, str) for key in evaluator.reads)


@pytest.mark.parametrize(("name", "body"), BODIES)
@pytest.mark.parametrize("document", DOCUMENTS_TO_SURVIVE.values(), ids=DOCUMENTS_TO_SURVIVE)
def test_any_document_is_answered_by_true_or_false_the_same_each_time_and_left_as_it_was(
    name: str, body: Mapping[str, Any], document: Mapping[str, Any]
) -> None:
    evaluator = compiled(name, body)
    before = copy.deepcopy(document)
    answers = [evaluator.evaluate(document), evaluator.evaluate(document), compiled(name, body).evaluate(document)]
    verdicts = [evaluator.explain(document), evaluator.explain(document)]
    assert answers[0] in (True, False)
    assert isinstance(answers[0], bool)
    assert answers == [answers[0]] * 3
    assert verdicts[0] == verdicts[1]
    assert document == before


@pytest.mark.parametrize(("name", "body"), BODIES)
@pytest.mark.parametrize("document", DOCUMENTS_TO_SURVIVE.values(), ids=DOCUMENTS_TO_SURVIVE)
def test_an_explanation_says_what_evaluate_says_in_bounded_words(
    name: str, body: Mapping[str, Any], document: Mapping[str, Any]
) -> None:
    verdict = compiled(name, body).explain(document)
    assert isinstance(verdict, Verdict)
    assert verdict.matched is compiled(name, body).evaluate(document)
    assert 1 <= len(verdict.reasons) <= 10
    for reason in verdict.reasons:
        assert isinstance(reason, Reason)
        assert reason.code
        assert 0 < len(reason.message) < 1000


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_keys_that_are_not_declared_change_nothing(name: str, body: Mapping[str, Any]) -> None:
    evaluator = compiled(name, body)

    @given(DOCUMENTS)
    def holds(document: dict[str, Any]) -> None:
        if not isinstance(evaluator.reads, All):
            projected = {key: value for key, value in document.items() if key in evaluator.reads}
            assert evaluator.evaluate(projected) is evaluator.evaluate(document)

    holds()


def answers_of(evaluator: Evaluator, documents: list[dict[str, Any]]) -> list[tuple[bool, Verdict]]:
    return [(evaluator.evaluate(document), evaluator.explain(document)) for document in documents]


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_eight_threads_get_the_answers_that_one_gets(name: str, body: Mapping[str, Any]) -> None:
    evaluator = compiled(name, body)
    documents = [
        {"request-method": method, "uri": uri, "a": number, "params": {"a": "x"} if number % 3 else {}}
        for method in ("get", "post")
        for uri in ("/Patient", "/Encounter", "/")
        for number in range(50)
    ]
    expected = answers_of(evaluator, documents)
    with ThreadPoolExecutor(8) as pool:
        rounds = [pool.submit(answers_of, evaluator, documents) for _ in range(8)]
        assert [done.result() for done in rounds] == [expected] * 8


@pytest.mark.parametrize("name", GOOD)
def test_eight_threads_may_compile_at_once(name: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(compiled, name, body) for body in GOOD[name] * 50]
        answers = [future.result().evaluate({"uri": "/"}) for future in futures]
    assert answers == [compiled(name, body).evaluate({"uri": "/"}) for body in GOOD[name]] * 50


@pytest.mark.parametrize(("name", "body"), BODIES)
@pytest.mark.parametrize("document", NOT_DOCUMENTS.values(), ids=NOT_DOCUMENTS)
def test_what_is_no_document_raises_or_is_answered_and_the_process_lives(
    name: str, body: Mapping[str, Any], document: Any
) -> None:
    evaluator = compiled(name, body)
    for ask in (evaluator.evaluate, evaluator.explain):
        try:
            answer = ask(document)
        except (Undetermined, ValueError, TypeError, OverflowError):
            continue
        assert isinstance(answer, (bool, Verdict))


@pytest.mark.parametrize(("name", "body", "pointer"), [(name, *case) for name in BAD for case in BAD[name]])
def test_a_bad_body_is_refused_with_pointers_that_start_at_the_policy(
    name: str, body: Mapping[str, Any], pointer: str
) -> None:
    with pytest.raises(PolicyInvalid) as raised:
        compiled(name, body)
    assert pointer in [problem.pointer for problem in raised.value.problems]


@pytest.mark.parametrize(("name", "body"), BODIES)
def test_compiling_does_not_change_the_policy(name: str, body: Mapping[str, Any]) -> None:
    before = json.dumps(body)
    compiled(name, body)
    assert json.dumps(body) == before
