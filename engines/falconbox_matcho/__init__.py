"""The engine `matcho`: a policy says yes to the documents that match its pattern. The patterns are Aidbox's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from falconbox import (
    AccessPolicy,
    All,
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
from falconbox.bounds import Unbounded, canonical_text
from falconbox.sharing import Shared
from falconbox_matcho.building import build
from falconbox_matcho.checking import Checker
from falconbox_matcho.finding import facets, reads
from falconbox_matcho.values import Answer
from falconbox_matcho.work import Work

PLACE: Final = "/matcho"
MAX_REASONS: Final = 10
MAX_UNTOLD: Final = 3
"""How many reasons stand in the sentence that says why an answer cannot be told."""

MATCHES: Final = Reason("matches", "the request matches the policy's pattern", policy_pointer=PLACE)
ELSEWHERE: Final = Reason("facets", "the policy is for other methods, uris or callers", policy_pointer=PLACE)
EMPTY: Final = Reason("matches", "the policy's pattern is empty, and matches every request", policy_pointer=PLACE)


class PatternEvaluator:
    """A compiled pattern."""

    def __init__(self, said: Any) -> None:
        self._pattern = build(said, PLACE)
        self._ask = self._pattern.ask
        self._match = MATCHES if said else EMPTY
        self.reads = reads(self._pattern)
        self.facets = facets(self._pattern)
        self._work = Work(self._pattern)

    def evaluate(self, document: Document) -> bool:
        """Return whether the document matches. Raises Undetermined if that depends on what is missing, or is much."""
        if self._is_too_much(document):
            if not self.facets.hold(document):
                return False
            raise Undetermined(
                "the request holds too much for what the pattern says of items of lists, or compares with"
            )
        answer = self._ask(document, document)
        if answer is None:
            raise Undetermined("; ".join(reason.message for reason in islice(self._why(document, None), MAX_UNTOLD)))
        return answer

    def explain(self, document: Document) -> Verdict:
        """Return whether it matches, and what does not. Raises what `evaluate` raises."""
        if self.evaluate(document):
            return Verdict(matched=True, reasons=(self._match,))
        if self._is_too_much(document):
            return Verdict(matched=False, reasons=(ELSEWHERE,))
        return Verdict(matched=False, reasons=tuple(islice(self._why(document, answer=False), MAX_REASONS)))

    def _is_too_much(self, document: Document) -> bool:
        if self._work.free:
            return False
        keys = document.keys() if isinstance(self.reads, All) else self.reads
        return self._work.too_much({key: document[key] for key in keys if key in document})

    def _why(self, document: Document, answer: Answer) -> Iterable[Reason]:
        return self._pattern.reasons(document, document, (), answer)


class MatchoEngine:
    """Compiles policies with a `matcho` pattern. Equal patterns share one evaluator."""

    name = "matcho"
    body_schema: Mapping[str, Any] = {
        "properties": {"matcho": {"type": "object", "description": "A pattern of the request document."}},
        "required": ["matcho"],
    }

    def __init__(self) -> None:
        self._evaluators: Shared[PatternEvaluator] = Shared()

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the evaluator of a policy's pattern. Raises PolicyInvalid with everything that is wrong with it."""
        try:
            text = canonical_text(policy.body.get("matcho"), "the pattern")
        except Unbounded as error:
            raise PolicyInvalid([Problem(PLACE, str(error))]) from None
        return self._evaluators.get(text, _evaluator)


def _evaluator(text: str) -> PatternEvaluator:
    # From the text: a copy that nobody else can change.
    said = json.loads(text)
    problems = Checker().check(said, PLACE) if isinstance(said, dict) else [Problem(PLACE, "must be a map of patterns")]
    if problems:
        raise PolicyInvalid(problems)
    return PatternEvaluator(said)


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [MatchoEngine()]
