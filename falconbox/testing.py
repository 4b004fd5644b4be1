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
from falconbox.containment import checked, names
from falconbox.engine import All, Engine, Evaluator
from falconbox.errors import PolicyInvalid, Problem, Undetermined
from falconbox.hostile_documents import HOSTILE, WHOLE, nested
from falconbox.model import AccessPolicy, Reason, Verdict
from falconbox.plugins import fault_of
from falconbox.schemas import problems
from falconbox.wording import listed, quoted

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
        fault = fault_of(self.engine)
        assert fault is None, f"falconbox does not start with this engine: {fault}"
        assert self.engine.name == self.engine.name.lower(), "the name of an engine is in small letters"
        for body in self._bodies():
            jsonschema.Draft202012Validator(dict(self.engine.body_schema)).validate(body)

    def test_each_case_is_answered_as_it_says(self, case: Case) -> None:
        """Exactly True or False, or Undetermined; `explain` says the same."""
        evaluator, document = self._compiled(case.body), copy.deepcopy(case.document)
        answer = asked(evaluator, document)
        assert answer is case.answer, f"{_of(case)}: evaluate says {_said(answer)}, the case {_said(case.answer)}"
        told = explained(evaluator, document)
        assert told is answer, f"{_of(case)}: explain says {_said(told)}, evaluate {_said(answer)}"
        assert document == case.document, f"{_of(case)}: the document was changed, and it is everybody's"

    def test_there_is_a_case_for_yes_and_one_for_no(self) -> None:
        """A suite without both would pass an engine that always says the same."""
        assert {True, False} <= {case.answer for case in self.cases}, "there is no case for yes, or none for no"

    def test_a_hostile_document_is_answered_and_left_as_it_was(
        self, body: Mapping[str, Any], hostile: Mapping[str, Any]
    ) -> None:
        """The same answer each time, from each compilation, and from `explain`."""
        evaluator, document = self._compiled(body), copy.deepcopy(hostile)
        first = asked(evaluator, document)
        for what, answer in (
            ("asked again", asked(evaluator, document)),
            ("compiled again", asked(self._compiled(body), document)),
            ("asked to explain", explained(evaluator, document)),
        ):
            assert answer is first, (
                f"{_of(Case(body, hostile, None))}: {what}, it says {_said(answer)}, not {_said(first)}"
            )
        assert document == hostile, f"{_of(Case(body, hostile, None))}: the document was changed, and it is everybody's"

    def test_what_is_not_declared_as_read_changes_nothing(self, body: Mapping[str, Any]) -> None:
        """The document may be handed over with any superset of `reads`."""
        evaluator = self._compiled(body)
        reads = names(evaluator.reads)
        if isinstance(reads, All):
            return
        for document in self._documents():
            projected = {key: value for key, value in document.items() if key in reads}
            whole = asked(evaluator, document)
            for seen in (projected, {**{f"not-{key}": key for key in reads}, **projected}):
                answer = asked(evaluator, seen)
                assert answer is whole, (
                    f"{_of(Case(body, document, None))}: it says {_said(whole)}, and {_said(answer)} where it is shown"
                    f" nothing but its reads, {listed(sorted(reads))}"
                )

    def test_where_its_facets_do_not_hold_it_says_no(self, body: Mapping[str, Any]) -> None:
        """A policy is not asked where its facets fail: had it said yes, or failed, that would be lost."""
        evaluator = self._compiled(body)
        facets = checked(evaluator.facets, names(evaluator.reads))
        for document in self._documents():
            if not holds(facets, document):
                answer = asked(evaluator, document)
                assert answer is False, (
                    f"{_of(Case(body, document, None))}: it says {_said(answer)}, and is not asked there, since its"
                    f" {facets} do not hold"
                )

    def test_eight_threads_get_the_answers_that_one_gets(self) -> None:
        """One evaluator is asked by many threads at once, about one document after another."""
        bodies, documents = self._bodies(), list(self._variants())
        evaluators = [self._compiled(body) for body in bodies]
        # In turn: were each question about another policy, threads would seldom meet in one.
        places = [(number * len(bodies) // DOCUMENTS, number % len(documents)) for number in range(DOCUMENTS)]
        questions = [(evaluators[one], documents[other]) for one, other in places]
        bodies_and_documents = [(bodies[one], documents[other]) for one, other in places]
        expected = [asked(*question) for question in questions]
        with ThreadPoolExecutor(THREADS) as pool:
            rounds = [pool.submit(lambda: [asked(*question) for question in questions]) for _ in range(THREADS)]
            for done in rounds:
                for question, alone, answer in zip(bodies_and_documents, expected, done.result(), strict=True):
                    assert answer is alone, (
                        f"{_of(Case(*question, None))}: it says {_said(answer)} in one of {THREADS} threads, and"
                        f" {_said(alone)} alone"
                    )

    def test_compiling_changes_no_policy(self, body: Mapping[str, Any]) -> None:
        """The body is what is stored and shown."""
        handed = copy.deepcopy(body)
        self.engine.compile(AccessPolicy("p", self.engine.name, handed), self.compile_branch)
        assert handed == body, f"compile has changed the body {quoted(body)} to {quoted(handed)}"

    def test_bad_bodies_are_refused_where_they_are_wrong(self) -> None:
        """With a pointer that starts at the policy, whether the body schema refuses them or the engine."""
        for refused in self.bad:
            pointers = [problem.pointer for problem in self._problems(refused.body)]
            assert pointers, f"the body {quoted(refused.body)} is not refused"
            told = f"the body {quoted(refused.body)} is refused at {pointers}, and not at {refused.pointer!r}"
            assert refused.pointer in pointers, told

    def _problems(self, body: Mapping[str, Any]) -> Sequence[Problem]:
        """Return what who writes such a policy is told: by the body schema or, if that accepts it, by the engine."""
        found = problems(body, self.engine.body_schema)
        if found:
            return found
        try:
            self._compiled(body)
        except PolicyInvalid as invalid:
            return invalid.problems
        return ()

    def _compiled(self, body: Mapping[str, Any]) -> Evaluator:
        # A copy: what one test's compilation changed would be another's body.
        return self.engine.compile(AccessPolicy("p", self.engine.name, copy.deepcopy(body)), self.compile_branch)

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
        yield from self._variants()

    def _variants(self) -> Iterator[Mapping[str, Any]]:
        for case in self.cases:
            yield case.document
            yield {**WHOLE, **case.document}
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
    except Exception as error:
        raise AssertionError(
            f"evaluate raises {type(error).__name__}, where it answers or raises Undetermined"
        ) from error
    assert isinstance(answer, bool), f"an answer is True or False, and not a {type(answer).__name__}"
    return answer


def explained(evaluator: Evaluator, document: Mapping[str, Any]) -> bool | None:
    """Return what an explanation says, None for Undetermined. Its reasons must be reasons, few and short."""
    try:
        verdict = evaluator.explain(document)
    except Undetermined:
        return None
    except Exception as error:
        raise AssertionError(f"explain raises {type(error).__name__}, and not what evaluate does") from error
    assert isinstance(verdict, Verdict), f"explain returns a Verdict, and not a {type(verdict).__name__}"
    count = len(verdict.reasons)
    assert 1 <= count <= MAX_REASONS, f"an explanation has 1 to {MAX_REASONS} reasons, and not {count}"
    for reason in verdict.reasons:
        assert isinstance(reason, Reason), f"a reason is a Reason, and not a {type(reason).__name__}"
        assert reason.code, "a reason has a code"
        assert 0 < len(reason.message) < MAX_MESSAGE, f"a message has 1 to {MAX_MESSAGE - 1} characters"
        assert len(json.dumps(reason.details)) < MAX_MESSAGE, f"details have less than {MAX_MESSAGE} characters of JSON"
    return verdict.matched


def _of(case: Case) -> str:
    return f"the body {quoted(case.body)} and the document {quoted(case.document)}"


def _said(answer: object) -> str:
    return "that it cannot tell" if answer is None else str(answer)
