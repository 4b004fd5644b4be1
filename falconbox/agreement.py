"""For tests of engines: policies that are looked up and see what they read decide what asking each of them decides.

`Agreement` holds what an engine declares (`reads`, `facets`) against what its policies answer. Public by
`falconbox.testing`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from falconbox.compiling import PolicyCompiler
from falconbox.decision.explain import explain
from falconbox.decision.point import MAX_EXPLAINED, DecisionPoint
from falconbox.decision.policy_set import CompiledPolicy, PolicySet
from falconbox.engine import ALL, All, Engine, Facets
from falconbox.model import AccessPolicy, Decision, Document, Effect, Mode, Outcome, PolicyAnswer
from falconbox.world import World

FOUND_BY = frozenset({"uri", "request-method", "client", "jwt"})
"""Keys that are in a document unasked: policies are found by them."""


class Agreement:
    """Policies that are asked twice: as the service asks them, and one by one about the whole document."""

    def __init__(
        self, policies: Iterable[AccessPolicy], engines: Mapping[str, Engine], trusted: Collection[str] = ()
    ) -> None:
        self.pairs = 0
        """How many times a policy and a document have met."""
        self.explained = 0
        """How many of these were a no whose reasons have been compared."""
        self.skipped = 0
        """How many policies said no, and would not have been asked."""
        self.compiled = PolicySet().patched({made.id: made for made in policies}, PolicyCompiler(engines, trusted))
        assert not self.compiled.broken(), "every policy compiles"
        self._point = DecisionPoint(lambda: True)

    def decide(
        self, document: Document, client: str | None = None, *, unknown: frozenset[str] = frozenset()
    ) -> Decision:
        """Return what is decided. Raises AssertionError where that depends on how the policies are asked."""
        answers = [self._asked(one, document, unknown) for one in candidates_for(self.compiled, client)]
        decision = self._point.decide(World(policies=self.compiled), client, Question(document, unknown=unknown))
        assert decision == naive(answers), "looking up decides what asking everybody decides"
        return decision

    def _asked(self, one: CompiledPolicy, document: Document, unknown: frozenset[str]) -> PolicyAnswer:
        whole = explain(one, document, unknown=unknown)
        keys = document.keys() if isinstance(one.reads, All) else one.reads
        seen = {key: value for key, value in document.items() if key in keys}
        again = whole if seen == document else explain(one, seen, unknown=unknown)
        assert again == whole, "what is not read changes nothing, nor the reasons"
        self.pairs += 1
        self.explained += whole.outcome is Outcome.NO
        if not one.reads_of(unknown) and not holds(one.facets, document):
            self.skipped += 1
            assert whole.outcome is Outcome.NO, "where its facets do not hold, a policy says no"
        return whole


class Question:
    """Hands over no key of its document that nobody has asked for, but those that policies are found by."""

    def __init__(self, document: Document, *, unknown: frozenset[str] = frozenset()) -> None:
        self.document = document
        self.unknown = unknown
        self._read = {*FOUND_BY}

    def read(self, keys: frozenset[str] | All = ALL, *, body: bool) -> Document:
        """Return what has been asked for up to now."""
        wanted = self.document.keys() if isinstance(keys, All) else keys
        self._read |= wanted if body else wanted - {"body"}
        return {key: value for key, value in self.document.items() if key in self._read}


def candidates_for(policies: PolicySet, client: str | None) -> list[CompiledPolicy]:
    """Return the policies that decide for a client: linked ones first, each kind in the order of ids."""
    held = sorted(policies.policies.values(), key=lambda one: one.policy.id)
    enforced = [one for one in held if one.policy.mode is Mode.ENFORCE]
    linked = [one for one in enforced if one.policy.links is not None and client in one.policy.links]
    return linked + [one for one in enforced if one.policy.links is None]


def naive(answers: Sequence[PolicyAnswer]) -> Decision:
    """Return the simplest reading of what is decided, out of what every candidate says, in their order."""
    for said in answers:
        if said.effect is Effect.DENY and said.outcome is not Outcome.NO:
            return Decision(allow=False, code="denied-by-policy", by=(said.policy,), answers=(_recorded(said),))
    allows = [said for said in answers if said.effect is Effect.ALLOW]
    for place, said in enumerate(allows):
        if said.outcome is Outcome.YES:
            before = (_recorded(other) for other in allows[:place] if other.outcome is Outcome.FAILED)
            return Decision(allow=True, code="allowed-by-policy", by=(said.policy,), answers=tuple(before))
    failures = [said for said in allows if said.outcome is Outcome.FAILED]
    others = [said for said in allows if said.outcome is Outcome.NO][:MAX_EXPLAINED]
    return Decision(allow=False, code="no-policy-allows", answers=(*failures, *others))


def _recorded(said: PolicyAnswer) -> PolicyAnswer:
    return dataclasses.replace(said, reasons=()) if said.outcome is Outcome.YES else said


def holds(facets: Facets, document: Mapping[str, Any]) -> bool:
    """Whether the necessary conditions hold for a document. A fresh reading of what `Facets` says."""
    method, uri = document.get("request-method"), document.get("uri")
    return (
        (facets.methods is None or not isinstance(method, str) or method in facets.methods)
        and (facets.uris is None or not isinstance(uri, str) or uri in facets.uris)
        and (facets.uri_prefix is None or not isinstance(uri, str) or uri.startswith(facets.uri_prefix))
        and all(_at(document, pointer) == [value] for pointer, value in facets.constants.items())
    )


def _at(document: Any, pointer: str) -> list[Any]:
    """Return what stands at a JSON pointer, in a list; an empty one when nothing does."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(document, Mapping) or name not in document:
            return []
        document = document[name]
    return [document]
