"""The contract suite, as plugin authors inherit it, on the shipped engines; and what it catches."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from falconbox import (
    NO_FACETS,
    AccessPolicy,
    CompileBranch,
    Facets,
    PolicyInvalid,
    Problem,
    Reason,
    Undetermined,
    Verdict,
)
from falconbox.testing import Bad, Case, EngineContract
from falconbox_allow import AllowEngine
from falconbox_json_schema import JsonSchemaEngine

LATEST = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
PATIENT = {"request-method": "get", "uri": "/Patient", "client": {"id": "me"}}


class TestJsonSchema(EngineContract):
    engine = JsonSchemaEngine()
    cases: ClassVar = [
        Case({"schema": {"properties": {"uri": {"const": "/Patient"}}, "required": ["uri"]}}, PATIENT, True),
        Case({"schema": {"properties": {"uri": {"enum": ["/A", "/B"]}, "request-method": {"constant": "get"}}, "required": ["uri", "request-method"]}}, PATIENT, False),
        Case({"schema": {"properties": {"uri": {"pattern": "^/Pat"}}, "required": ["uri"]}}, PATIENT, True),
        Case({"schema": {"maxProperties": 2}}, PATIENT, False),
        Case({"schema": {**LATEST, "anyOf": [{"properties": {"uri": {"$ref": "#p"}}}], "unevaluatedProperties": True, "$defs": {"p": {"$anchor": "p", "const": "/Patient"}}}}, PATIENT, True),
        Case({"schema": {**LATEST, "properties": {"uri": True}, "unevaluatedProperties": False}}, PATIENT, False),
        Case({"schema": {"properties": {"request-method": {"const": {"$data": "/client/id"}}}}}, PATIENT, False),
        Case({"schema": {"not": {"properties": {"uri": {"enum": {"$data": "#/jwt/uris"}}}}}}, PATIENT, None),
    ]  # fmt: skip
    bad: ClassVar = [Bad({}, "/schema"), Bad({"schema": {"propertis": {}}}, "/schema/propertis"), Bad({"schema": {"enum": {"$data": "jwt"}}}, "/schema/enum")]  # fmt: skip


class TestAllow(EngineContract):
    engine = AllowEngine()
    cases: ClassVar = [Case({}, PATIENT, True), Case({}, {}, True)]

    def test_there_is_a_case_for_yes_and_one_for_no(self) -> None:
        """It says yes to every document: there is no case for no."""
        assert {case.answer for case in self.cases} == {True}


def test_a_suite_that_only_expects_yes_is_told_so() -> None:
    with pytest.raises(AssertionError):
        EngineContract.test_there_is_a_case_for_yes_and_one_for_no(TestAllow())


class Faulty:
    """An engine with one fault, made of a function that answers."""

    name = "faulty"
    body_schema: ClassVar[Mapping[str, Any]] = {"properties": {"n": {"type": "integer"}}}

    def __init__(
        self, answer: Any, *, reads: Any = frozenset({"uri"}), facets: Facets = NO_FACETS, explains: Any = None
    ) -> None:
        self.answer, self.reads, self.facets, self.explains = answer, reads, facets, explains

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Any:
        if policy.body.get("n", 0) < 0:
            raise PolicyInvalid([Problem("/m", "wrong place")])
        return self

    def evaluate(self, document: Any) -> Any:
        return self.answer(document)

    def explain(self, document: Any) -> Verdict:
        if isinstance(self.explains, Exception):
            raise self.explains
        matched = self.answer(document) if self.explains is None else self.explains
        return Verdict(matched, (Reason("x", "because"),))


class Owning(Faulty):
    body_schema: ClassVar[Mapping[str, Any]] = {"properties": {"link": {}}}


class Rewriting(Faulty):
    """Changes the body of a policy, and to the same each time."""

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Any:
        dict.update(policy.body, n=1)  # type: ignore[arg-type]
        return super().compile(policy, compile_branch)


def suite(engine: Any, *wrong: Bad) -> EngineContract:
    class Suite(EngineContract):
        bad = wrong
        cases: ClassVar = [Case({}, PATIENT, True), Case({}, {**PATIENT, "uri": "/x"}, False)]

    Suite.engine = engine
    return Suite()


def right(document: Mapping[str, Any]) -> bool:
    return document.get("uri") == "/Patient"


def changing(document: Any) -> bool:
    document["uri"] = "/x"
    return False


def changing_where_it_says_yes(document: Any) -> bool:
    return right(document) and document.setdefault("seen", 1) == 1


def raising(document: Mapping[str, Any]) -> bool:
    raise ValueError(document)


def undetermined_without_a_word(document: Mapping[str, Any]) -> bool:
    raise Undetermined("")


class Racing:
    """Keeps the document in itself while it thinks."""

    def __call__(self, document: Mapping[str, Any]) -> bool:
        self.document = document
        threading.Event().wait(1e-6 * random.random())
        return self.document.get("uri") == "/Patient"


CAUGHT: dict[str, tuple[Faulty, str, tuple[Any, ...]]] = {
    "a truthy answer": (Faulty(lambda document: document.get("uri") == "/Patient" and "yes"), "test_each_case_is_answered_as_it_says", (Case({}, PATIENT, True),)),
    "one for True": (Faulty(lambda document: int(right(document))), "test_each_case_is_answered_as_it_says", (Case({}, PATIENT, True),)),
    "a wrong answer": (Faulty(lambda _: False), "test_each_case_is_answered_as_it_says", (Case({}, PATIENT, True),)),
    "an exception": (Faulty(raising), "test_a_hostile_document_is_answered_and_left_as_it_was", ({}, {})),
    "Undetermined without a reason": (Faulty(undetermined_without_a_word), "test_a_hostile_document_is_answered_and_left_as_it_was", ({}, {})),
    "a changed document": (Faulty(changing), "test_a_hostile_document_is_answered_and_left_as_it_was", ({}, {})),
    "chance": (Faulty(lambda _: random.random() < 0.5), "test_eight_threads_get_the_answers_that_one_gets", ()),
    "an explanation that says otherwise": (Faulty(right, explains=False), "test_each_case_is_answered_as_it_says", (Case({}, PATIENT, True),)),
    "a changed document in a case": (Faulty(changing_where_it_says_yes), "test_each_case_is_answered_as_it_says", (Case({}, PATIENT, True),)),
    "an explanation that fails": (Faulty(right, explains=ValueError("no")), "test_each_case_is_answered_as_it_says", (Case({}, PATIENT, True),)),
    "a text for reads": (Faulty(right, reads="uri"), "test_what_is_not_declared_as_read_changes_nothing", ({},)),
    "reading what no case holds": (Faulty(lambda document: right(document) and "session" in document), "test_what_is_not_declared_as_read_changes_nothing", ({},)),
    "a text for methods": (Faulty(right, facets=Facets(methods="get")), "test_where_its_facets_do_not_hold_it_says_no", ({},)),  # type: ignore[arg-type]
    "a field that every policy has": (Owning(right), "test_its_name_is_a_word_and_its_body_schema_accepts_what_it_compiles", ()),
    "a changed body": (Rewriting(right), "test_compiling_changes_no_policy", ({},)),
    "reading what is not declared": (Faulty(right, reads=frozenset({"request-method"})), "test_what_is_not_declared_as_read_changes_nothing", ({},)),
    "a facet that is not necessary": (Faulty(right, facets=Facets(methods=frozenset({"post"}))), "test_where_its_facets_do_not_hold_it_says_no", ({},)),
    "a uri that is not necessary": (Faulty(right, facets=Facets(uri_prefix="/X")), "test_where_its_facets_do_not_hold_it_says_no", ({},)),
    "state shared between threads": (Faulty(Racing()), "test_eight_threads_get_the_answers_that_one_gets", ()),
    "a pointer to another place": (Faulty(right), "test_bad_bodies_are_refused_where_they_are_wrong", ()),
    "a pointer beside what the body schema refuses": (Faulty(right), "test_bad_bodies_are_refused_where_they_are_wrong", ()),
    "a bad body that compiles": (Faulty(right), "test_bad_bodies_are_refused_where_they_are_wrong", ()),
}  # fmt: skip


@pytest.mark.parametrize("fault", CAUGHT)
def test_the_suite_catches(fault: str) -> None:
    engine, test, arguments = CAUGHT[fault]
    wrong = {
        "a pointer to another place": Bad({"n": -1}, "/n"),
        "a pointer beside what the body schema refuses": Bad({"n": "x"}, "/m"),
        "a bad body that compiles": Bad({"n": 1}, "/n"),
    }
    bad = [wrong[fault]] if fault in wrong else []
    tested = suite(engine, *bad)
    if arguments and isinstance(arguments[0], dict):
        tested._compiled(arguments[0])  # as the tests before it have done
    with pytest.raises((AssertionError, PolicyInvalid)) as caught:
        getattr(tested, test)(*arguments)
    assert " " in str(caught.value), "what is wrong is said in words"


class Forgetful(Faulty):
    """Each of its evaluators keeps the document in itself while it thinks, and shares nothing with the others."""

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Any:
        return Faulty(Racing())


def test_a_document_that_an_evaluator_keeps_is_caught_though_each_case_has_a_policy_of_its_own() -> None:
    class Suite(EngineContract):
        engine = Forgetful(right)
        cases: ClassVar = [Case({"n": 1}, PATIENT, True), Case({"n": 2}, {**PATIENT, "uri": "/x"}, False)]

    with pytest.raises(AssertionError, match="alone"):
        Suite().test_eight_threads_get_the_answers_that_one_gets()


def test_an_engine_without_a_fault_passes() -> None:
    good = suite(Faulty(right, facets=Facets(uris=frozenset({"/Patient"}))))
    for case in good.cases:
        good.test_each_case_is_answered_as_it_says(case)
    good.test_eight_threads_get_the_answers_that_one_gets()
    good.test_what_is_not_declared_as_read_changes_nothing({})
    good.test_where_its_facets_do_not_hold_it_says_no({})
    good.test_its_name_is_a_word_and_its_body_schema_accepts_what_it_compiles()
    good.test_a_hostile_document_is_answered_and_left_as_it_was({}, {"uri": "/Patient"})
