"""The engine `json-schema`: a policy says yes to the documents that fit its schema (draft-07, read strictly)."""

from __future__ import annotations

import dataclasses
import json
import threading
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

from falconbox import (
    NO_FACETS,
    AccessPolicy,
    CompileBranch,
    Document,
    Engine,
    Evaluator,
    Facets,
    PolicyInvalid,
    Reason,
    Verdict,
    hookimpl,
)
from falconbox_json_schema.dialect import compile_schema, problems
from falconbox_json_schema.reading import reads
from falconbox_json_schema.references import References
from falconbox_json_schema.wording import reasons

FITS = Reason("fits", "the request fits the policy's schema", policy_pointer="/schema")


class SchemaEvaluator:
    """A compiled schema."""

    facets: Facets = NO_FACETS

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._validator = compile_schema(schema)
        self.reads = reads(schema, References(schema))
        # Bound here once: this is what every request calls.
        self._is_valid = self._validator.is_valid

    def evaluate(self, document: Document) -> bool:
        """Return whether the document fits the schema."""
        return self._is_valid(document)

    def explain(self, document: Document) -> Verdict:
        """Return whether it fits, and what does not."""
        found = reasons(self._validator.iter_errors(document), self._schema)
        return Verdict(matched=not found, reasons=found or (FITS,))


class JsonSchemaEngine:
    """Compiles policies with a `schema`. Equal schemas share one evaluator: compiled patterns take much room."""

    name = "json-schema"
    body_schema: Mapping[str, Any] = {
        "properties": {
            "schema": {"type": ["object", "boolean"], "description": "JSON Schema, draft-07, read strictly."}
        },
        "required": ["schema"],
    }

    def __init__(self) -> None:
        self._shared: weakref.WeakValueDictionary[str, SchemaEvaluator] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def compile(self, policy: AccessPolicy, compile_branch: CompileBranch) -> Evaluator:
        """Return the evaluator of a policy's schema. Raises PolicyInvalid with everything that is wrong with it."""
        schema = policy.body["schema"]
        found = problems(schema)
        if found:
            raise PolicyInvalid(dataclasses.replace(problem, pointer=f"/schema{problem.pointer}") for problem in found)
        key = json.dumps(schema, sort_keys=True)
        with self._lock:
            evaluator = self._shared.get(key)
            if evaluator is None:
                evaluator = self._shared[key] = SchemaEvaluator(schema)
        return evaluator


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [JsonSchemaEngine()]
