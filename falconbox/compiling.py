"""Compile policies by the engine that each one names, and the policies within them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from falconbox.containment import Contained
from falconbox.engine import Engine, Evaluator
from falconbox.errors import PolicyInvalid, Problem, name_of_kind
from falconbox.mapping import POLICY_FIELDS, policy_from_document
from falconbox.model import AccessPolicy
from falconbox.schemas import problems, shipped, unknown_engine

MAX_BRANCH_DEPTH: Final = 16
"""How deeply policies may nest in policies."""

MAX_BRANCHES: Final = 200
"""How many policies one may hold, those within its branches included."""

OF_A_BRANCH: Final = ("engine", "description")
"""Of the fields that every policy has, those that one within another has too."""


class PolicyCompiler:
    """Hands each policy to its engine: whatever that does, the outcome is an Evaluator or PolicyInvalid.

    `trusted` names engines that are known to leave documents as they are; all others are handed copies.
    """

    def __init__(self, engines: Mapping[str, Engine], trusted: Collection[str] = ()) -> None:
        self.engines = engines
        self._trusted = frozenset(trusted)

    def compile(self, policy: AccessPolicy) -> Evaluator:
        """Return the policy's evaluator. Raises PolicyInvalid, also when its engine is unknown or fails."""
        return self._compile(policy, depth=0, branches=itertools.count(1))

    def _compile(self, policy: AccessPolicy, depth: int, branches: Iterator[int]) -> Evaluator:
        engine = self.engines.get(policy.engine)
        if engine is None:
            raise PolicyInvalid([Problem("/engine", f"the engine {policy.engine!r} is not installed")])

        def compile_branch(subpolicy: Mapping[str, Any], pointer: str) -> Evaluator:
            try:
                self._check_branch(subpolicy, depth + 1, next(branches))
                return self._compile(_branch(policy, subpolicy), depth + 1, branches)
            except PolicyInvalid as error:
                raise PolicyInvalid(
                    dataclasses.replace(problem, pointer=pointer + problem.pointer) for problem in error.problems
                ) from error

        try:
            evaluator = engine.compile(policy, compile_branch)
            return evaluator if policy.engine in self._trusted else Contained(evaluator)
        except BaseException as error:
            # An engine is a stranger's code: even SystemExit must not end more than this policy.
            if isinstance(error, PolicyInvalid) and _says_what(error):
                raise
            detail = f"the engine {policy.engine!r} failed on this policy: {name_of_kind(error)}"
            raise PolicyInvalid([Problem("", detail)]) from error

    def _check_branch(self, subpolicy: Any, depth: int, number: int) -> None:
        """Raise PolicyInvalid with all that is wrong with a branch's own fields, as strictly as for a whole policy."""
        if depth > MAX_BRANCH_DEPTH:
            raise PolicyInvalid([Problem("", f"policies nest more than {MAX_BRANCH_DEPTH} deep")])
        if number > MAX_BRANCHES:
            raise PolicyInvalid([Problem("", f"a policy holds no more than {MAX_BRANCHES} others")])
        if not isinstance(subpolicy, Mapping):
            raise PolicyInvalid([Problem("", "must be a policy: a map with `engine` and what that engine owns")])
        outer = sorted(subpolicy.keys() & (POLICY_FIELDS - {*OF_A_BRANCH}))
        found = [Problem(f"/{name}", "belongs to the policy around it: a branch has none of its own") for name in outer]
        own = {name: value for name, value in subpolicy.items() if name not in outer}
        name = own.get("engine")
        engine = self.engines.get(name) if isinstance(name, str) else None
        if engine is not None:
            found += problems(own, with_fields_of(engine, _branch_schema()))
        else:
            found += problems(own, with_fields_of_any(self.engines, _branch_schema(), own))
            found += unknown_engine(own, self.engines)
        if found:
            raise PolicyInvalid(found)


def _says_what(refusal: PolicyInvalid) -> bool:
    """Whether a refusal has problems. One without any would not be told from none, and its policy be stored."""
    found: Sequence[Any] = refusal.problems
    return bool(found) and all(
        isinstance(one, Problem) and {type(one.pointer), type(one.detail)} == {str} for one in found
    )


def with_fields_of(engine: Engine, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with the fields that an engine owns."""
    body = engine.body_schema
    return {
        **schema,
        "properties": {**schema["properties"], **body.get("properties", {})},
        "required": [*schema["required"], *body.get("required", ())],
    }


def with_fields_of_any(engines: Mapping[str, Engine], schema: Mapping[str, Any], policy: Any) -> dict[str, Any]:
    """Return a schema for a policy whose engine there is not, with the fields of all engines, whatever these hold.

    Which fields that engine owns cannot be known. But where none is named, what is no field with any engine may be
    `engine` misspelt.
    """
    owned = {field: True for engine in engines.values() for field in engine.body_schema.get("properties", ())}
    named = not isinstance(policy, Mapping) or "engine" in policy
    return {**schema, "properties": {**owned, **schema["properties"]}, "additionalProperties": named}


def _branch_schema() -> dict[str, Any]:
    fields = shipped("AccessPolicy")["properties"]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["engine"],
        "properties": {name: fields[name] for name in OF_A_BRANCH},
    }


def _branch(policy: AccessPolicy, subpolicy: Mapping[str, Any]) -> AccessPolicy:
    """Return a policy within another one, which is about the same."""
    return policy_from_document({"id": policy.id, "type": policy.type, **subpolicy})
