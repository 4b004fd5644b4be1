"""Whatever a stranger's engine does, it allows nothing by it, its deny policy denies, and the reason names its fault."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from falconbox import ALL, NO_FACETS, Facets, PolicyInvalid, Problem, Reason, Undetermined, Verdict
from falconbox.admission import Admission
from falconbox.agreement import Question
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.decision_log import record
from falconbox.errors import Invalid, StartupError
from falconbox.model import AccessPolicy, Decision, Effect
from falconbox.plugins import load_plugins
from falconbox.resources.explanation import why
from falconbox.world import World

PLUGINS = load_plugins()
POINT = DecisionPoint(lambda: True)
DOCUMENT = {"uri": "/Patient", "request-method": "get", "client": {"id": "app"}}


class Truthy:
    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Speechless(BaseException):
    def __str__(self) -> str:
        raise SystemExit(1)

    __repr__ = __str__


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise KeyboardInterrupt


class Faceless(Exception, metaclass=Nameless):
    pass


class Pretender:
    """Says that it is a bool, as `isinstance` believes."""

    __class__ = bool  # type: ignore[assignment]


class Unclassed(Exception):
    @property
    def __class__(self) -> type:  # type: ignore[override]
        raise LookupError


class Mute(Undetermined):
    def __init__(self) -> None:
        pass

    @property
    def detail(self) -> str:  # type: ignore[override]
        raise SystemExit(1)


def thrown(error: BaseException) -> Callable[[Any], Any]:
    def throw(document: Any) -> Any:
        raise error

    return throw


def again(document: Any) -> Any:
    return again(document)


FAULTS: Mapping[str, Callable[[Any], Any]] = {
    **{type(error).__name__: thrown(error) for error in (
        KeyboardInterrupt(), SystemExit(0), GeneratorExit(), StopIteration(), MemoryError(), AssertionError(), Speechless(), Mute(),
        BaseExceptionGroup("several", [SystemExit()]),
    )},
    "a nameless kind": thrown(Faceless()), "recursion": again, "more than there is": lambda _: bytes(2**60), "a number": lambda _: 1, "a text": lambda _: "true", "a list": lambda _: [True],
    "nothing": lambda _: None, "what equals everything": lambda _: Truthy(), "an iterator": lambda _: iter([True]),
    "what says that it is a bool": lambda _: Pretender(), "an error that will not say what it is": thrown(Unclassed()),
    "no text for a reason": thrown(Undetermined(ValueError("true"))), "no reason": thrown(Undetermined("")),  # type: ignore[arg-type]
}  # fmt: skip


class Evaluator:
    reads = ALL
    facets = NO_FACETS

    def __init__(self, act: Callable[[Any], Any]) -> None:
        self._act = act

    def evaluate(self, document: Any) -> bool:
        return self._act(document)

    def explain(self, document: Any) -> Verdict:
        return self._act(document)


class Compiling:
    """An engine that compiles as it is told."""

    name = "strange"
    body_schema: Mapping[str, Any] = {}

    def __init__(self, compiled: Callable[[], Any]) -> None:
        self._compiled = compiled

    def compile(self, policy: AccessPolicy, compile_branch: object) -> Any:
        return self._compiled()


OTHER = {"and": {"engine": "allow"}, "or": {"engine": "matcho", "matcho": {"uri": "/Encounter"}}}
BODIES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "alone": ("strange", {}),
    **{f"under {word}": ("complex", {word: [{"engine": "strange"}, other]}) for word, other in OTHER.items()},
    "twice under": ("complex", {"or": [OTHER["or"], {"engine": "complex", "and": [OTHER["and"], {"engine": "strange"}]}]}),
}  # fmt: skip


def compiler(engine: Compiling) -> PolicyCompiler:
    return PolicyCompiler({**PLUGINS.engines, "strange": engine}, PLUGINS.shipped)


def decided(engine: Compiling, body: tuple[str, dict[str, Any]], effect: Effect) -> Decision:
    """Decide by a policy of a strange engine, beside one that allows everything if it is there to deny."""
    policies = {"strange": AccessPolicy("strange", *body, effect=effect)}
    if effect is Effect.DENY:
        policies["z"] = AccessPolicy("z", "allow", {})
    world = World(policies=PolicySet().patched(policies, compiler(engine)))
    decision = POINT.decide(world, "app", Question(DOCUMENT))
    answers = POINT.explain(world, "app", Question(DOCUMENT))
    # What is written down, and what is shown to those who may ask.
    asked = record.Asked("get", "/Patient", "127.0.0.1", 1)
    assert json.dumps([record.decided("id", asked, decision), why(decision, answers)])
    return decision


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_allows_nothing_and_a_deny_policy_denies_by_it(
    fault: Callable[[Any], Any], body: tuple[str, dict[str, Any]]
) -> None:
    engine = Compiling(lambda: Evaluator(fault))
    decision = decided(engine, body, Effect.ALLOW)
    assert (decision.allow, decision.code) == (False, "no-policy-allows")
    (answer,) = decision.answers
    assert (answer.policy, answer.outcome) == ("strange", "failed")
    assert answer.reasons[0].code in ("engine-error", "engine-answer", "undetermined")
    assert "engine" in answer.reasons[0].message
    decision = decided(engine, body, Effect.DENY)
    assert (decision.allow, decision.code, decision.by) == (False, "denied-by-policy", ("strange",))


def test_the_log_says_which_policy_failed_and_by_what_and_quotes_nothing() -> None:
    engine = Compiling(lambda: Evaluator(thrown(ValueError("hunter2"))))
    decision = decided(engine, BODIES["alone"], Effect.DENY)
    (answer,) = record.decided("id", record.Asked("get", "/Patient", "127.0.0.1", 1), decision)["reasons"]
    assert answer["policy"] == "strange"
    assert answer["reasons"] == [{"code": "engine-error", "detail": "the engine raised ValueError"}]
    engine = Compiling(lambda: Evaluator(thrown(Undetermined("hunter2"))))
    decision = decided(engine, BODIES["alone"], Effect.DENY)
    assert "hunter2" not in str(record.decided("id", record.Asked("get", "/Patient", "127.0.0.1", 1), decision))


def test_an_engine_that_changes_its_document_changes_nobody_elses() -> None:
    def takes_over(document: Any) -> bool:
        document["client"]["id"] = "root"
        document.clear()
        return False

    for body in BODIES.values():
        decided(Compiling(lambda: Evaluator(takes_over)), body, Effect.ALLOW)
        assert DOCUMENT == {"uri": "/Patient", "request-method": "get", "client": {"id": "app"}}


class Explaining(Evaluator):
    def __init__(self, verdict: Any) -> None:
        self._verdict = verdict

    def evaluate(self, document: Any) -> bool:
        return False

    def explain(self, document: Any) -> Verdict:
        return self._verdict


ODD_VERDICTS: Mapping[str, Any] = {
    "no verdict": False, "a text": "no", "texts": Verdict(False, ("no", "no")), "no list": Verdict(False, None), "a number for a text": Verdict(False, (Reason("code", 5),)),
    "no code": Verdict(False, (Reason(None, "text"),)), "a pointer that is none": Verdict(False, (Reason("code", "text", 5, b"x"),)),
    "what is no JSON": Verdict(False, (Reason("code", "text", details=object()),)), "not a number": Verdict(False, (Reason("code", "text", details={"a": float("nan")}),)),
    "half a character": Verdict(False, (Reason("code", "\ud800"),)), "what never ends": Verdict(False, itertools.repeat(Reason("code", "text"))),
    "very long": Verdict(False, (Reason("code", "x" * 10**6),)), "truthy": Verdict("yes", ()),
}  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("verdict", ODD_VERDICTS.values(), ids=ODD_VERDICTS)
def test_an_explanation_that_is_none_is_left_out_and_the_answer_stays(
    verdict: Any, body: tuple[str, dict[str, Any]]
) -> None:
    decision = decided(Compiling(lambda: Explaining(verdict)), body, Effect.ALLOW)
    (answer,) = decision.answers
    assert answer.outcome == "no"
    assert 1 <= len(answer.reasons) <= 10
    assert all(isinstance(reason, Reason) and len(reason.message) < 1100 for reason in answer.reasons)


def refused(made: Callable[..., BaseException], *arguments: Any) -> Callable[[], Any]:
    def compile_() -> Any:
        raise made(*arguments)

    return compile_


class Odd(Evaluator):
    def __init__(self, **declared: Any) -> None:
        super().__init__(lambda _: True)
        self.__dict__.update(declared)


NOT_COMPILED: Mapping[str, Callable[[], Any]] = {
    "nothing": lambda: None, "a text": lambda: "yes", "SystemExit": refused(SystemExit, 0), "KeyboardInterrupt": refused(KeyboardInterrupt),
    "a refusal without a problem": refused(PolicyInvalid, []), "a text for problems": refused(PolicyInvalid, "bad"), "texts for problems": refused(PolicyInvalid, ["bad"]),
    "no pointer": refused(lambda: PolicyInvalid([Problem(None, "bad")])), "no words": refused(lambda: PolicyInvalid([Problem("", 5)])), "an error of ours": refused(StartupError, "bad"),
    "undetermined": refused(Undetermined, "bad"), "recursion": lambda: again(None), "a face": refused(Faceless),
}  # type: ignore[arg-type]  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("compiled", NOT_COMPILED.values(), ids=NOT_COMPILED)
def test_what_does_not_compile_is_not_stored_and_were_it_there_it_would_fail(
    compiled: Callable[[], Any], body: tuple[str, dict[str, Any]]
) -> None:
    engine = Compiling(compiled)
    name, fields = body
    with pytest.raises(Invalid) as told:
        Admission({**PLUGINS.engines, "strange": engine}).policy(
            {"resourceType": "AccessPolicy", "id": "p", "engine": name, **fields}, lambda _: True
        )
    assert all(problem.detail for problem in told.value.problems)
    assert not decided(engine, body, Effect.ALLOW).allow
    assert not decided(engine, body, Effect.DENY).allow


DECLARED: Mapping[str, dict[str, Any]] = {
    "reads nothing": {"reads": None}, "reads a number": {"reads": 5}, "reads lists": {"reads": [["uri"]]}, "facets of another kind": {"facets": {"uris": ["/"]}},
    "a text read": {"reads": "uri"}, "a list read": {"reads": ["uri"]}, "numbers read": {"reads": frozenset({1})},
    "a text for methods": {"facets": Facets(methods="get")}, "a text for uris": {"facets": Facets(uris="/Patient")},  # type: ignore[arg-type]
    "no text for a prefix": {"facets": Facets(uri_prefix=False)}, "bytes for a prefix": {"facets": Facets(uri_prefix=b"")},  # type: ignore[arg-type]
    "no facets": {"facets": None}, "facets that are no texts": {"facets": Facets(uris=frozenset({1}))}, "lists as facets": {"facets": Facets(constants={"/a": [1]})},
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_what_is_declared_wrongly_neither_allows_nor_keeps_a_deny_policy_from_denying(
    declared: dict[str, Any], body: tuple[str, dict[str, Any]]
) -> None:
    engine = Compiling(lambda: Odd(**declared))
    assert not decided(engine, body, Effect.DENY).allow


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("declared", DECLARED.values(), ids=DECLARED)
def test_what_is_declared_wrongly_is_not_stored_and_what_is_wrong_is_told(
    declared: dict[str, Any], body: tuple[str, dict[str, Any]]
) -> None:
    """`reads = "uri"` would be taken for u, r and i: a deny policy that is shown no uri says no, and a door is open."""
    name, fields = body
    with pytest.raises(Invalid, match=r"reads are|facets") as told:
        Admission({**PLUGINS.engines, "strange": Compiling(lambda: Odd(**declared))}).policy(
            {"resourceType": "AccessPolicy", "id": "p", "engine": name, **fields}, lambda _: True
        )
    assert all("its engine declares" in problem.detail for problem in told.value.problems)
