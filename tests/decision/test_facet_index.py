"""Looking policies up by their facets decides what asking each of them decides, and asks only those that matter."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from falconbox.agreement import Question
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import MAX_EXPLAINED, DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.engine import NO_FACETS, Facets
from falconbox.errors import Undetermined
from falconbox.model import AccessPolicy, Effect, Verdict
from falconbox.plugins import load_plugins
from falconbox.testing import Agreement
from falconbox.world import World

ENGINES = load_plugins().engines
PAIRS = 100_000
POINT = DecisionPoint(lambda: True)
URIS = ["/Patient", "/Patient/1", "/Patient/2", "/Encounter", "/", "/patient", "/Patient\n"]
METHODS = ["get", "post", "GET", ""]
NESTED = ["client", "params", "jwt", "body", "resource"]


class Dice:
    """Makes schemas that speak of what facets are made of, and of what they are not."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def word(self, words: list[Any]) -> Any:
        return self.random.choice(words)

    def value(self, words: list[str]) -> dict[str, Any]:
        chosen = self.random.sample(words, self.random.randint(1, 2))
        return self.word([
            {"const": chosen[0]}, {"constant": chosen[0]}, {"enum": chosen}, {"enum": [*chosen, None, 1]}, {"type": "string"}, {},
            {"pattern": self.word(["^/Patient", "^/Patient$", "^/Patient/[0-9]+$", "/Patient", "^/P|/E", "^/Patients?$", "^g", "^get$", "^\\/Patient\\/1$", "^/Patient(/|$)", "^/(Patient|Encounter)(/1|$)", "^/P(x|a)|/E", "^(get|/Patient)"])},
            {"not": {"const": chosen[0]}}, {"allOf": [{"enum": chosen}, {"enum": words[:3]}]}, {"anyOf": [{"const": chosen[0]}, {"minLength": 8}]},
        ])  # fmt: skip

    def schema(self, depth: int = 0) -> dict[str, Any]:
        members: dict[str, Any] = {}
        if self.random.random() < 0.8:
            members["uri"] = self.value(URIS)
        if self.random.random() < 0.5:
            members["request-method"] = self.value(METHODS)
        if self.random.random() < 0.3:
            members["client"] = {
                "required": self.word([["id"], []]),
                "properties": {"id": self.word([{"const": "a"}, {"const": 1}, {"const": True}])},
            }
        if self.random.random() < 0.3:
            members[self.word(NESTED)] = self.nested()
        made: dict[str, Any] = {"properties": members}
        if self.random.random() < 0.7:
            made["required"] = [*members]
        if depth < 2 and self.random.random() < 0.3:
            made[self.word(["anyOf", "oneOf", "allOf"])] = [
                self.schema(depth + 1) for _ in range(self.random.randint(1, 3))
            ]
        if self.random.random() < 0.1:
            made["required"] = sorted({*made.get("required", ()), "body"})
        return made

    def nested(self, depth: int = 0) -> dict[str, Any]:
        """Make a schema of an object that need not be one, or not be there, unless it says so."""
        kinds = [{"const": "a"}, {"constant": 1}, {"enum": ["a"]}, {"enum": ["a", "b"]}, {"const": "a", "enum": ["a"]}]
        members = [self.word(kinds), self.nested(depth + 1)] if depth < 2 else [self.word(kinds)]
        name = self.word(["kind", "a/b"])
        made: dict[str, Any] = {"properties": {name: self.word(members)}, "required": self.word([[name], [name], []])}
        if self.random.random() < 0.5:
            made["type"] = self.word(["object", ["object"], ["object", "string"]])
        return made

    def policy(self, number: int) -> AccessPolicy:
        engine = "allow" if number == 12 else "json-schema"
        body = {} if engine == "allow" else {"schema": self.schema()}
        links = self.word([None, None, frozenset({"a"}), frozenset({"a", "b"})])
        effect = Effect.DENY if self.random.random() < 0.15 else Effect.ALLOW
        return AccessPolicy(f"p{number:02}", engine, body, links, effect)

    def unknown(self) -> frozenset[str]:
        return frozenset(key for key in ("body", "client", "headers", "jwt") if self.random.random() < 0.05)

    def document(self) -> dict[str, Any]:
        made: dict[str, Any] = {"uri": self.word(URIS), "request-method": self.word(METHODS), "params": {}}
        if self.random.random() < 0.6:
            made["client"] = {"id": self.word(["a", "b", 1, True, 1.0, [1]])}
        for name in NESTED:
            if self.random.random() < 0.5:
                made.setdefault(name, {}).update({self.word(["kind", "a/b"]): self.value_at()})
        if self.random.random() < 0.1:
            made["body"] = self.word([{}, "a", [{"kind": "a"}], None, 1])
        if self.random.random() < 0.1:
            made["uri"] = self.word([None, ["/Patient"], {"x": 1}, 5])
        if self.random.random() < 0.1:
            del made[self.word([*made])]
        return made

    def value_at(self, depth: int = 0) -> Any:
        inner = {self.word(["kind", "a/b"]): self.value_at(depth + 1)} if depth < 2 else {}
        return self.word(["a", "b", 1, True, None, ["a"], inner, inner])


