"""The engine `allow`: a policy that says yes to everything it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from falconbox import (
    NO_FACETS,
    AccessPolicy,
    CompileBranch,
    Document,
    Engine,
    Evaluator,
    Facets,
    Reason,
    Verdict,
    hookimpl,
)


class Everything:
    """Says yes."""

    reads: frozenset[str] = frozenset()
    facets: Facets = NO_FACETS

    def evaluate(self, document: Document) -> bool:
        """Return True."""
        return True

    def explain(self, document: Document) -> Verdict:
        """Return a yes that says so."""
        return Verdict(
            matched=True, reasons=(Reason("allow", "the policy says yes to everything", policy_pointer="/engine"),)
        )


EVERYTHING: Final = Everything()


class AllowEngine:
    """Compiles policies without a body."""

    name = "allow"
    body_schema: Mapping[str, Any] = {}

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the one evaluator there is."""
        return EVERYTHING


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [AllowEngine()]
