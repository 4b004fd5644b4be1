"""The simplest reading of what a policy set decides: every candidate is asked, about the whole document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from falconbox.decision.explain import answered, explain, judge
from falconbox.decision.point import MAX_EXPLAINED
from falconbox.decision.policy_set import CompiledPolicy, PolicySet
from falconbox.engine import ALL, All
from falconbox.model import Decision, Effect, Mode


class Question:
    """Hands over no key of its document that nobody has asked for, but those that policies are found by."""

    def __init__(self, document: Mapping[str, Any], *, unknown: frozenset[str] = frozenset()) -> None:
        self.document = document
        self.unknown = unknown
        self._read = {"uri", "request-method", "client", "jwt"}

    def read(self, keys: frozenset[str] | All = ALL, *, body: bool) -> Mapping[str, Any]:
        wanted = self.document.keys() if isinstance(keys, All) else keys
        self._read |= wanted if body else wanted - {"body"}
        return {key: value for key, value in self.document.items() if key in self._read}


def naive(policies: PolicySet, client: str | None, question: Question) -> Decision:
    """Ask every candidate, each with the whole document, in the order of their ids, linked ones first."""
    held = sorted(policies.policies.values(), key=lambda one: one.policy.id)
    linked = [one for one in held if one.policy.links is not None and client in one.policy.links]
    groups = [linked, [one for one in held if one.policy.links is None]]
    answers = []

    def ask(effect: Effect) -> list[tuple[CompiledPolicy, Any]]:
        candidates = [
            one for group in groups for one in group if one.policy.mode is Mode.ENFORCE and one.policy.effect is effect
        ]
        return [(one, judge(one, question.document, unknown=question.unknown)) for one in candidates]

    for one, said in ask(Effect.DENY):
        if said is not False:
            return Decision(False, "denied-by-policy", (one.policy.id,), (answered(one, said),))
    allows = ask(Effect.ALLOW)
    for one, said in allows:
        if said is True:
            return Decision(True, "allowed-by-policy", (one.policy.id,), tuple(answers))
        if said is not False:
            answers.append(answered(one, said))
    failed = {answer.policy for answer in answers}
    missing = [one for one, _ in allows if one.policy.id not in failed][:MAX_EXPLAINED]
    answers += [explain(one, question.document, unknown=question.unknown) for one in missing]
    return Decision(False, "no-policy-allows", (), tuple(answers))