def test_a_look_up_decides_with_its_reasons_what_asking_everybody_decides() -> None:
    dice, found, asked, skipped = Dice(2024), Counter[str](), Counter[str](), 0
    while asked["pairs"] < PAIRS:
        held = Agreement(map(dice.policy, range(dice.random.randint(5, 25))), ENGINES, ENGINES)
        for _ in range(40):
            found[held.decide(dice.document(), dice.word([None, "a", "b", "c"]), unknown=dice.unknown()).code] += 1
        asked += {"pairs": held.pairs, "explained": held.explained}
        skipped += held.skipped
    assert found.keys() == {"denied-by-policy", "allowed-by-policy", "no-policy-allows"}
    assert min(found.values()) > 1000, "each of the three is decided often"
    assert asked["explained"] > PAIRS // 2, "and the reasons of a no are compared"
    assert skipped > PAIRS // 10, "the facets of these policies keep many of them from being asked"


class Counting:
    """An engine whose policies name a uri, and which counts how often it is asked."""

    name = "counting"
    body_schema: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, reads: frozenset[str] = frozenset({"uri"})) -> None:
        self.asked = 0
        self.reads = reads

    def compile(self, policy: AccessPolicy, compile_branch: object) -> Any:
        return _Counted(self, policy.body)


class _Counted:
    def __init__(self, engine: Counting, body: Mapping[str, Any]) -> None:
        self.engine, self.body = engine, body
        self.reads = engine.reads
        self.facets = body["facets"]

    def evaluate(self, document: Mapping[str, Any]) -> bool:
        self.engine.asked += 1
        return document.get("uri") == self.body["uri"]

    def explain(self, document: Mapping[str, Any]) -> Verdict:
        return Verdict(document.get("uri") == self.body["uri"])


FILED = {
    "by exact uri": lambda number: Facets(uris=frozenset({f"/Other/{number}"})),
    "by prefix": lambda number: Facets(uri_prefix=f"/Other/{number}/"),
    "by method": lambda number: Facets(methods=frozenset({f"method{number}"})),
    "by client": lambda number: Facets(constants={"/client/id": f"client{number}"}),
    "by claim": lambda number: Facets(constants={"/jwt/sub": f"client{number}"}),
    "by uri and method": lambda number: Facets(methods=frozenset({"get"}), uris=frozenset({f"/Other/{number}"})),
}


@pytest.mark.parametrize("how", FILED)
@pytest.mark.parametrize("effect", Effect)
def test_policies_for_everybody_that_do_not_concern_a_request_are_not_asked(how: str, effect: Effect) -> None:
    counts = []
    for size in (10, 1_000):
        engine = Counting(frozenset({"uri", "client", "jwt"}))
        policies = {
            f"p{number}": AccessPolicy(
                f"p{number}", "counting", {"uri": f"/Other/{number}", "facets": FILED[how](number)}, effect=effect
            )
            for number in range(size)
        }
        policies["mine"] = AccessPolicy(
            "mine", "counting", {"uri": "/Patient", "facets": Facets(uris=frozenset({"/Patient"}))}
        )
        compiled = PolicySet().patched(policies, PolicyCompiler({"counting": engine}))
        document = {"uri": "/Patient", "request-method": "get", "client": {"id": "me"}, "jwt": {"sub": "me"}}
        assert POINT.decide(World(policies=compiled), "me", Question(document)).allow
        counts.append(engine.asked)
    assert counts == [1, 1]


