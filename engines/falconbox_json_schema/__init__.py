"""The engine `json-schema`: a policy says yes to the documents that fit its schema (draft-07, read strictly)."""

from __future__ import annotations

import dataclasses
import json
import threading
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jsonschema_rs

from falconbox import (
    NO_FACETS,
    AccessPolicy,
    CompileBranch,
    Document,
    Engine,
    Evaluator,
    Facets,
    PolicyInvalid,
    Problem,
    Reason,
    Undetermined,
    Verdict,
    hookimpl,
)
from falconbox.bounds import Unbounded, canonical_text
from falconbox.model import MAX_DEPTH
from falconbox.regex import OPTIONS
from falconbox_json_schema.dialect import problems, subschemas
from falconbox_json_schema.necessary import facets
from falconbox_json_schema.patterns import MAX_PATTERNS, pattern_problems, too_many_patterns
from falconbox_json_schema.reading import reads
from falconbox_json_schema.references import References, find_cycle
from falconbox_json_schema.rewriting import stock
from falconbox_json_schema.subschemas import Subschema
from falconbox_json_schema.wording import reasons

FITS: Final = Reason("fits", "the request fits the policy's schema", policy_pointer="/schema")
SOMETIMES_UNUSED: Final = frozenset({"additionalItems", "definitions", "else", "then"})
"""Keywords whose subschemas the validator may leave uncompiled."""


class SchemaEvaluator:
    """A compiled schema."""

    def __init__(self, nodes: list[Subschema], references: References) -> None:
        self.reads = reads(nodes[0], references)
        self._schema = nodes[0].schema
        self._validator = _compiled(self._schema, references)
        # Bound here once: this is what every request calls.
        self._is_valid = self._validator.is_valid
        self._recursive = references.used and find_cycle(nodes, references.everywhere) is not None
        # A policy that can fail must be asked, whatever else it says.
        self.facets: Facets = NO_FACETS if self._recursive else facets(self._schema)

    def evaluate(self, document: Document) -> bool:
        """Return whether the document fits the schema. Raises Undetermined if it is too deep to be looked at."""
        if self._recursive:
            _check_depth(document)
        return self._is_valid(document)

    def explain(self, document: Document) -> Verdict:
        """Return whether it fits, and what does not. Raises what `evaluate` raises."""
        if self.evaluate(document):
            return Verdict(matched=True, reasons=(FITS,))
        return Verdict(matched=False, reasons=reasons(self._validator.iter_errors(document), self._schema))


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
        try:
            text = canonical_text(policy.body.get("schema"), "the schema")
        except Unbounded as error:
            raise PolicyInvalid([Problem("/schema", str(error))]) from None
        with self._lock:
            evaluator = self._shared.get(text)
        if evaluator is None:
            # From the text: a copy that nobody else can change.
            evaluator = _evaluator(json.loads(text))
            with self._lock:
                evaluator = self._shared.setdefault(text, evaluator)
        return evaluator


def _evaluator(schema: Any) -> SchemaEvaluator:
    nodes, references = subschemas(schema)
    found = problems(nodes, references)
    if too_many_patterns(nodes):
        found.append(Problem("", f"has more than {MAX_PATTERNS} regular expressions: join some of them by |"))
    elif found or any(keyword in SOMETIMES_UNUSED for node in nodes for keyword, _ in node.children):
        found += pattern_problems(nodes)
    if not found:
        try:
            return SchemaEvaluator(nodes, references)
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            # What is left to fail is a pattern; should it be something else, it is refused all the same.
            found = pattern_problems(nodes) or [Problem("", f"cannot be compiled: {type(error).__name__}")]
    found.sort(key=lambda problem: (problem.pointer, problem.detail))
    raise PolicyInvalid(dataclasses.replace(problem, pointer=f"/schema{problem.pointer}") for problem in found)


def _compiled(schema: Any, references: References) -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(
        stock(schema, references),
        validate_formats=True,
        ignore_unknown_formats=False,
        pattern_options=OPTIONS,
        offline=True,
    )


def _check_depth(document: Any) -> None:
    # The validator follows a recursive schema as deep as the document goes, and would end the process.
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            below
            for value in level
            if isinstance(value, (dict, list))
            for below in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise Undetermined(f"the document nests deeper than {MAX_DEPTH}")


@hookimpl
def falconbox_engines() -> Iterable[Engine]:
    """Add the engine."""
    return [JsonSchemaEngine()]
