"""The decision point agrees with the simplest reading of its rules, whatever policies it is given."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from falconbox import ALL, NO_FACETS, Undetermined, Verdict
from falconbox.compiling import PolicyCompiler
from falconbox.decision.point import DecisionPoint
from falconbox.decision.policy_set import PolicySet
from falconbox.model import AccessPolicy, Effect, Mode
from falconbox.world import World

ANSWERS = ("yes", "no", "truthy", "one", "none", "raise", "exit", "undetermined", "recursion")


class Scripted:
    """An engine whose policies answer as their body says."""

    name = "scripted"
    body_schema: dict[str, Any] = {}

    def compile(self, policy: AccessPolicy, _branch: object) -> ScriptedEvaluator:
        return ScriptedEvaluator(policy.body["answer"])


class ScriptedEvaluator:
    reads = ALL
    facets = NO_FACETS

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def evaluate(self, document: object) -> Any:
        def again() -> None:
            again()

        match self.answer:
            case "raise":
                raise ValueError("broken")
            case "exit":
                raise SystemExit(1)
            case "undetermined":
                raise Undetermined("cannot tell")
            case "recursion":
                again()
        return {"yes": True, "no": False, "truthy": "yes", "one": 1, "none": None}[self.answer]

    def explain(self, document: object) -> Verdict:
        return Verdict(self.evaluate(document))


class Plain:
    """A question about a document without a body."""

    unknown: frozenset[str] = frozenset()

    def read(self, keys: object, *, body: bool) -> dict[str, Any]:
        return {"uri": "/Patient"}


def naive(policies: list[dict[str, Any]], client: str | None, policy_type: str) -> bool:
    """What the rules say, in the fewest words; shares nothing with the product."""
    allowed = False
    for policy in policies:
        mine = policy["link"] is None or (client is not None and client in policy["link"])
        if not mine or policy["mode"] != "enforce" or policy["type"] not in (policy_type, "unreadable"):
            continue
        says_yes = policy["engine"] == "scripted" and policy["answer"] == "yes"
        says_no = policy["engine"] == "scripted" and policy["answer"] == "no"
        if policy["effect"] == "deny" and not says_no:
            return False
        if policy["effect"] == "allow" and says_yes:
            allowed = True
    return allowed


written = st.fixed_dictionaries(
    {
        "effect": st.sampled_from(["allow", "allow", "allow", "deny"]),
        "mode": st.sampled_from(["enforce", "enforce", "enforce", "shadow", "off"]),
        "engine": st.sampled_from(["scripted", "scripted", "scripted", "scripted", "missing"]),
        "answer": st.sampled_from(["yes", "no", "no", *ANSWERS]),
        "type": st.sampled_from(["rest", "rest", "rest", "authzen", "authzen", "unreadable"]),
        "link": st.none() | st.sets(st.sampled_from(["a", "b", "c"]), min_size=1),
    }
)


def policy(policy_id: str, fields: dict[str, Any]) -> AccessPolicy:
    return AccessPolicy(
        id=policy_id,
        engine=fields["engine"],
        body={"answer": fields["answer"]},
        links=None if fields["link"] is None else frozenset(fields["link"]),
        effect=Effect(fields["effect"]),
        mode=Mode(fields["mode"]),
        type=fields["type"],
    )


COMPILER = PolicyCompiler({"scripted": Scripted()})
POINT = DecisionPoint(is_fresh=lambda: True)


TYPES = st.sampled_from(["rest", "authzen"])


def decided(policies: PolicySet, client: str | None, policy_type: str) -> bool:
    return POINT.decide(World(policies=policies), client, Plain(), policy_type).allow


@given(st.lists(written, max_size=9), st.sampled_from([None, "a", "b", "stranger"]), TYPES)
@settings(max_examples=1500, deadline=None)
def test_every_generated_set_is_decided_as_a_naive_reader_would(
    sets: list[dict[str, Any]], client: str | None, policy_type: str
) -> None:
    policies = {f"p{position}": policy(f"p{position}", fields) for position, fields in enumerate(sets)}
    assert decided(PolicySet().patched(policies, COMPILER), client, policy_type) is naive(sets, client, policy_type)


@given(st.lists(written, min_size=2, max_size=4), st.sampled_from([None, "a"]), TYPES)
@settings(max_examples=150, deadline=None)
def test_the_order_of_policies_never_matters(sets: list[dict[str, Any]], client: str | None, policy_type: str) -> None:
    answers = set()
    for order in itertools.permutations(sets):
        policies = {f"p{position}": policy(f"p{position}", fields) for position, fields in enumerate(order)}
        answers.add(decided(PolicySet().patched(policies, COMPILER), client, policy_type))
    assert answers == {naive(sets, client, policy_type)}


@given(st.lists(st.tuples(st.sampled_from("pqrs"), st.none() | written), max_size=12))
@settings(max_examples=400, deadline=None)
def test_a_patched_set_decides_like_one_built_at_once(edits: list[tuple[str, dict[str, Any] | None]]) -> None:
    patched, latest = PolicySet(), {}
    for policy_id, fields in edits:
        patched = patched.patched({policy_id: fields and policy(policy_id, fields)}, COMPILER)
        latest[policy_id] = fields
    kept = {key: policy(key, fields) for key, fields in latest.items() if fields}
    built = PolicySet().patched(kept, COMPILER)
    for client, policy_type in itertools.product((None, "a", "b", "stranger"), ("rest", "authzen")):
        assert decided(patched, client, policy_type) is decided(built, client, policy_type)
    assert patched.policies.keys() == built.policies.keys()
    assert patched.broken() == built.broken()
