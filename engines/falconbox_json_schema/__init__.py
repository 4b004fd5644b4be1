"""The engine `json-schema`: a policy says yes to the documents that fit its schema (read strictly)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jsonschema_rs

from falconbox import AccessPolicy, CompileBranch, Engine, Evaluator, PolicyInvalid, Problem, hookimpl
from falconbox.bounds import Unbounded, canonical_text
from falconbox.sharing import Shared
from falconbox_json_schema.data import DataReferences
from falconbox_json_schema.dialects import DRAFT_07, dialect_of
from falconbox_json_schema.evaluator import ComparingEvaluator, SchemaEvaluator
from falconbox_json_schema.patterns import MAX_PATTERNS, pattern_problems, too_many_patterns
from falconbox_json_schema.problems import problems
from falconbox_json_schema.references import References
from falconbox_json_schema.subschemas import DEFINITIONS, Subschema, walk

SOMETIMES_UNUSED: Final = DEFINITIONS | {"additionalItems", "else", "then"}
"""Keywords whose subschemas the validator may leave uncompiled."""


class JsonSchemaEngine:
    """Compiles policies with a `schema`. Equal schemas share one evaluator: compiled patterns take much room."""

    name = "json-schema"
    body_schema: Mapping[str, Any] = {
        "properties": {
            "schema": {
                "type": ["object", "boolean"],
                "description": "JSON Schema, read strictly: draft-07, or the dialect that $schema names.",
            }
        },
        "required": ["schema"],
    }

    def __init__(self) -> None:
        self._evaluators: Shared[SchemaEvaluator] = Shared()

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the evaluator of a policy's schema. Raises PolicyInvalid with everything that is wrong with it."""
        try:
            text = canonical_text(policy.body.get("schema"), "the schema")
        except Unbounded as error:
            raise PolicyInvalid([Problem("/schema", str(error))]) from None
        # From the text: a copy that nobody else can change.
        return self._evaluators.get(text, lambda text: _evaluator(json.loads(text)))


def _evaluator(schema: Any) -> SchemaEvaluator:
    nodes = walk(schema)
    references = References(nodes, dialect_of(schema))
    found = problems(nodes, references)
    if too_many_patterns(nodes):
        found.append(Problem("", f"has more than {MAX_PATTERNS} regular expressions: join some of them by |"))
    elif found or _may_overlook_patterns(nodes, references):
        found += pattern_problems(nodes)
    if not found:
        data = DataReferences(nodes)
        try:
            return (ComparingEvaluator if data.keys else SchemaEvaluator)(nodes, references, data)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            # What is left to fail is a pattern; should it be something else, it is refused all the same.
            found = pattern_problems(nodes) or [Problem("", f"cannot be compiled: {type(error).__name__}")]
    found.sort(key=lambda problem: (problem.pointer, problem.detail))
    raise PolicyInvalid(dataclasses.replace(problem, pointer=f"/schema{problem.pointer}") for problem in found)


def _may_overlook_patterns(nodes: list[Subschema], references: References) -> bool:
    # Validators of later dialects also take what is a regular expression of Rust and none of ECMA-262.
    return references.dialect is not DRAFT_07 or any(
        keyword in SOMETIMES_UNUSED for node in nodes for keyword, _, _ in node.children
    )


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [JsonSchemaEngine()]
