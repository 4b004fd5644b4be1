"""For plugin authors: the contract that every engine keeps, as tests that a plugin inherits. Needs pytest.

    class TestMine(EngineContract):
        engine = MyEngine()
        cases = [Case({"expression": "uri == '/Patient'"}, {"uri": "/Patient"}, True)]

Nothing else of falconbox imports this module.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Final

import jsonschema
import pytest

from falconbox.agreement import Agreement, holds
from falconbox.engine import All, Engine, Evaluator, Facets
from falconbox.errors import PolicyInvalid, Problem, Undetermined
from falconbox.model import AccessPolicy, Reason, Verdict

__all__ = ["HOSTILE", "Agreement", "Bad", "Case", "EngineContract", "asked", "explained", "holds", "nested"]

THREADS: Final = 8
DOCUMENTS: Final = 10_000
"""How many documents each thread asks one engine about."""

MAX_REASONS: Final = 10
MAX_MESSAGE: Final = 1000


@dataclasses.dataclass(frozen=True)
class Case:
    """What a policy with this body says of a document: True, False, or None when it cannot tell (Undetermined)."""

    body: Mapping[str, Any]
    document: Mapping[str, Any]
    answer: bool | None


@dataclasses.dataclass(frozen=True)
class Bad:
    """A body that the engine refuses, and where: a JSON pointer that one of the problems has."""

    body: Mapping[str, Any]
    pointer: str


def nested(levels: int) -> Any:
    """Return a value nested so many levels deep."""
    value: Any = 1
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return value


HOSTILE: Final[Mapping[str, Mapping[str, Any]]] = {
    "empty": {},
    "plain": {"request-method": "get", "scheme": "http", "uri": "/Patient", "params": {"a": "1"}, "headers": {}},
    "as deep as may be": {"body": nested(60), "params": nested(61)},
    "wide": {"body": {str(number): [number] * 3 for number in range(10_000)}, "params": {"a": ["x"] * 10_000}},
    "long": {"uri": "/Patient" + "a" * 200_000, "request-method": "g" * 200_000},
    "odd keys": {"": 1, "\n": 2, "/": 3, "~1": 4, "é\u202e": 5, "__proto__": 6, "__entity": 7, "$ref": "#", "\x00": 8},
    "odd values": {"uri": "\x00\U0001f600", "params": [None, True, -0.0, 1e308, 2**53, -(2**53)], "body": None},
    "wrong kinds": {"request-method": ["get"], "uri": {"x": 1}, "params": "a", "client": 5, "headers": []},
}
"""Documents that are within the limits of a request document, and that no policy author has thought of."""


class EngineContract:
    """Inherit from this in a class whose name starts with `Test`, and set `engine` and `cases`; `bad` is optional."""

    engine: ClassVar[Engine]
    cases: ClassVar[Sequence[Case]]
    bad: ClassVar[Sequence[Bad]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test once for each case, body and hostile document that it asks for."""
        given = {"case": self.cases, "body": self._bodies(), "hostile": list(HOSTILE.values())}
        for name, values in given.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, values, ids=lambda _: None)

    def test_its_name_is_a_word_and_its_body_schema_accepts_what_it_compiles(self) -> None:
        """A body schema that refuses a body would keep its policy from ever being stored."""
        assert self.engine.name == self.engine.name.strip().lower()
        assert self.engine.name
        for body in self._bodies():
            jsonschema.Draft202012Validator(dict(self.engine.body_schema)).validate(body)

    def test_each_case_is_answered_as_it_says(self, case: Case) -> None:
        """Exactly True or False, or Undetermined; `explain` says the same."""
        evaluator = self._compiled(case.body)
        assert asked(evaluator, case.document) is case.answer
        assert explained(evaluator, case.document) is case.answer

    def test_there_is_a_case_for_yes_and_one_for_no(self) -> None:
        """A suite without both would pass an engine that always says the same."""
        assert {True, False} <= {case.answer for case in self.cases}

    def test_a_hostile_document_is_answered_and_left_as_it_was(
        self, body: Mapping[str, Any], hostile: Mapping[str, Any]
    ) -> None:
        """The same answer each time, from each compilation, and from `explain`."""
        evaluator, before = self._compiled(body), copy.deepcopy(hostile)
        first = asked(evaluator, hostile)
        assert first is asked(evaluator, hostile)
        assert first is asked(self._compiled(body), hostile)
        assert first is explained(evaluator, hostile)
        assert hostile == before

    def test_what_is_not_declared_as_read_changes_nothing(self, body: Mapping[str, Any]) -> None:
        """The document may be handed over with any superset of `reads`."""
        evaluator = self._compiled(body)
        reads = evaluator.reads
        if isinstance(reads, All):
            return
        assert all(isinstance(key, str) for key in reads)
        for document in self._documents():
            projected = {key: value for key, value in document.items() if key in reads}
            added = {**{f"not-{key}": key for key in reads}, **projected}
            assert asked(evaluator, document) is asked(evaluator, projected) is asked(evaluator, added)

    def test_where_its_facets_do_not_hold_it_says_no(self, body: Mapping[str, Any]) -> None:
        """A policy is not asked where its facets fail: had it said yes, or failed, that would be lost."""
        evaluator = self._compiled(body)
        assert isinstance(evaluator.facets, Facets)
        for document in self._documents():
            if not holds(evaluator.facets, document):
                assert asked(evaluator, document) is False

    def test_eight_threads_get_the_answers_that_one_gets(self) -> None:
        """One evaluator is asked by many threads at once."""
        evaluators = [self._compiled(body) for body in self._bodies()]
        documents = [case.document for case in self.cases]
        questions = [
            (evaluators[number % len(evaluators)], documents[number % len(documents)]) for number in range(DOCUMENTS)
        ]
        expected = [asked(*question) for question in questions]
        with ThreadPoolExecutor(THREADS) as pool:
            rounds = [pool.submit(lambda: [asked(*question) for question in questions]) for _ in range(THREADS)]
            assert all(done.result() == expected for done in rounds)

    def test_compiling_changes_no_policy(self, body: Mapping[str, Any]) -> None:
        """The body is what is stored and shown."""
        before = copy.deepcopy(body)
        self._compiled(body)
        assert body == before

    def test_bad_bodies_are_refused_where_they_are_wrong(self) -> None:
        """By the body schema, or by PolicyInvalid, with a pointer that starts at the policy."""
        schema = jsonschema.Draft202012Validator(dict(self.engine.body_schema))
        for refused in self.bad:
            if not schema.is_valid(refused.body):
                continue
            with pytest.raises(PolicyInvalid) as raised:
                self._compiled(refused.body)
            assert refused.pointer in [problem.pointer for problem in raised.value.problems]

    def _compiled(self, body: Mapping[str, Any]) -> Evaluator:
        return self.engine.compile(AccessPolicy("p", self.engine.name, body), self.compile_branch)

    def compile_branch(self, subpolicy: Mapping[str, Any], pointer: str) -> Evaluator:
        """Compile a nested policy; the suite of an engine that has branches overrides this."""
        raise PolicyInvalid([Problem(pointer, f"no branch is compiled here: {sorted(subpolicy)}")])

    def _bodies(self) -> list[Mapping[str, Any]]:
        bodies: list[Mapping[str, Any]] = []
        for case in self.cases:
            if case.body not in bodies:
                bodies.append(case.body)
        return bodies

    def _documents(self) -> Iterator[Mapping[str, Any]]:
        yield from HOSTILE.values()
        for case in self.cases:
            yield case.document
            for key in case.document:
                yield {name: value for name, value in case.document.items() if name != key}
                for odd in (None, "", "other", ["other"], {"other": 1}, True, 1):
                    yield {**case.document, key: odd}


def asked(evaluator: Evaluator, document: Mapping[str, Any]) -> bool | None:
    """Return what an evaluator answers, None for Undetermined. Anything but True and False fails the test."""
    try:
        answer: object = evaluator.evaluate(document)
    except Undetermined as cannot_tell:
        assert isinstance(cannot_tell.detail, str), "Undetermined says why, in a text"
        assert cannot_tell.detail, "Undetermined says why"
        return None
    assert isinstance(answer, bool), f"an answer is True or False, and not a {type(answer).__name__}"
    return answer


def explained(evaluator: Evaluator, document: Mapping[str, Any]) -> bool | None:
    """Return what an explanation says, None for Undetermined. Its reasons must be reasons, few and short."""
    try:
        verdict = evaluator.explain(document)
    except Undetermined:
        return None
    assert isinstance(verdict, Verdict)
    assert 1 <= len(verdict.reasons) <= MAX_REASONS
    for reason in verdict.reasons:
        assert isinstance(reason, Reason)
        assert reason.code
        assert 0 < len(reason.message) < MAX_MESSAGE
        assert len(json.dumps(reason.details)) < MAX_MESSAGE
    return verdict.matched
