"""Compile policies by the engine that each one names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from falconbox.engine import All, Engine, Evaluator
from falconbox.errors import FalconboxError, PolicyInvalid, Problem
from falconbox.mapping import policy_from_document
from falconbox.model import AccessPolicy, Document, Verdict

MAX_BRANCH_DEPTH: Final = 16
"""How deeply policies may nest in policies."""


class Contained:
    """Asks a stranger's evaluator about a copy of what it says that it reads.

    The document belongs to all policies of a request, and parts of it, such as the client, to all requests: an engine
    that changed it would decide for others.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self.reads = evaluator.reads
        self.facets = evaluator.facets

    def evaluate(self, document: Document) -> bool:
        """Return what the evaluator answers; raise what it raises."""
        return self._evaluator.evaluate(self._copy(document))

    def explain(self, document: Document) -> Verdict:
        """Return what the evaluator explains; raise what it raises."""
        return self._evaluator.explain(self._copy(document))

    def _copy(self, document: Document) -> dict[str, Any]:
        keys = document if isinstance(self.reads, All) else self.reads
        return {key: copied(document[key]) for key in keys if key in document}


def copied(value: Any) -> Any:
    """Return a copy of a JSON value that shares nothing changeable with it."""
    if isinstance(value, Mapping):
        return {key: copied(member) for key, member in value.items()}
    return [copied(member) for member in value] if isinstance(value, (list, tuple)) else value


class PolicyCompiler:
    """Hands each policy to its engine: whatever that does, the outcome is an Evaluator or PolicyInvalid.

    `trusted` names engines that are known to leave documents as they are; all others are handed copies.
    """

    def __init__(self, engines: Mapping[str, Engine], trusted: Collection[str] = ()) -> None:
        self.engines = engines
        self._trusted = frozenset(trusted)

    def compile(self, policy: AccessPolicy) -> Evaluator:
        """Return the policy's evaluator. Raises PolicyInvalid, also when its engine is unknown or fails."""
        return self._compile(policy, pointer="", depth=0)

    def _compile(self, policy: AccessPolicy, pointer: str, depth: int) -> Evaluator:
        engine = self.engines.get(policy.engine)
        if engine is None:
            raise PolicyInvalid([Problem(f"{pointer}/engine", f"the engine {policy.engine!r} is not installed")])
        if depth > MAX_BRANCH_DEPTH:
            raise PolicyInvalid([Problem(pointer, f"policies nest more than {MAX_BRANCH_DEPTH} deep")])

        def compile_branch(subpolicy: Mapping[str, Any], pointer: str) -> Evaluator:
            return self._compile(policy_from_document({"id": policy.id, **subpolicy}), pointer, depth + 1)

        try:
            evaluator = engine.compile(policy, compile_branch)
            return evaluator if policy.engine in self._trusted else Contained(evaluator)
        except FalconboxError:
            raise
        except BaseException as error:
            # An engine is a stranger's code: even SystemExit must not end more than this policy.
            detail = f"the engine {policy.engine!r} failed on this policy: {type(error).__name__}"
            raise PolicyInvalid([Problem(pointer, detail)]) from error
