"""Joined policies: what one branch settles stands, no failure becomes a yes or a no, and the order plays no part."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from falconbox import ALL, NO_FACETS, AccessPolicy, Evaluator, Facets, PolicyInvalid, Undetermined, Verdict
from falconbox.admission import Admission
from falconbox.compiling import MAX_BRANCH_DEPTH, MAX_BRANCHES, PolicyCompiler
from falconbox.errors import Invalid
from falconbox.plugins import load_plugins
from falconbox.testing import Bad, Case, EngineContract, asked
from falconbox_complex import ComplexEngine

PLUGINS = load_plugins()


class Scripted:
    """An engine whose policies answer as they say."""

    name = "scripted"
    body_schema: Mapping[str, Any] = {"properties": {"answer": {"type": "string"}}, "required": ["answer"]}

    def compile(self, policy: AccessPolicy, compile_branch: object) -> Any:
        return ScriptedEvaluator(policy.body["answer"])


class ScriptedEvaluator:
    reads = ALL
    facets = NO_FACETS

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def evaluate(self, document: object) -> Any:
        match self.answer:
            case "raise":
                raise ValueError("secret")
            case "exit":
                raise SystemExit(1)
            case "untold":
                raise Undetermined("cannot tell")
        return {"yes": True, "no": False, "one": 1, "none": None, "truthy": "yes"}[self.answer]

    def explain(self, document: object) -> Verdict:
        raise ValueError("no explanation")


ENGINES = {**PLUGINS.engines, "scripted": Scripted()}
COMPILER = PolicyCompiler(ENGINES, PLUGINS.shipped)
ADMISSION = Admission(ENGINES)
FAILURES = ("raise", "exit", "untold", "one", "none", "truthy")


def compiled(body: Mapping[str, Any]) -> Evaluator:
    return COMPILER.compile(AccessPolicy("p", "complex", body))


def scripted(answer: str) -> dict[str, Any]:
    return {"engine": "scripted", "answer": answer}


def expected(word: str, answers: tuple[str, ...]) -> bool | None:
    """What is true of the answers whatever those that failed would have said; None if that depends on them."""
    possible = set()
    for guess in (True, False):
        told = [{"yes": True, "no": False}.get(answer, guess) for answer in answers]
        possible.add(all(told) if word == "and" else any(told))
    return possible.pop() if len(possible) == 1 else None


@pytest.mark.parametrize("word", ["and", "or"])
@pytest.mark.parametrize("failure", FAILURES)
def test_every_order_of_branches_gets_the_one_answer_that_no_failure_could_change(word: str, failure: str) -> None:
    for answers in itertools.product(("yes", "no", failure), repeat=3):
        assert asked(compiled({word: [scripted(answer) for answer in answers]}), {}) is expected(word, answers)


@pytest.mark.parametrize("inner", ["and", "or"])
@pytest.mark.parametrize("outer", ["and", "or"])
def test_a_failure_stays_one_through_nested_branches(outer: str, inner: str) -> None:
    for first, second, third in itertools.product(("yes", "no", "raise"), repeat=3):
        nested = {"engine": "complex", inner: [scripted(first), scripted(second)]}
        said = expected(inner, (first, second))
        as_word = "raise" if said is None else "yes" if said else "no"
        assert asked(compiled({outer: [nested, scripted(third)]}), {}) is expected(outer, (as_word, third))


def test_a_branch_behind_the_one_that_settles_it_is_not_asked() -> None:
    calls = []

    class Noting(ScriptedEvaluator):
        def evaluate(self, document: object) -> Any:
            calls.append(self.answer)
            return super().evaluate(document)

    class Engine(Scripted):
        def compile(self, policy: AccessPolicy, compile_branch: object) -> Any:
            return Noting(policy.body["answer"])

    compiler = PolicyCompiler({**ENGINES, "scripted": Engine()})
    for word, settling, other in (("and", "no", "yes"), ("or", "yes", "no")):
        body = {word: [scripted(other), scripted(settling), scripted("exit")]}
        compiler.compile(AccessPolicy("p", "complex", body)).evaluate({})
    assert calls == ["yes", "no", "no", "yes"]


def refused(body: Mapping[str, Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as raised:
        ADMISSION.policy({"id": "p", "engine": "complex", **body}, lambda _: True)
    return {problem.pointer: problem.detail for problem in raised.value.problems}


MATCHO = {"engine": "matcho", "matcho": {"uri": "/a"}}
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "neither word": ({}, "/and", "is required"),
    "both words": ({"and": [MATCHO], "or": [MATCHO]}, "/or", "keep one"),
    "no branch": ({"and": []}, "/and", "not be empty"),
    "no list": ({"or": MATCHO}, "/or", "array"),
    "no policy": ({"or": [5]}, "/or/0", "must be a policy"),
    "no engine": ({"or": [{"matcho": {}}]}, "/or/0/engine", "is required"),
    "a misspelt engine field": ({"or": [{"enigne": "matcho", "matcho": {}}]}, "/or/0/enigne", "did you mean 'engine'"),
    "an unknown engine": ({"or": [{"engine": "matco", "matcho": {}}]}, "/or/0/engine", "did you mean 'matcho'"),
    "an engine that is no text": ({"or": [{"engine": ["matcho"]}]}, "/or/0/engine", "must be of type string"),
    "Aidbox's sql": ({"and": [MATCHO, {"engine": "sql", "sql": {"query": "x"}}]}, "/and/1/engine", "compare it by engine matcho"),
    "a misspelt field": ({"or": [MATCHO, {"engine": "matcho", "macho": {}}]}, "/or/1/macho", "did you mean 'matcho'"),
    "a field that is missing": ({"or": [{"engine": "matcho"}]}, "/or/0/matcho", "is required"),
    "a field of the wrong type": ({"or": [{"engine": "matcho", "matcho": []}]}, "/or/0/matcho", "must be of type object"),
    "a field of another engine": ({"or": [{**MATCHO, "schema": True}]}, "/or/0/schema", "unknown field"),
    "a role": ({"or": [{**MATCHO, "roleName": "x"}]}, "/or/0/roleName", "say who may in the policy itself"),
    "a bad pattern": ({"and": [MATCHO, {"engine": "matcho", "matcho": {"a": None}}]}, "/and/1/matcho/a", "is null"),
    "a bad schema": ({"or": [{"engine": "json-schema", "schema": {"patern": "x"}}]}, "/or/0/schema/patern", "did you mean"),
    "a bad pattern deeper down": ({"and": [{"engine": "complex", "or": [MATCHO, {"engine": "matcho", "matcho": {"a": "#("}}]}]}, "/and/0/or/1/matcho/a", "ECMA-262"),
    **{f"a branch with its own {name}": ({"or": [{**MATCHO, name: "x"}]}, f"/or/0/{name}", "belongs to the policy around it")
       for name in ("id", "link", "effect", "mode", "type", "resourceType", "meta")},
}  # fmt: skip


@pytest.mark.parametrize(("body", "pointer", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_with_a_branch_is_refused_where_it_stands(body: dict[str, Any], pointer: str, words: str) -> None:
    assert words in refused(body)[pointer]


def test_what_is_wrong_with_all_branches_is_told_at_once() -> None:
    bad = {"engine": "matcho", "matcho": {"a": None}, "link": []}
    assert refused({"or": [bad, MATCHO, {"engine": "x"}]}).keys() == {"/or/0/link", "/or/2/engine"}


def nested(depth: int) -> dict[str, Any]:
    policy: dict[str, Any] = MATCHO
    for _ in range(depth):
        policy = {"engine": "complex", "and": [policy]}
    return policy


def test_policies_nest_so_deeply_and_no_deeper() -> None:
    assert asked(compiled({"and": [nested(MAX_BRANCH_DEPTH - 1)]}), {"uri": "/a"}) is True
    (detail,) = refused({"and": [nested(MAX_BRANCH_DEPTH)]}).values()
    assert f"more than {MAX_BRANCH_DEPTH} deep" in detail


def test_a_policy_holds_so_many_others_and_no_more() -> None:
    half = {"engine": "complex", "or": [MATCHO] * 99}
    assert asked(compiled({"and": [half, half]}), {"uri": "/a"}) is True
    found = refused({"and": [half, half, *[MATCHO] * (MAX_BRANCHES - 199)]})
    assert found == {"/and/2": f"a policy holds no more than {MAX_BRANCHES} others"}


def test_branches_that_differ_make_the_facets_of_both_or_what_they_share() -> None:
    get = {"engine": "matcho", "matcho": {"request-method": "get", "client": {"id": "a"}}}
    assert compiled({"and": [MATCHO, get]}).facets == Facets(frozenset({"get"}), frozenset({"/a"}), None, {"/client/id": "a"})  # fmt: skip
    other = {"engine": "matcho", "matcho": {"uri": "#^/a/", "client": {"id": "a"}}}
    assert compiled({"or": [MATCHO, other]}).facets == Facets(uri_prefix="/a")
    assert compiled({"or": [MATCHO, scripted("yes")]}).facets == NO_FACETS
    assert compiled({"and": [MATCHO, get]}).reads == {"uri", "request-method", "client"}
    assert compiled({"and": [MATCHO, scripted("yes")]}).reads is ALL


def test_an_explanation_says_what_each_branch_says_with_pointers_from_the_top() -> None:
    body = {"or": [MATCHO, {"engine": "complex", "and": [{"engine": "json-schema", "schema": {"required": ["jwt"]}}]}]}
    verdict = compiled(body).explain({"uri": "/b"})
    assert not verdict.matched
    assert [(reason.message, reason.policy_pointer) for reason in verdict.reasons] == [
        ("branch 1 of 2 (matcho) says no", "/or/0"),
        ("uri is '/b', the policy wants '/a'", "/or/0/matcho/uri"),
        ("branch 2 of 2 (complex) says no", "/or/1"),
        ("branch 1 of 1 (json-schema) says no", "/or/1/and/0"),
        ("the request has no 'jwt', and the policy requires it", "/or/1/and/0/schema/required"),
    ]


@pytest.mark.parametrize("word", ["and", "or"])
@pytest.mark.parametrize("count", [2, 3, 6, 9, 10, 11, 30])
def test_an_explanation_has_a_line_for_each_branch_and_for_that_which_settles_it_whatever_its_place(
    word: str, count: int
) -> None:
    """Reasons of the first branches must not leave out what the last ones say."""
    settles, other = ("no", "yes") if word == "and" else ("yes", "no")
    for place in range(count):
        branches = [scripted(settles if number == place else other) for number in range(count)]
        reasons = compiled({word: branches}).explain({"uri": "/"}).reasons
        lines = [reason.policy_pointer for reason in reasons if reason.code == "branch"]
        assert len(reasons) <= 10
        assert len(lines) == min(count, 10)
        assert lines == sorted(lines, key=lambda pointer: int(str(pointer).rpartition("/")[2]))
        assert f"/{word}/{place}" in lines
        why = [reason.policy_pointer for reason in reasons if reason.code != "branch"]
        assert (f"/{word}/{place}" in why) is (count < 10), "it says why where there is room for anybody to"


def test_a_failed_branch_is_named_without_what_it_raised() -> None:
    with pytest.raises(Undetermined) as raised:
        compiled({"and": [MATCHO, scripted("raise"), scripted("untold")]}).evaluate({"uri": "/a"})
    assert raised.value.detail == (
        "/and/1 (scripted) failed: the engine raised ValueError; /and/2 (scripted) failed: cannot tell"
    )
    verdict = compiled({"or": [scripted("raise"), scripted("yes")]}).explain({})
    assert [reason.message for reason in verdict.reasons] == [
        "branch 1 of 2 (scripted) failed: the engine raised ValueError",
        "branch 2 of 2 (scripted) says yes",
        "the engine raised ValueError",
    ]


def test_a_branch_knows_of_which_policy_it_is_a_part_and_what_that_is_about() -> None:
    seen = []

    class Engine(Scripted):
        def compile(self, policy: AccessPolicy, compile_branch: object) -> Any:
            seen.append((policy.id, policy.type, dict(policy.body)))
            return ScriptedEvaluator("yes")

    compiler = PolicyCompiler({**ENGINES, "scripted": Engine()})
    compiler.compile(AccessPolicy("mine", "complex", {"or": [scripted("yes")]}, type="authzen"))
    assert seen == [("mine", "authzen", {"answer": "yes"})]


REQUEST = {"request-method": "get", "uri": "/Patient/1", "client": {"id": "a"}, "params": {"owner": "a"}}
GET = {"engine": "matcho", "matcho": {"request-method": "get"}}
PATIENT = {"engine": "json-schema", "schema": {"required": ["uri"], "properties": {"uri": {"pattern": "^/Patient/"}}}}
OWNER = {"engine": "matcho", "matcho": {"params": {"owner": ".jwt.sub"}}}


class TestComplex(EngineContract):
    engine = ComplexEngine()
    cases = [
        Case({"and": [GET, PATIENT]}, REQUEST, True),
        Case({"and": [GET, MATCHO]}, REQUEST, False),
        Case({"or": [MATCHO, PATIENT]}, REQUEST, True),
        Case({"or": [MATCHO, OWNER]}, REQUEST, None),
        Case({"and": [MATCHO, OWNER]}, REQUEST, False),
        Case({"and": [GET, {"engine": "complex", "or": [OWNER, PATIENT]}]}, REQUEST, True),
        Case({"or": [{"engine": "allow"}, OWNER]}, REQUEST, True),
        Case({"or": [MATCHO] * 30}, REQUEST, False),
    ]
    bad = [Bad({}, "/and"), Bad({"and": [GET], "or": [GET]}, "/or"), Bad({"and": 5}, "/and"), Bad({"or": [{"engine": "x"}]}, "/or/0/engine")]  # fmt: skip

    def compile_branch(self, subpolicy: Mapping[str, Any], pointer: str) -> Evaluator:
        """As the compiler does, whose own tests are above."""
        body = {name: value for name, value in subpolicy.items() if name != "engine"}
        try:
            return COMPILER.compile(AccessPolicy("p", subpolicy["engine"], body))
        except PolicyInvalid as error:
            raise PolicyInvalid(
                dataclasses.replace(problem, pointer=pointer + problem.pointer) for problem in error.problems
            ) from None
