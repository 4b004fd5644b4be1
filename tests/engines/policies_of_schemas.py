"""What the tests of the json-schema engine share: a policy around a schema, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from falconbox import AccessPolicy, Evaluator, PolicyInvalid
from falconbox_json_schema import JsonSchemaEngine

ENGINE = JsonSchemaEngine()


def compiled(schema: Any) -> Evaluator:
    def no_branch(_policy: object, _pointer: str) -> Evaluator:
        raise AssertionError("this engine has no branches")

    return ENGINE.compile(AccessPolicy("p", "json-schema", {"schema": schema}), no_branch)


def refused(schema: Any) -> dict[str, str]:
    """Pointers and details of everything that is wrong with a schema."""
    with pytest.raises(PolicyInvalid) as raised:
        compiled(schema)
    assert all(problem.pointer.startswith("/schema") for problem in raised.value.problems)
    assert all(problem.detail for problem in raised.value.problems)
    return {problem.pointer.removeprefix("/schema"): problem.detail for problem in raised.value.problems}
