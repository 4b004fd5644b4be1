"""The engine `cedar`: a policy holds a set of Cedar policies, and says yes to what they permit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cedarpy

from falconbox import (
    NO_FACETS,
    AccessPolicy,
    CompileBranch,
    Document,
    Engine,
    Evaluator,
    PolicyInvalid,
    Problem,
    Reason,
    Undetermined,
    Verdict,
    hookimpl,
)
from falconbox.wording import shortened
from falconbox_engine_cedar import explaining, presenting, scope, syntax
from falconbox_engine_cedar.presenting import Asked

MAX_LENGTH = 32_768
"""How many characters a set of policies may have."""

_FAILED = re.compile(r"error while evaluating policy `(policy\d+)`: ")
_MISSING = re.compile(r"(?:record|`?[A-Za-z_:]+::.*`) does not have the attribute `(\w+)`")


FOR_OTHERS = Reason("no-permit", "every policy of the set is for other methods or uris", policy_pointer="/policies")


class CedarEvaluator:
    """A compiled set of policies. Cedar's own is never changed, so many threads may ask at once."""

    def __init__(self, text: str, trees: Mapping[str, syntax.Node], policy_type: str) -> None:
        self._text = text
        self._trees = trees
        self._set = cedarpy.PolicySet.from_str(text)
        selected = [syntax.paths(tree) for tree in trees.values()]
        self._paths = {key: frozenset[syntax.Path]().union(*(one[key] for one in selected)) for key in selected[0]}
        evaluation = policy_type == "authzen"
        self._present = presenting.of_evaluation if evaluation else presenting.of_request
        self.reads = presenting.reads(self._paths, policy_type)
        self.facets = NO_FACETS if evaluation else scope.facets(trees.values())

    def evaluate(self, document: Document) -> bool:
        """Return whether the set permits what is asked. Raises Undetermined if any policy of it failed."""
        if not self.facets.texts_hold(document):
            return False
        return self._answer(self._present(document, self._paths))[0]

    def explain(self, document: Document) -> Verdict:
        """Return the same answer, and which policies gave it or why none permits."""
        excluded = not self.facets.texts_hold(document)
        try:
            asked = self._present(document, self._paths)
        except Undetermined:
            if excluded:
                return Verdict(matched=False, reasons=(FOR_OTHERS,))
            raise
        matched, names = (False, ()) if excluded else self._answer(asked)
        if names:
            return Verdict(matched, explaining.decided(self._trees, names, "permit" if matched else "forbid"))
        return Verdict(matched, explaining.not_permitted(self._trees, syntax.conditions(self._text), asked, _permits))

    def _answer(self, asked: Asked) -> tuple[bool, Sequence[str]]:
        answer = cedarpy.is_authorized(asked.request, self._set, asked.entities)
        # Cedar skips a policy that fails, and a forbid that is skipped forbids nothing.
        if answer.diagnostics.errors:
            raise Undetermined(self._why(answer.diagnostics.errors))
        if answer.decision is cedarpy.Decision.NoDecision:
            raise Undetermined("Cedar gave no decision")
        return answer.decision is cedarpy.Decision.Allow, answer.diagnostics.reasons

    def _why(self, errors: Sequence[str]) -> str:
        """Return which policy failed. The errors may quote what was asked, so of their words only names are told."""
        failed = {match[1]: error[match.end() :] for error in errors if (match := _FAILED.match(error))}
        for name in self._trees:
            if name in failed:
                missing = _MISSING.match(failed[name])
                why = f": there is no {missing[1]}" if missing else ""
                return f"{explaining.called(name, self._trees[name])} cannot be evaluated{why}"
        return "Cedar has no words for what is asked"


def _permits(text: str, asked: Asked) -> bool:
    return bool(cedarpy.is_authorized(asked.request, text, asked.entities).allowed)


class CedarEngine:
    """Compiles policies with `policies`: Cedar text."""

    name = "cedar"
    body_schema: Mapping[str, Any] = {
        "properties": {
            "policies": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_LENGTH,
                "description": "Cedar policies that must permit what is asked, and none of which may forbid it.",
            }
        },
        "required": ["policies"],
    }

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the evaluator. Raises PolicyInvalid for what is no Cedar, cannot be bounded, or permits nothing."""
        text = policy.body["policies"]
        problem = syntax.bounds_problem(text)
        if problem:
            raise _refused(problem)
        try:
            trees = syntax.trees(text)
        except ValueError as error:
            raise _refused(f"is no Cedar: {shortened(str(error))}") from None
        if not any(tree["effect"] == "permit" for tree in trees.values()):
            raise _refused("permits nothing: what no policy of the set permits is a no, and forbid makes exceptions")
        return CedarEvaluator(text, trees, policy.type)


def _refused(detail: str) -> PolicyInvalid:
    return PolicyInvalid([Problem("/policies", detail)])


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [CedarEngine()]
