"""How many evaluators one decision calls does not grow with the policies for everybody that do not concern it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from falconbox.agreement import Question
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import MAX_EXPLAINED, DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.engine import Evaluator
from falconbox.model import AccessPolicy, Effect, Verdict
from falconbox.plugins import load_plugins
from falconbox.world import World

PLUGINS = load_plugins()
POINT = DecisionPoint(lambda: True)
DOCUMENT = {
    "uri": "/Patient/1",
    "request-method": "get",
    "params": {"resource/type": "Patient"},
    "client": {"id": "me", "details": {"role": "reader"}},
    "jwt": {"sub": "me"},
}


class Counted:
    """An evaluator of a real engine whose calls are counted."""

    def __init__(self, evaluator: Evaluator, called: list[str], policy: str) -> None:
        self._evaluator, self._called, self._policy = evaluator, called, policy
        self.reads, self.facets = evaluator.reads, evaluator.facets

    def evaluate(self, document: Mapping[str, Any]) -> bool:
        self._called.append(self._policy)
        return self._evaluator.evaluate(document)

    def explain(self, document: Mapping[str, Any]) -> Verdict:
        return self._evaluator.explain(document)


class Counting(PolicyCompiler):
    """Compiles by the shipped engines, and keeps which policies were asked."""

    def __init__(self) -> None:
        super().__init__(PLUGINS.engines, PLUGINS.shipped)
        self.called: list[str] = []

    def compile(self, policy: AccessPolicy) -> Evaluator:
        return Counted(super().compile(policy), self.called, policy.id)


def at(*steps: str) -> Callable[[Any], dict[str, Any]]:
    """Return what makes a schema that wants a value there, each step required."""

    def schema(value: Any) -> dict[str, Any]:
        made = value if isinstance(value, dict) else {"const": value}
        for step in reversed(steps):
            made = {"type": "object", "required": [step], "properties": {step: made}}
        return made

    return schema


def matching(*steps: str) -> Callable[[Any], dict[str, Any]]:
    """Return what makes a matcho pattern that wants a value there."""

    def pattern(value: Any) -> dict[str, Any]:
        made = f"#{value['pattern']}" if isinstance(value, dict) else value
        for step in reversed(steps):
            made = {step: made}
        return made  # type: ignore[no-any-return]

    return pattern


BY: dict[str, tuple[tuple[str, ...], Callable[[int], Any]]] = {
    "exact uri": (("uri",), lambda number: f"/Other/{number}"),
    "prefix of the uri": (("uri",), lambda number: {"pattern": f"^/Other/{number}/"}),
    "prefix that ends at a step": (("uri",), lambda number: {"pattern": f"^/Other/{number}(/|$)"}),
    "method": (("request-method",), lambda number: f"method{number}"),
    "client": (("client", "id"), lambda number: f"client{number}"),
    "what is known of the client": (("client", "details", "role"), lambda number: f"role{number}"),
    "claim": (("jwt", "sub"), lambda number: f"client{number}"),
    "parameter of the route": (("params", "resource/type"), lambda number: f"Type{number}"),
}
BODIES: dict[str, Callable[[tuple[str, ...], Any], dict[str, Any]]] = {
    "json-schema": lambda steps, value: {"schema": at(*steps)(value)},
    "matcho": lambda steps, value: {"matcho": matching(*steps)(value)},
    "complex and": lambda steps, value: {
        "and": [{"engine": "allow"}, {"engine": "json-schema", "schema": at(*steps)(value)}]
    },
    "complex or": lambda steps, value: {
        "or": [
            {"engine": "matcho", "matcho": matching(*steps)(value)},
            {"engine": "json-schema", "schema": at(*steps)(value)},
        ]
    },
}


def here(by: str) -> Any:
    """Return what the request has there."""
    found: Any = DOCUMENT
    for step in BY[by][0]:
        found = found[step]
    return found


def policy(name: str, engine: str, by: str, value: Any, effect: Effect) -> AccessPolicy:
    steps, _ = BY[by]
    return AccessPolicy(name, engine.partition(" ")[0], BODIES[engine](steps, value), effect=effect)


@functools.lru_cache(maxsize=2)
def unrelated(engine: str, by: str, size: int) -> tuple[PolicySet, Counting]:
    """Return so many policies for everybody that do not concern the request, every second one a deny policy."""
    compiler = Counting()
    made = [policy(f"p{n}", engine, by, BY[by][1](n), [*Effect][n % 2]) for n in range(size)]
    return PolicySet().patched({one.id: one for one in made}, compiler), compiler


def decided(engine: str, by: str, size: int, mine: AccessPolicy) -> tuple[Any, list[str]]:
    """Decide among them and one more; return the decision, and whose evaluators were called."""
    others, compiler = unrelated(engine, by, size)
    compiler.called.clear()
    compiled = others.patched({mine.id: mine}, compiler)
    assert (len(compiled.policies), compiled.broken()) == (size + 1, 0)
    return POINT.decide(World(policies=compiled), "me", Question(DOCUMENT)), [*compiler.called]


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("engine", BODIES)
@pytest.mark.parametrize("size", [10, 1_000])
def test_one_evaluator_is_called_however_many_policies_for_everybody_there_are(size: int, engine: str, by: str) -> None:
    allow = policy("mine", engine, "exact uri", "/Patient/1", Effect.ALLOW)
    decision, called = decided(engine, by, size, allow)
    assert (decision.allow, decision.by, called) == (True, ("mine",), ["mine"])

    deny = policy("mine", engine, by, {"pattern": "^/Patient/"} if "prefix" in by else here(by), Effect.DENY)
    decision, called = decided(engine, by, size, deny)
    assert (decision.allow, decision.by, called) == (False, ("mine",), ["mine"])


def test_where_nothing_is_known_of_policies_all_of_them_are_called() -> None:
    """What the counts above are to be compared with: the wrapped evaluators are asked, and counted."""
    compiler = Counting()
    schema = {"required": ["uri"], "properties": {"uri": {"pattern": "Other"}}}
    policies = {f"p{number}": AccessPolicy(f"p{number}", "json-schema", {"schema": schema}) for number in range(100)}
    world = World(policies=PolicySet().patched(policies, compiler))
    assert not POINT.decide(world, "me", Question(DOCUMENT)).allow
    assert len(compiler.called) == 100 + MAX_EXPLAINED