@pytest.mark.parametrize("pointer", ["/params/resource~1type", "/resource/type", "/body/kind"])
def test_constants_anywhere_in_a_document_keep_other_policies_from_being_asked(pointer: str) -> None:
    _, first, second = (part.replace("~1", "/") for part in pointer.split("/"))
    counts = []
    for size in (10, 1_000):
        engine = Counting(frozenset({first}))
        policies = {
            f"p{number}": AccessPolicy(
                f"p{number}", "counting", {"uri": "/", "facets": Facets(constants={pointer: f"Type{number}"})}
            )
            for number in range(size)
        }
        world = World(policies=PolicySet().patched(policies, PolicyCompiler({"counting": engine})))
        document = {first: {second: "Type5"}, "uri": "/Patient", "request-method": "get"}
        decision = POINT.decide(world, None, Question(document))
        assert len(decision.answers) == MAX_EXPLAINED
        counts.append(engine.asked - MAX_EXPLAINED)
    assert counts == [1, 1]


@pytest.mark.parametrize("lacking", ["uri", "request-method"])
def test_where_a_document_has_no_uri_or_method_what_is_filed_by_it_is_asked(lacking: str) -> None:
    engine = Counting(frozenset({"uri", "request-method"}))
    facets = [Facets(uris=frozenset({"/x"})), Facets(uri_prefix="/x/"), Facets(methods=frozenset({"put"}))]
    policies = {
        f"p{number}": AccessPolicy(f"p{number}", "counting", {"uri": "/", "facets": facets[number % 3]})
        for number in range(9)
    }
    world = World(policies=PolicySet().patched(policies, PolicyCompiler({"counting": engine})))
    document = {"uri": "/Patient", "request-method": "get"}
    POINT.decide(world, None, Question({key: value for key, value in document.items() if key != lacking}))
    assert engine.asked - MAX_EXPLAINED == {"uri": 6, "request-method": 3}[lacking]


def test_an_unknown_body_fails_every_policy_that_reads_it_whatever_its_facets() -> None:
    schema = {"properties": {"uri": {"const": "/Other"}}, "required": ["uri", "body"]}
    policies = {
        f"p{number}": AccessPolicy(f"p{number}", "json-schema", {"schema": schema}, effect=Effect.DENY)
        for number in range(9)
    }
    policies["allow"] = AccessPolicy("allow", "allow", {})
    world = World(policies=PolicySet().patched(policies, PolicyCompiler(ENGINES)))
    document = {"uri": "/Patient", "request-method": "post"}
    assert POINT.decide(world, None, Question(document)).allow
    assert POINT.decide(world, None, Question(document, unknown=frozenset({"body"}))).by == ("p0",)


BROKEN: dict[str, Any] = {
    "none": None, "a mapping": {"uris": ["/"]}, "a list among the constants": Facets(constants={"/client/x": [1]}),
    "a number among the uris": Facets(uris=frozenset({1})), "a prefix that is none": Facets(uri_prefix=5),
    "a constant at what is not read": Facets(constants={"/client/id": "x"}), "no pointer": Facets(constants={"": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("facets", BROKEN.values(), ids=BROKEN)
def test_a_policy_whose_facets_cannot_be_filed_is_broken_and_denies(facets: Any) -> None:
    policies = {
        "bad": AccessPolicy("bad", "counting", {"uri": "/", "facets": facets}, effect=Effect.DENY),
        **{f"p{number}": AccessPolicy(f"p{number}", "allow", {}) for number in range(9)},
    }
    compiled = PolicySet().patched(policies, PolicyCompiler({**ENGINES, "counting": Counting()}))
    assert compiled.broken() == 1
    decision = POINT.decide(World(policies=compiled), None, Question({"uri": "/x", "request-method": "get"}))
    assert (decision.allow, decision.by) == (False, ("bad",))


class Failing(_Counted):
    def evaluate(self, document: Mapping[str, Any]) -> bool:
        raise Undetermined("cannot tell")


def test_a_policy_that_declares_nothing_is_always_asked() -> None:
    class Engine(Counting):
        def compile(self, policy: AccessPolicy, compile_branch: object) -> Any:
            return Failing(self, policy.body)

    policies = {f"p{number}": AccessPolicy(f"p{number}", "allow", {}) for number in range(9)}
    policies["deny"] = AccessPolicy("deny", "counting", {"uri": "/", "facets": NO_FACETS}, effect=Effect.DENY)
    compiled = PolicySet().patched(policies, PolicyCompiler({**ENGINES, "counting": Engine()}))
    assert not POINT.decide(World(policies=compiled), None, Question({"uri": "/x", "request-method": "get"})).allow
