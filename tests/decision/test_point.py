"""What a decision says of itself, and what it costs to ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from falconbox import ALL, NO_FACETS, Reason, Verdict
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import SLOW, DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.model import AccessPolicy, Effect, Mode, Outcome
from falconbox.plugins import load_plugins
from falconbox.world import World


class Spying:
    """An engine that answers `body.answer`, reads `body.reads` and remembers the documents it was shown."""

    name = "spying"
    body_schema: dict[str, Any] = {}

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def compile(self, policy: AccessPolicy, _branch: object) -> Any:
        engine = self

        class Evaluator:
            reads = ALL if policy.body.get("reads") is ALL else frozenset(policy.body.get("reads", ()))
            facets = NO_FACETS

            def evaluate(self, document: Any) -> bool:
                engine.seen.append((policy.id, dict(document)))
                return policy.body["answer"]

            def explain(self, document: Any) -> Verdict:
                return Verdict(policy.body.get("explained", policy.body["answer"]), (Reason("why", "because"),))

        return Evaluator()


class Body:
    """A question with a body that is parsed when asked for."""

    def __init__(self, *, readable: bool = True) -> None:
        self.readable = readable
        self.asked_for_body = False
        self.document: dict[str, Any] = {}

    @property
    def unknown(self) -> frozenset[str]:
        return frozenset({"body"} - self.document.keys())

    def read(self, keys: object = ALL, *, body: bool) -> dict[str, Any]:
        self.asked_for_body = self.asked_for_body or body
        if body and self.readable:
            self.document["body"] = {"a": 1}
        return self.document


def world(*policies: AccessPolicy) -> tuple[Spying, World]:
    engine = Spying()
    compiled = PolicySet().patched({policy.id: policy for policy in policies}, PolicyCompiler({"spying": engine}))
    return engine, World(policies=compiled, revision=7)


def policy(policy_id: str, *, answer: bool, effect: str = "allow", mode: str = "enforce", **body: Any) -> AccessPolicy:
    return AccessPolicy(policy_id, "spying", {"answer": answer, **body}, None, Effect(effect), Mode(mode))


POINT = DecisionPoint(lambda: True)


def test_an_allowed_request_names_the_policy_that_allowed_it_and_the_revision() -> None:
    _, asked = world(policy("no", answer=False), policy("yes", answer=True))
    decision = POINT.decide(asked, None, Body())
    assert (decision.allow, decision.code, decision.by, decision.revision) == (True, "allowed-by-policy", ("yes",), 7)


def test_a_denied_request_says_why_each_candidate_did_not_allow_it() -> None:
    _, asked = world(policy("no", answer=False))
    decision = POINT.decide(asked, None, Body())
    assert decision.code == "no-policy-allows"
    assert [(answer.policy, answer.outcome, answer.reasons[0].code) for answer in decision.answers] == [
        ("no", Outcome.NO, "why")
    ]


def test_a_deny_policy_that_says_yes_overrides_every_allow_and_is_named() -> None:
    _, asked = world(policy("a", answer=True), policy("z", answer=True, effect="deny"))
    decision = POINT.decide(asked, None, Body())
    assert (decision.allow, decision.code, decision.by) == (False, "denied-by-policy", ("z",))


def test_the_body_is_not_read_when_no_enforced_candidate_reads_it() -> None:
    question = Body()
    engine, asked = world(policy("plain", answer=True), policy("shadow", answer=True, mode="shadow", reads=["body"]))
    decision = POINT.decide(asked, None, question)
    assert decision.allow
    assert not question.asked_for_body
    assert [name for name, _ in engine.seen] == ["plain"]
    assert [(answer.policy, answer.outcome) for answer in decision.answers] == [("shadow", Outcome.FAILED)]


def test_the_body_is_read_when_an_enforced_candidate_reads_it() -> None:
    question = Body()
    _, asked = world(policy("reader", answer=True, reads=["body"]))
    assert POINT.decide(asked, None, question).allow
    assert question.document == {"body": {"a": 1}}


def test_a_body_that_cannot_be_read_fails_every_policy_that_reads_it() -> None:
    _, asked = world(policy("reader", answer=True, reads=["body"]))
    decision = POINT.decide(asked, None, Body(readable=False))
    assert not decision.allow
    assert decision.answers[0].reasons[0].code == "body-unknown"


def test_a_body_that_cannot_be_read_makes_a_deny_policy_that_reads_it_deny() -> None:
    _, asked = world(policy("a", answer=True), policy("d", answer=False, effect="deny", reads=["body"]))
    assert POINT.decide(asked, None, Body(readable=False)).by == ("d",)


def test_a_shadow_policy_is_asked_and_logged_and_changes_no_answer() -> None:
    _, asked = world(policy("a", answer=True), policy("s", answer=True, effect="deny", mode="shadow"))
    decision = POINT.decide(asked, None, _WithoutBody())
    assert decision.allow
    assert [(answer.policy, answer.mode, answer.outcome) for answer in decision.answers] == [
        ("s", Mode.SHADOW, Outcome.YES)
    ]


def test_a_policy_that_is_off_is_never_asked() -> None:
    engine, asked = world(policy("off", answer=True, mode="off"))
    assert not POINT.decide(asked, None, _WithoutBody()).allow
    assert engine.seen == []


def test_a_stale_snapshot_allows_nothing_and_asks_nobody() -> None:
    engine, asked = world(policy("a", answer=True))
    decision = DecisionPoint(lambda: False).decide(asked, None, _WithoutBody())
    assert (decision.allow, decision.code) == (False, "snapshot-stale")
    assert engine.seen == []


def test_an_explanation_that_contradicts_the_answer_is_reported_and_not_believed() -> None:
    _, asked = world(policy("liar", answer=False, explained=True))
    answer = POINT.explain(asked, None, _WithoutBody())[0]
    assert (answer.outcome, answer.reasons[0].code) == (Outcome.NO, "explanation-differs")


def test_a_policy_whose_engine_is_missing_denies_and_says_so() -> None:
    missing = AccessPolicy("m", "gone", {}, effect=Effect.DENY)
    _, asked = world(policy("a", answer=True), missing)
    decision = POINT.decide(asked, None, _WithoutBody())
    assert decision.by == ("m",)
    assert decision.answers[0].reasons[0].code == "not-compiled"
    assert "'gone' is not installed" in decision.answers[0].reasons[0].message
    assert asked.policies.broken() == 1


class _WithoutAddress(Body):
    unknown = frozenset({"remote-addr"})


def test_whatever_cannot_be_seen_fails_the_policies_that_read_it_and_no_others() -> None:
    _, asked = world(policy("a", answer=True, reads=["remote-addr", "uri"]), policy("b", answer=True, reads=["uri"]))
    decision = POINT.decide(asked, None, _WithoutAddress())
    assert decision.by == ("b",)
    assert [(answer.policy, answer.reasons[0].code) for answer in decision.answers] == [("a", "remote-addr-unknown")]
    _, asked = world(policy("b", answer=True, reads=["uri"]), policy("d", answer=False, effect="deny", reads=ALL))
    assert POINT.decide(asked, None, _WithoutAddress()).by == ("d",), "who may read everything reads the address"


class _WithoutBody:
    unknown: frozenset[str] = frozenset()

    def read(self, keys: object = ALL, *, body: bool) -> dict[str, Any]:
        return {}


class Changing:
    """An engine that changes what it is shown, and says yes to a client that it has made up."""

    name = "changing"
    body_schema: dict[str, Any] = {}

    def __init__(self, reads: Any) -> None:
        self.reads = reads

    def compile(self, policy: AccessPolicy, _branch: object) -> Any:
        engine = self

        class Evaluator:
            reads = engine.reads
            facets = NO_FACETS

            def evaluate(self, document: Any) -> bool:
                document["uri"] = "/Patient"
                document["client"]["id"] = "admin"
                document["client"]["details"]["roles"].append("admin")
                document.clear()
                return False

            explain = evaluate

        return Evaluator()


@pytest.mark.parametrize("reads", [ALL, frozenset({"client", "uri"})], ids=["all", "some"])
@pytest.mark.parametrize("effect", Effect)
def test_an_engine_that_changes_the_document_changes_no_other_policys_answer_and_no_client(
    reads: Any, effect: Effect
) -> None:
    public = {"id": "me", "details": {"roles": ["reader"]}}
    question = Body()
    question.document |= {"request-method": "get", "uri": "/x", "client": public}
    schema = {"anyOf": [
        {"properties": {"uri": {"const": "/Patient"}}, "required": ["uri"]},
        {"properties": {"client": {"properties": {"details": {"properties": {"roles": {"contains": {"const": "admin"}}}}}}}},
    ]}  # fmt: skip
    policies = {
        "a": AccessPolicy("a", "changing", {}, effect=effect),
        "b": AccessPolicy("b", "json-schema", {"schema": schema}),
    }
    engines = {**load_plugins().engines, "changing": Changing(reads)}
    compiled = PolicySet().patched(policies, PolicyCompiler(engines, load_plugins().shipped))
    assert not POINT.decide(World(policies=compiled), None, question).allow
    assert public == {"id": "me", "details": {"roles": ["reader"]}}
    assert question.document["uri"] == "/x"
    POINT.explain(World(policies=compiled), None, question)
    assert public == {"id": "me", "details": {"roles": ["reader"]}}


def test_a_stranger_sees_only_what_it_says_that_it_reads() -> None:
    engine, asked = world(policy("p", answer=True, reads=["uri"]))
    question = Body()
    question.document |= {"uri": "/Patient", "headers": {"x-secret": "s"}}
    assert POINT.decide(asked, None, question).allow
    assert engine.seen == [("p", {"uri": "/Patient"})]


def test_a_slow_evaluation_is_counted_and_named(caplog: pytest.LogCaptureFixture) -> None:
    ticks = iter([0.0, SLOW / 2, 10.0, 10.0 + 2 * SLOW])
    point = DecisionPoint(lambda: True, lambda: next(ticks))
    _, asked = world(policy("fast", answer=False, effect="deny"), policy("slow", answer=True))
    assert point.decide(asked, None, Body()).allow
    assert point.slow_evaluations == 1
    assert [record.getMessage() for record in caplog.records] == ["the policy slow (engine spying) took 200 ms"]
