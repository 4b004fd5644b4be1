"""What stands between a stranger's evaluator and everybody else: it is handed copies, and its reasons are looked at."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from typing import Any, Final

from falconbox.bounds import Unbounded, canonical_text
from falconbox.engine import All, Evaluator
from falconbox.model import Document, Reason, Verdict
from falconbox.wording import shortened

MAX_REASONS: Final = 10
"""How many reasons of a stranger's explanation are shown."""

MAX_MESSAGE: Final = 1000
"""How many characters of each."""


class Contained:
    """Asks a stranger's evaluator about a copy of what it says that it reads.

    The document belongs to all policies of a request, and parts of it, such as the client, to all requests: an engine
    that changed it would decide for others.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        # A copy: what an engine adds to its own later has not been declared.
        self.reads = evaluator.reads if isinstance(evaluator.reads, All) else frozenset(evaluator.reads)
        self.facets = evaluator.facets

    def evaluate(self, document: Document) -> bool:
        """Return what the evaluator answers; raise what it raises."""
        return self._evaluator.evaluate(self._copy(document))

    def explain(self, document: Document) -> Verdict:
        """Return what the evaluator explains, no more than is shown of it; raise what it raises."""
        verdict = self._evaluator.explain(self._copy(document))
        return Verdict(verdict.matched, _shown(verdict.reasons))

    def _copy(self, document: Document) -> dict[str, Any]:
        keys = document if isinstance(self.reads, All) else self.reads
        return {key: copied(document[key]) for key in keys if key in document}


def _shown(reasons: Iterable[Any]) -> tuple[Reason, ...]:
    """Return reasons that can be written down and shown, or one that says that there are none."""
    found = [*itertools.islice(reasons, MAX_REASONS)]
    if not all(_is_plain(reason) for reason in found):
        return (Reason("engine-explanation", "the engine's explanation is not made of reasons"),)
    return tuple(dataclasses.replace(reason, message=shortened(reason.message, MAX_MESSAGE)) for reason in found)


def _is_plain(reason: Any) -> bool:
    if not isinstance(reason, Reason):
        return False
    texts = (reason.code, reason.message, reason.pointer or "", reason.policy_pointer or "")
    try:
        canonical_text([*texts, reason.details], "the reason")
    except Unbounded:
        return False
    return all(isinstance(text, str) for text in texts)


def copied(value: Any) -> Any:
    """Return a copy of a JSON value that shares nothing changeable with it."""
    if isinstance(value, Mapping):
        return {key: copied(member) for key, member in value.items()}
    return [copied(member) for member in value] if isinstance(value, (list, tuple)) else value
