"""Compile policies by the engine that each one names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from falconbox.engine import Engine, Evaluator
from falconbox.errors import FalconboxError, PolicyInvalid, Problem
from falconbox.mapping import policy_from_document
from falconbox.model import AccessPolicy

MAX_BRANCH_DEPTH: Final = 16
"""How deeply policies may nest in policies."""


class PolicyCompiler:
    """Hands each policy to its engine: whatever that does, the outcome is an Evaluator or PolicyInvalid."""

    def __init__(self, engines: Mapping[str, Engine]) -> None:
        self.engines = engines

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
        except FalconboxError:
            raise
        except BaseException as error:
            # An engine is a stranger's code: even SystemExit must not end more than this policy.
            detail = f"the engine {policy.engine!r} failed on this policy: {type(error).__name__}"
            raise PolicyInvalid([Problem(pointer, detail)]) from error
        return evaluator
